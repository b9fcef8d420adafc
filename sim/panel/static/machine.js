// The machine as it stands in the hall: screen, slots, flap. A can falls when one fell, and only then.
import { html, say, svg } from "./svg.js";

const SHOWN_MS = 4000;
const MOST_CANS = 12;
const screen = document.getElementById("screen");
const slots = document.getElementById("slots");
const flap = document.getElementById("flap");
const out = document.getElementById("can-out");
const fell = document.getElementById("fell");
const dark = document.getElementById("dark");
const line = document.getElementById("state-line");
const WORDS = {
  idle: "waits for a visitor; its code is on the screen",
  scanned: "somebody has scanned, and is being warned",
  warned: "the warning was rendered; the button waits for the dwell",
  dispensing: "a drink is on its way",
  out_of_service: "out of service",
};
let rows = [];
let names = {};
let running = true;
let closing = 0;

export function start() {
  const fit = () => {
    const wide = screen.parentElement.clientWidth;
    screen.style.transform = `scale(${wide / 960})`;
  };
  new ResizeObserver(fit).observe(screen.parentElement);
  fit();
}

export function meet(hello) {
  names = {};
  rows = hello.slots.map((slot) => {
    names[slot.channel] = slot.name;
    const row = { slot, left: -1, cans: [] };
    const shelf = svg("svg", { viewBox: "0 0 220 34", "aria-hidden": "true" });
    shelf.append(svg("path", { class: "spiral", d: spiral(), "stroke-dasharray": "8 4" }));
    const shown = Math.min(slot.capacity, MOST_CANS);
    for (let i = 0; i < shown; i++) {
      const can = svg("rect", { x: 4 + i * 16, y: 5, width: 12, height: 24, rx: 3, class: "can" });
      row.cans.push(can);
      shelf.append(can);
    }
    shelf.append(svg("circle", { class: "coil", cx: 208, cy: 17, r: 8 }));
    row.number = html("span", { class: "left" });
    row.fault = html("span", { class: "fault", hidden: true });
    row.element = html("div", { class: "slot" }, html("span", { class: "name" }, slot.name), row.number, shelf, row.fault);
    return row;
  });
  slots.replaceChildren(...rows.map((row) => row.element));
  out.replaceChildren();
  say(fell, "");
}

export function hear(look, news) {
  rows.forEach((row, i) => {
    row.element.classList.toggle("on", look.coils[i]);
    const left = look.left[row.slot.name] ?? 0;
    if (left !== row.left) {
      row.left = left;
      say(row.number, `${left} of ${row.slot.capacity}`);
      const shown = Math.ceil((left / row.slot.capacity) * row.cans.length);
      row.cans.forEach((can, k) => can.setAttribute("class", k < shown ? "can" : "gone"));
    }
    const fault = look.faults[row.slot.name] ?? "";
    say(row.fault, fault);
    row.fault.hidden = !fault;
  });
  const last = news.findLast((item) => item.kind === "Fell");
  if (last) drop(last);
  say(line, "");
  line.replaceChildren(html("b", {}, look.state ?? "off"), ` ${words(look)}`);
  dark.hidden = look.running;
  say(dark, "The controller does not run");
  if (look.running && !running) screen.src = screen.src; // as a kiosk does that was switched on again
  running = look.running;
}

function words(look) {
  if (!look.state) return "the controller does not run";
  if (look.state !== "out_of_service") return WORDS[look.state];
  return `${look.reason.replaceAll("_", " ")}${look.detail ? `: ${look.detail}` : ""}`;
}

function drop(item) {
  const can = svg("g", { class: "tumble" }, svg("rect", { x: 44, y: 4, width: 12, height: 17, rx: 3, fill: "#5cb8ff" }), svg("rect", { x: 44, y: 8, width: 12, height: 4, fill: "#fff" }));
  out.replaceChildren(can);
  flap.classList.add("open");
  say(fell, `A can of ${names[item.channel] ?? `channel ${item.channel}`} fell.`);
  clearTimeout(closing);
  closing = setTimeout(() => {
    flap.classList.remove("open");
    out.replaceChildren();
    say(fell, "");
  }, SHOWN_MS);
}

function spiral() {
  let d = "M2 30";
  for (let x = 2; x < 196; x += 8) d += `q4 -6 8 0`;
  return d;
}
