/** The page behind a link: what stands in the link, and the copy that the key server keeps. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, test } from "node:test";

import { speak } from "../../static/js/envelope/gettext.js";
import { decrypt, unlock } from "../../static/js/envelope/segments.js";
import { readLink } from "../../static/js/link/address.js";
import { fetchCopy, readCopy } from "../../static/js/link/copy.js";
import { isWorthAnotherTry, stateOf, words } from "../../static/js/link/refusals.js";
import { Stream } from "../../static/js/link/stream.js";
import { bytesOf, vector, vectors } from "./vectors.js";

const idOf = ({ message_id }) => new Uint8Array(Buffer.from(message_id.replaceAll("-", ""), "hex"));
const VECTOR = vector("aes-256");
const ID = idOf(VECTOR);
const SECRET = VECTOR.envelope_secret;
const b64u = (text) => Buffer.from(text).toString("base64url");
const RECIPIENT = b64u("bøb@b.example");
const LINK = { pathname: `/read/${VECTOR.message_id}`, hash: `#${SECRET}.${RECIPIENT}` };

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

const stored = ({ policy, payload }) => Buffer.concat([Buffer.from(`${policy}\n`), bytesOf(payload)]);

/** A stream that hands out `bytes` in chunks of so many. */
function streamOf(bytes, size, onArrival) {
  const chunks = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(new Uint8Array(bytes.subarray(at, at + size)));
  const read = async () => (chunks.length ? { value: chunks.shift(), done: false } : { done: true });
  return new Stream({ read }, onArrival);
}

test("a whole link says which message, the secret and for whom", () => {
  const { messageId, secret, recipient } = readLink(LINK);
  assert.deepEqual(messageId, ID);
  assert.deepEqual(secret, bytesOf(SECRET));
  assert.equal(recipient, "bøb@b.example");
});

test("what stands behind a link is not part of it", () => {
  for (const more of [">", "%3E", ").", "&utm_source=mail"]) {
    assert.equal(readLink({ ...LINK, hash: LINK.hash + more }).recipient, "bøb@b.example");
  }
});

for (const [name, changes] of Object.entries({
  "without a fragment": { hash: "" },
  "with an empty fragment": { hash: "#" },
  "with half a secret": { hash: `#${SECRET.slice(0, 20)}` },
  "that ends with the secret": { hash: `#${SECRET}` },
  "without the recipient": { hash: `#${SECRET}.` },
  "with half a recipient": { hash: `#${SECRET}.${b64u("bob@")}` },
  "with one letter too many": { hash: `#${SECRET}A.${RECIPIENT}` },
  "with letters that mean nothing": { hash: `#${"!".repeat(43)}.${RECIPIENT}` },
  "with half an id": { pathname: LINK.pathname.slice(0, -3) },
})) {
  test(`a link ${name} is incomplete`, () => {
    assert.throws(() => readLink({ ...LINK, ...changes }), { code: "link-incomplete" });
  });
}

for (const size of [1, 7, 100_000]) {
  test(`the copy is read in chunks of ${size} as it is sealed`, async () => {
    let arrived = 0;
    const bytes = stored(VECTOR);
    const stream = streamOf(bytes, size, (so) => (arrived = so));
    const { policyText, payload } = await readCopy(stream, ID);
    assert.equal(policyText, VECTOR.policy);
    assert.equal(arrived, bytes.length);
    const keys = await unlock(payload, { keyShare: bytesOf(VECTOR.key_share), secret: bytesOf(SECRET) });
    assert.ok((await decrypt(payload, keys)).length > 0);
  });
}

test("every vector's copy is read, or refused with the file's own code", async () => {
  for (const each of vectors.filter(({ policy }) => policy)) {
    const id = idOf(each);
    const read = async () => {
      const { payload } = await readCopy(streamOf(stored(each), 1_000), id);
      const keys = await unlock(payload, {
        keyShare: bytesOf(each.key_share),
        secret: bytesOf(each.envelope_secret),
      });
      await decrypt(payload, keys);
    };
    const { error } = each.expect;
    if (!error) await read();
    // The link names the message, so that a header of another one is noticed before the key is.
    else if (error === "wrong-key") await assert.rejects(read(), ({ code }) => [error, "altered"].includes(code));
    else if (error === "unsupported-version") await assert.rejects(read(), { code: error }, each.name);
  }
});

for (const [name, bytes] of Object.entries({
  "nothing at all": Buffer.alloc(0),
  "a policy alone": Buffer.from(VECTOR.policy),
  "no policy": stored({ ...VECTOR, policy: "" }),
  "half a payload": stored(VECTOR).subarray(0, VECTOR.policy.length + 80),
  "zeros": Buffer.alloc(200_000),
  "a line without an end": Buffer.alloc(3_000_000, 0x20),
})) {
  test(`a copy of ${name} is refused`, async () => {
    await assert.rejects(readCopy(streamOf(bytes, 4_096), ID), (error) => typeof error.code === "string");
  });
}

test("the copy of another message is refused", async () => {
  await assert.rejects(readCopy(streamOf(stored(VECTOR), 999), new Uint8Array(16)), { code: "altered" });
});

test("the copy is asked for with the proof and without the secret", async () => {
  let request;
  globalThis.fetch = async (address, options) => {
    request = { address, options, body: JSON.parse(options.body) };
    return new Response(stored(VECTOR), { headers: { "Content-Length": String(stored(VECTOR).length) } });
  };
  const fractions = [];
  const link = { ...readLink(LINK), server: "https://k.example" };
  await fetchCopy(link, (fraction) => fractions.push(fraction));
  assert.equal(request.address, `https://k.example/api/v1/copies/${VECTOR.message_id}`);
  assert.deepEqual(request.body, {
    recipient: "bøb@b.example",
    possession_proof: VECTOR.expect.possession_proof,
  });
  assert.ok(!JSON.stringify(request).includes(SECRET));
  assert.equal(fractions.at(-1), 1);
});

test("a refusal and a broken connection are told apart", async () => {
  const link = { ...readLink(LINK), server: "https://k.example" };
  globalThis.fetch = async () => Response.json({ code: "no-copy" }, { status: 410 });
  await assert.rejects(fetchCopy(link, () => {}), { code: "no-copy" });
  globalThis.fetch = async () => {
    throw new TypeError("network");
  };
  await assert.rejects(fetchCopy(link, () => {}), { code: "unreachable" });
});

test("every state has words of the link's own, which name no file and no unknown sender", () => {
  speak({});
  const envelope = { server: "https://k.example", recipient: "bob@b.example", locale: "en", policy: { sender: "" } };
  const source = readFileSync(new URL("../../static/js/link/refusals.js", import.meta.url), "utf8");
  const ownStates = [...source.matchAll(/case "([a-z-]+)"/g)].map(([, state]) => state);
  for (const state of [...ownStates, "offline", "throttled", "gone"]) {
    const said = words(state, { id: "42" }, envelope).filter(Boolean);
    assert.ok(said.length >= 2, state);
    assert.doesNotMatch(said.join(" "), /ask {2}| {2}|attachment|this file|online|%\(/i, state);
  }
  assert.match(words("locked", {}, { ...envelope, policy: { sender: "ada@a.example" } }).join(" "), /ada@a.example/);
});

test("a link that is no good is not tried again, a server that is away is", () => {
  for (const code of ["link-incomplete", "no-copy", "not-found", "not-a-recipient"]) {
    assert.equal(stateOf({ code }), code);
    assert.ok(!isWorthAnotherTry(code), code);
  }
  for (const code of ["unreachable", "message-locked", "message-expired"]) {
    assert.ok(isWorthAnotherTry(stateOf({ code })), code);
  }
});
