// A mark and its line are one thing: m12 on the timeline, e12 in the list.
"use strict";
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const strip = document.querySelector(".scroll"), list = document.querySelector(".seen");
  const said = document.getElementById("said"), cursor = document.getElementById("cursor");
  const marks = all(".mark"), lines = all(".seen li[data-n]");
  let chosen = -1;

  const number = (target) => {
    const found = target.closest("[data-n]");
    return found ? Number(found.dataset.n) : -1;
  };
  const label = (n, name, on) => {
    for (const part of [marks[n], lines[n]]) part?.classList.toggle(name, on);
  };
  const say = (n) => {
    const [time, lane, words] = lines[n].children;
    said.textContent = `${time.textContent}  ${lane.textContent}: ${words.textContent}`;
  };
  const reach = (n) => {
    for (const [i, on] of [[chosen < 0 ? 0 : chosen, -1], [n, 0]])
      for (const part of [marks[i], lines[i]?.querySelector("a")]) part?.setAttribute("tabindex", on);
  };
  const choose = (n, { inList = true, inStrip = true } = {}) => {
    if (!lines[n]) return;
    if (chosen >= 0) {
      label(chosen, "chosen", false);
      lines[chosen].removeAttribute("aria-current");
    }
    reach(n);
    chosen = n;
    label(n, "chosen", true);
    lines[n].setAttribute("aria-current", "true");
    say(n);
    const x = Number(marks[n].dataset.x);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.removeAttribute("visibility");
    if (inStrip) {
      const box = marks[n].getBoundingClientRect(), frame = strip.getBoundingClientRect();
      strip.scrollLeft += box.left - frame.left - frame.width / 2;
    }
    if (inList) lines[n].scrollIntoView({ block: "nearest" });
  };
  const shown = (n) => lines[n] && lines[n].offsetParent !== null;

  for (const part of [strip, list]) {
    const inStrip = part === strip;
    part.addEventListener("click", (event) => {
      const n = number(event.target);
      if (n < 0 || !lines[n] || String(getSelection())) return;
      event.preventDefault();
      choose(n, { inStrip: !inStrip });
    });
    part.addEventListener("mouseover", (event) => {
      const n = number(event.target);
      if (n < 0 || !lines[n]) return;
      label(n, "near", true);
      say(n);
    });
    part.addEventListener("mouseout", (event) => {
      const n = number(event.target);
      if (n < 0 || !lines[n]) return;
      label(n, "near", false);
      if (chosen >= 0) say(chosen);
    });
    part.addEventListener("focusin", (event) => {
      const n = number(event.target);
      if (n >= 0 && event.target.matches(":focus-visible")) choose(n);
    });
    part.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };
      const step = steps[event.key], from = number(event.target);
      if (!step || from < 0) return;
      event.preventDefault();
      let n = from + step;
      while (lines[n] && !shown(n)) n += step;
      if (!lines[n]) return;
      choose(n);
      (inStrip ? marks[n] : lines[n].querySelector("a")).focus({ preventScroll: true });
    });
  }

  // One stop for the Tab key in each: from there on, arrows.
  for (const part of [...marks, ...all(".bar"), ...all(".seen li[data-n] a")]) part.setAttribute("tabindex", -1);
  const first = lines.findIndex((line, n) => shown(n));
  reach(first);
  said.textContent = "Choose a mark or a line; arrow keys walk along.";
  const named = /^#[em](\d+)$/.exec(location.hash);
  if (named) choose(Number(named[1]));
})();
