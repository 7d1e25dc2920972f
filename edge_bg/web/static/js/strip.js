// The backgrounds to choose from, each with its foreground frame before it.

import { api, here } from "./net.js";
import { t } from "./words.js";

function picture(url) {
  const image = new Image();
  image.alt = "";
  image.draggable = false;
  image.src = here(url);
  return image;
}

export class Strip {
  #items = [];
  #chosen = null;
  #language = null; // of the names

  /** `pick(id)` is called for a tap. */
  constructor(element, pick) {
    this.element = element;
    this.pick = pick;
  }

  get foreign() { return this.#language !== null && this.#language !== document.documentElement.lang; }

  async load() {
    this.#language = document.documentElement.lang;
    const items = await api("GET", "backgrounds");
    const frames = items.some((item) => item.foreground) ? await api("GET", "foregrounds") : [];
    const thumbs = new Map(frames.map((each) => [each.id, each.thumb]));
    this.#items = items;
    this.element.replaceChildren(...items.map((item) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.id = item.id;
      button.setAttribute("aria-label", t("background_named", { name: item.name }));
      button.append(picture(item.thumb));
      if (thumbs.get(item.foreground)?.endsWith(".png")) button.append(picture(thumbs.get(item.foreground)));
      button.onclick = () => this.pick(item.id);
      return button;
    }));
    this.#mark();
  }

  choose(id) {
    this.#chosen = id;
    this.#mark();
  }

  get chosen() { return this.#items.find((item) => item.id === this.#chosen); }

  /** Pick the one `by` places further on, round and round. */
  step(by) {
    if (!this.#items.length) return;
    const at = this.#items.findIndex((item) => item.id === this.#chosen);
    this.pick(this.#items[(at + by + this.#items.length) % this.#items.length].id);
  }

  #mark() {
    for (const button of this.element.children) {
      const on = button.dataset.id === this.#chosen;
      if (on && button.getAttribute("aria-pressed") !== "true") button.scrollIntoView({ inline: "center", block: "nearest" });
      button.setAttribute("aria-pressed", on);
    }
  }
}
