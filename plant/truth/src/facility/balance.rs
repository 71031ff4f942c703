//! The books of the facility: heat, water and flows that must close.
//!
//! Responsible for: what enters and leaves the control volume of all loops and the hall, what they hold, how far
//! the flows of each network differ. Not for: the models themselves.
//!
//! ```text
//! d(stored)/dt = heat in - heat out
//! in:  racks, pumps (to the fluid), fans, lights, compressors, frost heater, make-up water, ventilation
//! out: air over tower or dry cooler, evaporated and drained water, condensate, leaks, ventilation, tank loss
//! ```
//! Heat is counted against 0 C and liquid water. Coolant in a make-up tank belongs to the control volume.

use super::cdu::Cdu;
use super::plant::{Facility, FacilityInputs};
use super::pump::Pump;
use super::rack_loop::RackLoop;

/// What the facility holds and exchanges besides heat, in the last step.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct WaterBooks {
    /// Water in the basin or fill, kg.
    pub basin_kg: f64,
    /// Make-up less evaporation, drift and blowdown, kg/s.
    pub basin_kg_s: f64,
    /// Reserve of coolant of all technology loops, L.
    pub coolant_l: f64,
    /// Coolant lost by leaks so far, L.
    pub coolant_lost_l: f64,
    /// Water vapour in the hall, kg.
    pub vapour_kg: f64,
    /// Vapour with ventilation in less out, less condensate, kg/s.
    pub vapour_kg_s: f64,
}

/// Largest relative difference between a network's flow and the sum of its branches.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Continuity {
    /// Technology loops.
    pub technology: f64,
    /// Facility water.
    pub facility: f64,
    /// Condenser water.
    pub condenser: f64,
}

fn heat_of(pumps: &[Pump]) -> f64 {
    pumps.iter().map(|p| p.fluid_heat_w).sum()
}

fn relative(sum: f64, whole: f64) -> f64 {
    (sum - whole).abs() / whole.abs().max(1.0)
}

impl Facility {
    /// Heat of lights, controls and drives in the hall, W.
    pub(super) fn room_w(&self) -> f64 {
        self.house_now_w + self.cdus.iter().map(|c| c.room_heat_w).sum::<f64>()
    }

    /// Heat that entered and left in the last pass, W.
    pub(super) fn heat_flows_w(&self, inputs: &FacilityInputs<'_>) -> (f64, f64) {
        let entering_w = inputs.rack_liquid_w.iter().sum::<f64>()
            + inputs.rack_air_w
            + self.room_w()
            + self.hall.power_w()
            + self.hall.ventilation_w.0
            + self.cdus.iter().map(|c| heat_of(&c.pumps)).sum::<f64>()
            + self.primary.pump_heat_w()
            + self.primary.chiller_power_w()
            + heat_of(&self.condenser.pumps)
            + self.condenser.economiser_pump.fluid_heat_w
            + self.condenser.tower.heat_in_w();
        let leaving_w = self.condenser.tower.heat_out_w()
            + self.hall.ventilation_w.1
            + self.hall.crahs.iter().map(|c| c.condensate_w).sum::<f64>()
            + self.racks.iter().map(RackLoop::leak_w).sum::<f64>()
            + self.primary.tank.as_ref().map_or(0.0, |t| t.loss_w);
        (entering_w, leaving_w)
    }

    /// Heat that left the loops and the hall in the last step, W.
    #[must_use]
    pub fn heat_out_w(&self) -> f64 {
        self.heat_out_w
    }

    /// Heat content of all loops and the hall against 0 C and liquid water, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        self.cdus.iter().map(Cdu::stored_j).sum::<f64>()
            + self.racks.iter().map(RackLoop::stored_j).sum::<f64>()
            + self.hall.stored_j()
            + self.primary.stored_j()
            + self.condenser.stored_j()
    }

    /// Water and coolant.
    #[must_use]
    pub fn water(&self) -> WaterBooks {
        WaterBooks {
            basin_kg: self.condenser.tower.basin.held_kg,
            basin_kg_s: self.condenser.tower.water_balance_kg_s(),
            coolant_l: self.cdus.iter().map(|c| c.reserve.reserve_l()).sum(),
            coolant_lost_l: self.cdus.iter().map(|c| c.reserve.lost_l).sum(),
            vapour_kg: self.hall.vapour_kg(),
            vapour_kg_s: self.hall.vapour_kg_s.0 - self.hall.vapour_kg_s.1 - self.hall.condensate_kg_s(),
        }
    }

    /// How well the flows of each network add up.
    #[must_use]
    pub fn continuity(&self) -> Continuity {
        let technology = self.cdus.iter().map(|cdu| {
            let racks: f64 = cdu.racks.iter().map(|&r| self.racks[r].flow_lpm).sum();
            relative(racks, cdu.flow_lpm)
        });
        let branches = self.cdus.iter().map(|c| c.primary_flow_lpm).sum::<f64>()
            + self.hall.crahs.iter().map(|c| c.water_lpm).sum::<f64>()
            + self.primary.bypass_lpm();
        let condenser = self.condenser.pumps.iter().map(|p| p.flow_lpm).sum::<f64>()
            + self.condenser.economiser_pump.flow_lpm;
        Continuity {
            technology: technology.fold(0.0, f64::max),
            facility: relative(branches, self.primary.flow_lpm),
            condenser: relative(condenser, self.condenser.flow_lpm),
        }
    }
}
