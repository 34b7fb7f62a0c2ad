/** AES-192-GCM for browsers that refuse 192-bit keys (Chromium does); only in envelopes that use AES-192. */

import { gcm } from "@noble/ciphers/aes.js";

/** A cipher as `importCipher` gives it. */
export function softwareCipher(key) {
  return { decrypt: async (nonce, header, sealed) => gcm(key, nonce, header).decrypt(sealed) };
}
