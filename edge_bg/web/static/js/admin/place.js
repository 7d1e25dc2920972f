// The guest moved and scaled on the background: drag, pinch, wheel, or arrow keys with + and -.

import { api } from "../net.js";
import { t } from "../words.js";
import { by, changed, paced } from "./tell.js";

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const AT_REST = { x: 0, y: 0, scale: 1 };
const SETTLED = 600; // ms after the last move from which the server's word counts again

export class Place {
  #place = { ...AT_REST };
  #fingers = new Map();
  #moved = -Infinity;
  #send = paced(async (place) => { await api("PUT", "place", place); changed(); });

  constructor() {
    const grip = by("grip");
    by("place-on").onclick = () => this.#turn(grip.hidden);
    by("place-reset").onclick = () => this.#set(AT_REST);
    grip.addEventListener("pointerdown", (event) => {
      grip.setPointerCapture(event.pointerId);
      this.#fingers.set(event.pointerId, this.#at(event));
    });
    grip.addEventListener("pointermove", (event) => this.#move(event));
    for (const kind of ["pointerup", "pointercancel"]) grip.addEventListener(kind, (event) => this.#fingers.delete(event.pointerId));
    grip.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#set({ ...this.#place, scale: this.#place.scale * Math.exp(-event.deltaY / 900) });
    }, { passive: false });
    grip.addEventListener("keydown", (event) => this.#key(event));
  }

  /** What the server says. */
  take(place) {
    if (place && this.#fingers.size === 0 && performance.now() - this.#moved > SETTLED) this.#place = { ...place };
  }

  #turn(on) {
    by("grip").hidden = !on;
    by("place-reset").hidden = !on;
    by("place-on").setAttribute("aria-pressed", on);
    by("hint").textContent = on ? t("place_hint") : "";
    if (on) by("grip").focus();
  }

  #at(event) {
    const box = by("grip").getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  }

  #move(event) {
    const before = this.#fingers.get(event.pointerId);
    if (!before) return;
    const now = this.#at(event);
    this.#fingers.set(event.pointerId, now);
    const others = [...this.#fingers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    const share = 1 / (others.length + 1); // two fingers that go together move the guest once
    const next = { ...this.#place, x: this.#place.x + (now.x - before.x) * share, y: this.#place.y + (now.y - before.y) * share };
    if (others.length === 1) {
      const far = (a, b) => Math.max(Math.hypot(a.x - b.x, a.y - b.y), 0.02);
      next.scale *= far(now, others[0]) / far(before, others[0]);
    }
    this.#set(next);
  }

  #key(event) {
    const steps = { ArrowLeft: [-0.01, 0, 1], ArrowRight: [0.01, 0, 1], ArrowUp: [0, -0.01, 1], ArrowDown: [0, 0.01, 1], "+": [0, 0, 1.02], "=": [0, 0, 1.02], "-": [0, 0, 1 / 1.02] };
    if (event.key === "Escape") this.#turn(false);
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    this.#set({ x: this.#place.x + step[0], y: this.#place.y + step[1], scale: this.#place.scale * step[2] });
  }

  #set({ x, y, scale }) {
    const round = (value) => Math.round(value * 1000) / 1000;
    this.#place = { x: clamp(x, -1, 1), y: clamp(y, -1, 1), scale: clamp(scale, 0.2, 2) };
    this.#moved = performance.now();
    this.#send({ x: round(this.#place.x), y: round(this.#place.y), scale: round(this.#place.scale) });
  }
}
