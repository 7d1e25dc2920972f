import { Live } from "./live.js";
import { viewOnly } from "./view.js";
import { preferred, speak } from "./words.js";

const live = new Live(document.getElementById("live"));
await speak(preferred());
viewOnly(live);
