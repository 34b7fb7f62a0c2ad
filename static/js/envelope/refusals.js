/** What the page says when it cannot open: what happened, and what to do next. */

import { gettext } from "./gettext.js";
import { dateText, durationText } from "./locale.js";

const ALTERED = ["altered", "format", "limit-exceeded", "payload-corrupt"];
const FINAL = ["altered", "not-found", "unsupported-version"];
const KNOWN = [
  ...FINAL,
  "expired",
  "locked",
  "not-a-recipient",
  "offline",
  "unreachable",
  "gone",
  "throttled",
  "wrong-key",
  "server-error",
];

/** The page's state for an error: one of KNOWN, or `failed`. */
export function stateOf(error) {
  const code = ALTERED.includes(error.code) ? "altered" : String(error.code).replace(/^message-/, "");
  return KNOWN.includes(code) ? code : "failed";
}

/** Whether the same click can end better a second time. */
export const isWorthAnotherTry = (state) => !FINAL.includes(state);

/** @returns {string[]} a heading and its sentences; empty ones are left out */
export function words(state, details, envelope) {
  const server = new URL(envelope.server).host;
  const sender = envelope.policy.sender_name || envelope.policy.sender;
  const ask = gettext("If you still need it, ask %(sender)s to make it available again.", { sender });
  const saveAgain = gettext(
    "Save the attachment from the mail once more, or ask %(sender)s to send it again.",
    { sender },
  );
  const door = envelope.opensOnline ? gettext("You can still open it online, below.") : "";
  switch (state) {
    case "offline":
      return [gettext("You are offline"), gettext("Connect to the internet, then try again.")];
    case "unreachable":
      return [
        gettext("%(server)s does not answer", { server }),
        gettext("Check your internet connection and try again in a few minutes."),
        gettext("If you see this page in a mail program, save the file on your computer and open it from there."),
        door,
      ];
    case "expired":
      return [gettext("This message has expired"), expiry(details, envelope), ask];
    case "locked":
      return [gettext("The sender has locked this message"), reason(details), ask];
    case "not-a-recipient":
      return [
        gettext("This message is for another address"),
        gettext("It was sent to %(recipient)s. Sign in with that address.", { recipient: envelope.recipient }),
        gettext("If that is not yours, ask %(sender)s to send the message to you.", { sender }),
      ];
    case "altered":
      return [
        gettext("This file was changed on its way to you"),
        gettext("A mail filter or a broken download may have done it. It cannot be opened like this."),
        door || saveAgain,
      ];
    case "not-found":
      return [
        gettext("%(server)s does not know this message", { server }),
        gettext("It may be very old, or it was removed. Ask %(sender)s to send it again.", { sender }),
      ];
    case "gone":
      return [
        gettext("The sign-in took too long, or was already used"),
        gettext("Nothing is lost. Try again whenever you are ready."),
      ];
    case "throttled":
      return [gettext("Too many attempts"), pause(details, envelope)];
    case "wrong-key":
      return [gettext("This file and %(server)s do not fit together", { server }), saveAgain];
    case "unsupported-version":
      return [gettext("This file was made in a way this page does not know"), saveAgain];
    case "server-error":
      return [
        gettext("%(server)s has a problem", { server }),
        gettext("Try again in a few minutes."),
        details.id ? gettext("If this goes on, tell %(sender)s this number: %(id)s", { sender, id: details.id }) : "",
      ];
    default:
      return [
        gettext("The message could not be opened"),
        gettext("Try again. If that does not help, open the file in another browser."),
        door,
      ];
  }
}

function expiry({ expired_at: at }, { locale }) {
  return at ? gettext("It could be opened until %(date)s.", { date: dateText(at, locale) }) : "";
}

function reason({ reason: given }) {
  return given ? gettext("The sender’s reason: %(reason)s", { reason: given }) : "";
}

function pause({ retry_after: seconds }, { locale }) {
  return gettext("Wait %(time)s, then try again.", { time: durationText(seconds || 60, locale) });
}
