//! The work of a factory as data: what a scenario file's `[work]` table says.
//!
//! Responsible for: plain descriptions of jobs, their defaults, what is allowed, and the job each one makes.
//! Not for: reading files.

use super::burn::BurnSpec;
use super::requests::{Bursty, DiurnalSpec, Request, RequestSource};
use super::schedule::{JobPlan, Placement};
use super::serving::ServingSpec;
use super::training::{TrainingSpec, Use};
use super::{GPUS_PER_NODE, Task};
use crate::rng::Rng;

/// What a job of a template does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TaskKind {
    /// Synchronous training.
    #[default]
    Training,
    /// Serving of requests.
    Serving,
    /// A square wave of load.
    Burn,
}

impl TaskKind {
    /// The kind of a name: `training`, `serving` or `burn`.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "training" => Some(Self::Training),
            "serving" => Some(Self::Serving),
            "burn" => Some(Self::Burn),
            _ => None,
        }
    }
}

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rhythm {
    /// With the hour and the day of the week, and slow bursts.
    #[default]
    Diurnal,
    /// At a constant mean rate.
    Poisson,
    /// Ten times the rate for 20 s, every two minutes.
    Bursty,
}

impl Rhythm {
    /// The rhythm of a name: `diurnal`, `poisson` or `bursty`.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "diurnal" => Some(Self::Diurnal),
            "poisson" => Some(Self::Poisson),
            "bursty" => Some(Self::Bursty),
            _ => None,
        }
    }
}

/// Jobs of one sort.
#[derive(Debug, Clone, PartialEq)]
pub struct JobTemplate {
    /// Name; jobs of a stream get a number behind it.
    pub name: String,
    /// What they do.
    pub kind: TaskKind,
    /// GPUs of a job: fewer than eight, or whole nodes of eight.
    pub gpus: usize,
    /// When the job comes \[s after the origin\]; 0 is there from the start.
    pub arrival_s: f64,
    /// Mean arrivals of a stream of such jobs \[1/h\]; 0 for a single one.
    pub arrivals_per_h: f64,
    /// How long a job runs \[s\]; 0 for ever. The median, where durations spread.
    pub duration_s: f64,
    /// Log-deviation of durations.
    pub duration_spread: f64,
    /// Useful tokens after which a job ends; 0 for no limit.
    pub tokens: f64,
    /// Higher goes first.
    pub priority: i32,
    /// Parameters of the model \[10^9\]; 0 for the usual one.
    pub params_b: f64,
    /// Training: seconds between checkpoints; 0 for the usual ones.
    pub checkpoint_every_s: f64,
    /// Training: mean GPU hours between failures; 0 for none.
    pub failure_gpu_h: f64,
    /// Serving: GPUs of a replica.
    pub gpus_per_replica: usize,
    /// Serving: mean offered load, replica-seconds of single requests per replica-second.
    pub load: f64,
    /// Serving: how requests come.
    pub rhythm: Rhythm,
    /// Serving: requests to replay instead, sorted by arrival.
    pub trace: Option<Vec<Request>>,
    /// Burn: period \[s\].
    pub period_s: f64,
    /// Burn: share of the period that is high.
    pub duty: f64,
    /// Burn: compute activity of the high and of the low part, 0 to 1.
    pub levels: [f64; 2],
}

impl Default for JobTemplate {
    /// A training job of one node that is always there.
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: TaskKind::Training,
            gpus: GPUS_PER_NODE,
            arrival_s: 0.0,
            arrivals_per_h: 0.0,
            duration_s: 0.0,
            duration_spread: 0.0,
            tokens: 0.0,
            priority: 0,
            params_b: 0.0,
            checkpoint_every_s: 0.0,
            failure_gpu_h: 0.0,
            gpus_per_replica: GPUS_PER_NODE,
            load: 0.5,
            rhythm: Rhythm::Diurnal,
            trace: None,
            period_s: 20.0,
            duty: 0.5,
            levels: [0.62, 0.0],
        }
    }
}

/// The work of a factory.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkSpec {
    /// What arrivals count from, on the world's clock \[s\].
    pub origin_s: f64,
    /// How jobs are laid out.
    pub placement: Placement,
    /// Nodes of a rack.
    pub nodes_per_rack: usize,
    /// Racks of a cooling loop.
    pub racks_per_cdu: usize,
    /// The jobs.
    pub jobs: Vec<JobTemplate>,
}

impl Default for WorkSpec {
    fn default() -> Self {
        Self {
            origin_s: 0.0,
            placement: Placement::Packed,
            nodes_per_rack: 4,
            racks_per_cdu: 4,
            jobs: Vec::new(),
        }
    }
}

impl WorkSpec {
    /// Checks everything against a fleet.
    ///
    /// # Errors
    /// Every mistake, one sentence each.
    pub fn check(&self, gpus: usize) -> Result<(), Vec<String>> {
        let mut wrong = Vec::new();
        if self.nodes_per_rack == 0 || self.racks_per_cdu == 0 {
            wrong.push("nodes_per_rack and racks_per_cdu must be at least 1".to_owned());
        }
        if !self.origin_s.is_finite() {
            wrong.push("origin_s must be a number".to_owned());
        }
        for (k, job) in self.jobs.iter().enumerate() {
            job.check(gpus, &mut wrong);
            if self.jobs[..k].iter().any(|other| other.name == job.name) {
                wrong.push(format!("two jobs are named '{}'", job.name));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

impl JobTemplate {
    fn check(&self, gpus: usize, wrong: &mut Vec<String>) {
        let name = &self.name;
        let mut must = |holds: bool, what: &str| {
            if !holds {
                wrong.push(format!("job '{name}': {what}"));
            }
        };
        let number = |x: f64| x.is_finite() && x >= 0.0;
        must(!name.is_empty(), "a job needs a name");
        must(self.gpus > 0 && self.gpus <= gpus, &format!("gpus must be between 1 and {gpus}"));
        must(
            self.gpus < GPUS_PER_NODE || self.gpus.is_multiple_of(GPUS_PER_NODE),
            "gpus must be fewer than 8 or a multiple of 8",
        );
        must(number(self.arrival_s), "arrival_s must not be negative");
        must(number(self.arrivals_per_h), "arrivals_per_h must not be negative");
        must(number(self.duration_s), "duration_s must not be negative");
        must(number(self.duration_spread) && self.duration_spread <= 3.0, "duration_spread must be 0 to 3");
        must(number(self.tokens), "tokens must not be negative");
        must(number(self.params_b) && self.params_b <= 1e5, "params_b must be 0 to 100000");
        must(
            self.arrivals_per_h == 0.0 || self.duration_s > 0.0 || self.tokens > 0.0,
            "jobs of a stream must end: give duration_s or tokens",
        );
        match self.kind {
            TaskKind::Training => {
                must(number(self.checkpoint_every_s), "checkpoint_every_s must not be negative");
                must(number(self.failure_gpu_h), "failure_gpu_h must not be negative");
            }
            TaskKind::Serving => {
                let per = self.gpus_per_replica;
                let fits =
                    per > 0 && (GPUS_PER_NODE.is_multiple_of(per) || per.is_multiple_of(GPUS_PER_NODE));
                must(
                    fits && self.gpus.is_multiple_of(per),
                    "gpus_per_replica must be 1, 2, 4 or a multiple of 8, and divide gpus",
                );
                must(number(self.load), "load must not be negative");
                must(self.trace.as_ref().is_none_or(|t| !t.is_empty()), "the trace has no requests");
            }
            TaskKind::Burn => {
                must(number(self.period_s) && self.period_s >= 0.01, "period_s must be at least 0.01");
                must((0.0..=1.0).contains(&self.duty), "duty must be 0 to 1");
                must(self.levels.iter().all(|l| (0.0..=1.0).contains(l)), "levels must be 0 to 1");
            }
        }
    }

    /// A job of this template.
    pub(super) fn plan(&self, name: String, arrival_s: f64, rng: &mut Rng) -> JobPlan {
        let spread = (self.duration_spread * rng.normal()).exp();
        let or_never = |x: f64| if x > 0.0 { x } else { f64::INFINITY };
        JobPlan {
            name,
            gpus: self.gpus,
            task: self.task(rng.next_u64()),
            arrival_s,
            duration_s: or_never(self.duration_s * spread),
            tokens: or_never(self.tokens),
            priority: self.priority,
        }
    }

    fn task(&self, seed: u64) -> Task {
        match self.kind {
            TaskKind::Training => {
                let sized = self.params_b > 0.0;
                let base =
                    if sized { TrainingSpec::of_model(self.params_b) } else { TrainingSpec::default() };
                let or = |x: f64, usual: f64| if x > 0.0 { x } else { usual };
                Task::Training(TrainingSpec {
                    checkpoint_every_s: or(self.checkpoint_every_s, base.checkpoint_every_s),
                    failure_gpu_h: or(self.failure_gpu_h, base.failure_gpu_h),
                    ..base
                })
            }
            TaskKind::Serving => {
                let params_b = if self.params_b > 0.0 { self.params_b } else { 405.0 };
                let spec = ServingSpec::of_model(params_b, self.gpus_per_replica);
                let data = match self.rhythm {
                    Rhythm::Diurnal => DiurnalSpec::default(),
                    Rhythm::Poisson => DiurnalSpec::poisson(),
                    Rhythm::Bursty => DiurnalSpec::bursty(Bursty::default()),
                };
                let replay = self.trace.clone().and_then(RequestSource::trace);
                let source = replay.unwrap_or_else(|| RequestSource::diurnal(data, seed));
                Task::Serving(spec, source.scaled_to(self.load, self.gpus / self.gpus_per_replica, &spec))
            }
            TaskKind::Burn => {
                let [high, low] = self.levels.map(|level| level as f32);
                // Dense products keep their operands in caches: bandwidth is some of what compute is.
                let of = |compute: f32| Use { compute, memory: 0.8 * compute };
                let (period_s, duty) = (self.period_s, self.duty);
                Task::Burn(BurnSpec { period_s, duty, phase_s: 0.0, high: of(high), low: of(low) })
            }
        }
    }
}
