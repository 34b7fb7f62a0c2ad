/** The list of attachments: what each is, how big, how to save it. None of them is ever shown in the page. */

import { button, element } from "./dom.js";
import { distinct, kindOf, safeName } from "./filenames.js";
import { gettext } from "./gettext.js";
import { sizeText } from "./locale.js";
import { zip } from "./zip.js";

const ARCHIVE_KEPT = 60_000; // milliseconds: what a browser may take to begin saving it

/** @param {Part[]} parts @returns {Promise<HTMLElement|null>} a section, or null for none */
export async function attachmentList(parts, locale) {
  if (parts.length === 0) return null;
  const files = await filesOf(parts);
  const count = element("span", { class: "quiet" }, String(files.length));
  const heading = element("h2", {}, gettext("Attachments"), " ", count);
  const all = files.length > 1 ? allButton(files) : null;
  const items = files.map((file) => item(file, locale));
  const head = element("header", {}, heading, all);
  return element("section", { id: "attachments" }, head, element("ul", {}, ...items));
}

/** Safe, distinct names; every blob is of no type, so that no browser opens one as a page. */
async function filesOf(parts) {
  const names = distinct(parts.map((part) => safeName(part.name)));
  const blobs = await Promise.all(parts.map((part) => part.blob()));
  return parts.map(({ type }, i) => ({ name: names[i], type, blob: blobs[i] }));
}

function item({ name, type, blob }, locale) {
  const kind = element("span", { class: "kind", "aria-hidden": "true" }, kindOf(name, type));
  const size = element("span", { class: "quiet" }, sizeText(blob.size, locale));
  const file = element("span", { class: "file" }, element("bdi", {}, name), size);
  const attributes = {
    class: "button",
    href: URL.createObjectURL(blob),
    download: name,
    "aria-label": gettext("Download %(name)s", { name }),
  };
  return element("li", {}, kind, file, element("a", attributes, gettext("Download")));
}

function allButton(files) {
  return button(gettext("Download all"), () => saveAll(files), { id: "download-all" });
}

async function saveAll(files) {
  const href = URL.createObjectURL(await zip(files));
  element("a", { href, download: `${gettext("Attachments")}.zip` }).click();
  setTimeout(() => URL.revokeObjectURL(href), ARCHIVE_KEPT);
}
