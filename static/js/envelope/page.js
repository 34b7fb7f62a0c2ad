/** The file's page: what it carries, whether that is as it was sent, and what its button does. */

import { encode, equal } from "./bytes.js";
import { Cover } from "./cover.js";
import { readEnvelope, readStrings } from "./data.js";
import { AlteredError } from "./errors.js";
import { speak } from "./gettext.js";
import { Opener } from "./opener.js";
import { checkPolicy, decodeCarriers, readPayload } from "./payload.js";

/**
 * Where the browser has not what opening needs, the page stays what it is without scripts.
 *
 * @param {Document} page @param {{standIn?: Function, remembered?: object}} means for `Opener`
 */
export async function start(page, means) {
  if (!wakeUp(page)) return;
  const envelope = await envelopeOf(page);
  const checked = check(page, envelope);
  checked.catch(() => closeDoor(page, envelope)); // the page says why once it waits for it
  await new Opener(envelope, new Cover(page), { checked, ...means }).begin();
}

/** Tell the style sheet and the script in the head that the script runs; the newest it needs is from 2023. */
export function wakeUp({ documentElement: root }) {
  const canOpen = Boolean(globalThis.crypto?.subtle && globalThis.DecompressionStream && Array.prototype.at);
  root.className = canOpen ? "js" : "";
  root.dataset.ready = "yes";
  return canOpen;
}

/** The data block, its words spoken from now on; where a mail filter broke it, just enough to say so. */
async function envelopeOf(page) {
  try {
    const envelope = readEnvelope(page.getElementById("envelope")?.textContent ?? "");
    speak(await readStrings(envelope.strings));
    const form = envelope.applet ? null : page.getElementById("online");
    return { ...envelope, form };
  } catch (broken) {
    const policy = { sender: page.getElementById("sender").textContent.trim() };
    return { broken, policy, server: "https://invalid", locale: page.documentElement.lang };
  }
}

/** The payload once the document is there, known to be as it was sent: before anyone is asked to sign in. */
async function check(page, envelope) {
  await loaded(page);
  const carriers = Array.from(page.querySelectorAll("input[name=p]"), (input) => input.value);
  const { inputs, digest } = await decodeCarriers(carriers);
  envelope.opensOnline = page.querySelector("#online [name=digest]")?.value === encode(digest);
  if (envelope.broken) throw envelope.broken;
  if (!equal(digest, envelope.digest)) throw new AlteredError();
  const payload = readPayload(inputs);
  await checkPolicy(payload, envelope.policyText);
  return payload;
}

/** The key server would refuse an altered payload, too. */
function closeDoor(page, { opensOnline }) {
  const form = page.getElementById("online");
  if (form && !opensOnline) form.hidden = true;
}

function loaded(page) {
  if (page.readyState !== "loading") return undefined;
  return new Promise((resolve) => page.addEventListener("DOMContentLoaded", resolve, { once: true }));
}
