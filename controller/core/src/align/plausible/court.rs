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
        Self {
            docks: vec![Dock::default(); points],
            doubts: Vec::with_capacity(points),
            hold,
            changes: 0,
        }
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
        }
    }

    /// Charges a point; a charge as the odd one goes before another.
    pub(super) fn charge(&mut self, point: PointId, charge: Charge) {
        let now = &mut self.docks[point.index()].now;
        if now.is_none_or(|n| charge.odd && !n.odd) {
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
