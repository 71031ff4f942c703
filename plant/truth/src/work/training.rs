//! A synchronous training job.
//!
//! Responsible for: its phases (compute, communicate, checkpoint, restart), its pace, and the tokens it learns.
//! Not for: which GPUs it has (see `Workload`).
//!
//! ```text
//! compute -> communicate -> compute -> ...     one iteration, some seconds
//!    every 20 min: -> checkpoint (30 s at low power) -> compute
//!    a GPU is lost: stalled; when it is back: -> restart (reload) -> compute, work since the checkpoint is redone
//! pace(f) = 1 / ((1 - m)/f + m)                f clock over maximum, m the part that memory limits
//! ```
//! All GPUs wait for the slowest, so the job runs at pace(min f). A faster GPU computes for pace(min f)/pace(f) of
//! the phase and spins for the rest.
//!
//! Sources: 8xH100 training logs (checkpoint and communication 131 to 160 W, compute 532 to 570 W per GPU); Zeus
//! (NSDI 2023) for the small memory-bound part; arXiv 2508.14318 for swings at 0.2 to 3 Hz.

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
    left_s: f64,
    since_checkpoint_s: f64,
    since_checkpoint_tokens: f64,
    stalled: bool,
}

impl Training {
    /// A job somewhere between two checkpoints.
    #[must_use]
    pub fn new(spec: TrainingSpec, rng: &mut Rng) -> Self {
        Self {
            spec,
            active: true,
            phase: Phase::Compute,
            lost_tokens: 0.0,
            left_s: spec.compute_s * rng.uniform(),
            since_checkpoint_s: spec.checkpoint_every_s * rng.uniform(),
            since_checkpoint_tokens: 0.0,
            stalled: false,
        }
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
        let (mut left, mut computed) = (dt_s, 0.0);
        let mut spent = [0.0; 4];
        while left > 1e-9 {
            let speed = match self.phase {
                Phase::Compute => pace,
                Phase::Communicate => link.max(1e-3),
                Phase::Checkpoint | Phase::Restart => 1.0,
            };
            let time = left.min(self.left_s / speed);
            spent[self.phase as usize] += time;
            computed += if self.phase == Phase::Compute { time * speed } else { 0.0 };
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
        let per_computed = self.spec.tokens_per_gpu_s * (1.0 + self.spec.communicate_s / self.spec.compute_s);
        let tokens = computed * per_computed * gpus as f64;
        self.since_checkpoint_tokens += tokens;
        (shares, tokens)
    }

    fn next_phase(&mut self) {
        (self.phase, self.left_s) = match self.phase {
            Phase::Compute => (Phase::Communicate, self.spec.communicate_s),
            Phase::Communicate if self.since_checkpoint_s >= self.spec.checkpoint_every_s => {
                (Phase::Checkpoint, self.spec.checkpoint_s)
            }
            Phase::Checkpoint => {
                (self.since_checkpoint_s, self.since_checkpoint_tokens) = (0.0, 0.0);
                (Phase::Compute, self.spec.compute_s)
            }
            Phase::Communicate | Phase::Restart => (Phase::Compute, self.spec.compute_s),
        };
    }

    fn restart(&mut self) {
        self.stalled = false;
        self.lost_tokens += self.since_checkpoint_tokens;
        (self.since_checkpoint_s, self.since_checkpoint_tokens) = (0.0, 0.0);
        (self.phase, self.left_s) = (Phase::Restart, self.spec.restart_s);
    }

    /// Use of one GPU over a step.
    #[inline]
    pub(super) fn gpu_use(&self, shares: &Shares, clock: f32) -> Use {
        if shares.compute + shares.communicate + shares.save <= 0.0 {
            return Use { compute: 0.0, memory: 0.0 };
        }
        let m = self.spec.memory_bound as f32;
        let own = if clock > 0.0 { clock / ((1.0 - m) + m * clock) } else { 1.0 };
        let busy = (shares.pace / own).min(1.0) * shares.compute;
        let spin = shares.compute - busy;
        let s = &self.spec;
        let of = |get: fn(&Use) -> f32| {
            busy * get(&s.computing)
                + spin * get(&s.waiting)
                + shares.communicate * get(&s.communicating)
                + shares.save * get(&s.saving)
        };
        // Bandwidth while computing follows the pace; switching power already follows the clock.
        let memory = of(|u| u.memory) - busy * s.computing.memory * (1.0 - shares.pace);
        Use { compute: of(|u| u.compute), memory }
    }

    /// Traffic of a node over a step.
    pub(super) fn traffic(&self, shares: &Shares) -> f32 {
        shares.compute * self.spec.traffic[0] + shares.communicate * self.spec.traffic[1]
    }
}
