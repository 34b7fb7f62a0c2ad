/** The shared vectors, and a payload cut as the file carries it. */

import { readdirSync, readFileSync } from "node:fs";

const FOLDER = new URL("../vectors/", import.meta.url);
const PRELUDE = 96;
const TAG = 16;

export const vectors = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".json"))
  .map((file) => JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")));

export const vector = (name) => vectors.find((candidate) => candidate.name === name);

export const bytesOf = (b64u) => new Uint8Array(Buffer.from(b64u, "base64url"));

/** One carrier for header and key check, one for each segment, in lines as in the file. */
export function carriersOf(payload) {
  const bytes = Buffer.from(payload, "base64url");
  const step = (bytes.length >= PRELUDE ? bytes.readUInt32BE(12) : 0) + TAG;
  const pieces = [bytes.subarray(0, PRELUDE)];
  for (let start = PRELUDE; start < bytes.length; start += step) {
    pieces.push(bytes.subarray(start, start + step));
  }
  return pieces.map((piece) => piece.toString("base64url").replace(/.{984}/g, "$&\r\n"));
}
