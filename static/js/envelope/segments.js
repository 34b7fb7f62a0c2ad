/** Keys and decryption (FORMAT.md sections 1 and 2): from both halves and a payload to its cleartext. */

import { breather, OUTSTANDING } from "./breathe.js";
import { equal, hkdf, join } from "./bytes.js";
import { importCipher } from "./cipher.js";
import { PayloadCorruptError, WrongKeyError } from "./errors.js";

const NONCE_PREFIX_SIZE = 7;
const KEY_CHECK_SIZE = 32;

/** What shows the key server that the asker holds the envelope. */
export function possessionProof(secret, messageId) {
  const info = join("sealpost/1 possession", messageId);
  return hkdf(secret, new Uint8Array(0), { info, length: 32 });
}

/**
 * From both halves to what decrypts one payload.
 *
 * @param {object} payload of `readPayload` @param {{keyShare, secret}} halves
 * @param {Function} [standIn] a cipher for keys that the browser refuses
 * @returns {Promise<{cipher: object, noncePrefix: Uint8Array}>} @throws {WrongKeyError}
 */
export async function unlock({ header, keyCheck, keySize }, { keyShare, secret }, standIn) {
  const info = join("sealpost/1 message key", header);
  const length = keySize + NONCE_PREFIX_SIZE + KEY_CHECK_SIZE;
  const okm = await hkdf(keyShare, secret, { info, length });
  const end = keySize + NONCE_PREFIX_SIZE;
  if (!equal(okm.subarray(end), keyCheck)) throw new WrongKeyError();
  const cipher = await importCipher(okm.subarray(0, keySize), standIn);
  return { cipher, noncePrefix: okm.slice(keySize, end) };
}

/**
 * Decrypt. The segments are let go of one by one, so that a big payload is never there twice.
 *
 * @param {object} payload of `readPayload`; its segments are used up
 * @param {{cipher, noncePrefix}} keys of `unlock` @param {(fraction: number) => void} [progress]
 * @returns {Promise<Uint8Array[]>} cleartext, all but the last of `payload.segmentSize` bytes
 * @throws {PayloadCorruptError}
 */
export async function decrypt({ segments, header }, { cipher, noncePrefix }, progress = () => {}) {
  const cleartext = [];
  const breathe = breather();
  while (cleartext.length < segments.length) {
    const start = cleartext.length;
    const batch = segments.slice(start, start + OUTSTANDING).map((segment, i) => {
      segments[start + i] = null;
      const last = start + i === segments.length - 1;
      return cipher.decrypt(nonce(noncePrefix, start + i, { last }), header, segment);
    });
    cleartext.push(...(await settled(batch)));
    progress(cleartext.length / segments.length);
    await breathe();
  }
  return cleartext;
}

function nonce(prefix, number, { last }) {
  const bytes = join(prefix, new Uint8Array(5));
  new DataView(bytes.buffer).setUint32(NONCE_PREFIX_SIZE, number);
  bytes[11] = last ? 1 : 0;
  return bytes;
}

async function settled(batch) {
  try {
    return (await Promise.all(batch)).map((clear) => new Uint8Array(clear));
  } catch {
    throw new PayloadCorruptError();
  }
}
