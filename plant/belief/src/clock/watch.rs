//! Clocks that go wrong: steps, time zones, stamps that stand.
//!
//! Responsible for: noticing that a message cannot belong to the clock believed so far, and naming what happened. Not for:
//! the estimate.
//!
//! ```text
//!           one message too early                three in a row          forgotten
//! [trust] ------------------------> [doubt] ------------------------> [step] ----> [trust]
//!    |  ^------- one that fits -------'
//!    '-- a minute of messages, all later than any delay explains: [step]
//! ```
//! A step ahead makes messages arrive before they can have been sent: that is sure after a few. A step back looks like
//! a delay; it is called a step when nothing has been quick for a minute.

use super::ClockEstimate;
use std::fmt;

/// Messages in a row that are too early, for a step ahead.
const EARLY: u32 = 3;
/// Messages in a row that are all too late, and the time they last \[s\], for a step back.
const LATE: u32 = 12;
const LATE_S: f64 = 60.0;
/// Least step that is one \[s\].
const LEAST_STEP_S: f64 = 0.003;
/// Steps smaller than this are corrections as a time server makes them: followed, not told \[s\].
const TOLD_STEP_S: f64 = 0.05;
/// A stamp that stands for so long while messages come is stuck \[s\].
const STUCK_S: f64 = 60.0;
/// Messages with a stamp that stands.
const STUCK: u32 = 5;
/// A step is told for so long \[s\].
const TELL_S: f64 = 600.0;
/// Time zones differ by quarters of an hour; a clock that is otherwise right is within this of one \[s\].
const QUARTER_S: f64 = 900.0;
const ZONE_WITHIN_S: f64 = 30.0;

/// What is wrong with a clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClockFault {
    /// It was set, by so much \[s\].
    Step {
        /// How far \[s\]; positive is ahead.
        by_s: f64,
    },
    /// It is off by quarters of an hour, as local time taken for UTC is.
    TimeZone {
        /// How many quarters; positive is ahead.
        quarters: i32,
    },
    /// Messages come, their stamp stands.
    Stuck {
        /// For how long \[s\].
        since_s: f64,
    },
}

impl fmt::Display for ClockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { by_s } => write!(f, "its clock was set by {by_s:+.3} s"),
            Self::TimeZone { quarters } => {
                write!(f, "its clock is {:+.2} h off, like a time zone", f64::from(*quarters) / 4.0)
            }
            Self::Stuck { since_s } => write!(f, "its stamps have stood still for {since_s:.0} s"),
        }
    }
}

/// The watch over one clock.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Watch {
    early: u32,
    /// Most of what the early ones were early by \[s\].
    early_by_s: f64,
    late: u32,
    late_since_s: f64,
    /// Least excess of the late ones \[s\].
    late_by_s: f64,
    newest_ns: Option<i64>,
    newest_s: f64,
    standing: u32,
    step: Option<(f64, f64)>,
    fault: Option<ClockFault>,
}

impl Watch {
    /// Looks at a message to us: arrival, stamp, their difference, the least that was expected of it, and (1 / (N λ), 1 / λ)
    /// of earlier ones \[s\]. By how much the clock was set, if it was: what was known of it is void then.
    pub(super) fn look(
        &mut self,
        t_s: f64,
        stamp_ns: i64,
        z_s: f64,
        line_s: Option<f64>,
        scale: (f64, f64),
    ) -> Option<f64> {
        if self.newest_ns.is_none_or(|newest| stamp_ns > newest) {
            (self.newest_ns, self.newest_s, self.standing) = (Some(stamp_ns), t_s, 0);
        }
        let line_s = line_s?;
        let over_s = z_s - line_s;
        if over_s < -(12.0 * scale.0).max(LEAST_STEP_S) {
            self.late = 0;
            self.early_by_s = if self.early == 0 { -over_s } else { self.early_by_s.max(-over_s) };
            self.early += 1;
            return (self.early >= EARLY).then(|| self.set(t_s, self.early_by_s));
        }
        self.early = 0;
        if over_s < (5.0 * scale.1).max(LEAST_STEP_S) || self.standing >= STUCK {
            self.late = 0;
            return None;
        }
        if self.late == 0 {
            (self.late_since_s, self.late_by_s) = (t_s, over_s);
        }
        self.late += 1;
        self.late_by_s = self.late_by_s.min(over_s);
        let stays = self.late >= LATE && t_s - self.late_since_s >= LATE_S;
        stays.then(|| self.set(t_s, -self.late_by_s))
    }

    /// A message with something new to say came with a stamp that is not new.
    pub(super) fn stands(&mut self) {
        self.standing = self.standing.saturating_add(1);
    }

    /// True while messages do not fit and it is not yet clear why.
    pub(super) fn doubts(&self) -> bool {
        self.early > 0 || self.late > 0
    }

    /// Names what is wrong, with the estimate at hand.
    pub(super) fn name(&mut self, estimate: Option<&ClockEstimate>, now_s: f64) {
        let stuck = self.standing >= STUCK && now_s - self.newest_s >= STUCK_S;
        self.fault = if stuck {
            Some(ClockFault::Stuck { since_s: now_s - self.newest_s })
        } else {
            let told = self.step.filter(|(at_s, _)| now_s - at_s < TELL_S);
            zone(estimate).or(told.map(|(_, by_s)| ClockFault::Step { by_s }))
        };
    }

    pub(super) fn fault(&self) -> Option<ClockFault> {
        self.fault
    }

    fn set(&mut self, t_s: f64, by_s: f64) -> f64 {
        if by_s.abs() >= TOLD_STEP_S {
            self.step = Some((t_s, by_s));
        }
        (self.early, self.late) = (0, 0);
        // Stamps of the old clock say nothing of the new one.
        (self.newest_ns, self.standing) = (None, 0);
        by_s
    }
}

fn zone(estimate: Option<&ClockEstimate>) -> Option<ClockFault> {
    let offset_s = estimate?.offset_s;
    let quarters = (offset_s / QUARTER_S).round();
    let near = (offset_s - quarters * QUARTER_S).abs() < ZONE_WITHIN_S;
    // The zones of the world lie within 14 hours of UTC.
    let known = quarters.abs() >= 1.0 && quarters.abs() <= 56.0;
    (near && known).then_some(ClockFault::TimeZone { quarters: quarters as i32 })
}
