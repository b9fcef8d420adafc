// The panel: hears what is new, hands it to each part, and says what somebody does.
import { Link } from "./link.js";
import { Clock } from "./clock.js";
import * as machine from "./machine.js";
import * as phones from "./phones.js";
import * as controls from "./controls.js";
import * as breakages from "./breakages.js";
import * as diagram from "./diagram.js";
import * as rules from "./rules.js";
import * as lists from "./lists.js";
import * as coils from "./coils.js";

const clock = new Clock();
const link = new Link("sim/news", "sim/do");
const parts = [machine, phones, controls, breakages, diagram, rules, lists, coils];
for (const part of parts) part.start?.(link, clock);

link.listen((message) => {
  if (message.hello) {
    document.getElementById("name").textContent = `· ${message.hello.name} · ${message.hello.dialect} board`;
    for (const part of parts) part.meet?.(message.hello);
  }
  clock.set(message.look);
  for (const part of parts) part.hear?.(message.look, message.news, message);
});

// Ten times a second is enough for what only counts down, and nobody pays for a hidden panel.
setInterval(() => {
  if (document.hidden) return;
  const nowMs = clock.nowMs();
  for (const part of parts) part.tick?.(nowMs);
}, 100);
