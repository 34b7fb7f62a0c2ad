/** The frame that shows the body: without scripts, as tall as what is in it. */

import { element } from "./dom.js";
import { gettext } from "./gettext.js";

// Same origin so that this page can measure it, popups for its links, modals to print it; never scripts.
const SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox allow-modals";
const TALLEST = 200_000; // pixels
const MOST_CHANGES = 100; // a body that grows with its frame would never end

export class Frame {
  constructor() {
    this.element = element("iframe", { id: "body", sandbox: SANDBOX, title: gettext("Text of the message") });
    this.element.addEventListener("load", () => this.follow());
  }

  /** Show a document of `bodyDocument`. */
  show({ html, isPaper }) {
    this.element.classList.toggle("paper", isPaper);
    this.element.srcdoc = html;
  }

  /** Print what is in the frame, and only that. @returns {boolean} whether the browser let us */
  print() {
    try {
      this.element.contentWindow.print();
      return true;
    } catch {
      return false; // a mail preview that hides the frame from this page
    }
  }

  /** Keep the frame as tall as its content. Where it cannot be read it keeps its own height, and scrolls. */
  follow() {
    const root = this.element.contentDocument?.documentElement;
    this.observer?.disconnect();
    if (!root) return;
    let changes = 0;
    this.observer = new ResizeObserver(() => {
      if (changes++ < MOST_CHANGES) this.fit(root);
    });
    this.observer.observe(root);
    this.fit(root);
  }

  fit(root) {
    this.resize(root, root.getBoundingClientRect().height);
    const { scrollHeight, clientHeight } = root;
    if (scrollHeight > clientHeight) this.resize(root, scrollHeight); // something placed outside the flow
  }

  /** Give the content `height`, with room for a horizontal scrollbar and the frame's own edges. */
  resize(root, height) {
    const around = this.element.offsetHeight - root.clientHeight;
    this.element.style.blockSize = `${Math.min(Math.ceil(height) + around, TALLEST)}px`;
  }
}
