// Requests to this server. Addresses are relative to the page, so that it also works below a proxy's folder.

export const BASE = "api/v1/";

export class Refused extends Error {
  constructor(status, words) { super(words); this.status = status; }
}

/** One request; gives the answer's JSON, or null when it has none. Throws Refused with words a person understands. */
export async function ask(method, path, body) {
  const options = { method, cache: "no-store", credentials: "same-origin", headers: { "Accept-Language": document.documentElement.lang } };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(path, options);
  const json = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json() : null;
  if (!answer.ok) throw new Refused(answer.status, json?.error || `${path}: ${answer.status} ${answer.statusText}`);
  return json;
}

export const api = (method, path, body) => ask(method, BASE + path, body);

/** An address the server gave, relative to the page. */
export const here = (url) => url.replace(/^\//, "");

const LOOK = 10_000; // ms between two looks beside the events, in case the line is dead without saying so

/** Follow the booth's state: `changed(state, keys)` at first and with every change, `lost()` when the server is gone.
    What comes back has `again()`, which asks anew, for who has become somebody else. */
export function follow(changed, lost) {
  let state = {};
  let source = null;
  let wait = 500;
  let timer = 0;

  function take(piece) {
    wait = 500;
    state = { ...state, ...piece };
    changed(state, new Set(Object.keys(piece)));
  }
  function open() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(`${BASE}events`);
    source.addEventListener("state", (event) => take(JSON.parse(event.data)));
    source.onerror = gone;
  }
  function gone() {
    source?.close();
    source = null;
    lost();
    clearTimeout(timer);
    timer = setTimeout(open, wait);
    wait = Math.min(2 * wait, 4000);
  }
  setInterval(async () => {
    if (document.hidden || source === null) return;
    try {
      await fetch(`${BASE}state`, { cache: "no-store", signal: AbortSignal.timeout(LOOK / 2) });
    } catch { gone(); }
  }, LOOK);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && source === null) open(); });
  open();
  return { again: open };
}
