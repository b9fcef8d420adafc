// The line to the simulator: it comes back by itself when it was lost.
const AGAIN_MS = 1000;

export class Link {
  constructor(events, does) {
    this.events = events;
    this.does = does;
    this.told = document.getElementById("told");
    this.line = document.getElementById("link");
  }

  listen(hear) {
    const source = new EventSource(this.events);
    source.onmessage = (event) => {
      this.show("live");
      hear(JSON.parse(event.data));
    };
    source.onerror = () => {
      this.show("the simulator is not there; trying again", true);
      if (source.readyState !== EventSource.CLOSED) return;
      source.close();
      setTimeout(() => this.listen(hear), AGAIN_MS);
    };
  }

  show(words, lost = false) {
    if (this.line.textContent !== words) this.line.textContent = words;
    this.line.classList.toggle("lost", lost);
  }

  // Whether it was done; if not, why not stands on the panel.
  async act(what, how = {}) {
    this.told.textContent = "";
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
    }
  }

  deed(words) {
    return this.act("deed", { deed: words });
  }
}
