//! `headroom bench ingest`: its figures, and reports through a real broker.

use crate::common::Mosquitto;
use serde_json::Value;
use std::process::Command;

fn bench(args: &[&str]) -> (Option<i32>, Value, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    let output = command.args(["bench", "ingest", "--format", "json"]).args(args).output().unwrap();
    let figures = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), figures, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn figures_of_each_stage_and_nothing_allocated() {
    for samples in ["1", "10"] {
        let args =
            ["--gpus", "512", "--points", "100", "--hz", "10", "--samples", samples, "--seconds", "0.2"];
        let (code, figures, why) = bench(&args);
        assert_eq!(code, Some(0), "{why}");
        let keys = [
            "ns_per_reading_median",
            "ns_per_reading_p99",
            "limit_ns_per_reading",
            "bytes_per_gpu",
            "core_share",
            "roofline_share",
            "json_decode_ns_per_gpu_sample",
        ];
        keys.iter().for_each(|key| assert!(figures[key].as_f64().unwrap() > 0.0, "{key}"));
        let stages = figures["stages"].as_array().unwrap();
        let names: Vec<_> = stages.iter().map(|s| s["stage"].as_str().unwrap()).collect();
        assert_eq!(names, ["decode", "align", "snapshot"]);
        // One thread, so that a figure above nothing is ours.
        stages.iter().for_each(|s| assert_eq!(s["allocations_per_tick"], 0.0, "{s}"));
    }
}

#[test]
fn no_broker_is_exit_code_4() {
    let (code, _, why) = bench(&["--broker", "mqtt://127.0.0.1:1", "--nodes", "1", "--seconds", "1"]);
    assert!(code == Some(4) && why.contains("mqtt://127.0.0.1:1"), "{code:?} {why}");
}

#[test]
fn through_a_real_broker_nothing_is_lost_and_its_age_is_known() {
    let place = std::env::temp_dir().join(format!("headroom-ingest-{}", std::process::id()));
    let Some(broker) = Mosquitto::start(&place) else { return };
    let (code, figures, why) = bench(&["--broker", &broker.url(), "--nodes", "50", "--seconds", "5"]);
    drop(broker);
    let _ = std::fs::remove_dir_all(&place);
    assert_eq!(code, Some(0), "{why}");
    let count = |key: &str| figures[key].as_u64().unwrap();
    assert_eq!((count("messages_sent"), count("messages_received")), (250, 250), "{figures}");
    assert_eq!((count("messages_lost"), count("messages_duplicated"), count("messages_refused")), (0, 0, 0));
    assert_eq!(count("samples_taken"), 250 * 80);
    let age_ms = figures["age_at_arrival_ms_p50"].as_f64().unwrap();
    assert!(age_ms > 0.0 && age_ms < 1000.0, "{figures}");
}
