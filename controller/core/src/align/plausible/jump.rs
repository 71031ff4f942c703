//! Rate of change: temperatures that move faster than what they measure can.
//!
//! ```text
//! |T(t) - T_b| <= 8 K + 1 K/s (t - t_b)
//! ```
//! with `T_b` the last believed reading and `t_b` its time. Technology loops move by 0.2 to 0.5 K/s if all heat rejection
//! stops at full load; a slug of warm water that sets out when a pump comes back makes a step of some kelvin. The band
//! widens from the last believed reading, so that a new level that stays is believed in the end. Powers, flows and
//! pressures may step: there is no rule for them.

use super::court::{Charge, Court, with};
use super::lie::Lie;
use crate::align::Snapshot;
use crate::topology::is_setpoint;
use crate::words::Words;
use headroom_site::{Dimension, PointId, Stamp};

/// A step that may be, K.
const STEP_K: f64 = 8.0;
/// The fastest change, K/s.
const RATE_K_PER_S: f64 = 1.0;

/// The rule, with the last believed reading of each temperature.
#[derive(Debug, Clone)]
pub(super) struct Jumps(Vec<(PointId, Option<(Stamp, f64)>)>);

impl Jumps {
    pub(super) fn new(words: &Words<'_>) -> Self {
        let temperature = |i: &usize| {
            words.site.points[*i].unit.dimension == Dimension::Temperature && !is_setpoint(words.site, *i)
        };
        let points = (0..words.site.points.len()).filter(temperature);
        Self(points.map(|i| (PointId(i as u32), None)).collect())
    }

    pub(super) fn look(&mut self, snapshot: &Snapshot, court: &mut Court) {
        for (point, believed) in &mut self.0 {
            let Some(to) = snapshot.good(*point) else { continue };
            let stamp = snapshot.points[point.index()].stamp;
            let Some((at, from)) = *believed else {
                *believed = Some((stamp, to));
                continue;
            };
            let within_s = stamp.since(at).s().max(0.0);
            if (to - from).abs() <= STEP_K + RATE_K_PER_S * within_s {
                *believed = Some((stamp, to));
                continue;
            }
            let lie = Lie::Jump { from, to, dimension: Dimension::Temperature, within_s };
            // No honest reading does that even once.
            court.charge(*point, Charge { odd: false, lie, with: with(&[]), patience: 0 });
        }
    }
}
