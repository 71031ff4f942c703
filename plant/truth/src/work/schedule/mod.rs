//! Jobs that come and go.
//!
//! Responsible for: the queue, arrivals from a list and from seeded streams, durations, and who starts next.
//! Not for: where a job goes (see `place`), or what it does.
//!
//! Jobs start by priority, then by arrival; a job that does not fit is passed by those that do (backfill without a
//! reservation). A job has all its GPUs or none. It ends when its duration is over or its tokens are learnt, whichever
//! comes first; then its GPUs are free. Events take effect at the start of the step in which they fall.

mod place;

use std::ops::Range;

pub use place::{Layout, Placement};

use super::job::{Job, Task};
use super::spec::{JobTemplate, WorkSpec};
use crate::rng::Rng;
use place::Free;

/// A job that will come or waits.
#[derive(Debug, Clone)]
pub struct JobPlan {
    /// Name.
    pub name: String,
    /// GPUs it needs: fewer than eight, or whole nodes.
    pub gpus: usize,
    /// What it does.
    pub task: Task,
    /// When it may start \[s\].
    pub arrival_s: f64,
    /// How long it runs \[s\]; infinite for ever.
    pub duration_s: f64,
    /// Useful tokens after which it ends; infinite for no limit.
    pub tokens: f64,
    /// Higher goes first.
    pub priority: i32,
}

/// A stream of jobs of one template.
#[derive(Debug, Clone)]
struct Stream {
    template: JobTemplate,
    rng: Rng,
    next_s: f64,
    count: u64,
}

/// A job that runs, and when it ends.
#[derive(Debug, Clone, Copy)]
struct Live {
    job: usize,
    ends_s: f64,
    tokens: f64,
}

/// What a scheduler has done.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScheduleStats {
    /// Jobs that arrived.
    pub arrived: u64,
    /// Jobs that started.
    pub started: u64,
    /// Jobs that ended.
    pub ended: u64,
    /// Sum of the times from arrival to start \[s\].
    pub wait_s: f64,
}

/// The scheduler.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// How jobs are laid out from now on.
    pub placement: Placement,
    /// What it has done.
    pub stats: ScheduleStats,
    free: Free,
    /// Jobs to come, the next one last.
    coming: Vec<JobPlan>,
    streams: Vec<Stream>,
    /// Jobs that wait, in order of arrival.
    waiting: Vec<JobPlan>,
    live: Vec<Live>,
    ended: Vec<usize>,
    next_end_s: f64,
    next_arrival_s: f64,
    counts_tokens: bool,
    changed: bool,
}

impl Schedule {
    /// A scheduler for a description.
    ///
    /// # Errors
    /// All that is wrong with the description.
    pub(super) fn from_spec(spec: &WorkSpec, gpus: usize, seed: u64) -> Result<Self, Vec<String>> {
        spec.check(gpus)?;
        let mut plans = Vec::new();
        let mut streams = Vec::new();
        for (k, template) in spec.jobs.iter().enumerate() {
            let mut rng = Rng::stream(seed, 0x6a6f_6273 + ((k as u64) << 32));
            if template.arrivals_per_h > 0.0 {
                let gap_s = rng.exponential(3600.0 / template.arrivals_per_h);
                let next_s = spec.origin_s + template.arrival_s + gap_s;
                streams.push(Stream { template: template.clone(), rng, next_s, count: 0 });
            } else {
                // What is there from the start is there before the start, too.
                let first = template.arrival_s <= 0.0;
                let at_s = if first { f64::NEG_INFINITY } else { spec.origin_s + template.arrival_s };
                plans.push(template.plan(template.name.clone(), at_s, &mut rng));
            }
        }
        let layout = Layout { nodes_per_rack: spec.nodes_per_rack, racks_per_cdu: spec.racks_per_cdu };
        Ok(Self::new(plans, streams, gpus, spec.placement, layout))
    }

    fn new(
        mut coming: Vec<JobPlan>,
        streams: Vec<Stream>,
        gpus: usize,
        placement: Placement,
        layout: Layout,
    ) -> Self {
        // Stable, then turned round: equal arrivals keep their order.
        coming.sort_by(|a, b| a.arrival_s.total_cmp(&b.arrival_s));
        coming.reverse();
        Self {
            placement,
            stats: ScheduleStats::default(),
            free: Free::new(gpus, layout),
            coming,
            streams,
            waiting: Vec::new(),
            live: Vec::new(),
            ended: Vec::new(),
            next_end_s: f64::INFINITY,
            next_arrival_s: f64::NEG_INFINITY,
            counts_tokens: false,
            changed: true,
        }
    }

    /// Adds a job by hand.
    pub fn submit(&mut self, plan: JobPlan) {
        let at = self.coming.partition_point(|other| other.arrival_s > plan.arrival_s);
        self.next_arrival_s = self.next_arrival_s.min(plan.arrival_s);
        self.coming.insert(at, plan);
    }

    /// Jobs that wait.
    #[must_use]
    pub fn waiting(&self) -> &[JobPlan] {
        &self.waiting
    }

    /// GPUs that no job holds.
    #[must_use]
    pub fn free_gpus(&self) -> usize {
        self.free.gpus()
    }

    /// Ends what is due.
    pub(super) fn end_due(&mut self, now_s: f64, jobs: &[Job]) {
        if now_s < self.next_end_s && !self.counts_tokens {
            return;
        }
        let due = |live: &Live| now_s >= live.ends_s || jobs[live.job].stats.goodput_tokens >= live.tokens;
        if !self.live.iter().any(due) {
            return;
        }
        for live in self.live.iter().filter(|live| due(live)) {
            self.free.set(&jobs[live.job].blocks, true);
            self.ended.push(live.job);
        }
        self.stats.ended += self.ended.len() as u64;
        self.live.retain(|live| !due(live));
        self.next_end_s = self.live.iter().fold(f64::INFINITY, |next, live| next.min(live.ends_s));
        self.counts_tokens = self.live.iter().any(|live| live.tokens.is_finite());
        self.changed = true;
    }

    /// A job that has ended and not yet been cleared away.
    pub(super) fn next_ended(&mut self) -> Option<usize> {
        self.ended.pop()
    }

    /// Whether jobs may arrive or start.
    pub(super) fn is_due(&self, now_s: f64) -> bool {
        self.changed || now_s >= self.next_arrival_s
    }

    /// Moves what has arrived into the queue.
    pub(super) fn arrive(&mut self, now_s: f64) {
        while let Some(mut plan) = self.coming.pop_if(|plan| plan.arrival_s <= now_s) {
            if plan.arrival_s.is_infinite() {
                plan.arrival_s = now_s;
            }
            self.waiting.push(plan);
            self.stats.arrived += 1;
        }
        for stream in &mut self.streams {
            while stream.next_s <= now_s {
                stream.count += 1;
                let name = format!("{}-{:04}", stream.template.name, stream.count);
                self.waiting.push(stream.template.plan(name, stream.next_s, &mut stream.rng));
                self.stats.arrived += 1;
                stream.next_s += stream.rng.exponential(3600.0 / stream.template.arrivals_per_h);
            }
        }
        let listed = self.coming.last().map_or(f64::INFINITY, |plan| plan.arrival_s);
        self.next_arrival_s = self.streams.iter().fold(listed, |next, stream| next.min(stream.next_s));
    }

    /// The next job to start and its GPUs; it will be job number `index`.
    pub(super) fn next_placed(&mut self, now_s: f64, index: usize) -> Option<(JobPlan, Vec<Range<usize>>)> {
        let mut order: Vec<usize> = (0..self.waiting.len()).collect();
        order.sort_by(|a, b| {
            let (a, b) = (&self.waiting[*a], &self.waiting[*b]);
            b.priority.cmp(&a.priority).then(a.arrival_s.total_cmp(&b.arrival_s))
        });
        for k in order {
            if let Some(blocks) = self.free.take(self.waiting[k].gpus, self.placement) {
                let plan = self.waiting.remove(k);
                let live = Live { job: index, ends_s: now_s + plan.duration_s, tokens: plan.tokens };
                self.next_end_s = self.next_end_s.min(live.ends_s);
                self.counts_tokens |= live.tokens.is_finite();
                self.live.push(live);
                self.stats.started += 1;
                self.stats.wait_s += now_s - plan.arrival_s;
                return Some((plan, blocks));
            }
        }
        self.changed = false;
        None
    }
}
