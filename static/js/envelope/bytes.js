/** Bytes and their text forms: base64url, UTF-8, SHA-256; knows nothing of envelopes. */

import { FormatError } from "./errors.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const SKIP = 64;
const BAD = 65;

const VALUES = new Uint8Array(128).fill(BAD);
for (const [value, letter] of [...ALPHABET].entries()) VALUES[letter.charCodeAt(0)] = value;
for (const space of [0x09, 0x0a, 0x0c, 0x0d, 0x20]) VALUES[space] = SKIP;

/** Decode base64url without padding; white space means nothing. @throws {FormatError} */
export function decode(text) {
  if (!Uint8Array.fromBase64) return decodeByTable(text);
  try {
    return Uint8Array.fromBase64(text, { alphabet: "base64url" });
  } catch {
    throw new FormatError();
  }
}

/** The same for browsers without `Uint8Array.fromBase64`; twice as fast there as `atob`. */
export function decodeByTable(text) {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let length = 0;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? VALUES[code] : BAD;
    if (value === SKIP) continue;
    if (value === BAD) throw new FormatError();
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  if (bits === 6) throw new FormatError();
  return bytes.subarray(0, length);
}

/** Decode what has to be exactly `size` bytes. @throws {FormatError} */
export function decodeExactly(text, size) {
  if (typeof text !== "string" || text.length > size * 2) throw new FormatError();
  const bytes = decode(text);
  if (bytes.length !== size) throw new FormatError();
  return bytes;
}

/** base64url without padding, for short values. */
export function encode(bytes) {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

export const utf8 = (text) => new TextEncoder().encode(text);

/** UTF-8 to text. @throws {FormatError} on bytes that are none */
export function text(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FormatError();
  }
}

/** One array from short ones; strings are taken as UTF-8. */
export function join(...pieces) {
  const arrays = pieces.map((piece) => (typeof piece === "string" ? utf8(piece) : piece));
  const whole = new Uint8Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let offset = 0;
  for (const array of arrays) {
    whole.set(array, offset);
    offset += array.length;
  }
  return whole;
}

/** Whether two arrays are the same, in time that does not tell where they differ. */
export function equal(a, b) {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ b[i];
  return difference === 0;
}

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** HKDF-SHA-256 (RFC 5869). @param {number} length in bytes */
export async function hkdf(ikm, salt, { info, length }) {
  const key = await crypto.subtle.importKey("raw", ikm, "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt, info };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, length * 8));
}

/** A UUID's 16 bytes as its usual text. */
export function uuidText(bytes) {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
