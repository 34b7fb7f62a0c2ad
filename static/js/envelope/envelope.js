/** The script of an AES-256 envelope: one that may be remembered. */

import { start } from "./page.js";
import * as remembered from "./remembered.js";

start(document, { remembered });
