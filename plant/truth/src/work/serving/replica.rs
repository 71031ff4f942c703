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

/// A request that decodes.
#[derive(Debug, Clone, Copy)]
struct Running {
    request: Request,
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

/// What ends the present stretch of constant rates.
#[derive(Debug, Clone, Copy, Default)]
enum Event {
    /// Nothing: there is no work.
    #[default]
    None,
    /// The head of the queue has been read.
    Read,
    /// The shortest answers have ended.
    End,
}

/// One replica.
#[derive(Debug, Clone, Default)]
pub(super) struct Replica {
    waiting: VecDeque<Request>,
    waiting_tokens: f64,
    /// Prompt tokens of the head of the queue already read.
    head_done: f64,
    running: Vec<Running>,
    /// Iteration at which each of them is done: apart, because these are searched and the rest is not.
    until: Vec<f64>,
    iterations: f64,
    first_until: f64,
    /// How far it has come \[s\].
    at_s: f64,
    /// The next event, and when it comes \[s\].
    event: Event,
    event_s: f64,
    /// Rates until then: prompt tokens, iterations and tokens per second, and the share of time of prefill.
    rates: [f64; 3],
    share: f64,
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

    /// How long a request that comes at a time before the next event would wait, roughly \[tokens of prefill\].
    #[inline]
    pub(super) fn load(&self, at_s: f64) -> f64 {
        self.waiting_tokens - self.rates[0] * (at_s - self.at_s) + 200.0 * self.running.len() as f64
    }

    /// Queues a request that comes at a time that the replica has come to; false if the queue is full.
    pub(super) fn offer(&mut self, request: Request, spec: &ServingSpec, pace: &Pace) -> bool {
        if self.waiting.len() >= spec.max_waiting {
            return false;
        }
        self.waiting_tokens += f64::from(request.input_tokens);
        self.waiting.push_back(request);
        if self.waiting.len() == 1 {
            self.plan(spec, pace);
        }
        true
    }

    /// Takes everything out of a replica that died: its requests start again elsewhere.
    pub(super) fn drain(&mut self, out: &mut Vec<Request>) {
        out.extend(self.waiting.drain(..));
        out.extend(self.running.drain(..).map(|running| running.request));
        self.until.clear();
        (self.waiting_tokens, self.head_done) = (0.0, 0.0);
        (self.rates, self.share, self.event) = ([0.0; 3], 0.0, Event::None);
    }

    /// Skips time in which it could do nothing.
    #[inline]
    pub(super) fn skip(&mut self, to_s: f64) {
        self.at_s = to_s;
    }

    /// Sets the rates up to the next event, and finds that. To be called when work or speed has changed.
    pub(super) fn plan(&mut self, spec: &ServingSpec, pace: &Pace) {
        let n = self.running.len();
        let head = self.waiting.front().filter(|_| n < spec.max_batch);
        self.event = Event::None;
        self.event_s = f64::INFINITY;
        (self.rates, self.share) = ([0.0; 3], 0.0);
        if let Some(head) = head {
            self.share = if n == 0 { 1.0 } else { spec.prefill_share };
            self.rates[0] = self.share * pace.prefill;
            let need_s = (f64::from(head.input_tokens) - self.head_done) / self.rates[0];
            self.event_s = self.at_s + need_s.max(0.0);
            self.event = Event::Read;
        }
        if n > 0 {
            let iteration_s = pace.iteration_s(spec, n as f64);
            let one_s = iteration_s / (1.0 - self.share);
            self.rates[1] = (1.0 - self.share) / iteration_s;
            self.rates[2] = self.rates[1] * n as f64;
            let end_s = self.at_s + ((self.first_until - self.iterations) * one_s).max(0.0);
            if end_s <= self.event_s {
                (self.event_s, self.event) = (end_s, Event::End);
            }
        }
    }

    /// Whether something happens up to a time.
    #[inline]
    pub(super) fn is_due(&self, to_s: f64) -> bool {
        self.event_s <= to_s && !matches!(self.event, Event::None)
    }

    /// Runs to a time, event by event.
    pub(super) fn run(&mut self, spec: &ServingSpec, pace: &Pace, to_s: f64, book: &mut Book<'_>) {
        while self.is_due(to_s) {
            self.advance(self.event_s);
            match self.event {
                Event::Read => self.start(spec, pace, book),
                Event::End => self.finish(spec, book),
                Event::None => {}
            }
            self.plan(spec, pace);
        }
        self.advance(to_s);
    }

    /// Moves on at constant rates.
    #[inline]
    fn advance(&mut self, to_s: f64) {
        let left = to_s - self.at_s;
        self.at_s = to_s;
        let prompt = self.rates[0] * left;
        self.head_done += prompt;
        self.waiting_tokens -= prompt;
        self.prompt_tokens += prompt;
        self.iterations += self.rates[1] * left;
        self.tokens += self.rates[2] * left;
        let n = self.running.len() as f64;
        let decode_s = (1.0 - self.share) * left * n.min(1.0);
        self.spent[0] += self.share * left;
        self.spent[1] += decode_s;
        self.spent[2] += decode_s * n;
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
        self.until.push(until);
        self.running.push(Running { request, start_s: self.at_s, prompt });
    }

    /// The shortest answers in the batch have ended.
    fn finish(&mut self, spec: &ServingSpec, book: &mut Book<'_>) {
        self.iterations = self.first_until;
        let (at_s, limit) = (self.at_s, self.first_until + 1e-9);
        let mut k = 0;
        while let Some(next) = self.until[k..].iter().position(|until| *until <= limit) {
            k += next;
            self.until.swap_remove(k);
            let one = self.running.swap_remove(k);
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
        let least = |least: f64, &until: &f64| if until < least { until } else { least };
        self.first_until = self.until.iter().fold(f64::INFINITY, least);
    }

    /// Takes what it did since the last call: times (see `spent`), prompt tokens and tokens.
    pub(super) fn take(&mut self) -> ([f64; 3], f64, f64) {
        let out = (self.spent, self.prompt_tokens, self.tokens);
        (self.spent, self.prompt_tokens, self.tokens) = ([0.0; 3], 0.0, 0.0);
        out
    }
}
