// A light for each safety rule: green as long as nothing was seen that breaks it.
import { html, say } from "./svg.js";

const lights = document.getElementById("lights");
let rows = {};
let meanings = {};

export function meet(hello) {
  meanings = hello.rules;
  rows = {};
  for (const name of Object.keys(meanings)) {
    const told = html("span", { class: "told" }, meanings[name]);
    const state = html("b", {}, name);
    const row = html("li", {}, html("i", { "aria-hidden": "true" }), state, told);
    rows[name] = { row, told };
  }
  lights.replaceChildren(...Object.values(rows).map(({ row }) => row));
}

export function hear(look) {
  for (const [name, { row, told }] of Object.entries(rows)) {
    const broken = look.violations[name];
    row.classList.toggle("broken", !!broken);
    row.setAttribute("aria-label", `${name} ${broken ? "is violated" : "holds"}: ${broken ?? meanings[name]}`);
    say(told, broken ?? meanings[name]);
  }
}
