//! One rack on the technology loop: manifold, trim valve, cold plates.
//!
//! Responsible for: flow from the header pressure, supply hose delay, coolant heating. Not for: the chips
//! on the plates (the IT side supplies their heat) or the header itself ([`super::cdu`]).
//!
//! ```text
//! Q = g sqrt(dp_header)          rack path: quick couplings, plates and energy valve, dp ~ Q^2
//! ```
//! Level: five loaded racks of a published capture draw 50 L/min at 79 kPa with the valve near 65 %.

use super::fluid::{PG25, Volume};
use super::valve::{Valve, in_series};

/// Position of the energy valve as balanced at commissioning.
pub const BALANCED: f64 = 0.65;

/// A liquid-cooled rack.
#[derive(Debug, Clone, PartialEq)]
pub struct RackLoop {
    /// Energy valve at the rack, balanced at commissioning.
    pub valve: Valve,
    /// Conductance of plates and couplings, (L/min)/kPa^0.5.
    pub plates_conductance: f64,
    /// Flow now, L/min.
    pub flow_lpm: f64,
    /// Differential pressure over the rack, kPa.
    pub dp_kpa: f64,
    hose: Volume,
    plates: Volume,
}

impl RackLoop {
    /// A rack that draws `flow_lpm` at `dp_kpa` with its valve at 65 %, filled at `temperature_c`.
    /// `trim` is the commissioning error of the balancing, 1.0 = none.
    #[must_use]
    pub fn sized(flow_lpm: f64, dp_kpa: f64, trim: f64, temperature_c: f64) -> Self {
        // a third of the pressure falls over the valve at its balanced position
        let plates_conductance = trim * flow_lpm / (dp_kpa * 2.0 / 3.0).sqrt();
        let mut valve = Valve::sized(flow_lpm, dp_kpa / 3.0, 120.0);
        valve.position = BALANCED;
        valve.open_conductance *= valve.open_conductance / valve.conductance();
        Self {
            valve,
            plates_conductance,
            flow_lpm: 0.0,
            dp_kpa: 0.0,
            hose: Volume::new(&PG25, 0.06 * flow_lpm, temperature_c),
            plates: Volume::new(&PG25, 0.15 * flow_lpm, temperature_c),
        }
    }

    /// The path of a rack that is not on the loop: no plates, no flow, no coolant.
    #[must_use]
    pub fn none(temperature_c: f64) -> Self {
        let empty = Volume { temperature_c, capacity_j_k: 0.0 };
        Self {
            valve: Valve { position: 0.0, ..Valve::sized(0.0, 1.0, 120.0) },
            plates_conductance: 0.0,
            flow_lpm: 0.0,
            dp_kpa: 0.0,
            hose: empty,
            plates: empty,
        }
    }

    /// Conductance of the whole path, (L/min)/kPa^0.5.
    #[must_use]
    pub fn conductance(&self) -> f64 {
        in_series(self.plates_conductance, self.valve.conductance())
    }

    /// Advances by `dt_s`: header pressure and temperature in, heat in, return temperature out.
    pub fn step(&mut self, flow_lpm: f64, dp_kpa: f64, header_c: f64, heat_w: f64, dt_s: f64) -> f64 {
        (self.flow_lpm, self.dp_kpa) = (flow_lpm, dp_kpa);
        let capacity = PG25.capacity_w_k(flow_lpm);
        let inlet_c = self.hose.flush(capacity, header_c, 0.0, dt_s);
        self.plates.flush(capacity, inlet_c, heat_w, dt_s)
    }

    /// Temperature at the rack inlet, C.
    #[must_use]
    pub fn supply_c(&self) -> f64 {
        self.hose.temperature_c
    }

    /// Temperature at the rack outlet, C.
    #[must_use]
    pub fn return_c(&self) -> f64 {
        self.plates.temperature_c
    }

    /// Heat content against 0 C, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        self.hose.stored_j() + self.plates.stored_j()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn design_flow_at_design_pressure() {
        let rack = RackLoop::sized(42.0, 90.0, 1.0, 30.0);
        assert!((rack.conductance() * 90.0_f64.sqrt() - 42.0).abs() < 1e-6);
    }

    #[test]
    fn return_rises_by_heat_over_capacity_flow() {
        let mut rack = RackLoop::sized(42.0, 90.0, 1.0, 30.0);
        for _ in 0..200 {
            rack.step(42.0, 90.0, 30.0, 28_000.0, 1.0);
        }
        let expected = 28_000.0 / PG25.capacity_w_k(42.0);
        assert!((rack.return_c() - 30.0 - expected).abs() < 1e-6);
    }
}
