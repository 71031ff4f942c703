//! Condenser water: pumps, condensers, economiser branch, heat rejection.
//!
//! Responsible for: the loop from the basin through chiller condensers and the economiser back over tower or
//! dry cooler. Not for: the duties themselves ([`super::chiller`], [`super::primary`]) or fan control (the BMS).
//!
//! ```text
//! basin -> { pump + condenser } per chiller, { pump + economiser } -> return pipe -> tower -> basin
//! T_branch = T_basin + Q_branch / C_branch
//! ```

use super::fluid::{Pipe, WATER};
use super::plant::Outdoor;
use super::pump::{Pump, operate};
use super::rejection::Rejection;
use super::spec::HeatRejection;

/// Design pressure of a condenser branch, kPa.
const BRANCH_DP_KPA: f64 = 200.0;

/// The condenser water loop.
#[derive(Debug, Clone, PartialEq)]
pub struct CondenserLoop {
    /// Tower or dry cooler with the water it holds.
    pub tower: Rejection,
    /// One pump per chiller.
    pub pumps: Vec<Pump>,
    /// Pump of the economiser branch.
    pub economiser_pump: Pump,
    /// Temperature of the return to the tower, C.
    pub return_c: f64,
    /// Flow over the tower, L/min.
    pub flow_lpm: f64,
    returning: Pipe<4>,
    resistance: f64,
    economiser_resistance: f64,
}

impl CondenserLoop {
    /// A loop for `chillers` machines of `chiller_w`, an economiser branch of `economiser_lpm`, and heat
    /// rejection of a kind for `rejected_w` at a range of 5.56 K.
    #[must_use]
    pub fn sized(
        kind: HeatRejection,
        chillers: usize,
        chiller_w: f64,
        economiser_lpm: f64,
        rejected_w: f64,
        temperature_c: f64,
    ) -> Self {
        // 0.042 kg/s per kW of refrigeration: a condenser range of about 6.5 K
        let condenser_lpm = 0.042e-3 * chiller_w * 60.0;
        let design_lpm = rejected_w / (5.56 * WATER.capacity_w_k(1.0));
        Self {
            tower: Rejection::sized(kind, rejected_w, design_lpm, temperature_c),
            pumps: vec![Pump::sized(condenser_lpm, BRANCH_DP_KPA, 0.72, 20.0); chillers],
            economiser_pump: Pump::sized(economiser_lpm, BRANCH_DP_KPA, 0.72, 20.0),
            return_c: temperature_c,
            flow_lpm: 0.0,
            returning: Pipe::new(&WATER, 0.6 * design_lpm, temperature_c),
            resistance: BRANCH_DP_KPA / (condenser_lpm * condenser_lpm).max(1e-12),
            economiser_resistance: BRANCH_DP_KPA / (economiser_lpm * economiser_lpm),
        }
    }

    /// Water temperature that condensers and economiser receive, C.
    #[must_use]
    pub fn supply_c(&self) -> f64 {
        self.tower.basin.temperature_c
    }

    /// Capacity flow of the economiser branch, W/K.
    #[must_use]
    pub fn economiser_capacity_w_k(&self) -> f64 {
        WATER.capacity_w_k(self.economiser_pump.flow_lpm)
    }

    /// Drives the pumps: hard-wired, each runs with its chiller; none while the basin is too low.
    pub fn drive(&mut self, runs: impl Iterator<Item = bool>, economiser: bool, powered: bool, dt_s: f64) {
        let can = powered && !self.tower.basin.low_level;
        for (pump, run) in self.pumps.iter_mut().zip(runs) {
            pump.drive(f64::from(run), can, dt_s);
        }
        self.economiser_pump.drive(f64::from(economiser), can, dt_s);
    }

    /// Advances by `dt_s`; duties in W into the condenser water.
    pub fn step(
        &mut self,
        condenser_w: impl Iterator<Item = f64>,
        economiser_w: f64,
        air: &Outdoor,
        dt_s: f64,
    ) {
        let mut flow_lpm =
            operate(std::slice::from_mut(&mut self.economiser_pump), self.economiser_resistance);
        let mut heat_w = economiser_w + self.economiser_pump.fluid_heat_w;
        for (pump, duty_w) in self.pumps.iter_mut().zip(condenser_w) {
            flow_lpm += operate(std::slice::from_mut(pump), self.resistance);
            heat_w += duty_w + pump.fluid_heat_w;
        }
        self.flow_lpm = flow_lpm;
        if flow_lpm < 1.0 {
            // nothing circulates; what little heat there is stays in the basin
            self.tower.step(0.0, self.return_c, heat_w, air, dt_s);
            return;
        }
        let capacity = WATER.capacity_w_k(flow_lpm);
        let mixed_c = self.supply_c() + heat_w / capacity;
        self.return_c = self.returning.flush(capacity, mixed_c, dt_s);
        self.tower.step(flow_lpm, self.return_c, 0.0, air, dt_s);
    }

    /// Electric power of the pumps, W.
    #[must_use]
    pub fn pump_power_w(&self) -> f64 {
        self.economiser_pump.power_w + self.pumps.iter().map(|p| p.power_w).sum::<f64>()
    }

    /// Heat content against 0 C, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        self.tower.basin.stored_j() + self.returning.stored_j()
    }
}
