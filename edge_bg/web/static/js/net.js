// Requests to this server. Addresses are relative to the page, so that it also works below a proxy's folder.

export const BASE = "api/v1/";

export class Refused extends Error {
  constructor(status, words) { super(words); this.status = status; }
}

/** One request; gives the answer's JSON, or null when it has none. Throws Refused with words a person understands. */
export async function ask(method, path, body) {
  const options = { method, cache: "no-store", credentials: "same-origin", headers: {} };
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
