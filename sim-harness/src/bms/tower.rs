//! Tower fan and economiser valve.
//!
//! Responsible for: the tower leaving setpoint (Guideline 36 lift rule, economiser rules), fan and valve.
//! Not for: the machines ([`super::staging`]).
//!
//! ```text
//! chillers only      return sp = facility sp + LIFT,  LIFT = clamp(min, max, A PLR + B)
//!                    A = 1.1 (max - min), B = max - A; supply sp = return sp - 5 min mean range
//! with economiser    supply sp = facility sp - 2.3 K (what the exchanger needs), not below sink + approach
//! economiser alone   the fan holds the facility water itself; then the valve trims
//! ```

use super::design::Design;
use super::pi::{Pi, Ramped, Tighter};

/// Least and greatest lift between facility supply and condenser return, K.
const LIFT_K: (f64, f64) = (7.0, 20.0);

/// What the tower control looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TowerInputs {
    /// Facility-water setpoint in force, C.
    pub facility_setpoint_c: f64,
    /// Temperature behind the economiser, C.
    pub economiser_leaving_c: f64,
    /// Tower leaving (basin) temperature, C.
    pub leaving_c: f64,
    /// Water to the tower, C.
    pub return_c: f64,
    /// What the rejection cools towards: outdoor wet or dry bulb, C.
    pub sink_c: f64,
    /// Part load of the running chillers, 0..1.
    pub part_load: f64,
    /// Any chiller runs.
    pub chillers: bool,
    /// Economiser enabled.
    pub economiser: bool,
}

/// The tower control.
#[derive(Debug, Clone, PartialEq)]
pub struct TowerLoops {
    design: Design,
    setpoint: Ramped,
    fan: Pi,
    valve: Pi,
    range_k: f64,
    held_water: bool,
}

impl TowerLoops {
    /// At rest with the fan at a third.
    #[must_use]
    pub fn new(design: &Design) -> Self {
        Self {
            design: *design,
            setpoint: Ramped::new(24.0, design.rejection_range_c, 1.0 / 60.0, Tighter::Lower),
            fan: Pi::new(0.05, 240.0, 0.0, 1.0, 0.33),
            valve: Pi::new(0.05, 120.0, 0.05, 1.0, 1.0),
            range_k: 5.0,
            held_water: false,
        }
    }

    fn own_setpoint_c(&mut self, i: &TowerInputs, dt_s: f64) -> f64 {
        self.range_k += (i.return_c - i.leaving_c - self.range_k) * (dt_s / 300.0).min(1.0);
        if i.economiser {
            return (i.facility_setpoint_c - 2.3).max(i.sink_c + self.design.approach_k).max(5.0);
        }
        let (min, max) = LIFT_K;
        let slope = 1.1 * (max - min);
        let lift = (slope * i.part_load + max - slope).clamp(min, max);
        (i.facility_setpoint_c + lift - self.range_k).clamp(15.0, 30.0).max(i.sink_c + self.design.approach_k)
    }

    /// Advances by `dt_s`. Returns fan speed and economiser valve.
    pub fn step(&mut self, i: &TowerInputs, request: Option<f64>, dt_s: f64) -> (f64, f64) {
        let own = self.own_setpoint_c(i, dt_s);
        self.setpoint.step(request, own, dt_s);
        let hold_water = i.economiser && !i.chillers && request.is_none();
        let error = if hold_water {
            i.economiser_leaving_c - i.facility_setpoint_c
        } else {
            i.leaving_c - self.setpoint.value
        };
        if hold_water != self.held_water {
            let fan = self.fan.step(0.0, 0.0);
            self.fan.preset(fan, error);
            self.held_water = hold_water;
        }
        let fan = self.fan.step(error, dt_s);
        // freeze protection
        let fan = if i.leaving_c < self.design.freeze_c { 0.0 } else { fan };
        if !i.economiser {
            self.valve.preset(1.0, 0.0);
            return (fan, 0.0);
        }
        let valve = self.valve.step(i.economiser_leaving_c - (i.facility_setpoint_c - 0.3), dt_s);
        (fan, valve)
    }

    /// Tower leaving setpoint in force, C.
    #[must_use]
    pub fn setpoint_c(&self) -> f64 {
        self.setpoint.value
    }
}
