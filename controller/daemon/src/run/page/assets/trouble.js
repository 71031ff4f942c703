// What is wrong, from the status: alarms first, the worst on top, each with its evidence in the daemon's own words.

import { count, digits, known, span, stamp } from "./say.js";

const RANK = { alarm: 0, warning: 1, notice: 2, well: 3 };

function alarms(s) {
  const out = [];
  if (s.released) {
    const { by, why, unix_ms: at } = s.released;
    out.push({ key: "released", level: "alarm", title: "everything is let go: nothing is commanded",
      evidence: [`${by || "somebody"}${at > 0 ? `, ${new Date(at).toISOString()}` : ""}${why ? `: ${why}` : ""}`, "headroom resume takes it again."] });
  }
  if (!s.verified) {
    out.push({ key: "verified", level: "alarm", title: "the state of the plant is not verified",
      evidence: ["A read-back that a held command needs, or an agent, is missing. No heartbeat goes to the plant meanwhile."] });
  }
  if (s.gpus_warned > 0) {
    out.push({ key: "warned", level: "alarm", title: `${count(s.gpus_warned)} GPUs slow down for heat soon if nothing changes`,
      evidence: s.warnings.map((w) => `${w.node}: ${span(w.seconds)} to the ${w.limit} limit, since ${stamp(w.since)}`) });
  }
  for (const c of s.connections.filter((c) => c.state.startsWith("down"))) {
    out.push({ key: `connection ${c.id}`, level: "alarm", title: `no connection to ${c.id}`, evidence: [c.state] });
  }
  if (s.gpus_heard < s.gpus) {
    out.push({ key: "heard", level: "alarm", title: `${count(s.gpus - s.gpus_heard)} of ${count(s.gpus)} GPUs are not heard`,
      evidence: ["What they draw is reckoned with at its worst. The table of GPUs names them."] });
  }
  for (const b of s.branches.filter((b) => known(b.budget_w) && b.power_w > b.budget_w)) {
    out.push({ key: `branch ${b.id}`, level: "alarm", title: `${b.id} draws more than its budget`,
      evidence: [`${digits(b.power_w / 1e3, 1)} kW of ${digits(b.budget_w / 1e3, 1)} kW`] });
  }
  return out;
}

function ailments(s) {
  return s.health.map((f) => ({
    key: `${f.ailment} ${f.of} ${f.with ?? ""}`,
    level: "warning",
    size: known(f.size_value) && f.size_sigma > 0 ? Math.abs(f.size_value) / f.size_sigma : 0,
    title: `${f.ailment} of ${f.of}${f.with ? ` and ${f.with}` : ""}: ${f.size}, since ${stamp(f.since)}`,
    evidence: [...f.evidence, ...(f.or ? [`or ${f.or}`] : [])],
  }));
}

function doubts(s) {
  return s.implausible.map((d) => ({
    key: `doubt ${d.point}`,
    level: d.quality.startsWith("bad") ? "warning" : "notice",
    title: `${d.point} is ${d.quality}, since ${stamp(d.since)}`,
    evidence: [d.why, ...(d.with.length > 0 ? [`it contradicts ${d.with.join(", ")}`] : [])],
  }));
}

function notices(s) {
  const out = [];
  const silent = s.points - s.points_good;
  if (silent > 0) {
    out.push({ key: "points", level: "notice", title: `${count(silent)} of ${count(s.points)} points are not good`,
      evidence: ["headroom points --bad names them."] });
  }
  for (const c of s.clocks.filter((c) => c.fault)) {
    out.push({ key: `clock ${c.source}`, level: "notice", title: `the clock of ${c.source}`, evidence: [c.fault] });
  }
  for (const f of s.unmetered) {
    out.push({ key: `flow ${f.of}`, level: "notice", title: `nobody meters the flow of ${f.of}`,
      evidence: [`from what it carries: ${digits(f.flow_lpm, 0)} \u00b1 ${digits(f.sigma_lpm, 0)} L/min`] });
  }
  for (const b of s.budgets_ahead.filter((b) => b.begins)) {
    out.push({ key: `ahead ${b.branch}`, level: "notice", title: `${b.branch} may draw less soon`,
      evidence: [`at most ${digits(b.least_w / 1e3, 1)} kW from ${stamp(b.begins)} on`] });
  }
  return out;
}

/** All of it, in order. */
export function troubles(s) {
  const all = [...alarms(s), ...ailments(s), ...doubts(s), ...notices(s)];
  if (all.length === 0) {
    return [{ key: "well", level: "well", title: "is wrong that the daemon knows of.", evidence: [] }];
  }
  const order = (a, b) => RANK[a.level] - RANK[b.level] || (b.size ?? 0) - (a.size ?? 0);
  return all.sort(order);
}
