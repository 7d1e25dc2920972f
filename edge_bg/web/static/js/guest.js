// The guest's page. With `control` off it is the view-only page; else it follows the booth's flow.

import { Booth } from "./booth.js";
import { Live } from "./live.js";
import { api, follow } from "./net.js";
import { viewBar } from "./view.js";
import { preferred, speak } from "./words.js";

const live = new Live(document.getElementById("live"));
await speak(preferred());
const bar = viewBar();
const booth = new Booth(live);
let away = false;

/** Whether this server has an API; one that was started by a program of its own may have none. */
async function talks() {
  try { await api("GET", "state"); } catch (error) { return error.status !== 404; }
  return true;
}

if (!(await talks())) bar.show(true);
else follow((state, keys) => {
  if (away) live.again();
  away = false;
  bar.show(!state.control);
  if (state.control) booth.take(state, keys);
  else document.body.dataset.flow = "view";
}, () => {
  away = true;
  bar.lost();
  booth.lost();
});
