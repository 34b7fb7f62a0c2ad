/** The page's own HPKE receiver against the RFC's vector and against a library's sender. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from "@hpke/core";

import { decapsulate, generateKeyPair, open, publicBytes } from "../../static/js/envelope/hpke.js";

const hex = (text) => new Uint8Array(Buffer.from(text, "hex"));
const suite = new CipherSuite({
  kem: new DhkemP256HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

async function sealTo(pair, { plaintext, info }) {
  const recipientPublicKey = await suite.kem.deserializePublicKey(await publicBytes(pair));
  const { ct, enc } = await suite.seal({ recipientPublicKey, info }, plaintext);
  return { sealed: new Uint8Array(ct), enc: new Uint8Array(enc) };
}

async function pairOf(privateHex, publicHex) {
  const point = hex(publicHex);
  const coordinate = (start) => Buffer.from(point.subarray(start, start + 32)).toString("base64url");
  const jwk = { kty: "EC", crv: "P-256", x: coordinate(1), y: coordinate(33) };
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const d = Buffer.from(privateHex, "hex").toString("base64url");
  return {
    publicKey: await crypto.subtle.importKey("jwk", jwk, curve, true, []),
    privateKey: await crypto.subtle.importKey("jwk", { ...jwk, d }, curve, false, ["deriveBits"]),
  };
}

test("decapsulation gives the shared secret of RFC 9180 appendix A.3.1", async () => {
  const pair = await pairOf(
    "f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2",
    "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a82" +
      "6a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0",
  );
  const enc = hex(
    "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac9" +
      "8536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4",
  );
  const shared = hex("c0d26aeab536609a572b07695d933b589dcf363ff9d93c93adea537aeabb8cb8");
  assert.deepEqual(await decapsulate(pair, enc), shared);
});

test("what a library seals opens here, with any info", async () => {
  for (const size of [0, 1, 32, 1000]) {
    const pair = await generateKeyPair();
    const plaintext = crypto.getRandomValues(new Uint8Array(32));
    const info = crypto.getRandomValues(new Uint8Array(size));
    const { sealed, enc } = await sealTo(pair, { plaintext, info });
    assert.deepEqual(await open(pair, enc, { sealed, info }), plaintext);
  }
});

test("another info, another pair or a changed letter does not open", async () => {
  const pair = await generateKeyPair();
  const info = hex("01");
  const { sealed, enc } = await sealTo(pair, { plaintext: new Uint8Array(32), info });
  const changed = Uint8Array.from(sealed, (byte, i) => (i === 0 ? byte ^ 1 : byte));
  await assert.rejects(open(pair, enc, { sealed, info: hex("02") }));
  await assert.rejects(open(await generateKeyPair(), enc, { sealed, info }));
  await assert.rejects(open(pair, enc, { sealed: changed, info }));
  await assert.rejects(open(pair, new Uint8Array(65), { sealed, info }));
});

test("the private key cannot be taken out of the browser", async () => {
  const { privateKey } = await generateKeyPair();
  assert.equal(privateKey.extractable, false);
});
