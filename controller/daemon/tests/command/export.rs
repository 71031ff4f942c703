//! What a controller kept beside a plant on its wires, exported by the real program and read by other people's.

use crate::common::{Plant, Recipe, readers_of_tables, turn};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn headroom(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headroom")).args(args).output().unwrap()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A state folder with journal, ledger and tape; its controller was killed.
fn kept(plant: &Plant) -> String {
    let _agents = plant.agents();
    let state = plant.controller_option("--state").unwrap()[1].clone();
    let mut controller = plant.controller_with(&format!("--tape {state}/run.tape"));
    plant.pass(150.0);
    assert!(controller.runs(), "{}", controller.text());
    controller.kill();
    state
}

/// Exports, and what is told.
fn export(state: &str, site: &str, form: &str, out: &str) -> Value {
    let output = headroom(&[
        "export", "--state", state, "--site", site, "--as", form, "--out", out, "--format", "json",
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn others_read_what_is_exported() {
    let _turn = turn();
    let plant = Plant::start("export", &Recipe { speed: 40.0, ..Recipe::default() });
    let state = kept(&plant);
    let site = text(&plant.site_path());
    let out = |name: &str| text(&plant.place.join(name));
    let told = ["parquet", "csv", "mcap"].map(|form| export(&state, &site, form, &out(form)));
    let rows = |told: &Value| -> Vec<(String, u64)> {
        let tables = told["tables"].as_array().unwrap().iter();
        tables.map(|t| (t["table"].as_str().unwrap().to_owned(), t["rows"].as_u64().unwrap())).collect()
    };
    assert!(rows(&told[0]) == rows(&told[1]) && rows(&told[0]) == rows(&told[2]), "{told:#?}");
    for table in ["ticks", "setpoints", "caps", "commands", "runs", "told", "points", "gpus", "receipts"] {
        let many = rows(&told[0]).iter().find(|(name, _)| name == table).map(|(_, n)| *n);
        assert!(many > Some(0), "{table}: {many:?}");
    }
    let report =
        ["report", "--state", &state, "--csv", &out("report-csv"), "--parquet", &out("report-parquet")];
    assert!(headroom(&report).status.success());

    let log = format!("{}/headroom.mcap", out("mcap"));
    let Some(read) = readers_of_tables(&["compare", &out("parquet"), &out("csv"), &log]) else { return };
    let kinds =
        |of: &Value, table: &str, column: &str| of[table]["types"][column].as_str().unwrap().to_owned();
    for (table, column, kind) in [
        ("ticks", "time", "timestamp[ms, tz=UTC]"),
        ("ticks", "tai_ns", "int64"),
        ("ticks", "verified", "bool"),
        ("ticks", "facility_w", "double"),
        ("caps", "uuid", "string"),
        ("caps", "cap_w", "double"),
        ("points", "value", "double"),
        ("points", "arrival", "timestamp[ms, tz=UTC]"),
        ("gpus", "throttled_sw_power_cap_s", "double"),
    ] {
        assert_eq!(kinds(&read, table, column), kind, "{table}.{column}");
    }
    assert!(read["ticks"]["sums"]["facility_w"].as_f64().unwrap() > 0.0, "{read:#}");
    let read = readers_of_tables(&["compare", &out("report-parquet"), &out("report-csv")]).unwrap();
    assert_eq!(kinds(&read, "hours", "hour"), "timestamp[ms, tz=UTC]");
    assert_eq!(kinds(&read, "hours", "facility_kwh"), "double");
    assert!(read["hours"]["rows"].as_u64().unwrap() > 0, "{read:#}");
}

#[test]
fn what_cannot_be_exported_is_told() {
    let folder = std::env::temp_dir().join(format!("headroom-no-export-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (state, out) = (text(&folder), text(&folder.join("out")));
    let said = |more: &[&str]| {
        let output = headroom(&[&["export", "--state", &state, "--out", &out], more].concat());
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, why) = said(&[]);
    assert!(code == Some(3) && why.contains("holds neither a journal.jsonl nor a tape"), "{why}");
    std::fs::write(folder.join("journal.jsonl"), "{\"hash\":\"").unwrap();
    let (code, why) = said(&["--from", "noon"]);
    assert!(code == Some(2) && why.contains("is no time"), "{why}");
    let (code, why) = said(&["--as", "csv"]);
    assert!(code == Some(1) && why.contains("journal.jsonl:1: torn"), "{why}");
    assert!(std::fs::read_to_string(folder.join("out/ticks.csv")).unwrap().starts_with("time,tai_ns,"));
    std::fs::remove_dir_all(&folder).unwrap();
}
