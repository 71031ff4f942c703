//! A daemon of which little is known: every figure that is missing has its reason, in the page and behind it.

use super::{get, shown};
use crate::common::browser::installed;
use crate::common::chrome::Chrome;
use crate::common::{Party, Place, turn, until};
use std::process::Command;
use std::time::Duration;

/// One GPU that nobody reads, no meter, no job, no actuator.
const SITE: &str = r#"format = 1
[site]
name = "<b>bare</b>"
[periods]
power = "200 ms"
[[place]]
id = "rack-01"
kind = "rack"
[[dcgm]]
id = "exporter"
url = "http://127.0.0.1:1/metrics"
[[node]]
id = "n1"
rack = "rack-01"
sku = "H100-SXM"
gpus = ["GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e52"]
dcgm = "exporter"
"#;

#[test]
fn what_is_not_known_has_its_reason_and_is_no_zero() {
    let _turn = turn();
    let place = Place::new("web-unknown");
    let (site, state) = (place.join("site.toml"), place.join("state"));
    std::fs::write(&site, SITE).unwrap();
    std::fs::create_dir_all(&state).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.args(["run", "--policy", "watch", "--http", "127.0.0.1:0"]);
    command.arg("--site").arg(&site).arg("--state").arg(&state);
    let run = Party::spawn(&mut command, place.join("run.log"));
    let file = state.join("http.addr");
    until(Duration::from_secs(60), "the daemon's address", || file.exists());
    let address = std::fs::read_to_string(file).unwrap().trim().to_owned();
    let last = std::cell::RefCell::new(serde_json::Value::Null);
    until(Duration::from_secs(60), "a connection that is down", || {
        *last.borrow_mut() = get(&address, "/status", "").json();
        let all = last.borrow()["connections"].as_array().unwrap().clone();
        all.iter().any(|c| c["state"].as_str().unwrap().starts_with("down"))
    });
    let status = last.into_inner();
    for field in
        ["facility_w", "it_w", "cooling_w", "pue", "headroom_k", "clock_spread", "tokens_per_s", "gpu_w"]
    {
        assert!(status["unknown"][field].as_str().is_some_and(|why| !why.is_empty()), "{field}: {status}");
    }
    let trend = get(&address, "/trend", "").json();
    let nothing =
        |values: &serde_json::Value| values.as_array().unwrap().iter().all(serde_json::Value::is_null);
    assert!(trend["columns"].as_object().unwrap().values().all(nothing), "{trend}");
    let grid = get(&address, "/gpus/grid", "").json();
    assert_eq!((&grid["silent"], &grid["power_w"]), (&serde_json::json!([0]), &serde_json::json!([null])));

    if let Some(browser) = installed() {
        shown_with_reasons(&mut Chrome::start(browser, &place.0), &address);
    }
    drop(run);
}

fn shown_with_reasons(page: &mut Chrome, address: &str) {
    shown::open(page, address);
    for (card, why) in [
        ("token", "the site file names no job"),
        ("flops", "no GPU is heard"),
        ("watt", "no GPU is heard"),
        ("pue", "the site file names no meter of the facility"),
    ] {
        let figure = format!("#card-{card} .figure");
        let wanted = format!("document.querySelector('{figure}').textContent === 'not known {why}'");
        page.until(card, &wanted);
    }
    shown::agrees(
        page,
        "what is wrong",
        "text('alarms').includes('1 of 1 GPUs are not heard') && text('alarms').includes('no connection to exporter')",
    );
    shown::agrees(
        page,
        "how many alarms",
        "!document.getElementById('alarm-count').hidden && text('alarm-count').endsWith('alarms')",
    );
    shown::agrees(
        page,
        "a name stays text",
        "text('site').startsWith('<b>bare</b>') && !document.querySelector('h1 b')",
    );
    shown::turn(page, "gpus");
    shown::agrees(
        page,
        "no GPU",
        "text('heat-says') === 'The die temperature of no GPU is known; 1 not heard.' && rows('gpu-table')[0].includes('not heard')",
    );
    for view in ["cooling", "power", "timeline"] {
        shown::turn(page, view);
    }
    shown::nothing_was_said(page);
}
