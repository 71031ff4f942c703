//! Setpoints of the harness's plants follow what is asked, and one whose requests are lost on the way is held back.

use super::beside::Beside;
use headroom_core::Cause;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::WorldConfig;
use std::collections::BTreeMap;

/// Setpoints that were held back as they did not follow, with the first instant of that, s.
fn held_back(scenario: Scenario, (gpus, seed): (usize, u64), hours: f64) -> BTreeMap<String, f64> {
    let config = WorldConfig { gpus, dt_s: 1.0, warmup_s: 900.0, seed, ..WorldConfig::default() };
    let mut beside = Beside::new(scenario, config, "balanced");
    let mut all = BTreeMap::new();
    for second in 0..(hours * 3600.0) as usize {
        beside.step();
        for h in beside.line.held_back().filter(|h| matches!(h.cause, Cause::NotFollowed { .. })) {
            all.entry(beside.site.actuators[h.actuator].id.clone()).or_insert(second as f64);
        }
    }
    all
}

/// Scenarios in which something truly does not follow: the bus is cut, and an operator takes the chillers without a word at 2 h.
const NOT_HONEST: [&str; 2] = ["broker-cut", "operator-override"];

fn nothing_is_held_back(names: &[&str], gpus: usize, hours: f64) {
    let held =
        |name: &str| Some((name.to_owned(), held_back(Scenario::shipped(name).unwrap(), (gpus, 1), hours)));
    let all: Vec<_> =
        names.iter().filter_map(|name| held(name).filter(|(_, held)| !held.is_empty())).collect();
    assert!(all.is_empty(), "{all:#?}");
}

/// Of every shipped scenario this holds; two stand here, since each takes its time.
#[test]
fn setpoints_of_honest_plants_follow() {
    nothing_is_held_back(&["rough-data", "operator-override"], 64, 0.6);
}

#[test]
#[ignore = "takes minutes: all scenarios, whole"]
fn setpoints_of_all_honest_plants_follow() {
    let honest: Vec<&str> = Scenario::names().filter(|name| !NOT_HONEST.contains(name)).collect();
    assert_eq!(honest.len() + NOT_HONEST.len(), Scenario::names().count());
    nothing_is_held_back(&honest, 192, 4.0);
    let held = held_back(Scenario::shipped("operator-override").unwrap(), (192, 1), 4.0);
    let taken = held.get("facility-water/supply-temperature").is_some_and(|s| (7_200.0..7_400.0).contains(s));
    assert!(taken && held.len() == 1, "{held:?}");
}

/// Requests of the bus are lost on the way, those of devices are not.
#[test]
fn requests_that_are_lost_hold_back_what_they_were_for() {
    let held = held_back(Scenario::shipped("broker-cut").unwrap(), (64, 1), 0.75);
    println!("{held:?}");
    assert!(held.keys().any(|of| of.starts_with("CDU-") || of.starts_with("CRAH-")), "{held:?}");
    assert!(!held.contains_key("facility-water/supply-temperature"), "{held:?}");
}
