/** The outside of the envelope: one panel whose words and buttons change in place with the state. */

import { button, element } from "./dom.js";
import { gettext } from "./gettext.js";
import * as fileRefusals from "./refusals.js";

export class Cover {
  /** @param {Document} page @param {object} [refusals] what refusals.js has */
  constructor(page, refusals = fileRefusals) {
    this.refusals = refusals;
    this.main = page.getElementById("main");
    this.ready = page.getElementById("ready");
    this.panel = page.getElementById("panel");
    this.status = page.getElementById("status");
    this.actions = page.getElementById("actions");
    this.how = page.getElementById("how");
    this.box = page.getElementById("remember");
    this.hint = page.getElementById("remember-hint");
    this.open = page.getElementById("open");
    this.onOpen = () => {}; // on «Open message» and «Try again»
    this.open.addEventListener("click", () => this.onOpen());
  }

  /** Until then the button does nothing, and says so to whoever cannot see it. */
  enable() {
    this.open.disabled = false;
  }

  /** Whether the person wants this envelope remembered. */
  get wantsRemembering() {
    return this.box.checked;
  }

  /** The box stays where it is, with the reason under it. */
  cannotRemember() {
    this.box.disabled = true;
    this.hint.style.minBlockSize = `${this.hint.getBoundingClientRect().height}px`;
    this.hint.textContent = gettext("This browser cannot remember it.");
  }

  /** It is remembered: in the place of the words about signing in. */
  showKept(onForget) {
    const told = gettext("This browser remembers this envelope: it opens without signing in.");
    const forget = button(gettext("Forget"), onForget, { id: "forget" });
    this.kept = element("div", { id: "kept" }, element("p", {}, told), forget);
    this.how.hidden = true;
    this.how.after(this.kept);
  }

  /** Not any more. */
  showUsual() {
    const hadFocus = this.kept.contains(document.activeElement);
    this.kept.remove();
    this.how.hidden = false;
    if (hadFocus) this.open.focus();
  }

  /** As it was when the page came up. */
  showReady() {
    this.show("ready", [], []);
    this.ready.hidden = false;
    this.panel.hidden = true;
    this.open.focus();
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
    const state = this.refusals.stateOf(error);
    const [title, ...sentences] = this.refusals.words(state, error.details ?? {}, envelope);
    const heading = element("h2", {}, title);
    const refusal = element("div", { class: "refusal" }, heading, ...paragraphs(sentences.filter(Boolean)));
    const again = button(gettext("Try again"), () => this.onOpen(), { id: "again", class: "primary" });
    this.show(state, [refusal], this.refusals.isWorthAnotherTry(state) ? [again] : []);
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
