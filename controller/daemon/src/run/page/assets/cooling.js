// Cooling: each actuator with what stands, what is asked, what the guard left and why, and what it measures.

import { by, table, twoLines } from "./dom.js";
import { known, quantity, span } from "./say.js";
import { mode } from "./overview.js";

/** A point in two lines: its value, and whose it is or what is wrong with it. */
function point(node, p) {
  const value = known(p.value) ? quantity(p.value, p.unit) : "not known";
  twoLines(node, value, [p.not_good, p.point].filter(Boolean).join(", "));
}

const ACTUATORS = [
  { head: "actuator", wide: true, cell: (a, node) => twoLines(node, a.id, `${quantity(a.least, a.unit)} to ${quantity(a.most, a.unit)}`) },
  { head: "mode", cell: (a, node) => mode(node, a.mode, a.held_back) },
  { head: "stands", number: true, cell: (a) => quantity(a.stands, a.unit) },
  { head: "asked", number: true, cell: (a) => quantity(a.asked, a.unit, undefined, "nothing") },
  { head: "left", number: true, cell: (a) => quantity(a.admitted, a.unit, undefined, known(a.asked) ? "refused" : "nothing") },
  { head: "why", wide: true, cell: (a, node) => twoLines(node, a.why, a.guard ? `guard: ${a.guard}` : "") },
  { head: "in force", cell: (a, node) => point(node, a.in_force) },
  { head: "measures", cell: (a, node) => point(node, a.measures) },
];

const PLACES = [
  { head: "place", cell: (p) => p.id },
  { head: "now", number: true, cell: (p) => quantity(p.headroom_k, "K", 1) },
  { head: "at full load", number: true, cell: (p) => quantity(p.headroom_full_load_k, "K", 1) },
  { head: "as power", number: true, cell: (p) => quantity(p.headroom_w, "W") },
  { head: "as time", number: true, cell: (p) => (known(p.headroom_s) ? span(p.headroom_s) : "no end in sight") },
  { head: "met first", wide: true, cell: (p) => p.first },
];

let actuators;
let loops;
let racks;

/** Builds the view once. */
export function begin() {
  actuators = table(by("actuators"), "Actuators", ACTUATORS, (a) => a.id);
  loops = table(by("loops"), "Headroom of the loops", PLACES, (p) => p.id);
  racks = table(by("racks"), "Headroom of the racks", PLACES, (p) => p.id);
}

/** Shows what is known, the least headroom first. */
export function show({ status }) {
  const least = (a, b) => (a.headroom_full_load_k ?? Infinity) - (b.headroom_full_load_k ?? Infinity) || 0;
  const of = (kind) => status.places.filter((p) => p.kind === kind).sort(least);
  actuators(status.actuators, "The site file has no actuator: nothing is asked of the cooling.");
  loops(of("cooling"), "The site file has no cooling loop.");
  racks(of("rack"), "The site file has no rack with GPUs.");
}
