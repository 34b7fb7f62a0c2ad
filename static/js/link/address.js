/** A «Read message» link (FORMAT.md section 9): what its path and its fragment say. */

import { decode, decodeExactly, text } from "../envelope/bytes.js";
import { EnvelopeError } from "../envelope/errors.js";

const PATH = /\/read\/([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})$/i;
// What mail programs and people take along behind it, a bracket or a full stop, is not part of it.
const FRAGMENT = /^#([\w-]{43})\.([\w-]{1,1000})(?![\w-])/;

/** The link has lost something on its way from the mail to here. */
export class LinkIncompleteError extends EnvelopeError {
  constructor() {
    super("link-incomplete");
  }
}

/**
 * @param {{pathname: string, hash: string}} location
 * @returns {{messageId: Uint8Array, secret: Uint8Array, recipient: string}} @throws {LinkIncompleteError}
 */
export function readLink({ pathname, hash }) {
  const [, id] = PATH.exec(pathname) ?? [];
  const [, secret, recipient] = FRAGMENT.exec(hash) ?? [];
  try {
    const link = {
      messageId: Uint8Array.from(id.replace(/-/g, "").match(/../g), (byte) => parseInt(byte, 16)),
      secret: decodeExactly(secret, 32),
      recipient: text(decode(recipient)),
    };
    if (/.@./.test(link.recipient)) return link;
  } catch {
    // Half a link.
  }
  throw new LinkIncompleteError();
}
