// What the portal's pages gain where scripts run; every page works without.

import { finishOpening } from "./ready.js";
import { takeFragment } from "./fragment.js";
import { guardForms } from "./once.js";
import { offerToShow } from "./reveal.js";
import { localiseTimes } from "./times.js";

localiseTimes(document);
offerToShow(document);
guardForms(document, window);
takeFragment(document, window);
finishOpening(document, window);
