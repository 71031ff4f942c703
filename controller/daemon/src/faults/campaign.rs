//! A campaign: which runs there are, on how many threads, and what is kept of them.
//!
//! Responsible for: order, seeds, threads, progress, going on where it stopped. Not for: a run (`run`) or what is said
//! about all of them (`report`).
//!
//! Nothing that a run computes depends on the thread it runs on or on what ran before it: the same seed gives the same lines,
//! in whatever order they are written.

use super::fault::Plan;
use super::judge::Violation;
use super::results::{Line, Results};
use super::run::{Found, run};
use super::stage::{STARTS, Start};
use crate::dice::Dice;
use anyhow::{Result, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Plants where runs begin, each settled by whoever comes first.
#[derive(Default)]
pub(super) struct Starts([OnceLock<Start>; STARTS as usize]);

impl Starts {
    /// The plant of a seed.
    ///
    /// # Errors
    /// It cannot be built.
    pub(super) fn of(&self, seed: u64) -> Result<&Start> {
        let number = seed % STARTS;
        let slot = &self.0[number as usize];
        if let Some(start) = slot.get() {
            return Ok(start);
        }
        let start = Start::new(number)?;
        Ok(slot.get_or_init(|| start))
    }
}

/// What is run.
pub(super) struct Course {
    pub(super) rows: Vec<u8>,
    pub(super) pairs: bool,
    pub(super) runs: u64,
    pub(super) seed: u64,
    pub(super) threads: usize,
}

impl Course {
    /// Rows that come together: each alone, or each with each.
    pub(super) fn together(&self) -> Vec<Vec<u8>> {
        if !self.pairs {
            return self.rows.iter().map(|&row| vec![row]).collect();
        }
        let pairs = self
            .rows
            .iter()
            .enumerate()
            .flat_map(|(n, &a)| self.rows[n + 1..].iter().map(move |&b| vec![a, b]));
        pairs.collect()
    }

    /// Seed of a run: short enough to be written down.
    pub(super) fn seed_of(&self, run: u64) -> u64 {
        Dice::new(self.seed, 1000 + run).next() >> 24
    }
}

/// Runs one plan; what breaks off is a violation.
///
/// # Errors
/// A fault names something that is not there.
pub(super) fn one(start: &Start, plan: &Plan, seed: u64) -> Result<Found> {
    catch_unwind(AssertUnwindSafe(|| run(start, plan, seed))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let what = text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned())).unwrap_or_default();
        let noticed = vec![super::run::Noticed::Never; plan.0.len()];
        let limits_s = vec![None; plan.0.len()];
        Ok(Found { violations: vec![Violation::Panic { what }], noticed, limits_s, seconds: 0 })
    })
}

fn progress(runs: u64, done: u64) -> ProgressBar {
    let bar = ProgressBar::new(runs).with_position(done);
    // The template is a constant; were it wrong, the plain bar would do.
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {msg} violated  {elapsed}, {eta} to go")
    {
        bar.set_style(style);
    }
    bar.reset_eta();
    bar
}

/// Runs everything that is not known yet; all lines in the order of their runs.
///
/// # Errors
/// A plant cannot be built, or a line cannot be kept.
pub(super) fn all(
    course: &Course,
    starts: &Starts,
    results: Option<Results>,
    known: Vec<Line>,
) -> Result<Vec<Line>> {
    let done: BTreeSet<u64> = known.iter().map(|line| line.run).collect();
    let left: Vec<u64> = (0..course.runs).filter(|run| !done.contains(run)).collect();
    let together = course.together();
    let bar = progress(course.runs, course.runs - left.len() as u64);
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let violated = AtomicUsize::new(known.iter().filter(|l| !l.violations.is_empty()).count());
    let results = Mutex::new(results);
    let work = || -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        while let Some(&index) = left.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let rows = &together[(index % together.len() as u64) as usize];
            let line =
                line_of(course, starts, index, rows).inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
            if let Some(results) = &mut *results.lock().unwrap_or_else(PoisonError::into_inner) {
                results.keep(&line).inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
            }
            violated.fetch_add(usize::from(!line.violations.is_empty()), Ordering::Relaxed);
            bar.set_message(violated.load(Ordering::Relaxed).to_string());
            bar.inc(1);
            lines.push(line);
        }
        Ok(lines)
    };
    let mut lines = known;
    lines.retain(|line| line.run < course.runs);
    std::thread::scope(|scope| -> Result<()> {
        let hands: Vec<_> = (0..course.threads.max(1)).map(|_| scope.spawn(work)).collect();
        for hand in hands {
            lines.extend(hand.join().map_err(|_| anyhow!("a thread broke off"))??);
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    lines.sort_by_key(|line| line.run);
    Ok(lines)
}

fn line_of(course: &Course, starts: &Starts, run: u64, rows: &[u8]) -> Result<Line> {
    let seed = course.seed_of(run);
    let start = starts.of(seed)?;
    let plan = Plan::draw(rows, &start.places, seed)?;
    let found = one(start, &plan, seed)?;
    Ok(Line::new(run, seed, plan.to_string(), found))
}
