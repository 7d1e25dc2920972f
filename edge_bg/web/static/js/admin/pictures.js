// Backgrounds and foreground frames: upload, pick, name, order, delete, and which frame belongs to which background.

import { api, here } from "../net.js";
import { t } from "../words.js";
import { by, changed, make, sign, sure, tell, trying } from "./tell.js";

const KINDS = {
  backgrounds: { title: "backgrounds", add: "add_background", accept: "image/*,video/*" },
  foregrounds: { title: "foregrounds", add: "add_foreground", accept: "image/png,image/webp" },
};

export class Pictures {
  #lists = { backgrounds: [], foregrounds: [] };
  #chosen = {};
  #dragged = null;

  async load() {
    const names = Object.keys(KINDS);
    const lists = await Promise.all(names.map((name) => api("GET", name)));
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
    const name = make("input", { value: item.name, onchange: () => this.#do(() => api("PATCH", `${shelf}/${item.id}`, { name: name.value })) });
    name.setAttribute("aria-label", t("name"));
    const moves = make("div", { className: "moves" },
      sign("←", "earlier", { name: item.name }, () => this.#order(shelf, item.id, at - 1)),
      sign("→", "later", { name: item.name }, () => this.#order(shelf, item.id, at + 1)),
      sign("✕", "delete_named", { name: item.name }, () => sure(t("delete_named_sure", { name: item.name }), () => this.#do(() => api("DELETE", `${shelf}/${item.id}`)))));
    moves.children[0].disabled = at === 0;
    moves.children[1].disabled = at === this.#lists[shelf].length - 1;
    const facts = make("div", { className: "facts" }, name, shelf === "backgrounds" ? this.#frame(item) : "", moves);
    const card = make("li", { className: "card", draggable: true }, thumb, facts);
    card.dataset.id = item.id;
    card.ondragstart = () => { this.#dragged = [shelf, item.id]; };
    card.ondragover = (event) => { if (this.#dragged?.[0] === shelf) { event.preventDefault(); card.classList.add("over"); } };
    card.ondragleave = () => card.classList.remove("over");
    card.ondrop = (event) => {
      event.preventDefault();
      card.classList.remove("over");
      if (this.#dragged) this.#order(shelf, this.#dragged[1], at);
      this.#dragged = null;
    };
    return card;
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
    box.ondragover = (event) => { if (this.#dragged === null) { event.preventDefault(); box.classList.add("over"); } };
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
    await trying(work);
    await trying(() => this.load());
  }

  #order(shelf, id, to) {
    const order = this.#lists[shelf].map((item) => item.id).filter((each) => each !== id);
    order.splice(to, 0, id);
    return this.#do(() => api("PATCH", shelf, { order }));
  }

  #pick(shelf, id) {
    if (shelf === "backgrounds") return trying(async () => { await api("PUT", "background", { id }); changed(); });
    const next = this.#chosen.foregrounds === id ? null : id; // a second touch takes the frame away
    return trying(async () => { await api("PUT", "foreground", { id: next }); changed(); });
  }
}
