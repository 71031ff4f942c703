//! The table of one world: what came of it, strategies side by side, violations first.

use super::ScoreFile;
use super::board::equal_work_kwh;
use super::columns::{Column, REST, VIOLATIONS};
use super::strategy::Id;
use headroom_sim::score::StrategyScore;
use std::fmt::Write;

/// The table as text. The last column is the change by Headroom, or by the only other strategy there is.
pub(crate) fn table(file: &ScoreFile) -> String {
    let mut out = String::new();
    let Some(baseline) = file.strategies.get(&Id::Baseline) else { return out };
    let other = file.strategies.iter().find(|(id, _)| **id != Id::Baseline);
    let ours = file.strategies.get_key_value(&Id::Headroom).or(other);
    let against = ours.map_or(String::new(), |(id, _)| format!(" against {}", id.title()));
    let _ = writeln!(
        out,
        "{} GPUs, {:.1} h, scenario {}, seed {}: the plant on its own BMS{against}",
        file.gpus, file.hours, file.scenario, file.seed
    );
    // Writing into a String cannot fail.
    let _ = write!(out, "{:<38}", "");
    for id in file.strategies.keys() {
        let _ = write!(out, "{:>14}", id.title());
    }
    let _ = writeln!(out, "{:>12}", "change");
    for row in VIOLATIONS.iter().chain(&REST) {
        let _ = write!(out, "{:<38}", row.name);
        for score in file.strategies.values() {
            let _ = write!(out, "{:>14}", row.text((row.of)(score)));
        }
        let change = ours.map_or(String::new(), |(_, s)| change(row, baseline, s));
        let _ = writeln!(out, "{change:>12}");
    }
    let _ = write!(out, "{:<38}", "facility energy at equal work [kWh]");
    for score in file.strategies.values() {
        let _ = write!(out, "{:>14.1}", equal_work_kwh(score, baseline));
    }
    let relative = |s| (equal_work_kwh(s, baseline) / baseline.facility_kwh - 1.0) * 100.0;
    let change = ours.map_or(String::new(), |(_, s)| format!("{:+.1} %", relative(s)));
    let _ = writeln!(out, "{change:>12}");
    out
}

fn change(row: &Column, from: &StrategyScore, to: &StrategyScore) -> String {
    let (x, y) = ((row.of)(from), (row.of)(to));
    if (x - y).is_nan() {
        "-".to_owned()
    } else if row.relative && x.abs() > 1e-12 {
        format!("{:+.1} %", (y / x - 1.0) * 100.0)
    } else {
        format!("{:+.*}", row.digits, y - x)
    }
}
