/** The payload byte by byte (FORMAT.md section 2), as far as it can be read without a key. */

import { breather, OUTSTANDING } from "./breathe.js";
import { decode, equal, join, sha256, utf8 } from "./bytes.js";
import { FormatError, LimitExceededError, PayloadCorruptError, UnsupportedVersionError } from "./errors.js";

const HEADER_SIZE = 64;
export const PRELUDE_SIZE = HEADER_SIZE + 32; // the key check stands behind the header
export const TAG_SIZE = 16;
export const MAX_PAYLOAD = 67_108_864;
const MIN_SEGMENT = 4_096;
const MAX_SEGMENT = 1_048_576;
const KEY_SIZES = { 1: 32, 2: 24 };

/**
 * Decode what the hidden inputs carry. Lengths are bounded before anything is decoded: base64 takes four
 * letters for three bytes, and line breaks are under one in a hundred.
 *
 * @param {string[]} carriers @param {(fraction: number) => void} [progress]
 * @returns {Promise<{inputs: Uint8Array[], digest: Uint8Array}>} digest: the digest of the inputs' digests
 */
export async function decodeCarriers(carriers, progress = () => {}) {
  const letters = carriers.reduce((sum, carrier) => sum + carrier.length, 0);
  if (letters > MAX_PAYLOAD * 1.4) throw new LimitExceededError();
  if (carriers.length > 2 + MAX_PAYLOAD / MIN_SEGMENT) throw new LimitExceededError();
  const inputs = [];
  const digests = [];
  const breathe = breather();
  for (const carrier of carriers) {
    const bytes = decode(carrier);
    inputs.push(bytes);
    digests.push(await sha256(bytes));
    if (inputs.length % OUTSTANDING === 0) await breathe();
    progress(inputs.length / carriers.length);
  }
  return { inputs, digest: await sha256(join(...digests)) };
}

/**
 * Take the payload apart and check everything that needs no key.
 *
 * @param {Uint8Array[]} inputs the first with header and key check, then one for each segment
 * @throws {FormatError|UnsupportedVersionError|LimitExceededError}
 */
export function readPayload([first, ...segments]) {
  const prelude = readPrelude(first);
  checkSegments(segments, prelude.segmentSize);
  return { ...prelude, segments };
}

/** What stands before the segments. @throws {FormatError|UnsupportedVersionError|LimitExceededError} */
export function readPrelude(first) {
  if (first?.length !== PRELUDE_SIZE) throw new FormatError();
  const view = new DataView(first.buffer, first.byteOffset, first.length);
  if (!equal(first.subarray(0, 8), utf8("SEALPOST"))) throw new FormatError();
  const keySize = KEY_SIZES[view.getUint8(9)];
  if (view.getUint8(8) !== 1 || !keySize) throw new UnsupportedVersionError();
  if (view.getUint16(10) !== 0) throw new FormatError();
  const segmentSize = view.getUint32(12);
  checkSegmentSize(segmentSize);
  return {
    header: first.subarray(0, HEADER_SIZE),
    keyCheck: first.subarray(HEADER_SIZE),
    messageId: first.subarray(16, 32),
    policyDigest: first.subarray(32, 64),
    keySize,
    segmentSize,
  };
}

function checkSegmentSize(size) {
  if (size > MAX_SEGMENT) throw new LimitExceededError();
  if (size < MIN_SEGMENT || (size & (size - 1)) !== 0) throw new FormatError();
}

function checkSegments(segments, segmentSize) {
  const total = segments.reduce((sum, segment) => sum + segment.length, PRELUDE_SIZE);
  if (total > MAX_PAYLOAD) throw new LimitExceededError();
  if (segments.length === 0) throw new FormatError();
  const full = segmentSize + TAG_SIZE;
  const last = segments.at(-1).length;
  if (last <= TAG_SIZE || last > full) throw new FormatError();
  if (segments.slice(0, -1).some((segment) => segment.length !== full)) throw new FormatError();
}

/** Whether the policy that the file shows is the one that was sealed. @throws {PayloadCorruptError} */
export async function checkPolicy(payload, policyText) {
  if (!equal(await sha256(utf8(policyText)), payload.policyDigest)) throw new PayloadCorruptError();
}
