//! The least that cooling could draw beside what it draws: what a watt or a point of PUE is held against.
//!
//! Responsible for: bounds of the least cooling power from the heat, the outdoor air and the warmest supply that is allowed.
//! Not for: what a plant of a given make would reach.
//!
//! ```text
//! P_least = Q (pumps + fans + air) + W        each share between the best and the usual of today, W per W of heat
//! W = 0                             if  T_out + a <= T_supply      water comes warm enough by itself
//!   = Q (T_out + a - T_supply) / (eta (T_supply + 273.15))         else: the least lift, Carnot times eta
//! ```
//!
//! | what | at least | at most | of what |
//! | --- | --- | --- | --- |
//! | pumps | 0.0032 | 0.0104 | 1.07 L/min/kW at 90 kPa and 0.5; 1.5 L/min/kW at 250 kPa and 0.6 |
//! | fans of heat rejection | 0.0016 | 0.0126 | ASHRAE 90.1's least efficient axial tower at half of its air, and at all of it |
//! | air of the hall | 0.001 | 0.008 | a twentieth to a fifth of the heat, 20 to 40 W/kW |
//! | approaches a, K | 6 | 12 | tower, exchanger and CDU together |
//!
//! T_out is the wet bulb where the outdoor humidity is metered (Stull 2011) and the dry bulb where it is not. With no outdoor
//! temperature, or no warmest supply, nothing is said.

use crate::align::Snapshot;
use crate::topology::Topology;
use crate::wants::Wants;
use headroom_site::{Dimension, PointId, Site};

const LEAST: [f64; 2] = [0.0032 + 0.0016 + 0.001, 0.0104 + 0.0126 + 0.008];
const APPROACH_K: [f64; 2] = [6.0, 12.0];
/// Share of Carnot that a good compressor reaches.
const ETA: f64 = 0.6;
const ZERO_C_K: f64 = 273.15;

/// What it takes to say it.
#[derive(Debug, Clone)]
pub(super) struct Least {
    outdoor: Option<PointId>,
    humidity: Option<PointId>,
    /// Warmest technology supply that is allowed, degC.
    supply_c: Option<f64>,
}

impl Least {
    pub(super) fn new(site: &Site, topology: &Topology, wants: &Wants) -> Self {
        let warmest = |a: &usize| {
            let (actuator, reach) = (&site.actuators[*a], &topology.reach[*a]);
            (reach.technology && actuator.unit.dimension == Dimension::Temperature)
                .then_some(wants.actuator_range[*a].1)
        };
        let outdoor = site.meters.outdoor;
        let beside = |p: PointId| {
            let of = &site.points[p.index()].of;
            let humid = |q: &headroom_site::model::Point| q.of == *of && q.kind.contains("Humidity");
            site.points.iter().position(humid).map(|i| PointId(i as u32))
        };
        Self {
            outdoor,
            humidity: outdoor.and_then(beside),
            supply_c: (0..site.actuators.len()).filter_map(|a| warmest(&a)).reduce(f64::min),
        }
    }

    /// Outdoor temperature, degC.
    pub(super) fn outdoor_c(&self, snapshot: &Snapshot) -> Option<f64> {
        snapshot.good(self.outdoor?)
    }

    /// Bounds of the least cooling power for a heat, W.
    pub(super) fn bounds_w(&self, snapshot: &Snapshot, heat_w: f64) -> Option<(f64, f64)> {
        let dry_c = self.outdoor_c(snapshot)?;
        let humidity = self.humidity.and_then(|p| snapshot.good(p));
        let out_c = humidity.map_or(dry_c, |h| wet_bulb_c(dry_c, h));
        let supply_c = self.supply_c?;
        let of = |k: usize| {
            let lift_k = (out_c + APPROACH_K[k] - supply_c).max(0.0);
            heat_w * (LEAST[k] + lift_k / (ETA * (supply_c + ZERO_C_K)))
        };
        Some((of(0), of(1)))
    }
}

/// Wet bulb from dry bulb (degC) and relative humidity (ratio), within 0.65 K for 5 to 99 % and -20 to 50 degC (Stull 2011,
/// "Wet-Bulb Temperature from Relative Humidity and Air Temperature", J. Appl. Meteor. Climatol. 50).
fn wet_bulb_c(dry_c: f64, humidity: f64) -> f64 {
    let rh = 100.0 * humidity.clamp(0.05, 0.99);
    dry_c * (0.151_977 * (rh + 8.313_659).sqrt()).atan() + (dry_c + rh).atan() - (rh - 1.676_331).atan()
        + 0.003_918_38 * rh.powf(1.5) * (0.023_101 * rh).atan()
        - 4.686_035
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wet_bulbs_are_those_of_the_tables() {
        // ASHRAE psychrometric tables at sea level.
        for (dry_c, humidity, wet_c) in
            [(20.0, 0.5, 13.7), (30.0, 0.4, 20.1), (35.0, 0.6, 28.1), (10.0, 0.9, 9.1)]
        {
            assert!(
                (wet_bulb_c(dry_c, humidity) - wet_c).abs() < 0.65,
                "{dry_c} {humidity}: {}",
                wet_bulb_c(dry_c, humidity)
            );
        }
    }
}
