//! The work that runs on the GPUs.
//!
//! Responsible for: jobs over ranges of GPUs, what they make the GPUs do, the tokens they turn out and the traffic
//! they cause.
//! Not for: where heat and power go, or who decides on clocks.
//!
//! Work and clocks see each other one step late: a step reads the clocks of the last step and sets activity for the
//! next. Synchronous work (training, and the tensor-parallel GPUs of a replica) runs at the clock of its slowest GPU.

mod csv;
mod requests;
mod serving;
#[cfg(test)]
mod tests;
mod training;

use std::ops::Range;

pub use csv::{TraceError, parse_requests};
pub use requests::{Diurnal, DiurnalSpec, Request, RequestSource, Trace};
use serving::Replica;
pub use serving::{ServingSpec, ServingTotals};
pub use training::{Phase, Training, TrainingSpec, Use};

use crate::gpu::Fleet;
use crate::rng::Rng;

/// GPUs whose traffic is counted together.
const GPUS_PER_NODE: usize = 8;

/// Longest step that serving takes at once \[s\]; longer ones are split.
const SERVING_STEP_S: f64 = 1.0;

/// What a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Synchronous training.
    Training,
    /// Request serving.
    Serving,
}

/// A job to be run.
#[derive(Debug, Clone)]
pub struct JobSpec {
    /// Name.
    pub name: String,
    /// GPUs it holds.
    pub gpus: Range<usize>,
    /// What it does.
    pub task: Task,
}

/// What a job does.
#[derive(Debug, Clone)]
pub enum Task {
    /// Synchronous training.
    Training(TrainingSpec),
    /// Serving of requests from a source.
    Serving(ServingSpec, RequestSource),
}

/// What can be seen of a job.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JobStats {
    /// Useful output: tokens learnt, or tokens generated.
    pub tokens: f64,
    /// Output in the last step \[tokens/s\].
    pub tokens_per_s: f64,
    /// Mean SM clock of its GPUs in the last step \[MHz\].
    pub clock_mean_mhz: f64,
    /// Highest less lowest \[MHz\].
    pub clock_spread_mhz: f64,
    /// Standard deviation over mean.
    pub clock_cv: f64,
    /// Lowest \[MHz\].
    pub clock_min_mhz: f64,
    /// Serving: requests that wait now.
    pub waiting: usize,
    /// Serving: requests that decode now.
    pub running: usize,
    /// Serving: totals.
    pub serving: ServingTotals,
}

impl JobStats {
    /// Mean time to the first token since the start \[s\]; `None` before the first.
    #[must_use]
    pub fn first_token_mean_s(&self) -> Option<f64> {
        (self.serving.started > 0).then(|| self.serving.first_token_s / self.serving.started as f64)
    }
}

/// A job that runs.
#[derive(Debug, Clone)]
pub struct Job {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: JobKind,
    /// GPUs it holds.
    pub gpus: Range<usize>,
    /// What can be seen of it.
    pub stats: JobStats,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Training(Training),
    Serving(Box<Serving>),
}

#[derive(Debug, Clone)]
struct Serving {
    spec: ServingSpec,
    source: RequestSource,
    replicas: Vec<Replica>,
    /// Slowest clock over maximum by replica; 0 is down.
    clocks: Vec<f64>,
    uses: Vec<Use>,
    arrivals: Vec<Request>,
}

/// All jobs of a factory.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Traffic of each node (8 GPUs) in the last step, 0 to 1 of line rate.
    pub node_traffic: Vec<f32>,
    /// Speed of each node's links, 1 is healthy; slows the collectives of its training job.
    pub link_factor: Vec<f32>,
    serving_boost: f64,
}

impl Workload {
    /// Jobs on a fleet of `gpus` GPUs. Ranges are cut to the fleet.
    #[must_use]
    pub fn new(jobs: Vec<JobSpec>, gpus: usize, seed: u64) -> Self {
        let mut rng = Rng::stream(seed, 0x776f_726b);
        let nodes = gpus.div_ceil(GPUS_PER_NODE);
        let jobs = jobs.into_iter().map(|spec| Job::new(spec, gpus, &mut rng)).collect();
        Self { jobs, node_traffic: vec![0.0; nodes], link_factor: vec![1.0; nodes], serving_boost: 1.0 }
    }

    /// The usual mix: half of the GPUs train in two synchronous jobs, half serve in two pools that are busy for
    /// `serving_load` of the time on average. Jobs begin on node boundaries.
    #[must_use]
    pub fn half_and_half(gpus: usize, serving_load: f64, seed: u64) -> Self {
        let nodes = gpus / GPUS_PER_NODE;
        let edge = |quarter: usize| nodes * quarter / 4 * GPUS_PER_NODE;
        let job = |name: &str, quarter: usize, task| JobSpec {
            name: name.to_owned(),
            gpus: edge(quarter)..edge(quarter + 1),
            task,
        };
        let serving = |quarter: usize| {
            let spec = ServingSpec::default();
            let replicas = (edge(quarter + 1) - edge(quarter)) / spec.gpus_per_replica;
            let source = RequestSource::diurnal(DiurnalSpec::default(), seed.wrapping_add(quarter as u64));
            Task::Serving(spec, source.scaled_to(serving_load, replicas, &spec))
        };
        // Two jobs of different size of model do not swing in step.
        let second = TrainingSpec { compute_s: 5.3, communicate_s: 1.1, ..TrainingSpec::default() };
        let jobs = vec![
            job("train-a", 0, Task::Training(TrainingSpec::default())),
            job("train-b", 1, Task::Training(second)),
            job("serve-a", 2, serving(2)),
            job("serve-b", 3, serving(3)),
        ];
        Self::new(jobs, gpus, seed)
    }

    /// Multiplies the arrivals of all serving jobs from now on.
    pub fn set_serving_boost(&mut self, factor: f64) {
        self.serving_boost = factor.max(0.0);
    }

    /// Pauses or resumes a training job: a synchronised step of all its GPUs. False if `job` is not a training job.
    pub fn set_training_active(&mut self, job: usize, active: bool) -> bool {
        match self.jobs.get_mut(job).map(|job| &mut job.body) {
            Some(Body::Training(training)) => {
                training.active = active;
                true
            }
            _ => false,
        }
    }

    /// Tokens of all jobs of a kind.
    #[must_use]
    pub fn tokens(&self, kind: JobKind) -> f64 {
        self.jobs.iter().filter(|job| job.kind == kind).map(|job| job.stats.tokens).sum()
    }

    /// Runs all jobs for a step that begins at `now_s`, on the clocks of the fleet's last step, and sets activity,
    /// memory and context of their GPUs for the next.
    pub fn step(&mut self, dt_s: f64, now_s: f64, fleet: &mut Fleet) {
        for job in &mut self.jobs {
            job.observe(fleet);
            let before = job.stats.tokens;
            match &mut job.body {
                Body::Training(training) => {
                    let nodes = job.gpus.start / GPUS_PER_NODE..job.gpus.end.div_ceil(GPUS_PER_NODE);
                    let link = self.link_factor[nodes.clone()].iter().fold(1.0, |low: f32, x| low.min(*x));
                    let slowest = slowest(fleet, job.gpus.clone());
                    let (shares, tokens) =
                        training.advance(dt_s, f64::from(slowest), f64::from(link), job.gpus.len());
                    job.stats.tokens += tokens;
                    for gpu in job.gpus.clone() {
                        apply(fleet, gpu, training.gpu_use(&shares, relative_clock(fleet, gpu)));
                    }
                    self.node_traffic[nodes].fill(training.traffic(&shares));
                }
                Body::Serving(serving) => {
                    serving.step(dt_s, now_s, self.serving_boost, &job.gpus, fleet, &mut job.stats);
                    for (replica, used) in serving.uses.iter().enumerate() {
                        let start = job.gpus.start + replica * serving.spec.gpus_per_replica;
                        let end = start + serving.spec.gpus_per_replica;
                        // Requests and answers are small; what is seen is key-value and control traffic.
                        self.node_traffic[start / GPUS_PER_NODE..end.div_ceil(GPUS_PER_NODE)]
                            .fill(0.10 * (used.compute + used.memory).min(1.0));
                    }
                }
            }
            job.stats.tokens_per_s = (job.stats.tokens - before) / dt_s;
        }
    }
}

impl Job {
    fn new(spec: JobSpec, gpus: usize, rng: &mut Rng) -> Self {
        let range = spec.gpus.start.min(gpus)..spec.gpus.end.min(gpus).max(spec.gpus.start.min(gpus));
        let (kind, body) = match spec.task {
            Task::Training(data) => (JobKind::Training, Body::Training(Training::new(data, rng))),
            Task::Serving(data, source) => {
                let replicas = range.len() / data.gpus_per_replica.max(1);
                let serving = Serving {
                    spec: data,
                    source,
                    replicas: vec![Replica::default(); replicas],
                    clocks: vec![0.0; replicas],
                    uses: vec![Use { compute: 0.0, memory: 0.0 }; replicas],
                    arrivals: Vec::new(),
                };
                (JobKind::Serving, Body::Serving(Box::new(serving)))
            }
        };
        Self { name: spec.name, kind, gpus: range, stats: JobStats::default(), body }
    }

    /// The training state, if this is a training job.
    #[must_use]
    pub fn training(&self) -> Option<&Training> {
        match &self.body {
            Body::Training(training) => Some(training),
            Body::Serving(_) => None,
        }
    }

    /// Spread of clocks over the job's GPUs.
    fn observe(&mut self, fleet: &Fleet) {
        let clocks = &fleet.clock_mhz[self.gpus.clone()];
        let (mut low, mut high, mut sum, mut squares) = (f32::INFINITY, 0.0f32, 0.0f64, 0.0f64);
        for &clock in clocks {
            low = low.min(clock);
            high = high.max(clock);
            let clock = f64::from(clock);
            sum += clock;
            squares += clock * clock;
        }
        let n = clocks.len().max(1) as f64;
        let mean = sum / n;
        let stats = &mut self.stats;
        stats.clock_mean_mhz = mean;
        stats.clock_min_mhz = if clocks.is_empty() { 0.0 } else { f64::from(low) };
        stats.clock_spread_mhz = (f64::from(high) - stats.clock_min_mhz).max(0.0);
        stats.clock_cv = if mean > 0.0 { (squares / n - mean * mean).max(0.0).sqrt() / mean } else { 0.0 };
    }
}

impl Serving {
    fn step(
        &mut self,
        dt_s: f64,
        now_s: f64,
        boost: f64,
        gpus: &Range<usize>,
        fleet: &mut Fleet,
        stats: &mut JobStats,
    ) {
        let parts = (dt_s / SERVING_STEP_S).ceil().max(1.0) as usize;
        let part_s = dt_s / parts as f64;
        let per = self.spec.gpus_per_replica;
        self.uses.fill(Use { compute: 0.0, memory: 0.0 });
        for part in 0..parts {
            let at_s = now_s + part as f64 * part_s;
            self.source.advance(part_s, at_s, boost, &mut self.arrivals);
            stats.serving.arrived += self.arrivals.len() as u64;
            for (k, replica) in self.replicas.iter_mut().enumerate() {
                let start = gpus.start + k * per;
                self.clocks[k] = f64::from(slowest(fleet, start..start + per));
                if self.clocks[k] <= 0.0 {
                    replica.drain(&mut self.arrivals);
                }
            }
            self.route(&mut stats.serving);
            for ((replica, &clock), sum) in self.replicas.iter_mut().zip(&self.clocks).zip(&mut self.uses) {
                let used = replica.advance(&self.spec, part_s, at_s, clock, &mut stats.serving);
                sum.compute += used.compute / parts as f32;
                sum.memory += used.memory / parts as f32;
            }
        }
        for (k, used) in self.uses.iter().enumerate() {
            for gpu in gpus.start + k * per..gpus.start + (k + 1) * per {
                apply(fleet, gpu, *used);
            }
        }
        stats.tokens = stats.serving.generation_tokens;
        stats.waiting = self.replicas.iter().map(Replica::waiting).sum();
        stats.running = self.replicas.iter().map(Replica::running).sum();
    }

    /// Gives every arrival to the least loaded replica that is up.
    fn route(&mut self, totals: &mut ServingTotals) {
        for request in self.arrivals.drain(..) {
            let up = self.replicas.iter_mut().zip(&self.clocks).filter(|(_, clock)| **clock > 0.0);
            let best = up.map(|(replica, _)| replica).min_by(|a, b| a.load().total_cmp(&b.load()));
            if !best.is_some_and(|replica| replica.offer(request, &self.spec)) {
                totals.refused += 1;
            }
        }
    }
}

fn apply(fleet: &mut Fleet, gpu: usize, used: Use) {
    fleet.activity[gpu] = used.compute;
    fleet.memory[gpu] = used.memory;
    fleet.context[gpu] = true;
}

#[inline]
fn relative_clock(fleet: &Fleet, gpu: usize) -> f32 {
    fleet.clock_mhz[gpu] / fleet.clock_max_mhz[gpu]
}

/// Lowest clock over maximum in a range; 0 if a GPU is off the bus or has switched itself off.
fn slowest(fleet: &Fleet, gpus: Range<usize>) -> f32 {
    gpus.fold(f32::INFINITY, |low, gpu| {
        let there = fleet.present[gpu] && !fleet.tripped[gpu];
        low.min(if there { relative_clock(fleet, gpu) } else { 0.0 })
    })
}
