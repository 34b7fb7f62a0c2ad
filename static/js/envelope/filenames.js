/** File names that a stranger chose, made safe to save. */

const UNSAFE = /[\u0000-\u001f\u007f-\u009f/\\:*?"<>|]/g;
const INVISIBLE = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g; // can make exe look like pdf
const EDGES = /^[.\s]+|[.\s]+$/g;
const LONGEST = 120; // letters
const EXTENSION = /\.([A-Za-z0-9]{1,8})$/;

/** A bare name: no folders, no control or direction letters, no leading dots, not too long. */
export function safeName(name) {
  const visible = name.replace(INVISIBLE, "").replace(UNSAFE, "_");
  return shorten(visible.replace(EDGES, "")) || "file";
}

function shorten(name) {
  const letters = [...name];
  if (letters.length <= LONGEST) return name;
  const ending = EXTENSION.exec(name)?.[0] ?? "";
  return letters.slice(0, LONGEST - ending.length).join("") + ending;
}

/** Every name once: the second `a.pdf` becomes `a (2).pdf`. */
export function distinct(names) {
  const taken = new Set();
  return names.map((name) => {
    let chosen = name;
    for (let number = 2; taken.has(chosen.toLowerCase()); number++) chosen = numbered(name, number);
    taken.add(chosen.toLowerCase());
    return chosen;
  });
}

function numbered(name, number) {
  const ending = EXTENSION.exec(name)?.[0] ?? "";
  return `${name.slice(0, name.length - ending.length)} (${number})${ending}`;
}

/** A short label for a kind of file: PDF, XLSX; by its name, else by its media type. */
export function kindOf(name, type) {
  const kind = EXTENSION.exec(name)?.[1] ?? type.split("/").at(-1).split(/[.+;-]/).at(-1);
  return kind.slice(0, 5).toUpperCase();
}
