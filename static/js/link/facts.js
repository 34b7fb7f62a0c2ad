/** The outside of an envelope that came by a link: what a file has in its text already. */

import { element } from "../envelope/dom.js";
import { gettext } from "../envelope/gettext.js";
import { dateText } from "../envelope/locale.js";

const MOST = 4; // recipients by name

export function showFacts(page, { policy, recipient, locale, remember, receipt }) {
  const fact = (name, ...words) => {
    page.querySelector(`#fact-${name} dd`).replaceChildren(...words);
    page.getElementById(`fact-${name}`).hidden = words.length === 0;
  };
  fact("from", ...senderOf(policy));
  fact("to", ...recipientsOf(policy, recipient));
  fact("for", bdi(recipient));
  fact("sent", dateText(policy.sent, locale));
  fact("expires", ...(policy.expires ? [dateText(policy.expires, locale)] : []));
  if (policy.subject) page.querySelector("h1").textContent = policy.subject;
  for (const part of page.querySelectorAll("[data-levels]")) {
    part.hidden = !part.dataset.levels.split(" ").includes(policy.level);
  }
  if (!receipt) page.querySelector("[data-receipt]").hidden = true; // where one signs in, the window says it
  page.getElementById("remember-row").hidden = !remember;
}

function senderOf({ sender, sender_name: name }) {
  if (!name) return [bdi(sender)];
  return [bdi(name), " ", element("bdi", { class: "quiet" }, sender)];
}

function recipientsOf({ recipients }, recipient) {
  if (recipients.length === 1 && recipients[0] === recipient) return [];
  const shown = recipients.slice(0, MOST).flatMap((address, i) => (i ? [", ", bdi(address)] : [bdi(address)]));
  const count = recipients.length - MOST;
  return count > 0 ? [...shown, " ", gettext("and %(count)s more", { count })] : shown;
}

function bdi(words) {
  return element("bdi", {}, words);
}
