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
 * Decrypt. The segments are let go of one by one, so that a big payload is never there twice.
 *
 * @param {object} payload of `readPayload`; its segments are used up
 * @param {{keyShare, secret}} halves @param {{standIn?, progress?}} [options]
 * @returns {Promise<Uint8Array[]>} cleartext, all but the last of `payload.segmentSize` bytes
 * @throws {WrongKeyError|PayloadCorruptError}
 */
export async function decrypt(payload, halves, { standIn, progress = () => {} } = {}) {
  const { key, noncePrefix } = await deriveKeys(payload, halves);
  const cipher = await importCipher(key, standIn);
  const { segments, header } = payload;
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

async function deriveKeys({ header, keyCheck, keySize }, { keyShare, secret }) {
  const info = join("sealpost/1 message key", header);
  const length = keySize + NONCE_PREFIX_SIZE + KEY_CHECK_SIZE;
  const okm = await hkdf(keyShare, secret, { info, length });
  const end = keySize + NONCE_PREFIX_SIZE;
  if (!equal(okm.subarray(end), keyCheck)) throw new WrongKeyError();
  return { key: okm.subarray(0, keySize), noncePrefix: okm.subarray(keySize, end) };
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
