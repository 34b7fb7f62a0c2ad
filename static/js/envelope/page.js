/** The page as a whole: from a click to the message, and what is shown on the way. */

import { Alarm } from "./alarm.js";
import { equal } from "./bytes.js";
import { readContent } from "./content.js";
import { Cover } from "./cover.js";
import { readEnvelope } from "./data.js";
import { AlteredError, EnvelopeError, NoAnswerError } from "./errors.js";
import { gettext, speak } from "./gettext.js";
import { warmUp } from "./locale.js";
import { Opening } from "./opening.js";
import { checkPolicy, decodeCarriers, readPayload } from "./payload.js";
import { showMessage } from "./reader.js";
import { decrypt } from "./segments.js";
import { SignInWindow } from "./signin-window.js";

/** @param {Document} page @param {Function} [standIn] a cipher for keys that the browser refuses */
export function start(page, standIn) {
  const envelope = envelopeOf(page);
  speak(envelope.strings);
  const checked = check(page, envelope);
  const cover = new Cover(page, () => open({ envelope, cover, checked, standIn }));
  checked.then(() => warmUp(envelope.locale)).catch((error) => cover.showRefusal(error, envelope));
}

/** The data block; where a mail filter broke it, just enough to say so. */
function envelopeOf(page) {
  try {
    return readEnvelope(page.getElementById("envelope").textContent);
  } catch (broken) {
    const policy = { sender: page.getElementById("sender").textContent.trim() };
    return { broken, policy, server: "https://invalid", locale: page.documentElement.lang, strings: {} };
  }
}

/** Whether the browser has what opening needs; the newest of it is from 2023. */
function canOpen() {
  return Boolean(globalThis.crypto?.subtle && globalThis.DecompressionStream && Array.prototype.at);
}

/** The payload once the document is there, known to be as it was sent: before anyone is asked to sign in. */
async function check(page, envelope) {
  if (!canOpen()) throw new EnvelopeError("browser");
  if (envelope.broken) throw envelope.broken;
  await loaded(page);
  const carriers = Array.from(page.querySelectorAll("input[name=p]"), (input) => input.value);
  const { inputs, digest } = await decodeCarriers(carriers);
  if (!equal(digest, envelope.digest)) throw new AlteredError();
  const payload = readPayload(inputs);
  await checkPolicy(payload, envelope.policyText);
  return payload;
}

function loaded(page) {
  if (page.readyState !== "loading") return undefined;
  return new Promise((resolve) => page.addEventListener("DOMContentLoaded", resolve, { once: true }));
}

/** One click on «Open message». Everything up to the first `await` happens within the click. */
async function open({ envelope, cover, checked, standIn }) {
  if (navigator.onLine === false) return cover.showRefusal(new NoAnswerError(false), envelope);
  const opening = new Opening(envelope);
  const signIn = envelope.policy.level === "none" ? null : new SignInWindow(opening);
  cover.showBusy("opening", gettext("One moment…"));
  try {
    const payload = await checked;
    const keyShare = await obtain({ envelope, opening, payload, signIn, cover });
    const progress = cover.showBusy("decrypting", gettext("Opening your message…"));
    const segments = await decrypt(payload, { keyShare, secret: envelope.secret }, { standIn, progress });
    await showMessage(readContent(segments, payload.segmentSize), envelope);
  } catch (error) {
    signIn?.close();
    if (error.code === "cancelled") return cover.showReady();
    cover.showRefusal(error, envelope);
  }
}

/** The key share: at once for level none, else when the person has signed in. */
async function obtain({ envelope, opening, payload, signIn, cover }) {
  const code = await opening.prepare(payload.messageId);
  const answer = await opening.ask();
  if (answer instanceof Uint8Array) return answer;
  const alarm = new Alarm();
  const stopListening = signIn.ringWhenDone(alarm);
  const server = new URL(envelope.server).host;
  cover.showWaiting({ server, code, signIn, onCancel: () => alarm.stop() });
  try {
    return await opening.result(answer, alarm);
  } finally {
    stopListening();
    signIn.close();
  }
}
