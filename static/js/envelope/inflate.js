/** RFC 1951, bounded; the browser does the work. */

import { FormatError } from "./errors.js";

/**
 * Inflate into exactly `size` bytes: a stream that holds more is dropped where it passes them.
 *
 * @param {Uint8Array[]} views @throws {FormatError}
 */
export async function inflate(views, size) {
  const bytes = await inflateWithin(views, size);
  if (bytes.length !== size) throw new FormatError();
  return bytes;
}

/** Inflate into `limit` bytes at most. @throws {FormatError} */
export async function inflateWithin(views, limit) {
  const bytes = new Uint8Array(limit);
  const stream = streamOf(views).pipeThrough(new DecompressionStream("deflate-raw"));
  const filled = await fill(bytes, stream.getReader());
  if (filled < 0) throw new FormatError();
  return bytes.subarray(0, filled);
}

/** Not by way of a Blob, whose bytes take a detour through another process in Chromium. */
function streamOf(views) {
  const rest = views.values();
  return new ReadableStream({
    pull(controller) {
      const { value, done } = rest.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

async function fill(bytes, reader) {
  let offset = 0;
  try {
    for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
      if (offset + value.length > bytes.length) return reader.cancel().then(() => -1);
      bytes.set(value, offset);
      offset += value.length;
    }
  } catch {
    return -1;
  }
  return offset;
}
