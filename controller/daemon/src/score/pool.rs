//! Runs on a pool of threads: one for each scenario, seed and strategy, longest first.
//!
//! Responsible for: order of work, shared beginnings, progress, the first error. Not for: what a run does (`run`).
//!
//! A run of many months is cut into stretches of a quarter of a year that are run side by side: each begins with a plant
//! that has got warm and a controller that has just started, and the scores are joined. How it is cut depends on its
//! length alone.
//!
//! Nothing that a run computes depends on the thread it runs on or on what ran before it, so the scores are the same bits
//! for any number of threads.

use super::run::{self, Course, Passed, Run, Study};
use super::strategy::Id;
use super::timeline::{Keep, Trend};
use super::{SITE_NAME, ScoreFile, build_world};
use crate::files::{ModeChoice, load_policy};
use anyhow::{Context, Result, anyhow, bail};
use headroom_core::Wants;
use headroom_sim::score::{Prices, StrategyScore};
use headroom_sim::world::{World, WorldConfig};
use headroom_site::{Site, Span};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A world to run.
pub(crate) struct Start {
    pub(crate) config: WorldConfig,
    pub(crate) hours: f64,
    pub(crate) keep: Keep,
    /// Folder for a table of what Headroom saw.
    pub(crate) record: Option<PathBuf>,
    /// A learned model of the site.
    pub(crate) model: Option<PathBuf>,
}

/// What to run.
pub(crate) struct Plan {
    pub(crate) starts: Vec<Start>,
    pub(crate) strategies: Vec<Id>,
    pub(crate) policy: String,
    pub(crate) mode: Option<ModeChoice>,
    pub(crate) prices: Prices,
    pub(crate) threads: usize,
    /// Headroom begins with an experiment of this length.
    pub(crate) excite: Option<Span>,
    /// What Headroom is told is kept beside what it saw.
    pub(crate) tape: bool,
}

/// What came of a world.
pub(crate) struct Outcome {
    pub(crate) file: ScoreFile,
    pub(crate) runs: BTreeMap<Id, Run>,
}

struct Job {
    start: usize,
    /// Stretch of the run.
    stretch: usize,
    id: Id,
    /// Expected work; only ratios count.
    work: f64,
}

/// Longest run that is not cut, h.
const UNCUT_H: f64 = 1000.0;
/// Length of a stretch, h.
const STRETCH_H: f64 = 2190.0;

impl Start {
    /// Number of stretches.
    fn stretches(&self) -> usize {
        if self.hours <= UNCUT_H { 1 } else { (self.hours / STRETCH_H).ceil() as usize }
    }

    /// Beginning and length of a stretch, h.
    fn stretch(&self, n: usize) -> (f64, f64) {
        let begin_h = if self.stretches() == 1 { 0.0 } else { n as f64 * STRETCH_H };
        let longest_h = if self.stretches() == 1 { self.hours } else { STRETCH_H };
        (begin_h, longest_h.min(self.hours - begin_h))
    }

    /// The world of a stretch.
    fn world(&self, n: usize) -> WorldConfig {
        WorldConfig { begin_s: self.stretch(n).0 * 3600.0, ..self.config.clone() }
    }
}

/// A warm world that several strategies begin from, built by whoever comes first and gone with the last.
#[derive(Default)]
struct Shared(Mutex<(Option<World>, usize)>);

/// The most GPUs that warm worlds may hold in waiting, all together: about a GiB.
const WAITING_GPUS: usize = 400_000;

impl Shared {
    fn world(&self, config: &WorldConfig, users: usize, share: bool) -> Result<World> {
        if !share {
            return build_world(config.clone());
        }
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (world, taken) = &mut *guard;
        if world.is_none() {
            *world = Some(build_world(config.clone())?);
        }
        *taken += 1;
        let last = *taken == users;
        let found = if last { world.take() } else { world.clone() };
        found.context("a world that was built is gone")
    }
}

/// Progress on stderr where that is a terminal.
fn progress(jobs: &[Job]) -> ProgressBar {
    let bar = ProgressBar::new(jobs.iter().map(|j| j.work as u64).sum());
    // The template is a constant; were it wrong, the plain bar would do.
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {elapsed}, {eta} to go")
    {
        bar.set_style(style);
    }
    bar.set_message(format!("0/{} runs", jobs.len()));
    bar
}

fn jobs(plan: &Plan) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (n, start) in plan.starts.iter().enumerate() {
        for stretch in 0..start.stretches() {
            let steps = start.stretch(stretch).1 * 3600.0 / start.config.dt_s;
            let work = |id: Id| steps * start.config.gpus as f64 * id.effort();
            jobs.extend(plan.strategies.iter().map(|&id| Job { start: n, stretch, id, work: work(id) }));
        }
    }
    jobs
}

/// What the threads share.
struct Work<'a> {
    plan: &'a Plan,
    jobs: Vec<Job>,
    /// Indices into `jobs`, longest first.
    order: Vec<usize>,
    next: AtomicUsize,
    done: AtomicUsize,
    stop: AtomicBool,
    shared: Vec<Vec<Shared>>,
    share: bool,
    bar: ProgressBar,
}

/// Ends the others' work where a run breaks off.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Work<'_> {
    /// Takes one job after the other; returns what came of them.
    fn take_all(&self) -> Vec<(usize, Result<Run>)> {
        let _alarm = Alarm(&self.stop);
        let mut out = Vec::new();
        while let Some(&index) = self.order.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let result = self.carry_out(&self.jobs[index]);
            if result.is_err() {
                self.stop.store(true, Ordering::Relaxed);
            }
            let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
            self.bar.set_message(format!("{done}/{} runs", self.jobs.len()));
            out.push((index, result));
        }
        out
    }

    fn carry_out(&self, job: &Job) -> Result<Run> {
        let (plan, start) = (self.plan, &self.plan.starts[job.start]);
        let shared = &self.shared[job.start][job.stretch];
        let world = shared.world(&start.world(job.stretch), plan.strategies.len(), self.share)?;
        let (_, hours) = start.stretch(job.stretch);
        let course = Course { hours, whole_h: start.hours, prices: plan.prices, keep: start.keep };
        let per_s = job.work / (hours * 3600.0);
        let passed: Passed<'_> = &mut |seconds| {
            self.bar.inc((seconds * per_s) as u64);
            if self.stop.load(Ordering::Relaxed) { Err(anyhow!(Stopped)) } else { Ok(()) }
        };
        if !job.id.is_headroom() {
            return run::by_strategy(job.id, world, &course, passed);
        }
        let wants = |site: &Site| -> Result<Wants> {
            let loaded = load_policy(site, &plan.policy, plan.mode)?;
            let (_, mut wants) = loaded.context("the policy has findings")?;
            wants.cooling = job.id.cooling().unwrap_or(wants.cooling);
            Ok(wants)
        };
        // What is studied is the policy as it stands.
        let study = match job.id {
            Id::Headroom => {
                let (record, model) = (start.record.as_deref(), start.model.as_deref());
                Study { record, model, excite: plan.excite, tape: plan.tape }
            }
            _ => Study::default(),
        };
        run::headroom(world, &course, study, wants, passed)
    }
}

/// A run that ended because another one failed.
#[derive(Debug, thiserror::Error)]
#[error("ended, since another run failed")]
struct Stopped;

/// Runs everything; outcomes in the order of the plan's worlds.
///
/// # Errors
/// What went wrong in the first run, in the plan's order, that failed by itself.
pub(crate) fn run_all(plan: &Plan) -> Result<Vec<Outcome>> {
    let jobs = jobs(plan);
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by(|a, b| jobs[*b].work.total_cmp(&jobs[*a].work));
    let gpus: usize = plan.starts.iter().map(|s| s.config.gpus).sum();
    let work = Work {
        plan,
        order,
        next: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        shared: plan
            .starts
            .iter()
            .map(|start| (0..start.stretches()).map(|_| Shared::default()).collect())
            .collect(),
        share: gpus <= WAITING_GPUS,
        bar: progress(&jobs),
        jobs,
    };
    let mut results: Vec<(usize, Result<Run>)> = std::thread::scope(|scope| -> Result<_> {
        let count = plan.threads.min(work.jobs.len());
        let hands: Vec<_> = (0..count).map(|_| scope.spawn(|| work.take_all())).collect();
        let mut all = Vec::new();
        for hand in hands {
            all.extend(hand.join().map_err(|_| anyhow!("a run broke off"))?);
        }
        Ok(all)
    })?;
    work.bar.finish_and_clear();
    results.sort_by_key(|(index, _)| *index);
    collect(&work, results)
}

fn collect(work: &Work<'_>, results: Vec<(usize, Result<Run>)>) -> Result<Vec<Outcome>> {
    let mut outcomes: Vec<Outcome> = work.plan.starts.iter().map(outcome).collect();
    let mut parts: BTreeMap<(usize, Id), Vec<(f64, Run)>> = BTreeMap::new();
    let mut stopped = false;
    for (index, result) in results {
        let job = &work.jobs[index];
        let of = || {
            let file = &outcomes[job.start].file;
            format!("scenario {}, seed {}, {}", file.scenario, file.seed, job.id.key())
        };
        match result {
            Err(error) if error.is::<Stopped>() => stopped = true,
            Err(error) => return Err(error.context(of())),
            Ok(run) => {
                let hours = work.plan.starts[job.start].stretch(job.stretch).1;
                parts.entry((job.start, job.id)).or_default().push((hours, run));
            }
        }
    }
    if stopped {
        bail!(Stopped);
    }
    for ((start, id), stretches) in parts {
        let run = join(stretches);
        outcomes[start].file.strategies.insert(id, run.score.clone());
        outcomes[start].runs.insert(id, run);
    }
    Ok(outcomes)
}

/// Stretches, in order, as one run.
fn join(mut stretches: Vec<(f64, Run)>) -> Run {
    if stretches.len() == 1 {
        return stretches.remove(0).1;
    }
    let scores: Vec<_> = stretches.iter().map(|(hours, run)| (*hours, &run.score)).collect();
    let score = StrategyScore::joined(&scores);
    let mut trend = Trend::default();
    stretches.into_iter().for_each(|(_, run)| trend.extend(run.trend));
    Run { score, trend }
}

fn outcome(start: &Start) -> Outcome {
    let file = ScoreFile {
        format: 1,
        seed: start.config.seed,
        hours: start.hours,
        gpus: start.config.gpus,
        site: SITE_NAME.to_owned(),
        scenario: start.config.scenario.name.clone(),
        strategies: BTreeMap::new(),
    };
    Outcome { file, runs: BTreeMap::new() }
}
