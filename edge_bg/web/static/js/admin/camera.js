// Which camera, which model, and the empty room.

import { api } from "../net.js";
import { t } from "../words.js";
import { by, changed, tell, trying } from "./tell.js";

function options(list, key) {
  return list.map((each) => {
    const value = String(each[key] ?? each);
    return new Option(each.label ?? each.name ?? value, value, each.selected, each.selected);
  });
}

export function camera() {
  by("camera-pick").onchange = () => trying(async () => { await api("PUT", "camera", { id: by("camera-pick").value }); changed(); });
  by("model-pick").onchange = () => trying(async () => { await api("PUT", "model", { name: by("model-pick").value }); changed(); });
  by("learn").onclick = () => trying(async () => { await api("POST", "room/learn"); tell(t("learning"), true); });

  async function load() {
    const [cameras, models] = await Promise.all([api("GET", "cameras"), api("GET", "models")]);
    by("camera-pick").replaceChildren(...options(cameras, "id"));
    by("model-pick").replaceChildren(...options(models, "name"));
  }

  return {
    load,
    watch(on) { if (on) trying(load); }, // a camera may have been plugged in meanwhile
    take(room) {
      if (!room) return;
      const [words, level] = room.wrong ? [t("room_wrong"), "bad"] : room.learned ? [t("room_known"), "good"] : [t("room_unknown"), "warn"];
      if (by("room").textContent !== words) by("room").textContent = words;
      by("room").dataset.level = level;
    },
  };
}
