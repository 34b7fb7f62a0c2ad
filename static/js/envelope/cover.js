/** The outside of the envelope: one panel whose words and buttons change in place with the state. */

import { button, element } from "./dom.js";
import { gettext } from "./gettext.js";
import { isWorthAnotherTry, stateOf, words } from "./refusals.js";

export class Cover {
  /** @param {Document} page @param {() => void} onOpen on «Open message» and «Try again» */
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
    const number = element("strong", { id: "match-code" }, String(code));
    const check = element("p", {}, gettext("The window shows this number too. If not, close it."));
    const match = element("div", { class: "match" }, number, check);
    const heading = element("h2", {}, gettext("Sign in to read the message"));
    const cancel = button(gettext("Cancel"), onCancel, { id: "cancel" });
    const sentences = paragraphs(howToSignIn(signIn, server));
    this.show("waiting", [heading, ...sentences, match], [wayTo(signIn), cancel]);
  }

  /** It cannot be opened: what happened, what to do next. */
  showRefusal(error, envelope) {
    const state = stateOf(error);
    const [title, ...sentences] = words(state, error.details ?? {}, envelope);
    const heading = element("h2", {}, title);
    const refusal = element("div", { class: "refusal" }, heading, ...paragraphs(sentences.filter(Boolean)));
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

function paragraphs(sentences) {
  return sentences.map((sentence) => element("p", {}, sentence));
}

function howToSignIn(signIn, server) {
  if (!signIn.blocked) return [gettext("A window of %(server)s has opened.", { server })];
  return [
    gettext("Your browser did not open the window of %(server)s. Open it yourself:", { server }),
    gettext("If you see this page in a mail program, save the file on your computer and open it from there."),
  ];
}

/** To the window: a button that brings it up, or the link that stands in where it was blocked. */
function wayTo(signIn) {
  const label = gettext("Go to the sign-in window");
  if (!signIn.blocked) return button(label, () => signIn.show(), { id: "window" });
  const place = { href: signIn.address, target: "_blank", rel: "opener" };
  return element("a", { id: "window", class: "primary", ...place }, label);
}
