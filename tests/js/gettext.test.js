/** The script's words: translations by their English original, placeholders by name. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { gettext, speak, stringId } from "../../static/js/envelope/gettext.js";

test("a sentence without a translation stays English", () => {
  speak({});
  assert.equal(gettext("You are offline"), "You are offline");
});

test("a translation takes the values by name, in its own order", () => {
  speak({ [stringId("Ask %(sender)s at %(server)s")]: "Bei %(server)s nach %(sender)s fragen" });
  const values = { sender: "Ada", server: "keys.a.example" };
  assert.equal(gettext("Ask %(sender)s at %(server)s", values), "Bei keys.a.example nach Ada fragen");
});

test("what looks like a placeholder or a pattern in a value stays as it is", () => {
  speak({});
  assert.equal(gettext("From %(sender)s", { sender: "$& %(server)s <b>" }), "From $& %(server)s <b>");
});

test("an id is what the key server makes of the same words", () => {
  assert.equal(stringId("You are offline"), "8cbe7d0d");
  assert.equal(stringId("The sender’s reason: %(reason)s"), "aef5f728");
});

test("a placeholder without a value is left standing", () => {
  speak({});
  assert.equal(gettext("From %(sender)s", {}), "From %(sender)s");
});

test("a name that every object has is no translation", () => {
  speak({});
  assert.equal(gettext("constructor"), "constructor");
});
