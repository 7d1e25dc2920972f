// The framing zone, drawn on the picture: its corners are dragged, or moved by arrow keys. In parts of the frame.

import { t } from "../words.js";
import { by, make } from "./tell.js";

const FIRST = [[0, 0.85], [1, 0.85], [1, 1], [0, 1]]; // the lower edge: who stands in the booth reaches it
const clamp = (value) => Math.min(1, Math.max(0, value));
const round = (value) => Math.round(value * 1000) / 1000;

/** Corners of what a config may hold: [left, top, right, bottom] or corners. */
export function corners(zone) {
  if (!zone) return null;
  if (typeof zone[0] !== "number") return zone.map(([x, y]) => [x, y]);
  const [left, top, right, bottom] = zone;
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
}

export class Zone {
  #points = null;
  #send = null;
  #open = false;

  constructor() {
    by("zone-on").onclick = () => this.#turn(!this.#open);
    by("zone-clear").onclick = () => { this.#points = null; this.#send(null); this.#turn(false); };
  }

  /** The zone as it is, and whom to tell of changes; without the latter this booth has no such setting. */
  offer(value, send = null) {
    this.#send = send;
    this.#points = corners(value);
    by("zone-on").hidden = send === null;
    this.#draw();
  }

  #turn(on) {
    this.#open = on;
    if (on && this.#points === null) { this.#points = structuredClone(FIRST); this.#tell(); }
    by("zone-on").setAttribute("aria-pressed", on);
    by("zone-clear").hidden = !on;
    by("hint").textContent = on ? t("zone_hint") : "";
    this.#draw();
  }

  #tell() { this.#send(this.#points.map(([x, y]) => [round(x), round(y)])); }

  #draw() {
    const none = !this.#open || this.#points === null;
    by("zone").toggleAttribute("hidden", none);
    by("handles").replaceChildren(...(none ? [] : this.#points.map((_, at) => this.#handle(at))));
    this.#shape();
  }

  #shape() {
    if (this.#points === null) return;
    by("zone").querySelector("polygon").setAttribute("points", this.#points.map(([x, y]) => `${x * 1000},${y * 1000}`).join(" "));
    [...by("handles").children].forEach((handle, at) => {
      handle.style.left = `${this.#points[at][0] * 100}%`;
      handle.style.top = `${this.#points[at][1] * 100}%`;
    });
  }

  #handle(at) {
    const handle = make("button", { type: "button" });
    handle.setAttribute("aria-label", t("corner", { number: at + 1 }));
    handle.onpointerdown = (event) => handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const box = by("picture").getBoundingClientRect();
      this.#move(at, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    };
    handle.onpointerup = () => this.#tell();
    handle.onkeydown = (event) => {
      const step = { ArrowLeft: [-0.01, 0], ArrowRight: [0.01, 0], ArrowUp: [0, -0.01], ArrowDown: [0, 0.01] }[event.key];
      if (!step) return;
      event.preventDefault();
      this.#move(at, this.#points[at][0] + step[0], this.#points[at][1] + step[1]);
      this.#tell();
    };
    return handle;
  }

  #move(at, x, y) {
    this.#points[at] = [clamp(x), clamp(y)];
    this.#shape();
  }
}
