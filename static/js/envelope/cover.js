/** The outside of the envelope: one panel whose words and buttons change in place with the state. */

import { button, element } from "./dom.js";
import { gettext } from "./gettext.js";
import { isWorthAnotherTry, stateOf, words } from "./refusals.js";

export class Cover {
  /** @param {Document} page the template's; @param {() => void} onOpen on «Open message» and «Try again» */
  constructor(page, onOpen) {
    this.main = page.getElementById("main");
    this.ready = page.getElementById("ready");
    this.panel = page.getElementById("panel");
    this.status = page.getElementById("status");
    this.actions = page.getElementById("actions");
    this.onOpen = onOpen;
    page.getElementById("open").addEventListener("click", onOpen);
  }

  /** As it was when the page came up. */
  showReady() {
    this.show("ready", [], []);
    this.ready.hidden = false;
    this.panel.hidden = true;
    this.ready.querySelector("button").focus();
  }

  /** Something takes a moment. @returns {(fraction: number) => void} moves the bar */
  showBusy(state, title) {
    const bar = element("progress", { "aria-label": title, max: 1 });
    this.show(state, [element("h2", {}, title), bar], []);
    return (fraction) => {
      bar.value = fraction;
    };
  }

  /** The person signs in over there; here stands what both windows show. */
  showWaiting({ server, code, signIn, onCancel }) {
    const told = signIn.blocked
      ? gettext("Your browser did not open the window of %(server)s. Open it yourself:", { server })
      : gettext("A window of %(server)s has opened.", { server });
    const check = gettext("It shows this number too. If not, close it.");
    const number = element("div", { class: "match" }, element("strong", { id: "match-code" }, String(code)), element("p", {}, check));
    const cancel = button(gettext("Cancel"), onCancel, { id: "cancel" });
    const heading = element("h2", {}, gettext("Sign in to read the message"));
    this.show("waiting", [heading, element("p", {}, told), number], [this.way(signIn), cancel]);
  }

  /** To the window: a button that brings it up, or the link that stands in where it was blocked. */
  way(signIn) {
    const label = gettext("Go to the sign-in window");
    if (!signIn.blocked) return button(label, () => signIn.show(), { id: "window" });
    const attributes = { id: "window", class: "primary", href: signIn.address, target: "_blank", rel: "opener" };
    return element("a", attributes, label);
  }

  /** It cannot be opened: what happened, what to do next. */
  showRefusal(error, envelope) {
    const state = stateOf(error);
    const [title, ...sentences] = words(state, error.details ?? {}, envelope);
    const told = sentences.filter(Boolean).map((text) => element("p", {}, text));
    const refusal = element("div", { class: "refusal" }, element("h2", {}, title), ...told);
    const again = button(gettext("Try again"), this.onOpen, { id: "again", class: "primary" });
    this.show(state, [refusal], isWorthAnotherTry(state) ? [again] : []);
  }

  show(state, status, actions) {
    const hasFocus = this.main.contains(document.activeElement);
    this.main.dataset.state = state;
    this.ready.hidden = true;
    this.panel.hidden = false;
    this.status.replaceChildren(...status);
    this.actions.replaceChildren(...actions);
    if (hasFocus) this.panel.focus({ preventScroll: true });
  }
}
