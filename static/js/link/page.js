/** The page behind a «Read message» link: fetches the sealed message, then goes the file's own way. */

import { Cover } from "../envelope/cover.js";
import { parse, readPolicy, words } from "../envelope/data.js";
import { gettext, speak } from "../envelope/gettext.js";
import { Opener } from "../envelope/opener.js";
import { wakeUp } from "../envelope/page.js";
import { readLink } from "./address.js";
import { fetchCopy } from "./copy.js";
import { showFacts } from "./facts.js";
import * as refusals from "./refusals.js";

const NOBODY = { sender: "", sender_name: "" };

/** @param {Document} page @param {{standIn: Function, remembered: object}} means for `Opener` */
export async function start(page, means) {
  if (!wakeUp(page)) return;
  speak(words(parse(page.getElementById("words").textContent)));
  const envelope = { server: page.location.origin, locale: page.documentElement.lang, policy: NOBODY };
  const cover = new Cover(page, refusals);
  await arrive(page, { envelope, cover, means });
  window.addEventListener("hashchange", () => page.location.reload()); // another link into the same window
}

/** From the link to the press that opens; «Try again» begins here while there is no message yet. */
async function arrive(page, { envelope, cover, means }) {
  cover.onOpen = () => arrive(page, { envelope, cover, means });
  try {
    Object.assign(envelope, readLink(page.location), { applet: true });
    const progress = cover.showBusy("fetching", gettext("One moment…"));
    const [copy, state] = await Promise.all([fetchCopy(envelope, progress), means.remembered.askState(envelope, envelope)]);
    const { policyText, payload } = copy;
    const { remember = false, receipt = false } = state ?? {};
    Object.assign(envelope, { policy: readPolicy(policyText), remember, receipt });
    showFacts(page, envelope);
    cover.showReady();
    await new Opener(envelope, cover, { checked: Promise.resolve(payload), ...means }).begin();
  } catch (error) {
    cover.showRefusal(error, envelope);
  }
}
