/** The copy of an envelope that the key server keeps (FORMAT.md section 8): fetched, checked, still sealed. */

import { equal, text, uuidText } from "../envelope/bytes.js";
import { AlteredError, EnvelopeError, LimitExceededError, NoAnswerError } from "../envelope/errors.js";
import { answerOf, send } from "../envelope/keyserver.js";
import { whoAsks } from "../envelope/opening.js";
import { checkPolicy, MAX_PAYLOAD, PRELUDE_SIZE, readPayload, readPrelude, TAG_SIZE } from "../envelope/payload.js";
import { Stream } from "./stream.js";

const SILENCE = 20_000; // milliseconds in which not a byte arrives
const MAX_POLICY = 1_048_576; // bytes

/**
 * @param {{server, recipient, secret, messageId}} link @param {(fraction: number) => void} progress
 * @returns {Promise<{policyText: string, payload: object}>} @throws {EnvelopeError}
 */
export async function fetchCopy(link, progress) {
  const abort = new AbortController();
  const patience = new Patience(() => abort.abort());
  try {
    const { recipient, possession_proof } = await whoAsks(link, link.messageId);
    const address = `${link.server}/api/v1/copies/${uuidText(link.messageId)}`;
    const response = await send(address, { recipient, possession_proof }, abort.signal);
    if (!response.ok) return answerOf(false, await response.text());
    const size = Number(response.headers.get("Content-Length")) || Infinity;
    const stream = new Stream(response.body.getReader(), (arrived) => {
      patience.renew();
      progress(arrived / size);
    });
    return await readCopy(stream, link.messageId);
  } catch (error) {
    abort.abort(); // what is still to come is of no use
    if (error instanceof EnvelopeError) throw error;
    throw new NoAnswerError(navigator.onLine !== false);
  } finally {
    patience.end();
  }
}

/** @throws {FormatError|UnsupportedVersionError|LimitExceededError|PayloadCorruptError|AlteredError} */
export async function readCopy(stream, messageId) {
  const policyText = text(await stream.line(MAX_POLICY));
  const first = await stream.take(PRELUDE_SIZE);
  const sealedSize = readPrelude(first).segmentSize + TAG_SIZE;
  const segments = [];
  for (let size = PRELUDE_SIZE; ; ) {
    const segment = await stream.take(sealedSize);
    size += segment.length;
    if (size > MAX_PAYLOAD) throw new LimitExceededError();
    if (segment.length > 0) segments.push(segment);
    if (segment.length < sealedSize) break;
  }
  const payload = readPayload([first, ...segments]);
  await checkPolicy(payload, policyText);
  if (!equal(payload.messageId, messageId)) throw new AlteredError();
  return { policyText, payload };
}

/** Ends what goes quiet. */
class Patience {
  constructor(onEnd) {
    this.onEnd = onEnd;
    this.renew();
  }

  renew() {
    this.end();
    this.timer = setTimeout(this.onEnd, SILENCE);
  }

  end() {
    clearTimeout(this.timer);
  }
}
