/** Decrypted segments as if they were one array, without making one. */

import { FormatError } from "./errors.js";

export class Cleartext {
  constructor(segments, segmentSize) {
    this.segments = segments;
    this.segmentSize = segmentSize;
    this.size = segments.reduce((sum, segment) => sum + segment.length, 0);
  }

  /** Views of `length` bytes from `start`. @throws {FormatError} beyond the end */
  views(start, length) {
    if (start + length > this.size) throw new FormatError();
    const views = [];
    for (let offset = start; offset < start + length; ) {
      const segment = this.segments[Math.floor(offset / this.segmentSize)];
      const from = offset % this.segmentSize;
      const view = segment.subarray(from, from + start + length - offset);
      views.push(view);
      offset += view.length;
    }
    return views;
  }

  /** A copy of `length` bytes from `start`. */
  bytes(start, length) {
    const bytes = new Uint8Array(length);
    let offset = 0;
    for (const view of this.views(start, length)) {
      bytes.set(view, offset);
      offset += view.length;
    }
    return bytes;
  }
}
