//! `headroom calibrate` as a user meets it: report, exit codes, files.

use std::path::PathBuf;
use std::process::{Command, Output};

fn calibrate(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headroom")).arg("calibrate").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn one_model_is_printed_with_published_ours_error_and_source() {
    let out = calibrate(&["--model", "chiller"]);
    let said = text(&out.stdout);
    assert_eq!(out.status.code(), Some(0), "{said}{}", text(&out.stderr));
    for part in ["published", "tolerance", "6.61", "Trane CVHE", "18 C leaving, 35 C entering", "0 outside"] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert!(!said.contains("tower"), "{said}");
}

#[test]
fn programs_get_json_and_a_book_gets_markdown() {
    let path: PathBuf = std::env::temp_dir().join(format!("headroom-calibrate-{}.md", std::process::id()));
    let out = calibrate(&[
        "--model",
        "tower",
        "--model",
        "ups",
        "--format",
        "json",
        "--out",
        path.to_str().unwrap(),
    ]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let value: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let checks = value["checks"].as_array().unwrap();
    assert!(checks.len() > 8 && value["outside"] == 0);
    for check in checks {
        assert!(["tower", "ups"].contains(&check["model"].as_str().unwrap()));
        assert!(check["published"].is_number() && check["ours"].is_number() && check["source"].is_string());
    }
    let page = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(
        page.contains("## tower")
            && page.contains("## ups")
            && page.matches("| ok |").count() == checks.len()
    );
}

#[test]
fn the_exit_code_says_whether_all_hold() {
    let out = calibrate(&["--format", "json"]);
    let value: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let outside = value["outside"].as_u64().unwrap();
    assert_eq!(out.status.code(), Some(i32::from(outside > 0)), "{outside} outside");
}

#[test]
fn what_cannot_be_used_is_said() {
    let unknown = calibrate(&["--model", "perpetuum"]);
    assert_eq!(unknown.status.code(), Some(3));
    let said = text(&unknown.stderr);
    assert!(said.contains("perpetuum") && said.contains("chiller"), "{said}");
    let nowhere = calibrate(&["--data", "/nowhere"]);
    assert_eq!(nowhere.status.code(), Some(3));
    assert!(text(&nowhere.stderr).contains("/nowhere/weather"), "{}", text(&nowhere.stderr));
}
