/** One opening (API.md, «For envelopes»): asks for the key share and waits until it is released. */

import { decodeExactly, encode, join, sha256, uuidText } from "./bytes.js";
import { FormatError, NoAnswerError, RefusedError, WrongKeyError } from "./errors.js";
import { generateKeyPair, open, publicBytes } from "./hpke.js";
import { post } from "./keyserver.js";
import { possessionProof } from "./segments.js";

// Seconds; what the server says is taken between these.
const SHORTEST_PAUSE = 1;
const LONGEST_PAUSE = 30;
const LONGEST_WAIT = 3_600;
const PAUSE_WITHOUT_ANSWER = 3;

export class Opening {
  /** Ready at once, so that a window can be opened on its id within the click. */
  constructor({ server, recipient, secret }) {
    Object.assign(this, { server, recipient, secret });
    this.id = randomUuid();
    this.pollSecret = crypto.getRandomValues(new Uint8Array(32));
  }

  /** Where the person signs in and approves. */
  get address() {
    return `${this.server}/open/${uuidText(this.id)}`;
  }

  /** Make the key pair that the key share is to be sealed to. @returns the number that both sides show */
  async prepare(messageId) {
    this.messageId = messageId;
    this.pair = await generateKeyPair();
    this.publicKey = await publicBytes(this.pair);
    return matchCode(this.id, this.publicKey);
  }

  /** @returns {Promise<Released|{expiresIn, pollAfter}>} what was released, or for how many seconds to wait */
  async ask() {
    const answer = await post(`${this.server}/api/v1/openings`, {
      ...(await whoAsks(this, this.messageId)),
      opening: uuidText(this.id),
      public_key: encode(this.publicKey),
      poll_sha256: encode(await sha256(this.pollSecret)),
    });
    if (answer.state === "released") return this.unseal(answer);
    return {
      expiresIn: bounded(answer.expires_in, LONGEST_WAIT),
      pollAfter: bounded(answer.poll_after, LONGEST_PAUSE),
    };
  }

  /**
   * Ask for the result until it is there; a pause ends early when `alarm` rings.
   *
   * @returns {Promise<Released>}
   * @throws {RefusedError} what the approval met; `gone` when time is over, `cancelled` when `alarm` stops
   */
  async result({ expiresIn, pollAfter }, alarm) {
    const end = Date.now() + expiresIn * 1000;
    let pause = pollAfter;
    while (Date.now() < end) {
      await alarm.sleep(pause * 1000);
      if (alarm.stopped) throw new RefusedError("cancelled");
      const answer = await this.poll();
      if (answer.state === "released") return this.unseal(answer);
      pause = bounded(answer.poll_after, LONGEST_PAUSE);
    }
    throw new RefusedError("gone");
  }

  /** No answer is no end: a phone that shows another window may have no network for a while. */
  async poll() {
    try {
      const address = `${this.server}/api/v1/openings/${uuidText(this.id)}/result`;
      return await post(address, { poll_secret: encode(this.pollSecret) });
    } catch (error) {
      if (error instanceof NoAnswerError) return { poll_after: PAUSE_WITHOUT_ANSWER };
      if (error.code === "throttled") return { poll_after: error.details.retry_after };
      throw error;
    }
  }

  /**
   * What the server sealed to this page, and what it said beside it.
   *
   * @typedef {{keyShare: Uint8Array, expires: string|null, offer: string|null}} Released
   * @returns {Promise<Released>} @throws {RefusedError|WrongKeyError}
   */
  async unseal({ enc, sealed, expires = null, offer = null }) {
    const info = join("sealpost/1 opening", this.id, this.messageId, this.recipient);
    try {
      const part = { sealed: decodeExactly(sealed, 48), info };
      return { keyShare: await open(this.pair, decodeExactly(enc, 65), part), expires, offer };
    } catch (error) {
      throw error instanceof FormatError ? new RefusedError("server-error") : new WrongKeyError();
    }
  }
}

/** What every request about a message begins with. */
export async function whoAsks({ recipient, secret }, messageId) {
  const proof = await possessionProof(secret, messageId);
  return { message: uuidText(messageId), recipient, possession_proof: encode(proof) };
}

/** The two digits that page and portal both show. */
export async function matchCode(openingId, publicKey) {
  const digest = await sha256(join("sealpost/1 match", openingId, publicKey));
  return (new DataView(digest.buffer).getUint32(0) % 90) + 10;
}

function bounded(seconds, longest) {
  return Math.min(Math.max(Number(seconds) || SHORTEST_PAUSE, SHORTEST_PAUSE), longest);
}

/** UUIDv4 (RFC 9562 section 5.4). */
function randomUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes;
}
