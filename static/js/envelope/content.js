/** What is inside once opened (FORMAT.md section 3): the manifest, strictly read, and the parts behind it. */

import { join, text } from "./bytes.js";
import { Cleartext } from "./cleartext.js";
import { isRecord, parse } from "./data.js";
import { FormatError, LimitExceededError } from "./errors.js";
import { inflate } from "./inflate.js";

const MAX_MANIFEST = 1_048_576;
const MAX_PARTS = 4_096;
const MAX_INFLATED = 8_388_608;
const ROLES = ["text", "html", "inline", "attachment", "source"];
const NAMED = ["inline", "attachment"];
const ENCODINGS = ["identity", "deflate-raw"];
const HEADERS = ["from", "to", "cc", "reply_to", "subject", "date"];

/**
 * @param {Uint8Array[]} segments cleartext, all but the last of `segmentSize` bytes
 * @returns {{headers: Object<string, string>, parts: Part[]}}
 * @throws {FormatError|LimitExceededError}
 */
export function readContent(segments, segmentSize) {
  const cleartext = new Cleartext(segments, segmentSize);
  const length = manifestLength(cleartext);
  const manifest = parse(text(cleartext.bytes(4, length)));
  if (!isRecord(manifest) || !Array.isArray(manifest.parts)) throw new FormatError();
  checkEntries(manifest.parts);
  return { headers: readHeaders(manifest.headers), parts: readParts(manifest.parts, cleartext, 4 + length) };
}

function manifestLength(cleartext) {
  if (cleartext.size < 4) throw new FormatError();
  const length = new DataView(cleartext.bytes(0, 4).buffer).getUint32(0);
  if (length > MAX_MANIFEST) throw new LimitExceededError();
  if (length > cleartext.size - 4) throw new FormatError();
  return length;
}

function readHeaders(headers) {
  if (!isRecord(headers)) throw new FormatError();
  const known = HEADERS.filter((name) => headers[name] !== undefined);
  if (!known.every((name) => typeof headers[name] === "string")) throw new FormatError();
  return Object.fromEntries(known.map((name) => [name, headers[name]]));
}

function readParts(entries, cleartext, start) {
  let offset = start;
  const parts = entries.map((entry) => {
    const views = cleartext.views(offset, entry.length);
    offset += entry.length;
    return new Part(entry, views);
  });
  if (offset !== cleartext.size) throw new FormatError();
  return parts;
}

/** Every entry by itself and what they inflate to together, before any of them is touched. */
function checkEntries(entries) {
  if (entries.length > MAX_PARTS) throw new LimitExceededError();
  if (!entries.every(isEntry)) throw new FormatError();
  const packed = entries.filter(({ encoding }) => encoding === "deflate-raw");
  if (packed.reduce((sum, { size }) => sum + size, 0) > MAX_INFLATED) throw new LimitExceededError();
}

function isEntry(entry) {
  return (
    isRecord(entry) &&
    ROLES.includes(entry.role) &&
    ENCODINGS.includes(entry.encoding) &&
    typeof entry.type === "string" &&
    (!NAMED.includes(entry.role) || isName(entry.name)) &&
    (entry.role !== "inline" || isName(entry.id)) &&
    [entry.length, entry.size, entry.group ?? 0].every(isSize) &&
    (entry.encoding !== "identity" || entry.length === entry.size)
  );
}

const isName = (value) => typeof value === "string" && value !== "";
const isSize = (value) => Number.isSafeInteger(value) && value >= 0;

/** One part: its manifest entry, and its bytes as views of the cleartext. */
export class Part {
  constructor({ role, type, name, id, group, size, encoding }, views) {
    Object.assign(this, { role, type, name, id, group: group ?? 0, size, encoding, views });
  }

  /** The decoded bytes, in one piece or several. @throws {FormatError} if they do not inflate to `size` */
  async pieces() {
    return this.encoding === "identity" ? this.views : [await inflate(this.views, this.size)];
  }

  /** The decoded bytes as a Blob; of no type that a browser would show as a page, unless told. */
  async blob(type = "application/octet-stream") {
    return new Blob(await this.pieces(), { type });
  }

  /** The decoded bytes as text; letters that are no UTF-8 become replacement characters. */
  async text() {
    return new TextDecoder().decode(join(...(await this.pieces())));
  }
}
