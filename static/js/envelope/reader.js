/** The opened message: its head, its text, its attachments, in the place of the cover. */

import { attachmentList } from "./attachments.js";
import { BodyView } from "./bodyview.js";
import { button, element } from "./dom.js";
import { gettext } from "./gettext.js";
import { dateText } from "./locale.js";
import { mentionedIds } from "./mailimages.js";

const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif"];

/** Show `content` of `readContent`. @param {string|null} [offer] what the key server has to offer afterwards */
export async function showMessage({ headers, parts }, { locale, server }, offer) {
  const subject = headers.subject || gettext("No subject");
  const fields = fieldsOf(headers, locale);
  const { bodies, images, others } = await sorted(parts);
  const heading = [subject, ...fields.map(([name, value]) => `${name}: ${value}`)];
  const view = new BodyView(bodies, { images, heading });
  const print = button(gettext("Print"), () => view.print(), { id: "print" });
  const title = element("h1", { id: "subject", tabindex: "-1" }, subject);
  const pieces = [element("header", {}, title, print), fieldList(fields), view.bar, view.frame.element];
  putInPlace([...pieces, attachmentList(others, locale), offer === "passphrase" ? offerOf(server) : null]);
  title.focus({ preventScroll: true });
  printByKeys(view);
}

/** Under the message, where it disturbs nobody who reads. */
function offerOf(server) {
  const place = { href: `${server}/welcome`, target: "_blank", rel: "noopener noreferrer" };
  const words = gettext("Next time without a code: choose a passphrase");
  return element("p", { id: "offer" }, element("a", place, words));
}

function putInPlace(pieces) {
  const message = document.getElementById("message");
  message.replaceChildren(...pieces.filter(Boolean));
  document.getElementById("cover").hidden = true;
  message.hidden = false;
  document.getElementById("main").dataset.state = "open";
  window.scrollTo(0, 0);
}

/** What is read as text, which pictures stand in it, and what is left to be listed: nothing gets lost. */
async function sorted(parts) {
  const bodies = await bodiesOf(parts);
  const mentioned = mentionedIds(bodies.map(({ html }) => html ?? "").join("\n"));
  const isPicture = ({ role, id, type }) => role === "inline" && mentioned.has(id) && PICTURES.includes(type);
  const pictures = parts.filter(isPicture);
  const addresses = pictures.map(async (part) => [part.id, URL.createObjectURL(await part.blob(part.type))]);
  const isListed = (part) => ["inline", "attachment"].includes(part.role) && !isPicture(part);
  return { bodies, images: new Map(await Promise.all(addresses)), others: parts.filter(isListed) };
}

/** Of each group of alternatives the richest, in the order in which the groups came. */
async function bodiesOf(parts) {
  const groups = new Map();
  for (const part of parts.filter(({ role }) => role === "text" || role === "html")) {
    groups.set(part.group, [...(groups.get(part.group) ?? []), part]);
  }
  const chosen = Array.from(groups.values(), richest).flat();
  return Promise.all(chosen.map(async (part) => ({ [part.role]: await part.text() })));
}

function richest(alternatives) {
  const html = alternatives.filter(({ role }) => role === "html");
  return html.length ? html : alternatives;
}

function fieldsOf({ from, to, cc, reply_to, date }, locale) {
  const fields = [
    [gettext("From"), from],
    [gettext("To"), to],
    [gettext("Cc"), cc],
    [gettext("Reply to"), reply_to],
    [gettext("Sent"), date && dateText(date, locale)],
  ];
  return fields.filter(([, value]) => value);
}

function fieldList(fields) {
  const row = ([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value));
  return element("dl", { class: "facts" }, ...fields.map(row));
}

/** The browser's own command prints the page around the frame too, and cuts the frame; ours does not. */
function printByKeys(view) {
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "p") return;
    event.preventDefault();
    view.print();
  });
}
