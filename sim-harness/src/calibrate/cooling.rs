//! Chiller, cooling tower and plate exchangers against their published curves.
//!
//! Responsible for: running `chiller`, `tower` and `exchanger` at the points where figures are published.
//! Not for: pumps and loops ([`super::hydraulics`]).
//!
//! The chiller of the plant is a smaller machine of the published family, with a lower reference COP and the same
//! curves; its COP is carried over to the published machine by the ratio of the two reference COPs.

use super::{Check, Ledger, Tolerance};
use headroom_truth::facility::Outdoor;
use headroom_truth::facility::chiller::{REFERENCE_COP, capacity_factor, power_w};
use headroom_truth::facility::dry_cooler::{DryCooler, DryInlet, crossflow_effectiveness};
use headroom_truth::facility::exchanger::{Exchanger, counterflow_effectiveness};
use headroom_truth::facility::fluid::WATER;
use headroom_truth::facility::primary::PrimaryLoop;
use headroom_truth::facility::tower::{Tower, TowerDuty, range_k};

/// Reference COP of the published machine.
const PUBLISHED_COP: f64 = 6.61;

const CHILLER: &str = "Trane CVHE 1442 kW VSD, DOE-2 curves (Modelica Buildings, ElectricEIR data)";
const TOWER: &str = "YorkCalc correlation (EnergyPlus Engineering Reference; Modelica Buildings)";
const EVAPORATION: &str =
    "1.48 if all heat is latent; 0.00085 x flow x range in degF (Perry, Handbook) is 1.32";
const CROSSFLOW: &str = "crossflow, both fluids unmixed, Kays and London, Compact Heat Exchangers";
const DRY_FAN: &str = "dry coolers, 15 to 30 W fan per kW at design (catalogue data); fan laws";
const FAN: &str = "fan affinity laws; 0.008 to 0.015 W/W of selected towers (catalogue data)";
const PLATE: &str = "counterflow effectiveness, Kays and London, Compact Heat Exchangers";
const ECONOMISER: &str = "ASHRAE Guideline 36-2021 water-side economiser, design approach";

/// All checks of this room.
#[must_use]
pub fn checks() -> Vec<Check> {
    let mut all = chiller();
    all.extend(tower());
    all.extend(dry_cooler());
    all.extend(plate());
    all
}

/// COP of the published machine at a part load of its capacity, by our curves.
fn cop(part_load: f64, leaving_c: f64, condenser_c: f64) -> f64 {
    let load_w = part_load * 1e6 * capacity_factor(leaving_c, condenser_c);
    PUBLISHED_COP / REFERENCE_COP * load_w / power_w(1e6, load_w, leaving_c, condenser_c)
}

fn chiller() -> Vec<Check> {
    let mut ledger = Ledger::new("chiller", CHILLER);
    for (published, leaving_c, condenser_c) in
        [(PUBLISHED_COP, 5.56, 23.89), (7.0, 7.0, 24.0), (8.7, 18.0, 24.0), (6.3, 18.0, 35.0)]
    {
        let quantity = format!("COP at full load, {leaving_c} C leaving, {condenser_c} C entering");
        ledger.near(quantity, "W/W", published, cop(1.0, leaving_c, condenser_c));
    }
    let half = cop(0.5, 7.0, 24.0) / cop(1.0, 7.0, 24.0);
    ledger.near("COP at half load over full load, 7 / 24 C", "1", 1.25, half);
    ledger.near("capacity over reference, 5.56 / 23.89 C", "1", 1.0, capacity_factor(5.56, 23.89));
    ledger.source = "chilled water warmed by 1 K saves 2 to 3 % of compressor power (operators' practice)";
    let saved = |leaving_c: f64| power_w(1e6, 0.7e6, leaving_c, 24.0);
    let per_k = 100.0 * (saved(7.0) / saved(18.0)).ln() / 11.0;
    ledger.note(
        "power saved per K of warmer water, 7 to 18 C, 70 % load",
        "%/K",
        (2.5, per_k),
        Tolerance::Range(2.0, 3.0),
    );
    ledger.checks
}

/// Approach in K at a cooling range, by search over the entering temperature.
fn approach_k(range: f64, wet_bulb_c: f64, lg: f64) -> f64 {
    let (mut low, mut high) = (wet_bulb_c, wet_bulb_c + 60.0);
    for _ in 0..60 {
        let mid = 0.5 * (low + high);
        if range_k(mid, wet_bulb_c, lg) < range { low = mid } else { high = mid }
    }
    low - range - wet_bulb_c
}

/// A tower at its rating with the fan at a speed: what it does with rated flow, and its duty, W.
fn tower_at(fan: f64) -> (Tower, TowerDuty, f64) {
    let (duty_w, range) = (1e6, 5.56);
    let air = Outdoor { dry_bulb_c: 35.0, wet_bulb_c: 25.55, dew_point_c: 22.2 };
    let flow_lpm = duty_w / WATER.capacity_w_k(1.0) / range;
    let tower = Tower::sized(duty_w, flow_lpm);
    let out = tower.cool(flow_lpm, air.wet_bulb_c + 3.84 + range, &air, fan, 0.0);
    (tower, out, WATER.capacity_w_k(flow_lpm) * out.range_k)
}

/// Water evaporated per heat rejected at rated flow and full fan, kg/kWh.
fn evaporation_kg_kwh(unit: &Tower, entering_c: f64, air: &Outdoor) -> f64 {
    let out = unit.cool(unit.design_lpm, entering_c, air, 1.0, 0.0);
    out.evaporation_kg_s / (WATER.capacity_w_k(unit.design_lpm) * out.range_k) * 3.6e6
}

fn tower() -> Vec<Check> {
    let mut ledger = Ledger::new("tower", TOWER);
    for (published, wet_bulb_c, lg) in [(3.84, 25.55, 1.0), (7.8, 10.0, 1.0), (11.8, 18.0, 2.0)] {
        let quantity = format!("approach at range 5.56 K, wet bulb {wet_bulb_c} C, L/G {lg}");
        ledger.near(quantity, "K", published, approach_k(5.56, wet_bulb_c, lg));
    }
    let ((unit, full, full_w), (_, _, still_w)) = (tower_at(1.0), tower_at(0.0));
    ledger.near("duty at the rating point over rated duty", "1", 1.0, full_w / 1e6);
    ledger.near("duty with the fan off over full fan", "%", 12.5, 100.0 * still_w / full_w);
    ledger.source = EVAPORATION;
    // air as warm as the water takes no sensible heat: 3.6 MJ over the latent heat
    let summer = Outdoor { dry_bulb_c: 32.2, wet_bulb_c: 25.55, dew_point_c: 23.3 };
    let quantity = "evaporation per heat rejected, air as warm as the water";
    ledger.near(quantity, "kg/kWh", 1.48, evaporation_kg_kwh(&unit, 34.95, &summer));
    let spring = Outdoor { dry_bulb_c: 20.0, wet_bulb_c: 15.0, dew_point_c: 11.8 };
    let mild = evaporation_kg_kwh(&unit, 27.0, &spring);
    let quantity = "evaporation per heat rejected, 20 C dry, 15 C wet bulb";
    ledger.note(quantity, "kg/kWh", (1.316, mild), Tolerance::Relative(0.1));
    ledger.source = FAN;
    ledger.near(
        "fan power at half speed over full speed",
        "1",
        0.125,
        tower_at(0.5).1.power_w / full.power_w,
    );
    let ratio = unit.fan_design_w / 1e6;
    ledger.note(
        "fan power over duty at the rating point",
        "W/W",
        (0.012, ratio),
        Tolerance::Range(0.008, 0.015),
    );
    ledger.checks
}

fn dry_cooler() -> Vec<Check> {
    let mut ledger = Ledger::new("dry-cooler", CROSSFLOW);
    for (published, ntu) in [(0.476, 1.0), (0.614, 2.0), (0.681, 3.0)] {
        let quantity = format!("effectiveness, crossflow, NTU {ntu}, ratio 1");
        ledger.near(quantity, "1", published, crossflow_effectiveness(ntu, 1.0));
    }
    ledger.source = DRY_FAN;
    let (duty_w, flow_lpm) = (1e6, 1e6 / WATER.capacity_w_k(1.0) / 6.0);
    let unit = DryCooler::sized(duty_w, flow_lpm, false);
    let inlet = DryInlet {
        fluid_w_k: WATER.capacity_w_k(flow_lpm),
        entering_c: 47.0,
        dry_bulb_c: 35.0,
        wet_bulb_c: 22.0,
        fan: 1.0,
        wetting: 0.0,
        fouling: 0.0,
        leaving_c: 41.0,
    };
    let full = unit.cool(&inlet);
    let ratio = 1000.0 * full.power_w / duty_w;
    ledger.note("fan power over duty at design", "W/kW", (22.5, ratio), Tolerance::Range(15.0, 30.0));
    ledger.near("duty at design over rated duty", "1", 1.0, inlet.fluid_w_k * full.range_k / duty_w);
    let half = unit.cool(&DryInlet { fan: 0.5, ..inlet }).power_w / full.power_w;
    ledger.near("fan power at half speed over full speed", "1", 0.125, half);
    ledger.checks
}

fn plate() -> Vec<Check> {
    let mut ledger = Ledger::new("exchanger", PLATE);
    for (published, ntu, ratio) in [(0.632, 1.0, 0.0), (0.565, 1.0, 0.5), (0.775, 2.0, 0.5), (0.75, 3.0, 1.0)]
    {
        let ours = counterflow_effectiveness(ntu, ratio);
        ledger.note(
            format!("effectiveness at NTU {ntu}, ratio {ratio}"),
            "1",
            (published, ours),
            Tolerance::Absolute(0.001),
        );
    }
    // a duty for the terminal temperatures it was sized for: NTU 2, ratio 0.5
    let unit =
        Exchanger { ua_design_w_k: 2e4, design_1_w_k: 1e4, design_2_w_k: 2e4, share_1: 0.5, fouling: 0.0 };
    let half = unit.duty_w(0.5e4, 40.0, 1e4, 20.0) / unit.duty_w(1e4, 40.0, 2e4, 20.0);
    // 1/UA ~ flow^-0.8 on both sides: UA falls to 0.5^0.8, NTU rises to 2 * 2^0.2
    let expected = 0.5 * 0.8116 / 0.7746;
    ledger.near("duty at half of both flows over design duty, NTU 2", "1", expected, half);
    ledger.source = ECONOMISER;
    let flow_lpm = 1000.0;
    let economiser = PrimaryLoop::sized(flow_lpm, 1, 5e5, 18.0).economiser;
    let capacity = WATER.capacity_w_k(flow_lpm);
    let leaving_c = 27.5 - economiser.duty_w(capacity, 27.5, capacity, 16.0) / capacity;
    ledger.near("economiser approach at a range of 9.5 K", "K", 2.0, leaving_c - 16.0);
    ledger.checks
}
