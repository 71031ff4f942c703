// Advice: where each setpoint is led and what that would do, what operators have said of it, saying it, and what if.
// Responsible for: the view, its forms, and the token of whoever signs in, kept for as long as the page is open. Not for: who may
// (the daemon), nor what would be (`/what-if`).

import { ask, say } from "./ask.js";
import { by, el, keep, setText, table, twoLines } from "./dom.js";
import { digits, known, quantity, stamp } from "./say.js";
import { mode } from "./overview.js";

/** Looks between two of what was said. */
const SAID_EVERY = 3;
const WORDS = { accept: "accepted", reject: "rejected", hold: "held", auto: "automatic again" };

/** Sentences on each setpoint's goal, by its id. */
const effects = new Map();
let said = { takes: false, said: [], wrong: null };
let token = null;
let looks = 0;
let next = 0;
let rows;

/** A setpoint that is led elsewhere. */
const moves = (a) => known(a.goal) && known(a.stands) && Math.abs(a.goal - a.stands) > 1e-3;

/** What an instruction says, with its end. */
function instruction(i) {
  if (!i) return ["automatic", ""];
  const value = known(i.value) ? ` as far as ${digits(i.value, 1)}` : "";
  const end = known(i.until_unix_ms) ? `until ${stamp(new Date(i.until_unix_ms).toISOString())}` : "until it is automatic again";
  return [`${WORDS[i.word]}${value}`, [`by ${i.by || "whoever is on its host"}`, end, i.why].filter(Boolean).join("; ")];
}

/** Takes a row's setpoint into the form. */
function take(id, word, value) {
  by("say-actuator").value = id;
  by("say-word").value = word;
  if (known(value)) by("say-value").value = digits(value, 2).replace("\u2212", "-");
  turned();
  by("say-why").focus();
}

/** A button of a row. */
const button = (word, name, id, value) => {
  const b = el("button", { type: "button", "aria-label": `${name} ${id}` }, name);
  b.addEventListener("click", () => take(id, word, value()));
  return b;
};

let shown = new Map();

function actions(node, a) {
  if (node.firstChild) return;
  const goal = () => shown.get(a.id)?.goal;
  node.append(button("accept", "Accept", a.id, goal), button("reject", "Reject", a.id, goal),
    button("hold", "Hold", a.id, goal), button("auto", "Automatic", a.id, goal));
  node.className = "acts";
}

const ROWS = [
  { head: "setpoint", wide: true, cell: (a, node) => twoLines(node, a.id, a.of) },
  { head: "mode", cell: (a, node) => mode(node, a.mode, a.held_back) },
  { head: "stands", number: true, cell: (a) => quantity(a.stands, a.unit) },
  { head: "leads to", number: true, cell: (a) => (moves(a) ? quantity(a.goal, a.unit) : "stays") },
  { head: "why, and what it would do", wide: true, cell: (a, node) => twoLines(node, a.why, moves(a) ? (effects.get(a.id) ?? "being asked") : "") },
  { head: "operators say", wide: true, cell: (a, node) => twoLines(node, ...instruction(a.instruction)) },
  { head: "say", wide: true, cell: (a, node) => actions(node, a) },
];

/** What the chosen word needs. */
function turned() {
  by("say-value").disabled = by("say-word").value !== "accept";
  by("say-for").disabled = by("say-word").value === "auto";
}

async function sayIt(event) {
  event.preventDefault();
  const word = by("say-word").value;
  const body = { actuator: by("say-actuator").value, word, why: by("say-why").value.trim() };
  if (word === "accept") body.value = Number(by("say-value").value);
  if (word !== "auto" && by("say-for").value !== "") body.for_s = Number(by("say-for").value);
  const answer = await say("/instructions", body, token).catch((why) => why);
  if (answer instanceof Error) {
    setText(by("say-says"), `Not taken: ${answer.message}`);
    return;
  }
  setText(by("say-says"), `Taken: ${answer.actuator} is ${WORDS[answer.word]}.`);
  by("say-why").value = "";
  looks = 0;
}

function signIn(event) {
  event.preventDefault();
  token = by("token").value.trim() || null;
  by("token").value = "";
  setText(by("say-says"), token ? "Signed in on this page until it is closed; whether the token is somebody's shows when something is said." : "No token is kept.");
}

/** The question of the form as a query. */
function question() {
  const what = by("if-what").value;
  const [x, of] = [by("if-number").value, encodeURIComponent(by(what === "setpoint" ? "if-actuator" : what === "cut" ? "if-branch" : "if-equipment").value)];
  if (what === "setpoint") return `setpoint=${of}&by=${x}`;
  if (what === "lose-pump") return `lose-pump=${of}&pumps=${x}`;
  return `cut=${x}&branch=${of}`;
}

const ASKS = {
  setpoint: ["moved by (in its unit)", "2"],
  "lose-pump": ["pumps that run now", "2"],
  cut: ["less than now, percent", "20"],
};

function turnedIf() {
  const what = by("if-what").value;
  for (const [name, of] of [["setpoint", "if-actuator"], ["lose-pump", "if-equipment"], ["cut", "if-branch"]]) {
    by(of).hidden = name !== what;
    by(`${of}-label`).hidden = name !== what;
  }
  setText(by("if-number-label"), ASKS[what][0]);
  by("if-number").value = ASKS[what][1];
}

async function askIf(event) {
  event.preventDefault();
  const answer = await ask(`/what-if?${question()}`).catch((why) => why);
  const wrong = answer instanceof Error;
  setText(by("if-asked"), wrong ? `No answer: ${answer.message}` : answer.asked);
  keep(by("if-says"), wrong ? [] : answer.says.map((text, i) => ({ text, i })), (l) => l.i, () => el("li"), (li, l) => setText(li, l.text));
}

/** Builds the view once. */
export function begin() {
  rows = table(by("advice"), "Advice on each setpoint", ROWS, (a) => a.id);
  by("say").addEventListener("submit", sayIt);
  by("sign").addEventListener("submit", signIn);
  by("say-word").addEventListener("change", turned);
  by("if").addEventListener("submit", askIf);
  by("if-what").addEventListener("change", turnedIf);
  turned();
  turnedIf();
}

/** Asks what the move of one setpoint would do, each in its turn, and now and then what was said. */
export async function poll({ status }) {
  if (looks++ % SAID_EVERY === 0) said = await ask("/instructions");
  const moving = (status?.actuators ?? []).filter(moves);
  if (moving.length === 0) return;
  const a = moving[next++ % moving.length];
  const answer = await ask(`/what-if?setpoint=${encodeURIComponent(a.id)}&value=${a.goal}`).catch((why) => ({ says: [why.message] }));
  effects.set(a.id, answer.says.join("; "));
}

function options(id, names) {
  keep(by(id), names, (n) => n, (n) => el("option", { value: n }, n), () => {});
}

/** Shows what is known. */
export function show({ status }) {
  shown = new Map(status.actuators.map((a) => [a.id, a]));
  rows(status.actuators, "The site file has no actuator: there is nothing to advise.");
  options("say-actuator", status.actuators.map((a) => a.id));
  options("if-actuator", status.actuators.map((a) => a.id));
  options("if-branch", status.branches.map((b) => b.id));
  options("if-equipment", status.places.filter((p) => p.kind === "cooling").map((p) => p.id));
  const takes = said.takes
    ? "Whoever has a token of the operators' file may say it here."
    : "This daemon takes no instructions over HTTP: it has no operators' file. On its host `headroom instruct` says the same.";
  setText(by("say-takes"), said.wrong ? `${takes} The record is damaged: ${said.wrong}` : takes);
  by("sign").hidden = !said.takes;
  by("say").hidden = !said.takes;
  keep(by("said"), said.said.slice(0, 20), (s) => `${s.unix_ms} ${s.actuator}`, () => el("li"), (li, s) => {
    const [word, more] = instruction(s);
    setText(li, `${stamp(s.time)}  ${s.actuator}: ${s.word === "auto" ? WORDS.auto : word}${s.word === "auto" ? ` by ${s.by}` : `; ${more}`}`);
  });
  by("said-none").hidden = said.said.length > 0;
}
