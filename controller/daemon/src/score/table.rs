//! The table at the end: what came of it, baseline and Headroom side by side, violations first.

use super::ScoreFile;
use headroom_sim::score::StrategyScore;
use std::fmt::Write;

/// The table as text.
pub(crate) fn table(file: &ScoreFile) -> String {
    let (b, h) = (&file.strategies.baseline, &file.strategies.headroom);
    let mut out = String::new();
    let title = format!(
        "{} GPUs, {:.1} h, scenario {}, seed {}: the plant on its own BMS against Headroom",
        file.gpus, file.hours, file.scenario, file.seed
    );
    // Writing into a String cannot fail.
    let _ = writeln!(out, "{title}\n{:<38}{:>14}{:>14}{:>12}", "", "own BMS", "Headroom", "change");
    for row in rows() {
        let (x, y) = ((row.of)(b), (row.of)(h));
        let change = if row.relative && x.abs() > 1e-12 {
            format!("{:+.1} %", (y / x - 1.0) * 100.0)
        } else {
            format!("{:+.*}", row.digits, y - x)
        };
        let _ = writeln!(out, "{:<38}{x:>14.d$}{y:>14.d$}{change:>12}", row.name, d = row.digits);
    }
    out
}

struct Row {
    name: &'static str,
    of: fn(&StrategyScore) -> f64,
    digits: usize,
    relative: bool,
}

const fn row(name: &'static str, digits: usize, relative: bool, of: fn(&StrategyScore) -> f64) -> Row {
    Row { name, of, digits, relative }
}

fn rows() -> [Row; 21] {
    [
        row("violations: temperature [K s]", 1, false, |s| s.violations.temperature_k_s),
        row("violations: power budget [kW s]", 1, false, |s| s.violations.budget_w_s / 1e3),
        row("violations: least flow [s]", 1, false, |s| s.violations.flow_s),
        row("violations: dew point [s]", 1, false, |s| s.violations.dew_point_s),
        row("violations: grid ramp [s]", 1, false, |s| s.violations.ramp_s),
        row("throttled: SW thermal [GPU s]", 1, false, |s| s.throttled_gpu_s.sw_thermal),
        row("throttled: HW thermal [GPU s]", 1, false, |s| s.throttled_gpu_s.hw_thermal),
        row("throttled: HW slowdown [GPU s]", 1, false, |s| s.throttled_gpu_s.hw_slowdown),
        row("throttled: power brake [GPU s]", 1, false, |s| s.throttled_gpu_s.power_brake),
        row("throttled: SW power cap [GPU s]", 1, true, |s| s.throttled_gpu_s.sw_power_cap),
        row("facility energy [kWh]", 1, true, |s| s.facility_kwh),
        row("  IT energy [kWh]", 1, true, |s| s.it_kwh),
        row("  cooling energy [kWh]", 1, true, |s| s.cooling_kwh),
        row("  losses and other [kWh]", 1, true, |s| s.loss_kwh),
        row("PUE", 4, false, |s| s.pue),
        row("tokens [million]", 3, true, |s| s.tokens / 1e6),
        row("facility energy per token [J]", 4, true, |s| s.joules_per_token),
        row("clock spread inside jobs [%]", 3, false, |s| s.clock_cv_in_job * 100.0),
        row("technology supply, mean [degC]", 2, false, |s| s.supply_temperature_mean_degc),
        row("setpoint travel [K]", 1, false, |s| s.setpoint_travel),
        row("cost", 2, true, |s| s.cost),
    ]
}
