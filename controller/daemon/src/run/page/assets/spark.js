// A small trend: one line over the last minutes, with its least and most in words.

import { known } from "./say.js";
import { setAttribute, setText, el, svg } from "./dom.js";

const WIDTH = 200;
const HEIGHT = 40;
const EDGE = 3;
/** Two looks further apart than so many usual steps have a gap between them. */
const GAP_STEPS = 4;

/** The step that is usual: a plant's clock may be faster than the looks. */
function usual(times, everyMs) {
  const steps = times.slice(1).map((t, i) => t - times[i]).sort((a, b) => a - b);
  return Math.max(everyMs, steps[Math.floor(steps.length / 2)] ?? 0);
}

/** Path through what is known, and its bounds. */
export function path(times, values, everyMs) {
  const all = values.filter(known);
  if (all.length === 0) return null;
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const [from, to] = [times[0], times[times.length - 1]];
  const x = (t) => (to > from ? ((t - from) / (to - from)) * WIDTH : WIDTH);
  const y = (v) => (most > least ? EDGE + ((most - v) / (most - least)) * (HEIGHT - 2 * EDGE) : HEIGHT / 2);
  const far = GAP_STEPS * usual(times, everyMs);
  let [line, begun, last] = ["", false, 0];
  values.forEach((v, i) => {
    if (!known(v)) { begun = false; return; }
    const joined = begun && times[i] - last <= far;
    line += `${joined ? "L" : "M"}${x(times[i]).toFixed(1)} ${y(v).toFixed(1)}${joined ? "" : "h.1"}`;
    [begun, last] = [true, times[i]];
  });
  return { line, least, most, minutes: (to - from) / 60000 };
}

/** Makes an empty one. */
export function spark() {
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, svg("path"));
  return el("div", { class: "spark" }, drawing, el("p"));
}

/** Draws; `say` turns a value into words. */
export function drawSpark(node, trend, name, what, say) {
  const [drawing, words] = node.children;
  const found = path(trend.unix_ms, trend.columns[name] ?? [], trend.every_ms);
  setAttribute(drawing.firstChild, "d", found ? found.line : "");
  const time = found && (found.minutes < 1 ? "the last minute" : `${Math.round(found.minutes)} min`);
  setText(words, found ? `${what} ${say(found.least)} to ${say(found.most)} in ${time}` : "no trend yet");
}
