// Overview: the four pairs, what is wrong, and who may command what.

import { by, el, keep, setAttribute, setText, table } from "./dom.js";
import { count, digits, known, large, parts, percent, quantity, span } from "./say.js";
import { drawSpark, spark } from "./spark.js";
import { troubles } from "./trouble.js";

/** What the four cards say. `figure` is [field, value, unit, decimals]. */
const CARDS = [
  {
    pair: "TOKEN", what: "clock consistency", trend: "clock_spread", of: "spread", say: (x) => percent(x, 2),
    figure: (s) => ["clock_spread", known(s.clock_spread) ? s.clock_spread * 100 : null, "%", 2],
    target: (s) => [s.targets.clock_spread, s.clock_spread, (t) => `spread of the clock in a job; target at most ${percent(t, 2)}`,
      "spread of the clock in a job; the policy has no target"],
    rows: (s) => [
      ["widest in", s.clock_spread_widest_job ?? "no job"],
      ["tokens", known(s.tokens_per_s) ? `${large(s.tokens_per_s)} tokens/s` : s.unknown.tokens_per_s],
      ["since the start", known(s.tokens_per_s) ? `${large(s.tokens)} tokens` : "not counted"],
    ],
  },
  {
    pair: "FLOPS", what: "throttling", trend: "gpus_throttled", of: "held back:", say: (x) => `${count(x)} GPUs`,
    figure: (s) => ["gpus_throttled", s.gpus_throttled, `of ${count(s.gpus_heard)} GPUs heard`, 0],
    target: (s) => [s.targets.throttled_s_per_day, null, (t) => `held back now; target at most ${span(t)} a day for each`,
      "held back now; the policy has no target"],
    rows: (s) => Object.entries(s.throttled_gpus).map(([reason, now]) =>
      [reason.replaceAll("_", " "), `${count(now)} now, ${large(s.throttled_gpu_s[reason])} GPU\u00b7s`])
      .concat([["soon, for heat", `${count(s.gpus_warned)} GPUs`]]),
  },
  {
    pair: "WATT", what: "power against TDP", trend: "gpu_w", of: "GPUs", say: (x) => quantity(x, "W"),
    figure: (s) => ["gpu_w", s.gpu_w, "W", 1],
    target: (s) => [null, null, null, known(s.gpu_w) ? `${percent(s.gpu_w / s.gpu_max_cap_w)} of ${quantity(s.gpu_max_cap_w, "W")}, the highest caps (TDP) of the GPUs heard` : ""],
    rows: (s) => [
      ["facility", known(value(s, "facility_w")) ? quantity(s.facility_w, "W") : s.unknown.facility_w],
      ["IT", known(value(s, "it_w")) ? quantity(s.it_w, "W") : s.unknown.it_w],
      ["cooling", known(value(s, "cooling_w")) ? quantity(s.cooling_w, "W") : s.unknown.cooling_w],
      ["IT energy", known(s.it_j_per_token) ? `${quantity(s.it_j_per_token, "J")} per token` : s.unknown.it_j_per_token],
    ],
  },
  {
    pair: "PUE", what: "thermal headroom", trend: "headroom_k", of: "headroom", say: (x) => quantity(x, "K", 1),
    figure: (s) => ["pue", value(s, "pue"), "facility over IT", 3],
    target: (s) => [s.targets.pue, value(s, "pue"), (t) => `target at most ${digits(t, 3)}`, "PUE; the policy has no target"],
    rows: (s) => (known(value(s, "headroom_k")) ? [
      ["headroom", `${digits(s.headroom_k, 1)} \u00b1 ${digits(s.headroom_sigma_k, 1)} K`],
      ["wanted", quantity(s.targets.headroom_k, "K", 1)],
      ["at full load", quantity(s.headroom_full_load_k, "K", 1)],
      ["as power", quantity(s.headroom_w, "W")],
      ["as time", known(s.headroom_s) ? span(s.headroom_s) : "no end in sight"],
      ["least at", s.hottest],
    ] : [["headroom", s.unknown.headroom_k ?? "not known"]]),
  },
];

/** A figure of the status; none where the status says that it is not known. */
function value(s, field) {
  return field in s.unknown ? null : s[field];
}

let groups;
let connections;

/** Builds the view once. */
export function begin() {
  for (const card of CARDS) {
    const id = `card-${card.pair.toLowerCase()}`;
    by("cards").append(el("article", { class: "card", id, "aria-labelledby": `${id}-head` },
      el("h3", { id: `${id}-head` }, `${card.pair} `, el("small", {}, card.what)),
      el("p", { class: "figure" }, el("span"), " ", el("small")),
      el("p", { class: "beside soft small" }), el("dl"), spark()));
  }
  groups = table(by("groups"), "Modes of the groups", [
    { head: "group", cell: (g) => (g.group === "caps" ? "GPU caps and clocks" : g.group) },
    { head: "mode", cell: (g, node) => mode(node, g.mode) },
    { head: "members", number: true, cell: (g) => count(g.members) },
    { head: "which means", wide: true, cell: (g) => MEANS[g.mode] ?? "" },
  ], (g) => g.group);
  connections = table(by("connections"), "Connections", [
    { head: "connection", cell: (c) => c.id },
    { head: "state", wide: true, cell: (c) => c.state },
  ], (c) => c.id);
}

const MEANS = {
  off: "nothing is computed for it",
  shadow: "computed and kept, not published",
  advisory: "computed and published, not commanded",
  active: "commanded, within the guard's limits",
  hold: "held or tightened; nothing new is asked",
  fallback: "let go; the plant's own sequence runs",
};

/** The word of a mode with a mark of its own form, and why it is no other. */
export function mode(node, word, heldBack) {
  setText(node, word);
  node.title = heldBack ? `${heldBack.why}: ${heldBack.state}, since ${heldBack.since}` : "";
  node.className = "mode";
  node.dataset.mode = word;
}

function showCard(card, s, trend) {
  const [, figure, beside, rows, line] = by(`card-${card.pair.toLowerCase()}`).children;
  const [field, x, unit, n] = card.figure(s);
  const none = !known(x) || field in s.unknown;
  figure.classList.toggle("unknown", none);
  const [first, second] = none ? ["not known", s.unknown[field] ?? ""] : parts(x, unit, n);
  setText(figure.children[0], first);
  setText(figure.children[1], second);
  const [target, now, word, without] = card.target(s);
  setText(beside, known(target) ? word(target) : without);
  beside.classList.toggle("over", known(target) && known(now) && now > target);
  const pairs = card.rows(s).flatMap(([name, said]) => [["dt", name, name], ["dd", said, `${name} value`]]);
  keep(rows, pairs, (p) => p[2], (p) => el(p[0]), (node, p) => setText(node, p[1] ?? "not known"));
  drawSpark(line, trend, card.trend, card.of, card.say);
}

function showTroubles(s) {
  const all = troubles(s);
  const words = { alarm: "Alarm", warning: "Warning", notice: "Notice", well: "Nothing" };
  const make = () => el("li", {}, el("b"), " ", el("span"), el("div"));
  keep(by("alarms"), all, (t) => t.key, make, (node, t) => {
    node.className = t.level;
    setText(node.children[0], words[t.level]);
    setText(node.children[1], t.title);
    const lines = t.action ? [...t.evidence, `To do: ${t.action}.`] : t.evidence;
    keep(node.children[2], lines.map((text, i) => ({ text, i })), (e) => e.i, () => el("p"),
      (line, e) => setText(line, e.text));
  });
}

/** Shows what is known. */
export function show({ status, trend }) {
  for (const card of CARDS) showCard(card, status, trend);
  const verified = by("verified");
  verified.classList.toggle("not", !status.verified);
  setText(verified, status.verified
    ? "Plant verified: every read-back that a held command needs is there and fits it."
    : "Plant not verified: read-backs or agents are missing.");
  showTroubles(status);
  groups(status.groups, "The site file has neither GPUs nor actuators.");
  connections(status.connections, "No connection has been looked at yet.");
}
