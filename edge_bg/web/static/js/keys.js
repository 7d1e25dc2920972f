// Keyboard and presenter remote (PageUp, PageDown, B or a full stop for "black screen", Enter): one table for each state.

const NEXT = ["PageDown", "ArrowRight", "ArrowDown"];
const BACK = ["PageUp", "ArrowLeft", "ArrowUp"];
const GO = ["Enter", " ", "b", "B", "."];

const table = (entries) => Object.fromEntries(entries.flatMap(([keys, name]) => keys.map((key) => [key, name])));

const KEYS = {
  attract: table([[[...NEXT, ...BACK, ...GO], "start"]]),
  live: table([[NEXT, "forth"], [BACK, "back"], [GO, "shutter"], [["Escape"], "abort"]]),
  counting: table([[["Escape", "PageUp"], "abort"]]),
  consent: table([[["PageDown"], "consent"], [["PageUp", "Escape"], "decline"]]),
  approval: table([[["PageDown", ...GO], "keep"], [["PageUp", "Backspace"], "retake"], [["ArrowRight"], "forth"], [["ArrowLeft"], "back"], [["Escape"], "abort"]]),
  result: table([[[...NEXT, ...GO], "next"], [["Escape"], "next"]]),
};

/** Call `act(name)` for keys that mean something in the state that `where()` gives. */
export function onKeys(where, act) {
  addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || document.querySelector("#sure[open]")) return;
    // A button that has the focus is pressed by Enter and the space bar, as everywhere.
    if ((event.key === "Enter" || event.key === " ") && event.target.closest("button, a")) return;
    const name = KEYS[where()]?.[event.key];
    if (!name) return;
    event.preventDefault();
    act(name);
  });
}
