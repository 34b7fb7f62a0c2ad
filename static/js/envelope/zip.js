/** A ZIP archive that only stores (APPNOTE 6.3.10): browsers stop a page that saves several files at once. */

import { breather } from "./breathe.js";
import { join } from "./bytes.js";

const SLICE = 1_048_576;
const VERSION = 20;
const UTF8_NAMES = 0x0800;
const DATE = 0x0021; // 1 January 1980: the archive's entries have no dates of their own

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** @param {{name: string, blob: Blob}[]} files with distinct names, under 4 GiB @returns {Promise<Blob>} */
export async function zip(files) {
  const pieces = [];
  const directory = [];
  let offset = 0;
  for (const { name, blob } of files) {
    const entry = { name: new TextEncoder().encode(name), size: blob.size, crc: await crc32(blob), offset };
    const header = localHeader(entry);
    pieces.push(header, blob);
    directory.push(directoryEntry(entry));
    offset += header.length + blob.size;
  }
  const index = join(...directory);
  const end = endRecord(files.length, index.length, { offset });
  return new Blob([...pieces, index, end], { type: "application/zip" });
}

/** CRC-32 of a blob, a slice at a time. */
export async function crc32(blob) {
  let crc = 0xffffffff;
  const breathe = breather();
  for (let start = 0; start < blob.size; start += SLICE) {
    const bytes = new Uint8Array(await blob.slice(start, start + SLICE).arrayBuffer());
    for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff];
    await breathe();
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** What local header and directory entry have in common. */
function about({ name, size, crc }) {
  return join(u16(VERSION, UTF8_NAMES, 0, 0, DATE), u32(crc, size, size), u16(name.length, 0));
}

function localHeader(entry) {
  return join(u32(0x04034b50), about(entry), entry.name);
}

function directoryEntry(entry) {
  const rest = join(u16(0, 0, 0), u32(0, entry.offset));
  return join(u32(0x02014b50), u16(VERSION), about(entry), rest, entry.name);
}

function endRecord(count, size, { offset }) {
  return join(u32(0x06054b50), u16(0, 0, count, count), u32(size, offset), u16(0));
}

function u16(...values) {
  return littleEndian(values, 2);
}

function u32(...values) {
  return littleEndian(values, 4);
}

function littleEndian(values, width) {
  const bytes = new Uint8Array(values.length * width);
  values.forEach((value, i) => {
    for (let byte = 0; byte < width; byte++) bytes[i * width + byte] = value >>> (8 * byte);
  });
  return bytes;
}
