/** Which remembered envelope may be opened without asking, and when it is forgotten. */

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import * as errors from "../../static/js/envelope/errors.js";
import { askState, isForgottenAt, judge, Memory, until } from "../../static/js/envelope/remembered.js";
import { readPayload, decodeCarriers } from "../../static/js/envelope/payload.js";
import { bytesOf, carriersOf, vector } from "./vectors.js";

const DAY = 86_400_000;
const NOW = Date.parse("2026-11-25T12:00:00Z");
const CHECK = new Uint8Array(32).fill(7);
const TOMORROW = "2026-11-26T12:00:00Z";
const VECTOR = vector("aes-256");
const ENVELOPE = { server: "https://k.example", recipient: "bob@b.example", secret: bytesOf(VECTOR.envelope_secret) };

const entry = (changes) => ({ keyCheck: CHECK, expires: TOMORROW, until: Date.parse(TOMORROW), ...changes });

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

async function payload() {
  return readPayload((await decodeCarriers(carriersOf(VECTOR.payload))).inputs);
}

test("it is remembered until it expires, or for 90 days", () => {
  assert.equal(until(TOMORROW, NOW), NOW + DAY);
  assert.equal(until(null, NOW), NOW + 90 * DAY);
  assert.equal(until("tomorrow", NOW), 0);
});

test("what is kept opens until its time is over", () => {
  assert.equal(judge(entry(), CHECK, NOW), "known");
  assert.equal(judge(entry(), CHECK, NOW + DAY), "expired");
  assert.equal(judge(entry({ expires: null, until: NOW }), CHECK, NOW), "unknown");
});

test("what was kept for another file, or not at all, opens nothing", () => {
  assert.equal(judge(undefined, CHECK, NOW), "unknown");
  assert.equal(judge(entry({ keyCheck: new Uint8Array(32) }), CHECK, NOW), "unknown");
});

test("a refusal that ends the message ends the memory, one that passes does not", () => {
  for (const code of ["message-locked", "message-expired", "not-found", "not-a-recipient"]) {
    assert.ok(isForgottenAt(new errors.RefusedError(code)), code);
  }
  assert.ok(isForgottenAt(new errors.PayloadCorruptError()));
  assert.ok(isForgottenAt(new DOMException("gone", "InvalidStateError")));
  for (const code of ["throttled", "server-error", "unreachable"]) {
    assert.ok(!isForgottenAt(new errors.RefusedError(code)), code);
  }
});

test("the state is asked for with the proof, and the server's word taken", async () => {
  let request;
  globalThis.fetch = async (address, options) => {
    request = { address, body: JSON.parse(options.body) };
    return Response.json({ expires: null, remember: true });
  };
  assert.deepEqual(await askState(ENVELOPE, await payload()), { expires: null, remember: true });
  assert.equal(request.address, "https://k.example/api/v1/openings/state");
  assert.deepEqual(request.body, {
    message: VECTOR.message_id,
    recipient: "bob@b.example",
    possession_proof: VECTOR.expect.possession_proof,
  });
});

test("without a word of the server there is no state, its refusal is told", async () => {
  for (const answer of [
    () => Promise.reject(new TypeError("network")),
    () => Promise.resolve(new Response("<html>Hotel Wi-Fi</html>")),
    () => Promise.resolve(Response.json({ code: "server-error", id: "1" }, { status: 500 })),
  ]) {
    globalThis.fetch = answer;
    assert.equal(await askState(ENVELOPE, await payload()), null);
  }
  for (const code of ["message-locked", "throttled"]) {
    globalThis.fetch = async () => Response.json({ code }, { status: 403 });
    await assert.rejects(askState(ENVELOPE, await payload()), { code });
  }
});

test("where the browser keeps nothing, recalling says so; keeping and forgetting go by in silence", async () => {
  const memory = new Memory(ENVELOPE, await payload());
  await assert.rejects(memory.recall(), (error) => !(error instanceof errors.EnvelopeError));
  await memory.keep({ cipher: { key: null }, noncePrefix: new Uint8Array(7) }, null);
  await memory.forget();
});

test("one message to two people on one computer has two places", async () => {
  const [one, other] = ["bob@b.example", "eve@e.example"].map((recipient) => ({ ...ENVELOPE, recipient }));
  const read = await payload();
  assert.notEqual(new Memory(one, read).id, new Memory(other, read).id);
});
