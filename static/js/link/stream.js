/** Bytes as they arrive, taken out in pieces of one's own size. */

import { join } from "../envelope/bytes.js";
import { LimitExceededError } from "../envelope/errors.js";

const LINE_END = 0x0a;

export class Stream {
  /** @param {ReadableStreamDefaultReader} reader @param {(arrived: number) => void} [onArrival] bytes so far */
  constructor(reader, onArrival = () => {}) {
    Object.assign(this, { reader, onArrival, arrived: 0, held: new Uint8Array(0) });
  }

  /** The next `size` bytes, fewer at the end. */
  async take(size) {
    const taken = new Uint8Array(size);
    let length = 0;
    while (length < size && (await this.fill())) {
      const part = this.release(size - length);
      taken.set(part, length);
      length += part.length;
    }
    return taken.subarray(0, length);
  }

  /** What stands before the next line end, which goes too. @throws {LimitExceededError} */
  async line(limit) {
    const parts = [];
    for (let length = 0; await this.fill(); ) {
      const end = this.held.indexOf(LINE_END);
      const part = this.release(end < 0 ? this.held.length : end);
      parts.push(part);
      length += part.length;
      if (length > limit) throw new LimitExceededError();
      if (end < 0) continue;
      this.release(1);
      break;
    }
    return join(...parts);
  }

  /** @returns {Promise<boolean>} whether there is anything left */
  async fill() {
    while (this.held.length === 0) {
      const { value, done } = await this.reader.read();
      if (done) return false;
      this.held = value;
      this.arrived += value.length;
      this.onArrival(this.arrived);
    }
    return true;
  }

  release(size) {
    const part = this.held.subarray(0, size);
    this.held = this.held.subarray(part.length);
    return part;
  }
}
