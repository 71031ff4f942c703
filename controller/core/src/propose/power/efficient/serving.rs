//! The clock of a job that serves: as low as keeps what its users are promised.

use super::page::{Pages, Requests, Said, place};
use super::{ClockWhy, Group, passed};
use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::wants::Wants;
use headroom_belief::pace::{Pace, Prior};
use headroom_site::model::Latency;
use headroom_site::{JobId, Site, Span, Stamp};

/// Time between two decisions to go lower.
const EACH: Span = Span::from_ms(30_000);
/// For so long after a move, and until the next reading of the page, requests are read that began before it.
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
const DISTANCE: (f64, f64) = (0.3, 2.0);
/// The most by which the requests of one reading change it.
const AT_ONCE: f64 = 0.05;
/// Fewest requests that are learned from, and whose mean alone breaks a promise.
const FEW: f64 = 5.0;
/// A latency that is not heard of for so long while requests are served is not seen.
const SILENT: Span = Span::from_ms(300_000);
/// Share of its fall that the number of served requests is followed by: bursts are over soon, and come again.
const FALLS: f64 = 0.05;
/// A clock is in force that is so near to the wanted one.
const IN_FORCE: f64 = 0.03;

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
    /// When it was heard of last, and when learned from.
    heard: Option<Stamp>,
    learned: Option<Stamp>,
    /// This promise decides the clock.
    binds: bool,
}

impl Promised {
    fn new(of: Latency, promised: Option<Span>, prior: Prior) -> Option<Self> {
        let promised_s = promised?.s();
        let (since, pace) = (Requests::default(), Pace::new(prior));
        // a 95th percentile is some two and a half times the mean where requests differ as prompts do
        let (heard, learned) = (None, None);
        Some(Self { of, promised_s, pace, since, distance: 0.9, late: 0.0, heard, learned, binds: false })
    }

    /// Counts requests; how far to stay off follows from how many are late (as the quantile of a conformal predictor does:
    /// Gibbs & Candes 2021). Nearer only where this promise decides a clock that is in force: elsewhere all are in time, and
    /// that teaches nothing.
    fn count(&mut self, new: Requests, in_force: bool, now: Stamp) {
        self.since.count += new.count;
        self.since.sum_s += new.sum_s;
        let (least, most) = DISTANCE;
        let wider = (WIDEN * (new.late - AIM * new.count)).clamp(-AT_ONCE, AT_ONCE);
        let wider = if in_force && self.binds { wider } else { wider.max(0.0) };
        self.distance = (self.distance + wider).clamp(least, most);
        if new.count > 0.0 {
            self.heard = Some(now);
            let weight = 1.0 - (-new.count / LAST).exp();
            self.late += weight * (new.late / new.count - self.late);
        }
    }

    /// Is it sure to hold at a clock over the highest, with so many requests?
    fn surely_kept(&self, share: f64, served: f64, k_sigma: f64) -> bool {
        let (ln_s, sigma) = self.pace.ln_at(share, served);
        ln_s + self.distance + k_sigma * sigma <= self.promised_s.ln()
    }

    fn broken(&self, new: Requests) -> bool {
        let mean = new.count >= FEW && new.sum_s > new.count * self.promised_s;
        new.count > 0.0 && (mean || self.late > TOO_LATE)
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
        if let Some(served) = said.served {
            let falls = if served < self.served { FALLS } else { 1.0 };
            self.served += falls * (served - self.served);
        }
        self.learn(group, &said, snapshot, e);
        if let Some(broken) = self.broken_promise(&said) {
            // one look may be a handful of requests: up a little at a time, and again at the next reading
            if passed(now, self.broken, SETTLE) {
                self.broken = Some(now);
                self.go(now, (self.share + UP).min(group.range.1));
            }
            return Some((self.share, broken));
        }
        let due = passed(now, self.decided, EACH);
        if !due && self.unseen(&said, now).is_none() && self.surely_kept(self.share, wants.k_sigma) {
            return None;
        }
        let (target, why) = self.target(group, &said, now, wants.k_sigma);
        for p in &mut self.promised {
            p.binds = matches!(why, ClockWhy::Promise { of, .. } if of == p.of);
        }
        if target > self.share {
            self.go(now, target);
            return Some((self.share, why));
        }
        if !due {
            return None;
        }
        self.decided = Some(now);
        // a step teaches what the next one will do
        let taught = |p: &Promised| p.learned > self.moved || self.moved.is_none();
        if !passed(now, self.broken, REST) || !self.promised.iter().all(taught) {
            return Some((self.share, ClockWhy::Lowering));
        }
        let next = target.max(self.share - DOWN);
        let why = if next > target { ClockWhy::Lowering } else { why };
        if self.share - next > 0.25 * DOWN || next <= group.range.0 {
            self.go(now, next);
        }
        Some((self.share, why))
    }

    /// Elasticity of its power to its clock.
    pub(super) fn power_follows(&self) -> f64 {
        self.power.elasticity().0
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
        if said.requests.iter().all(|new| new.count <= 0.0) {
            return;
        }
        let settled = passed(now, self.moved, Span::from_ns(SETTLE.ns() + self.pages.poll.ns()));
        let seen = group.seen(snapshot, e);
        let in_force = seen.is_some_and(|(clock, _)| (clock - self.share).abs() < IN_FORCE);
        let mut powered = false;
        for p in &mut self.promised {
            p.count(said.requests[place(p.of)], in_force, now);
            if !settled {
                p.since = Requests::default();
            }
            let long = passed(now, p.learned, LONG);
            let enough = p.since.count >= if long { FEW } else { ENOUGH };
            let Some((clock, _)) = seen.filter(|_| enough) else { continue };
            let Requests { count, sum_s, .. } = std::mem::take(&mut p.since);
            let dt = p.learned.filter(|at| *at <= now).map_or(LONG, |at| now.since(at));
            p.pace.learn(sum_s / count, clock, self.served, dt.s());
            (p.learned, powered) = (Some(now), true);
        }
        if let Some((clock, watts)) = seen.filter(|_| powered) {
            self.power.learn(watts, clock, self.served, LONG.s());
        }
    }

    /// A promise that is broken.
    fn broken_promise(&self, said: &Said) -> Option<ClockWhy> {
        let new = |p: &Promised| said.requests[place(p.of)];
        let p = self.promised.iter().find(|p| p.broken(new(p)))?;
        let late = p.late;
        Some(ClockWhy::Broken { of: p.of, late, promised_s: p.promised_s })
    }

    /// A promised latency that is not seen: a page says nothing, or nothing of it while it serves.
    fn unseen(&self, said: &Said, now: Stamp) -> Option<Latency> {
        let serves = said.served.is_none_or(|n| n > 0.5);
        let silent = |p: &&Promised| {
            said.served.is_none() || !p.pace.seen() || (serves && passed(now, p.heard, SILENT))
        };
        self.promised.iter().find(silent).map(|p| p.of)
    }

    /// Is every promise sure to hold at a clock?
    fn surely_kept(&self, share: f64, k_sigma: f64) -> bool {
        self.promised.iter().all(|p| p.surely_kept(share, self.served, k_sigma))
    }

    /// The lowest clock that surely keeps every promise.
    fn target(&self, group: &Group, said: &Said, now: Stamp, k_sigma: f64) -> (f64, ClockWhy) {
        let (low, high) = group.range;
        if let Some(latency) = self.unseen(said, now) {
            return (high, ClockWhy::Unseen(latency));
        }
        if self.promised.iter().any(|p| p.pace.ln_at(self.share, self.served).1 > UNKNOWN) {
            return (high, ClockWhy::Learning);
        }
        let mut found = (low, ClockWhy::Lowest);
        for p in &self.promised {
            let x = lowest(
                |x| p.surely_kept(x, self.served, k_sigma),
                (low, high),
                group.step_mhz / group.max_mhz,
            );
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
