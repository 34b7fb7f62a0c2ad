/** What the page behind a link says when it cannot open: where there is no file, and maybe no sender known yet. */

import { gettext } from "../envelope/gettext.js";
import * as ofFiles from "../envelope/refusals.js";

const OWN = ["link-incomplete", "no-copy"];
const FINAL = ["link-incomplete", "no-copy", "not-a-recipient"];

export function stateOf(error) {
  return OWN.includes(error.code) ? error.code : ofFiles.stateOf(error);
}

export function isWorthAnotherTry(state) {
  return !FINAL.includes(state) && ofFiles.isWorthAnotherTry(state);
}

/** As `words` of the file's; before the copy has come, `envelope.policy.sender` is empty. */
export function words(state, details, envelope) {
  const askAgain = gettext("Ask the sender to send it again.");
  const [title, ...sentences] = ofFiles.words(state, details, envelope);
  switch (state) {
    case "link-incomplete":
    case "not-a-recipient":
      return [
        gettext("This link is incomplete"),
        gettext("Copy it whole from the mail, up to its last letter, into the address line."),
      ];
    case "no-copy":
      return [
        gettext("This message is not kept here any more"),
        gettext("If the mail came with a file securedoc.html, open that."),
        askAgain,
      ];
    case "not-found":
      return [title, gettext("The link may have been changed, or it is very old."), askAgain];
    case "altered":
    case "wrong-key":
    case "unsupported-version":
      return [gettext("The message cannot be opened by this link"), askAgain];
    case "locked":
    case "expired":
      if (envelope.policy.sender) return [title, ...sentences];
      return [title, sentences[0], gettext("If you still need it, ask the sender to make it available again.")];
    case "unreachable":
      return [title, sentences[0]];
    case "server-error":
      return [
        title,
        sentences[0],
        details.id ? gettext("If this goes on, tell the sender this number: %(id)s", { id: details.id }) : "",
      ];
    case "failed":
      return [title, gettext("Try again. If that does not help, open the link in another browser.")];
    default:
      return [title, ...sentences];
  }
}
