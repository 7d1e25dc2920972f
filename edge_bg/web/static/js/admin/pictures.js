// Backgrounds and foreground frames: upload, pick, name, order, delete, and which frame belongs to which background.

import { api, here } from "../net.js";
import { t } from "../words.js";
import { drag } from "./drag.js";
import { by, changed, make, sign, sure, tell, trying } from "./tell.js";

const KINDS = {
  backgrounds: { title: "backgrounds", add: "add_background", accept: "image/*" },
  foregrounds: { title: "foregrounds", add: "add_foreground", accept: "image/png,image/webp" },
};

export class Pictures {
  #lists = { backgrounds: [], foregrounds: [] };
  #chosen = {};
  #drawn = "";

  async load() {
    const names = Object.keys(KINDS);
    const lists = await Promise.all(names.map((name) => api("GET", name)));
    const told = JSON.stringify(lists);
    if (told === this.#drawn) return; // what is being dragged or typed stays where it is
    this.#drawn = told;
    names.forEach((name, at) => { this.#lists[name] = lists[at]; });
    this.#draw();
  }

  take(background, foreground) {
    if (this.#chosen.backgrounds === background && this.#chosen.foregrounds === foreground) return;
    this.#chosen = { backgrounds: background, foregrounds: foreground };
    this.#mark();
  }

  #draw() {
    by("pictures").replaceChildren(...Object.keys(KINDS).flatMap((shelf) => [
      make("h2", { textContent: t(KINDS[shelf].title) }),
      make("ul", { className: "shelf", id: `shelf-${shelf}` }, ...this.#lists[shelf].map((item, at) => this.#card(shelf, item, at))),
      this.#drop(shelf),
    ]));
    this.#mark();
  }

  #mark() {
    for (const shelf of Object.keys(KINDS)) {
      for (const card of by(`shelf-${shelf}`)?.children ?? []) card.querySelector(".thumb").setAttribute("aria-pressed", card.dataset.id === this.#chosen[shelf]);
    }
  }

  #card(shelf, item, at) {
    const picture = make("img", { src: here(item.thumb), alt: "", draggable: false });
    const thumb = make("button", { type: "button", className: "thumb", onclick: () => this.#pick(shelf, item.id) }, picture);
    thumb.setAttribute("aria-label", t("use", { name: item.name }));
    const card = make("li", { className: "card" }, thumb, item.fixed ? make("p", { className: "help", textContent: item.name }) : this.#facts(shelf, item, at));
    card.dataset.id = item.id;
    if (item.fixed) return card;
    drag(card, thumb, (event) => event.pointerType === "mouse", (place) => this.#order(shelf, item.id, place));
    drag(card, card.querySelector(".grab"), () => true, (place) => this.#order(shelf, item.id, place));
    return card;
  }

  /** What can be changed of a picture of the operator's own. */
  #facts(shelf, item, at) {
    const list = this.#lists[shelf];
    const name = make("input", { value: item.name, onchange: () => this.#do(() => api("PATCH", `${shelf}/${item.id}`, { name: name.value })) });
    name.setAttribute("aria-label", t("name"));
    const moves = make("div", { className: "moves" },
      sign("←", "earlier", { name: item.name }, () => this.#order(shelf, item.id, list[at - 1].id)),
      make("span", { className: "grab", textContent: "⠿", title: t("drag_named", { name: item.name }) }),
      sign("→", "later", { name: item.name }, () => this.#order(shelf, item.id, list[at + 1].id)),
      sign("✕", "delete_named", { name: item.name }, () => sure(t("delete_named_sure", { name: item.name }), () => this.#do(() => api("DELETE", `${shelf}/${item.id}`)))));
    moves.children[0].disabled = at === 0 || list[at - 1].fixed;
    moves.children[2].disabled = at === list.length - 1;
    return make("div", { className: "facts" }, name, shelf === "backgrounds" ? this.#frame(item) : "", moves);
  }

  #frame(item) {
    const options = [new Option(t("no_frame"), ""), ...this.#lists.foregrounds.map((each) => new Option(each.name, each.id))];
    const pick = make("select", { onchange: () => this.#do(() => api("PATCH", `backgrounds/${item.id}`, { foreground: pick.value || null })) }, ...options);
    pick.value = item.foreground ?? "";
    pick.setAttribute("aria-label", t("frame_of", { name: item.name }));
    return pick;
  }

  #drop(shelf) {
    const input = make("input", { type: "file", accept: KINDS[shelf].accept, multiple: true, className: "apart", id: `add-${shelf}`, onchange: () => this.#upload(shelf, input.files) });
    const button = make("button", { type: "button", textContent: t(KINDS[shelf].add), onclick: () => input.click() });
    input.tabIndex = -1;
    input.setAttribute("aria-label", t(KINDS[shelf].add));
    const box = make("div", { className: "drop" }, button, input, make("span", { className: "help", textContent: t("drop_here") }));
    box.ondragover = (event) => { event.preventDefault(); box.classList.add("over"); };
    box.ondragleave = () => box.classList.remove("over");
    box.ondrop = (event) => {
      event.preventDefault();
      box.classList.remove("over");
      this.#upload(shelf, event.dataTransfer.files);
    };
    return box;
  }

  async #upload(shelf, files) {
    for (const file of files) {
      const form = new FormData();
      form.append("file", file, file.name);
      tell(t("uploading", { name: file.name }), true);
      if (!(await trying(() => api("POST", shelf, form)))) break;
      tell(t("uploaded", { name: file.name }), true);
    }
    await trying(() => this.load());
  }

  async #do(work) {
    if (!(await trying(work))) this.#drawn = ""; // as it was before
    await trying(() => this.load());
  }

  /** Put `id` where `place` is now. */
  #order(shelf, id, place) {
    const order = this.#lists[shelf].filter((item) => !item.fixed).map((item) => item.id);
    const to = Math.max(0, order.indexOf(place)); // before what stays where it is: the first place
    order.splice(order.indexOf(id), 1);
    order.splice(to, 0, id);
    return this.#do(() => api("PATCH", shelf, { order }));
  }

  #pick(shelf, id) {
    if (shelf === "backgrounds") return trying(async () => { await api("PUT", "background", { id }); changed(); });
    const next = this.#chosen.foregrounds === id ? null : id; // a second touch takes the frame away
    return trying(async () => { await api("PUT", "foreground", { id: next }); changed(); });
  }
}
