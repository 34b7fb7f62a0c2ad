/** The opened message: its head, its text in a frame, its attachments. */

import { attachmentList } from "./attachments.js";
import { button, element } from "./dom.js";
import { Frame } from "./frame.js";
import { gettext } from "./gettext.js";
import { dateText } from "./locale.js";
import { bodyDocument, shownIds } from "./mailbody.js";

const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif"];

/** Put the message where the cover was. */
export async function showMessage({ headers, parts }, { locale }) {
  const bodies = await bodiesOf(parts);
  const shown = shownIds(bodies);
  const isShown = (part) => part.role === "inline" && shown.has(part.id) && PICTURES.includes(part.type);
  const images = await addresses(parts.filter(isShown));
  const listed = parts.filter((part) => part.role === "attachment" || (part.role === "inline" && !isShown(part)));
  const fields = fieldsOf(headers, locale);
  const subject = headers.subject || gettext("No subject");
  const heading = [subject, ...fields.map(([name, value]) => `${name}: ${value}`)];
  const view = new BodyView(bodies, { images, heading });
  const attachments = await attachmentList(listed, locale);
  const message = document.getElementById("message");
  const print = button(gettext("Print"), () => view.print(), { id: "print" });
  const title = element("h1", { id: "subject", tabindex: "-1" }, subject);
  message.replaceChildren(element("header", {}, title, print), fieldList(fields), ...view.elements, ...(attachments ? [attachments] : []));
  swap(message);
  title.focus({ preventScroll: true });
  printWithKeys(view);
}

function swap(message) {
  const main = document.getElementById("main");
  document.getElementById("cover").hidden = true;
  message.hidden = false;
  main.dataset.state = "open";
  window.scrollTo(0, 0);
}

/** Of each group of alternatives the richest, in the order in which they came. */
async function bodiesOf(parts) {
  const groups = new Map();
  for (const part of parts.filter(({ role }) => role === "text" || role === "html")) {
    const body = groups.get(part.group) ?? {};
    body[part.role] ??= part;
    groups.set(part.group, body);
  }
  const bodies = [...groups.values()].map(async ({ html, text }) => (html ? { html: await html.text() } : { text: await text.text() }));
  return Promise.all(bodies);
}

async function addresses(parts) {
  const images = new Map();
  for (const part of parts) images.set(part.id, URL.createObjectURL(await part.blob(part.type)));
  return images;
}

function fieldsOf(headers, locale) {
  const fields = [
    [gettext("From"), headers.from],
    [gettext("To"), headers.to],
    [gettext("Cc"), headers.cc],
    [gettext("Reply to"), headers.reply_to],
    [gettext("Sent"), headers.date && dateText(headers.date, locale)],
  ];
  return fields.filter(([, value]) => value);
}

function fieldList(fields) {
  const rows = fields.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  return element("dl", { class: "facts" }, ...rows);
}

/** The body, without pictures from the internet until they are asked for. */
class BodyView {
  constructor(bodies, { images, heading }) {
    Object.assign(this, { bodies, images, heading });
    this.frame = new Frame();
    this.elements = this.show(false) ? [this.bar(), this.frame.element] : [this.frame.element];
  }

  /** @returns {boolean} whether the message has pictures on the internet */
  show(remote) {
    const body = bodyDocument(this.bodies, { images: this.images, remote, heading: this.heading });
    this.frame.show(body);
    return body.hasRemote;
  }

  bar() {
    const told = gettext("Pictures from the internet are not shown, so that the sender cannot see when and where you read this.");
    const bar = element("div", { id: "remote" }, element("p", {}, told));
    const show = () => {
      bar.remove();
      this.show(true);
    };
    bar.append(button(gettext("Show pictures"), show, { id: "show-remote" }));
    return bar;
  }

  /** The frame prints by itself, page by page; the whole page is the second best. */
  print() {
    if (!this.frame.print()) window.print();
  }
}

function printWithKeys(view) {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "p") {
      event.preventDefault();
      view.print();
    }
  });
}
