// The page of `edge-bg serve`: pictures go to the server one after another, and stay in this page otherwise.
import { preferred, speak, t, translate } from "../static/js/words.js";
import { zip } from "./zip.js";

const $ = (id) => document.getElementById(id);
const items = [];
let busy = false;

const ready = speak(preferred(), {}, "cut/lang");

$("files").addEventListener("change", (event) => { add(event.target.files); event.target.value = ""; });
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") add(event.dataTransfer.files);
  });
}
$("all").addEventListener("click", async () => {
  const done = items.filter((item) => item.result);
  const blob = await zip(done.map((item) => ({ name: item.saved, blob: item.result })));
  save(blob, "cut-outs.zip");
});

$("how").addEventListener("input", () => {
  $("own").hidden = $("how").elements.background.value !== "own";
  offer();
});
$("redo").addEventListener("click", () => {
  for (const item of items.filter((each) => each.state === "done" && each.how !== wanted())) say(item, "waiting", t("waiting"));
  work();
});

// What the form asks for, as the server takes it.
function asked() {
  const fields = Object.fromEntries(new FormData($("how")));
  if (fields.background === "own") fields.background = fields.colour;
  delete fields.colour;
  return Object.entries(fields).filter(([, value]) => value);
}

function wanted() {
  return JSON.stringify(asked());
}

// Offer to do again what was done in another way than the form says now.
function offer() {
  const now = wanted();
  $("redo").hidden = !items.some((item) => item.state === "done" && item.how !== now);
}

async function add(list) {
  const files = [...list]; // a list empties with its field
  await ready;
  for (const file of files) {
    const node = $("item").content.firstElementChild.cloneNode(true);
    translate(node);
    const item = { file, node, state: "waiting" };
    const part = (name) => node.querySelector(name);
    part(".name").textContent = file.name;
    const before = part(".before img");
    before.alt = t("before_alt", { name: file.name });
    before.src = URL.createObjectURL(file);
    before.addEventListener("error", () => { part(".before").hidden = true; }); // a browser that shows no HEIC
    part("input").addEventListener("input", (event) => {
      part(".compare").style.setProperty("--at", `${event.target.value}%`);
    });
    part(".again").addEventListener("click", () => { say(item, "waiting", t("waiting")); part(".again").hidden = true; work(); });
    items.push(item);
    $("list").append(node);
  }
  work();
}

function say(item, state, words) {
  item.state = state;
  item.node.classList.toggle("failed", state === "failed");
  item.node.querySelector(".state").textContent = words;
  const done = items.filter((each) => each.state === "done").length;
  const failed = items.filter((each) => each.state === "failed").length;
  $("tally").textContent = t(failed ? "tally_failed" : "tally", { done, all: items.length, failed });
  $("all").hidden = done < 2;
  offer();
}

async function work() {
  if (busy) return;
  busy = true;
  for (let item; (item = items.find((each) => each.state === "waiting"));) {
    say(item, "working", t("working"));
    try {
      await cut(item);
    } catch (error) {
      say(item, "failed", error.message);
      item.node.querySelector(".again").hidden = false;
    }
  }
  busy = false;
}

async function cut(item) {
  const form = new FormData();
  const fields = asked();
  for (const [key, value] of fields) form.append(key, value);
  form.append("image_file", item.file, item.file.name);
  for (;;) {
    let answer;
    try {
      answer = await fetch("api/v1/cutouts", { method: "POST", body: form });
    } catch {
      throw new Error(t("unreachable"));
    }
    if (answer.status === 429) {
      const wait = Number(answer.headers.get("Retry-After")) || 2;
      say(item, "working", t("others", { seconds: wait }));
      await new Promise((done) => setTimeout(done, wait * 1000));
      continue;
    }
    if (!answer.ok) {
      throw new Error(refusal(await answer.text(), answer.status));
    }
    item.result = await answer.blob();
    item.how = JSON.stringify(fields);
    item.preset = Object.fromEntries(fields).preset;
    show(item, answer.headers);
    return;
  }
}

// What the server says, in English; in another language what the kind of refusal is.
function refusal(body, status) {
  let said = {};
  try { said = JSON.parse(body); } catch { /* no JSON */ }
  const words = (said.error || "").replace(/^[^:]*: /, "");
  if (said.errors?.[0]?.code === "unknown_foreground") return t("nothing");
  if (document.documentElement.lang === "en" && words) return words;
  const known = { file_too_large: t("too_large"), invalid_picture: t("unreadable") };
  return known[said.errors?.[0]?.code] || words || t("error", { status });
}

function show(item, headers) {
  const { node, file, result } = item;
  const ending = { "image/jpeg": "jpg", "image/webp": "webp", "image/tiff": "tif" }[result.type] || "png";
  item.saved = "";
  const taken = new Set(items.map((each) => each.saved));
  const base = file.name.replace(/\.[^.]*$/, "");
  item.saved = `${base}.${ending}`;
  for (let number = 2; taken.has(item.saved); number++) item.saved = `${base}-${number}.${ending}`;
  const link = node.querySelector("a");
  if (link.hasAttribute("href")) URL.revokeObjectURL(link.href); // of the time before
  link.href = URL.createObjectURL(result);
  link.download = item.saved;
  link.hidden = false;
  const after = node.querySelector(".after");
  after.src = link.href;
  after.alt = t("after_alt", { name: file.name });
  const photo = node.querySelector(".before img");
  if (photo.complete) align(photo, headers);
  else photo.addEventListener("load", () => align(photo, headers), { once: true });
  node.querySelector(".compare").classList.add("done");
  node.querySelector("input").disabled = false;
  const sure = Number(headers.get("X-Confidence"));
  const doubt = sure < 0.9;
  node.classList.toggle("doubt", doubt);
  const size = `${headers.get("X-Width")} × ${headers.get("X-Height")}`;
  const words = [size, ...rules(item, headers)];
  if (doubt) words.push(t("doubt"));
  say(item, "done", words.join(" · "));
  const notes = node.querySelector(".notes");
  notes.textContent = headers.get("X-Notes") || "";
  notes.hidden = !notes.textContent;
}

// Whether it is as the shop asks; no words where none was chosen, or where it is no shop.
function rules(item, headers) {
  const missed = headers.get("X-Rules-Missed");
  if (missed === null || item.preset === "plain") return [];
  const names = {
    format: t("rule_format"), bytes: t("rule_bytes"), size: t("rule_size"), shape: t("rule_shape"),
    background: t("rule_background"), "share filled": t("rule_filled"),
  };
  const list = missed.split(", ").filter(Boolean).map((each) => names[each] || each).join(", ");
  return [list ? t("misses", { rules: list }) : t("meets")];
}

// Lay the photograph under its cut-out, which may be cropped and enlarged. Both are shown in a square.
function align(photo, headers) {
  const [left, top, wide, high] = headers.get("X-Canvas").split(" ").map(Number);
  const scale = 100 / Math.max(wide, high); // percent of the square for each pixel of the photograph
  const place = {
    left: 50 - (wide / 2 + left) * scale, top: 50 - (high / 2 + top) * scale,
    width: photo.naturalWidth * scale, height: photo.naturalHeight * scale,
  };
  for (const [side, share] of Object.entries(place)) photo.style.setProperty(side, `${share}%`);
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
