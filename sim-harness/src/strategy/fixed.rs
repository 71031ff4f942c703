//! Fixed setpoints: design values all the time, as many sites run.
//!
//! Responsible for: asking for the same setpoints in every season. Not for: GPUs beyond the usual runbook.
//!
//! No reset moves the four setpoints an integration can hold. What it cannot hold (staging, header pressure of the
//! facility water) stays with the BMS.

use super::{Baseline, Strategy};
use crate::world::World;
use crate::world::points::RequestTarget;

/// The setpoints.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedSetpoints {
    /// Facility-water supply, C.
    pub facility_c: f64,
    /// Tower leaving, C.
    pub tower_c: f64,
    /// Technology supply of every CDU, C.
    pub cdu_supply_c: f64,
    /// Technology header pressure of every CDU, kPa.
    pub cdu_dp_kpa: f64,
    /// Supply air of every CRAH, C.
    pub crah_supply_c: f64,
}

impl Default for FixedSetpoints {
    /// Conservative design values: 18 C facility water (no condensation in a hall at 15 C dew point), 24 C condenser
    /// water (75 F, a usual constant setpoint), 30 C and 90 kPa at the CDUs, 20 C air.
    fn default() -> Self {
        Self { facility_c: 18.0, tower_c: 24.0, cdu_supply_c: 30.0, cdu_dp_kpa: 90.0, crah_supply_c: 20.0 }
    }
}

/// The strategy.
#[derive(Debug, Clone)]
pub struct Fixed {
    setpoints: FixedSetpoints,
    runbook: Baseline,
}

impl Fixed {
    /// Holds these setpoints.
    #[must_use]
    pub fn new(setpoints: FixedSetpoints) -> Self {
        Self { setpoints, runbook: Baseline::new() }
    }
}

impl Strategy for Fixed {
    fn name(&self) -> &'static str {
        "fixed"
    }

    fn act(&mut self, world: &mut World) {
        self.runbook.act(world);
        for n in 0..world.points().requests.len() {
            let (point, target) = world.points().requests[n];
            world.image.requests[point] = Some(match target {
                RequestTarget::Facility => self.setpoints.facility_c,
                RequestTarget::Tower => self.setpoints.tower_c,
                RequestTarget::CduSupply(_) => self.setpoints.cdu_supply_c,
                RequestTarget::CduDp(_) => self.setpoints.cdu_dp_kpa,
                RequestTarget::CrahSupply(_) => self.setpoints.crah_supply_c,
            });
        }
    }
}
