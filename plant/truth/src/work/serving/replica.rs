//! One replica: a queue, a batch, and the events between them.
//!
//! Responsible for: prefill, batched decode and latency, exact between events however time is cut into steps.
//! Not for: which requests it gets, or what power it takes (see `serving`).
//!
//! Between two events (a request arrives, a prompt is read, an answer ends) everything runs at constant rates. While
//! there are prompts to read and answers to write, prefill has its share of the time (chunked prefill); otherwise
//! whichever there is has all of it. A request starts when its prompt is read, if the batch has room.

use std::collections::VecDeque;

use super::super::latency::Latency;
use super::super::requests::Request;
use super::ServingTotals;
use super::spec::{Pace, ServingSpec};

/// A request that decodes. It is done when the replica's iteration counter reaches `until`.
#[derive(Debug, Clone, Copy)]
struct Running {
    request: Request,
    until: f64,
    start_s: f64,
    /// Its first token came in time.
    prompt: bool,
}

/// Where a replica writes down what it did. A replica may stand for several.
pub(super) struct Book<'a> {
    pub totals: &'a mut ServingTotals,
    pub latency: &'a mut Latency,
    pub weight: u64,
}

/// One replica.
#[derive(Debug, Clone, Default)]
pub(super) struct Replica {
    waiting: VecDeque<Request>,
    waiting_tokens: f64,
    /// Prompt tokens of the head of the queue already read.
    head_done: f64,
    running: Vec<Running>,
    iterations: f64,
    first_until: f64,
    /// How far it has come \[s\].
    at_s: f64,
    /// Time in prefill, time in decode, and the batch over the latter, since they were taken.
    spent: [f64; 3],
    prompt_tokens: f64,
    tokens: f64,
}

impl Replica {
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// How long a new request would wait, roughly \[tokens of prefill\].
    #[inline]
    pub(super) fn load(&self) -> f64 {
        self.waiting_tokens + 200.0 * self.running.len() as f64
    }

    /// Queues a request; false if the queue is full.
    pub(super) fn offer(&mut self, request: Request, spec: &ServingSpec) -> bool {
        if self.waiting.len() >= spec.max_waiting {
            return false;
        }
        self.waiting_tokens += f64::from(request.input_tokens);
        self.waiting.push_back(request);
        true
    }

    /// Takes everything out of a replica that died: its requests start again elsewhere.
    pub(super) fn drain(&mut self, out: &mut Vec<Request>) {
        out.extend(self.waiting.drain(..));
        out.extend(self.running.drain(..).map(|running| running.request));
        (self.waiting_tokens, self.head_done) = (0.0, 0.0);
    }

    /// Skips time in which it could do nothing.
    #[inline]
    pub(super) fn skip(&mut self, to_s: f64) {
        self.at_s = to_s;
    }

    /// Runs to a time, event by event.
    pub(super) fn run(&mut self, spec: &ServingSpec, pace: &Pace, to_s: f64, book: &mut Book<'_>) {
        while self.at_s < to_s {
            let n = self.running.len();
            let prefilling = n < spec.max_batch && !self.waiting.is_empty();
            if !prefilling && n == 0 {
                break;
            }
            let share = if !prefilling {
                0.0
            } else if n == 0 {
                1.0
            } else {
                spec.prefill_share
            };
            let (mut left, mut read, mut ended) = (to_s - self.at_s, false, false);
            if let (true, Some(head)) = (prefilling, self.waiting.front()) {
                let need = (f64::from(head.input_tokens) - self.head_done) / (share * pace.prefill);
                if need <= left {
                    (left, read) = (need.max(0.0), true);
                }
            }
            let rate = (1.0 - share) / pace.iteration_s(spec, n as f64);
            if n > 0 {
                let need = (self.first_until - self.iterations) / rate;
                if need <= left {
                    (left, read, ended) = (need.max(0.0), false, true);
                }
            }
            self.at_s += left;
            let prompt = share * pace.prefill * left;
            self.head_done += prompt;
            self.waiting_tokens -= prompt;
            self.prompt_tokens += prompt;
            self.iterations += rate * left;
            self.tokens += rate * left * n as f64;
            let decode_s = if n > 0 { (1.0 - share) * left } else { 0.0 };
            self.spent[0] += share * left;
            self.spent[1] += decode_s;
            self.spent[2] += decode_s * n as f64;
            if read {
                self.start(spec, pace, book);
            } else if ended {
                self.finish(spec, book);
            }
        }
        self.at_s = to_s;
    }

    /// The head of the queue has been read.
    fn start(&mut self, spec: &ServingSpec, pace: &Pace, book: &mut Book<'_>) {
        let Some(request) = self.waiting.pop_front() else { return };
        self.head_done = 0.0;
        if self.waiting.is_empty() {
            self.waiting_tokens = 0.0;
        }
        let first_s = (self.at_s - request.arrival_s).max(0.0)
            + pace.iteration_s(spec, self.running.len() as f64 + 1.0)
            + pace.transfer_s * f64::from(request.input_tokens);
        let prompt = first_s <= spec.slo.first_token_s;
        book.totals.started += book.weight;
        book.totals.first_token_s += first_s * book.weight as f64;
        book.totals.first_in_time += if prompt { book.weight } else { 0 };
        book.latency.first_token.add(first_s, book.weight);
        if self.running.is_empty() {
            (self.iterations, self.first_until) = (0.0, f64::INFINITY);
        }
        let until = self.iterations + f64::from(request.output_tokens.max(1));
        self.first_until = self.first_until.min(until);
        self.running.push(Running { request, until, start_s: self.at_s, prompt });
    }

    /// The shortest answers in the batch have ended.
    fn finish(&mut self, spec: &ServingSpec, book: &mut Book<'_>) {
        self.iterations = self.first_until;
        let (at_s, limit) = (self.at_s, self.first_until + 1e-9);
        let mut first = f64::INFINITY;
        let mut k = 0;
        while k < self.running.len() {
            let one = self.running[k];
            if one.until > limit {
                first = first.min(one.until);
                k += 1;
                continue;
            }
            self.running.swap_remove(k);
            let length = f64::from(one.request.output_tokens.max(1));
            let token_s = (at_s - one.start_s) / length;
            let steady = token_s <= spec.slo.token_s;
            book.totals.completed += book.weight;
            book.totals.token_in_time += if steady { book.weight } else { 0 };
            if steady && one.prompt {
                book.totals.good += book.weight;
                book.totals.good_tokens += length * book.weight as f64;
            }
            book.latency.token.add(token_s, book.weight);
        }
        self.first_until = first;
    }

    /// Takes what it did since the last call: times (see `spent`), prompt tokens and tokens.
    pub(super) fn take(&mut self) -> ([f64; 3], f64, f64) {
        let out = (self.spent, self.prompt_tokens, self.tokens);
        (self.spent, self.prompt_tokens, self.tokens) = ([0.0; 3], 0.0, 0.0);
        out
    }
}
