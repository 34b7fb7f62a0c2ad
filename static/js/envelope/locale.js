/** Dates, sizes and times as the envelope's language writes them. */

const MINUTE = 60;
const STEP = 1000;
const UNITS = ["byte", "kilobyte", "megabyte"];

/** An ISO 8601 date in the reader's own time zone; what is no date stays as it is. */
export function dateText(iso, locale) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short" }).format(date);
}

/** A number of bytes, to be read by people: 1.2 MB. */
export function sizeText(bytes, locale) {
  let value = bytes;
  let unit = 0;
  while (value >= STEP && unit < UNITS.length - 1) {
    value /= STEP;
    unit += 1;
  }
  return amount(value, UNITS[unit], { locale, maximumFractionDigits: value < 10 && unit > 0 ? 1 : 0 });
}

/** A waiting time: seconds under a minute, then whole minutes, rounded up. */
export function durationText(seconds, locale) {
  if (seconds < MINUTE) return amount(Math.ceil(seconds), "second", { locale, unitDisplay: "long" });
  return amount(Math.ceil(seconds / MINUTE), "minute", { locale, unitDisplay: "long" });
}

/** The first date and the first size take a browser tens of milliseconds: better while nobody waits. */
export function warmUp(locale) {
  dateText("2000-01-01T00:00:00Z", locale);
  sizeText(0, locale);
}

function amount(value, unit, { locale, ...options }) {
  return new Intl.NumberFormat(locale, { style: "unit", unit, ...options }).format(value);
}
