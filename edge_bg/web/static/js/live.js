// The live picture: MJPEG in an <img>. Lets go of it while the page is hidden, so that nothing is encoded for nobody.

export class Live {
  #timer = 0;
  #wait = 500;
  #wanted = true;

  constructor(image, address = "stream") {
    this.image = image;
    this.address = address;
    image.addEventListener("load", () => { this.#wait = 500; });
    image.addEventListener("error", () => this.#later());
    document.addEventListener("visibilitychange", () => this.#turn());
    this.#turn();
  }

  /** Ask for the stream anew: the server was away, or has closed the camera and opened it again. */
  again() { if (this.#wanted) this.#turn(); }

  stop() { this.#wanted = false; this.#turn(); }

  start() { if (!this.#wanted) { this.#wanted = true; this.#turn(); } }

  #turn() {
    clearTimeout(this.#timer);
    if (document.hidden || !this.#wanted) this.image.removeAttribute("src");
    else this.image.src = `${this.address}?${Date.now()}`;
  }

  #later() {
    if (document.hidden || !this.#wanted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#turn(), this.#wait);
    this.#wait = Math.min(2 * this.#wait, 8000);
  }
}
