/** Plain text as a page shows it: line by line as it was written, addresses in it made clickable. */

const ADDRESS = /\b(?:https?:\/\/|mailto:)[^\s<>"]+/gi;
const TRAILING = ".,;:!?'\u2019\u201d\u00bb)]}";

/** Fill `target` with text and links; the links are only ever http, https or mailto. */
export function fillWithText(target, text) {
  let end = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = trim(found);
    target.append(text.slice(end, index), link(target.ownerDocument, address));
    end = index + address.length;
  }
  target.append(text.slice(end));
}

/** An address without the sentence's own marks; a bracket that it opens itself stays. */
export function trim(found) {
  let end = found.length; // no pattern: one with an end takes as long as the square of a run of brackets
  while (TRAILING.includes(found[end - 1])) end--;
  const trimmed = found.slice(0, end);
  return found[trimmed.length] === ")" && trimmed.includes("(") ? `${trimmed})` : trimmed;
}

function link(page, address) {
  const anchor = page.createElement("a");
  anchor.href = address;
  anchor.textContent = address;
  return anchor;
}
