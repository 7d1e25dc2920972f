// View only: the stream, how it does, a snapshot, full screen. Nothing here has an effect on the server.

import { ask } from "./net.js";
import { t } from "./words.js";

const PERIOD = 2000; // ms between two looks
const REST = 4000; // ms without a move until the bar leaves

const by = (id) => document.getElementById(id);

function say(key, level, values) {
  by("health").textContent = t(key, values);
  by("health").dataset.level = level;
}

function tell(state) {
  by("fps").textContent = t("fps", { fps: state.fps.toFixed(1) });
  by("size").textContent = state.size ? state.size.join(" × ") : "";
  by("clients").textContent = t("watching", { count: state.clients });
  if (state.age_s === null) say("first_picture", "warn");
  else if (!state.healthy) say("no_picture", "bad", { seconds: Math.round(state.age_s) });
  else if (state.covered) say("covered", "warn");
  else say("live", "good");
}

/** The bar below the picture; `show(on)`, and `lost()` when the server does not answer. */
export function viewBar() {
  const bar = by("bar");
  let rest = 0;
  async function look() {
    if (document.hidden || bar.hidden) return;
    try { tell(await ask("GET", "state")); } catch { say("no_answer", "bad"); }
  }
  function stir() {
    document.body.classList.remove("resting");
    clearTimeout(rest);
    rest = setTimeout(() => document.body.classList.add("resting"), REST);
  }
  by("full").onclick = () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
  for (const kind of ["pointermove", "pointerdown", "keydown"]) addEventListener(kind, stir);
  document.addEventListener("visibilitychange", look);
  stir();
  setInterval(look, PERIOD);
  return {
    show(on) {
      if (bar.hidden !== on) return;
      bar.hidden = !on;
      look();
    },
    lost() { say("no_answer", "bad"); },
  };
}
