/** The script's words in the envelope's language; which words there are is what the extractor finds. */

let translations = new Map();

/** Take the translations that the envelope carries, by the ids of their English originals. */
export function speak(strings) {
  translations = new Map(Object.entries(strings));
}

/** The translation of `id`, with each %(name)s replaced by `values.name`. */
export function gettext(id, values = {}) {
  const sentence = translations.get(stringId(id)) ?? id;
  return sentence.replace(/%\((\w+)\)s/g, (placeholder, name) => String(values[name] ?? placeholder));
}

/** A short id of an English original (FORMAT.md section 5): FNV-1a of its code points, 32 bits, in hex. */
export function stringId(original) {
  let id = 0x811c9dc5;
  for (const letter of original) id = Math.imul(id ^ letter.codePointAt(0), 0x01000193);
  return (id >>> 0).toString(16);
}
