//! A synchronous training job.
//!
//! Responsible for: its phases (compute, communicate, checkpoint, restart), its pace, and the tokens it learns.
//! Not for: which GPUs it has (see `Workload`).
//!
//! ```text
//! compute -> communicate -> compute -> ...     one iteration, some seconds
//!    every 20 min: -> checkpoint (30 s at low power) -> compute
//!    a GPU is lost: stalled; when it is back: -> restart (reload) -> compute, work since the checkpoint is redone
//!    a process fails (at random, or told to): -> restart
//! pace(f) = 1 / ((1 - m)/f + m)                f clock over maximum, m the part that memory limits
//! ```
//! All GPUs wait for the slowest, so the job runs at pace(min f). A faster GPU computes for pace(min f)/pace(f) of
//! the phase and spins for the rest. Gradients go over the fabric: communication takes 1/link times as long. Goodput is
//! what a restart does not throw away: tokens less lost tokens.
//!
//! Sources: 8xH100 training logs (checkpoint and communication 131 to 160 W, compute 532 to 570 W per GPU); Zeus
//! (NSDI 2023) for the small memory-bound part; arXiv 2508.14318 for swings at 0.2 to 3 Hz; 419 unplanned stops of
//! 16,384 H100 in 54 days (Llama 3, arXiv 2407.21783): one in 50,000 GPU hours.

use crate::rng::Rng;

/// Activity of a GPU: compute and memory, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Use {
    /// Compute activity.
    pub compute: f32,
    /// HBM bandwidth.
    pub memory: f32,
}

/// A training job, as data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingSpec {
    /// Compute part of an iteration at full clock \[s\].
    pub compute_s: f64,
    /// Exposed communication of an iteration on healthy links \[s\].
    pub communicate_s: f64,
    /// Time between checkpoints \[s\].
    pub checkpoint_every_s: f64,
    /// Time a checkpoint takes \[s\].
    pub checkpoint_s: f64,
    /// Time to reload after a stall \[s\].
    pub restart_s: f64,
    /// Mean GPU hours between failures that stop the job; infinite for none.
    pub failure_gpu_h: f64,
    /// Part of the compute time that does not follow the clock.
    pub memory_bound: f64,
    /// Tokens per GPU and second at full clock.
    pub tokens_per_gpu_s: f64,
    /// GPU use while computing.
    pub computing: Use,
    /// GPU use while communicating.
    pub communicating: Use,
    /// GPU use while waiting for a slower peer.
    pub waiting: Use,
    /// GPU use during checkpoint and restart.
    pub saving: Use,
    /// Traffic while computing and while communicating, 0 to 1 of line rate.
    pub traffic: [f32; 2],
}

impl Default for TrainingSpec {
    /// A 70-billion-parameter model at about 40 % of peak.
    fn default() -> Self {
        Self {
            compute_s: 3.4,
            communicate_s: 0.7,
            checkpoint_every_s: 1200.0,
            checkpoint_s: 30.0,
            restart_s: 90.0,
            failure_gpu_h: f64::INFINITY,
            memory_bound: 0.10,
            tokens_per_gpu_s: 900.0,
            computing: Use { compute: 0.62, memory: 0.50 },
            communicating: Use { compute: 0.03, memory: 0.15 },
            waiting: Use { compute: 0.03, memory: 0.02 },
            saving: Use { compute: 0.02, memory: 0.08 },
            traffic: [0.12, 0.85],
        }
    }
}

impl TrainingSpec {
    /// Mean GPU hours between stops of a large H100 job (Llama 3).
    pub const FIELD_FAILURE_GPU_H: f64 = 50_000.0;

    /// A dense model of some billion parameters, scaled from the default: six floating point operations per parameter
    /// and token, a step of the same tokens per parameter, and a checkpoint as long as the model is large.
    #[must_use]
    pub fn of_model(params_b: f64) -> Self {
        let base = Self::default();
        let size = (params_b / 70.0).max(1e-3);
        let longer = size.powf(0.3);
        Self {
            compute_s: base.compute_s * longer,
            communicate_s: base.communicate_s * longer,
            checkpoint_s: (base.checkpoint_s * size).clamp(2.0, 180.0),
            restart_s: 60.0 + base.checkpoint_s * size.clamp(0.1, 6.0),
            tokens_per_gpu_s: base.tokens_per_gpu_s / size,
            ..base
        }
    }
}

/// What a job is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Forward and backward passes.
    Compute,
    /// Collectives that computing does not hide.
    Communicate,
    /// Writing the model.
    Checkpoint,
    /// Reading it again.
    Restart,
}

/// Time a step spent in each phase, as fractions; they add up to 1 unless the job stands.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Shares {
    pub compute: f32,
    pub communicate: f32,
    pub save: f32,
    pub pace: f32,
    pub link: f32,
}

/// A running training job.
#[derive(Debug, Clone)]
pub struct Training {
    /// Its data.
    pub spec: TrainingSpec,
    /// Scheduled to run. An inactive job holds its GPUs and does nothing.
    pub active: bool,
    /// Phase it is in.
    pub phase: Phase,
    /// Work thrown away by restarts \[tokens\].
    pub lost_tokens: f64,
    /// Restarts so far.
    pub restarts: u64,
    /// Checkpoints written so far.
    pub checkpoints: u64,
    left_s: f64,
    since_checkpoint_s: f64,
    since_checkpoint_tokens: f64,
    stalled: bool,
    failures: Rng,
    /// GPU seconds to the next failure.
    failure_gpu_s: f64,
}

impl Training {
    /// A job somewhere between two checkpoints.
    #[must_use]
    pub fn new(spec: TrainingSpec, rng: &mut Rng) -> Self {
        let left_s = spec.compute_s * rng.uniform();
        // Failures have their own draws, so that they move nothing else.
        let mut failures = Rng::stream(left_s.to_bits(), 0x6661_696c);
        Self {
            spec,
            active: true,
            phase: Phase::Compute,
            lost_tokens: 0.0,
            restarts: 0,
            checkpoints: 0,
            left_s,
            since_checkpoint_s: spec.checkpoint_every_s * rng.uniform(),
            since_checkpoint_tokens: 0.0,
            stalled: false,
            failure_gpu_s: failures.exponential(spec.failure_gpu_h * 3600.0),
            failures,
        }
    }

    /// Stops the job as a failed process does: it reloads its last checkpoint.
    pub fn fail(&mut self) {
        self.restart();
    }

    /// Pace at a clock over maximum.
    #[must_use]
    pub fn pace(&self, clock: f64) -> f64 {
        let m = self.spec.memory_bound;
        if clock > 0.0 { clock / ((1.0 - m) + m * clock) } else { 0.0 }
    }

    /// Runs the job for a step. `slowest` is the lowest clock over maximum (0: a GPU is missing), `link` the speed of
    /// its slowest link (1 is healthy). Gives the time shares and the tokens learnt.
    pub(super) fn advance(&mut self, dt_s: f64, slowest: f64, link: f64, gpus: usize) -> (Shares, f64) {
        let pace = self.pace(slowest);
        let mut shares = Shares { pace: pace as f32, ..Shares::default() };
        if !self.active {
            return (shares, 0.0);
        }
        if pace <= 0.0 {
            self.stalled = true;
            return (shares, 0.0);
        }
        if self.stalled {
            self.restart();
        }
        if self.fails(dt_s, gpus) {
            self.restart();
        }
        let (mut left, mut tokens) = (dt_s, 0.0);
        let per_computed =
            self.spec.tokens_per_gpu_s * (1.0 + self.spec.communicate_s / self.spec.compute_s) * gpus as f64;
        let mut spent = [0.0; 4];
        while left > 1e-9 {
            let speed = match self.phase {
                Phase::Compute => pace,
                Phase::Communicate => link.max(1e-3),
                Phase::Checkpoint | Phase::Restart => 1.0,
            };
            let time = left.min(self.left_s / speed);
            spent[self.phase as usize] += time;
            if self.phase == Phase::Compute {
                tokens += time * speed * per_computed;
                self.since_checkpoint_tokens += time * speed * per_computed;
            }
            self.since_checkpoint_s += time;
            self.left_s -= time * speed;
            left -= time;
            if self.left_s <= 1e-9 {
                self.next_phase();
            }
        }
        let per_dt = 1.0 / dt_s;
        shares.compute = (spent[0] * per_dt) as f32;
        shares.communicate = (spent[1] * per_dt) as f32;
        shares.save = ((spent[2] + spent[3]) * per_dt) as f32;
        shares.link = link as f32;
        (shares, tokens)
    }

    /// Whether a failure falls into a step.
    fn fails(&mut self, dt_s: f64, gpus: usize) -> bool {
        if self.failure_gpu_s.is_infinite() || self.failure_gpu_s.is_nan() {
            return false;
        }
        self.failure_gpu_s -= dt_s * gpus as f64;
        let failed = self.failure_gpu_s <= 0.0;
        if failed {
            self.failure_gpu_s = self.failures.exponential(self.spec.failure_gpu_h * 3600.0);
        }
        failed
    }

    fn next_phase(&mut self) {
        (self.phase, self.left_s) = match self.phase {
            Phase::Compute => (Phase::Communicate, self.spec.communicate_s),
            Phase::Communicate if self.since_checkpoint_s >= self.spec.checkpoint_every_s => {
                (Phase::Checkpoint, self.spec.checkpoint_s)
            }
            Phase::Checkpoint => {
                self.checkpoints += 1;
                (self.since_checkpoint_s, self.since_checkpoint_tokens) = (0.0, 0.0);
                (Phase::Compute, self.spec.compute_s)
            }
            Phase::Communicate | Phase::Restart => (Phase::Compute, self.spec.compute_s),
        };
    }

    fn restart(&mut self) {
        self.stalled = false;
        self.restarts += 1;
        self.lost_tokens += self.since_checkpoint_tokens;
        (self.since_checkpoint_s, self.since_checkpoint_tokens) = (0.0, 0.0);
        (self.phase, self.left_s) = (Phase::Restart, self.spec.restart_s);
    }

    /// Use of each GPU over a step, by its own speed (clock over maximum, times the GPU's own).
    pub(super) fn uses(&self, shares: &Shares) -> Uses {
        if shares.compute + shares.communicate + shares.save <= 0.0 {
            return Uses::default();
        }
        let s = &self.spec;
        // All of the compute phase is first counted as waiting; a busy part replaces that.
        let of = |get: fn(&Use) -> f32| {
            shares.compute * get(&s.waiting)
                + shares.communicate * get(&s.communicating)
                + shares.save * get(&s.saving)
        };
        let busy = shares.compute * shares.pace;
        // Bandwidth while computing follows the pace; switching power already follows the clock.
        Uses {
            rest: Use { compute: of(|u| u.compute), memory: of(|u| u.memory) },
            computing: Use {
                compute: s.computing.compute - s.waiting.compute,
                memory: s.computing.memory * shares.pace - s.waiting.memory,
            },
            full: shares.compute,
            busy: [busy * (1.0 - s.memory_bound as f32), busy * s.memory_bound as f32],
        }
    }

    /// Traffic of a node over a step.
    pub(super) fn traffic(&self, shares: &Shares) -> f32 {
        shares.compute * self.spec.traffic[0]
            + shares.communicate * self.spec.traffic[1] * shares.link.min(1.0)
    }
}

/// Use of the GPUs of a job over a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Uses {
    rest: Use,
    computing: Use,
    full: f32,
    busy: [f32; 2],
}

impl Default for Uses {
    fn default() -> Self {
        let quiet = Use { compute: 0.0, memory: 0.0 };
        Self { rest: quiet, computing: quiet, full: 0.0, busy: [0.0; 2] }
    }
}

impl Uses {
    /// Use of a GPU of some speed: it computes for pace(slowest)/pace(own) of the phase, with
    /// 1/pace(f) = (1 - m)/f + m.
    #[inline]
    pub(super) fn at(&self, speed: f32) -> Use {
        let busy = (self.busy[0] / speed.max(1e-3) + self.busy[1]).min(self.full);
        Use {
            compute: self.rest.compute + busy * self.computing.compute,
            memory: self.rest.memory + busy * self.computing.memory,
        }
    }
}
