//! `headroom commission` beside a plant on its wires: setpoints move and come back, a table is written, and a table that is too
//! short to learn from is refused.

use crate::common::{CALM, Party, Plant, Recipe, turn};
use std::process::Command;
use std::time::Duration;

#[test]
fn an_experiment_moves_setpoints_ends_by_itself_and_is_judged() {
    let _turn = turn();
    let plant =
        Plant::start("commission", &Recipe { scenario: CALM, hours: 3.0, speed: 60.0, ..Recipe::default() });
    let _agents = plant.agents();
    let announced = plant.demo.text();
    let line = announced.lines().find(|l| l.contains(" run --site ")).unwrap().to_owned();
    let (table, model) = (plant.place.join("seen.csv"), plant.place.join("model.toml"));
    let line = line.replace(" run --site ", " commission --length 35m --mode active --site ");
    let line = format!("{line} --record {} --out {}", table.display(), model.display());
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("exec env {line}"));
    let mut party = Party::spawn(&mut command, plant.place.join("commission.log"));
    let status = party.ended(Duration::from_secs(240));
    let said = party.text();
    // Half an hour holds no prediction of an hour: it is refused, and nothing is written.
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("commissioning: ") && said.contains("no model is written"), "{said}");
    assert!(said.contains("the BMS has its own setpoints again"), "{said}");
    assert!(!model.exists());

    let text = std::fs::read_to_string(&table).unwrap();
    let head: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|l| l.split(',').collect()).collect();
    assert!(rows.len() >= 60 && text.ends_with('\n'), "{} rows", rows.len());
    let spread = |name: &str| {
        let at = head.iter().position(|c| c.starts_with(name)).unwrap();
        let values = || rows.iter().filter_map(|r| r[at].parse::<f64>().ok());
        values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min)
    };
    let moved = spread("CDU-01/temperature/finalSetpoint [");
    println!("moved {moved:.2} K, {} rows", rows.len());
    assert!(moved > 0.3 && moved < 4.5, "{moved}");
    let racks = head.iter().filter(|c| c.starts_with("gpu_power:")).count();
    assert!(racks >= 1, "{head:?}");
}
