//! Setpoints of the harness's plants follow what is asked, and one whose requests are lost on the way is told.

use super::beside::Beside;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::WorldConfig;
use std::collections::BTreeMap;

/// Setpoints that did not follow, with the first instant at which that was told, s.
fn told(scenario: Scenario, seed: u64, hours: f64) -> BTreeMap<String, f64> {
    let config = WorldConfig { gpus: 64, dt_s: 1.0, warmup_s: 900.0, seed, ..WorldConfig::default() };
    let mut beside = Beside::new(scenario, config, "balanced");
    let mut all = BTreeMap::new();
    for second in 0..(hours * 3600.0) as usize {
        beside.step();
        for u in beside.line.unfollowed() {
            all.entry(beside.site.actuators[u.actuator].id.clone()).or_insert(second as f64);
        }
    }
    all
}

/// Of every shipped scenario this holds; two stand here, since each takes its time.
#[test]
fn setpoints_of_honest_plants_follow() {
    for name in ["rough-data", "operator-override"] {
        let told = told(Scenario::shipped(name).unwrap(), 1, 0.5);
        assert!(told.is_empty(), "{name}: {told:?}");
    }
}

/// Requests of the bus are lost on the way, those of devices are not.
#[test]
fn requests_that_are_lost_are_told() {
    let told = told(Scenario::shipped("broker-cut").unwrap(), 1, 0.75);
    println!("{told:?}");
    assert!(told.keys().any(|of| of.starts_with("CDU-")), "{told:?}");
    assert!(!told.contains_key("facility-water/supply-temperature"), "{told:?}");
}
