/** An opening against a key server that is played here, word by word of API.md. */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { afterEach, test } from "node:test";

import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from "@hpke/core";

import { Alarm } from "../../static/js/envelope/alarm.js";
import { Opening } from "../../static/js/envelope/opening.js";
import { bytesOf, vector } from "./vectors.js";

const suite = new CipherSuite({
  kem: new DhkemP256HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});
const { message_id: MESSAGE, envelope_secret: SECRET, expect: EXPECT } = vector("aes-256");
const KEY_SHARE = new Uint8Array(randomBytes(32));
const ENVELOPE = { server: "https://keys.a.example", recipient: "bøb@b.example", secret: bytesOf(SECRET) };
const uuidBytes = (text) => Buffer.from(text.replaceAll("-", ""), "hex");

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

/** Answer each request with the next of `answers`: [status, body], a function of the request, or an error. */
function play(...answers) {
  const requests = [];
  globalThis.fetch = async (address, options) => {
    const body = JSON.parse(options.body);
    requests.push({ address, options, body });
    const answer = answers[requests.length - 1];
    if (answer instanceof Error) throw answer;
    const [status, content] = typeof answer === "function" ? await answer(requests) : answer;
    return new Response(typeof content === "string" ? content : JSON.stringify(content), { status });
  };
  return requests;
}

/** What the key server does on release. */
async function release([{ body }], { recipient = body.recipient } = {}) {
  const parts = ["sealpost/1 opening", uuidBytes(body.opening), uuidBytes(body.message), recipient];
  const info = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const recipientPublicKey = await suite.kem.deserializePublicKey(bytesOf(body.public_key));
  const { ct, enc } = await suite.seal({ recipientPublicKey, info }, KEY_SHARE);
  const text = (buffer) => Buffer.from(buffer).toString("base64url");
  return [200, { state: "released", enc: text(enc), sealed: text(ct) }];
}

async function prepared() {
  const opening = new Opening(ENVELOPE);
  const code = await opening.prepare(new Uint8Array(uuidBytes(MESSAGE)));
  return { opening, code };
}

function rung() {
  const alarm = new Alarm();
  alarm.sleep = async () => {};
  return alarm;
}

const WAITING = [201, { state: "waiting", expires_in: 600, poll_after: 3 }];

test("asking sends exactly what the API wants, as text and without a cookie", async () => {
  const requests = play(WAITING);
  const { opening } = await prepared();
  assert.deepEqual(await opening.ask(), { expiresIn: 600, pollAfter: 3 });
  const [{ address, options, body }] = requests;
  assert.equal(address, "https://keys.a.example/api/v1/openings");
  assert.equal(options.method, "POST");
  assert.deepEqual(options.headers, { "Content-Type": "text/plain" });
  assert.equal(options.credentials, "omit");
  assert.equal(options.redirect, "error");
  const names = ["message", "recipient", "possession_proof", "opening", "public_key", "poll_sha256"];
  assert.deepEqual(Object.keys(body), names);
  assert.equal(body.message, MESSAGE);
  assert.equal(body.possession_proof, EXPECT.possession_proof);
  assert.match(body.opening, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(opening.address, `https://keys.a.example/open/${body.opening}`);
});

test("the match code is two digits of what both sides know", async () => {
  const requests = play(WAITING);
  const { opening, code } = await prepared();
  await opening.ask();
  const hash = createHash("sha256").update("sealpost/1 match");
  hash.update(uuidBytes(requests[0].body.opening)).update(bytesOf(requests[0].body.public_key));
  assert.equal(code, (hash.digest().readUInt32BE(0) % 90) + 10);
});

test("without a passphrase the key share comes at once", async () => {
  play(release);
  const { opening } = await prepared();
  assert.deepEqual(await opening.ask(), { keyShare: KEY_SHARE, expires: null, offer: null });
});

test("the result is asked for with the poll secret until it is released", async () => {
  const requests = play(WAITING, [200, { state: "waiting", poll_after: 1 }], release);
  const { opening } = await prepared();
  assert.deepEqual((await opening.result(await opening.ask(), rung())).keyShare, KEY_SHARE);
  const [asked, polled] = requests;
  assert.equal(polled.address, `https://keys.a.example/api/v1/openings/${asked.body.opening}/result`);
  const digest = createHash("sha256").update(bytesOf(polled.body.poll_secret)).digest("base64url");
  assert.equal(digest, asked.body.poll_sha256);
});

test("what the server says beside the key share comes along", async () => {
  const beside = { expires: "2026-12-24T00:00:00Z", offer: "passphrase" };
  play(async (requests) => {
    const [status, body] = await release(requests);
    return [status, { ...body, ...beside }];
  });
  const { opening } = await prepared();
  assert.deepEqual(await opening.ask(), { keyShare: KEY_SHARE, ...beside });
});

test("a poll that gets no answer or comes too often does not end the opening", async () => {
  const throttled = [429, { code: "throttled", retry_after: 5 }];
  play(WAITING, new TypeError("network"), throttled, release);
  const { opening } = await prepared();
  assert.deepEqual((await opening.result(await opening.ask(), rung())).keyShare, KEY_SHARE);
});

test("a refusal carries the server's code and details", async () => {
  const refusal = { code: "message-locked", reason: "a mistake" };
  play([403, refusal]);
  const { opening } = await prepared();
  await assert.rejects(opening.ask(), { code: "message-locked", details: refusal });
});

test("what the approval met ends the waiting", async () => {
  play(WAITING, [403, { code: "message-expired", expired_at: "2026-12-24T00:00:00Z" }]);
  const { opening } = await prepared();
  await assert.rejects(opening.result(await opening.ask(), rung()), { code: "message-expired" });
});

test("an opening that is over is gone, whoever says so", async () => {
  play([201, { state: "waiting", expires_in: 600, poll_after: 3 }], [410, { code: "gone" }]);
  const { opening } = await prepared();
  await assert.rejects(opening.result(await opening.ask(), rung()), { code: "gone" });
  await assert.rejects(opening.result({ expiresIn: 0, pollAfter: 1 }, rung()), { code: "gone" });
});

test("giving up ends the waiting without another request", async () => {
  const requests = play(WAITING);
  const { opening } = await prepared();
  const alarm = new Alarm();
  const result = opening.result(await opening.ask(), alarm);
  alarm.stop();
  await assert.rejects(result, { code: "cancelled" });
  assert.equal(requests.length, 1);
});

test("a server that cannot be reached is unreachable, one that talks nonsense has a problem", async () => {
  play(new TypeError("network"), [502, "<html>Bad gateway</html>"], [200, "<html>Hotel Wi-Fi</html>"]);
  const { opening } = await prepared();
  await assert.rejects(opening.ask(), { code: "unreachable" });
  await assert.rejects(opening.ask(), { code: "server-error" });
  await assert.rejects(opening.ask(), { code: "server-error" });
});

test("a key share that was sealed for somebody else does not open", async () => {
  play((requests) => release(requests, { recipient: "eve@e.example" }));
  const { opening } = await prepared();
  await assert.rejects(opening.ask(), { code: "wrong-key" });
});

test("a release of wrong lengths is the server's problem", async () => {
  play([200, { state: "released", enc: "AQ", sealed: "AQ" }]);
  const { opening } = await prepared();
  await assert.rejects(opening.ask(), { code: "server-error" });
});

test("two openings of one message have nothing in common", () => {
  const [one, other] = [new Opening(ENVELOPE), new Opening(ENVELOPE)];
  assert.notEqual(one.address, other.address);
  assert.notDeepEqual(one.pollSecret, other.pollSecret);
});

test("an alarm that rang before the pause ends it at once, and only that one", async () => {
  const alarm = new Alarm();
  alarm.ring();
  await alarm.sleep(1_000_000);
  let isOver = false;
  const pause = alarm.sleep(1_000_000).then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isOver, false);
  alarm.ring();
  await pause;
});
