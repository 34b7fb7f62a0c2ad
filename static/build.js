/** Bundles static/js and static/css into static/dist; the same sources always give the same bytes. */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const ROOT = dirname(fileURLToPath(import.meta.url));
export const DIST = join(ROOT, "dist");

const LICENCES =
  "/*! Sealpost, Apache-2.0. With DOMPurify 3.4.18, (c) Cure53 and contributors, Apache-2.0 or MPL-2.0. */";
const LICENCES_192 = LICENCES.replace(". */", "; noble-ciphers 2.4.0, (c) Paul Miller, MIT. */");

// An envelope travels as 7bit mail, in lines under 998 letters (RFC 5322); esbuild goes over its limit.
const COMMON = {
  bundle: true,
  minify: true,
  charset: "ascii",
  lineLimit: 200,
  legalComments: "none",
  absWorkingDir: ROOT,
  write: false,
  outdir: "dist",
  // Its makers' own short form is shorter than what esbuild makes of their sources.
  alias: { dompurify: join(ROOT, "../node_modules/dompurify/dist/purify.min.js") },
};

/** What is built from what: two scripts for files, one for links; the portal reads its own two. */
export const ENTRIES = [
  { source: "js/envelope/envelope.js", banner: LICENCES },
  { source: "js/envelope/envelope-192.js", banner: LICENCES_192 },
  { source: "css/envelope.css" },
  { source: "js/link/link.js", banner: LICENCES_192 },
  { source: "css/link.css" },
  { source: "js/portal/portal.js" },
  { source: "css/portal.css" },
].filter(({ source }) => existsSync(join(ROOT, source)));

/** @returns {Promise<{path: string, contents: Uint8Array}[]>} every bundle, nothing written */
export async function bundles() {
  const built = await Promise.all(ENTRIES.map(bundle));
  return built.flatMap(({ outputFiles }) => outputFiles);
}

// What opening needs anyway came to browsers later than this.
const SCRIPT = { target: "es2022", format: "iife" };
const SHEET = { target: ["chrome111", "firefox113", "safari16.4"] };

function bundle({ source, banner }) {
  const kind = source.endsWith(".css") ? SHEET : SCRIPT;
  const options = { entryPoints: [source], entryNames: "[name]", banner: banner ? { js: banner } : {} };
  return build({ ...COMMON, ...kind, ...options });
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(DIST, { recursive: true });
  for (const { path, contents } of await bundles()) writeFileSync(path, contents);
}
