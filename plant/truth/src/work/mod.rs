//! The work that runs on the GPUs.
//!
//! Responsible for: jobs and where they run, what they make the GPUs do, the tokens they turn out and the traffic
//! they cause.
//! Not for: where heat and power go, or who decides on clocks.
//!
//! - `training`, `serving`, `burn`: what a job does; `job`: one job and what can be seen of it;
//! - `requests`, `csv`, `latency`: what comes in, and how long it takes;
//! - `schedule`, `spec`: jobs that come and go, and the data a workload is built from.
//!
//! Work and clocks see each other one step late: a step reads the clocks of the last step and sets activity for the
//! next. Synchronous work (training, and the tensor-parallel GPUs of a replica) runs at the speed of its slowest GPU.

mod burn;
mod csv;
mod job;
mod latency;
mod requests;
mod schedule;
mod serving;
mod spec;
mod survey;
#[cfg(test)]
mod tests;
mod training;

pub use burn::BurnSpec;
pub use csv::{TraceError, parse_requests};
pub use job::{Job, JobKind, JobSpec, JobStats, Task};
pub use latency::{Latency, Sketch, Slo};
pub use requests::{Bursty, DiurnalSpec, Generator, Request, RequestSource, Trace};
pub use schedule::{JobPlan, Layout, Placement, Schedule, ScheduleStats};
pub use serving::{CapLoss, ServingSpec, ServingTotals};
pub use spec::{JobTemplate, Rhythm, TaskKind, WorkSpec};
pub use training::{Phase, Training, TrainingSpec, Use};

use crate::gpu::Fleet;
use crate::rng::Rng;

/// GPUs whose traffic is counted together.
const GPUS_PER_NODE: usize = 8;

/// What the jobs of a step see and set.
struct Plant<'a> {
    fleet: &'a mut Fleet,
    node_traffic: &'a mut [f32],
    link_factor: &'a [f32],
    gpu_speed: &'a [f32],
}

/// All jobs of a factory.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The jobs, in the order in which they began; jobs that have ended keep their statistics.
    pub jobs: Vec<Job>,
    /// Traffic of each node (8 GPUs) in the last step, 0 to 1 of line rate.
    pub node_traffic: Vec<f32>,
    /// Speed of each node's links, 1 is healthy and 0 is down; slows the collectives of its training job and what a
    /// replica receives.
    pub link_factor: Vec<f32>,
    /// Own speed of each GPU at a clock, 1 is healthy: a straggler slows whatever waits for it.
    pub gpu_speed: Vec<f32>,
    /// Jobs that come and go, if any do.
    pub schedule: Option<Box<Schedule>>,
    /// Jobs that run, by index.
    running: Vec<usize>,
    serving_boost: f64,
    fresh: bool,
    rng: Rng,
}

impl Workload {
    /// Jobs on a fleet of `gpus` GPUs, for good. Ranges are cut to the fleet.
    #[must_use]
    pub fn new(jobs: Vec<JobSpec>, gpus: usize, seed: u64) -> Self {
        let mut work = Self::idle(gpus, seed);
        for spec in jobs {
            let start = spec.gpus.start.min(gpus);
            let range = start..spec.gpus.end.clamp(start, gpus);
            work.begin(spec.name, vec![range], spec.task, None);
        }
        work
    }

    /// A fleet of `gpus` GPUs with nothing to do.
    fn idle(gpus: usize, seed: u64) -> Self {
        let nodes = gpus.div_ceil(GPUS_PER_NODE);
        Self {
            jobs: Vec::new(),
            node_traffic: vec![0.0; nodes],
            link_factor: vec![1.0; nodes],
            gpu_speed: vec![1.0; gpus],
            schedule: None,
            running: Vec::new(),
            serving_boost: 1.0,
            fresh: true,
            rng: Rng::stream(seed, 0x776f_726b),
        }
    }

    /// Jobs that come and go as a description has it, on a fleet of `gpus` GPUs.
    ///
    /// # Errors
    /// All that is wrong with the description, one sentence each.
    pub fn from_spec(spec: &WorkSpec, gpus: usize, seed: u64) -> Result<Self, Vec<String>> {
        let schedule = Schedule::from_spec(spec, gpus, seed)?;
        let mut work = Self::idle(gpus, seed);
        work.schedule = Some(Box::new(schedule));
        Ok(work)
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
        let mut jobs = vec![
            job("train-a", 0, Task::Training(TrainingSpec::default())),
            job("train-b", 1, Task::Training(second)),
            job("serve-a", 2, serving(2)),
            job("serve-b", 3, serving(3)),
        ];
        // a plant of few nodes has fewer jobs
        jobs.retain(|job| !job.gpus.is_empty());
        Self::new(jobs, gpus, seed)
    }

    /// Multiplies the arrivals of all serving jobs from now on.
    pub fn set_serving_boost(&mut self, factor: f64) {
        self.serving_boost = factor.max(0.0);
    }

    /// Pauses or resumes a synchronous job: a step of all its GPUs together. False if `job` is not one.
    pub fn set_training_active(&mut self, job: usize, active: bool) -> bool {
        self.jobs.get_mut(job).is_some_and(|job| job.set_active(active))
    }

    /// Stops a training job as a failed process does: it restarts from its last checkpoint and loses the work since.
    /// False if `job` is not a training job that runs.
    pub fn fail_training(&mut self, job: usize) -> bool {
        let job = self.jobs.get_mut(job).filter(|job| job.ended_s.is_none());
        job.and_then(Job::training_mut).map(Training::fail).is_some()
    }

    /// Makes a GPU slow (or well again) by a factor at the clock it has: a straggler.
    pub fn set_gpu_speed(&mut self, gpu: usize, factor: f32) {
        if let Some(speed) = self.gpu_speed.get_mut(gpu) {
            *speed = factor.clamp(0.01, 1.0);
        }
    }

    /// Takes over the speed of each node's links from the network.
    pub fn set_links(&mut self, factors: &[f32]) {
        for (mine, factor) in self.link_factor.iter_mut().zip(factors) {
            *mine = *factor;
        }
    }

    /// Tokens of all jobs of a kind.
    #[must_use]
    pub fn tokens(&self, kind: JobKind) -> f64 {
        self.jobs.iter().filter(|job| job.kind == kind).map(|job| job.stats.tokens).sum()
    }

    /// Jobs that run now.
    pub fn running(&self) -> impl Iterator<Item = &Job> {
        self.running.iter().map(|&job| &self.jobs[job])
    }

    /// The job that holds a GPU.
    #[must_use]
    pub fn job_of_gpu(&self, gpu: usize) -> Option<usize> {
        let holds = |job: &&usize| self.jobs[**job].blocks.iter().any(|block| block.contains(&gpu));
        self.running.iter().find(holds).copied()
    }

    /// Runs all jobs for a step that begins at `now_s`, on the clocks of the fleet's last step, and sets activity,
    /// memory and context of their GPUs for the next. Allocates only when jobs come or go.
    pub fn step(&mut self, dt_s: f64, now_s: f64, fleet: &mut Fleet) {
        if dt_s <= 0.0 || dt_s.is_nan() {
            return;
        }
        self.reschedule(now_s, fleet);
        if self.fresh {
            self.fresh = false;
            self.clear_idle(fleet);
        }
        self.node_traffic.fill(0.0);
        let mut plant = Plant {
            fleet,
            node_traffic: &mut self.node_traffic,
            link_factor: &self.link_factor,
            gpu_speed: &self.gpu_speed,
        };
        for &job in &self.running {
            self.jobs[job].step(dt_s, now_s, self.serving_boost, &mut plant);
        }
    }

    /// Jobs end and begin.
    fn reschedule(&mut self, now_s: f64, fleet: &mut Fleet) {
        let Some(mut schedule) = self.schedule.take() else { return };
        schedule.end_due(now_s, &self.jobs);
        while let Some(job) = schedule.next_ended() {
            for block in &self.jobs[job].blocks {
                release(fleet, block.clone());
            }
            self.jobs[job].end(now_s);
            self.running.retain(|running| *running != job);
        }
        if schedule.is_due(now_s) {
            schedule.arrive(now_s);
            while let Some((plan, blocks)) = schedule.next_placed(now_s, self.jobs.len()) {
                self.begin(plan.name, blocks, plan.task, Some(now_s));
            }
        }
        self.schedule = Some(schedule);
    }

    fn begin(&mut self, name: String, blocks: Vec<std::ops::Range<usize>>, task: Task, began_s: Option<f64>) {
        let mut job = Job::new(name, blocks, task, &mut self.rng);
        job.began_s = began_s;
        self.running.push(self.jobs.len());
        self.jobs.push(job);
    }

    /// GPUs that no job holds do nothing.
    fn clear_idle(&self, fleet: &mut Fleet) {
        let mut held = vec![false; fleet.len()];
        for block in self.running().flat_map(|job| &job.blocks) {
            held[block.clone()].fill(true);
        }
        for gpu in (0..held.len()).filter(|gpu| !held[*gpu]) {
            release(fleet, gpu..gpu + 1);
        }
    }
}

/// No work and no context: the GPU falls to its idle clock.
fn release(fleet: &mut Fleet, gpus: std::ops::Range<usize>) {
    fleet.activity[gpus.clone()].fill(0.0);
    fleet.memory[gpus.clone()].fill(0.0);
    fleet.context[gpus].fill(false);
}
