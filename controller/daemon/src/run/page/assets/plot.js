// Several series on one time axis, one strip for each, on one canvas.
// Responsible for: scales, lines, bands and gaps. Not for: where the series come from.

import { clock, digits, known, unitOf } from "./say.js";

const LEFT = 64;
const RIGHT = 10;
const STRIP = 110;
const HEAD = 18;
const AXIS = 22;
/** Nothing for so many usual intervals, and for no less than so many ms, is a gap: many points speak only when they change. */
const GAP_TIMES = 5;
const GAP_LEAST_MS = { point: 120e3, gpu: 2500 };
/** Steps of a time axis, s. */
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** How long without a value is a gap, ms: from the median of the intervals. */
function gapAfter(series) {
  const times = series.ms;
  const steps = [];
  for (let i = 1; i < times.length; i += 1) steps.push(times[i] - times[i - 1]);
  steps.sort((a, b) => a - b);
  return Math.max(GAP_LEAST_MS[series.least.length > 0 ? "gpu" : "point"], GAP_TIMES * (steps[Math.floor(steps.length / 2)] ?? 0));
}

/** Stretches without a usable value from the first reading on until now, as [from, to] in ms. */
export function gaps(series) {
  const most = gapAfter(series);
  const out = [];
  let last = null;
  let broken = false;
  series.ms.forEach((t, i) => {
    if (!known(series.value[i])) { broken = true; return; }
    if (last !== null && (broken || t - last > most)) out.push([last, t]);
    [last, broken] = [t, false];
  });
  if (last !== null && (broken || series.now - last > most)) out.push([last, series.now]);
  return out;
}

/** Least and most of what is shown. */
export function bounds(series, from, to) {
  let [low, high] = [Infinity, -Infinity];
  for (const list of [series.value, series.least, series.most]) {
    for (let i = 0; i < list.length; i += 1) {
      if (!known(list[i]) || series.ms[i] < from || series.ms[i] > to) continue;
      [low, high] = [Math.min(low, list[i]), Math.max(high, list[i])];
    }
  }
  return low <= high ? [low, high] : null;
}

/** Round values between two. */
function ticks(low, high, most) {
  const rough = (high - low) / most;
  if (!(rough > 0)) return [low];
  const scale = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((s) => s * scale >= rough) * scale;
  const out = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) out.push(v);
  return out;
}

/** The plot. */
export class Plot {
  constructor(canvas) {
    this.canvas = canvas;
    this.paint = canvas.getContext("2d");
    this.drag = null;
  }

  /** Time at a place across. */
  time(x) {
    const share = (x - LEFT) / Math.max(1, this.width - LEFT - RIGHT);
    return this.from + Math.max(0, Math.min(1, share)) * (this.to - this.from);
  }

  across(ms) {
    return LEFT + ((ms - this.from) / (this.to - this.from)) * (this.width - LEFT - RIGHT);
  }

  /** Draws all series between two instants. */
  draw(all, from, to, colours) {
    const { paint, canvas } = this;
    [this.from, this.to, this.width] = [from, to, canvas.parentElement.clientWidth];
    const height = Math.max(1, all.length) * STRIP + AXIS;
    const ratio = devicePixelRatio || 1;
    canvas.style.height = `${height}px`;
    [canvas.width, canvas.height] = [Math.round(this.width * ratio), Math.round(height * ratio)];
    paint.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint.font = "11px system-ui, sans-serif";
    this.times(height, colours);
    all.forEach((series, i) => this.strip(series, i * STRIP, colours, colours.lines[i % colours.lines.length]));
    if (this.drag) {
      const [a, b] = this.drag.map((ms) => this.across(ms));
      paint.fillStyle = colours.ink;
      paint.globalAlpha = 0.15;
      paint.fillRect(Math.min(a, b), 0, Math.abs(b - a), height - AXIS);
      paint.globalAlpha = 1;
    }
  }

  /** The axis of time. */
  times(height, colours) {
    const { paint, from, to } = this;
    const room = (this.width - LEFT - RIGHT) / 90;
    const step = (STEPS_S.find((s) => (to - from) / 1000 / s <= room) ?? 7200) * 1000;
    paint.textAlign = "center";
    for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
      const x = this.across(t);
      paint.fillStyle = colours.line;
      paint.fillRect(x, 0, 1, height - AXIS + 4);
      paint.fillStyle = colours.soft;
      if (x > LEFT - 5 && x < this.width - 30) paint.fillText(clock(t).slice(0, 8), x, height - 5);
    }
    paint.textAlign = "left";
    paint.fillText("UTC", 2, height - 5);
  }

  strip(series, top, colours, line) {
    const { paint } = this;
    const [high, low] = [top + HEAD, top + STRIP - 8];
    paint.textAlign = "left";
    paint.fillStyle = line;
    paint.fillRect(LEFT, top + 7, 12, 3);
    paint.fillStyle = colours.ink;
    paint.fillText(`${series.of} [${unitOf(series.unit) || "1"}]`, LEFT + 18, top + 12, this.width - LEFT - RIGHT - 20);
    paint.save();
    paint.beginPath();
    paint.rect(LEFT, high - 2, this.width - LEFT - RIGHT, low - high + 4);
    paint.clip();
    paint.fillStyle = colours.gap;
    for (const [a, b] of gaps(series)) {
      paint.fillRect(this.across(a), high, this.across(b) - this.across(a), low - high);
    }
    paint.restore();
    const found = bounds(series, this.from, this.to);
    if (!found) {
      paint.fillStyle = colours.soft;
      paint.fillText("nothing in this time", LEFT + 18, (high + low) / 2);
      return;
    }
    const pad = (found[1] - found[0]) * 0.06 || Math.abs(found[0]) * 0.01 || 1;
    const [least, most] = [found[0] - pad, found[1] + pad];
    const y = (v) => low - ((v - least) / (most - least)) * (low - high);
    this.values(least, most, y, colours);
    paint.save();
    paint.beginPath();
    paint.rect(LEFT, high - 2, this.width - LEFT - RIGHT, low - high + 4);
    paint.clip();
    this.band(series, y, line);
    this.line(series, y, line);
    paint.restore();
  }

  /** The axis of values. */
  values(least, most, y, colours) {
    const { paint } = this;
    const marks = ticks(least, most, 3);
    const step = marks.length > 1 ? marks[1] - marks[0] : Math.abs(most - least) || 1;
    const n = Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
    paint.textAlign = "right";
    for (const v of marks) {
      paint.fillStyle = colours.line;
      paint.fillRect(LEFT, y(v), this.width - LEFT - RIGHT, 1);
      paint.fillStyle = colours.soft;
      paint.fillText(digits(v, n), LEFT - 5, y(v) + 4);
    }
  }

  /** From the least to the most of each second, where that is known. */
  band(series, y, colour) {
    const { paint } = this;
    if (series.least.length === 0) return;
    paint.fillStyle = colour;
    paint.globalAlpha = 0.25;
    const wide = Math.max(1, this.across(1000) - this.across(0));
    series.ms.forEach((t, i) => {
      if (!known(series.least[i]) || t < this.from - 1000 || t > this.to + 1000) return;
      paint.fillRect(this.across(t) - wide / 2, y(series.most[i]), wide, Math.max(1, y(series.least[i]) - y(series.most[i])));
    });
    paint.globalAlpha = 1;
  }

  line(series, y, colour) {
    const { paint } = this;
    const most = gapAfter(series);
    paint.strokeStyle = colour;
    paint.lineWidth = 1.6;
    paint.lineJoin = "round";
    paint.beginPath();
    let last = null;
    series.ms.forEach((t, i) => {
      if (!known(series.value[i])) { last = null; return; }
      const [x, up] = [this.across(t), y(series.value[i])];
      if (last === null || t - last > most) { paint.moveTo(x - 0.5, up); paint.lineTo(x + 0.5, up); } else paint.lineTo(x, up);
      last = t;
    });
    paint.stroke();
  }
}
