/** Every vector, read by the page's own modules: the same content and error codes as the Python opener's. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { softwareCipher } from "../../static/js/envelope/cipher192.js";
import { readContent } from "../../static/js/envelope/content.js";
import { checkPolicy, decodeCarriers, readPayload } from "../../static/js/envelope/payload.js";
import { decrypt, possessionProof, unlock } from "../../static/js/envelope/segments.js";
import { uuidText } from "../../static/js/envelope/bytes.js";
import { bytesOf, carriersOf, vectors } from "./vectors.js";

async function open(vector, standIn) {
  const { inputs } = await decodeCarriers(carriersOf(vector.payload));
  const payload = readPayload(inputs);
  await checkPolicy(payload, vector.policy);
  const halves = { keyShare: bytesOf(vector.key_share), secret: bytesOf(vector.envelope_secret) };
  const segments = await decrypt(payload, await unlock(payload, halves, standIn));
  const { headers, parts } = readContent(segments, payload.segmentSize);
  return { payload, content: { headers, parts: await Promise.all(parts.map((part) => described(part))) } };
}

async function described(part) {
  const { role, type, name, id, group } = part;
  const bytes = Buffer.from(await (await part.blob()).arrayBuffer());
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { role, type, name, id, group, size: bytes.length, sha256 };
}

/** What a vector leaves out is undefined, or group 0. */
function wanted(part) {
  return { name: undefined, id: undefined, group: 0, ...part };
}

for (const vector of vectors) {
  const { content, error } = vector.expect;
  if (error) {
    test(`vector ${vector.name} is refused as ${error}`, async () => {
      await assert.rejects(open(vector), { code: error });
    });
    continue;
  }
  test(`vector ${vector.name} opens: ${vector.about}`, async () => {
    const opened = await open(vector);
    assert.deepEqual(opened.content.headers, content.headers);
    assert.deepEqual(opened.content.parts, content.parts.map(wanted));
    assert.equal(uuidText(opened.payload.messageId), vector.message_id);
    const proof = await possessionProof(bytesOf(vector.envelope_secret), opened.payload.messageId);
    assert.equal(Buffer.from(proof).toString("base64url"), vector.expect.possession_proof);
  });
}

test("AES-192 vectors open with the stand-in as with the browser's own cipher", async () => {
  const importKey = crypto.subtle.importKey.bind(crypto.subtle);
  const refusal = new DOMException("192-bit AES keys are not supported", "OperationError");
  const refusing192 = async (format, key, ...rest) => {
    if (key.length === 24) throw refusal;
    return importKey(format, key, ...rest);
  };
  for (const vector of vectors.filter(({ name }) => name.includes("192"))) {
    const native = await open(vector);
    crypto.subtle.importKey = refusing192;
    try {
      assert.deepEqual((await open(vector, softwareCipher)).content, native.content);
      await assert.rejects(open(vector), { name: "OperationError" });
    } finally {
      delete crypto.subtle.importKey;
    }
  }
});
