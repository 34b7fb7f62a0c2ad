/** The key server's window, in which the person signs in; this page never sees what is typed there. */

const READY = "sealpost:ready";
const SHAPE = "popup,width=520,height=760";

export class SignInWindow {
  /** Call it within a click: only then a browser lets the window open. */
  constructor(opening) {
    this.address = opening.address;
    this.server = opening.server;
    this.name = `sealpost-${opening.address.slice(-12)}`;
    this.show();
  }

  /** Bring the window up, opening it again where it was closed. */
  show() {
    if (this.window && !this.window.closed) return this.window.focus();
    const opened = window.open(this.address, this.name, SHAPE);
    this.window = opened?.closed ? null : opened; // a browser that blocks may hand out a closed one
  }

  /** Whether the browser refused to open it. */
  get blocked() {
    return !this.window;
  }

  close() {
    this.window?.close();
  }

  /**
   * Ring when the window says that it is done, and when the person comes back to this page: where the page
   * has no hold on the window (a link, another browser, a phone) that is when a result is likely.
   *
   * @returns {() => void} stops listening
   */
  ringWhenDone(alarm) {
    const ring = () => document.visibilityState === "visible" && alarm.ring();
    const hear = (event) => this.isReady(event) && alarm.ring();
    window.addEventListener("message", hear);
    window.addEventListener("focus", ring);
    document.addEventListener("visibilitychange", ring);
    return () => {
      window.removeEventListener("message", hear);
      window.removeEventListener("focus", ring);
      document.removeEventListener("visibilitychange", ring);
    };
  }

  /** A word from the key server's own window; behind the link that stands in, that window is not known. */
  isReady({ data, origin, source }) {
    return data === READY && origin === this.server && (!this.window || source === this.window);
  }
}
