// A visit: shows where the booth's flow stands, and asks for what a guest touches. The flow itself is the server's.

import { onKeys } from "./keys.js";
import { api, here } from "./net.js";
import { Photo } from "./photo.js";
import { Strip } from "./strip.js";
import { stayAwake } from "./wake.js";
import { LANGUAGES, preferred, speak, t } from "./words.js";

const STIR = 15_000; // ms between two signs of life that a moving finger gives
const by = (id) => document.getElementById(id);
const show = (id, on) => { by(id).hidden = !on; };

export class Booth {
  #state = null;
  #flow = "";
  #event = undefined;
  #language = null; // what this guest chose; the event's own for the next one
  #asked = null; // a background that was tapped, until the server says so, too
  #count = null;
  #toast = 0;
  #ticker = 0;
  #end = 0;
  #glowing = "";
  #stirred = 0;
  #began = false;
  #spoken = false; // whether the page's words are the event's: before that nobody is invited in another language

  constructor(live) {
    this.live = live;
    this.photo = new Photo();
    this.strip = new Strip(by("strip"), (id) => this.#pick(id));
  }

  #begin() {
    this.#began = true;
    const wire = { begin: "start", shutter: "shutter", abort: "abort", keep: "keep", retake: "retake", next: "next", agree: "consent", decline: "decline" };
    for (const [id, action] of Object.entries(wire)) by(id).onclick = () => this.#act(action);
    by("consent").addEventListener("cancel", (event) => { event.preventDefault(); this.#act("decline"); });
    by("delete").onclick = () => this.#sure(t("delete_sure"), t("delete_text"), () => this.#erase());
    by("private").onclick = () => this.#sure(t("close_sure"), t("close_text"), () => this.#try(() => api("PUT", "privacy", { closed: true })));
    onKeys(() => this.#flow, (name) => (name === "forth" ? this.strip.step(1) : name === "back" ? this.strip.step(-1) : this.#act(name)));
    addEventListener("pointerdown", () => this.#stir());
    stayAwake();
  }

  /** The booth's state, and which of its keys have changed. */
  take(state, keys) {
    if (!this.#began) this.#begin();
    this.#state = state;
    if (keys.has("languages") || keys.has("language") || keys.has("texts") || keys.has("event")) this.#speak();
    if (keys.has("event") && state.event !== this.#event) {
      this.#event = state.event;
      this.#load();
    } else if (keys.has("library")) this.#load();
    if (keys.has("live") && state.live !== "private") this.live.again();
    this.#turn(state.flow);
    this.#notice();
  }

  #load() {
    this.#try(async () => {
      await this.strip.load();
      this.#glow();
    });
  }

  lost() { if (this.#began) this.#say(t("lost"), false); }

  #turn(flow) {
    const before = this.#flow;
    this.#flow = flow.state;
    const open = this.#state.live !== "private";
    document.body.dataset.flow = flow.state;
    for (const [id, states] of [["attract", ["attract"]], ["shutter", ["live"]], ["abort", ["counting"]], ["look", ["counting"]], ["review", ["approval"]],
      ["result", ["result"]], ["strip", ["live", "approval"]], ["private", ["live"]]]) show(id, open && this.#spoken && states.includes(flow.state));
    this.photo.show(["approval", "result"].includes(flow.state) ? flow.photo : null);
    if (this.#state.background === this.#asked) this.#asked = null;
    this.strip.choose(this.photo.background ?? this.#asked ?? this.#state.background);
    this.#counting(flow);
    this.#dialog(flow.state === "consent");
    this.#ends(["approval", "result"].includes(flow.state) ? flow.ends_in : null);
    this.#glow();
    if (before === flow.state) return;
    if (flow.state === "capture") this.#flash();
    if (flow.state === "approval") by("ask").focus({ preventScroll: true });
    if (flow.state === "result") {
      by("done").focus({ preventScroll: true });
      this.photo.kept();
    }
    if (flow.state === "live" && flow.failed) this.#tell(t("no_photo"));
    if (flow.state === "attract" && this.#language !== null) { this.#language = null; this.#speak(); }
  }

  #counting({ state, count, ends_in }) {
    const number = state === "counting" ? count ?? Math.ceil(ends_in ?? 0) : null;
    show("count", Boolean(number));
    if (number !== this.#count && number) {
      const box = by("count");
      box.textContent = number;
      box.classList.remove("pop");
      void box.offsetWidth; // so that the next number pops again
      box.classList.add("pop");
    }
    this.#count = number;
  }

  #flash() {
    by("flash").classList.remove("go");
    void by("flash").offsetWidth;
    by("flash").classList.add("go");
  }

  #dialog(on) {
    by("consent-text").textContent = this.#state.consent?.text ?? "";
    if (on && !by("consent").open) by("consent").showModal();
    else if (!on && by("consent").open) by("consent").close();
  }

  #ends(seconds) {
    const none = seconds === null || seconds === undefined;
    const end = none ? 0 : performance.now() + seconds * 1000;
    if (Math.abs(end - this.#end) < 500) return; // the same end, told again
    this.#end = end;
    clearInterval(this.#ticker);
    show("ends", !none);
    if (none) return;
    const tell = () => { by("ends").querySelector("span").textContent = t("ends", { seconds: Math.max(0, Math.round((end - performance.now()) / 1000)) }); };
    const line = by("ends").querySelector("i");
    line.style.animation = "none";
    void line.offsetWidth;
    line.style.animation = "";
    line.style.animationDuration = `${seconds}s`;
    tell();
    this.#ticker = setInterval(tell, 1000);
  }

  #glow() {
    const thumb = this.strip.chosen?.thumb;
    by("glow").classList.toggle("picture", Boolean(thumb));
    const url = thumb ? `url("${here(thumb)}")` : "";
    if (url === this.#glowing) return;
    this.#glowing = url;
    by("glow").style.backgroundImage = url;
  }

  #notice() {
    const { live, flow } = this.#state;
    if (live === "private") this.#say(t("private"), false);
    else if (live === "sleeping") this.#say(t("waking"), true);
    else if (live === "covered" && ["attract", "live", "counting"].includes(flow.state)) this.#say(t("nobody"), true);
    else show("notice", false);
  }

  #say(text, aside) {
    if (by("notice").textContent !== text) by("notice").textContent = text;
    by("notice").classList.toggle("aside", aside);
    show("notice", true);
  }

  #speak() {
    const { language, languages, texts, event_name: name } = this.#state;
    const known = (languages ?? Object.keys(LANGUAGES)).filter((each) => each in LANGUAGES);
    const spoken = this.#language ?? language ?? preferred();
    by("tongues").replaceChildren(...(known.length > 1 ? known : []).map((each) => {
      const button = document.createElement("button");
      button.type = "button";
      button.lang = each;
      button.textContent = LANGUAGES[each];
      button.setAttribute("aria-pressed", each === spoken);
      button.onclick = () => { this.#language = each; this.#speak(); };
      return button;
    }));
    this.#try(async () => {
      let last = true;
      try {
        last = await speak(spoken, texts ?? {});
        if (!last) return;
        by("event").textContent = texts?.attract_title || name || t("attract_title");
        this.#notice();
      } finally {
        if (last) this.#reveal();
      }
      if (this.strip.foreign) await this.strip.load(); // built-in names are words, too
    });
  }

  #reveal() {
    if (this.#spoken) return;
    this.#spoken = true;
    this.#turn(this.#state.flow);
  }

  #pick(id) {
    this.strip.choose(id);
    if (this.#flow === "approval") this.#try(() => this.photo.repaint(id));
    else {
      this.#asked = id;
      this.#try(() => api("PUT", "background", { id }));
    }
    this.#glow();
  }

  async #erase() {
    await this.#try(async () => {
      await this.photo.erase();
      this.#tell(t("deleted"), true);
      if (this.#flow === "result") await api("POST", "flow", { action: "next" });
    });
  }

  #act(action) {
    this.#stirred = performance.now();
    return this.#try(() => api("POST", "flow", { action }), true);
  }

  #stir() {
    if (this.#flow !== "live" || performance.now() - this.#stirred < STIR) return;
    this.#act("start");
  }

  /** `quiet`: a step that is not possible just now, as of two taps at once, is not worth a word. */
  async #try(work, quiet = false) {
    try { await work(); } catch (error) {
      if (!(quiet && error.status === 409)) this.#tell(error.message);
      this.#asked = null;
      this.strip.choose(this.photo.background ?? this.#state.background);
    }
  }

  #tell(text, good = false) {
    by("toast").textContent = text;
    by("toast").className = good ? "good shown" : "shown";
    clearTimeout(this.#toast);
    this.#toast = setTimeout(() => by("toast").classList.remove("shown"), 5000);
  }

  #sure(title, text, yes) {
    const box = by("sure");
    by("sure-title").textContent = title;
    by("sure-text").textContent = text;
    by("sure-yes").onclick = () => { box.close(); yes(); };
    by("sure-no").onclick = () => box.close();
    box.showModal();
  }
}
