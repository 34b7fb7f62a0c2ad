/** The code of a mailed link: into its field, out of the address bar; anything else is left alone. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { takeFragment } from "../../static/js/portal/fragment.js";

function page(hash, { asks = true } = {}) {
  const row = { hidden: false };
  const field = { value: "", closest: () => row };
  const shown = [];
  const history = { replaceState: (_state, _title, address) => shown.push(address) };
  const window = { location: { hash, pathname: "/forwarded/1" }, history };
  takeFragment({ querySelector: () => (asks ? field : null) }, window);
  return { field, row, shown };
}

for (const code of ["0AB1-CD2E-FG3H-JK4M", "0AB1CD2EFG3HJK4M", "0ab1-cd2e-fg3h-jk4m"]) {
  test(`a code goes into its field and out of the address: ${code}`, () => {
    const { field, row, shown } = page(`#${code}`);
    assert.equal(field.value, code);
    assert.equal(row.hidden, true);
    assert.deepEqual(shown, ["/forwarded/1"]);
  });
}

for (const hash of ["", "#", "#0AB1-CD2E-FG3H", "#0AB1-CD2E-FG3H-JK4M-", "#<script>-----------"]) {
  test(`half a code, or none, leaves the field to the person: ${hash}`, () => {
    const { field, row, shown } = page(hash);
    assert.equal(field.value, "");
    assert.equal(row.hidden, false);
    assert.deepEqual(shown, []);
  });
}

test("other pages are left alone", () => {
  assert.deepEqual(page("#0AB1-CD2E-FG3H-JK4M", { asks: false }).shown, []);
});
