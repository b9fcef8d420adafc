// What can be broken, and mended: each says what it does.
import { html, say } from "./svg.js";

const switches = document.getElementById("breakages");
const mishaps = document.getElementById("mishaps");
const power = document.getElementById("power");
const dialect = document.getElementById("dialect");
const sensor = document.getElementById("sensor");
const SENSORS = { none: "none", cts: "on the CTS line", dsr: "on the DSR line", gpio: "on a pin" };
let line;
let inputs = {};
let running = true;

export function start(link) {
  line = link;
  power.addEventListener("click", () => link.deed(running ? "blackout" : "boot"));
  document.getElementById("mend").addEventListener("click", () => link.act("mend"));
  dialect.addEventListener("change", rewire);
  sensor.addEventListener("change", rewire);
}

function rewire() {
  line.act("rewire", { dialect: dialect.value, sensor: sensor.value });
}

export function meet(hello) {
  const replayed = hello.replay !== null;
  document.getElementById("break").hidden = replayed;
  choose(dialect, hello.dialects.map((name) => [name, name]), hello.dialect);
  choose(sensor, hello.sensors.map((name) => [name, SENSORS[name] ?? name]), hello.sensor);
  inputs = {};
  const places = new Map();
  for (const each of hello.breakages) {
    if (!places.has(each.place)) places.set(each.place, html("fieldset", {}, html("legend", {}, each.place)));
    const input = html("input", { type: "checkbox", role: "switch" });
    input.addEventListener("change", () => line.deed(`${input.checked ? "throw" : "mend"} ${each.name}`));
    inputs[each.name] = input;
    places.get(each.place).append(html("label", { class: "switch" }, input, html("span", {}, html("b", {}, each.title), " ", html("span", {}, each.told))));
  }
  switches.replaceChildren(...places.values());
  mishaps.replaceChildren(
    ...hello.mishaps.map((each) => {
      const button = html("button", {}, each.title);
      button.addEventListener("click", () => line.deed(each.deed));
      return html("div", {}, button, html("span", {}, each.told));
    }),
  );
}

export function hear(look) {
  running = look.running;
  say(power, running ? "Pull the plug" : "Plug in, and start");
  const broken = new Set(look.broken);
  for (const [name, input] of Object.entries(inputs)) input.checked = broken.has(name);
}

function choose(select, options, value) {
  select.replaceChildren(...options.map(([name, words]) => html("option", { value: name, selected: name === value }, words)));
}
