/**
 * The receiving side of HPKE (RFC 9180): base mode, single shot, DHKEM(P-256, HKDF-SHA256),
 * HKDF-SHA256, AES-256-GCM; nothing else of it.
 *
 * This is our own and not a library because every envelope carries it and the envelope has a budget of
 * bytes: sixty lines over the browser's own cryptography instead of some twenty kilobytes. The tests
 * hold it against the vectors of the RFC and against @hpke/core.
 */

import { join } from "./bytes.js";

const KEM_SUITE = join("KEM", Uint8Array.of(0x00, 0x10));
const HPKE_SUITE = join("HPKE", Uint8Array.of(0x00, 0x10, 0x00, 0x01, 0x00, 0x02));
const NONE = new Uint8Array(0);
const CURVE = { name: "ECDH", namedCurve: "P-256" };

/** A key pair whose private half never leaves the browser. */
export function generateKeyPair() {
  return crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
}

/** The public half as 65 bytes, uncompressed. */
export async function publicBytes(pair) {
  return new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
}

/** Open what was sealed to `pair`. @throws {DOMException} when it was not, or for another `info` */
export async function open(pair, enc, { sealed, info }) {
  const secret = await decapsulate(pair, enc);
  const { key, nonce } = await keySchedule(secret, info);
  const aes = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce }, aes, sealed));
}

/** RFC 9180 section 4.1, Decap: the 32 bytes that sender and receiver then share. */
export async function decapsulate(pair, enc) {
  const sender = await crypto.subtle.importKey("raw", enc, CURVE, false, []);
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: sender }, pair.privateKey, 256);
  const context = join(enc, await publicBytes(pair));
  const prk = await labeledExtract(KEM_SUITE, NONE, { label: "eae_prk", ikm: new Uint8Array(shared) });
  return labeledExpand(KEM_SUITE, prk, { label: "shared_secret", info: context, length: 32 });
}

/** RFC 9180 section 5.1, KeySchedule in base mode; the first message's nonce is the base nonce. */
async function keySchedule(sharedSecret, info) {
  const pskIdHash = await labeledExtract(HPKE_SUITE, NONE, { label: "psk_id_hash", ikm: NONE });
  const infoHash = await labeledExtract(HPKE_SUITE, NONE, { label: "info_hash", ikm: info });
  const context = join(Uint8Array.of(0), pskIdHash, infoHash);
  const secret = await labeledExtract(HPKE_SUITE, sharedSecret, { label: "secret", ikm: NONE });
  const key = await labeledExpand(HPKE_SUITE, secret, { label: "key", info: context, length: 32 });
  const nonce = await labeledExpand(HPKE_SUITE, secret, { label: "base_nonce", info: context, length: 12 });
  return { key, nonce };
}

function labeledExtract(suite, salt, { label, ikm }) {
  return hmac(salt, join("HPKE-v1", suite, label, ikm));
}

/** One block of HKDF-Expand: nothing here needs more than the 32 bytes it gives. */
async function labeledExpand(suite, prk, { label, info, length }) {
  const labeled = join(Uint8Array.of(0, length), "HPKE-v1", suite, label, info, Uint8Array.of(1));
  return (await hmac(prk, labeled)).subarray(0, length);
}

/** HMAC-SHA-256. WebCrypto refuses an empty key; zeros to the hash's length mean the same (RFC 2104). */
async function hmac(key, message) {
  const raw = key.length ? key : new Uint8Array(32);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", raw, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}
