/** The list of attachments: what each is, how big, and how to save it. Nothing of it is ever opened in the page. */

import { button, element } from "./dom.js";
import { distinct, kindOf, safeName } from "./filenames.js";
import { gettext } from "./gettext.js";
import { sizeText } from "./locale.js";
import { zip } from "./zip.js";

/** @param {Part[]} parts @returns {Promise<HTMLElement|null>} a section, or null for none */
export async function attachmentList(parts, locale) {
  if (parts.length === 0) return null;
  const names = distinct(parts.map((part) => safeName(part.name)));
  const files = [];
  for (const [i, part] of parts.entries()) files.push({ name: names[i], type: part.type, blob: await part.blob() });
  const heading = element("h2", {}, gettext("Attachments"), " ", element("span", { class: "quiet" }, String(files.length)));
  const list = element("ul", {}, ...files.map((file) => item(file, locale)));
  const all = files.length > 1 ? button(gettext("Download all"), () => saveAll(files), { id: "download-all" }) : null;
  return element("section", { id: "attachments" }, element("header", {}, heading, all), list);
}

function item({ name, type, blob }, locale) {
  const label = element("bdi", { class: "name" }, name);
  const size = element("span", { class: "quiet" }, sizeText(blob.size, locale));
  const download = element("a", { class: "button", href: URL.createObjectURL(blob), download: name }, gettext("Download"));
  download.setAttribute("aria-label", gettext("Download %(name)s", { name }));
  return element("li", {}, element("span", { class: "kind", "aria-hidden": "true" }, kindOf(name, type)), element("span", { class: "file" }, label, size), download);
}

async function saveAll(files) {
  const archive = await zip(files);
  const href = URL.createObjectURL(archive);
  element("a", { href, download: `${gettext("Attachments")}.zip` }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
