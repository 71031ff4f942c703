//! Pumps, racks and the technology loop against their published laws and levels.
//!
//! Responsible for: running [`pump`](headroom_truth::facility::pump), [`RackLoop`] and [`Cdu`] at the points where
//! figures are published. Not for: what their sensors show ([`super::capture`]).

use super::{Check, Ledger, Tolerance};
use headroom_truth::facility::cdu::{Cdu, CduCommand, DESIGN_DP_KPA, PRIMARY_DP_KPA};
use headroom_truth::facility::exchanger::design_ua_w_k;
use headroom_truth::facility::fluid::{PG25, WATER};
use headroom_truth::facility::pump::{Pump, operate};
use headroom_truth::facility::rack_loop::RackLoop;

const AFFINITY: &str = "affinity laws (Karassik, Pump Handbook); no static head";
const HYDRAULIC: &str = "P = Q dp / eta, OCP liquid-cooling guidance flow; DSX Exchange capture flow";
const CAPTURE: &str = "NVIDIA DSX Exchange capture (dsx_exemplar.csv, Apache-2.0): 50 L/min at 79 kPa";
const RATED: &str = "CDU rating statements: 1300 kW at 4 K approach; UA = Q / LMTD";
const VOLUME: &str = "heat capacity of PG25: 1300 kW into 600 L is 0.54 K/s, into 1500 L 0.22 K/s";
const FILL: &str = "usual fill of technology loops, 0.4 to 1.2 L per kW (CDU data sheets)";

/// All checks of this room.
#[must_use]
pub fn checks() -> Vec<Check> {
    let mut all = pump();
    all.extend(rack());
    all.extend(cdu());
    all
}

/// Flow in L/min, head in kPa and power in W of a pump at a speed, against a resistance.
fn run(mut pump: Pump, speed: f64, resistance: f64) -> (f64, f64, f64) {
    pump.speed = speed;
    let flow_lpm = operate(std::slice::from_mut(&mut pump), resistance);
    (flow_lpm, resistance * flow_lpm * flow_lpm, pump.power_w)
}

/// Electric power per heat of a loop, W/kW, with a pump of an efficiency from wire to water at its best point.
fn watt_per_kw(lpm_per_kw: f64, dp_kpa: f64, wire_to_water: f64) -> f64 {
    let flow_lpm = 1000.0 * lpm_per_kw;
    let resistance = dp_kpa / (flow_lpm * flow_lpm);
    // the drive and idle losses of the model are found by running a pump without hydraulic losses
    let power_w = |efficiency: f64| run(Pump::sized(flow_lpm, dp_kpa, efficiency, 10.0), 1.0, resistance).2;
    let hydraulic_w = flow_lpm / 60.0 * dp_kpa;
    let beside = power_w(1.0) / hydraulic_w;
    let per_loss = power_w(0.5) / hydraulic_w - beside;
    power_w(1.0 / (1.0 + (1.0 / wire_to_water - beside) / per_loss)) / 1000.0
}

fn pump() -> Vec<Check> {
    let mut ledger = Ledger::new("pump", AFFINITY);
    let resistance = 170.0 / (800.0 * 800.0);
    let full = Pump::sized(800.0, 170.0, 0.58, 15.0);
    let (q, h, p) = run(full, 1.0, resistance);
    let (half_q, half_h, half_p) = run(full, 0.5, resistance);
    ledger.near("flow at half speed over full speed", "1", 0.5, half_q / q);
    ledger.near("head at half speed over full speed", "1", 0.25, half_h / h);
    ledger.near("power at half speed over full speed", "1", 0.125, half_p / p);
    ledger.source = "circulation pumps of CDUs, efficiency from wire to water 0.50 to 0.65 (data sheets)";
    let pump = Loop::new(1.35, 30.0).cdu.pumps[0];
    let (q, h, p) = run(pump, 1.0, 170.0 / (pump.best_lpm * pump.best_lpm));
    let wire_to_water = q / 60.0 * h / p;
    ledger.note("CDU pump from wire to water at its design point", "1", (0.575, wire_to_water), WIRE);
    ledger.source = HYDRAULIC;
    ledger.near("pumping at 1.5 L/min/kW, 250 kPa, eta 0.6", "W/kW", 10.4, watt_per_kw(1.5, 250.0, 0.6));
    ledger.near("pumping at 1.07 L/min/kW, 90 kPa, eta 0.5", "W/kW", 3.2, watt_per_kw(1.07, 90.0, 0.5));
    ledger.checks
}

const WIRE: Tolerance = Tolerance::Range(0.50, 0.65);

fn rack() -> Vec<Check> {
    let mut ledger = Ledger::new("rack", CAPTURE);
    let rack = RackLoop::sized(50.0, 90.0, 1.0, 32.0);
    // what its own meter sees: the header pressure for a flow, less that of the branch
    let dp_kpa = |flow_lpm: f64| {
        (flow_lpm / rack.conductance()).powi(2) - (flow_lpm / rack.branch_conductance).powi(2)
    };
    ledger.near("pressure drop at 50 L/min, header at 90 kPa", "kPa", 79.0, dp_kpa(50.0));
    let valve = 100.0 * rack.valve.position;
    ledger.note("valve at that flow", "%", (64.2, valve), Tolerance::Range(60.8, 67.3));
    ledger.source = "turbulent pressure drop, dp ~ Q^2 (Darcy and Weisbach)";
    let exponent = (dp_kpa(60.0) / dp_kpa(40.0)).ln() / 1.5_f64.ln();
    ledger.near("exponent of pressure drop over flow", "1", 2.0, exponent);
    ledger.source = "heat balance of PG25 (1015 kg/m3, 3930 J/(kg K), supplier data)";
    let mut warm = rack.clone();
    for _ in 0..600 {
        warm.step(50.0, 79.0, 32.0, 45e3, 1.0);
    }
    let rise = 45e3 / (50.0 / 60_000.0 * 1015.0 * 3930.0);
    ledger.near("coolant rise at 45 kW and 50 L/min", "K", rise, warm.return_c() - warm.supply_c());
    ledger.checks
}

/// Racks of 50 kW on a CDU of 1300 kW.
const RACKS: usize = 26;
/// Its duty, kW.
const DUTY_KW: f64 = 1300.0;

/// A CDU with its racks.
struct Loop {
    cdu: Cdu,
    racks: Vec<RackLoop>,
}

impl Loop {
    /// A loop of a flow per heat, filled at a temperature.
    fn new(lpm_per_kw: f64, temperature_c: f64) -> Self {
        let flow_lpm = DUTY_KW * lpm_per_kw;
        let rack = RackLoop::sized(flow_lpm / RACKS as f64, DESIGN_DP_KPA, 1.0, temperature_c);
        let cdu = Cdu::sized((0..RACKS).collect(), flow_lpm, 1000.0 * DUTY_KW, temperature_c, 26.0);
        Self { cdu, racks: vec![rack; RACKS] }
    }

    /// Runs at a heat; the facility side has its design pressure, or none.
    fn advance(&mut self, heat_kw: f64, cooled: bool, seconds: usize) {
        let heat_w = [1000.0 * heat_kw / RACKS as f64; RACKS];
        for _ in 0..seconds {
            self.cdu.actuate(&CduCommand { valve: 1.0, pumps: [1.0, 0.0] }, true, 1.0);
            let open = self.cdu.primary_conductance() * PRIMARY_DP_KPA.sqrt();
            let primary_lpm = if cooled { open } else { 0.0 };
            self.cdu.step(&mut self.racks, &heat_w, (primary_lpm, 26.0), 1.0);
        }
    }
}

/// Litres of coolant in a loop with its racks, from its heat content at two temperatures.
fn litres(lpm_per_kw: f64) -> f64 {
    let stored = |temperature_c: f64| {
        let l = Loop::new(lpm_per_kw, temperature_c);
        l.cdu.stored_j() + l.racks.iter().map(RackLoop::stored_j).sum::<f64>()
    };
    (stored(31.0) - stored(30.0)) / PG25.capacity_j_k(1.0)
}

/// Warm-up in K/s of a loop of a volume at 1300 kW once the facility side stops.
fn warm_up(volume_l: f64) -> f64 {
    let mut l = Loop::new(volume_l / litres(1.0), 30.0);
    l.advance(0.0, true, 300);
    // until all of the loop follows
    l.advance(DUTY_KW, false, 120);
    let before = l.cdu.supply_c();
    l.advance(DUTY_KW, false, 120);
    (l.cdu.supply_c() - before) / 120.0
}

fn cdu() -> Vec<Check> {
    let mut ledger = Ledger::new("cdu", RATED);
    let mut l = Loop::new(1.35, 30.0);
    l.advance(DUTY_KW, true, 1800);
    let cdu = &l.cdu;
    ledger.near("approach at 1300 kW, valve open", "K", 4.0, cdu.supply_c() - cdu.primary_inlet_c);
    let (c1, c2) = (PG25.capacity_w_k(cdu.flow_lpm), WATER.capacity_w_k(cdu.primary_flow_lpm));
    let (hot, cold) = (cdu.return_c(), cdu.primary_inlet_c);
    let by_ends =
        design_ua_w_k(cdu.duty_w, hot, hot - cdu.duty_w / c1, cold, cold + cdu.duty_w / c2) / 1000.0;
    let log_mean = {
        let (a, b) = (hot - cold - cdu.duty_w / c2, hot - cdu.duty_w / c1 - cold);
        (a - b) / (a / b).ln()
    };
    ledger.near("conductance, Q / LMTD of the run", "kW/K", cdu.duty_w / log_mean / 1000.0, by_ends);
    let of_flows = cdu.plate.ua_w_k(c1, c2) / 1000.0;
    ledger.near("conductance of the plate at its flows", "kW/K", by_ends, of_flows);
    ledger.source = VOLUME;
    ledger.near("warm-up without cooling, 1300 kW, 600 L", "K/s", 0.54, warm_up(600.0));
    ledger.near("warm-up without cooling, 1300 kW, 1500 L", "K/s", 0.22, warm_up(1500.0));
    ledger.source = FILL;
    let fill = litres(1.35) / DUTY_KW;
    ledger.note("coolant in loop and racks", "L/kW", (0.8, fill), Tolerance::Range(0.4, 1.2));
    ledger.checks
}
