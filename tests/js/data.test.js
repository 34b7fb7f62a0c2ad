/** The data block: read strictly, or not at all. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

import { readEnvelope, readStrings } from "../../static/js/envelope/data.js";
import { FormatError } from "../../static/js/envelope/errors.js";

const POLICY = {
  expires: null,
  level: "high",
  recipients: ["bob@b.example"],
  sender: "ada@a.example",
  sender_name: "Ada",
  sent: "2026-11-23T18:00:00Z",
  subject: null,
};
const packed = (text) => deflateRawSync(text).toString("base64url");
const words = (strings) => packed(JSON.stringify(strings));
const DATA = {
  server: "https://keys.a.example",
  recipient: "bob@b.example",
  secret: Buffer.alloc(32, 1).toString("base64url"),
  policy: JSON.stringify(POLICY),
  digest: Buffer.alloc(32, 2).toString("base64url"),
  size: 5,
  locale: "de",
  remember: false,
  applet: true,
  strings: words({ Print: "Печать" }),
};

const block = (changes) => JSON.stringify({ ...DATA, ...changes });

test("the data block is read as values", () => {
  const envelope = readEnvelope(block());
  assert.equal(envelope.policy.level, "high");
  assert.equal(envelope.policyText, DATA.policy);
  assert.deepEqual(envelope.secret, new Uint8Array(32).fill(1));
});

test("the script's words are inflated, none stands for English", async () => {
  assert.deepEqual(await readStrings(DATA.strings), { Print: "Печать" });
  assert.deepEqual(await readStrings(""), {});
});

for (const [name, strings] of Object.entries({
  "a translation that is no text": words({ Print: 1 }),
  "words that are no object": words(["Print"]),
  "words that are no JSON": packed("{"),
  "words that were cut off": DATA.strings.slice(0, -6),
  "words that inflate beyond all measure": packed(" ".repeat(10_000_000) + "{}"),
  "words that are no base64url": "!",
})) {
  test(`${name}: refused`, () => assert.rejects(readStrings(strings), FormatError));
}

test("line breaks within the block mean nothing, even inside a text", () => {
  const folded = block().replace(/.{40}/g, "$&\r\n");
  assert.deepEqual(readEnvelope(folded), readEnvelope(block()));
});

for (const [name, changes] of Object.entries({
  "a server with a path": { server: "https://keys.a.example/x" },
  "a server that a mail filter rewrote": { server: "https://safe.example/?url=https%3A%2F%2Fkeys.a.example" },
  "a server that is no web address": { server: "javascript:alert(1)" },
  "a short secret": { secret: "AQ" },
  "a digest that is no base64url": { digest: "!".repeat(43) },
  "a policy of another level": { policy: JSON.stringify({ ...POLICY, level: "low" }) },
  "a policy with something more": { policy: JSON.stringify({ ...POLICY, reply: true }) },
  "a policy that is no JSON": { policy: "{" },
  "a size that is no number": { size: "5" },
  "a flag that is no flag": { remember: "false" },
  "a level of the future": { policy: JSON.stringify({ ...POLICY, level: "sealed" }) },
  "a field too many": { extra: 1 },
  "a field too few": { size: undefined },
})) {
  test(`${name} is refused`, () => assert.throws(() => readEnvelope(block(changes)), FormatError));
}

test("a block that is no object is refused", () => {
  for (const wrong of ["", "null", "[]", "{", '"text"']) {
    assert.throws(() => readEnvelope(wrong), FormatError);
  }
});
