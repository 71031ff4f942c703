//! One rack on the technology loop: manifold, trim valve, cold plates.
//!
//! Responsible for: flow from the header pressure, supply hose delay, coolant heating. Not for: the chips
//! on the plates (the IT side supplies their heat) or the header itself ([`super::cdu`]).
//!
//! ```text
//! Q = g sqrt(dp_header)          rack path: branch, quick couplings, plates and energy valve, dp ~ Q^2
//! dp_rack = dp_header - (Q / g_branch)^2                   what the rack's own meter sees
//! l = l_n sqrt(p / p_n)          leak at the static pressure of the loop, made up from its reserve
//! K dT/dt = C (T_hose - T) + C_l (T_reserve - T) + Q        plates, with what leaks and what replaces it
//! ```
//! An air pocket takes a share of the parallel plates out of the flow.
//! Level: loaded racks of a published capture draw 50 L/min at 79 kPa with the valve near 65 %, on a header at 90 kPa;
//! the rest falls over branch pipes and isolation valves ahead of the meter.

use super::fluid::{Line, PG25, Volume};
use super::valve::{Valve, in_series};

/// Position of the energy valve as balanced at commissioning.
pub const BALANCED: f64 = 0.65;
/// Share of the header pressure that falls over the branch ahead of the rack's meter at design flow (NVIDIA DSX
/// Exchange capture: 78.7 to 81.3 kPa at the racks, 90.3 kPa at the header).
const BRANCH_SHARE: f64 = 0.12;

/// A liquid-cooled rack.
#[derive(Debug, Clone, PartialEq)]
pub struct RackLoop {
    /// Energy valve at the rack, balanced at commissioning.
    pub valve: Valve,
    /// Conductance of plates and couplings, (L/min)/kPa^0.5.
    pub plates_conductance: f64,
    /// Flow now, L/min.
    pub flow_lpm: f64,
    /// Conductance of branch pipes and isolation valves ahead of the rack's meter, (L/min)/kPa^0.5.
    pub branch_conductance: f64,
    /// Differential pressure over the rack behind its branch, kPa.
    pub dp_kpa: f64,
    /// Leak at the filling pressure of the loop (fault), L/min. A closed manifold valve shuts it off.
    pub leak_lpm: f64,
    /// Share of the plates that an air pocket blocks (fault), 0..1.
    pub air: f64,
    /// What leaks now, L/min.
    pub leaking_lpm: f64,
    pub(super) conductance_now: f64,
    hose: Volume,
    plates: Volume,
}

impl RackLoop {
    /// A rack that draws `flow_lpm` at `dp_kpa` with its valve at 65 %, filled at `temperature_c`.
    /// `trim` is the commissioning error of the balancing, 1.0 = none.
    #[must_use]
    pub fn sized(flow_lpm: f64, dp_kpa: f64, trim: f64, temperature_c: f64) -> Self {
        // behind the branch a third of the pressure falls over the valve at its balanced position
        let rack_kpa = (1.0 - BRANCH_SHARE) * dp_kpa;
        let plates_conductance = trim * flow_lpm / (rack_kpa * 2.0 / 3.0).sqrt();
        let mut valve = Valve::sized(flow_lpm, rack_kpa / 3.0, 120.0);
        valve.position = BALANCED;
        valve.open_conductance *= valve.open_conductance / valve.conductance();
        Self {
            valve,
            plates_conductance,
            branch_conductance: flow_lpm / (BRANCH_SHARE * dp_kpa).sqrt(),
            flow_lpm: 0.0,
            dp_kpa: 0.0,
            leak_lpm: 0.0,
            air: 0.0,
            leaking_lpm: 0.0,
            conductance_now: 0.0,
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
            branch_conductance: 0.0,
            flow_lpm: 0.0,
            dp_kpa: 0.0,
            leak_lpm: 0.0,
            air: 0.0,
            leaking_lpm: 0.0,
            conductance_now: 0.0,
            hose: empty,
            plates: empty,
        }
    }

    /// Conductance of the whole path, (L/min)/kPa^0.5.
    #[must_use]
    pub fn conductance(&self) -> f64 {
        let open = 1.0 - self.air.clamp(0.0, 1.0);
        let rack = in_series(open * self.plates_conductance, self.valve.conductance());
        in_series(self.branch_conductance, rack)
    }

    /// Notes what the rack's meter sees at a header pressure and the present flow.
    pub(super) fn meter(&mut self, header_kpa: f64) {
        let branch = if self.flow_lpm > 0.0 { self.flow_lpm / self.branch_conductance } else { 0.0 };
        self.dp_kpa = (header_kpa - branch * branch).max(0.0);
    }

    /// Leak in L/min at `pressure` of the filling pressure; the manifold valve with its check valve isolates.
    #[must_use]
    pub fn leak_at_lpm(&self, pressure: f64) -> f64 {
        if self.valve.position < 0.01 { 0.0 } else { self.leak_lpm.max(0.0) * pressure.max(0.0).sqrt() }
    }

    /// What [`Self::step`] would return, as a line over the unknown of the header temperature.
    #[must_use]
    pub fn step_line(&self, flow_lpm: f64, header: Line, reserve_c: f64, heat_w: f64, dt_s: f64) -> Line {
        let capacity = PG25.capacity_w_k(flow_lpm);
        let inlet = self.hose.flush_line(capacity, header, Line { a: 0.0, b: 0.0 }, dt_s);
        let leak = PG25.capacity_w_k(self.leaking_lpm);
        let step = dt_s / self.plates.capacity_j_k;
        let share = 1.0 / (1.0 + (capacity + leak) * step);
        let known = step * (capacity * inlet.a + leak * reserve_c + heat_w);
        Line { a: (self.plates.temperature_c + known) * share, b: step * capacity * inlet.b * share }
    }

    /// Advances by `dt_s`: flow and header temperature in, heat in, return temperature out. What leaks
    /// ([`Self::leaking_lpm`]) leaves at the return temperature and comes in at `reserve_c`.
    pub fn step(&mut self, flow_lpm: f64, header_c: f64, reserve_c: f64, heat_w: f64, dt_s: f64) -> f64 {
        self.flow_lpm = flow_lpm;
        let capacity = PG25.capacity_w_k(flow_lpm);
        let inlet_c = self.hose.flush(capacity, header_c, 0.0, dt_s);
        let leak = PG25.capacity_w_k(self.leaking_lpm);
        let entering_w = capacity * inlet_c + leak * reserve_c + heat_w;
        // one inlet of both flows, at the mean temperature that carries the same
        self.plates.flush(capacity + leak, 0.0, entering_w, dt_s)
    }

    /// Heat that leaves with the leak, W against 0 C.
    #[must_use]
    pub fn leak_w(&self) -> f64 {
        PG25.capacity_w_k(self.leaking_lpm) * self.plates.temperature_c
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
    fn a_leak_takes_heat_along_and_the_valve_shuts_it_off() {
        let mut rack = RackLoop::sized(42.0, 90.0, 1.0, 30.0);
        rack.leak_lpm = 3.0;
        rack.leaking_lpm = rack.leak_at_lpm(1.0);
        let (before, header) = (rack.stored_j(), Line { a: 32.0, b: 0.0 });
        let line = rack.step_line(42.0, header, 25.0, 20_000.0, 10.0);
        let return_c = rack.step(42.0, 32.0, 25.0, 20_000.0, 10.0);
        assert!((line.at(0.0) - return_c).abs() < 1e-9);
        let (main, leak) = (PG25.capacity_w_k(42.0), PG25.capacity_w_k(3.0));
        let gained = main * (32.0 - return_c) + leak * 25.0 + 20_000.0 - rack.leak_w();
        assert!((rack.stored_j() - before - 10.0 * gained).abs() < 1e-5);
        assert!((rack.leak_at_lpm(0.25) - 1.5).abs() < 1e-9 && leak > 0.0);
        rack.valve.position = 0.0;
        assert!(rack.leak_at_lpm(1.0).abs() < 1e-12);
    }

    #[test]
    fn an_air_pocket_takes_flow() {
        let mut rack = RackLoop::sized(42.0, 90.0, 1.0, 30.0);
        let clear = rack.conductance();
        rack.air = 0.5;
        assert!(rack.conductance() < 0.65 * clear);
        rack.air = 1.0;
        assert!(rack.conductance().abs() < 1e-12);
    }

    #[test]
    fn return_rises_by_heat_over_capacity_flow() {
        let mut rack = RackLoop::sized(42.0, 90.0, 1.0, 30.0);
        for _ in 0..200 {
            rack.step(42.0, 30.0, 25.0, 28_000.0, 1.0);
        }
        let expected = 28_000.0 / PG25.capacity_w_k(42.0);
        assert!((rack.return_c() - 30.0 - expected).abs() < 1e-6);
    }
}
