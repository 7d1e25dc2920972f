// Cards put in another order by dragging, with a mouse or a finger.

const FAR = 8; // pixels from which a press is a drag

/** Drag `card` by its part `hold` onto another card of its shelf: `put(id of that one)`. `may(event)`: whether a press counts. */
export function drag(card, hold, may, put) {
  let from = null;
  let over = null;
  let moved = false;

  hold.addEventListener("pointerdown", (event) => {
    moved = false;
    if (event.button !== 0 || !may(event)) return;
    from = { x: event.clientX, y: event.clientY };
    hold.setPointerCapture(event.pointerId);
  });
  hold.addEventListener("pointermove", (event) => {
    if (from === null) return;
    const [x, y] = [event.clientX - from.x, event.clientY - from.y];
    if (!moved && Math.hypot(x, y) < FAR) return;
    moved = true;
    card.classList.add("held");
    card.style.translate = `${x}px ${y}px`;
    over?.classList.remove("over");
    const under = document.elementFromPoint(event.clientX, event.clientY)?.closest(".card");
    over = under && under !== card && under.parentElement === card.parentElement ? under : null;
    over?.classList.add("over");
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    hold.addEventListener(kind, () => {
      const place = kind === "pointerup" ? over : null;
      over?.classList.remove("over");
      from = over = null;
      card.classList.remove("held");
      card.style.translate = "";
      if (place) put(place.dataset.id);
    });
  }
  // The click that a browser makes of the end of a drag is none.
  hold.addEventListener("click", (event) => { if (moved) event.stopImmediatePropagation(); }, true);
}
