// The page's words, from lang/*.json: plain keys, and {name} where a value goes. English stands in for what is missing.

export const LANGUAGES = { en: "English", de: "Deutsch", es: "Español", fr: "Français", zh: "中文" };

let words = {};
let own = {};
let asked = 0; // how many times a language was asked for: only the last one counts

async function load(language, folder) {
  const answer = await fetch(`${folder}/${language}.json`);
  return answer.ok ? answer.json() : {};
}

/** The best of our languages for this browser. */
export function preferred() {
  const known = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return known.find((tag) => tag in LANGUAGES) || "en";
}

/** Take `language`; `texts` are the event's own words, which come before ours. False when another was asked for since. */
export async function speak(language, texts = {}, folder = "static/lang") {
  const turn = ++asked;
  const chosen = language in LANGUAGES ? language : "en";
  const loaded = { ...(await load("en", folder)), ...(chosen === "en" ? {} : await load(chosen, folder)) };
  if (turn !== asked) return false;
  words = loaded;
  own = texts;
  document.documentElement.lang = chosen;
  translate(document);
  return true;
}

export function t(key, values = {}) {
  const text = own[key] ?? words[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Fill every element below `root` that names its words: data-t for text, data-t-label, -alt, -title for attributes. */
export function translate(root) {
  for (const each of root.querySelectorAll("[data-t]")) each.textContent = t(each.dataset.t);
  for (const each of root.querySelectorAll("[data-t-label]")) each.setAttribute("aria-label", t(each.dataset.tLabel));
  for (const each of root.querySelectorAll("[data-t-alt]")) each.alt = t(each.dataset.tAlt);
  for (const each of root.querySelectorAll("[data-t-title]")) each.title = t(each.dataset.tTitle);
}
