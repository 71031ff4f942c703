// Timeline: chosen points and quantities of GPUs on one time axis; what is chosen stands in the address.

import { ask } from "./ask.js";
import { by, el, keep, setText, table, twoLines } from "./dom.js";
import { Plot, bounds, gaps } from "./plot.js";
import { clock, count, known, quantity, span, sure } from "./say.js";

const MOST = 8;
/** Panning moves by this share of what is shown; zooming by this factor. */
const PAN = 0.25;
const ZOOM = 1.5;
const SHORTEST_MS = 5000;
const LONGEST_MS = 7200e3;
const DRAG_PX = 5;

let plot;
let rows;
let series = [];
let names = null;
let layout = null;
/** What is shown: a length, and an end; none follows the newest. */
const shown = { lengthMs: 300e3, endMs: null };
let newestMs = null;
/** What was chosen when the view was left: the links of the page do not say it. */
const last = { chosen: [] };

/** What the address chooses. */
const chosen = () => new URLSearchParams(location.hash.split("?")[1] ?? "").getAll("of").slice(0, MOST);

function choose(list) {
  last.chosen = list;
  const asked = new URLSearchParams(list.map((of) => ["of", of]));
  history.replaceState(null, "", `#timeline${list.length > 0 ? `?${asked}` : ""}`);
}

/** Something to begin with: what the first actuators measure, and the power of the first GPU. */
function first(status) {
  const points = status.actuators.map((a) => a.measures.point).filter(Boolean).slice(0, 2);
  return [...points, ...(layout?.uuids.length > 0 ? [`${layout.uuids[0]}:power`] : [])];
}

/** Names of points and GPUs to choose from, once. */
async function learn(status) {
  const points = await ask("/points");
  layout = await ask("/gpus/layout");
  names = points.map((p) => p.id);
  by("point-ids").replaceChildren(...points.map((p) => el("option", { value: p.id }, `${p.type} ${p.unit}`)));
  by("gpu-node").replaceChildren(...layout.nodes.filter((n) => n.gpus > 0).map((n) => el("option", { value: n.id }, n.id)));
  by("add-gpu").hidden = layout.uuids.length === 0;
  numbers();
  choose(chosen().length > 0 ? chosen() : first(status));
}

/** Numbers of the chosen node's GPUs. */
function numbers() {
  const node = layout.nodes.find((n) => n.id === by("gpu-node").value);
  by("gpu-index").replaceChildren(...Array.from({ length: node?.gpus ?? 0 }, (_, i) => el("option", { value: i }, String(i))));
}

/** A series as it is kept here, on milliseconds. */
function taken(h) {
  return { of: h.of, unit: h.unit, sure: sure(h), now: h.now_unix_ns / 1e6, ms: h.unix_ns.map((ns) => ns / 1e6), value: h.value, least: h.least, most: h.most };
}

/** Adds what is newer; the last second of a GPU is still growing, and is taken again. */
function joined(old, more) {
  const from = more.ms[0] ?? Infinity;
  let n = old.ms.length;
  while (n > 0 && old.ms[n - 1] >= from) n -= 1;
  const drop = Math.max(0, n - 7200);
  const join = (name) => old[name].slice(drop, n).concat(more[name]);
  return { ...more, ms: join("ms"), value: join("value"), least: join("least"), most: join("most") };
}

/** Asks for what is new of each series. */
export async function poll({ status }) {
  if (!status) return;
  if (names === null) await learn(status);
  if (chosen().length === 0 && last.chosen.length > 0) choose(last.chosen);
  const wanted = chosen();
  const known = new Map(series.map((s) => [s.asked, s]));
  const all = await Promise.allSettled(wanted.map(async (of) => {
    const old = known.get(of);
    const from = old?.ms.length > 0 ? `&from=${Math.floor(old.ms.at(-1)) - 1000}` : "";
    const h = await ask(`/history?point=${encodeURIComponent(of)}${from}`);
    newestMs = h.now_unix_ns / 1e6;
    const restarted = old && old.ms.at(-1) > newestMs + 5000;
    return { ...(old && !restarted ? joined(old, taken(h)) : taken(h)), asked: of };
  }));
  series = all.filter((a) => a.status === "fulfilled").map((a) => a.value);
  const failed = all.find((a) => a.status === "rejected");
  setText(by("timeline-says"), failed ? failed.reason.message : wanted.length === 0 ? "Nothing is chosen." : "");
}

/** The stretch that is shown. */
function stretch() {
  const to = shown.endMs ?? newestMs ?? Date.now();
  return [to - shown.lengthMs, to];
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return { ink: of("--ink"), soft: of("--soft"), line: of("--line"), gap: of("--gap"), lines: [0, 1, 2, 3, 4, 5].map((i) => of(`--s${i}`)) };
}

/** Shows what is known. */
export function show() {
  if (newestMs === null) return;
  const [from, to] = stretch();
  const follows = shown.endMs === null ? "and follows the newest" : "and stands still; Follow goes on";
  setText(by("axis-says"), `The axis shows ${clock(from)} to ${clock(to)}, ${span((to - from) / 1000)}, ${follows}.`);
  plot.draw(series, from, to, colours());
  rows(series, "Add a point or a GPU to see it over time.");
}

function pan(share) {
  shown.endMs = stretch()[1] + share * shown.lengthMs;
  if (newestMs !== null && shown.endMs >= newestMs) shown.endMs = null;
  show();
}

function zoom(factor) {
  const [from, to] = stretch();
  const before = shown.lengthMs;
  shown.lengthMs = Math.max(SHORTEST_MS, Math.min(LONGEST_MS, before * factor));
  if (shown.endMs !== null) shown.endMs = (from + to) / 2 + shown.lengthMs / 2;
  show();
}

function follow() {
  shown.endMs = null;
  show();
}

const KEYS = {
  ArrowLeft: () => pan(-PAN), ArrowRight: () => pan(PAN), PageUp: () => pan(-1), PageDown: () => pan(1),
  "+": () => zoom(1 / ZOOM), "=": () => zoom(1 / ZOOM), "-": () => zoom(ZOOM), Home: follow, Escape: follow,
};

function listen() {
  const canvas = by("plot");
  canvas.addEventListener("keydown", (e) => {
    if (!KEYS[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    KEYS[e.key]();
  });
  let begun = null;
  canvas.addEventListener("pointerdown", (e) => {
    begun = e.offsetX;
    canvas.setPointerCapture(e.pointerId);
  });
  canvas.addEventListener("pointermove", (e) => {
    if (begun === null) return;
    plot.drag = [plot.time(begun), plot.time(e.offsetX)];
    show();
  });
  const drop = (e) => {
    const [a, b] = plot.drag ?? [0, 0];
    const far = e.type === "pointerup" && begun !== null && Math.abs(e.offsetX - begun) > DRAG_PX;
    [begun, plot.drag] = [null, null];
    if (far) [shown.lengthMs, shown.endMs] = [Math.max(SHORTEST_MS, Math.abs(b - a)), Math.max(a, b)];
    show();
  };
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, drop);
  const press = { "go-earlier": () => pan(-PAN), "go-later": () => pan(PAN), "zoom-in": () => zoom(1 / ZOOM), "zoom-out": () => zoom(ZOOM), "go-live": follow };
  for (const [id, act] of Object.entries(press)) by(id).addEventListener("click", act);
  by("span").addEventListener("change", (e) => { shown.lengthMs = Number(e.target.value) * 1000; follow(); });
  addEventListener("resize", show);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
}

/** Adds a series, and asks for it at once. */
function add(model, of) {
  const list = chosen();
  if (list.includes(of)) return setText(by("timeline-says"), `${of} is shown already.`);
  if (list.length >= MOST) return setText(by("timeline-says"), `At most ${MOST} are shown at once.`);
  choose([...list, of]);
  return poll(model).then(show, (why) => setText(by("timeline-says"), why.message));
}

function forms(model) {
  by("add-point").addEventListener("submit", (e) => {
    e.preventDefault();
    const of = by("point-id").value.trim();
    if (!names?.includes(of)) return setText(by("timeline-says"), `No point is called ${of || "nothing"}.`);
    by("point-id").value = "";
    return add(model, of);
  });
  by("add-gpu").addEventListener("submit", (e) => {
    e.preventDefault();
    const node = layout?.nodes.find((n) => n.id === by("gpu-node").value);
    if (node) add(model, `${layout.uuids[node.first + Number(by("gpu-index").value)]}:${by("gpu-quantity").value}`);
  });
  by("gpu-node").addEventListener("change", numbers);
}

/** What a series holds within the stretch, in words. */
function within(s) {
  const [from, to] = stretch();
  const found = bounds(s, from, to);
  return found ? `${quantity(found[0], s.unit)} to ${quantity(found[1], s.unit)}` : "nothing in this time";
}

function newest(s) {
  const i = s.value.findLastIndex(known);
  return i < 0 ? ["not known", ""] : [quantity(s.value[i], s.unit), clock(s.ms[i], true)];
}

/** Builds the view once. */
export function begin(model) {
  plot = new Plot(by("plot"));
  const remove = (s) => () => {
    choose(chosen().filter((of) => of !== s.asked));
    series = series.filter((other) => other.asked !== s.asked);
    show();
  };
  rows = table(by("series"), "Chosen series", [
    { head: "series", wide: true, cell: (s, node) => twoLines(node, s.of, s.unit) },
    { head: "last", number: true, cell: (s, node) => twoLines(node, ...newest(s)) },
    { head: "in what is shown", cell: within },
    { head: "gaps", number: true, cell: (s) => count(gaps(s).filter(([a, b]) => b > stretch()[0] && a < stretch()[1]).length) },
    { head: "how sure its times are", wide: true, cell: (s) => s.sure },
    { head: "remove", cell: (s, node) => keep(node, [s], (x) => x.asked, () => {
      const button = el("button", { type: "button" }, "Remove", el("span", { class: "hidden" }, ` ${s.of}`));
      button.addEventListener("click", remove(s));
      return button;
    }, () => {}) },
  ], (s) => s.asked);
  listen();
  forms(model);
}
