// Numbers, money and times for people.
const WHOLE = new Intl.NumberFormat("en-US");
const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** A count in full: 12,345. */
export function count(number) {
  return number === null || number === undefined ? "–" : WHOLE.format(number);
}

/** A count in short: 12.3K. */
export function short(number) {
  return number === null || number === undefined ? "–" : SHORT.format(number);
}

/** Micro-dollars as dollars. unknown: how many of the calls have a price that nobody knows. What costs little, or
 * nobody knows what, is never shown as free. */
export function money(micro, unknown = 0) {
  if (unknown > 0 && micro === 0) return "unknown";
  if (micro > 0 && micro < 50) return unknown > 0 ? "<$0.0001 + ?" : "<$0.0001";
  const dollars = micro / 1e6;
  const places = dollars !== 0 && dollars < 1 ? 4 : 2;
  const text = `$${dollars.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places })}`;
  return unknown > 0 ? `${text} + ?` : text;
}

/** Seconds as 820 ms, 3.2 s, 4 min, 2 h 10 min, 3 d 4 h. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d${hours % 24 ? ` ${hours % 24} h` : ""}`;
}

/** Unix seconds as a time of this place; with the day where it is not today. */
export function moment(at) {
  if (at === null || at === undefined) return "–";
  const when = new Date(at * 1000);
  const time = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  return when.toDateString() === new Date().toDateString() ? time : `${day(at)} ${time.slice(0, 5)}`;
}

/** The day alone. */
export function day(at) {
  return new Date(at * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
}

/** The zone of the times that are shown. */
export function zone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone ?? "of this browser";
}

/** RFC 3339 as Unix seconds. */
export function unix(text) {
  return text ? Date.parse(text) / 1000 : null;
}

/** A share from 0 to 1 as 42 %. */
export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

/** Unix seconds of the last midnight here. */
export function midnight() {
  return Math.floor(new Date().setHours(0, 0, 0, 0) / 1000);
}

/** Unix seconds of the last midnight in UTC, from which budgets count. */
export function midnightUtc() {
  return Math.floor(Date.now() / 86400000) * 86400;
}

/** "1 call", "2 calls". */
export function many(number, one, more = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : more}`;
}
