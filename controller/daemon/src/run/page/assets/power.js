// Power: the tree with budgets, and what the GPUs of each job may and do.

import { bar, by, setText, table, twoLines } from "./dom.js";
import { count, known, percent, quantity } from "./say.js";

/** Children after their parents, with their depth. */
export function tree(branches) {
  const below = new Map();
  const ids = new Set(branches.map((b) => b.id));
  for (const b of branches) {
    const parent = ids.has(b.parent) ? b.parent : null;
    below.set(parent, [...(below.get(parent) ?? []), b]);
  }
  const out = [];
  const walk = (parent, depth) => {
    for (const b of below.get(parent) ?? []) {
      out.push({ ...b, depth });
      walk(b.id, depth + 1);
    }
  };
  walk(null, 0);
  return out;
}

const BRANCHES = [
  { head: "branch", cell: (b, node) => { node.style.paddingLeft = `${b.depth * 1.2}rem`; twoLines(node, b.id, b.kind); } },
  { head: "power", number: true, cell: (b) => quantity(b.power_w, "W") },
  { head: "budget", number: true, cell: (b) => quantity(b.budget_w, "W", undefined, "none") },
  { head: "share of it", cell: (b, node) => bar(node, known(b.budget_w) && b.budget_w > 0 ? b.power_w / b.budget_w : null) },
];

/** Why a job has the clock it has; a lock below what is wanted is a budget's or a temperature's. */
function why(j) {
  const bound = known(j.lock_mhz) && (!known(j.wanted_mhz) || j.lock_mhz < j.wanted_mhz - 0.5);
  return bound ? "as fast as budgets and temperatures allow" : j.clock_why;
}

/** A clock that no GPU of the job has said is not known. */
const clocked = (j, x, say) => (j.gpus_clocked > 0 ? say(x) : "not known: none of its GPUs says its clock");

const JOBS = [
  { head: "job", cell: (j, node) => twoLines(node, j.id, `${j.kind}, ${count(j.gpus)} GPUs`) },
  { head: "power", number: true, cell: (j) => quantity(j.power_w, "W") },
  { head: "cap of a GPU", number: true, cell: (j, node) => twoLines(node, quantity(j.cap_mean_w, "W"),
    known(j.cap_least_w) ? `${quantity(j.cap_least_w, "W")} to ${quantity(j.cap_most_w, "W")}` : "") },
  { head: "clock", number: true, cell: (j) => clocked(j, j.clock_mhz, (x) => quantity(x, "MHz", 0)) },
  { head: "spread", number: true, cell: (j) => clocked(j, j.clock_cv, (x) => percent(x, 2)) },
  { head: "lock", number: true, cell: (j) => quantity(j.lock_mhz, "MHz", 0, "none") },
  { head: "saves", number: true, cell: (j) => (known(j.wanted_mhz) ? quantity(j.clock_saves_w, "W") : "nothing") },
  { head: "why", wide: true, cell: (j) => why(j) },
];

let branches;
let jobs;

/** Builds the view once. */
export function begin() {
  branches = table(by("branches"), "Power tree", BRANCHES, (b) => b.id);
  jobs = table(by("jobs"), "Caps and clocks of jobs", JOBS, (j) => j.id);
}

/** Shows what is known. */
export function show({ status }) {
  const ramp = status.ramp;
  const up = ramp && ramp.needs_w > ramp.may_draw_w;
  const kW = (w) => quantity(w, "W");
  setText(by("ramp"), up
    ? `On its way up: the site draws ${kW(ramp.draws_w)} of ${kW(ramp.may_draw_w)} now, and is to draw ${kW(ramp.needs_w)}.`
    : status.caps_bind ? "A budget, a temperature or a job holds caps or clocks below their highest." : "Nothing holds caps or clocks below their highest.");
  branches(tree(status.branches), "The site file has no power tree.");
  jobs(status.jobs, "The site file names no job.");
}
