//! Packages, units, image, chart, brokers, rules and dashboards: each check is a script in `tests/python/packaging`, which says
//! what holds. Here they meet the built binary and the tools that `tests/run` has installed.
//!
//! Without python3 with yaml and jsonschema, or without a built binary, they are skipped; so is what wants a tool that is
//! missing, in the script's own words.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use headroom_tests::tree::root;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The longest that a check may take, s.
const LIMIT_S: &str = "300";

/// The binary that cargo builds before it runs the tests of the workspace: beside this test's own folder.
fn binary() -> Option<PathBuf> {
    let here = std::env::current_exe().unwrap();
    let found = here.ancestors().nth(2).map(|folder| folder.join("headroom"));
    found.filter(|path| path.is_file())
}

fn python_has(modules: &str) -> bool {
    let probe =
        Command::new("python3").args(["-c", &format!("import {modules}")]).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

fn holds(script: &str) {
    let Some(binary) = binary() else {
        println!("skipped: no built binary beside this test: cargo build -p headroom");
        return;
    };
    if !python_has("yaml, jsonschema") {
        println!("skipped: python3 with yaml and jsonschema is not installed");
        return;
    }
    let path = root().join("tests/python/packaging").join(script);
    let mut command = Command::new("timeout");
    command.args(["--kill-after=30", LIMIT_S, "python3", "-B"]).arg(path).arg(binary);
    let output = command.stdin(Stdio::null()).output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {} {said}", output.status);
}

#[test]
fn rules_and_dashboards_name_what_the_page_has() {
    holds("metrics.py");
}

#[test]
fn units_are_hardened_and_the_daemon_tells_its_manager() {
    holds("units.py");
}

#[test]
fn both_services_run_under_a_real_systemd() {
    holds("boot.py");
}

#[test]
fn the_deb_is_installed_used_and_removed() {
    holds("deb.py");
}

#[test]
fn the_rpm_is_installed_and_removed() {
    holds("rpm.py");
}

#[test]
fn the_image_runs_the_demo() {
    holds("image.py");
}

#[test]
fn the_chart_renders_objects_that_kubernetes_knows() {
    holds("chart.py");
}

#[test]
fn brokers_let_a_node_be_itself_only() {
    holds("brokers.py");
}
