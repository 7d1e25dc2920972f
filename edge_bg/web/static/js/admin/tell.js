// What the parts of the operator's page share: messages, the mark of unsaved changes, a question, a slow hand.

import { t } from "../words.js";

export const by = (id) => document.getElementById(id);

let timer = 0;

/** A message for some seconds. */
export function tell(text, good = false) {
  const box = by("toast");
  box.textContent = text;
  box.className = good ? "good shown" : "shown";
  clearTimeout(timer);
  timer = setTimeout(() => box.classList.remove("shown"), good ? 4000 : 8000);
}

/** Do `work`; what goes wrong is said in the server's words. True when it went well. */
export async function trying(work) {
  try {
    await work();
    return true;
  } catch (error) {
    tell(error.message);
    return false;
  }
}

/** Whether there is something that a restart would forget. */
export const onChange = (dirty) => { by("dirty").hidden = !dirty; };
export const changed = () => onChange(true);

/** A question with yes and no. */
export function sure(question, yes) {
  const box = by("sure");
  by("sure-title").textContent = question;
  by("sure-yes").onclick = () => { box.close(); yes(); };
  by("sure-no").onclick = () => box.close();
  box.showModal();
}

/** `send(value)` at once, then at most once at a time and never more often than every `pause` ms; the newest value wins. */
export function paced(send, pause = 100) {
  let waiting = null;
  let busy = false;
  return async function push(value) {
    waiting = { value };
    if (busy) return;
    busy = true;
    while (waiting !== null) {
      const next = waiting.value;
      waiting = null;
      await trying(() => send(next));
      await new Promise((done) => setTimeout(done, pause));
    }
    busy = false;
  };
}

/** An element: make("li", {className: "x"}, child, "text"). */
export function make(tag, facts = {}, ...children) {
  const element = Object.assign(document.createElement(tag), facts);
  element.append(...children);
  return element;
}

/** A button with a sign on it and words for who cannot see it. */
export function sign(text, key, values, click) {
  const button = make("button", { type: "button", textContent: text, title: t(key, values), onclick: click });
  button.setAttribute("aria-label", t(key, values));
  return button;
}
