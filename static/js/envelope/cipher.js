/** AES-GCM by the browser, or by a stand-in where the browser refuses the key's size. */

/**
 * @param {Uint8Array} key 32 or 24 bytes
 * @param {(key: Uint8Array) => {decrypt: Function}} [standIn]
 * @returns {Promise<{decrypt: (nonce, header, sealed) => Promise<ArrayBuffer|Uint8Array>, key?: CryptoKey}>}
 */
export async function importCipher(key, standIn) {
  try {
    return nativeCipher(await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]));
  } catch (refused) {
    if (!standIn) throw refused;
    return standIn(key);
  }
}

/** The cipher of a key that the browser holds: it decrypts, and tells nobody what it is. */
export function nativeCipher(key) {
  return {
    key,
    decrypt: (iv, additionalData, sealed) =>
      crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, sealed),
  };
}
