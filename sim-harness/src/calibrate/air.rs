//! Moist air and air handlers against tables and practice.
//!
//! Responsible for: running `psychro` and the hall's fans at the points where figures are published.
//! Not for: weather records ([`super::weather`]).

use super::{Check, Ledger, Tolerance};
use headroom_truth::facility::hall::{Hall, HallLoad};
use headroom_truth::psychro::{
    STANDARD_PRESSURE_PA, density_kgpm3, dew_point_c, enthalpy_jpkg, humidity_ratio,
    pressure_at_elevation_pa, saturation_pressure_pa, wet_bulb_c,
};

const WATER: &str = "ASHRAE Handbook Fundamentals 2017, chapter 1, table 3 (water at saturation)";
const CHART: &str = "ASHRAE psychrometric chart no. 1 (sea level)";
const AIR: &str = "ASHRAE Handbook Fundamentals 2017, chapter 1, tables 1 and 2";
const STATION: &str = "ASHRAE climatic design conditions 2009, Chicago O'Hare (in the TMY3 file)";
const FAN: &str = "computer-room air handlers, 0.1 to 0.2 W per m3/h at rated flow (data sheets); fan laws";

/// All checks of this room.
#[must_use]
pub fn checks() -> Vec<Check> {
    let mut all = psychrometrics();
    all.extend(fans());
    all
}

fn psychrometrics() -> Vec<Check> {
    let mut ledger = Ledger::new("psychro", WATER);
    for (t, kpa) in [(-20.0, 0.10324), (0.0, 0.6112), (20.0, 2.3389), (40.0, 7.3838), (100.0, 101.42)] {
        let ours = saturation_pressure_pa(t) / 1000.0;
        ledger.note(format!("saturation pressure at {t} C"), "kPa", (kpa, ours), Tolerance::Relative(0.002));
    }
    ledger.source = CHART;
    for (t, dew, wet, ratio, enthalpy) in [(30.0, 18.4, 22.0, 13.31, 64.2), (25.0, 13.9, 17.9, 9.88, 50.3)] {
        let vapour_pa = 0.5 * saturation_pressure_pa(t);
        let d = dew_point_c(vapour_pa);
        let w = humidity_ratio(vapour_pa, STANDARD_PRESSURE_PA);
        let tenth = Tolerance::Absolute(0.1);
        ledger.note(format!("dew point, {t} C and 50 %"), "C", (dew, d), tenth);
        let b = wet_bulb_c(t, d, STANDARD_PRESSURE_PA);
        ledger.note(format!("wet bulb, {t} C and 50 %"), "C", (wet, b), tenth);
        ledger.near(format!("humidity ratio, {t} C and 50 %"), "g/kg", ratio, 1000.0 * w);
        ledger.near(format!("enthalpy, {t} C and 50 %"), "kJ/kg", enthalpy, enthalpy_jpkg(t, w) / 1000.0);
    }
    ledger.source = AIR;
    ledger.near("density of dry air at 20 C", "kg/m3", 1.204, density_kgpm3(20.0, 0.0, STANDARD_PRESSURE_PA));
    ledger.near("pressure at 1500 m", "kPa", 84.556, pressure_at_elevation_pa(1500.0) / 1000.0);
    ledger.source = STATION;
    // the station's 0.4 % dew point with its humidity ratio, at 201 m
    let station_pa = pressure_at_elevation_pa(201.0);
    let w = 1000.0 * humidity_ratio(saturation_pressure_pa(23.8), station_pa);
    ledger.near("humidity ratio at dew point 23.8 C, 201 m", "g/kg", 19.2, w);
    ledger.checks
}

/// Fan power in W and air flow in m3/h of a handler with its fan at a speed.
fn handler(fan: f64) -> (f64, f64) {
    let mut hall = Hall::sized(200e3, &[(1.0, 1.0)], 2, 16.0);
    let load = HallLoad { row_air_w: &[150e3], room_w: 0.0, server_m3s: 8.0, outdoor_dew_point_c: 10.0 };
    for crah in &mut hall.crahs {
        crah.fan = fan;
    }
    let water = vec![300.0; hall.crahs.len()];
    hall.step(&load, &water, 16.0, 1.0);
    hall.crahs.first().map_or((f64::NAN, f64::NAN), |crah| (crah.power_w, 3600.0 * crah.air_m3s()))
}

fn fans() -> Vec<Check> {
    let mut ledger = Ledger::new("crah", FAN);
    let (full, half) = (handler(1.0), handler(0.5));
    let specific = full.0 / full.1;
    ledger.note(
        "fan power per air flow at full speed",
        "W/(m3/h)",
        (0.15, specific),
        Tolerance::Range(0.1, 0.2),
    );
    // P ~ n^2.7..3
    let ratio = half.0 / full.0;
    ledger.note(
        "fan power at half speed over full speed",
        "1",
        (0.14, ratio),
        Tolerance::Range(0.125, 0.154),
    );
    ledger.near("air flow at half speed over full speed", "1", 0.5, half.1 / full.1);
    ledger.checks
}
