/**
 * Envelopes that this browser remembers (S133): their keys, which it may use and nobody can read, and until when.
 *
 * All files that are opened from disk share one store, so another such file could use a key from here too, while
 * it is kept; it could not carry it away.
 */

import { equal, uuidText } from "./bytes.js";
import { nativeCipher } from "./cipher.js";
import { RefusedError } from "./errors.js";
import * as keepsafe from "./keepsafe.js";
import { post } from "./keyserver.js";
import { whoAsks } from "./opening.js";

// Milliseconds.
const WITHOUT_EXPIRY = 90 * 86_400_000;
const PATIENCE = 5_000; // for the key server's word: on a train there is none

const NO_WORD = ["offline", "unreachable", "server-error"];
const FORGET_AT = ["message-locked", "message-expired", "not-found", "not-a-recipient", "payload-corrupt"];

/** Until when a message may be remembered that expires then, or never. @param {string|null} expires */
export function until(expires, now) {
  return expires === null ? now + WITHOUT_EXPIRY : Date.parse(expires) || 0;
}

/** What an entry is good for: `known` for opening, else `unknown`, or `expired` by this computer's own clock. */
export function judge(entry, keyCheck, now) {
  if (!entry || !equal(entry.keyCheck, keyCheck)) return "unknown";
  if (entry.until > now) return "known";
  return entry.expires === null ? "unknown" : "expired";
}

/** Whether what went wrong, be it something nobody thought of, means that the key is not to be kept any longer. */
export const isForgottenAt = ({ code }) => typeof code !== "string" || FORGET_AT.includes(code);

/**
 * What the key server says of a remembered message, or null where no word of it comes through.
 *
 * @returns {Promise<{expires: string|null, remember: boolean}|null>} @throws {RefusedError} its refusal
 */
export async function askState(envelope, { messageId }) {
  try {
    const address = `${envelope.server}/api/v1/openings/state`;
    return await post(address, await whoAsks(envelope, messageId), PATIENCE);
  } catch (error) {
    if (NO_WORD.includes(error.code)) return null;
    throw error;
  }
}

/** One envelope's place in this browser. */
export class Memory {
  constructor({ recipient }, { messageId, keyCheck }) {
    this.id = `${uuidText(messageId)} ${recipient}`;
    Object.assign(this, { recipient, keyCheck });
  }

  /**
   * @returns {Promise<{cipher, noncePrefix}|null>} what `decrypt` needs, if it was kept
   * @throws {RefusedError} when the message has expired since; anything else where this browser can keep nothing
   */
  async recall() {
    const entry = await keepsafe.get(this.id);
    const verdict = judge(entry, this.keyCheck, Date.now());
    if (verdict === "known") return { cipher: nativeCipher(entry.key), noncePrefix: entry.noncePrefix };
    if (entry) await this.forget();
    if (verdict === "expired") throw new RefusedError("message-expired", { expired_at: entry.expires });
    return null;
  }

  /** Keep the keys, or keep them longer; drops what other messages have left over. */
  async keep({ cipher, noncePrefix }, expires) {
    const { id, recipient, keyCheck } = this;
    const now = Date.now();
    const entry = { id, recipient, keyCheck, noncePrefix, key: cipher.key, expires, until: until(expires, now) };
    try {
      await keepsafe.put(entry);
      const over = (await keepsafe.all()).filter((other) => other.until <= now);
      await Promise.all(over.map((other) => keepsafe.remove(other.id)));
    } catch {
      // The message is open; next time it opens the usual way.
    }
  }

  async forget() {
    try {
      await keepsafe.remove(this.id);
    } catch {
      // What cannot be removed could not be kept either.
    }
  }
}
