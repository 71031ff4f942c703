//! Electricity: what one meter says of voltage, current and power, and of the limit it watches.
//!
//! Responsible for: `P = sqrt(3) U I cos(phi)`, zeros among the three, and limits that are passed. Not for: meters against
//! each other ([`super::sums`]).
//!
//! ```text
//! P = sqrt(3) U I cos(phi)       U line to line, as DSX defines `Voltage` of a PowerMeter (BMS Event Bus 1.0.0)
//! I <= 1.45 I_n                  for longer than minutes no breaker lets more through
//! ```
//! The product is held to a factor of 0.65 to 1.2: `Current` may be the mean or the highest of the phases (0.87 of each
//! other in the DSX capture), cos(phi) is 0.8 to 1 with power supplies, meters are of class 1 at worst. What is found are
//! zeros, wrong transformers and wrong units, not percents.
//!
//! A limit that is passed: a breaker has to open within an hour at 1.45 of its rated current (IEC 60898-1, 8.6.1, the
//! conventional tripping current), and at the 1.6 to 1.8 of the capture's busways typical curves open within minutes. A
//! draw that goes on is no overload; the number is not what protects this branch. The limit of a branch of the power tree
//! (`limit-point`: the grid's or the operator's word) is never judged: that one is to be followed, not doubted.

use super::court::{Charge, Court, with};
use super::lie::Lie;
use crate::align::Snapshot;
use crate::words::Words;
use headroom_site::{Dimension, PointId};

/// Below these nothing is there: residual voltage of an open line, offset of a current transformer, idle of a meter.
const DEAD_V: f64 = 10.0;
const ALIVE_A: f64 = 1.0;
const ALIVE_W: f64 = 200.0;
/// P over sqrt(3) U I.
const LEAST: f64 = 0.65;
const MOST: f64 = 1.2;
/// P over S of one meter.
const FACTOR: (f64, f64) = (0.5, 1.05);
/// Conventional tripping current over rated current (IEC 60898-1).
const TRIPS: f64 = 1.45;
/// A limit is doubted after so many holding times: minutes, as breakers need.
const PATIENCE: u32 = 5;

/// A meter.
#[derive(Debug, Clone)]
struct Meter {
    voltage: Option<PointId>,
    /// `Current` and its like; mean and highest of the phases, say.
    currents: Vec<PointId>,
    phases: Vec<PointId>,
    power: Option<PointId>,
    apparent: Option<PointId>,
    limit: Option<PointId>,
}

/// The rule.
#[derive(Debug, Clone)]
pub(super) struct Electric(Vec<Meter>);

impl Electric {
    pub(super) fn new(words: &Words<'_>) -> Self {
        let site = words.site;
        let followed = |p: &PointId| site.power.iter().any(|b| b.limit == Some(*p));
        let meters = words.owners().map(|of| Meter {
            voltage: words.one(of, Dimension::Voltage, |p| p.kind == "Voltage"),
            currents: words.all(of, Dimension::Current, |p| p.kind == "Current"),
            phases: words.all(of, Dimension::Current, |p| p.kind == "PhaseCurrent"),
            power: words.power(of),
            apparent: words
                .one(of, Dimension::Power, |p| p.kind.contains("Apparent") || p.unit.symbol == "kVA"),
            limit: words
                .one(of, Dimension::Current, |p| p.kind.contains("CurrentLimit"))
                .filter(|p| !followed(p)),
        });
        Self(meters.filter(|m| !m.currents.is_empty() || !m.phases.is_empty()).collect())
    }

    pub(super) fn look(&self, snapshot: &Snapshot, court: &mut Court) {
        for meter in &self.0 {
            meter.look(snapshot, court);
        }
    }
}

impl Meter {
    fn look(&self, snapshot: &Snapshot, court: &mut Court) {
        let good = |p: &PointId| Some((snapshot.good(*p)?, *p));
        let all = || self.currents.iter().chain(&self.phases).filter_map(good);
        let Some((highest_a, highest)) = all().reduce(|a, b| if b.0 > a.0 { b } else { a }) else { return };
        let power = self.power.as_ref().and_then(good);
        let voltage = self.voltage.as_ref().and_then(good);
        if let (Some(limit), Some(limit_a)) = (self.limit, self.limit.and_then(|p| snapshot.good(p)))
            && limit_a > 0.0
            && highest_a > TRIPS * limit_a
        {
            // Two currents, or a current and a power that says that there is one.
            let odd = all().count() >= 2 || power.is_some_and(|(w, _)| w > ALIVE_W);
            let lie = Lie::LimitPassed { limit_a, drawn_a: highest_a };
            let charge = |with| Charge { odd, lie, with, patience: PATIENCE };
            court.charge(limit, charge(with(&[Some(highest), power.map(|p| p.1)])));
            if !odd {
                court.charge(highest, charge(with(&[Some(limit)])));
            }
        }
        match (voltage, power) {
            (Some(u), Some(p)) => self.three(u, (highest_a, highest), p, snapshot, court),
            (Some((voltage_v, u)), None) if voltage_v < DEAD_V && highest_a > ALIVE_A => {
                let lie = Lie::NoVoltage { voltage_v, current_a: highest_a, power_w: None };
                court.one_of(&[Some(u), Some(highest)], lie);
            }
            _ => {}
        }
    }

    /// Zeros among the three, then their product.
    fn three(
        &self,
        (voltage_v, u): (f64, PointId),
        (current_a, i): (f64, PointId),
        (power_w, p): (f64, PointId),
        snapshot: &Snapshot,
        court: &mut Court,
    ) {
        let (alive_u, alive_i, alive_p) = (voltage_v >= DEAD_V, current_a > ALIVE_A, power_w > ALIVE_W);
        let no_voltage = Lie::NoVoltage { voltage_v, current_a, power_w: Some(power_w) };
        let no_current = Lie::NoCurrent { current_a, power_w, voltage_v };
        let no_power = Lie::NoPower { power_w, voltage_v, current_a };
        let currents = self.currents.len() + self.phases.len();
        match (alive_u, alive_i, alive_p) {
            (true, true, true) => self.product((voltage_v, u), (current_a, i), (power_w, p), snapshot, court),
            (false, true, true) => court.odd(u, no_voltage, with(&[Some(i), Some(p)])),
            (true, false, true) if power_w > 3.0_f64.sqrt() * voltage_v * ALIVE_A / LEAST => {
                for point in self.currents.iter().chain(&self.phases) {
                    court.odd(*point, no_current, with(&[Some(p), Some(u)]));
                }
            }
            // So much apparent power and no active power: no load of ours is that.
            (true, true, false) if 3.0_f64.sqrt() * voltage_v * current_a > 10.0 * ALIVE_W => {
                if currents >= 2 {
                    court.odd(p, no_power, with(&[Some(i), Some(u)]));
                } else {
                    court.one_of(&[Some(p), Some(i)], no_power);
                }
            }
            (false, true, false) => court.one_of(&[Some(i), Some(u)], no_voltage),
            (false, false, true) => court.one_of(&[Some(p), Some(u), Some(i)], no_voltage),
            _ => {}
        }
    }

    fn product(
        &self,
        (voltage_v, u): (f64, PointId),
        (highest_a, i): (f64, PointId),
        (power_w, p): (f64, PointId),
        snapshot: &Snapshot,
        court: &mut Court,
    ) {
        let phases = || self.phases.iter().filter_map(|x| snapshot.good(*x));
        let mean = if phases().count() == 3 { phases().sum::<f64>() / 3.0 } else { highest_a };
        let product_va = 3.0_f64.sqrt() * voltage_v * mean;
        let fits = |w: f64| (LEAST..=MOST).contains(&(w / product_va));
        if fits(power_w) {
            return;
        }
        let lie = Lie::Product { power_w, product_va };
        let apparent = self.apparent.and_then(|s| snapshot.good(s));
        match apparent {
            // S is with U and I.
            Some(s) if fits(s) && !(FACTOR.0..=FACTOR.1).contains(&(power_w / s)) => {
                court.odd(p, lie, with(&[Some(u), Some(i), self.apparent]));
            }
            // S is with P: U or I, and three phases do not lie together.
            Some(s) if (FACTOR.0..=FACTOR.1).contains(&(power_w / s)) && phases().count() == 3 => {
                court.odd(u, lie, with(&[Some(p), Some(i), self.apparent]));
            }
            _ => court.one_of(&[Some(p), Some(u), Some(i)], lie),
        }
    }
}
