//! From a contradiction at an instant to a point in doubt: hysteresis in time.
//!
//! Responsible for: how long a charge must stand before its point is doubted, how long it must be gone before the point
//! is believed again, and which of two charges counts. Not for: the rules ([`super`]).
//!
//! ```text
//!              charged                    for `hold` x patience
//!   believed ----------> charged -----------------------------------> doubted
//!       ^                   |  not charged once                          |
//!       +-------------------+                                            |
//!       +----------------------------------------------------------------+
//!             not charged for 2 x `hold`, its witnesses being good
//! ```
//!
//! Twice as long on the way back: a point that lies now and then is not to be believed in between.

use super::lie::Lie;
use crate::align::PointValue;
use headroom_site::{PointId, Quality, Span, Stamp};

/// Most witnesses that are named.
const WITNESSES: usize = 4;

/// Points that a charge rests on.
pub(super) type With = [Option<PointId>; WITNESSES];

/// Names witnesses.
pub(super) fn with(points: &[Option<PointId>]) -> With {
    let mut out = [None; WITNESSES];
    for (slot, p) in out.iter_mut().zip(points.iter().flatten()) {
        *slot = Some(*p);
    }
    out
}

/// What a rule says against a point at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Charge {
    /// It is the odd one; otherwise one of several that cannot all be right.
    pub(super) odd: bool,
    /// What is wrong.
    pub(super) lie: Lie,
    /// With whom it is in contradiction.
    pub(super) with: With,
    /// So many times the holding time must pass.
    pub(super) patience: u32,
}

/// A point in doubt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Doubt {
    /// Which.
    pub point: PointId,
    /// Bad if it is the odd one out, uncertain if one of several that cannot all be right.
    pub quality: Quality,
    /// What is wrong.
    pub lie: Lie,
    /// With whom it is in contradiction.
    pub with: [Option<PointId>; WITNESSES],
    /// Since when the contradiction stands.
    pub since: Stamp,
}

/// A point before the court.
#[derive(Debug, Clone, Copy, Default)]
struct Dock {
    now: Option<Charge>,
    last: Option<Charge>,
    since: Option<Stamp>,
    charged: Stamp,
    doubted: bool,
    /// Others confirm it now.
    vouched: bool,
    /// The quality without these rules, and the one that they put in its place.
    lifted: Option<(Quality, Quality)>,
}

/// All points.
#[derive(Debug, Clone)]
pub(super) struct Court {
    docks: Vec<Dock>,
    doubts: Vec<Doubt>,
    hold: Span,
    changes: u64,
}

impl Court {
    pub(super) fn new(points: usize, hold: Span) -> Self {
        Self { docks: vec![Dock::default(); points], doubts: Vec::with_capacity(points), hold, changes: 0 }
    }

    /// Points in doubt, in order of point.
    pub(super) fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// How often a point has been doubted or believed again.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Gives the points back the quality that they have without these rules.
    pub(super) fn lift(&mut self, points: &mut [PointValue]) {
        for d in &self.doubts {
            let i = d.point.index();
            if let Some((own, put)) = self.docks[i].lifted.take()
                && points[i].quality == put
            {
                points[i].quality = own;
            }
        }
    }

    /// Begins a look: nobody is charged.
    pub(super) fn begin(&mut self) {
        for dock in &mut self.docks {
            dock.now = None;
            dock.vouched = false;
        }
    }

    /// Others confirm this one.
    pub(super) fn vouch(&mut self, point: PointId) {
        self.docks[point.index()].vouched = true;
    }

    /// Charges a point. A charge that acts at once goes before another, and then one as the odd one.
    pub(super) fn charge(&mut self, point: PointId, charge: Charge) {
        let now = &mut self.docks[point.index()].now;
        let goes_before = |n: &Charge| {
            let rank = |c: &Charge| (c.patience > 0, !c.odd);
            rank(&charge) < rank(n)
        };
        if now.as_ref().is_none_or(goes_before) {
            *now = Some(charge);
        }
    }

    /// Charges the odd one out.
    pub(super) fn odd(&mut self, point: PointId, lie: Lie, with: With) {
        self.charge(point, Charge { odd: true, lie, with, patience: 1 });
    }

    /// Charges all of some points that cannot all be right, unless one of them is known to be the liar.
    pub(super) fn one_of(&mut self, points: &[Option<PointId>], lie: Lie) {
        if points.iter().flatten().any(|p| self.lies(*p)) {
            return;
        }
        for p in points.iter().flatten() {
            self.charge(*p, Charge { odd: false, lie, with: with(points), patience: 1 });
        }
    }

    /// Charges a whole that shows less than its parts. One equation tells that something lies, not what: the whole does if
    /// others confirm every part; otherwise it or one of those that nobody confirms.
    pub(super) fn whole(&mut self, whole: PointId, parts: &[PointId], lie: Lie) {
        let mut all = [Some(whole), None, None, None];
        let doubtful = parts.iter().filter(|p| !self.docks[p.index()].vouched);
        for (slot, p) in all[1..].iter_mut().zip(doubtful) {
            *slot = Some(*p);
        }
        if parts.iter().any(|p| self.suspect(*p)) {
            return;
        }
        if all[1].is_none() {
            self.odd(
                whole,
                lie,
                with(&[parts.first().copied(), parts.get(1).copied(), parts.get(2).copied()]),
            );
        } else {
            self.one_of(&all, lie);
        }
    }

    /// Is it charged or in doubt?
    pub(super) fn suspect(&self, point: PointId) -> bool {
        let dock = &self.docks[point.index()];
        dock.now.is_some() || dock.doubted
    }

    /// Is this one the odd one out, now or lately?
    pub(super) fn lies(&self, point: PointId) -> bool {
        let dock = &self.docks[point.index()];
        dock.now.is_some_and(|c| c.odd) || (dock.doubted && dock.last.is_some_and(|c| c.odd))
    }

    /// Ends a look: who has been charged for long enough is doubted.
    pub(super) fn judge(&mut self, now: Stamp, points: &[PointValue]) {
        self.doubts.clear();
        let hold = self.hold;
        for (i, dock) in self.docks.iter_mut().enumerate() {
            let was = dock.doubted;
            match dock.now {
                Some(charge) => {
                    let since = *dock.since.get_or_insert(now);
                    dock.charged = now;
                    dock.last = Some(charge);
                    let patience = Span::from_ns(hold.ns() * i64::from(charge.patience));
                    dock.doubted |= now.since(since) >= patience;
                }
                None if dock.doubted => {
                    let good = |p: &PointId| points[p.index()].quality.is_usable();
                    let heard = dock.last.is_some_and(|c| c.with.iter().flatten().all(good));
                    if heard && now.since(dock.charged) >= Span::from_ns(hold.ns() * 2) {
                        dock.doubted = false;
                        dock.since = None;
                    }
                }
                None => dock.since = None,
            }
            self.changes += u64::from(was != dock.doubted);
            if let (true, Some(charge), Some(since)) = (dock.doubted, dock.last, dock.since) {
                let reason = charge.lie.reason();
                let quality = if charge.odd { Quality::Bad(reason) } else { Quality::Uncertain(reason) };
                let point = PointId(i as u32);
                self.doubts.push(Doubt { point, quality, lie: charge.lie, with: charge.with, since });
            }
        }
    }

    /// Puts the doubt into the qualities.
    pub(super) fn apply(&mut self, points: &mut [PointValue]) {
        for d in &self.doubts {
            let quality = &mut points[d.point.index()].quality;
            let own = *quality;
            *quality = own.worst(d.quality);
            self.docks[d.point.index()].lifted = Some((own, *quality));
        }
    }
}
