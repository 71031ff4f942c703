//! Plausibility: a reading of good quality that other points contradict is not used.
//!
//! Responsible for: the rules, built once from what the site file says of kinds, point types, areas and `serves` (no rule
//! knows a name), and for the quality of a point in doubt. Not for: range and staleness ([`crate::align`]), or what a
//! device uses for "no sensor" (drivers).
//!
//! | room | rule |
//! | --- | --- |
//! | `fluid` | a pump, its pressure difference, its flow, and the flows that it serves |
//! | `electric` | voltage, current, power; limits that are passed |
//! | `racks` | racks of one loop against each other; heat carried against power drawn |
//! | `sums` | a meter against those behind it |
//! | `flat` | no movement while what feeds it moves |
//! | `jump` | movement faster than can be |
//! | `court` | how long until a point is doubted, and believed again |
//! | `lie` | what is said about it |
//! | `stat` | median and spread |
//!
//! Redundancy decides. Where two sources or more agree against one, that one is the odd one out and its quality becomes
//! bad; where it cannot be decided who is, all of them become uncertain. Control uses good values only, so each of them is
//! then what a silent point is: unknown, which never permits more.

mod court;
mod electric;
mod flat;
mod fluid;
mod jump;
mod lie;
mod racks;
mod stat;
mod sums;

pub use court::Doubt;
pub use lie::Lie;
pub(crate) use sums::behind;

use super::{PointValue, Snapshot};
use crate::words::Words;
use court::Court;
use headroom_site::{Site, Span, Stamp};

/// Rules are looked at so often at most: physics of a plant is slower than the power loop.
const LOOK: Span = Span::from_ms(1_000);

/// The rules of a site, and the points in doubt.
#[derive(Debug, Clone)]
pub struct Plausible {
    fluid: fluid::Fluid,
    electric: electric::Electric,
    racks: racks::Racks,
    sums: sums::Sums,
    flats: flat::Flats,
    jumps: jump::Jumps,
    court: Court,
    looked: Option<Stamp>,
}

impl Plausible {
    /// The rules that a site's points allow.
    #[must_use]
    pub fn new(site: &Site) -> Self {
        let words = &Words::new(site);
        Self {
            fluid: fluid::Fluid::new(words),
            electric: electric::Electric::new(words),
            racks: racks::Racks::new(words),
            sums: sums::Sums::new(words),
            flats: flat::Flats::new(words, site.plausibility_hold),
            jumps: jump::Jumps::new(words),
            court: Court::new(site.points.len(), site.plausibility_hold),
            looked: None,
        }
    }

    /// Gives points in doubt their own quality back, before a snapshot is made.
    pub(super) fn lift(&mut self, points: &mut [PointValue]) {
        self.court.lift(points);
    }

    /// Looks at a snapshot, and puts doubt into the qualities of its points.
    pub(super) fn judge(&mut self, snapshot: &mut Snapshot) {
        if self.looked.is_none_or(|at| snapshot.stamp.since(at) >= LOOK) {
            self.looked = Some(snapshot.stamp);
            self.court.begin();
            self.jumps.look(snapshot, &mut self.court);
            self.racks.look(snapshot, &mut self.court);
            self.fluid.look(snapshot, &mut self.court);
            self.electric.look(snapshot, &mut self.court);
            self.flats.look(snapshot, &mut self.court);
            self.sums.look(snapshot, &mut self.court);
            self.court.judge(snapshot.stamp, &snapshot.points);
        }
        self.court.apply(&mut snapshot.points);
    }

    /// Points in doubt, in order of point.
    #[must_use]
    pub fn doubts(&self) -> &[Doubt] {
        self.court.doubts()
    }

    /// How often a point has been doubted or believed again.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.court.changes()
    }
}

#[cfg(test)]
mod tests;
