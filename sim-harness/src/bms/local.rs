//! Local loops: CDU valve and pumps, CRAH valve and fan.
//!
//! Responsible for: holding the setpoints in force with the actuators at hand. Not for: choosing them.

use super::design::Design;
use super::pi::{Pi, Ramped, Tighter};
use super::{CduInputs, CduSetpoints};
use headroom_truth::facility::cdu::CduCommand;
use headroom_truth::facility::hall::CrahCommand;

/// Own aisle pressure setpoint, Pa.
const AISLE_DP_PA: f64 = 5.0;
/// Distance that the dew-point override keeps, K.
const DEW_POINT_MARGIN_K: f64 = 2.0;

/// The loops of one CDU.
#[derive(Debug, Clone, PartialEq)]
pub struct CduLoops {
    own: CduSetpoints,
    supply: Ramped,
    dp: Ramped,
    valve: Pi,
    pump: Pi,
}

impl CduLoops {
    /// Loops at rest at the unit's own setpoints.
    #[must_use]
    pub fn new(design: &Design) -> Self {
        let (supply_c, dp_kpa) = (design.cdu_supply_c, design.cdu_dp_kpa);
        Self {
            own: CduSetpoints { supply_c, dp_kpa },
            supply: Ramped::new(supply_c, (20.0, 45.0), 1.0 / 120.0, Tighter::Lower),
            dp: Ramped::new(dp_kpa, (40.0, 120.0), 5.0 / 60.0, Tighter::Higher),
            valve: Pi::new(0.012, 45.0, 0.02, 1.0, 0.4),
            pump: Pi::new(0.003, 9.0, 0.25, 1.0, 0.65),
        }
    }

    /// Advances by `dt_s`; requests first, then valve on supply temperature and pumps on header pressure.
    pub fn step(
        &mut self,
        inputs: &CduInputs,
        supply_request: Option<f64>,
        dp_request: Option<f64>,
        dew_point_c: f64,
        dt_s: f64,
    ) -> CduCommand {
        self.supply.step(supply_request, self.own.supply_c, dt_s);
        self.dp.step(dp_request, self.own.dp_kpa, dt_s);
        let supply_c = self.supply.value.max(dew_point_c + DEW_POINT_MARGIN_K);
        let valve = self.valve.step(inputs.supply_c - supply_c, dt_s);
        let speed = self.pump.step(self.dp.value - inputs.dp_kpa, dt_s);
        let pumps = inputs.pump_fault.map(|fault| if fault { 0.0 } else { speed });
        CduCommand { valve, pumps }
    }

    /// Setpoints in force.
    #[must_use]
    pub fn setpoints(&self) -> CduSetpoints {
        CduSetpoints { supply_c: self.supply.value, dp_kpa: self.dp.value }
    }
}

/// The loops of one CRAH.
#[derive(Debug, Clone, PartialEq)]
pub struct CrahLoops {
    own_c: f64,
    supply: Ramped,
    valve: Pi,
    fan: Pi,
}

impl CrahLoops {
    /// Loops at rest at the unit's own setpoints.
    #[must_use]
    pub fn new(design: &Design) -> Self {
        Self {
            own_c: design.crah_supply_c,
            supply: Ramped::new(design.crah_supply_c, (18.0, 32.0), 1.0 / 180.0, Tighter::Lower),
            valve: Pi::new(0.02, 90.0, 0.02, 1.0, 0.4),
            fan: Pi::new(0.015, 30.0, 0.30, 1.0, 0.6),
        }
    }

    /// Advances by `dt_s`: valve on supply air temperature, fan on aisle pressure. The pressure signal is
    /// root-extracted, as usual for flow by differential pressure, so the loop gain does not vary.
    pub fn step(&mut self, supply_c: f64, aisle_dp_pa: f64, request: Option<f64>, dt_s: f64) -> CrahCommand {
        self.supply.step(request, self.own_c, dt_s);
        let valve = self.valve.step(supply_c - self.supply.value, dt_s);
        let surplus = aisle_dp_pa.signum() * aisle_dp_pa.abs().sqrt();
        let fan = self.fan.step(AISLE_DP_PA.sqrt() - surplus, dt_s);
        CrahCommand { fan, valve }
    }

    /// Setpoint in force, C.
    #[must_use]
    pub fn setpoint_c(&self) -> f64 {
        self.supply.value
    }
}
