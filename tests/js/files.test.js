/** Names that strangers chose, sizes, links in text, and the archive of all attachments. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { distinct, kindOf, safeName } from "../../static/js/envelope/filenames.js";
import { dateText, sizeText } from "../../static/js/envelope/locale.js";
import { trim } from "../../static/js/envelope/mailtext.js";
import { crc32, zip } from "../../static/js/envelope/zip.js";

test("a name cannot leave its folder, hide, or pretend to be another", () => {
  assert.equal(safeName("../../etc/passwd"), "_.._etc_passwd");
  assert.equal(safeName("C:\\autoexec.bat"), "C__autoexec.bat");
  assert.equal(safeName("offer\u202efdp.exe"), "offerfdp.exe");
  assert.equal(safeName(".profile"), "profile");
  assert.equal(safeName("a\u0000b\n.txt"), "a_b_.txt");
  assert.equal(safeName(" . "), "file");
  assert.equal(safeName("Angebot für Zoë – 2026 №1.pdf"), "Angebot für Zoë – 2026 №1.pdf");
});

test("a name that is too long keeps its ending", () => {
  const name = safeName(`${"長".repeat(500)}.xlsx`);
  assert.equal([...name].length, 120);
  assert.ok(name.endsWith(".xlsx"));
});

test("equal names are told apart, whatever their case", () => {
  assert.deepEqual(distinct(["a.pdf", "A.pdf", "a.pdf", "b"]), ["a.pdf", "A (2).pdf", "a (3).pdf", "b"]);
});

test("a file's kind is its ending, else its type", () => {
  assert.equal(kindOf("offer.pdf", "application/octet-stream"), "PDF");
  assert.equal(kindOf("scan", "image/jpeg"), "JPEG");
  assert.equal(kindOf("data", "application/vnd.api+json"), "JSON");
});

test("sizes and dates are written as the language writes them", () => {
  assert.equal(sizeText(182_000, "en"), "182 kB");
  assert.equal(sizeText(1_234_567, "de").replace(/\s/, " "), "1,2 MB");
  assert.match(dateText("2026-11-23T19:00:00+01:00", "fr"), /novembre 2026/);
  assert.equal(dateText("some day", "en"), "some day");
});

test("an address in a text ends before the sentence does", () => {
  assert.equal(trim("https://a.example/x)."), "https://a.example/x");
  assert.equal(trim("https://a.example/x_(y)"), "https://a.example/x_(y)");
  assert.equal(trim("https://a.example/?q=1&r=2,"), "https://a.example/?q=1&r=2");
});

test("CRC-32 has its well-known check value", async () => {
  assert.equal(await crc32(new Blob(["123456789"])), 0xcbf43926);
});

test("another program finds every file in the archive, whole and by its name", async () => {
  const files = [
    { name: "Größe 大きさ.txt", blob: new Blob(["Grüße"]) },
    { name: "empty", blob: new Blob([]) },
    { name: "big.bin", blob: new Blob([new Uint8Array(1_500_000).fill(7)]) },
  ];
  const folder = mkdtempSync(join(tmpdir(), "sealpost-zip-"));
  const path = join(folder, "all.zip");
  const script = "import sys,zipfile,json;z=zipfile.ZipFile(sys.argv[1]);assert z.testzip() is None;"
    + "print(json.dumps([[i.filename,i.file_size] for i in z.infolist()]))";
  try {
    writeFileSync(path, new Uint8Array(await (await zip(files)).arrayBuffer()));
    const listed = JSON.parse(execFileSync("python3", ["-c", script, path], { encoding: "utf8" }));
    assert.deepEqual(listed, [["Größe 大きさ.txt", 7], ["empty", 0], ["big.bin", 1_500_000]]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
