// Time, the crowd, the counters, the operator.
import { time } from "./clock.js";
import { html, say } from "./svg.js";

const COUNTS = [["pages", "warnings"], ["taps", "taps"], ["drinks", "drinks"], ["turned away", "sent away"], ["frames", "frames"], ["starts", "starts"]];
const clockLine = document.getElementById("clock");
const pace = document.getElementById("pace");
const pause = document.getElementById("pause");
const back = document.getElementById("back");
const seek = document.getElementById("seek");
const crowd = document.getElementById("crowd");
const crowdTold = document.getElementById("crowd-told");
const counts = document.getElementById("counts");
const speeds = [...document.querySelectorAll("[data-speed]")];
const numbers = {};
let paused = false;
let mostPerHour = 3600;

export function start(link) {
  pause.addEventListener("click", () => link.act(paused ? "go" : "pause"));
  document.getElementById("step").addEventListener("click", () => link.act("step"));
  back.addEventListener("click", () => link.act("back"));
  for (const button of speeds) button.addEventListener("click", () => link.act("speed", { x: Number(button.dataset.speed) }));
  seek.addEventListener("change", () => link.act("seek", { at_ms: Number(seek.value) }));
  crowd.addEventListener("input", () => tellCrowd(perHour()));
  crowd.addEventListener("change", () => link.act("crowd", { per_hour: perHour() }));
  document.getElementById("refill").addEventListener("click", () => link.act("refill"));
  document.getElementById("anew").addEventListener("click", () => link.act("anew"));
  for (const [key, title] of COUNTS) {
    numbers[key] = html("dd", {}, "0");
    counts.append(html("div", {}, html("dt", {}, title), numbers[key]));
  }
}

export function meet(hello) {
  mostPerHour = hello.most_per_hour;
  const replayed = hello.replay !== null;
  back.hidden = !replayed;
  document.getElementById("seek-label").hidden = !replayed;
  document.getElementById("live").hidden = replayed;
  document.getElementById("refill").hidden = replayed;
  if (replayed) seek.max = hello.replay.end_ms;
}

export function hear(look) {
  paused = look.paused;
  pause.setAttribute("aria-pressed", paused);
  say(pause, paused ? "Go on" : "Pause");
  say(pace, paused ? "stands still" : look.speed ? `×${look.speed}` : "as fast as it goes");
  for (const button of speeds) button.setAttribute("aria-pressed", !paused && Number(button.dataset.speed) === look.speed);
  for (const [key] of COUNTS) say(numbers[key], (look.counts[key] ?? 0).toLocaleString("en"));
  if (document.activeElement !== crowd) {
    crowd.value = position(look.per_hour);
    tellCrowd(look.per_hour);
  }
  if (document.activeElement !== seek) seek.value = look.now_ms;
}

export function tick(nowMs) {
  say(clockLine, time(nowMs));
}

// The slider goes slowly at first: one visitor an hour and one a second are both on it.
function perHour() {
  const share = Number(crowd.value) / Number(crowd.max);
  return share ? Math.max(1, Math.round(mostPerHour ** share)) : 0;
}

function position(rate) {
  return rate ? Math.max(1, Math.round((Math.log(rate) / Math.log(mostPerHour)) * Number(crowd.max))) : 0;
}

function tellCrowd(rate) {
  const words = rate ? `${rate.toLocaleString("en")} visitors an hour, and an operator who fills the slots` : "nobody comes by themselves";
  say(crowdTold, words);
  crowd.setAttribute("aria-valuetext", words);
}
