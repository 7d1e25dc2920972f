// The operator's page: log in, then everything that can be turned while the booth runs.

import { Live } from "../live.js";
import { api, follow } from "../net.js";
import { preferred, speak, t } from "../words.js";
import { camera } from "./camera.js";
import { check, health } from "./health.js";
import { Pictures } from "./pictures.js";
import { Place } from "./place.js";
import { Settings } from "./settings.js";
import { by, changed, onChange, tell, trying } from "./tell.js";
import { Zone } from "./zone.js";

const TABS = ["look", "pictures", "camera", "check", "health"];

let parts = null;
let state = {};

function turnTo(name) {
  for (const each of TABS) {
    const on = each === name;
    by(each).hidden = !on;
    by(`tab-${each}`).setAttribute("aria-selected", on);
    by(`tab-${each}`).tabIndex = on ? 0 : -1;
  }
  parts.health.watch(name === "health");
  parts.camera.watch(name === "camera");
}

function tabs() {
  for (const each of TABS) by(`tab-${each}`).onclick = () => turnTo(each);
  by("tabs").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = TABS.indexOf(event.target.id.slice(4));
    const next = TABS[(at + step + TABS.length) % TABS.length];
    turnTo(next);
    by(`tab-${next}`).focus();
  });
}

async function profiles() {
  const list = await api("GET", "profiles");
  by("event-pick").hidden = list.length === 0;
  by("profile").replaceChildren(...list.map((each) => new Option(each.name, each.id, each.selected, each.selected)));
}

async function open() {
  by("door").hidden = true;
  by("desk").hidden = false;
  if (parts === null) {
    const zone = new Zone();
    parts = { settings: new Settings(zone), pictures: new Pictures(), place: new Place(), camera: camera(), check: check(), health: health(), live: new Live(by("live")), zone };
    tabs();
    turnTo("look");
  }
  await Promise.all([parts.settings.load(), parts.pictures.load(), parts.camera.load(), profiles()].map((work) => trying(() => work)));
}

function shut() {
  by("door").hidden = false;
  by("desk").hidden = true;
  by("login").hidden = false;
  by("pin").focus();
}

function take(now, keys) {
  const before = state;
  state = now;
  if (!now.control) {
    by("door").hidden = false;
    by("desk").hidden = true;
    by("door-text").textContent = t("control_off");
    for (const each of ["pin", "login-error"]) by(each).hidden = true;
    by("login").querySelector("button").hidden = true;
    return;
  }
  if (keys.has("role") && now.role !== "operator") return shut();
  if (keys.has("role")) open();
  if (parts === null || now.role !== "operator") return;
  if (now.size) by("picture").style.setProperty("--shape", now.size[0] / now.size[1]);
  parts.place.take(now.place);
  parts.pictures.take(now.background, now.foreground);
  parts.camera.take(now.room);
  const shutNow = now.live === "private";
  by("privacy").setAttribute("aria-pressed", shutNow);
  by("privacy").textContent = t(shutNow ? "open_camera" : "close_camera");
  if (before.live === "private" && !shutNow) parts.live.again();
  if (before.event !== undefined && keys.has("event")) open();
  else if (before.library !== undefined && keys.has("library")) trying(() => parts.pictures.load());
}

by("login").onsubmit = async (event) => {
  event.preventDefault();
  const given = by("pin").value.trim();
  try {
    await api("POST", "login", /^\d+$/.test(given) ? { pin: given } : { token: given });
    by("pin").value = "";
    by("login-error").textContent = "";
    link.again();
  } catch (error) {
    by("login-error").textContent = error.message;
    by("pin").select();
  }
};
by("logout").onclick = () => trying(async () => { await api("POST", "logout"); link.again(); });
by("save").onclick = () => trying(async () => {
  const saved = await api("POST", "settings/save");
  onChange(false);
  tell(t("saved", { path: saved.path ?? saved.saved, count: saved.changed.length }), true);
});
by("profile").onchange = () => trying(async () => { await api("PUT", "profile", { id: by("profile").value }); changed(); });
by("privacy").onclick = () => trying(() => api("PUT", "privacy", { closed: state.live !== "private" }));

await speak(preferred());
const link = follow((now, keys) => {
  if (parts !== null && by("hint").textContent === t("no_answer")) { by("hint").textContent = ""; parts.live.again(); }
  take(now, keys);
}, () => { by("hint").textContent = t("no_answer"); });
