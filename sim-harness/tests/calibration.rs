//! Every model of the plant inside the tolerance of its published figures.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use headroom_sim::calibrate::capture::{carried, figures::Figures, file};
use headroom_sim::calibrate::{Check, checks, report};
use std::path::{Path, PathBuf};

/// Raw data, which are not ours to ship.
fn data() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shared = std::env::var_os("HEADROOM_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let folder = shared.join("data");
    if !folder.join("dsx/dsx_exemplar.csv").is_file() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

fn all_hold(checks: &[Check]) {
    let outside: Vec<Check> = checks.iter().filter(|check| !check.holds()).cloned().collect();
    assert!(outside.is_empty(), "{}", report::plain(&outside));
}

#[test]
fn every_check_holds_against_the_carried_figures() {
    let all = checks(None).unwrap();
    for model in ["chiller", "tower", "exchanger", "pump", "rack", "cdu", "psychro", "crah", "ups", "capture"]
    {
        assert!(all.iter().any(|check| check.model == model), "no checks of {model}");
    }
    assert!(all.iter().all(|check| !check.source.is_empty() && !check.unit.is_empty()));
    all_hold(&all);
}

#[test]
fn every_check_holds_against_raw_data() {
    let Some(data) = data() else { return };
    all_hold(&checks(Some(&data)).unwrap());
}

#[test]
fn the_carried_figures_are_those_of_the_capture() {
    let Some(data) = data() else { return };
    let (raw, carried) = (file::read(&data).unwrap(), carried::pod());
    let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-3 * a.abs().max(1e-6), "{a} {b}");
    let figures =
        |f: &Figures| [f.points, f.arrivals, f.level, f.white, f.wander, f.memory, f.quantum, f.interval_s];
    assert_eq!(raw.classes.len(), carried.classes.len());
    for ((class, raw), (same, carried)) in raw.classes.iter().zip(&carried.classes) {
        assert_eq!(class, same);
        figures(raw).into_iter().zip(figures(carried)).for_each(|(a, b)| near(a, b));
        raw.residuals.iter().zip(&carried.residuals).for_each(|(a, b)| near(*a, *b));
        raw.intervals.iter().zip(&carried.intervals).for_each(|(a, b)| near(*a, *b));
    }
    near(raw.heat_share, carried.heat_share);
    near(raw.dp_over_header, carried.dp_over_header);
    near(raw.resistance_spread, carried.resistance_spread);
}

#[test]
fn a_folder_without_data_is_an_error_that_names_the_file() {
    let error = checks(Some(Path::new("/nowhere"))).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/weather/USA_IL"), "{error}");
}

#[test]
fn the_report_is_the_same_every_time() {
    assert_eq!(checks(None).unwrap(), checks(None).unwrap());
}
