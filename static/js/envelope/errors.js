/** The ways an envelope can refuse to open; each carries the code that FORMAT.md or API.md names. */

export class EnvelopeError extends Error {
  /** @param {string} code @param {object} [details] what the server said beside the code */
  constructor(code, details = {}) {
    super(code);
    this.code = code;
    this.details = details;
  }
}

/** Not an envelope, or its lengths and counts do not fit each other. */
export class FormatError extends EnvelopeError {
  constructor() {
    super("format");
  }
}

/** A version or algorithm that this script does not know. */
export class UnsupportedVersionError extends EnvelopeError {
  constructor() {
    super("unsupported-version");
  }
}

/** A declared size is over what an opener accepts. */
export class LimitExceededError extends EnvelopeError {
  constructor() {
    super("limit-exceeded");
  }
}

/** The key share does not belong to this file. */
export class WrongKeyError extends EnvelopeError {
  constructor() {
    super("wrong-key");
  }
}

/** A segment does not decrypt, or the policy does not match the header. */
export class PayloadCorruptError extends EnvelopeError {
  constructor() {
    super("payload-corrupt");
  }
}

/** The file is not as it was sent: its digest differs. */
export class AlteredError extends EnvelopeError {
  constructor() {
    super("altered");
  }
}

/** The key server answered, with a refusal of its own: `code` and `details` are the server's. */
export class RefusedError extends EnvelopeError {}

/** No answer: `offline` when this computer says so, else `unreachable`. */
export class NoAnswerError extends EnvelopeError {
  constructor(online = true) {
    super(online ? "unreachable" : "offline");
  }
}
