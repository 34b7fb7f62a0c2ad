/** Every code that an opening can end with has a state and words. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as errors from "../../static/js/envelope/errors.js";
import { speak } from "../../static/js/envelope/gettext.js";
import { isWorthAnotherTry, stateOf, words } from "../../static/js/envelope/refusals.js";

const ENVELOPE = {
  server: "https://keys.a.example",
  recipient: "bob@b.example",
  locale: "en",
  policy: { sender: "ada@a.example", sender_name: "Ada" },
};

const stateOfCode = (code) => stateOf(new errors.RefusedError(code));
const sentences = (state, details = {}) => words(state, details, ENVELOPE).filter(Boolean);

test("the codes of the API become states of the page", () => {
  assert.equal(stateOfCode("message-expired"), "expired");
  assert.equal(stateOfCode("message-locked"), "locked");
  for (const code of ["not-found", "not-a-recipient", "gone", "throttled", "server-error"]) {
    assert.equal(stateOfCode(code), code);
  }
});

test("a damaged file is an altered one", () => {
  const { AlteredError, FormatError, LimitExceededError, PayloadCorruptError } = errors;
  for (const Damage of [AlteredError, FormatError, LimitExceededError, PayloadCorruptError]) {
    assert.equal(stateOf(new Damage()), "altered");
  }
});

test("no answer is offline only when this computer says so", () => {
  assert.equal(stateOf(new errors.NoAnswerError(true)), "unreachable");
  assert.equal(stateOf(new errors.NoAnswerError(false)), "offline");
});

test("whatever nobody thought of still has words and another try", () => {
  assert.equal(stateOf(new TypeError("boom")), "failed");
  assert.equal(stateOfCode("conflict"), "failed");
  assert.ok(isWorthAnotherTry("failed"));
});

test("every state says what happened and what to do, in words of people", () => {
  speak({});
  const source = readFileSync(new URL("../../static/js/envelope/refusals.js", import.meta.url), "utf8");
  const states = [...source.matchAll(/case "([a-z-]+)"/g)].map(([, state]) => state);
  assert.equal(states.length, 12);
  for (const state of [...states, "failed"]) {
    assert.ok(sentences(state).length >= 2, state);
    assert.doesNotMatch(sentences(state).join(" "), /\b(key|payload|token|ciphertext|MIME)\b|%\(/i);
  }
});

test("the online door is pointed to where it is there and helps", () => {
  speak({});
  const inside = (state, opensOnline) => words(state, {}, { ...ENVELOPE, opensOnline }).join(" ");
  for (const state of ["altered", "unreachable", "failed"]) {
    assert.match(inside(state, true), /open it online/);
    assert.doesNotMatch(inside(state, false), /online/);
  }
  for (const state of ["expired", "locked", "not-found", "wrong-key"]) {
    assert.doesNotMatch(inside(state, true), /online/);
  }
  assert.doesNotMatch(inside("altered", true), /Save the attachment/);
});

test("the sender's reason, the date and the pause are told when they are known", () => {
  speak({});
  assert.ok(sentences("locked", { reason: "wrong file" }).includes("The sender’s reason: wrong file"));
  assert.match(sentences("expired", { expired_at: "2026-12-24T12:00:00Z" })[1], /December 24, 2026/);
  assert.match(sentences("throttled", { retry_after: 61 })[1], /2 minutes/);
  assert.match(sentences("throttled", { retry_after: 30 })[1], /30 seconds/);
});
