// How the booth does in plain words, the last lines of its log, and the booth check.

import { api } from "../net.js";
import { t } from "../words.js";
import { by, make, trying } from "./tell.js";

const PERIOD = 3000; // ms between two looks at the health
const STEP = 700; // ms between two looks at a check that is running
const LINES = 60;
const LEVELS = { good: "good", fair: "warn", poor: "bad" };

function point(level, name, value, words, help) {
  const figure = value === null || value === undefined ? "" : make("span", { className: "figure", textContent: String(value) });
  const title = make("span", { className: "dot", textContent: name });
  title.dataset.level = level;
  return make("li", {}, figure, title, make("div", { textContent: words }), help ? make("small", { textContent: help }) : "");
}

export function health() {
  let timer = 0;
  async function look() {
    if (document.hidden) return;
    const [{ points }, log] = await Promise.all([api("GET", "health"), api("GET", `log?lines=${LINES}`)]);
    by("points").replaceChildren(...points.map((each) => point(each.ok ? "good" : "bad", each.name, each.value, each.words)));
    const box = by("log");
    const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
    box.textContent = (log.lines ?? log).map((line) => (typeof line === "string" ? line : Object.values(line).join("  "))).join("\n");
    if (atEnd) box.scrollTop = box.scrollHeight;
  }
  return {
    watch(on) {
      clearInterval(timer);
      if (!on) return;
      trying(look);
      timer = setInterval(() => trying(look), PERIOD);
    },
  };
}

export function check() {
  const button = by("check-run");
  async function look() {
    const { running, left, points } = await api("GET", "check");
    button.disabled = running;
    by("check-state").textContent = running ? t("checking", { seconds: left }) : points.length ? t("checked") : "";
    by("verdicts").replaceChildren(...points.map((each) => point(LEVELS[each.verdict] ?? "warn", each.name, each.value, each.words, each.help)));
    if (running) setTimeout(() => trying(look), STEP);
  }
  button.onclick = () => trying(async () => {
    button.disabled = true;
    try { await api("POST", "check"); } catch (error) { button.disabled = false; throw error; }
    await look();
  });
  return { look };
}
