//! Everything on the bus against the published contract: DSX Exchange *BMS Event Bus 1.0.0* (AsyncAPI, `bms.yaml`).
//!
//! The broker (mosquitto), the recorder (paho) and the validator (jsonschema) are strangers to this code. Each of them
//! may be absent, and so may the contract; then the test says so.

use crate::common::ear::Ear;
use crate::common::{CURTAILED, Mosquitto, OURS, Place, Plant, Recipe, python, turn, until};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The contract, which is not ours to ship.
fn contract() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("HEADROOM_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let path = shared.join("data/dsx/bms.yaml");
    if !path.is_file() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn every_topic_and_payload_is_in_the_contract() {
    let _turn = turn();
    let Some(contract) = contract() else { return };
    let place = Place::new("contract");
    let Some(broker) = Mosquitto::start(&place.0) else { return };
    let more = vec!["--broker".into(), broker.url()];
    let plant = Plant::start("contract-plant", &Recipe { scenario: CURTAILED, more, ..Recipe::default() });
    let ear = Ear::on(&broker.url(), &["BMS/v1/HEADROOM/#"]);
    let (_agents, _controller) = (plant.agents(), plant.controller());
    let requests = || ear.counts(OURS).keys().filter(|t| !t.contains("/System/")).count();
    until(Duration::from_secs(40), "requests", || requests() > 0);
    // 120 s of plant time: metadata comes round in 100 s, heartbeats in 10 s.
    let args = ["127.0.0.1", &broker.port.to_string(), "120", "HEADROOM"].map(String::from);
    let args: Vec<String> = [contract.display().to_string()].into_iter().chain(args).collect();
    let Some((fine, said)) = python("bms_contract.py", &["paho.mqtt", "yaml", "jsonschema"], &args) else {
        return;
    };
    println!("{said}");
    assert!(fine, "{said}");
    let counts: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let count = |kind: &str| counts[kind].as_u64().unwrap_or(0);
    // Each kind was there to be judged.
    assert!(count("metadata") >= 100 && count("value") >= 300, "{counts}");
    assert!(count("our heartbeat") >= 8 && count("our echo") >= 8 && count("our request") >= 2, "{counts}");
}
