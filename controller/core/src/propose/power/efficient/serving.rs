//! The clock of a job that serves: as low as keeps what its users are promised.

use super::page::{Pages, Requests, Said, place};
use super::{ClockWhy, Group};
use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::wants::Wants;
use headroom_belief::pace::{Pace, Prior};
use headroom_site::model::Latency;
use headroom_site::{JobId, Site, Span, Stamp};

/// Time between two decisions to go lower.
const EACH: Span = Span::from_ms(30_000);
/// For so long after a move requests are read that began before it.
const SETTLE: Span = Span::from_ms(12_000);
/// After a broken promise no clock is lowered for so long.
const REST: Span = Span::from_ms(120_000);
/// The most by which it goes down at a time, share of the highest clock.
const DOWN: f64 = 0.04;
/// By which it goes up where a promise is broken.
const UP: f64 = 0.15;
/// Deviations of the logarithm of a latency from which on nothing is known of it.
const UNKNOWN: f64 = 1.0;
/// Elasticity of the power below which a slower clock saves nothing.
const SAVES: f64 = 0.05;
/// Requests that make an observation, and the longest that is waited for them.
const ENOUGH: f64 = 20.0;
const LONG: Span = Span::from_ms(60_000);
/// Share of late requests that is aimed at; a promise is of 95 of 100.
const AIM: f64 = 0.03;
/// Share of late ones among the last requests from on which a promise is broken, and how many those are.
const TOO_LATE: f64 = 0.15;
const LAST: f64 = 120.0;
/// By which one late request widens the distance kept from a promise (logarithm), and its bounds.
const WIDEN: f64 = 0.002;
const DISTANCE: (f64, f64) = (0.1, 2.0);

/// One promised latency.
#[derive(Debug, Clone)]
struct Promised {
    of: Latency,
    promised_s: f64,
    pace: Pace,
    /// Requests since the last observation.
    since: Requests,
    /// How far the mean stays below the promise (logarithm), so that few enough of all requests are late.
    distance: f64,
    /// Share of the last requests that were late.
    late: f64,
}

impl Promised {
    fn new(of: Latency, promised: Option<Span>, prior: Prior) -> Option<Self> {
        let promised_s = promised?.s();
        let (since, pace) = (Requests::default(), Pace::new(prior));
        // a 95th percentile is some two and a half times the mean where requests differ as prompts do
        Some(Self { of, promised_s, pace, since, distance: 0.9, late: 0.0 })
    }

    /// Counts requests; how far to stay off follows from how many are late (as the quantile of a conformal predictor does:
    /// Gibbs & Candes 2021).
    fn count(&mut self, new: Requests) {
        self.since.count += new.count;
        self.since.sum_s += new.sum_s;
        let (least, most) = DISTANCE;
        let wider = WIDEN * (new.late - AIM * new.count);
        self.distance = (self.distance + wider).clamp(least, most);
        if new.count > 0.0 {
            let weight = 1.0 - (-new.count / LAST).exp();
            self.late += weight * (new.late / new.count - self.late);
        }
    }

    fn broken(&self, new: Requests) -> bool {
        new.count > 0.0 && (self.late > TOO_LATE || new.sum_s > new.count * self.promised_s)
    }
}

/// What is known of the job.
#[derive(Debug, Clone)]
pub(super) struct Serving {
    pages: Pages,
    promised: Vec<Promised>,
    power: Pace,
    /// Clock over the highest that is wanted.
    share: f64,
    served: f64,
    learned: Option<Stamp>,
    moved: Option<Stamp>,
    decided: Option<Stamp>,
    broken: Option<Stamp>,
}

impl Serving {
    pub(super) fn new(site: &Site, wants: &Wants, id: JobId) -> Self {
        let promise = wants.policy().job_promise(site, id);
        let promised = [
            Promised::new(Latency::FirstToken, promise.first_token, Prior::FIRST_TOKEN),
            Promised::new(Latency::PerOutputToken, promise.per_token, Prior::PER_TOKEN),
        ];
        Self {
            pages: Pages::new(site, &site.jobs[id.index()].id),
            promised: promised.into_iter().flatten().collect(),
            power: Pace::new(Prior::POWER),
            share: 1.0,
            served: 0.0,
            learned: None,
            moved: None,
            decided: None,
            broken: None,
        }
    }

    /// Learns what is new; a clock and why, where one was decided.
    pub(super) fn look(
        &mut self,
        group: &Group,
        wants: &Wants,
        snapshot: &Snapshot,
        e: &Estimate,
    ) -> Option<(f64, ClockWhy)> {
        if self.promised.is_empty() {
            return Some((1.0, ClockWhy::NoPromise));
        }
        let now = snapshot.stamp;
        let promised_s = |of| self.promised.iter().find(|p| p.of == of).map(|p| p.promised_s);
        let promised_s = [promised_s(Latency::FirstToken), promised_s(Latency::PerOutputToken)];
        let said = self.pages.read(snapshot, promised_s);
        self.learn(group, &said, snapshot, e);
        if let Some(broken) = self.broken_promise(&said) {
            // one look may be a handful of requests: up a little at a time, and again at the next reading
            if self.broken.is_none_or(|at| now.since(at) >= SETTLE) {
                self.broken = Some(now);
                self.go(now, (self.share + UP).min(group.range.1));
            }
            return Some((self.share, broken));
        }
        if self.decided.is_some_and(|at| now.since(at) < EACH) {
            return None;
        }
        self.decided = Some(now);
        let (target, why) = self.target(group, &said, wants.k_sigma);
        let rests = self.broken.is_some_and(|at| now.since(at) < REST);
        if target > self.share {
            self.go(now, target);
            return Some((self.share, why));
        }
        if rests || self.moved.is_some_and(|at| now.since(at) < EACH) {
            return Some((self.share, ClockWhy::Lowering));
        }
        let next = target.max(self.share - DOWN);
        let why = if next > target { ClockWhy::Lowering } else { why };
        if self.share - next > 0.25 * DOWN || next <= group.range.0 {
            self.go(now, next);
        }
        Some((self.share, why))
    }

    fn go(&mut self, now: Stamp, share: f64) {
        if (share - self.share).abs() > 1e-9 {
            self.share = share;
            self.moved = Some(now);
        }
    }

    /// Takes what is new on the pages; requests that saw another clock teach nothing of this one.
    fn learn(&mut self, group: &Group, said: &Said, snapshot: &Snapshot, e: &Estimate) {
        let now = snapshot.stamp;
        let settled = self.moved.is_none_or(|at| now.since(at) >= SETTLE);
        for p in &mut self.promised {
            p.count(said.requests[place(p.of)]);
            if !settled {
                p.since = Requests::default();
            }
        }
        let dt = self.learned.map_or(LONG, |at| now.since(at));
        let enough = self.promised.iter().all(|p| p.since.count >= ENOUGH);
        if !(settled && (enough || dt >= LONG)) {
            return;
        }
        self.learned = Some(now);
        self.served = said.served.unwrap_or(self.served);
        let Some((clock, watts)) = group.seen(snapshot, e) else { return };
        for p in &mut self.promised {
            let Requests { count, sum_s, .. } = std::mem::take(&mut p.since);
            if count > 0.0 {
                p.pace.learn(sum_s / count, clock, self.served, dt.s());
            }
        }
        self.power.learn(watts, clock, self.served, dt.s());
    }

    /// A promise that is broken.
    fn broken_promise(&self, said: &Said) -> Option<ClockWhy> {
        let new = |p: &Promised| said.requests[place(p.of)];
        let p = self.promised.iter().find(|p| p.broken(new(p)))?;
        let late = p.late;
        Some(ClockWhy::Broken { of: p.of, late, promised_s: p.promised_s })
    }

    /// The lowest clock that surely keeps every promise.
    fn target(&self, group: &Group, said: &Said, k_sigma: f64) -> (f64, ClockWhy) {
        let (low, high) = group.range;
        // a page that fell silent shows nothing of what is promised
        let silent = |p: &&Promised| said.served.is_none() || !p.pace.seen();
        if let Some(p) = self.promised.iter().find(silent) {
            return (high, ClockWhy::Unseen(p.of));
        }
        if self.promised.iter().any(|p| p.pace.ln_at(self.share, self.served).1 > UNKNOWN) {
            return (high, ClockWhy::Learning);
        }
        let mut found = (low, ClockWhy::Lowest);
        for p in &self.promised {
            let sure = |x: f64| {
                let (ln_s, sigma) = p.pace.ln_at(x, self.served);
                ln_s + p.distance + k_sigma * sigma <= p.promised_s.ln()
            };
            let x = lowest(sure, (low, high), group.step_mhz / group.max_mhz);
            if x > found.0 {
                let mean_s = p.pace.ln_at(x, self.served).0.exp();
                found = (x, ClockWhy::Promise { of: p.of, mean_s, promised_s: p.promised_s });
            }
        }
        let (follows, sigma) = self.power.elasticity();
        if found.0 < self.share && follows + sigma < SAVES {
            return (self.share, ClockWhy::NothingToSave);
        }
        found
    }
}

/// The lowest of a range from which on up to the highest all are sure, on a grid of steps; the highest if none is.
fn lowest(sure: impl Fn(f64) -> bool, (low, high): (f64, f64), step: f64) -> f64 {
    let steps = ((high - low) / step).ceil() as usize;
    let mut x = high;
    for k in 1..=steps {
        let next = (high - k as f64 * step).max(low);
        if !sure(next) {
            break;
        }
        x = next;
    }
    x
}
