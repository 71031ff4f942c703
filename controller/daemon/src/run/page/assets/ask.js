// Asking the daemon, and knowing how old its last answer is.
// Responsible for: one answer or one sentence why not, also of what an operator says. Not for: what is done with it.

const PATIENCE_MS = 3000;
/** Without an answer, or a tick, for so long nothing is shown as new. */
const FRESH_MS = 3500;
/** Ticks may be slower than answers: so many periods of the loop. */
const PERIODS = 5;

/** Gets a page of this daemon as JSON. */
export async function ask(path) {
  let answer;
  try {
    answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-cache" });
  } catch (why) {
    throw new Error(why.name === "TimeoutError" ? "no answer in 3 s" : "no connection");
  }
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${(await answer.text()).trim().slice(0, 200)}`);
  try {
    return await answer.json();
  } catch (why) {
    throw new Error(why.name === "TimeoutError" ? "no whole answer in 3 s" : `what ${path} answered is not JSON`);
  }
}

/** Says something to this daemon, as whoever has the token. */
export async function say(path, body, token) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (why) {
    throw new Error(why.name === "TimeoutError" ? "no answer in 3 s" : "no connection");
  }
  if (!answer.ok) throw new Error((await answer.text()).trim().slice(0, 300));
  return answer.json();
}

/** When the daemon last answered and last ticked, on the browser's own clock. */
export class Link {
  constructor() {
    this.answered = null;
    this.ticked = null;
    this.ticks = null;
    this.periodMs = 1000;
    this.why = null;
  }

  /** A status has come. */
  took(status) {
    const now = { at: performance.now(), day: new Date() };
    this.answered = now;
    this.why = null;
    if (status.ticks !== this.ticks) {
      this.ticks = status.ticks;
      this.ticked = now;
      this.periodMs = Math.max(200, status.next_unix_ms - status.unix_ms || 0);
    }
  }

  /** None has come. */
  missed(why) {
    this.why = why.message;
  }

  /** State, a word, a sentence and the age: live, stale or waiting. */
  state(status) {
    const now = performance.now();
    if (!this.answered) {
      const why = this.why ? ` (${this.why}); trying again every second.` : ".";
      return { state: this.why ? "stale" : "waiting", word: this.why ? "No answer" : "Waiting", says: `for the first answer of the daemon${why}`, age: "" };
    }
    if (status.ticks === 0) return { state: "waiting", word: "Waiting", says: "for the first tick of the daemon.", age: "" };
    const shown = `Shown are the values of ${status.time.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC")}, greyed: they may no longer hold. Trying again every second.`;
    const ago = (then) => `${Math.round((now - then.at) / 1000)} s ago`;
    const day = (then) => then.day.toTimeString().slice(0, 8);
    if (now - this.answered.at > FRESH_MS) {
      const why = this.why ? ` (${this.why})` : "";
      return { state: "stale", word: "No answer", says: `since ${day(this.answered)}, this device's time${why}. ${shown}`, age: ago(this.answered) };
    }
    if (now - this.ticked.at > Math.max(FRESH_MS, PERIODS * this.periodMs)) {
      return { state: "stale", word: "No tick", says: `since ${day(this.ticked)}, this device's time: the daemon answers, but its loop stands. ${shown}`, age: ago(this.ticked) };
    }
    return { state: "live", word: "Live", says: "", age: "" };
  }
}
