// Times in the zone of whoever reads them; without scripts they stand there in UTC, and say so.

const SHAPE = { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short" };

export function localiseTimes(document) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, SHAPE);
  for (const time of document.querySelectorAll("time[datetime]")) {
    time.textContent = format.format(new Date(time.dateTime));
  }
}
