// Virtual time between two messages: it goes on as fast as the simulator said.
const FAR_MS = 1500;

export class Clock {
  constructor() {
    this.atMs = 0;
    this.rate = 0;
    this.heard = performance.now();
  }

  set(look) {
    this.atMs = look.now_ms;
    this.rate = look.paused ? 0 : look.speed;
    this.heard = performance.now();
  }

  nowMs() {
    const since = Math.min(performance.now() - this.heard, FAR_MS);
    return this.atMs + since * this.rate;
  }
}

export function time(atMs) {
  const ms = Math.max(0, Math.floor(atMs));
  const two = (n) => String(n).padStart(2, "0");
  const days = Math.floor(ms / 86400000);
  const hours = Math.floor(ms / 3600000) % 24;
  const rest = `${two(Math.floor(ms / 60000) % 60)}:${two(Math.floor(ms / 1000) % 60)}.${String(ms % 1000).padStart(3, "0")}`;
  return `${days ? `${days} d ` : ""}${hours}:${rest}`;
}
