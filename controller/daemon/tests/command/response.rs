//! A demand response: a limit on a real broker, met, kept over `kill -9`, lifted, and told by `status`, `/metrics` and `report`.

use crate::common::{turn, until};
use crate::cut::Scene;
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(90);

fn headroom(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_headroom")).args(words).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The pages of the controller that runs now.
fn url(s: &Scene) -> String {
    let address = std::fs::read_to_string(s.plant.folder.join("controller/http.addr")).unwrap_or_default();
    format!("http://{}", address.trim())
}

/// The response as `headroom status` tells it; none where there is none.
fn told(s: &Scene) -> Option<Value> {
    let status: Value =
        serde_json::from_str(&headroom(&["status", "--format", "json", "--url", &url(s)])).ok()?;
    let all = status["ledger"]["responses"].as_array()?;
    assert!(all.len() < 2, "one limit is one response: {all:#?}");
    all.first().cloned()
}

/// Waits until so much plant time has passed: on a busy machine it stops for whoever is late.
fn passes(s: &Scene, plant_s: f64) {
    let from = s.plant.now();
    until(SOON, "minutes pass", || s.plant.now().since(from).s() >= plant_s);
}

#[test]
fn a_limit_that_is_said_is_accounted_for_over_restarts() {
    let _turn = turn();
    let Some(mut s) = Scene::new("response", 40.0, "1 s") else { return };
    until(SOON, "the connection's power is known", || s.feed_w().is_some());
    // minutes of what is drawn before
    passes(&s, 300.0);
    assert!(told(&s).is_none());
    let limit_w = 0.8 * s.feed_w().unwrap();
    s.grid.says(limit_w);
    until(SOON, "it is met", || told(&s).is_some_and(|r| r["met_s"].is_number()));
    passes(&s, 120.0);
    // one answer: a busy machine may not give a second in time
    let mut first = Value::Null;
    until(SOON, "it is booked", || {
        first = told(&s).unwrap_or_default();
        first["held_s"].as_f64().is_some_and(|held| held > 60.0)
    });
    assert_eq!(first["asked_by"], "limit point");
    assert!((first["limit_w"].as_f64().unwrap() / limit_w - 1.0).abs() < 1e-3 && first["to"].is_null());
    assert!(first["before_w"].as_f64().unwrap() > limit_w, "{first:#}");
    // How much of the time, is judged in virtual time (`toward_the_grid_a_quarter`): here a busy machine's second is most of a
    // minute of the plant, and with no controller for two of them leases end.
    assert!(first["under_share"].as_f64().is_some_and(|share| share > 0.0), "{first:#}");
    let screen = || headroom(&["status", "--url", &url(&s)]);
    let says = |text: &str| text.contains("asked by the limit point") && text.contains("met after");
    until(SOON, "the screen says it", || says(&screen()));
    let mut controller = s.parties.pop().unwrap();
    controller.kill();
    let again = s.controller();
    s.parties.push(again);
    until(SOON, "the next controller goes on with it", || {
        told(&s).is_some_and(|r| r["from"] == first["from"])
    });
    passes(&s, 120.0);
    s.grid.says(10e6);
    until(SOON, "its end is told", || told(&s).is_some_and(|r| r["to"].is_string()));
    passes(&s, 90.0);
    assert!(s.parties.pop().unwrap().terminate().success());
    reported(&s, &first);
}

/// One response with both controllers' parts in it.
fn reported(s: &Scene, first: &Value) {
    let state = s.plant.controller_option("--state").unwrap()[1].clone();
    let csv = s.plant.folder.join("tables");
    let page = s.plant.folder.join("report.html");
    let asked =
        ["report", "--state", &state, "--out", page.to_str().unwrap(), "--csv", csv.to_str().unwrap()];
    let report: Value =
        serde_json::from_str(&headroom(&[&asked[..], &["--format", "json"]].concat())).unwrap();
    let [r] = report["responses"].as_array().unwrap().as_slice() else { panic!("{:#}", report["responses"]) };
    assert_eq!((&r["from"], &r["branch"]), (&first["from"], &first["branch"]));
    let number = |key: &str| r[key].as_f64().unwrap_or_else(|| panic!("{key} in {r:#}"));
    assert!(number("held_s") > first["held_s"].as_f64().unwrap() + 60.0, "{r:#}");
    assert!(number("met_s") <= 30.0 && number("under_share") > 0.0 && r["unmet"] == false, "{r:#}");
    assert!(r["lost_tokens"]["value"].as_f64().unwrap() > 0.0 && number("lost_gpu_h") > 0.0, "{r:#}");
    assert!(number("shed_at_most_kwh") > 0.0 && number("after_s") > 0.0, "{r:#}");
    let text = headroom(&["report", "--state", &state]);
    assert!(text.contains("Demand response") && text.contains("met after"), "{text}");
    let rows = std::fs::read_to_string(csv.join("responses.csv")).unwrap();
    assert!(rows.lines().count() >= 2 && rows.contains("limit point"), "{rows}");
    assert!(std::fs::read_to_string(page).unwrap().contains("Demand response"));
}
