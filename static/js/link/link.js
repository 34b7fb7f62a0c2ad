/** The script of the page behind a «Read message» link; whatever the envelope's cipher is, it opens it. */

import { softwareCipher } from "../envelope/cipher192.js";
import * as remembered from "../envelope/remembered.js";
import { start } from "./page.js";

start(document, { standIn: softwareCipher, remembered });
