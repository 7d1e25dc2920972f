// The photo a guest has just taken: first as it was seen live, then as the better path made it.

import { api, BASE, here } from "./net.js";
import { t } from "./words.js";

const PERIOD = 500; // ms between two looks while the better one is being made

const by = (id) => document.getElementById(id);

export class Photo {
  id = null;
  background = null;
  #timer = 0;
  #shown = "";
  #erased = null;
  #wanted = null; // a background that was tapped while the better one was still being made
  #ready = false;

  constructor() {
    const photo = by("photo"); // as large as there is room, whatever its own size
    photo.onload = () => { photo.parentElement.style.setProperty("--shape", photo.naturalWidth / photo.naturalHeight); };
    by("qr").onload = () => { by("fetch").hidden = false; };
    by("qr").onerror = () => { by("fetch").hidden = true; };
  }

  /** Show the photo `id`; null: none. */
  show(id) {
    if (id === this.id || (id !== null && id === this.#erased)) return;
    clearTimeout(this.#timer);
    this.id = id;
    this.background = this.#wanted = null;
    this.#ready = false;
    this.#shown = "";
    by("photo").hidden = id === null;
    by("photo").removeAttribute("src");
    if (id !== null) this.#look(id);
    else by("working").hidden = true;
  }

  /** Put another background behind it: now, or as soon as the photo is ready. */
  async repaint(background) {
    if (this.id === null) return;
    this.background = background;
    this.#wanted = background;
    if (this.#ready) await this.#repaint(this.id);
  }

  async #repaint(id) {
    const background = this.#wanted;
    this.#wanted = null;
    clearTimeout(this.#timer);
    await api("PATCH", `photos/${id}`, { background });
    this.#shown = "";
    await this.#look(id);
  }

  async erase() {
    const id = this.id;
    if (id === null) return;
    await api("DELETE", `photos/${id}`);
    this.#erased = id; // the flow speaks of it until it has gone on
    this.show(null);
  }

  /** It was kept: until when is told now. */
  kept() { if (this.id !== null) this.#look(this.id); }

  async #look(id) {
    let facts = null;
    try { facts = await api("GET", `photos/${id}`); } catch { /* erased meanwhile, or the server is away */ }
    if (id !== this.id || facts === null) return;
    this.#ready = facts.state === "ready";
    if (this.#ready && this.#wanted !== null) return this.#repaint(id).catch(() => { this.#wanted = null; });
    if (facts.state === "failed") this.#wanted = null;
    this.background = this.#wanted ?? facts.background;
    const now = `${facts.state} ${facts.background}`;
    if (now !== this.#shown) {
      this.#shown = now;
      const file = facts.urls?.jpeg ? here(facts.urls.jpeg) : `${BASE}photos/${id}.jpg`;
      by("photo").src = `${file}?${encodeURIComponent(now)}`;
      by("download").href = file;
      by("fetch").hidden = !facts.urls?.qr;
      by("unreached").hidden = Boolean(facts.urls?.qr);
      if (facts.urls?.qr) by("qr").src = here(facts.urls.qr);
    }
    this.#expires(facts.expires);
    by("working").hidden = facts.state !== "live";
    if (facts.state === "live") this.#timer = setTimeout(() => this.#look(id), PERIOD);
  }

  #expires(at) {
    const when = at === null || at === undefined ? NaN : typeof at === "number" ? at * 1000 : Date.parse(at);
    const hours = (when - Date.now()) / 3_600_000;
    by("expires").textContent = Number.isNaN(hours) ? ""
      : hours > 48 ? t("expires_days", { days: Math.round(hours / 24) })
      : hours > 1.5 ? t("expires_hours", { hours: Math.round(hours) })
      : t("expires_minutes", { minutes: Math.max(1, Math.round(hours * 60)) });
  }
}
