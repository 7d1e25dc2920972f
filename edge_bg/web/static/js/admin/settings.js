// Sliders, switches and choices as the server lists them; each acts at once.

import { api } from "../net.js";
import { t } from "../words.js";
import { by, changed, make, paced, sign } from "./tell.js";

const digits = (step) => (String(step ?? 1).split(".")[1] || "").length;

export class Settings {
  #send = {};

  constructor(zone) {
    this.zone = zone;
  }

  async load() {
    const { groups } = await api("GET", "settings");
    this.zone.offer(null);
    by("look").replaceChildren(...groups.flatMap((group) => {
      const rows = group.settings.map((each) => this.#row(each)).filter(Boolean);
      return rows.length ? [make("h2", { textContent: group.name }), ...rows] : [];
    }));
  }

  #set(setting, value) {
    setting.value = value;
    this.#send[setting.key] ??= paced(async (now) => { await api("PATCH", "settings", { [setting.key]: now }); changed(); });
    this.#send[setting.key](value);
  }

  #row(setting) {
    if (setting.kind === "zone") {
      this.zone.offer(setting.value, (value) => this.#set(setting, value));
      return null;
    }
    const id = `set-${setting.key.replaceAll(".", "-")}`;
    const kinds = { range: () => this.#range(setting, id), bool: () => this.#bool(setting, id), choice: () => this.#choice(setting, id) };
    const [input, show, value] = (kinds[setting.kind] ?? (() => this.#text(setting, id)))();
    input.dataset.key = setting.key;
    const help = setting.help ? make("p", { className: "help", id: `${id}-help`, textContent: setting.help }) : "";
    if (help) input.setAttribute("aria-describedby", help.id);
    const reset = sign("↺", "reset", { name: setting.label }, () => { show(setting.default); this.#set(setting, setting.default); });
    reset.className = "quiet reset";
    const side = make("span", { className: "value" }, value, setting.default === undefined ? "" : reset);
    const row = make("div", { className: "row" }, make("label", { htmlFor: id, textContent: setting.label }), side);
    row.append(...(setting.kind === "range" ? [input] : []), help);
    show(setting.value);
    return row;
  }

  #range(setting, id) {
    const input = make("input", { type: "range", id, min: setting.min, max: setting.max, step: setting.step ?? "any" });
    const value = make("output", { htmlFor: id });
    const show = (now) => {
      input.value = now;
      value.textContent = Number(now).toFixed(digits(setting.step)) + (setting.unit ? ` ${setting.unit}` : "");
    };
    input.oninput = () => { show(input.value); this.#set(setting, Number(input.value)); };
    return [input, show, value];
  }

  #bool(setting, id) {
    const input = make("input", { type: "checkbox", id, onchange: () => this.#set(setting, input.checked) });
    return [input, (now) => { input.checked = now; }, input];
  }

  #choice(setting, id) {
    const options = setting.choices.map((each, at) => new Option(setting.labels?.[at] ?? each, each));
    const input = make("select", { id, onchange: () => this.#set(setting, input.value) }, ...options);
    return [input, (now) => { input.value = now; }, input];
  }

  #text(setting, id) {
    const input = make("input", { type: setting.kind === "color" ? "color" : "text", id, onchange: () => this.#set(setting, input.value) });
    return [input, (now) => { input.value = now ?? ""; }, input];
  }
}
