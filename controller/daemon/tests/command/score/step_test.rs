//! `headroom score --step-test` through the binary: answers, page, exit codes.

use super::Place;
use serde_json::Value;
use std::process::Output;

/// A test of two strategies on 64 GPUs, watched for half an hour.
fn run(place: &Place, more: &[&str]) -> Output {
    let short = ["--step-test", "--gpus", "64", "--step", "10 s", "--hours", "0.5"];
    place.score(&[&short, more].concat())
}

/// Answers of one step of a strategy: of the move away or back.
fn answers<'a>(test: &'a Value, strategy: &str, step: &str, way: &str) -> &'a [Value] {
    let find = |list: &'a Value, key: &str, name: &str| -> &'a Value {
        let found = list.as_array().unwrap().iter().find(|v| v[key] == name);
        found.unwrap_or_else(|| panic!("{name} is not there"))
    };
    let step = find(&find(&test["strategies"], "strategy", strategy)["steps"], "step", step);
    find(&step["moves"], "way", way)["answers"].as_array().unwrap()
}

fn answer<'a>(of: &'a [Value], name: &str, output: &str) -> &'a Value {
    of.iter().find(|a| a["of"] == name && a["output"] == output).unwrap()
}

#[test]
fn every_step_is_answered_and_the_exit_code_is_the_verdict() {
    let place = Place::new("steps");
    let output = run(&place, &["--strategies", "headroom,hold", "--format", "json", "--out", "out"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let test: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(text, place.text("out/step-test.json"));
    assert_eq!(place.files("out"), ["step-test.html", "step-test.json"]);
    assert_eq!(test["scenario"], "quiet");
    assert!((test["watch_s"].as_f64().unwrap() - 1800.0).abs() < 1e-6, "{}", test["watch_s"]);
    let strategies = test["strategies"].as_array().unwrap();
    let fails = strategies.iter().any(|s| s["oscillates"] == true || s["passes_a_limit"] == true);
    assert_eq!(output.status.code(), Some(i32::from(fails)), "{}", String::from_utf8_lossy(&output.stderr));
    // The work goes down and comes back, and so do the weather and what is wanted.
    let moves = |step: &str, key: &str| -> Vec<f64> {
        let steps = strategies[0]["steps"].as_array().unwrap();
        let step = steps.iter().find(|s| s["step"] == step).unwrap();
        step["moves"].as_array().unwrap().iter().map(|m| m[key].as_f64().unwrap()).collect()
    };
    let load = moves("load", "it_power_move_kw");
    assert!(load[0] < -5.0 && load[1] > 0.9 * -load[0], "{load:?}");
    let weather = moves("weather", "outdoor_move_k");
    assert!((weather[0] - 5.0).abs() < 0.1 && (weather[1] + 5.0).abs() < 0.1, "{weather:?}");
    let wanted = moves("reference", "wanted_headroom_k");
    assert!(wanted[0] > wanted[1] + 3.0 && (wanted[1] - 10.0).abs() < 1e-9, "{wanted:?}");
    assert!(moves("load", "outdoor_move_k").iter().all(|m| m.abs() < 1e-9), "work is no weather");
    // Held setpoints do what they are told and nothing by themselves.
    let step = "setpoint cdu supply-temperature";
    let away = answers(&test, "hold", step, "away");
    let (setpoint, measured) = (
        answer(away, "CDU-01/supply-temperature", "setpoint"),
        answer(away, "CDU-01/supply-temperature", "measured"),
    );
    assert!((setpoint["final_move"].as_f64().unwrap() + 1.5).abs() < 0.11, "{setpoint:#}");
    assert!(setpoint["offset"].as_f64().unwrap().abs() < 0.11, "{setpoint:#}");
    assert!((measured["final_move"].as_f64().unwrap() + 1.5).abs() < 0.3, "{measured:#}");
    assert!(
        measured["rise_s"].as_f64().unwrap() > 60.0 && measured["settling_s"].is_number(),
        "{measured:#}"
    );
    let load = answers(&test, "hold", "load", "away");
    assert!(load.iter().filter(|a| a["output"] == "setpoint").all(|a| a["verdict"] == "still"), "{load:#?}");
    // The strategy comes back when it is let go, and answers the load.
    let back = answer(answers(&test, "headroom", step, "back"), "CDU-01/supply-temperature", "setpoint");
    assert!(back["final_move"].as_f64().unwrap() > 0.5, "{back:#}");
    let load = answers(&test, "headroom", "load", "away");
    assert!(load.iter().any(|a| a["output"] == "setpoint" && a["verdict"] != "still"), "{load:#?}");
    page(&place.text("out/step-test.html"));
}

/// The page stands alone, and each of its plots has a name and finite numbers.
fn page(page: &str) {
    for word in ["src=", "url(", "@import", "<script", "http://", "https://", "NaN", "inf "] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("<h1>Headroom step test</h1>"));
    let plots: Vec<&str> = page.split("<svg class=\"plot\"").skip(1).collect();
    assert!(plots.len() >= 12, "{}", plots.len());
    assert!(
        plots.iter().all(|p| p.contains("<title id=") && p.contains("s-hold") && p.contains("s-headroom"))
    );
    assert!(page.matches("<table>").count() >= 8);
    let mut ids: Vec<&str> = page.split(" id=\"").skip(1).map(|p| p.split('"').next().unwrap()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn what_cannot_be_tested_is_said_with_its_remedy() {
    let place = Place::new("steps-wrong");
    for (more, says) in [
        (&["--strategies", "baseline"][..], "headroom, hold, trim-and-respond or pid"),
        (&["--seeds", "1..2"], "give one seed"),
        (&["--scenario", "quiet", "--scenario", "demo"], "give one"),
        (&["--policy", "none-such"], "neither a file nor a shipped policy"),
    ] {
        let output = run(&place, more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{more:?} {said}");
        assert!(said.contains(says), "{more:?} {said}");
    }
    let output = place.score(&["--step-test", "--hours", "0.01"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("20 cooling periods"));
    // A test is no score.
    assert_eq!(place.score(&["--step-test", "--all"]).status.code(), Some(2));
}
