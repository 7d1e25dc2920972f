// Keep the screen on while the page is shown, where the browser lets us (on localhost, or over https).

export function stayAwake() {
  let lock = null;
  async function ask() {
    if (document.hidden || lock !== null || !navigator.wakeLock) return;
    try {
      lock = await navigator.wakeLock.request("screen");
      lock.addEventListener("release", () => { lock = null; });
    } catch { /* not allowed here: the system's own setting holds */ }
  }
  document.addEventListener("visibilitychange", ask);
  ask();
}
