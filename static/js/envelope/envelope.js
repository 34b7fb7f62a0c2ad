/** The script of an AES-256 envelope. */

import { start } from "./page.js";

start(document);
