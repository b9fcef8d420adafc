// The last frames, the last journal entries, the last of all that was seen: the newest on top.
import { time } from "./clock.js";
import { html } from "./svg.js";

const MOST = 200;
const wire = document.querySelector("#wire tbody");
const journal = document.querySelector("#journal tbody");
const trace = document.querySelector("#trace tbody");

export function meet() {
  for (const body of [wire, journal, trace]) body.replaceChildren();
}

export function hear(look, news, message) {
  const frames = news.filter((item) => item.lane === "wire").map(frame);
  const entries = news.filter((item) => item.lane === "journal").map((item) => row("", time(item.at_ms), item.words));
  const others = news.filter((item) => item.lane !== "wire").map((item) => row("", time(item.at_ms), item.lane, item.words));
  if (message.skipped) {
    const cut = () => row("cut", "", "", "", `… ${message.skipped.toLocaleString("en")} more, too fast to show`);
    frames.unshift(cut());
    others.unshift(cut());
  }
  put(wire, frames);
  put(journal, entries);
  put(trace, others);
}

function frame(item) {
  if (item.hex === undefined) return row("cut", time(item.at_ms), "", "", item.words);
  return row(item.to_board ? "" : "back", time(item.at_ms), item.to_board ? "→ board" : "← board", item.hex, item.words);
}

function row(kind, ...cells) {
  return html("tr", { class: kind || null }, ...cells.map((words) => html("td", {}, words)));
}

function put(body, rows) {
  body.prepend(...rows.reverse());
  while (body.children.length > MOST) body.lastChild.remove();
}
