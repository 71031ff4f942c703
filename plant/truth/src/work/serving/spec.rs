//! A served model, as data.
//!
//! Responsible for: what a replica does per second at a clock, and what that asks of its GPUs.
//! Not for: queues (see `replica`).
//!
//! Per replica, with f the slowest clock over maximum and b the running requests over the largest batch:
//!
//! ```text
//! prefill   tokens/s = R g(f) h                          compute-bound
//! decode    t_iter = (t0 + t1 n) (1 + (c0 + c1 b) (1/f - 1)) / h     mostly memory-bound
//! g(f) = f / ((1 - m) + m f)
//! h = 1 - loss clamp((from - f)/(from - full), 0, 1)     only while a power cap holds the clock
//! ```
//! h: below the voltage floor a cap can only be held by gating clocks in bursts, and layers that are spread over GPUs
//! wait for whichever is gated; a clock that is locked runs evenly and loses nothing beyond f.
//!
//! Sources: speed against cap of llama.cpp on six RTX 3090 (prefill 0.86 -> 0.94, 0.71 -> 0.85, 0.57 -> 0.60, 0.43 ->
//! 0.26, 0.29 -> 0.14; decode 0.99, 0.97, 0.94, 0.86, 0.17), the shape that `from`, `full`, `loss` and the shares are
//! fitted to (all within 5 points on our H100, but decode at 0.29, where 200 W still pay for HBM and a low clock); H100 and H200 decode power 137 to 300 W and +1 to 6 % latency at the lowest clock for small batches
//! (arXiv 2501.08219, H200 decode study); step times of a 405-billion-parameter model in FP8 on eight H100 (weights read
//! once per token: 405 GB over 8 x 3.35 TB/s is 15 ms, plus attention and collectives).

use super::super::latency::Slo;
use super::super::requests::Request;
use super::super::training::Use;

/// Speed that a power cap costs beyond the clock it leaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CapLoss {
    /// Clock over maximum below which it begins.
    pub from: f64,
    /// Clock over maximum at which it is full.
    pub full: f64,
    /// Full loss, as a share of speed.
    pub loss: f64,
}

impl CapLoss {
    /// Share of speed left at a clock over maximum while a cap holds it for a share `held` of the time.
    #[must_use]
    pub fn left(&self, clock: f64, held: f64) -> f64 {
        let depth = ((self.from - clock) / (self.from - self.full).max(1e-9)).clamp(0.0, 1.0);
        1.0 - self.loss * depth * held
    }
}

/// A served model on a replica, as data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServingSpec {
    /// GPUs of a replica.
    pub gpus_per_replica: usize,
    /// Prefill speed at full clock \[tokens/s\].
    pub prefill_tokens_per_s: f64,
    /// Part of the prefill time that does not follow the clock.
    pub prefill_memory_bound: f64,
    /// Decode iteration with an empty batch, at full clock \[s\].
    pub iteration_s: f64,
    /// Growth of an iteration per running request \[s\].
    pub iteration_per_request_s: f64,
    /// Part of an iteration that follows the clock: with an empty batch, and its growth to a full one.
    pub decode_compute: [f64; 2],
    /// What power caps cost.
    pub cap_loss: CapLoss,
    /// Requests that decode together.
    pub max_batch: usize,
    /// Requests that may wait at a replica; more are refused.
    pub max_waiting: usize,
    /// Share of time that prefill takes from decode while there is both (chunked prefill).
    pub prefill_share: f64,
    /// GPU use in prefill.
    pub prefilling: Use,
    /// GPU use in decode with an empty batch.
    pub decoding: Use,
    /// Growth of that use from an empty to a full batch.
    pub batch: Use,
    /// Bytes per prompt token that cross the node's links before the first token, and the rate of healthy links
    /// \[byte/s\]: keys and values of a prompt that was read on another node.
    pub transfer: [f64; 2],
    /// What users expect.
    pub slo: Slo,
}

impl Default for ServingSpec {
    /// A dense 405-billion-parameter model in FP8; 126 layers of 8 key-value heads of 128 are 258 kB per token; eight
    /// links of 400 Gb/s.
    fn default() -> Self {
        Self {
            gpus_per_replica: 8,
            prefill_tokens_per_s: 6000.0,
            prefill_memory_bound: 0.15,
            iteration_s: 0.024,
            iteration_per_request_s: 0.000_25,
            decode_compute: [0.08, 0.22],
            cap_loss: CapLoss { from: 0.80, full: 0.60, loss: 0.60 },
            max_batch: 64,
            max_waiting: 256,
            prefill_share: 0.7,
            prefilling: Use { compute: 0.85, memory: 0.70 },
            decoding: Use { compute: 0.10, memory: 0.70 },
            batch: Use { compute: 0.22, memory: 0.25 },
            transfer: [258e3, 400e9],
            slo: Slo::LARGE_MODEL,
        }
    }
}

impl ServingSpec {
    /// A dense model of some billion parameters in FP8 on replicas of `gpus` GPUs, scaled from the default: prefill by
    /// arithmetic, the reading of weights by bandwidth, and 9 ms of an iteration by nothing.
    #[must_use]
    pub fn of_model(params_b: f64, gpus: usize) -> Self {
        let base = Self::default();
        let size = params_b / 405.0 * 8.0 / gpus.max(1) as f64;
        Self {
            gpus_per_replica: gpus,
            prefill_tokens_per_s: base.prefill_tokens_per_s / size,
            iteration_s: 0.009 * gpus.max(1) as f64 / 8.0 + 0.015 * size,
            iteration_per_request_s: base.iteration_per_request_s * size.max(0.05),
            transfer: [base.transfer[0] * (params_b / 405.0).powf(0.6), 50e9 * gpus.max(1) as f64],
            slo: if params_b > 150.0 { Slo::LARGE_MODEL } else { Slo::MEDIUM_MODEL },
            ..base
        }
    }

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

    /// Speeds of a replica at a clock over maximum that a cap holds for a share `held` of the time, over links of
    /// speed `link` (1 is healthy).
    #[must_use]
    pub(super) fn pace(&self, clock: f64, held: f64, link: f64) -> Pace {
        let left = self.cap_loss.left(clock, held);
        let m = self.prefill_memory_bound;
        let drag = 1.0 / clock.max(1e-3) - 1.0;
        let per_request = 1.0 / self.max_batch.max(1) as f64;
        Pace {
            clock,
            prefill: self.prefill_tokens_per_s * left * clock / ((1.0 - m) + m * clock),
            drag: [
                (1.0 + self.decode_compute[0] * drag) / left,
                self.decode_compute[1] * drag * per_request / left,
            ],
            transfer_s: self.transfer[0] / (self.transfer[1] * link.max(1e-3)),
        }
    }
}

/// Speeds of a replica at present.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    pub clock: f64,
    /// Prefill \[tokens/s\].
    pub prefill: f64,
    /// Factor on decode iterations: constant, and per running request.
    pub drag: [f64; 2],
    /// Transfer time of a prompt token \[s\].
    pub transfer_s: f64,
}

impl Pace {
    /// Time of a decode iteration of `n` requests \[s\].
    #[inline]
    pub(super) fn iteration_s(&self, spec: &ServingSpec, n: f64) -> f64 {
        (spec.iteration_s + spec.iteration_per_request_s * n) * (self.drag[0] + self.drag[1] * n)
    }
}
