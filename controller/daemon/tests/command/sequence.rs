//! `headroom sequence` of a shipped example, word by word, and what it says of files that cannot be used.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn headroom(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headroom"))
        .arg("sequence")
        .args(args)
        .current_dir(root())
        .output()
        .unwrap()
}

const EXAMPLE: [&str; 4] = ["--site", "book/examples/dsx-cdu/site.toml", "--policy", "balanced"];

#[test]
fn the_books_example_is_what_the_program_writes() {
    let output = headroom(&EXAMPLE);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let written = String::from_utf8(output.stdout).unwrap();
    let golden = std::fs::read_to_string(root().join("book/examples/dsx-cdu/sequence.md")).unwrap();
    let differs = golden.lines().zip(written.lines()).find(|(a, b)| a != b);
    assert!(
        golden == written,
        "{differs:#?}\nif that is meant: headroom sequence {} --out book/examples/dsx-cdu/sequence.md",
        EXAMPLE.join(" ")
    );
    let out = std::env::temp_dir().join(format!("headroom-sequence-{}.md", std::process::id()));
    let to_file = headroom(&[&EXAMPLE[..], &["--out", out.to_str().unwrap()]].concat());
    assert!(to_file.status.success() && to_file.stdout.is_empty());
    assert_eq!(std::fs::read_to_string(&out).unwrap(), golden);
    std::fs::remove_file(out).unwrap();
}

#[test]
fn it_is_data_too() {
    let output = headroom(&[&EXAMPLE[..], &["--format", "json"]].concat());
    let data: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let request = &data["actuators"][0];
    assert_eq!((&request["id"], &request["unit"]), (&"CDU-01.supply-request".into(), &"degC".into()));
    assert_eq!((request["fallback"].as_f64(), request["time_to_live_s"].as_f64()), (Some(30.0), Some(90.0)));
    assert_eq!(data["branches"][0]["planned_w"].as_f64(), Some(2940.0));
    let tests = data["tests"].as_array().unwrap();
    let dead = tests.iter().find(|t| t["of"] == "GPUs" && t["what"] == "controller dead").unwrap();
    assert_eq!(dead["by_s"].as_f64(), Some(30.0));
}

#[test]
fn files_that_cannot_be_used_are_named_with_their_place() {
    // A budget of the power tree, for a site without one.
    let output = headroom(&["--site", "book/examples/modbus-chiller/site.toml", "--policy", "grid-event"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{said}");
    assert!(said.contains("grid-event.toml:") && said.contains("remedy"), "{said}");
    let output = headroom(&["--site", "no-such.toml", "--policy", "balanced"]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let output = headroom(&["--site", "book/examples/dsx-cdu/site.toml", "--policy", "none-such"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && said.contains("balanced"), "{said}");
}
