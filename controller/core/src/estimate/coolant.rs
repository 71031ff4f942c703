//! What coolant GPUs have, and how moist the room is.
//!
//! Responsible for: which point tells, and what to reckon with where none does. Not for: what coolant does to a GPU.

use super::Estimate;
use crate::align::Snapshot;
use crate::topology::Topology;
use headroom_site::{PointId, Quality, Reason, Site};
use std::ops::Range;

/// Coolant temperature to reckon with where no point tells, degC: warm, since unknown is hot.
pub(super) const COOLANT_UNKNOWN_C: f64 = 40.0;
/// Rise of coolant that is reckoned for each second without a reading, K/s (Hubris: unknown is hot).
const COOLANT_SLEW_K_PER_S: f64 = 0.02;

/// Neighbours share their coolant: looking for it once a rack is enough.
pub(super) fn shared(topology: &Topology) -> Vec<Range<usize>> {
    let mut end = 0;
    let same = topology.coolant.chunk_by(|a, b| a == b);
    same.map(|gpus| {
        end += gpus.len();
        end - gpus.len()..end
    })
    .collect()
}

/// Coolant of a GPU.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coolant {
    /// What to reckon with, degC.
    pub(super) c: f64,
    /// What the observers learn with, degC: what was read last. What is only assumed would be learned as a GPU that hardly
    /// warms, and cost when the point comes back.
    pub(super) read_c: f64,
    /// Trend, K/s.
    pub(super) trend: f64,
}

impl Coolant {
    /// Nothing tells.
    const UNKNOWN: Self = Self { c: COOLANT_UNKNOWN_C, read_c: COOLANT_UNKNOWN_C, trend: 0.0 };
}

/// Coolant of a GPU: the first point that is good; else the last one, warmer with its age, unless what it shows is known to
/// be wrong.
pub(super) fn coolant(points: &[PointId], snapshot: &Snapshot, e: &Estimate, before: f64) -> Coolant {
    for p in points {
        if snapshot.good(*p).is_some() {
            let level = &e.levels[p.index()];
            let c = level.at(snapshot.stamp.tai_ns()).0;
            return Coolant { c, read_c: c, trend: level.sure_trend() };
        }
    }
    let aged = |p: &&PointId| {
        let wrong = match snapshot.points[p.index()].quality {
            Quality::Good => false,
            Quality::Uncertain(r) | Quality::Bad(r) => {
                matches!(r, Reason::Implausible | Reason::Flatline | Reason::RateOfChange)
            }
        };
        e.levels[p.index()].seen() && !wrong
    };
    let last = points.iter().find(aged);
    let unknown = Coolant { read_c: before, ..Coolant::UNKNOWN };
    last.map_or(unknown, |p| {
        let age_s = snapshot.points[p.index()].age.s().clamp(0.0, 3600.0);
        let aged_c = snapshot.points[p.index()].value + COOLANT_SLEW_K_PER_S * age_s;
        let c = aged_c.min(COOLANT_UNKNOWN_C + 20.0);
        Coolant { c, read_c: before, trend: COOLANT_SLEW_K_PER_S }
    })
}

/// Highest dew point of the room from temperature and humidity (Magnus formula, WMO Guide No. 8, 2018).
pub(super) fn dew_point(site: &Site, snapshot: &Snapshot) -> Option<f64> {
    let pairs = site.meters.room_temperature.iter().zip(&site.meters.room_humidity);
    pairs
        .filter_map(|(t, h)| Some((snapshot.good(*t)?, snapshot.good(*h)?)))
        .map(|(t, rh)| {
            let g = (rh.clamp(0.01, 1.0)).ln() + 17.62 * t / (243.12 + t);
            243.12 * g / (17.62 - g)
        })
        .reduce(f64::max)
}
