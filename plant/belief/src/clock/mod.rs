//! The clock of a source, as far as messages tell: how far it is off, how fast it drifts, and how sure that is.
//!
//! Responsible for: offset and drift from when messages were stamped and when they arrived (one way), and from when ours
//! were sent and heard (the way back); steps, time-zone errors and stuck stamps, named. Not for: which points and nodes
//! share a clock, and what is done with its stamps (`headroom-core`, `align`).
//!
//! ```text
//! theirs = ours + θ(t)        θ' = drift
//! up:    arrival - stamp = -θ + delay        down:   heard - sent = θ + delay        delay >= 0
//! ```
//!
//! One way alone cannot tell an offset from the least delay: that is reckoned with as stated by whoever knows the link, and
//! a clock that seems to be behind by less than 10 s is not known any better than that. A clock ahead is sure:
//! nothing arrives before it was sent.
//! With both ways the offset is known but for half of what the least delays of the two differ by (RFC 5905, 3). They are
//! taken to be alike; if they were as different as they can be, the offset would be off by half a round trip, which is
//! stated beside the deviation.

mod envelope;
mod fit;
mod lag;
mod watch;

use envelope::Envelope;
pub use lag::{Lag, lag};
pub use watch::ClockFault;
use watch::Watch;

/// Errors of a line under delays have exponential tails: 95 % of them lie within 2.12 deviations and not within 1.96. So
/// much wider is the deviation stated, that 1.96 of them mean what they mean elsewhere.
const TAILS: f64 = 2.12 / 1.96;
/// Longer than this no link takes, at its quickest \[s\].
const SLOW_LINK_S: f64 = 10.0;
/// Messages that are worth weighing everything anew: as a share of those that were weighed, and at most.
const NEWS: (f64, f64) = (0.1, 100.0);
const NEWS_ONE_WAY: (f64, f64) = (0.5, 4000.0);
/// Doubt about the size of a step when it has just been seen, as a share of it.
const STEP_DOUBT: f64 = 0.05;
/// Messages before anything is said.
const LEAST: f64 = 5.0;

/// What is believed of a clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockEstimate {
    /// Their clock less ours \[s\].
    pub offset_s: f64,
    /// Standard deviation of that, if the quickest messages take as long there as back \[s\].
    pub sigma_s: f64,
    /// How fast the offset grows.
    pub drift: f64,
    /// Least time there and back \[s\]: half of it bounds what unlike ways could hide. `None` while messages come one way
    /// only.
    pub round_s: Option<f64>,
}

/// The clock of one source. All instants in, in ns, ours and theirs each on their own scale.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceClock {
    up: Envelope,
    down: Envelope,
    /// Least delay of messages to us (mean and deviation alike) \[s\]: what one way alone cannot see.
    least_delay_s: f64,
    /// Steps of the stamps \[s\].
    grain_s: f64,
    origin_ns: Option<i64>,
    slope: f64,
    /// (1 / (N λ), 1 / λ) of the messages to us \[s\], when last weighed.
    scale: (f64, f64),
    /// Messages since it last made up its mind.
    news: f64,
    weighed_ns: i64,
    watch: Watch,
    estimate: Option<ClockEstimate>,
}

impl SourceClock {
    /// A clock nobody has heard from. `least_delay_s` is what a message to us takes at least, roughly; its stamps come in
    /// steps of `grain_s`.
    #[must_use]
    pub fn new(least_delay_s: f64, grain_s: f64) -> Self {
        Self {
            up: Envelope::default(),
            down: Envelope::default(),
            least_delay_s,
            grain_s,
            origin_ns: None,
            slope: 0.0,
            scale: (f64::INFINITY, f64::INFINITY),
            news: 0.0,
            weighed_ns: 0,
            watch: Watch::default(),
            estimate: None,
        }
    }

    /// A message of theirs arrived, with a stamp not seen before.
    pub fn heard(&mut self, arrival_ns: i64, stamp_ns: i64) {
        let t_s = self.time_s(arrival_ns);
        let z_s = difference_s(arrival_ns, stamp_ns);
        let offset_s = self.offset_at(arrival_ns).map(|(offset_s, _)| offset_s);
        let line_s = offset_s.map(|offset_s| self.least_up_s() - offset_s);
        if let Some(by_s) = self.watch.look(t_s, stamp_ns, z_s, line_s, self.scale) {
            self.restart(by_s);
        }
        if !self.watch.doubts() {
            self.up.take(t_s, z_s, self.slope);
            self.news += 1.0;
        }
    }

    /// A message of theirs said something new under a stamp that was not.
    pub fn stood(&mut self) {
        self.watch.stands();
    }

    /// A message of ours was heard by them, and they have said when.
    pub fn answered(&mut self, sent_ns: i64, heard_ns: i64) {
        let t_s = self.time_s(sent_ns);
        if !self.watch.doubts() {
            self.down.take(t_s, difference_s(heard_ns, sent_ns), -self.slope);
            self.news += 1.0;
        }
    }

    /// Makes up its mind as of now, if enough (a tenth more, or a hundred messages) has been heard since it last did. To be called as often as one
    /// likes.
    pub fn update(&mut self, now_ns: i64) {
        let now_s = self.time_s(now_ns);
        let count = self.up.count() + self.down.count();
        // One way alone, the least delay is the doubt that counts, and no weighing lessens it.
        let (share, most) = if self.down.points().is_empty() { NEWS_ONE_WAY } else { NEWS };
        if self.up.count() < LEAST || self.news < (share * count).clamp(1.0, most) {
            self.watch.name(self.estimate.as_ref(), now_s);
            return;
        }
        self.news = 0.0;
        self.weighed_ns = now_ns;
        let Some(line) = fit::line(&self.up, &self.down, now_s, self.slope) else { return };
        self.slope = line.slope;
        self.scale = self.up_scale();
        let both = !self.down.points().is_empty();
        let delay_s = if both { 0.0 } else { self.least_delay_s };
        let offset_s = delay_s - line.value_s;
        // One way alone, a clock that seems behind may as well be a link that is slow.
        let slow_s = if !both && (-SLOW_LINK_S..0.0).contains(&offset_s) { offset_s } else { 0.0 };
        let variance = line.sigma_s.powi(2) + delay_s.powi(2) + self.grain_s.powi(2) + slow_s.powi(2);
        self.estimate = Some(ClockEstimate {
            offset_s,
            sigma_s: TAILS * variance.sqrt(),
            drift: -line.slope,
            round_s: both.then_some(line.round_s),
        });
        self.watch.name(self.estimate.as_ref(), now_s);
    }

    /// What is believed, as of when it was last weighed; `None` before enough was heard.
    #[must_use]
    pub fn estimate(&self) -> Option<ClockEstimate> {
        self.estimate
    }

    /// Their clock less ours at one of our instants \[s\], and the deviation of that.
    #[must_use]
    pub fn offset_at(&self, ours_ns: i64) -> Option<(f64, f64)> {
        let e = self.estimate?;
        Some((e.offset_s + e.drift * difference_s(ours_ns, self.weighed_ns), e.sigma_s))
    }

    /// What is wrong with the clock, if anything is, or was lately.
    #[must_use]
    pub fn fault(&self) -> Option<ClockFault> {
        self.watch.fault()
    }

    /// Messages that speak for the estimate.
    #[must_use]
    pub fn messages(&self) -> u64 {
        (self.up.count() + self.down.count()) as u64
    }

    /// Forgets all messages: after a step they speak of another clock. Until new ones do, the step is all that is known.
    fn restart(&mut self, by_s: f64) {
        self.up.clear();
        self.down.clear();
        self.estimate = self.estimate.map(|e| ClockEstimate {
            offset_s: e.offset_s + by_s,
            sigma_s: e.sigma_s.hypot(STEP_DOUBT * by_s),
            ..e
        });
        self.news = 0.0;
    }

    fn least_up_s(&self) -> f64 {
        self.estimate.and_then(|e| e.round_s).map_or(self.least_delay_s, |round| 0.5 * round)
    }

    /// (1 / (N λ), 1 / λ) of the messages to us \[s\].
    fn up_scale(&self) -> (f64, f64) {
        let Some(point) = self.up.points().last() else { return (f64::INFINITY, f64::INFINITY) };
        let delay_s = self.up.mean_s(point.t_s, self.slope) - self.up.floor_s(point.t_s, self.slope);
        (delay_s / self.up.count().max(1.0), delay_s)
    }

    fn time_s(&mut self, ns: i64) -> f64 {
        let origin = *self.origin_ns.get_or_insert(ns);
        difference_s(ns, origin)
    }
}

fn difference_s(later_ns: i64, earlier_ns: i64) -> f64 {
    later_ns.saturating_sub(earlier_ns) as f64 * 1e-9
}

#[cfg(test)]
mod tests;
