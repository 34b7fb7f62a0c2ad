/** Everything particular about this file: a strict read of its data block (FORMAT.md section 5). */

import { decode, decodeExactly, text } from "./bytes.js";
import { FormatError } from "./errors.js";
import { inflateWithin } from "./inflate.js";

const LEVELS = ["high", "medium", "proven", "none"];
const MAX_STRINGS = 262_144; // bytes: some ten times what the script says in the widest language

const isFlag = (value) => typeof value === "boolean";
const isText = (value) => typeof value === "string";
const isTextOrNull = (value) => value === null || isText(value);

const POLICY = {
  expires: isTextOrNull,
  level: (value) => LEVELS.includes(value),
  recipients: (value) => Array.isArray(value) && value.every(isText),
  sender: isText,
  sender_name: isText,
  sent: isText,
  subject: isTextOrNull,
};

const DATA = {
  server: isOrigin,
  recipient: isText,
  secret: isText,
  policy: isText,
  digest: isText,
  size: (value) => Number.isSafeInteger(value) && value > 0,
  locale: isText,
  remember: isFlag,
  applet: isFlag,
  strings: isText,
};

/**
 * The data block as values, all but its strings; line breaks in it only keep its lines short.
 *
 * @param {string} json @throws {FormatError}
 */
export function readEnvelope(json) {
  const data = record(json.replace(/[\r\n]/g, ""), DATA);
  return {
    ...data,
    secret: decodeExactly(data.secret, 32),
    digest: decodeExactly(data.digest, 32),
    policyText: data.policy,
    policy: readPolicy(data.policy),
  };
}

/** The canonical policy as values. @throws {FormatError} */
export const readPolicy = (json) => record(json, POLICY);

/** The script's words by their English original, out of `strings`. @throws {FormatError} */
export async function readStrings(packed) {
  if (packed === "") return {};
  return words(parse(text(await inflateWithin([decode(packed)], MAX_STRINGS))));
}

/** @throws {FormatError} */
export function words(strings) {
  if (!isRecord(strings) || !Object.values(strings).every(isText)) throw new FormatError();
  return strings;
}

/** JSON text to an object with exactly the keys of `shape`, each as it has to be. */
function record(json, shape) {
  const value = parse(json);
  const fits = isRecord(value) && Object.keys(value).length === Object.keys(shape).length;
  if (!fits || !Object.entries(shape).every(([key, isRight]) => isRight(value[key]))) throw new FormatError();
  return value;
}

/** JSON text to whatever it says. @throws {FormatError} */
export function parse(json) {
  try {
    return JSON.parse(json);
  } catch {
    throw new FormatError();
  }
}

export function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOrigin(value) {
  if (!isText(value) || !/^https?:\/\//.test(value)) return false;
  try {
    return new URL(value).origin === value;
  } catch {
    return false;
  }
}
