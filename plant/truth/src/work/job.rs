//! A job: what it is, where it runs, and what can be seen of it.
//!
//! Responsible for: one job's step, and its statistics.
//! Not for: which jobs there are (see `Workload`) or where they go (see `schedule`).

use std::ops::Range;

use super::burn::BurnSpec;
use super::latency::Latency;
use super::requests::RequestSource;
use super::serving::{Pool, ServingSpec, ServingTotals};
use super::survey::Survey;
use super::training::{Training, TrainingSpec};
use super::{GPUS_PER_NODE, Plant};
use crate::rng::Rng;

/// What a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Synchronous: training, and burns that step all GPUs together.
    Training,
    /// Request serving.
    Serving,
}

/// A job to be run on given GPUs.
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
    /// A square wave of load.
    Burn(BurnSpec),
}

impl Task {
    /// What a job with this task is.
    #[must_use]
    pub fn kind(&self) -> JobKind {
        match self {
            Self::Serving(..) => JobKind::Serving,
            Self::Training(_) | Self::Burn(_) => JobKind::Training,
        }
    }
}

/// What can be seen of a job.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JobStats {
    /// Output: tokens learnt, or tokens generated.
    pub tokens: f64,
    /// Useful output: tokens learnt and not thrown away by a restart, or tokens of requests that met their objective.
    pub goodput_tokens: f64,
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

/// A job that runs, or has run.
#[derive(Debug, Clone)]
pub struct Job {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: JobKind,
    /// GPUs it holds, from the first to the last. Where a scheduler has scattered it, others lie between:
    /// see `blocks`. Empty once it has ended.
    pub gpus: Range<usize>,
    /// GPUs it holds, as disjoint ranges in order.
    pub blocks: Vec<Range<usize>>,
    /// What can be seen of it.
    pub stats: JobStats,
    /// When it began \[s\]; `None` for a job that was there from the start.
    pub began_s: Option<f64>,
    /// When it ended \[s\]; `None` while it runs.
    pub ended_s: Option<f64>,
    body: Body,
    count: usize,
}

#[derive(Debug, Clone)]
enum Body {
    Training(Box<Training>),
    Serving(Box<Pool>),
    Burn(BurnSpec, bool),
}

impl Job {
    pub(super) fn new(name: String, blocks: Vec<Range<usize>>, task: Task, rng: &mut Rng) -> Self {
        let kind = task.kind();
        let body = match task {
            Task::Training(data) => Body::Training(Box::new(Training::new(data, rng))),
            Task::Serving(data, source) => Body::Serving(Box::new(Pool::new(data, source, &blocks))),
            Task::Burn(data) => Body::Burn(data, true),
        };
        let hull = |blocks: &[Range<usize>]| Some(blocks.first()?.start..blocks.last()?.end);
        Self {
            name,
            kind,
            gpus: hull(&blocks).unwrap_or(0..0),
            count: blocks.iter().map(ExactSizeIterator::len).sum(),
            blocks,
            stats: JobStats::default(),
            began_s: None,
            ended_s: None,
            body,
        }
    }

    /// The training state, if this is a training job.
    #[must_use]
    pub fn training(&self) -> Option<&Training> {
        match &self.body {
            Body::Training(training) => Some(training),
            Body::Serving(_) | Body::Burn(..) => None,
        }
    }

    pub(super) fn training_mut(&mut self) -> Option<&mut Training> {
        match &mut self.body {
            Body::Training(training) => Some(training),
            Body::Serving(_) | Body::Burn(..) => None,
        }
    }

    /// Pauses or resumes synchronous work; false if there is none.
    pub(super) fn set_active(&mut self, active: bool) -> bool {
        match &mut self.body {
            Body::Training(training) => training.active = active,
            Body::Burn(_, on) => *on = active,
            Body::Serving(_) => return false,
        }
        true
    }

    /// Latencies since the start, if this is a serving job.
    #[must_use]
    pub fn latency(&self) -> Option<&Latency> {
        match &self.body {
            Body::Serving(pool) => Some(&pool.latency),
            Body::Training(_) | Body::Burn(..) => None,
        }
    }

    /// GPUs it holds now.
    #[must_use]
    pub fn gpu_count(&self) -> usize {
        self.count
    }

    /// Gives up its GPUs.
    pub(super) fn end(&mut self, now_s: f64) {
        self.ended_s = Some(now_s);
        self.blocks = Vec::new();
        self.gpus = self.gpus.start..self.gpus.start;
        self.count = 0;
        let seen = &mut self.stats;
        (seen.tokens_per_s, seen.waiting, seen.running) = (0.0, 0, 0);
    }

    pub(super) fn step(&mut self, dt_s: f64, now_s: f64, boost: f64, plant: &mut Plant<'_>) {
        let before = self.stats.tokens;
        let survey = match &mut self.body {
            Body::Training(training) => {
                let survey = survey(plant, &self.blocks);
                let link = slowest_link(plant, &self.blocks);
                let (shares, tokens) =
                    training.advance(dt_s, f64::from(survey.slowest), f64::from(link), self.count);
                self.stats.tokens += tokens;
                self.stats.goodput_tokens = self.stats.tokens - training.lost_tokens;
                let uses = training.uses(&shares);
                let traffic = training.traffic(&shares);
                for block in &self.blocks {
                    write(plant, block, traffic, |speed| {
                        let used = uses.at(speed);
                        (used.compute, used.memory)
                    });
                }
                survey
            }
            Body::Burn(spec, on) => {
                let used = spec.mean(dt_s, now_s);
                let used = if *on { used } else { spec.low };
                for block in &self.blocks {
                    write(plant, block, 0.0, |_| (used.compute, used.memory));
                }
                survey(plant, &self.blocks)
            }
            Body::Serving(pool) => {
                let survey = pool.step(dt_s, now_s, boost, plant, &mut self.stats.serving);
                (self.stats.waiting, self.stats.running) = pool.open();
                self.stats.tokens = self.stats.serving.generation_tokens;
                self.stats.goodput_tokens = self.stats.serving.good_tokens;
                survey
            }
        };
        survey.show(&mut self.stats);
        self.stats.tokens_per_s = (self.stats.tokens - before) / dt_s;
    }
}

fn survey(plant: &Plant<'_>, blocks: &[Range<usize>]) -> Survey {
    let mut all = Survey::default();
    for block in blocks {
        all.add(&Survey::of(plant, block.clone()));
    }
    all
}

fn nodes(block: &Range<usize>) -> Range<usize> {
    block.start / GPUS_PER_NODE..block.end.div_ceil(GPUS_PER_NODE)
}

/// Speed of the slowest link of a job; work inside one node needs none.
fn slowest_link(plant: &Plant<'_>, blocks: &[Range<usize>]) -> f32 {
    if let [one] = blocks
        && nodes(one).len() <= 1
    {
        return 1.0;
    }
    let all = blocks.iter().flat_map(|block| &plant.link_factor[nodes(block)]);
    all.fold(1.0, |low: f32, x| low.min(*x))
}

/// Writes what the GPUs of a block do, by their own speed.
fn write(plant: &mut Plant<'_>, block: &Range<usize>, traffic: f32, at: impl Fn(f32) -> (f32, f32)) {
    let fleet = &mut *plant.fleet;
    let speeds = fleet.clock_mhz[block.clone()]
        .iter()
        .zip(&fleet.clock_max_mhz[block.clone()])
        .zip(&plant.gpu_speed[block.clone()]);
    let out = fleet.activity[block.clone()].iter_mut().zip(&mut fleet.memory[block.clone()]);
    for (((clock, max), speed), (activity, memory)) in speeds.zip(out) {
        (*activity, *memory) = at(clock / max * speed);
    }
    fleet.context[block.clone()].fill(true);
    for node in nodes(block) {
        let first = (node * GPUS_PER_NODE).max(block.start);
        let gpus = ((node + 1) * GPUS_PER_NODE).min(block.end) - first;
        plant.node_traffic[node] += traffic * gpus as f32 / GPUS_PER_NODE as f32;
    }
}
