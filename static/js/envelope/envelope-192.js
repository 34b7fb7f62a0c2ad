/** The script of an AES-192 envelope: the same, with a cipher for browsers that refuse 192-bit keys. */

import { softwareCipher } from "./cipher192.js";
import { start } from "./page.js";

start(document, { standIn: softwareCipher });
