//! `headroom score --record` and `headroom identify` through the binary: a table becomes a model, and what is wrong with a
//! table is told.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

fn headroom(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headroom")).args(args).env("RUST_BACKTRACE", "0").output().unwrap()
}

/// Eight hours of a small shipped site, the first three excited: recorded once for all tests.
fn recorded() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let dir = std::env::temp_dir().join(format!("headroom-identify-{}", std::process::id()));
        let record = dir.display().to_string();
        let output = headroom(&[
            "score",
            "--scenario",
            "quiet",
            "--gpus",
            "64",
            "--hours",
            "8",
            "--step",
            "5 s",
            "--strategies",
            "headroom",
            "--excite",
            "--record",
            &record,
        ]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        dir.join("quiet-1")
    })
}

/// A table of its own, changed line by line; the head is the first line.
fn edited(name: &str, edit: impl Fn(usize, Vec<String>) -> Vec<String>) -> PathBuf {
    let text = std::fs::read_to_string(recorded().join("table.csv")).unwrap();
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<String> = text.lines().enumerate().map(|(n, l)| edit(n, cells(l)).join(",")).collect();
    let path = recorded().join(format!("{name}.csv"));
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    path
}

fn column(name: &str) -> usize {
    let text = std::fs::read_to_string(recorded().join("table.csv")).unwrap();
    let head = text.lines().next().unwrap().split(',').position(|c| c.starts_with(&format!("{name} [")));
    head.unwrap_or_else(|| panic!("{name}"))
}

/// Identifies a table; exit code, report, whether a model was written.
fn identify(table: &Path) -> (Option<i32>, Value, bool) {
    let (site, model) = (recorded().join("site.toml"), table.with_extension("model.toml"));
    let text = |p: &Path| p.display().to_string();
    let args = ["identify", &text(table), "--site", &text(&site), "--out", &text(&model), "--format", "json"];
    let output = headroom(&args);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report, model.exists())
}

/// A table that must be refused: its findings that refuse it.
fn refused(table: &Path) -> Vec<Value> {
    let (code, report, written) = identify(table);
    assert_eq!((code, written, &report["accepted"]), (Some(1), false, &Value::Bool(false)), "{report:#}");
    let findings = report["findings"].as_array().unwrap().clone();
    findings.into_iter().filter(|f| f["refuses"] == true).collect()
}

fn names(findings: &[Value], kind: &str, point: &str) -> bool {
    findings.iter().any(|f| f["kind"] == kind && f["point"] == point)
}

#[test]
fn what_was_recorded_becomes_a_model_with_evidence() {
    let (code, report, written) = identify(&recorded().join("table.csv"));
    assert_eq!((code, written), (Some(0), true), "{report:#}");
    for output in report["outputs"].as_array().unwrap() {
        let name = output["name"].as_str().unwrap();
        if name != "meters:cooling" {
            assert_eq!(output["within"], true, "{output:#}");
        }
        assert!(output["count"].as_u64().unwrap() > 5, "{output:#}");
    }
    let known = report["actuators"].as_array().unwrap().iter().filter(|a| a["identifiable"] == true).count();
    assert!(known >= 4, "{:#}", report["actuators"]);
    let text = std::fs::read_to_string(recorded().join("table.model.toml")).unwrap();
    let model: toml::Table = text.parse().unwrap();
    assert_eq!(model["format"].as_integer(), Some(1));
    assert_eq!(model["structure"].as_str(), Some("grey"));
    assert_eq!(model["outputs"].as_array().unwrap().len(), report["outputs"].as_array().unwrap().len());
}

#[test]
fn a_parquet_file_is_taken_as_the_text_that_it_was_made_of() {
    let (text, table) = (recorded().join("table.csv"), recorded().join("of-pyarrow.parquet"));
    let path = |p: &Path| p.display().to_string();
    if crate::common::readers_of_tables(&["convert", &path(&text), &path(&table)]).is_none() {
        return;
    }
    let (code, report, written) = identify(&table);
    assert_eq!((code, written), (Some(0), true), "{report:#}");
    assert_eq!(report, identify(&text).1);
    let whole = std::fs::read(&table).unwrap();
    std::fs::write(&table, &whole[..whole.len() / 2]).unwrap();
    let site = path(&recorded().join("site.toml"));
    let cut = headroom(&["identify", &path(&table), "--site", &site]);
    let said = String::from_utf8_lossy(&cut.stderr);
    assert!(cut.status.code() == Some(3) && said.contains("no whole Parquet file"), "{said}");
}

#[test]
fn the_report_is_for_people_too() {
    let (table, site) = (recorded().join("table.csv"), recorded().join("site.toml"));
    let output = headroom(&["identify", &table.display().to_string(), "--site", &site.display().to_string()]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for words in
        ["held back", "CV(RMSE) %", "NMBE %", "actuator", "CDU-01/supply-temperature", "a model was found"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn swapped_points_are_refused() {
    let (supply, back) = ("CDU-01/secondary/supply/temperature", "CDU-01/secondary/return/temperature");
    let (i, j) = (column(supply), column(back));
    let table = edited("swapped", |line, mut cells| {
        if line > 0 {
            cells.swap(i, j);
        }
        cells
    });
    let found = refused(&table);
    assert!(names(&found, "swapped", supply), "{found:#?}");
    assert!(found[0]["what"].as_str().unwrap().contains(back), "{found:#?}");
}

#[test]
fn wrong_units_are_refused_by_name() {
    // Head of the column, what it is called instead, and the unit that its numbers are.
    let cases = [
        ("power/M-IT/power", "[kW]", "not kW"),
        ("CDU-01/secondary/supply/temperature", "[degF]", "not degF"),
        ("CDU-01/secondary/flow", "[m3/h]", "not m3/h"),
        ("gpu_power:rack-01", "[kW]", "not kW"),
    ];
    for (n, (name, unit, likely)) in cases.into_iter().enumerate() {
        let at = column(name);
        let table = edited(&format!("unit-{n}"), |line, mut cells| {
            if line == 0 {
                cells[at] = format!("{name} {unit}");
            }
            cells
        });
        let found = refused(&table);
        let right = |f: &&Value| f["kind"] == "unit" && f["point"] == name && f["likely"] == likely;
        assert!(found.iter().any(|f| right(&f)), "{name}: {found:#?}");
    }
}

#[test]
fn numbers_of_another_unit_are_refused_by_name() {
    let name = "power/M-SITE/power";
    let at = column(name);
    let table = edited("kilo", |line, mut cells| {
        if line > 0 && !cells[at].is_empty() {
            cells[at] = (cells[at].parse::<f64>().unwrap() / 1e3).to_string();
        }
        cells
    });
    let found = refused(&table);
    assert!(found.iter().any(|f| f["point"] == name && f["likely"] == "numbers are kW"), "{found:#?}");
}

#[test]
fn a_day_on_which_nobody_moved_anything_is_refused_with_advice() {
    let site: toml::Table = std::fs::read_to_string(recorded().join("site.toml")).unwrap().parse().unwrap();
    let still: Vec<usize> = site["actuator"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| column(a["readback"].as_str().unwrap()))
        .collect();
    let text = std::fs::read_to_string(recorded().join("table.csv")).unwrap();
    let first: Vec<String> = text.lines().nth(1).unwrap().split(',').map(str::to_owned).collect();
    let table = edited("still", |line, mut cells| {
        if line > 0 {
            still.iter().for_each(|c| cells[*c].clone_from(&first[*c]));
        }
        cells
    });
    let (code, report, written) = identify(&table);
    assert_eq!((code, written), (Some(1), false));
    let told = report["findings"].as_array().unwrap().iter().any(|f| f["kind"] == "nothing-moved");
    assert!(told, "{report:#}");
    for actuator in report["actuators"].as_array().unwrap() {
        assert_eq!(actuator["identifiable"], false);
        assert!(actuator["excitation"]["amplitude"].as_f64().unwrap() > 0.0, "{actuator:#}");
    }
}

#[test]
fn a_table_that_cannot_be_read_is_told_with_its_place() {
    let site = recorded().join("site.toml").display().to_string();
    let at = column("CDU-01/secondary/flow");
    let told = |table: &Path| {
        let output = headroom(&["identify", &table.display().to_string(), "--site", &site]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let broken = edited("broken", |line, mut cells| {
        if line == 6 {
            cells[at] = "12,5".replace(',', ";");
        }
        cells
    });
    let (code, said) = told(&broken);
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("broken.csv:7: column CDU-01/secondary/flow [L/min]: `12;5` is not a number"),
        "{said}"
    );
    let bare = edited("bare", |line, mut cells| {
        if line == 0 {
            cells[at] = "CDU-01/secondary/flow".to_owned();
        }
        cells
    });
    let (code, said) = told(&bare);
    assert!(code == Some(3) && said.contains("has no unit") && said.contains("[L/min]"), "{said}");
    let stranger = edited("stranger", |line, mut cells| {
        cells.push(if line == 0 { "somebody/else [degC]" } else { "1" }.to_owned());
        cells
    });
    let (code, said) = told(&stranger);
    assert!(code == Some(0) && said.contains("somebody/else"), "{said}");
    assert_eq!(told(Path::new("/nowhere/table.csv")).0, Some(3));
    assert_eq!(headroom(&["identify"]).status.code(), Some(2));
}

/// A file that is no model keeps the daemon from starting, with its name and the place.
#[test]
fn what_is_no_model_is_refused_by_name_and_line() {
    let (site, bad) = (recorded().join("site.toml"), recorded().join("bad.toml"));
    std::fs::write(&bad, "format = 1\nsite = \"here\"\nstructure = \"purple\"\n").unwrap();
    let text = |p: &Path| p.display().to_string();
    let output = headroom(&[
        "run",
        "--site",
        &text(&site),
        "--policy",
        "watch",
        "--model",
        &text(&bad),
        "--state",
        &text(recorded()),
    ]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("bad.toml") && said.contains("line 3") && said.contains("purple"), "{said}");
}
