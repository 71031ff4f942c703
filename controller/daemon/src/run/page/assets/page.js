// The page: asks once a second, shows one view, and says how old everything is.
// Responsible for: the one model, the pace, and which view is shown. Not for: what a view shows.
"use strict";

import { ask, Link } from "./page/ask.js";
import { by, setAttribute, setText } from "./page/dom.js";
import { clock } from "./page/say.js";
import { troubles } from "./page/trouble.js";
import * as overview from "./page/overview.js";
import * as advice from "./page/advice.js";
import * as cooling from "./page/cooling.js";
import * as plant from "./page/plant.js";
import * as power from "./page/power.js";
import * as gpus from "./page/gpus.js";
import * as timeline from "./page/timeline.js";

const EVERY_MS = 1000;
const VIEWS = { overview, plant, advice, cooling, power, gpus, timeline };
/** Looks of the trend that are kept, as many as the daemon has. */
const TREND = 600;

/** Everything that is known of the daemon. */
const model = {
  link: new Link(),
  status: null,
  trend: { every_ms: 2000, unix_ms: [], columns: {} },
  /** Why the pages of the view that is shown did not answer. */
  missing: null,
};

/** The view that the address names. */
function chosen() {
  const name = location.hash.slice(1).split("?")[0];
  return name in VIEWS ? name : "overview";
}

/** Adds new looks to the trend; a daemon that began anew has another past. */
function grow(trend, more) {
  for (const [name, values] of Object.entries(more.columns)) {
    trend.columns[name] = (trend.columns[name] ?? []).concat(values).slice(-TREND);
  }
  trend.unix_ms = trend.unix_ms.concat(more.unix_ms).slice(-TREND);
  trend.every_ms = more.every_ms;
}

async function look() {
  const last = model.trend.unix_ms.at(-1);
  try {
    const status = await ask("/status");
    const before = model.status;
    if (before && (status.epoch !== before.epoch || status.unix_ms < before.unix_ms)) {
      model.trend = { every_ms: 2000, unix_ms: [], columns: {} };
    }
    model.status = status;
    model.link.took(status);
    const again = model.trend.unix_ms.length > 0;
    grow(model.trend, await ask(again ? `/trend?after=${last}` : "/trend"));
  } catch (why) {
    model.link.missed(why);
    return;
  }
  await lookAtView();
}

/** What the view that is shown asks for by itself. */
async function lookAtView() {
  try {
    await VIEWS[chosen()].poll?.(model);
    model.missing = null;
  } catch (why) {
    model.missing = why.message;
  }
}

/** How fresh everything is that is shown. */
function freshness() {
  const found = model.link.state(model.status);
  if (found.state !== "live" || model.missing === null) return found;
  const says = `for this view (${model.missing}). Shown is what came last, greyed: it may no longer hold. Trying again every second.`;
  return { state: "stale", word: "No answer", says, age: "" };
}

/** How fresh everything is, and the view that is shown. */
function show() {
  const { status } = model;
  const { state, word, says, age } = freshness();
  setAttribute(by("link"), "data-state", state);
  setText(by("link-word"), word);
  setText(by("link-says"), says);
  const of = state === "live" ? `Figures of ${clock(status.seen_unix_ms)}, tick ${status.ticks}.` : age;
  setText(by("link-age"), of);
  document.body.classList.toggle("stale", state === "stale");
  if (!status || status.ticks === 0) return;
  setText(by("site"), `${status.site}, policy ${status.policy}`);
  const led = status.leadership;
  const commands = status.writes_allowed ? "The daemon commands the plant" : "The daemon only advises";
  const may = led && !led.leads ? `The daemon (${led.who}) stands by, ${led.leader || "nobody"} leads` : commands;
  setText(by("about"), `${may}, epoch ${status.epoch}. This page only looks, but for what an operator says under Advice.`);
  const alarms = troubles(status).filter((t) => t.level === "alarm").length;
  by("alarm-count").hidden = alarms === 0;
  setText(by("alarm-count"), alarms === 1 ? "1 alarm" : `${alarms} alarms`);
  document.title = `${state === "stale" ? `(${word}) ` : ""}Headroom ${status.site}`;
  VIEWS[chosen()].show(model);
}

/** Shows the view that the address names. */
function turn(event) {
  const name = chosen();
  for (const other of Object.keys(VIEWS)) by(`view-${other}`).hidden = other !== name;
  for (const link of document.querySelectorAll("nav a")) {
    setAttribute(link, "aria-current", link.hash === `#${name}` ? "page" : null);
  }
  if (event) {
    by("main").focus({ preventScroll: true });
    lookAtView().then(show);
  }
  show();
}

/** Asks at an even pace; a page that nobody sees does not ask. */
async function run() {
  for (let due = performance.now(); ; due = Math.max(due + EVERY_MS, performance.now())) {
    if (!document.hidden) await look();
    show();
    await new Promise((next) => setTimeout(next, Math.max(0, due + EVERY_MS - performance.now())));
  }
}

for (const view of Object.values(VIEWS)) view.begin(model);
addEventListener("hashchange", turn);
document.addEventListener("visibilitychange", show);
setInterval(show, EVERY_MS);
turn();
run();
