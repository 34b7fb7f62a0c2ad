/** The script's words in the envelope's language; which words there are is what the extractor finds. */

let translations = new Map();

/** Take the translations that the envelope carries, by their English original. */
export function speak(strings) {
  translations = new Map(Object.entries(strings));
}

/** The translation of `id`, with each %(name)s replaced by `values.name`. */
export function gettext(id, values = {}) {
  const sentence = translations.get(id) ?? id;
  return sentence.replace(/%\((\w+)\)s/g, (placeholder, name) => String(values[name] ?? placeholder));
}
