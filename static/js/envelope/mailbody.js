/**
 * The message's body as one document for the frame. Nothing of it may run or fetch: the frame has no scripts,
 * this document has a strict policy of its own, and DOMPurify has gone over the HTML. Each would do alone.
 */

import DOMPurify from "dompurify";

import { settle } from "./mailimages.js";
import { DARK_STYLE, STYLE } from "./mailstyle.js";
import { fillWithText } from "./mailtext.js";

const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; img-src data: blob:";
const LINK = /^(?:https?|mailto|tel):/i;
const RULES = {
  WHOLE_DOCUMENT: true,
  RETURN_DOM: true,
  USE_PROFILES: { html: true },
  ALLOW_DATA_ATTR: false,
  FORBID_TAGS: [
    ...["form", "input", "button", "select", "option", "textarea"],
    ...["dialog", "audio", "video", "source", "track", "template"],
  ],
  FORBID_ATTR: [
    ...["srcset", "ping", "usemap", "autofocus", "contenteditable"],
    ...["popover", "popovertarget", "tabindex", "accesskey"],
  ],
};

/**
 * @param {{html?: string, text?: string}[]} bodies shown one after another
 * @param {object} options `images`: addresses of inline pictures by Content-ID; `remote`: whether pictures
 *   may come from the internet; `heading`: the lines that stand above the text on paper
 * @returns {{html: string, wantsRemote: boolean, isPaper: boolean}} `wantsRemote`: it has pictures on the
 *   internet; `isPaper`: it is HTML, which counts on a white page
 */
export function bodyDocument(bodies, { images, remote, heading }) {
  const page = document.implementation.createHTMLDocument("");
  const isPaper = bodies.some(({ html }) => html !== undefined);
  const policy = remote ? `${POLICY} https: http:` : POLICY;
  page.head.replaceChildren(
    create(page, "meta", { "http-equiv": "Content-Security-Policy", content: policy }),
    create(page, "meta", { "http-equiv": "x-dns-prefetch-control", content: "off" }),
    create(page, "meta", { name: "referrer", content: "no-referrer" }),
    create(page, "meta", { name: "viewport", content: "width=device-width" }),
    create(page, "style", {}, isPaper ? STYLE : STYLE + DARK_STYLE),
  );
  page.body.append(headOnPaper(page, heading));
  const wishes = bodies.map((body) => appendBody(page, body, { images, remote }));
  for (const anchor of page.querySelectorAll("a, area")) tame(anchor);
  const html = `<!doctype html>${page.documentElement.outerHTML}`;
  return { html, wantsRemote: wishes.includes(true), isPaper };
}

/** @returns {boolean} whether this body has pictures on the internet */
function appendBody(page, { html, text }, options) {
  const section = create(page, "div", { class: "sealpost-body" });
  page.body.append(section);
  if (html !== undefined) return appendHtml(section, html, options);
  const pre = create(page, "pre", { class: "sealpost-text" });
  fillWithText(pre, text);
  section.append(pre);
  return false;
}

/** The mail's own body element becomes the section: what it says of itself goes along. */
function appendHtml(section, html, options) {
  const mail = DOMPurify.sanitize(html, RULES);
  const wantsRemote = settle(mail, options);
  const body = mail.querySelector("body");
  for (const name of ["style", "dir", "lang"]) {
    if (body.hasAttribute(name)) section.setAttribute(name, body.getAttribute(name));
  }
  if (body.hasAttribute("bgcolor")) section.style.backgroundColor ||= body.getAttribute("bgcolor");
  section.append(...mail.querySelectorAll("head style"), ...body.childNodes);
  return wantsRemote;
}

/** A link opens beside this page and learns nothing of it; one that leads nowhere is only text. */
function tame(anchor) {
  if (!LINK.test(anchor.getAttribute("href")?.trim() ?? "")) return anchor.removeAttribute("href");
  anchor.setAttribute("target", "_blank");
  anchor.setAttribute("rel", "noopener noreferrer");
}

/** The message's own head, for paper only: on the screen it stands outside of the frame. */
function headOnPaper(page, [subject, ...lines]) {
  const head = create(page, "div", { class: "sealpost-head" });
  head.append(create(page, "h1", {}, subject), ...lines.map((line) => create(page, "p", {}, line)));
  return head;
}

function create(page, tag, attributes, text = "") {
  const made = page.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}
