/**
 * The message's body as one document for the frame. Nothing of it may run or fetch: the frame has no scripts, this
 * document has the strict policy, DOMPurify has gone over the HTML. Each of the three would do alone.
 */

import DOMPurify from "dompurify";

import { fillWithText } from "./mailtext.js";

const RULES = {
  WHOLE_DOCUMENT: true,
  RETURN_DOM: true,
  USE_PROFILES: { html: true },
  FORBID_TAGS: ["form", "input", "button", "select", "option", "textarea", "dialog", "audio", "video", "source", "track", "template"],
  FORBID_ATTR: ["srcset", "ping", "autofocus", "contenteditable", "popover", "popovertarget", "usemap", "tabindex", "accesskey"],
  ALLOW_DATA_ATTR: false,
};
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; img-src data: blob:";
const REMOTE = /^(?:https?:)?\/\//i;
const LINK = /^(?:https?|mailto|tel):/i;
const REMOTE_STYLE = /url\(\s*["']?\s*(?:https?:)?\/\/|@import/i;
const EMBEDDED = /^data:image\//i;
const CID = /^cid:/i;
const CID_STYLE = /url\(\s*["']?\s*cid:([^"')]+)["']?\s*\)/gi;

const STYLE = `
html,body{height:auto!important;min-height:0!important}
html{color-scheme:light;background:#fff;color:#1b1e23;font:17px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:break-word}
body{margin:0}
img{max-width:100%}
.sealpost-text{margin:0;font:inherit;white-space:pre-wrap;overflow-wrap:anywhere}
.sealpost-body+.sealpost-body{margin-top:1.5em;padding-top:1.5em;border-top:1px solid #dfe3e4}
.sealpost-print{display:none}
@media print{.sealpost-print{display:block;margin-bottom:1.5em;padding-bottom:1em;border-bottom:1px solid #999}.sealpost-print h1{font-size:1.4em;margin:0 0 .5em}.sealpost-print p{margin:.15em 0}}`;
const DARK = `@media screen and (prefers-color-scheme:dark){html{color-scheme:dark;background:#14161a;color:#e9ebee}a{color:#8ab4f8}}`;

/**
 * @param {{html?: string, text?: string}[]} bodies shown one after another
 * @param {{images: Map<string, string>, remote: boolean, heading: string[]}} options `images`: addresses by Content-ID;
 *   `remote`: whether images may come from the internet; `heading`: what stands above the text on paper
 * @returns {{html: string, hasRemote: boolean, isPaper: boolean}} `isPaper`: it has HTML, which counts on a white page
 */
export function bodyDocument(bodies, { images, remote, heading }) {
  const page = document.implementation.createHTMLDocument("");
  const plain = bodies.every((body) => body.html === undefined);
  page.head.replaceChildren(
    meta(page, { "http-equiv": "Content-Security-Policy", content: remote ? `${POLICY} https: http:` : POLICY }),
    meta(page, { "http-equiv": "x-dns-prefetch-control", content: "off" }),
    meta(page, { name: "referrer", content: "no-referrer" }),
    meta(page, { name: "viewport", content: "width=device-width" }),
    style(page, plain ? STYLE + DARK : STYLE),
  );
  page.body.append(printHeading(page, heading));
  const found = bodies.map((body) => appendBody(page, body, { images, remote }));
  for (const anchor of page.querySelectorAll("a, area")) tame(anchor);
  return { html: `<!doctype html>${page.documentElement.outerHTML}`, hasRemote: found.includes(true), isPaper: !plain };
}

function appendBody(page, { html, text }, options) {
  const section = page.createElement("div");
  section.className = "sealpost-body";
  page.body.append(section);
  if (html !== undefined) return appendHtml(section, html, options);
  const pre = page.createElement("pre");
  pre.className = "sealpost-text";
  fillWithText(pre, text);
  section.append(pre);
  return false;
}

/** @returns {boolean} whether the HTML wants something from the internet */
function appendHtml(section, html, options) {
  const mail = DOMPurify.sanitize(html, RULES);
  const wanting = [...mail.querySelectorAll("[src], [background], [style], style")].filter((node) => settle(node, options));
  const body = mail.querySelector("body");
  for (const name of ["style", "dir", "lang"]) if (body.hasAttribute(name)) section.setAttribute(name, body.getAttribute(name));
  if (body.hasAttribute("bgcolor")) section.style.backgroundColor ||= body.getAttribute("bgcolor");
  section.append(...mail.querySelectorAll("head style"), ...body.childNodes);
  return wanting.length > 0;
}

/** Give an element its inline pictures, take what it would fetch unless that may be shown; whether it wants the internet. */
function settle(node, { images, remote }) {
  const addressOf = (cid) => images.get(decodeCid(cid)) ?? "";
  let wants = false;
  for (const name of ["src", "background"]) {
    const value = node.getAttribute(name)?.trim() ?? "";
    wants ||= REMOTE.test(value);
    if (CID.test(value)) node.setAttribute(name, addressOf(value.replace(CID, "")));
    else if (!EMBEDDED.test(value) && !(remote && REMOTE.test(value))) node.removeAttribute(name);
  }
  const css = node.localName === "style" ? node.textContent : (node.getAttribute("style") ?? "");
  const settled = css.replace(CID_STYLE, (_, cid) => `url("${addressOf(cid)}")`);
  if (settled !== css && node.localName === "style") node.textContent = settled;
  else if (settled !== css) node.setAttribute("style", settled);
  return wants || REMOTE_STYLE.test(css);
}

function decodeCid(cid) {
  try {
    return decodeURIComponent(cid.trim());
  } catch {
    return cid.trim();
  }
}

/** A link opens beside this page and learns nothing of it; one that leads nowhere else is only text. */
function tame(anchor) {
  if (!LINK.test(anchor.getAttribute("href")?.trim() ?? "")) return anchor.removeAttribute("href");
  anchor.setAttribute("target", "_blank");
  anchor.setAttribute("rel", "noopener noreferrer");
}

/** The message's own head, for paper only: on the screen it stands outside of the frame. */
function printHeading(page, [subject, ...lines]) {
  const heading = page.createElement("div");
  heading.className = "sealpost-print";
  heading.append(Object.assign(page.createElement("h1"), { textContent: subject }));
  heading.append(...lines.map((line) => Object.assign(page.createElement("p"), { textContent: line })));
  return heading;
}

function meta(page, attributes) {
  const made = page.createElement("meta");
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function style(page, css) {
  return Object.assign(page.createElement("style"), { textContent: css });
}

/** The Content-IDs that the bodies show, so that every other inline part can be listed with the attachments. */
export function shownIds(bodies) {
  const html = bodies.map((body) => body.html ?? "").join("\n");
  return new Set(Array.from(html.matchAll(/cid:([^"'\s>)]+)/gi), ([, cid]) => decodeCid(cid)));
}
