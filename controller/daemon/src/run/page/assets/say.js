// Numbers and times in words. Every number has its unit; what is not known is said so, and is never 0.

/** Is there a number? */
export const known = (x) => typeof x === "number" && Number.isFinite(x);

/** Digits with a minus sign that is one. */
export const digits = (x, n) => x.toFixed(n).replace(/^-(?=0(\.0+)?$)/, "").replace("-", "\u2212");

const UNITS = { degC: "\u00b0C", C: "\u00b0C", degF: "\u00b0F", F: "\u00b0F", 1: "" };

/** A unit as it is printed. */
export const unitOf = (unit) => UNITS[unit] ?? unit;

/** Decimals that are worth showing of a number. */
function places(x) {
  const size = Math.abs(x);
  if (size >= 1000) return 0;
  if (size >= 10) return 1;
  return size >= 1 || size === 0 ? 2 : 3;
}

/** Value and unit as two texts; watts get the prefix that fits. */
export function parts(x, unit, n) {
  if (unit === "W" && Math.abs(x) >= 1e6) return [digits(x * 1e-6, 3), "MW"];
  if (unit === "W" && Math.abs(x) >= 1e3) return [digits(x * 1e-3, 1), "kW"];
  if (unit === "W") return [digits(x, n ?? 0), "W"];
  return [digits(x, n ?? places(x)), unitOf(unit)];
}

/** Value with its unit; `none` where there is no number. */
export function quantity(x, unit, n, none = "not known") {
  if (!known(x)) return none;
  return parts(x, unit, n).join("\u00a0").trim();
}

/** A share as percent. */
export const percent = (x, n = 0, none = "not known") => (known(x) ? `${digits(x * 100, n)}\u00a0%` : none);

/** A count with its thousands apart. */
export const count = (x) => (known(x) ? Math.round(x).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f") : "not known");

/** A large number with its prefix. */
export function large(x, none = "not known") {
  if (!known(x)) return none;
  for (const [size, word] of [[1e12, "\u00a0T"], [1e9, "\u00a0G"], [1e6, "\u00a0M"], [1e4, "\u00a0k"]]) {
    if (Math.abs(x) >= size) return digits(x / (word === "\u00a0k" ? 1e3 : size), 2) + word;
  }
  return digits(x, x < 10 ? 1 : 0);
}

/** A span of time. */
export function span(s) {
  if (!known(s)) return "not known";
  if (s > 0 && s < 1) return `${digits(s * 1e3, 0)}\u00a0ms`;
  if (s < 120) return `${digits(s, s > 0 && s < 10 ? 1 : 0)}\u00a0s`;
  if (s < 7200) return `${digits(s / 60, 0)}\u00a0min`;
  return `${digits(s / 3600, 1)}\u00a0h`;
}

/** Time of day of an instant, UTC. */
export function clock(unixMs, millis = false) {
  if (!known(unixMs)) return "not known";
  const text = new Date(unixMs).toISOString();
  return `${text.slice(11, millis ? 23 : 19)} UTC`;
}

/** Day and time of a stamp as the daemon writes it. */
export const stamp = (text) => String(text).replace("T", " ").replace(/(\.\d+)?Z$/, " UTC");

/** How sure the times of a series are, as the terminal says it. */
export function sure(history) {
  const off = history.event_uncertainty_s;
  const sure = known(off) ? `times are known to \u00b1 ${digits(off, 3)} s` : "times are as its source says them";
  const clock = history.clock;
  if (!clock) return `${sure}; they are our own`;
  if (clock.wrong) return `${sure}; the clock of the source is set, stands or is in another time zone`;
  if (!known(clock.offset_s)) return `${sure}; the clock of the source is not known yet`;
  const offset = `${clock.offset_s < 0 ? "" : "+"}${digits(clock.offset_s, 3)}`;
  const sigma = known(clock.sigma_s) ? ` \u00b1 ${digits(clock.sigma_s, 3)}` : "";
  return `${sure}; the clock of the source is ${offset}${sigma} s off${clock.corrected ? " and put right" : ""}`;
}
