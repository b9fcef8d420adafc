// The line to the simulator: it asks what is new, and comes back by itself when it was lost.
const EVERY_MS = 150;
const AGAIN_MS = 1000;

export class Link {
  constructor(news, does) {
    this.news = news;
    this.does = does;
    this.told = document.getElementById("told");
    this.line = document.getElementById("link");
    this.known = { machine: 0, after: 0, known_ms: 0 };
    this.waits = null;
    this.acts = 0;
  }

  // From now on, as long as somebody looks: a hidden panel asks nothing.
  listen(hear) {
    this.hear = hear;
    document.addEventListener("visibilitychange", () => document.hidden || this.ask());
    this.ask();
  }

  async ask() {
    clearTimeout(this.waits);
    if (this.asking || document.hidden) return;
    this.asking = true;
    let wait = EVERY_MS;
    const acts = this.acts;
    try {
      const answer = await fetch(`${this.news}?${new URLSearchParams(this.known)}`);
      if (!answer.ok) throw new Error(answer.statusText);
      const message = await answer.json();
      this.show("live");
      // What was asked before somebody did something may tell how it was before that.
      if (acts === this.acts) this.take(message);
      else wait = 0;
    } catch (error) {
      if (!(error instanceof TypeError)) console.error(error);
      this.show("the simulator is not there; trying again", true);
      wait = AGAIN_MS;
    }
    this.asking = false;
    this.waits = setTimeout(() => this.ask(), wait);
  }

  take(message) {
    if (message.hello) this.known.machine = message.hello.machine;
    this.known.after = message.seen;
    this.known.known_ms = message.look.now_ms;
    this.hear(message);
  }

  show(words, lost = false) {
    if (this.line.textContent !== words) this.line.textContent = words;
    this.line.classList.toggle("lost", lost);
  }

  // Whether it was done; if not, why not stands on the panel.
  async act(what, how = {}) {
    this.told.textContent = "";
    this.acts++;
    try {
      const answer = await fetch(this.does, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ do: what, ...how }),
      });
      if (!answer.ok) this.told.textContent = (await answer.json()).told;
      return answer.ok;
    } catch {
      this.told.textContent = "The simulator does not answer.";
      return false;
    } finally {
      this.acts++;
      this.ask();
    }
  }

  deed(words) {
    return this.act("deed", { deed: words });
  }
}
