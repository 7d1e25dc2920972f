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

async function add(list) {
  const files = [...list]; // a list empties with its field
  await ready;
  for (const file of files) {
    const node = $("item").content.firstElementChild.cloneNode(true);
    translate(node);
    const item = { file, node, state: "waiting" };
    const part = (name) => node.querySelector(name);
    part(".name").textContent = file.name;
    const before = part(".before");
    before.alt = t("before_alt", { name: file.name });
    before.src = URL.createObjectURL(file);
    before.addEventListener("error", () => { before.hidden = true; }); // a browser that shows no HEIC
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
  for (const [key, value] of new FormData($("how"))) if (value) form.append(key, value);
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
    show(item, answer.headers);
    return;
  }
}

// What the server says, in English; in another language what the kind of refusal is.
function refusal(body, status) {
  let said = {};
  try { said = JSON.parse(body); } catch { /* no JSON */ }
  const words = (said.error || "").replace(/^[^:]*: /, "");
  if (document.documentElement.lang === "en" && words) return words;
  const known = { file_too_large: t("too_large"), invalid_picture: t("unreadable") };
  return known[said.errors?.[0]?.code] || words || t("error", { status });
}

function show(item, headers) {
  const { node, file, result } = item;
  const ending = { "image/jpeg": "jpg", "image/webp": "webp", "image/tiff": "tif" }[result.type] || "png";
  const taken = new Set(items.map((each) => each.saved));
  const base = file.name.replace(/\.[^.]*$/, "");
  item.saved = `${base}.${ending}`;
  for (let number = 2; taken.has(item.saved); number++) item.saved = `${base}-${number}.${ending}`;
  const link = node.querySelector("a");
  link.href = URL.createObjectURL(result);
  link.download = item.saved;
  link.hidden = false;
  const after = node.querySelector(".after");
  after.src = link.href;
  after.alt = t("after_alt", { name: file.name });
  node.querySelector(".compare").classList.add("done");
  node.querySelector("input").disabled = false;
  const sure = Number(headers.get("X-Confidence"));
  const found = Number(headers.get("X-Foreground-Width")) > 0;
  const doubt = !found || sure < 0.9;
  node.classList.toggle("doubt", doubt);
  const size = `${headers.get("X-Width")} × ${headers.get("X-Height")}`;
  say(item, "done", !found ? t("nothing") : doubt ? t("doubt", { size }) : size);
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
