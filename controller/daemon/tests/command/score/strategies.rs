//! Strategies side by side in closed loop, in virtual time: beside the baseline none breaks more, each saves more than held
//! setpoints, and none hunts.

use super::Place;
use serde_json::Value;

/// Turns an hour from which on a setpoint hunts; a loop that answers in five minutes would turn six times or more.
const TURNS_PER_H: f64 = 3.0;
/// Least saving over held setpoints, of the baseline's energy.
const SAVES: f64 = 0.004;

/// Changes of direction that are larger than a band.
fn turns(values: impl Iterator<Item = f64>, band: f64) -> u32 {
    let (mut extreme, mut direction, mut turns) = (None, 0.0, 0);
    for value in values {
        let from = *extreme.get_or_insert(value);
        let moved: f64 = value - from;
        if moved.abs() > band && moved * direction <= 0.0 {
            turns += u32::from(direction != 0.0);
            (direction, extreme) = (moved.signum(), Some(value));
        } else if moved * direction > 0.0 {
            extreme = Some(value);
        }
    }
    turns
}

#[test]
fn turns_are_counted_beyond_a_band() {
    let of = |values: &[f64]| turns(values.iter().copied(), 0.5);
    assert_eq!(of(&[20.0, 20.3, 20.0, 20.4, 19.9]), 0, "noise");
    assert_eq!(of(&[20.0, 21.0, 22.0, 22.4, 23.0]), 0, "one way");
    assert_eq!(of(&[20.0, 22.0, 21.8, 21.0, 20.0, 21.0]), 2);
}

/// Most turns of a setpoint in the timeline of a strategy, and whose.
fn most_turns(csv: &str) -> (u32, String) {
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<f64>> = lines.map(|l| l.split(',').map(|v| v.parse().unwrap()).collect()).collect();
    let setpoints = names.iter().enumerate().filter(|(_, name)| name.contains("setpoint"));
    let counted = setpoints.map(|(c, name)| {
        let band = if name.ends_with("kpa") { 5.0 } else { 0.5 };
        (turns(rows.iter().map(|row| row[c]), band), (*name).to_owned())
    });
    counted.max().unwrap()
}

/// Facility energy at the baseline's tokens, of the baseline's own.
fn relative(score: &Value, baseline: &Value) -> f64 {
    let of = |s: &Value, key: &str| s[key].as_f64().unwrap();
    of(score, "facility_kwh") / of(baseline, "facility_kwh") + 1.0
        - of(score, "tokens") / of(baseline, "tokens")
}

#[test]
fn simpler_strategies_save_without_a_violation_and_without_hunting() {
    let place = Place::new("stepwise");
    for scenario in ["quiet", "load-steps", "heat-wave"] {
        let options =
            ["--scenario", scenario, "--hours", "3", "--seed", "1", "--step", "10 s", "--out", "out"];
        let table = place.fine(&[&options[..], &["--strategies", "hold,trim-and-respond,pid"]].concat());
        assert!(table.contains("trim+respond") && table.contains("PID"), "{table}");
        let file = place.json("out/score.json");
        let baseline = &file["strategies"]["baseline"];
        let held = relative(&file["strategies"]["hold"], baseline);
        for strategy in ["trim-and-respond", "pid"] {
            let (score, said) = (&file["strategies"][strategy], format!("{scenario}, {strategy}"));
            for kind in ["violations", "throttled_gpu_s"] {
                for (name, most) in baseline[kind].as_object().unwrap() {
                    let (own, most) = (score[kind][name].as_f64().unwrap(), most.as_f64().unwrap());
                    let counts = name != "sw_power_cap";
                    assert!(!counts || own <= most * 1.01 + 1e-9, "{said}: {name} {own}, baseline {most}");
                }
            }
            let saves = held - relative(score, baseline);
            assert!(saves > SAVES, "{said}: {saves} more than held setpoints");
            let (turns, setpoint) = most_turns(&place.text(&format!("out/timeline-{strategy}.csv")));
            assert!(f64::from(turns) <= TURNS_PER_H * 3.0, "{said}: {setpoint} turns {turns} times");
        }
    }
}
