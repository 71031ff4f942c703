//! A serving job: replicas that answer requests.
//!
//! Responsible for: queueing, prefill, batched decode, token counters and latency of replicas of some GPUs each.
//! Not for: when requests come (see `requests`).
//!
//! Per replica and step, with f the slowest clock over maximum:
//!
//! ```text
//! prefill   tokens/s = R f                           compute-bound, first come first served, before decode
//! decode    t_iter = (t0 + t1 batch) f^-0.2          memory-bound; every running request gains a token per t_iter
//! ```
//! Prefill takes at most a share of a step while others decode (chunked prefill). A request starts when a slot is free.
//! Power follows from the time in each part. Tokens follow the arrivals unless a replica is saturated.
//!
//! Sources: H100 and H200 decode power 137 to 300 W and its indifference to clock (arXiv 2501.08219, H200 decode
//! study); prefill bursts of H100 serving logs; step times of a 405-billion-parameter model in FP8 on eight H100
//! (weights read once per token: 405 GB over 8 x 3.35 TB/s is 15 ms, plus attention and collectives).

use std::collections::VecDeque;

use super::requests::Request;
use super::training::Use;

/// A served model on a replica, as data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServingSpec {
    /// GPUs of a replica.
    pub gpus_per_replica: usize,
    /// Prefill speed at full clock \[tokens/s\].
    pub prefill_tokens_per_s: f64,
    /// Decode iteration with an empty batch, at full clock \[s\].
    pub iteration_s: f64,
    /// Growth of an iteration per running request \[s\].
    pub iteration_per_request_s: f64,
    /// Exponent of decode speed on clock.
    pub decode_exponent: f64,
    /// Requests that decode together.
    pub max_batch: usize,
    /// Requests that may wait at a replica; more are refused.
    pub max_waiting: usize,
    /// Largest share of a step that prefill may take from decode.
    pub prefill_share: f64,
    /// GPU use in prefill.
    pub prefilling: Use,
    /// GPU use in decode with an empty batch; compute grows by `batch_compute` to a full one.
    pub decoding: Use,
    /// Growth of compute activity from an empty to a full batch.
    pub batch_compute: f32,
}

impl Default for ServingSpec {
    /// A dense 405-billion-parameter model in FP8.
    fn default() -> Self {
        Self {
            gpus_per_replica: 8,
            prefill_tokens_per_s: 6000.0,
            iteration_s: 0.024,
            iteration_per_request_s: 0.000_25,
            decode_exponent: 0.2,
            max_batch: 64,
            max_waiting: 256,
            prefill_share: 0.7,
            prefilling: Use { compute: 0.72, memory: 0.35 },
            decoding: Use { compute: 0.10, memory: 0.70 },
            batch_compute: 0.20,
        }
    }
}

impl ServingSpec {
    /// Replica seconds a request takes when it is alone and clocks are up: the measure of offered load. Below about
    /// 0.9 of it per replica, requests mostly find an idle replica, so offered load is also the share of time in which
    /// replicas are busy (what a utilisation counter shows). Beyond 1, batching absorbs many times more before queues
    /// grow.
    #[must_use]
    pub fn cost_s(&self, request: &Request) -> f64 {
        let token_s = self.iteration_s + self.iteration_per_request_s;
        f64::from(request.input_tokens) / self.prefill_tokens_per_s
            + f64::from(request.output_tokens) * token_s
    }
}

/// A request that decodes. It is done when the replica's iteration counter reaches `until`.
#[derive(Debug, Clone, Copy)]
struct Running {
    request: Request,
    until: f64,
}

/// Totals of a serving job.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ServingTotals {
    /// Prompt tokens read.
    pub prompt_tokens: f64,
    /// Tokens generated.
    pub generation_tokens: f64,
    /// Requests that arrived.
    pub arrived: u64,
    /// Requests answered to the end.
    pub completed: u64,
    /// Requests refused because queues were full.
    pub refused: u64,
    /// Requests that got a first token.
    pub started: u64,
    /// Sum of their times to the first token \[s\].
    pub first_token_s: f64,
    /// Replica seconds with work in them.
    pub busy_s: f64,
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
    last_until: f64,
    /// (clock, clock^-exponent) of the last step: powf only when the clock moves.
    slowdown: (f64, f64),
}

impl Replica {
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    /// How long a new request would wait, roughly \[tokens of prefill\].
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

    /// One step at a clock over maximum. Gives the use of each of its GPUs.
    pub(super) fn advance(
        &mut self,
        spec: &ServingSpec,
        dt_s: f64,
        now_s: f64,
        clock: f64,
        totals: &mut ServingTotals,
    ) -> Use {
        if self.waiting.is_empty() && self.running.is_empty() {
            return Use { compute: 0.0, memory: 0.0 };
        }
        let fresh = self.running.is_empty();
        let (prefill_s, end_s) = self.prefill(spec, dt_s, now_s, clock, totals);
        if (clock - self.slowdown.0).abs() > 1e-6 {
            self.slowdown = (clock, clock.powf(-spec.decode_exponent));
        }
        let batch = self.running.len() as f64;
        // A batch that was empty cannot decode before its first prompt is read.
        let left_s = if fresh { dt_s - end_s } else { dt_s - prefill_s };
        let decode_s = self.decode(spec, left_s.max(0.0), totals);
        totals.busy_s += prefill_s + decode_s;
        let (p, d) = ((prefill_s / dt_s) as f32, (decode_s / dt_s) as f32);
        let full = (batch / spec.max_batch.max(1) as f64) as f32;
        // Bandwidth is what the speed makes of it.
        let decode_memory = spec.decoding.memory / self.slowdown.1 as f32;
        Use {
            compute: p * spec.prefilling.compute + d * (spec.decoding.compute + spec.batch_compute * full),
            memory: p * spec.prefilling.memory * clock as f32 + d * decode_memory,
        }
    }

    /// Reads prompts, none before it arrives; gives the time spent and when the last one ended.
    fn prefill(
        &mut self,
        spec: &ServingSpec,
        dt_s: f64,
        now_s: f64,
        clock: f64,
        totals: &mut ServingTotals,
    ) -> (f64, f64) {
        let speed = spec.prefill_tokens_per_s * clock;
        let (mut spent, mut at) = (0.0, 0.0f64);
        while let Some(head) = self.waiting.front().copied() {
            let share = if self.running.is_empty() { 1.0 } else { spec.prefill_share };
            let begin = at.max(head.arrival_s - now_s);
            let budget = (dt_s * share - spent).min(dt_s - begin);
            if budget <= 1e-9 || self.running.len() >= spec.max_batch {
                break;
            }
            let need = f64::from(head.input_tokens) - self.head_done;
            let read = need.min(budget * speed);
            spent += read / speed;
            at = begin + read / speed;
            totals.prompt_tokens += read;
            self.waiting_tokens -= read;
            if read < need {
                self.head_done += read;
                break;
            }
            self.head_done = 0.0;
            self.waiting.pop_front();
            totals.started += 1;
            totals.first_token_s += (now_s + at - head.arrival_s).max(0.0) + spec.iteration_s;
            let until = self.iterations + f64::from(head.output_tokens.max(1));
            if self.running.is_empty() {
                (self.first_until, self.last_until) = (until, until);
            }
            self.first_until = self.first_until.min(until);
            self.last_until = self.last_until.max(until);
            self.running.push(Running { request: head, until });
        }
        (spent, at)
    }

    /// Generates tokens for at most `left_s`; gives the time used.
    fn decode(&mut self, spec: &ServingSpec, left_s: f64, totals: &mut ServingTotals) -> f64 {
        if self.running.is_empty() {
            return 0.0;
        }
        let batch = self.running.len() as f64;
        let iteration_s = (spec.iteration_s + spec.iteration_per_request_s * batch) * self.slowdown.1;
        let count = (left_s / iteration_s).min(self.last_until - self.iterations);
        self.iterations += count;
        let mut tokens = batch * count;
        if self.first_until <= self.iterations + 1e-9 {
            let now = self.iterations;
            let before = self.running.len();
            let mut first = f64::INFINITY;
            self.running.retain(|running| {
                let over = now - running.until;
                if over >= -1e-9 {
                    tokens -= over;
                    return false;
                }
                first = first.min(running.until);
                true
            });
            self.first_until = first;
            totals.completed += (before - self.running.len()) as u64;
        }
        totals.generation_tokens += tokens;
        count * iteration_s
    }
}
