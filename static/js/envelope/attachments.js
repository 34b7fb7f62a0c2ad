/** The list of attachments: what each is, how big, how to save it. None of them is ever shown in the page. */

import { button, element } from "./dom.js";
import { distinct, kindOf, safeName } from "./filenames.js";
import { gettext } from "./gettext.js";
import { sizeText } from "./locale.js";
import { zip } from "./zip.js";

const SAVING = 60_000; // milliseconds: what a browser may take to begin saving a file

/**
 * Nothing is copied out of the message before it is asked for: the list is there at once, however big they are.
 *
 * @param {Part[]} parts @returns {HTMLElement|null} a section, or null for none
 */
export function attachmentList(parts, locale) {
  if (parts.length === 0) return null;
  const names = distinct(parts.map((part) => safeName(part.name)));
  const files = parts.map((part, i) => ({ name: names[i], part }));
  const count = element("span", { class: "quiet" }, String(files.length));
  const heading = element("h2", {}, gettext("Attachments"), " ", count);
  const all = files.length > 1 ? allButton(files) : null;
  const items = files.map((file) => item(file, locale));
  const head = element("header", {}, heading, all);
  return element("section", { id: "attachments" }, head, element("ul", {}, ...items));
}

function item({ name, part }, locale) {
  const kind = element("span", { class: "kind", "aria-hidden": "true" }, kindOf(name, part.type));
  const size = element("span", { class: "quiet" }, sizeText(part.size, locale));
  const file = element("span", { class: "file" }, element("bdi", {}, name), size);
  const save = async () => saveAs(await part.blob(), name);
  const label = { "aria-label": gettext("Download %(name)s", { name }) };
  return element("li", {}, kind, file, button(gettext("Download"), save, label));
}

function allButton(files) {
  const save = async () => saveAs(await zip(await blobsOf(files)), `${gettext("Attachments")}.zip`);
  return button(gettext("Download all"), save, { id: "download-all" });
}

function blobsOf(files) {
  return Promise.all(files.map(async ({ name, part }) => ({ name, blob: await part.blob() })));
}

function saveAs(blob, name) {
  const href = URL.createObjectURL(blob);
  element("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), SAVING);
}
