//! Efficient: for each job the lowest clock that keeps what is promised of it.
//!
//! Responsible for: one wanted clock per job, and why. Not for: budgets and temperatures ([`super::Steady`] takes the lower of
//! what it can carry and what is wanted here), caps, or what a GPU draws at a clock.
//!
//! ```text
//! serving    least x in [knee, 1]  with  ln L(x) + d + k sigma(x) <= ln promise   for each promised latency L
//! training   x = (1 - loss)^(1/s)  where what is lost earns less than what is saved, or watts are preferred
//! ```
//! L(x), s and sigma come from [`headroom_belief::pace::Pace`]: how the mean latency (the tokens) of this very job has followed
//! its clock. d is the distance at which few enough requests are late, tracked. Requests that are served come by themselves, so a lower clock costs none of them as
//! long as the promise holds; what is left of a promise is time in which voltage can be lower. Down it goes in steps that teach
//! what the next one will do; up at once.
//!
//! The knee: below some 0.57 of the highest clock the voltage falls no further (facts of public fits on A100 and H100, see
//! [`headroom_belief::demand`]), so that a slower clock saves no energy per token there.
//!
//! Rooms: `serving` and `training` decide, `page` reads what engines say.

mod page;
mod serving;
mod training;
mod why;

pub use why::ClockWhy;

use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::wants::Wants;
use headroom_site::model::JobKind;
use headroom_site::{JobId, Site, Span, Stamp};
use serving::Serving;
use training::Training;

/// Clock over the highest below which nothing is saved.
const KNEE: f64 = 0.57;

/// What is wanted of a job's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JobClock {
    /// Highest clock, MHz; `None` leaves it free.
    pub wanted_mhz: Option<f64>,
    /// Why.
    pub why: ClockWhy,
    /// What the job is believed to draw less than at its highest clock, W: by the voltage law, as if its memory followed the clock
    /// as well, so rather too much.
    pub saves_w: f64,
}

/// What a job's GPUs have in common.
#[derive(Debug, Clone)]
struct Group {
    gpus: Vec<usize>,
    /// Lowest of their highest clocks, MHz.
    max_mhz: f64,
    /// Widest of their steps, MHz.
    step_mhz: f64,
    /// Lowest and highest clock over the highest that may be wanted.
    range: (f64, f64),
}

#[derive(Debug, Clone)]
enum Decider {
    Serving(Box<Serving>),
    Training(Box<Training>),
}

/// One job.
#[derive(Debug, Clone)]
struct Job {
    group: Group,
    decider: Decider,
}

/// All jobs.
#[derive(Debug, Clone)]
pub struct Efficient {
    jobs: Vec<Option<Job>>,
    clocks: Vec<JobClock>,
}

impl Efficient {
    /// For the jobs of a site.
    #[must_use]
    pub fn new(site: &Site, wants: &Wants) -> Self {
        let job = |j: usize| {
            let id = JobId(j as u32);
            let group = Group::new(site, wants, id)?;
            let decider = match site.jobs[j].kind {
                JobKind::Serving => Decider::Serving(Box::new(Serving::new(site, wants, id))),
                JobKind::Training => Decider::Training(Box::new(Training::new(site, wants, id))),
            };
            Some(Job { group, decider })
        };
        let none = JobClock { wanted_mhz: None, why: ClockWhy::NotOurs, saves_w: 0.0 };
        Self { jobs: (0..site.jobs.len()).map(job).collect(), clocks: vec![none; site.jobs.len()] }
    }

    /// Looks at what is new, and decides where that is due.
    pub fn look(&mut self, wants: &Wants, snapshot: &Snapshot, estimate: &Estimate) -> &[JobClock] {
        for (job, clock) in self.jobs.iter_mut().zip(&mut self.clocks) {
            let Some(Job { group, decider }) = job else { continue };
            let decided = match decider {
                Decider::Serving(serving) => serving.look(group, wants, snapshot, estimate),
                Decider::Training(training) => training.look(group, snapshot, estimate),
            };
            if let Some((share, why)) = decided {
                let follows = match decider {
                    Decider::Serving(serving) => serving.power_follows(),
                    Decider::Training(training) => training.power_follows(),
                };
                *clock = group.clock(share, why, group.seen(snapshot, estimate), follows);
            }
        }
        &self.clocks
    }

    /// How the tokens of a training job follow its clock, and the standard deviation of that.
    #[must_use]
    pub fn tokens_follow(&self, job: usize) -> Option<(f64, f64)> {
        match &self.jobs.get(job)?.as_ref()?.decider {
            Decider::Training(training) => Some(training.tokens_follow()),
            Decider::Serving(_) => None,
        }
    }

    /// What was decided last, by job.
    #[must_use]
    pub fn clocks(&self) -> &[JobClock] {
        &self.clocks
    }
}

impl Group {
    /// `None` for a job without a GPU that can be commanded.
    fn new(site: &Site, wants: &Wants, id: JobId) -> Option<Self> {
        let commanded = |g: &usize| !site.nodes[site.gpus[*g].node.index()].read_only();
        let gpus: Vec<usize> =
            site.jobs[id.index()].gpus.iter().map(|g| g.index()).filter(commanded).collect();
        let skus = || gpus.iter().map(|&g| &site.skus[site.gpus[g].sku]);
        let max_mhz = skus().map(|s| s.max_clock_mhz).reduce(f64::min)?;
        let min_mhz = skus().map(|s| s.min_clock_mhz).fold(0.0, f64::max);
        let step_mhz = skus().map(|s| s.clock_step_mhz).fold(1.0, f64::max);
        let wish = wants.policy().job(site, id);
        let share = |clock: Option<headroom_site::Frequency>| clock.map(|c| c.as_megahertz() / max_mhz);
        let high = wish.and_then(|w| share(w.ceiling_clock)).unwrap_or(1.0).min(1.0);
        let low = wish.and_then(|w| share(w.floor_clock)).unwrap_or(0.0).max(min_mhz / max_mhz).max(KNEE);
        Some(Self { gpus, max_mhz, step_mhz, range: (low.min(high), high) })
    }

    /// A share of the highest clock on the GPUs' steps, MHz: upward, as what is wanted is the lowest that serves, and never above
    /// the highest that may be wanted.
    fn on_step(&self, share: f64) -> f64 {
        let (low, high) = self.range;
        let steps = |share: f64| share * self.max_mhz / self.step_mhz;
        let top = if high < 1.0 { (steps(high) + 1e-6).floor() } else { f64::INFINITY };
        (steps(share.clamp(low, high)) - 1e-6).ceil().min(top) * self.step_mhz
    }

    /// A clock that is wanted, where `seen` is what is drawn now and at what clock, and power follows the clock so much.
    fn clock(&self, share: f64, why: ClockWhy, seen: Option<(f64, f64)>, follows: f64) -> JobClock {
        let mhz = self.on_step(share);
        if mhz >= self.max_mhz - 0.5 * self.step_mhz {
            return JobClock { wanted_mhz: None, why, saves_w: 0.0 };
        }
        JobClock { wanted_mhz: Some(mhz), why, saves_w: saves_w(mhz / self.max_mhz, seen, follows) }
    }

    /// Mean clock of the GPUs that are heard, over the highest, and their power, W; `None` if none is.
    fn seen(&self, snapshot: &Snapshot, e: &Estimate) -> Option<(f64, f64)> {
        let (mut mhz, mut watts, mut heard) = (0.0, 0.0, 0);
        for &g in &self.gpus {
            let value = &snapshot.gpus[g];
            if let (true, Some(clock)) = (value.heard, value.sample.clock_mhz.get()) {
                mhz += f64::from(clock);
                watts += e.power_w[g];
                heard += 1;
            }
        }
        let share = mhz / f64::from(heard.max(1)) / self.max_mhz;
        (heard as usize * 2 > self.gpus.len() && share > 0.05).then_some((share.min(1.0), watts))
    }
}

/// What a job draws less at a share of its highest clock than at that, W: P(x) = P (x/x0)^e, where it draws P at x0 and its power
/// follows its clock with the elasticity e, as learned.
fn saves_w(share: f64, seen: Option<(f64, f64)>, follows: f64) -> f64 {
    seen.map_or(0.0, |(now, watts)| {
        watts * ((1.0 / now).powf(follows) - (share / now).powf(follows)).max(0.0)
    })
}

/// Have so many seconds passed? Also where nothing was before, and where our clock was set back since.
fn passed(now: Stamp, since: Option<Stamp>, span: Span) -> bool {
    since.is_none_or(|at| now < at || now.since(at) >= span)
}

#[cfg(test)]
mod tests;
