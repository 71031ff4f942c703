//! The running mode of each actuator: down by itself and at once, up again once it was good for long enough.
//!
//! Responsible for: how far each actuator may go beside what policy and operators want of its group, and why. Not for: the evidence
//! that it follows (`follow`), what an operator wants (`instructed`, `release`), nor for judging a setpoint (`headroom-guard`, whose
//! `transition` is the only way from one mode to another here).
//!
//! ```text
//!               2 misses, or nobody           3 misses            it stands at home,
//!               says of an interlock                              or does not walk there
//!      ACTIVE ----------------------> HOLD ------------> HOLD, on -------------------> FALLBACK
//!        ^ ^                           |                 its way home                  |   ^
//!        | +--- good for 2 min --------+                                               |   | an interlock stands:
//!        +--------------- good for 15 min, twice as long with each time in a day ------+   | at once, from anywhere
//! ```
//! In HOLD it asks for nothing new and may tighten. On its way home it walks by its ramp to what the plant holds by itself, as one
//! that is not read back (`readback`). In FALLBACK it is let go. Up, it begins with what is read back. After three entries into
//! ACTIVE within an hour it stays where it is until an operator leaves it to Headroom again.
//!
//! Each look gathers the signs of all first and changes nothing; then each rung is moved.

use super::follow::{Evidence, Follow, Gap};
use super::readback::way_home;
use crate::align::Snapshot;
use crate::lease::Leases;
use headroom_guard::{Grounds, Mode, transition};
use headroom_site::{PointId, Site, Span, Stamp};
use std::fmt;

/// Misses after which it is held, and after which it is handed back.
const HELD: u32 = 2;
const HANDED_BACK: u32 = 3;
/// Good for so long, and no less than four cooling periods: up from HOLD.
const GOOD_AFTER_HOLD: Span = Span::from_ms(120_000);
/// The same from FALLBACK, the first time in a day; twice as long with each time after it, this often.
const GOOD_AFTER_FALLBACK: Span = Span::from_ms(900_000);
const DOUBLED_AT_MOST: u32 = 5;
const DAY: Span = Span::from_ms(86_400_000);
/// Entries into ACTIVE in an hour.
const ENTRIES: usize = 3;
const HOUR: Span = Span::from_ms(3_600_000);

/// Why an actuator is held back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cause {
    /// What is in force does not follow what is asked; both in base units.
    NotFollowed {
        /// What was asked.
        asked: f64,
        /// What stood instead.
        stands: f64,
    },
    /// A trip or an interlock of the plant stands.
    Interlock(PointId),
    /// Nobody says whether one stands.
    InterlockUnknown(PointId),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFollowed { .. } => "what is in force does not follow what is asked",
            Self::Interlock(_) => "an interlock of the plant stands",
            Self::InterlockUnknown(_) => "nobody says whether an interlock of the plant stands",
        })
    }
}

/// An actuator that is held back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldBack {
    /// Index of the actuator.
    pub actuator: usize,
    /// HOLD or FALLBACK.
    pub mode: Mode,
    /// Why.
    pub cause: Cause,
    /// Since when it is in this mode.
    pub since: Stamp,
    /// It walks to what the plant holds by itself, and is let go there.
    pub goes_home: bool,
    /// It stays so until an operator leaves it to Headroom again.
    pub stays: bool,
}

/// What was seen of one actuator.
#[derive(Debug, Clone, Copy)]
struct Signs {
    interlock: Option<Cause>,
    evidence: Evidence,
    /// Its read-back is good, or none exists.
    readable: bool,
    /// It walks before it is let go.
    home: bool,
}

/// One actuator.
#[derive(Debug, Clone)]
struct Rung {
    mode: Mode,
    cause: Option<Cause>,
    since: Stamp,
    goes_home: bool,
    good_since: Option<Stamp>,
    /// The last entries into ACTIVE by itself.
    entries: Vec<Stamp>,
    /// When it was let go last, and how often of late.
    let_go: Option<(Stamp, u32)>,
    stays: bool,
}

/// All actuators.
#[derive(Debug, Clone)]
pub(super) struct Ladder {
    rungs: Vec<Rung>,
    follow: Vec<Follow>,
    signs: Vec<Signs>,
    good_after_hold: Span,
}

impl Ladder {
    pub(super) fn new(site: &Site) -> Self {
        let quiet = Signs { interlock: None, evidence: Evidence::Unasked, readable: true, home: false };
        Self {
            rungs: vec![Rung::new(); site.actuators.len()],
            follow: site.actuators.iter().map(|a| Follow::new(site, a)).collect(),
            signs: vec![quiet; site.actuators.len()],
            good_after_hold: Span::from_ns(site.cooling_period.ns().saturating_mul(4)).max(GOOD_AFTER_HOLD),
        }
    }

    /// Looks at all actuators of which commands are wanted, and moves each; true if one must be dealt with at once.
    pub(super) fn look(
        &mut self,
        (site, leases): (&Site, &Leases),
        snapshot: &Snapshot,
        wanted: impl Fn(usize) -> Mode,
    ) -> bool {
        for (i, signs) in self.signs.iter_mut().enumerate() {
            let a = &site.actuators[i];
            let stands = a.readback.and_then(|p| snapshot.good(p));
            *signs = Signs {
                interlock: interlock(&a.interlock, snapshot),
                evidence: self.follow[i].look(leases.held(i), snapshot),
                readable: a.readback.is_none() || stands.is_some(),
                home: stands.is_some_and(|at| way_home(a, at).is_some()),
            };
        }
        let mut at_once = false;
        for (i, signs) in self.signs.iter().enumerate() {
            if !wanted(i).may_write() {
                self.rungs[i].good_since = None;
                continue;
            }
            let before = (self.rungs[i].mode, self.rungs[i].goes_home);
            self.rungs[i].step(signs, snapshot.stamp, self.good_after_hold);
            let after = (self.rungs[i].mode, self.rungs[i].goes_home);
            if before != after && after.0 != Mode::Active {
                // What was on its way is what did not come; what is asked now is something else.
                let anew = after.1 || after.0 == Mode::Fallback;
                if anew {
                    self.follow[i].begin_anew();
                }
                at_once |= anew;
            }
        }
        at_once
    }

    /// How far an actuator may go, beside what is wanted of it.
    pub(super) fn mode(&self, actuator: usize, wanted: Mode) -> Mode {
        if wanted.may_write() { wanted.min(self.rungs[actuator].mode) } else { wanted }
    }

    /// Does an interlock of the plant stand against it?
    pub(super) fn interlocked(&self, actuator: usize) -> bool {
        matches!(self.signs[actuator].interlock, Some(Cause::Interlock(_)))
    }

    /// Is it on its way to what the plant holds by itself?
    pub(super) fn goes_home(&self, actuator: usize) -> bool {
        self.rungs[actuator].goes_home
    }

    /// An operator leaves an actuator to Headroom again.
    pub(super) fn leave(&mut self, actuator: usize, now: Stamp) {
        let rung = &mut self.rungs[actuator];
        // The evidence is the one on which its group became active.
        if rung.rise(now, Grounds { evidence: true, operator: true }) {
            rung.entries.clear();
            rung.let_go = None;
        }
        self.follow[actuator].begin_anew();
    }

    /// Those that are held back, in order of the site file.
    pub(super) fn held_back(&self) -> impl Iterator<Item = HeldBack> + '_ {
        self.rungs.iter().enumerate().filter_map(|(actuator, r)| {
            let Rung { mode, since, goes_home, stays, .. } = *r;
            r.cause.map(|cause| HeldBack { actuator, mode, cause, since, goes_home, stays })
        })
    }
}

impl Rung {
    fn new() -> Self {
        Self {
            // As far as policy and operators want it.
            mode: Mode::Active,
            cause: None,
            since: Stamp::default(),
            goes_home: false,
            good_since: None,
            entries: Vec::new(),
            let_go: None,
            stays: false,
        }
    }

    fn step(&mut self, signs: &Signs, now: Stamp, good_after_hold: Span) {
        let misses = match signs.evidence {
            Evidence::Missed(misses, _) => misses,
            Evidence::Unasked | Evidence::Follows => 0,
        };
        if misses > 0 || signs.interlock.is_some() || !signs.readable {
            self.good_since = None;
        } else {
            self.good_since.get_or_insert(now);
        }
        match (signs.interlock, signs.evidence) {
            (Some(cause @ Cause::Interlock(_)), _) => self.fall(Mode::Fallback, cause, now),
            (_, Evidence::Missed(misses, gap)) if misses >= HELD => self.miss(misses, gap, signs.home, now),
            (Some(cause), _) if self.mode == Mode::Active => self.fall(Mode::Hold, cause, now),
            _ => self.go_on(signs, now, good_after_hold),
        }
    }

    /// It does not follow.
    fn miss(&mut self, misses: u32, Gap { asked, stands }: Gap, home: bool, now: Stamp) {
        let cause = Cause::NotFollowed { asked, stands };
        if self.goes_home {
            self.fall(Mode::Fallback, cause, now);
        } else if misses >= HANDED_BACK {
            self.fall(if home { Mode::Hold } else { Mode::Fallback }, cause, now);
            self.goes_home = home;
        } else if self.mode == Mode::Active {
            self.fall(Mode::Hold, cause, now);
        }
    }

    /// Nothing speaks against it now.
    fn go_on(&mut self, signs: &Signs, now: Stamp, good_after_hold: Span) {
        if self.goes_home {
            // One that nobody can read now goes on as `readback` has it.
            if signs.readable
                && !signs.home
                && let Some(cause) = self.cause
            {
                self.fall(Mode::Fallback, cause, now);
            }
            return;
        }
        let good = match (self.mode, self.let_go) {
            (Mode::Hold, _) => good_after_hold,
            (Mode::Fallback, let_go) => {
                let times = let_go.map_or(0, |(_, times)| times.min(DOUBLED_AT_MOST));
                Span::from_ns(GOOD_AFTER_FALLBACK.ns() << times)
            }
            _ => return,
        };
        if self.stays || self.good_since.is_none_or(|since| now.since(since) < good) {
            return;
        }
        self.entries.retain(|at| now.since(*at) < HOUR);
        if self.entries.len() >= ENTRIES {
            self.stays = true;
        } else if self.rise(now, Grounds { evidence: true, operator: self.mode == Mode::Fallback }) {
            // From FALLBACK up it is the policy, which an operator has signed, that asks for it.
            self.entries.push(now);
        }
    }

    /// Down: always granted. What it was before is why it is here, unless that is worse now.
    fn fall(&mut self, to: Mode, cause: Cause, now: Stamp) {
        let from = self.mode;
        let Ok(mode) = transition(from, to, Grounds::default()) else { return };
        if mode != from {
            (self.since, self.good_since) = (now, None);
            if mode == Mode::Fallback {
                let again = self.let_go.filter(|(at, _)| now.since(*at) < DAY);
                self.let_go = Some((now, again.map_or(0, |(_, times)| times + 1)));
            }
        }
        (self.mode, self.cause, self.goes_home) = (mode, Some(cause), false);
    }

    /// Up to ACTIVE, rung by rung, if the grounds suffice.
    fn rise(&mut self, now: Stamp, grounds: Grounds) -> bool {
        let rungs: &[Mode] = match self.mode {
            Mode::Active => &[],
            Mode::Hold | Mode::Advisory => &[Mode::Active],
            Mode::Shadow => &[Mode::Advisory, Mode::Active],
            Mode::Off | Mode::Fallback => &[Mode::Shadow, Mode::Advisory, Mode::Active],
        };
        let top = rungs.iter().try_fold(self.mode, |from, to| transition(from, *to, grounds));
        let Ok(mode) = top else { return false };
        if mode != self.mode {
            self.since = now;
        }
        (self.mode, self.cause, self.goes_home, self.stays) = (mode, None, false, false);
        true
    }
}

/// The first of the points that says that an interlock stands, else the first that says nothing.
fn interlock(points: &[PointId], snapshot: &Snapshot) -> Option<Cause> {
    let stands = points.iter().find(|p| snapshot.good(**p).is_some_and(|v| v.abs() >= 0.5));
    let silent = || points.iter().find(|p| snapshot.good(**p).is_none());
    stands.map(|p| Cause::Interlock(*p)).or_else(|| silent().map(|p| Cause::InterlockUnknown(*p)))
}

#[cfg(test)]
mod beside;
#[cfg(test)]
mod tests;
