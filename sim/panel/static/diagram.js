// The state diagram, drawn from the table; the state that the machine is in is lit.
import { time } from "./clock.js";
import { say, svg } from "./svg.js";

const WIDE = 100;
const HIGH = 34;
// Where each state stands: its middle.
const PLACES = { idle: [52, 72], scanned: [200, 72], warned: [348, 72], dispensing: [336, 236], out_of_service: [112, 236] };
const picture = document.getElementById("diagram");
const taken = document.getElementById("taken");
const deadlines = document.getElementById("deadlines");
const title = document.getElementById("diagram-title");
let states = {};
let ways = {};
let due = [];

export function meet(hello) {
  states = {};
  ways = {};
  const tips = svg("defs", {}, tip("tip", "#557389"), tip("tip-lit", "#ffd23d"));
  const arrows = hello.ways.map((way) => {
    const both = hello.ways.some((other) => other.from === way.to && other.to === way.from);
    const [d, x, y] = arrow(PLACES[way.from], PLACES[way.to], bend(way, both));
    const words = way.by.length > 2 ? "" : way.by.join(", ").replaceAll("_", " ");
    const group = svg("g", { class: "way" }, svg("path", { d }), svg("text", { x, y }, words));
    group.append(svg("title", {}, `${way.from} to ${way.to}: ${way.by.join(", ")}`));
    ways[`${way.from} ${way.to}`] = group;
    return group;
  });
  const boxes = hello.states.map((name) => {
    const [x, y] = PLACES[name];
    const box = svg("rect", { x: x - WIDE / 2, y: y - HIGH / 2, width: WIDE, height: HIGH, rx: 10 });
    states[name] = svg("g", { class: "state" }, box, svg("text", { x, y }, name.replaceAll("_", " ")));
    return states[name];
  });
  picture.replaceChildren(title, tips, ...arrows, ...boxes);
}

export function hear(look) {
  say(title, `State diagram; the machine is ${look.state ?? "off"}`);
  for (const [name, box] of Object.entries(states)) box.classList.toggle("lit", name === look.state);
  const last = look.taken;
  for (const [name, way] of Object.entries(ways)) way.classList.toggle("lit", !!last && name === `${last.from} ${last.to}`);
  say(taken, last ? `${time(last.at_ms)}  ${last.by.replaceAll("_", " ")}: ${last.from.replaceAll("_", " ")} → ${last.to.replaceAll("_", " ")}` : "");
  due = look.deadlines;
}

export function tick(nowMs) {
  const lines = due.map((each) => [each.name, `${(Math.max(0, each.at_ms - nowMs) / 1000).toFixed(1)} s`]);
  while (deadlines.children.length > lines.length) deadlines.lastChild.remove();
  while (deadlines.children.length < lines.length) {
    const item = document.createElement("li");
    item.append(document.createElement("span"), document.createElement("b"));
    deadlines.append(item);
  }
  lines.forEach(([name, left], i) => {
    say(deadlines.children[i].firstChild, name);
    say(deadlines.children[i].lastChild, left);
  });
}

// Past a box that stands between the two, in an arc above it; beside the way back, if there is one.
function bend(way, both) {
  const [[x1, y1], [x2, y2]] = [PLACES[way.from], PLACES[way.to]];
  if (y1 === y2 && Math.abs(x2 - x1) > 2.4 * WIDE) return x2 < x1 ? 44 : -44;
  return both ? 20 : 0;
}

// From border to border; two that go both ways are bent away from each other.
function arrow([x1, y1], [x2, y2], bend) {
  const dx = x2 - x1;
  const dy = y2 - y1;
  const length = Math.hypot(dx, dy);
  const [nx, ny] = [-dy / length, dx / length];
  const [mx, my] = [(x1 + x2) / 2 + nx * bend * 2, (y1 + y2) / 2 + ny * bend * 2];
  const [ax, ay] = border(x1, y1, mx, my);
  const [bx, by] = border(x2, y2, mx, my);
  const [lx, ly] = [(ax + bx) / 4 + mx / 2, (ay + by) / 4 + my / 2];
  // Between two boxes side by side there is no room: its words stand above them, or below.
  const aside = my > y1 ? HIGH / 2 + 14 : -Math.max(HIGH / 2, (y1 - my) / 2) - 7;
  return [`M${ax} ${ay}Q${mx} ${my} ${bx} ${by}`, lx, y1 === y2 ? y1 + aside : ly - 4];
}

function border(x, y, towardsX, towardsY) {
  const dx = towardsX - x;
  const dy = towardsY - y;
  const scale = Math.min((WIDE / 2 + 3) / Math.abs(dx || 1e-9), (HIGH / 2 + 3) / Math.abs(dy || 1e-9));
  return [Math.round(x + dx * scale), Math.round(y + dy * scale)];
}

function tip(id, colour) {
  return svg("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse", markerUnits: "userSpaceOnUse" }, svg("path", { d: "M0 0L8 4L0 8Z", fill: colour }));
}
