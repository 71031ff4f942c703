//! Coolant distribution unit and the technology loop behind it.
//!
//! Responsible for: plate exchanger, primary valve, strainer, two secondary pumps (N+1), headers, the racks'
//! flow split, the loop's reserve. Not for: the control of valve and pumps (the BMS) or the facility water ahead of it.
//!
//! ```text
//! head = dp_header + R_unit Q^2,  Q = G sqrt(dp_header),  G = sum of rack conductances
//! plate:  eps-NTU, 1/UA ~ flow^-0.8 on both sides         rated at an approach of 4 K
//! vessel -> plate -> supply header -> racks -> return header -> vessel
//! R_strainer = R_clean / (1 - clogging)^2
//! ```
//! The loop turns over in less than a minute, so it is closed implicitly: all its temperatures are lines over
//! the vessel's new one ([`super::fluid::Line`]), which then follows from its own balance.
//! Volumes: 0.4 to 1.2 L per kW is usual, so a loop at full load warms 0.2 to 0.5 K/s when heat rejection
//! stops. Exchanger and volume of the unit together lag 5 to 15 s.

use super::exchanger::{Exchanger, design_ua_w_k};
use super::expansion::{Expansion, FILL_KPA, RESERVE_C};
use super::fluid::{Line, PG25, Pipe, Volume, WATER};
use super::pump::{Pump, operate};
use super::rack_loop::RackLoop;
use super::valve::{Valve, in_series};

/// Design header pressure of the technology loop, kPa.
pub const DESIGN_DP_KPA: f64 = 90.0;
/// Design pressure drop inside the unit (plate, strainer, piping), kPa.
const UNIT_DP_KPA: f64 = 80.0;
/// Share of it in the clean strainer.
const STRAINER_SHARE: f64 = 0.15;
/// Design pressure available to the unit on the facility side, kPa.
pub const PRIMARY_DP_KPA: f64 = 80.0;

/// What the control asks of a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CduCommand {
    /// Primary valve position, 0..1.
    pub valve: f64,
    /// Speed of each pump, 0..1.
    pub pumps: [f64; 2],
}

/// A coolant distribution unit with its racks.
#[derive(Debug, Clone, PartialEq)]
pub struct Cdu {
    /// Indices of the racks it serves.
    pub racks: Vec<usize>,
    /// Plate exchanger, side 1 secondary, side 2 primary.
    pub plate: Exchanger,
    /// Valve on the facility side.
    pub valve: Valve,
    /// Secondary pumps.
    pub pumps: [Pump; 2],
    /// Header differential pressure, kPa.
    pub dp_kpa: f64,
    /// Secondary flow, L/min.
    pub flow_lpm: f64,
    /// Facility-side flow, L/min.
    pub primary_flow_lpm: f64,
    /// Facility-side inlet temperature, C.
    pub primary_inlet_c: f64,
    /// Heat through the plate, W.
    pub duty_w: f64,
    /// Motor and drive losses to the hall, W.
    pub room_heat_w: f64,
    /// Share of the secondary strainer that is clogged (fault), 0 = clean.
    pub clogging: f64,
    /// Reserve of coolant and static pressure.
    pub reserve: Expansion,
    vessel: Volume,
    plate_secondary: Volume,
    plate_primary: Volume,
    supply: Pipe<3>,
    returning: Pipe<3>,
    unit_resistance: f64,
    primary_resistance: f64,
}

impl Cdu {
    /// A unit for the racks of those indices, rated for `duty_w`, filled at the given temperatures.
    #[must_use]
    pub fn sized(racks: Vec<usize>, flow_lpm: f64, duty_w: f64, secondary_c: f64, primary_c: f64) -> Self {
        let primary_lpm = duty_w / (10.0 * WATER.capacity_w_k(1.0));
        let (c1, c2) = (PG25.capacity_w_k(flow_lpm), WATER.capacity_w_k(primary_lpm));
        let ua_design_w_k = design_ua_w_k(duty_w, 30.0 + duty_w / c1, 30.0, 26.0, 26.0 + duty_w / c2);
        let pump = Pump::sized(flow_lpm, DESIGN_DP_KPA + UNIT_DP_KPA, 0.58, 15.0);
        Self {
            racks,
            plate: Exchanger {
                ua_design_w_k,
                design_1_w_k: c1,
                design_2_w_k: c2,
                share_1: 0.6,
                fouling: 0.0,
            },
            valve: Valve::sized(primary_lpm, 0.6 * PRIMARY_DP_KPA, 60.0),
            pumps: [pump; 2],
            dp_kpa: 0.0,
            flow_lpm: 0.0,
            primary_flow_lpm: 0.0,
            primary_inlet_c: primary_c,
            duty_w: 0.0,
            room_heat_w: 0.0,
            clogging: 0.0,
            reserve: Expansion::sized(0.75 * flow_lpm),
            vessel: Volume::new(&PG25, 0.10 * flow_lpm, secondary_c),
            plate_secondary: Volume::new(&PG25, 0.08 * flow_lpm, secondary_c),
            plate_primary: Volume::new(&WATER, 0.08 * primary_lpm, primary_c),
            supply: Pipe::new(&PG25, 0.18 * flow_lpm, secondary_c),
            returning: Pipe::new(&PG25, 0.18 * flow_lpm, secondary_c),
            unit_resistance: UNIT_DP_KPA / (flow_lpm * flow_lpm),
            primary_resistance: 0.4 * PRIMARY_DP_KPA / (primary_lpm * primary_lpm),
        }
    }

    /// Moves valve and drives toward the commands.
    pub fn actuate(&mut self, command: &CduCommand, powered: bool, dt_s: f64) {
        self.valve.step(command.valve, dt_s);
        for (pump, speed) in self.pumps.iter_mut().zip(command.pumps) {
            pump.drive(speed, powered && !self.reserve.low_pressure, dt_s);
        }
    }

    /// Conductance of the facility-side branch, (L/min)/kPa^0.5.
    #[must_use]
    pub fn primary_conductance(&self) -> f64 {
        in_series(self.valve.conductance(), self.primary_resistance.sqrt().recip())
    }

    /// Advances by `dt_s`. `racks` and `heat_w` are those of the whole hall: loops and heat of the plates.
    /// Returns the primary outlet, C.
    pub fn step(
        &mut self,
        racks: &mut [RackLoop],
        heat_w: &[f64],
        (primary_lpm, primary_inlet_c): (f64, f64),
        dt_s: f64,
    ) -> f64 {
        let root_dp = self.circulate(racks, dt_s);
        (self.primary_flow_lpm, self.primary_inlet_c) = (primary_lpm, primary_inlet_c);
        let (secondary, primary) = (PG25.capacity_w_k(self.flow_lpm), WATER.capacity_w_k(primary_lpm));
        let pump_heat_w = self.pumps.iter().map(|p| p.fluid_heat_w).sum::<f64>();
        self.room_heat_w = (self.power_w() - pump_heat_w).max(0.0);

        // forward: everything as a line over the vessel's new temperature
        let per_k = self.plate.duty_w(secondary, 1.0, primary, 0.0);
        let plate_heat = Line { a: pump_heat_w + per_k * primary_inlet_c, b: -per_k };
        let plate = self.plate_secondary.flush_line(secondary, Line::X, plate_heat, dt_s);
        let header = self.supply.flush_line(secondary, plate, dt_s);
        let mut mixed = Line { a: 0.0, b: 0.0 };
        for &index in &self.racks {
            let rack = &racks[index];
            let capacity = PG25.capacity_w_k(rack.flow_lpm);
            let back = rack.step_line(rack.flow_lpm, header, RESERVE_C, heat_w[index], dt_s);
            (mixed.a, mixed.b) = (mixed.a + capacity * back.a, mixed.b + capacity * back.b);
        }
        let share = if secondary > 0.0 { 1.0 / secondary } else { 0.0 };
        let mixed = Line { a: mixed.a * share, b: mixed.b * share };
        let back = self.returning.flush_line(secondary, mixed, dt_s);
        let gain = secondary * dt_s / self.vessel.capacity_j_k;
        let vessel_c = (self.vessel.temperature_c + gain * back.a) / (1.0 + gain * (1.0 - back.b));

        // and once more with the number
        self.duty_w = per_k * (vessel_c - primary_inlet_c);
        let outlet_c = self.plate_primary.flush(primary, primary_inlet_c, self.duty_w, dt_s);
        let plate_c = self.plate_secondary.flush(secondary, vessel_c, pump_heat_w - self.duty_w, dt_s);
        let header_c = self.supply.flush(secondary, plate_c, dt_s);
        let mut carried_w = 0.0;
        for &index in &self.racks {
            let flow = racks[index].conductance_now * root_dp;
            let return_c = racks[index].step(flow, header_c, RESERVE_C, heat_w[index], dt_s);
            carried_w += PG25.capacity_w_k(flow) * return_c;
        }
        let back_c = self.returning.flush(secondary, carried_w * share, dt_s);
        self.vessel.flush(secondary, back_c, 0.0, dt_s);
        outlet_c
    }

    /// Pumps against the network, flows of the racks, leaks against the reserve.
    fn circulate(&mut self, racks: &mut [RackLoop], dt_s: f64) -> f64 {
        let pressure = self.reserve.pressure_kpa / FILL_KPA;
        let (mut conductance, mut leak_lpm) = (0.0, 0.0);
        for &index in &self.racks {
            let rack = &mut racks[index];
            rack.conductance_now = rack.conductance();
            conductance += rack.conductance_now;
            rack.leaking_lpm = rack.leak_at_lpm(pressure);
            leak_lpm += rack.leaking_lpm;
        }
        let clean = 1.0 - self.clogging.clamp(0.0, 0.95);
        let unit = self.unit_resistance * (1.0 - STRAINER_SHARE + STRAINER_SHARE / (clean * clean));
        self.flow_lpm = operate(&mut self.pumps, unit + (conductance * conductance).recip());
        let root_dp = if conductance > 0.0 { self.flow_lpm / conductance } else { 0.0 };
        self.dp_kpa = root_dp * root_dp;
        let fed = self.reserve.feedable(leak_lpm, dt_s);
        for &index in &self.racks {
            let rack = &mut racks[index];
            rack.flow_lpm = rack.conductance_now * root_dp;
            rack.meter(self.dp_kpa);
            rack.leaking_lpm *= fed;
        }
        self.reserve.step(leak_lpm * fed, dt_s);
        root_dp
    }

    /// Technology supply temperature behind the plate, C.
    #[must_use]
    pub fn supply_c(&self) -> f64 {
        self.plate_secondary.temperature_c
    }

    /// Technology return temperature into the vessel, C.
    #[must_use]
    pub fn return_c(&self) -> f64 {
        self.returning.outlet_c()
    }

    /// Facility-side outlet temperature, C.
    #[must_use]
    pub fn primary_outlet_c(&self) -> f64 {
        self.plate_primary.temperature_c
    }

    /// Electric power of the pumps, W.
    #[must_use]
    pub fn power_w(&self) -> f64 {
        self.pumps.iter().map(|p| p.power_w).sum()
    }

    /// Heat content of the unit without its racks against 0 C, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        self.vessel.stored_j()
            + self.plate_secondary.stored_j()
            + self.plate_primary.stored_j()
            + self.supply.stored_j()
            + self.returning.stored_j()
            + self.reserve.stored_j()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit() -> (Cdu, Vec<RackLoop>) {
        let racks = vec![RackLoop::sized(42.0, DESIGN_DP_KPA, 1.0, 30.0); 4];
        (Cdu::sized(vec![0, 1, 2, 3], 168.0, 115_000.0, 30.0, 18.0), racks)
    }

    #[test]
    fn rated_point_has_four_kelvin_approach() {
        let (mut cdu, mut racks) = unit();
        let command = CduCommand { valve: 1.0, pumps: [1.0, 0.0] };
        for _ in 0..1200 {
            cdu.actuate(&command, true, 1.0);
            let primary = cdu.primary_conductance() * PRIMARY_DP_KPA.sqrt();
            cdu.step(&mut racks, &[28_750.0; 4], (primary, 26.0), 1.0);
        }
        assert!((cdu.dp_kpa - DESIGN_DP_KPA).abs() < 1.0, "{}", cdu.dp_kpa);
        assert!((cdu.supply_c() - 30.0).abs() < 0.4, "{}", cdu.supply_c());
        assert!((cdu.duty_w - 115_000.0).abs() < 2500.0, "{}", cdu.duty_w);
    }

    #[test]
    fn one_pump_of_two_carries_the_flow() {
        let (mut cdu, mut racks) = unit();
        cdu.pumps[0].failed = true;
        for _ in 0..60 {
            cdu.actuate(&CduCommand { valve: 0.5, pumps: [1.0, 1.0] }, true, 1.0);
            cdu.step(&mut racks, &[28_750.0; 4], (80.0, 18.0), 1.0);
        }
        assert!(cdu.flow_lpm > 160.0, "{}", cdu.flow_lpm);
    }

    #[test]
    fn ten_seconds_at_once_settle_where_one_second_does() {
        let settle = |dt_s: f64| {
            let (mut cdu, mut racks) = unit();
            let command = CduCommand { valve: 0.7, pumps: [0.9, 0.0] };
            for _ in 0..(3600.0 / dt_s) as usize {
                cdu.actuate(&command, true, dt_s);
                let primary = cdu.primary_conductance() * PRIMARY_DP_KPA.sqrt();
                cdu.step(&mut racks, &[22e3, 18e3, 25e3, 9e3], (primary, 20.0), dt_s);
            }
            (cdu.supply_c(), cdu.return_c(), cdu.duty_w)
        };
        let (fine, coarse) = (settle(1.0), settle(10.0));
        assert!((fine.0 - coarse.0).abs() < 1e-3 && (fine.1 - coarse.1).abs() < 1e-3, "{fine:?} {coarse:?}");
        assert!((fine.2 / coarse.2 - 1.0).abs() < 1e-4);
    }

    #[test]
    fn a_clogged_strainer_takes_pressure_from_the_racks() {
        let (mut cdu, mut racks) = unit();
        let mut dp = |clogging: f64| {
            cdu.clogging = clogging;
            for _ in 0..60 {
                cdu.actuate(&CduCommand { valve: 0.5, pumps: [1.0, 0.0] }, true, 1.0);
                cdu.step(&mut racks, &[20e3; 4], (80.0, 18.0), 1.0);
            }
            cdu.dp_kpa
        };
        let (clean, dirty) = (dp(0.0), dp(0.7));
        assert!(dirty < 0.8 * clean && dirty > 0.3 * clean, "{clean} {dirty}");
    }

    #[test]
    fn a_burst_empties_the_reserve_and_stops_the_pumps() {
        let (mut cdu, mut racks) = unit();
        racks[2].leak_lpm = 12.0;
        let mut stopped_s = None;
        for second in 0..1800 {
            cdu.actuate(&CduCommand { valve: 0.5, pumps: [1.0, 0.0] }, true, 1.0);
            cdu.step(&mut racks, &[20e3; 4], (80.0, 18.0), 1.0);
            if cdu.reserve.low_pressure && stopped_s.is_none() {
                stopped_s = Some(second);
            }
        }
        assert!((20..900).contains(&stopped_s.unwrap()), "{stopped_s:?}");
        assert!(cdu.flow_lpm < 1.0, "{}", cdu.flow_lpm);
    }

    #[test]
    fn warms_within_seconds_when_rejection_stops() {
        let (mut cdu, mut racks) = unit();
        let command = CduCommand { valve: 0.0, pumps: [1.0, 0.0] };
        for _ in 0..60 {
            cdu.actuate(&command, true, 1.0);
            cdu.step(&mut racks, &[0.0; 4], (0.0, 18.0), 1.0);
        }
        let before = cdu.supply_c();
        for _ in 0..120 {
            cdu.step(&mut racks, &[28_750.0; 4], (0.0, 18.0), 1.0);
        }
        let rate = (cdu.supply_c() - before) / 120.0;
        assert!((0.1..0.5).contains(&rate), "{rate} K/s");
    }
}
