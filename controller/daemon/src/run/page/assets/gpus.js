// GPUs: the heat map with its legend, the numbers of the one that is pointed at, and the same as a table.

import { ask } from "./ask.js";
import { by, el, setText, table, twoLines } from "./dom.js";
import { Heat, STEPS, CATEGORIES, colour } from "./heat.js";
import { clock, count, quantity } from "./say.js";

/** Quantities of a grid; `worst` says which end is looked at first. */
const QUANTITIES = {
  die_degc: { word: "die temperature", unit: "degC", n: 1, worst: "most", whole: (l) => [20, l.max_operating_degc] },
  power_w: { word: "power", unit: "W", n: 0, worst: "most", whole: (l) => [0, l.max_cap_w] },
  clock_mhz: { word: "clock", unit: "MHz", n: 0, worst: "least", whole: (l) => [l.min_clock_mhz, l.max_clock_mhz] },
  headroom_k: { word: "headroom", unit: "K", n: 1, worst: "least", whole: () => [0, 40] },
  throttle: { word: "why the clock is held", worst: "most" },
};
const ROWS = 40;
const TALLEST = 620;

let heat;
let rows;
let layout = null;
let grid = null;
let silent = new Set();

const chosen = () => by("heat-quantity").value;

/** Asks for the grid, and for the layout where it is another one. */
export async function poll() {
  const found = await ask("/gpus/grid");
  if (found.layout !== layout?.layout) {
    layout = await ask("/gpus/layout");
    heat.place(layout);
  }
  if (found.layout !== layout.layout) return;
  [grid, silent] = [found, new Set(found.silent)];
}

/** Value of a GPU in words; why not, where it is not known. */
function said(name, gpu) {
  const { word, unit, n } = QUANTITIES[name];
  const value = grid[name][gpu];
  if (value === null) return silent.has(gpu) ? "not heard" : `${word} not reported`;
  if (name !== "throttle") return quantity(value, unit, n);
  return value === 0 ? "not held" : layout.reasons.filter((_, i) => value & (1 << i)).join(", ");
}

/** Where a GPU is, in words. */
function whose(gpu) {
  const node = layout.nodes[heat.nodeOf[gpu]];
  return { node: node.id, rack: node.rack, number: gpu - node.first, job: layout.jobs[layout.job_of[gpu]] ?? "no job" };
}

/** Bounds of what is there now. */
function bounds(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const v of values) {
    if (v === null) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return low <= high ? [low, high] : null;
}

function ink() {
  const style = getComputedStyle(document.documentElement);
  return [style.getPropertyValue("--ink").trim(), style.getPropertyValue("--ground").trim()];
}

/** Draws; returns how long that took, ms. */
function draw() {
  if (!grid) return 0;
  const begun = performance.now();
  const name = chosen();
  heat.fit(by("heat-box").clientWidth, devicePixelRatio || 1, TALLEST);
  if (name === "throttle") heat.categories(grid.throttle);
  else heat.scale(grid[name], ...rangeOf(name));
  heat.draw(...ink());
  return performance.now() - begun;
}

function rangeOf(name) {
  const now = by("heat-range").value === "now" ? bounds(grid[name]) : null;
  return now ?? QUANTITIES[name].whole(layout);
}

function legend() {
  const name = chosen();
  const unknown = "not known: struck through";
  if (name === "throttle") {
    const words = ["not held", ...layout.reasons];
    by("heat-legend").replaceChildren(...words.map((word, i) => {
      const mark = el("i");
      mark.style.background = CATEGORIES[i];
      return el("span", {}, mark, word);
    }), el("span", {}, unknown));
    return;
  }
  const [low, high] = rangeOf(name);
  const ramp = el("i", { class: "ramp" });
  ramp.style.background = `linear-gradient(90deg, ${Array.from({ length: 8 }, (_, i) => colour(Math.round((i / 7) * (STEPS - 1)))).join(", ")})`;
  const { unit, n } = QUANTITIES[name];
  const [least, middle, most] = [low, (low + high) / 2, high].map((x) => quantity(x, unit, n));
  by("heat-legend").replaceChildren(el("span", {}, least, ramp, most), el("span", {}, `middle ${middle}`), el("span", {}, unknown));
}

function summary() {
  const name = chosen();
  const held = grid.silent.length;
  const quiet = held > 0 ? `; ${count(held)} not heard` : "";
  if (name === "throttle") {
    const n = grid.throttle.filter((b) => b > 0).length;
    return `${count(n)} of ${count(grid.gpus)} GPUs are held back${quiet}. As of ${clock(grid.unix_ms)}.`;
  }
  const found = bounds(grid[name]);
  const { word, unit, n } = QUANTITIES[name];
  if (!found) return `The ${word} of no GPU is known${quiet}.`;
  return `${count(grid.gpus)} GPUs, ${word} ${quantity(found[0], unit, n)} to ${quantity(found[1], unit, n)}${quiet}. As of ${clock(grid.unix_ms)}.`;
}

/** Is a GPU wanted by a search? */
function wanted(gpu, asked) {
  if (!asked) return true;
  const { node, rack, job } = whose(gpu);
  return [layout.uuids[gpu], node, rack, job].some((text) => text.toLowerCase().includes(asked));
}

/** GPUs that a search wants: how many, and the worst of them, worst first. What is not known is worst of all. */
function found() {
  const values = grid[chosen()];
  const asked = by("gpu-search").value.trim().toLowerCase();
  const sign = QUANTITIES[chosen()].worst === "most" ? -1 : 1;
  let total = 0;
  const shown = [];
  for (let gpu = 0; gpu < values.length; gpu += 1) {
    if (!wanted(gpu, asked)) continue;
    total += 1;
    const rank = values[gpu] === null ? -Infinity : sign * values[gpu];
    if (shown.length === ROWS && rank >= shown[ROWS - 1].rank) continue;
    let at = shown.length;
    while (at > 0 && shown[at - 1].rank > rank) at -= 1;
    shown.splice(at, 0, { gpu, rank });
    if (shown.length > ROWS) shown.pop();
  }
  return { total, shown: shown.map((row, place) => ({ gpu: row.gpu, place })) };
}

function fillTable() {
  const { total, shown } = found();
  const end = QUANTITIES[chosen()].worst;
  const order = chosen() === "throttle" ? "those held back" : `the ${end === "most" ? "highest" : "lowest"} ${QUANTITIES[chosen()].word}`;
  setText(by("gpu-count"), `${count(shown.length)} of ${count(total)} shown, ${order} first, after what is not known.`);
  rows(shown, "No GPU has this in its rack, node, job or UUID.");
}

function read(gpu) {
  if (gpu === null || !grid) return;
  heat.move(gpu);
  draw();
  tell();
}

/** The numbers of the GPU that is pointed at. */
function tell() {
  const gpu = heat.cursor;
  if (gpu === null || !grid) return;
  const { node, rack, number, job } = whose(gpu);
  const numbers = Object.keys(QUANTITIES).map((name) =>
    (name === "throttle" ? `clock ${grid.throttle[gpu] > 0 ? "held by " : ""}${said(name, gpu)}` : `${QUANTITIES[name].word} ${said(name, gpu)}`));
  setText(by("heat-read"), `${rack}, ${node}, GPU ${number} (${job}): ${numbers.join("; ")}. ${layout.uuids[gpu]}`);
}

function listen() {
  const canvas = by("heat");
  canvas.addEventListener("pointermove", (e) => {
    const gpu = heat.at(e.offsetX, e.offsetY);
    if (gpu !== heat.cursor) read(gpu);
  });
  canvas.addEventListener("click", (e) => read(heat.at(e.offsetX, e.offsetY)));
  canvas.addEventListener("keydown", (e) => {
    if (!grid || e.ctrlKey || e.metaKey || e.altKey) return;
    const next = heat.cursor === null && e.key.startsWith("Arrow") ? 0 : heat.step(heat.cursor ?? 0, e.key);
    if (next === null) return;
    e.preventDefault();
    read(next);
  });
  const again = () => { if (grid) show(); };
  for (const id of ["heat-quantity", "heat-range"]) by(id).addEventListener("change", again);
  by("gpu-search").addEventListener("input", () => { if (grid) fillTable(); });
  for (const id of ["heat-form", "gpu-find"]) by(id).addEventListener("submit", (e) => e.preventDefault());
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(by("heat-box"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { heat.renew(); draw(); });
}

/** Builds the view once. */
export function begin() {
  heat = new Heat(by("heat"));
  const columns = [
    { head: "GPU", cell: ({ gpu }, node) => { const w = whose(gpu); twoLines(node, `${w.node} GPU ${w.number}`, layout.uuids[gpu]); } },
    { head: "rack", cell: ({ gpu }) => whose(gpu).rack },
    { head: "job", cell: ({ gpu }) => whose(gpu).job },
    ...Object.keys(QUANTITIES).map((name) => ({
      head: QUANTITIES[name].word, number: name !== "throttle", cell: ({ gpu }) => said(name, gpu),
    })),
  ];
  rows = table(by("gpu-table"), "GPUs", columns, (row) => row.place);
  listen();
}

/** Shows what is known. */
export function show() {
  if (!grid) return;
  setText(by("heat-says"), grid.gpus === 0 ? "The site has no GPU." : summary());
  draw();
  legend();
  fillTable();
  tell();
}
