// What each coil was, over the last half minute of virtual time.
import { svg } from "./svg.js";

const SPAN_MS = 30000;
const MOST = 400;
const LEFT = 70;
const RIGHT = 632;
const HIGH = 26;
const picture = document.getElementById("coils");
let tracks = [];
let moves = {};

export function meet(hello) {
  moves = {};
  const rows = hello.slots.slice(0, 8);
  picture.setAttribute("viewBox", `0 0 640 ${rows.length * HIGH + 22}`);
  tracks = rows.map((slot, i) => {
    const base = (i + 1) * HIGH;
    moves[slot.channel] = [];
    const path = svg("path", {});
    picture.append(path);
    return { channel: slot.channel, base, path, label: svg("text", { x: 6, y: base - 4 }, slot.name.slice(0, 9)) };
  });
  const foot = rows.length * HIGH + 16;
  picture.replaceChildren(
    ...tracks.flatMap((track) => [svg("line", { x1: LEFT, x2: RIGHT, y1: track.base, y2: track.base }), track.path, track.label]),
    svg("text", { x: LEFT, y: foot }, "30 s ago"),
    svg("text", { x: RIGHT, y: foot, "text-anchor": "end" }, "now"),
  );
}

export function hear(look, news, message) {
  for (const [atMs, channel, on] of message.coils) {
    const list = moves[channel];
    if (!list || (list.length && list[list.length - 1][0] > atMs)) continue;
    list.push([atMs, on]);
    if (list.length > MOST) list.splice(0, list.length - MOST);
  }
}

export function tick(nowMs) {
  for (const track of tracks) {
    const d = drawn(moves[track.channel], nowMs, track.base);
    if (track.d !== d) track.path.setAttribute("d", (track.d = d));
  }
}

function drawn(list, nowMs, base) {
  const from = nowMs - SPAN_MS;
  const x = (atMs) => Math.round(LEFT + ((Math.max(atMs, from) - from) / SPAN_MS) * (RIGHT - LEFT));
  const y = (on) => (on ? base - HIGH + 8 : base);
  let now = false;
  let i = 0;
  while (i < list.length && list[i][0] <= from) now = list[i++][1];
  let d = `M${LEFT} ${y(now)}`;
  for (; i < list.length && list[i][0] <= nowMs; i++) {
    d += `H${x(list[i][0])}V${y(list[i][1])}`;
  }
  return `${d}H${RIGHT}`;
}
