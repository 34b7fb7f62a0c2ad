/** What is committed in static/dist is what the sources give, and can travel inside a mail. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { bundles } from "../../static/build.js";

const built = await bundles();

function textOf(name) {
  return new TextDecoder().decode(built.find(({ path }) => path.endsWith(`/${name}`)).contents);
}

test("the bundles in static/dist are those of the sources (make assets)", () => {
  for (const { path, contents } of built) {
    assert.ok(Buffer.from(contents).equals(readFileSync(path)), `${path} lags its sources`);
  }
});

for (const name of ["envelope.js", "envelope-192.js", "envelope.css"]) {
  test(`${name} is ASCII in short lines that no mail system takes for something else`, () => {
    const text = textOf(name);
    assert.ok(/^[\n\x20-\x7e]*$/.test(text));
    for (const line of text.split("\n")) {
      assert.ok(line.length < 980, line.slice(0, 80));
      assert.ok(!line.startsWith("From "), line.slice(0, 80));
      assert.equal(line, line.trimEnd(), "a relay may take white space off the end of a line");
    }
  });

  test(`${name} can stand in a page: nothing in it ends its element`, () => {
    assert.ok(!/<\/(script|style)|<script/i.test(textOf(name)));
  });
}

test("an envelope's page stays small, and the fallback cipher is only where it is needed", () => {
  assert.ok(textOf("envelope.js").length + textOf("envelope.css").length < 77_000);
  assert.ok(textOf("envelope-192.js").length - textOf("envelope.js").length > 5_000);
});
