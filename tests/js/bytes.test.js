/** Bytes and their text forms. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import * as bytes from "../../static/js/envelope/bytes.js";
import { FormatError } from "../../static/js/envelope/errors.js";

const plain = (array) => Buffer.from(array);

test("the table decodes base64url of every length as node does", () => {
  for (let size = 0; size < 300; size++) {
    const wanted = randomBytes(size);
    assert.deepEqual(plain(bytes.decodeByTable(wanted.toString("base64url"))), wanted);
  }
});

test("white space in base64url means nothing to the table", () => {
  const wanted = randomBytes(3000);
  const folded = wanted.toString("base64url").replace(/.{984}/g, "$&\r\n");
  assert.deepEqual(plain(bytes.decodeByTable(` \t${folded}\n`)), wanted);
});

test("the table refuses letters that are no base64url and a single one left over", () => {
  for (const wrong of ["ab+d", "ab/d", "abc=", "ab.d", "abcd\u00e4", "abcde"]) {
    assert.throws(() => bytes.decodeByTable(wrong), FormatError);
  }
});

test("the browser's own decoder is used where there is one, and its refusal is ours", () => {
  const asked = [];
  Uint8Array.fromBase64 = (text, options) => {
    asked.push([text, options]);
    if (text === "!") throw new SyntaxError();
    return Uint8Array.of(1);
  };
  try {
    assert.deepEqual(bytes.decode("AQ"), Uint8Array.of(1));
    assert.throws(() => bytes.decode("!"), FormatError);
    assert.deepEqual(asked[0], ["AQ", { alphabet: "base64url" }]);
  } finally {
    delete Uint8Array.fromBase64;
  }
});

test("a value of another size than it has to be is refused before it is decoded", () => {
  const value = randomBytes(32).toString("base64url");
  assert.equal(bytes.decodeExactly(value, 32).length, 32);
  assert.throws(() => bytes.decodeExactly(value, 31), FormatError);
  assert.throws(() => bytes.decodeExactly("A".repeat(1_000_000), 32), FormatError);
  assert.throws(() => bytes.decodeExactly(null, 32), FormatError);
});

test("encoding is base64url without padding", () => {
  for (let size = 0; size < 70; size++) {
    const value = randomBytes(size);
    assert.equal(bytes.encode(value), value.toString("base64url"));
  }
});

test("comparing tells equal from different", () => {
  assert.ok(bytes.equal(Uint8Array.of(1, 2), Uint8Array.of(1, 2)));
  assert.ok(!bytes.equal(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
  assert.ok(!bytes.equal(Uint8Array.of(1, 2), Uint8Array.of(1)));
});

test("bytes that are no UTF-8 are refused", () => {
  assert.throws(() => bytes.text(Uint8Array.of(0xff)), FormatError);
});
