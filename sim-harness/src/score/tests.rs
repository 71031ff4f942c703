//! Scores on short runs.

use super::*;
use crate::scenario::Scenario;
use crate::world::WorldConfig;

fn run(config: WorldConfig, seconds: usize) -> (World, StrategyScore) {
    let mut world = World::new(config).unwrap();
    let mut score = Score::new(&world, Prices::default());
    let mut baseline = Baseline::new();
    for _ in 0..seconds {
        baseline.act(&mut world);
        world.step();
        score.observe(&world);
    }
    let done = score.finish(&world);
    (world, done)
}

fn small() -> WorldConfig {
    WorldConfig { gpus: 64, ..WorldConfig::default() }
}

#[test]
fn energies_add_up_and_fields_are_the_files() {
    let (_, score) = run(small(), 1200);
    assert!((score.facility_kwh - score.it_kwh - score.cooling_kwh - score.loss_kwh).abs() < 1e-9);
    assert!((1.05..1.5).contains(&score.pue), "{score:?}");
    assert!(score.tokens > 1e6 && score.clock_cv_in_job < 0.2);
    let json = serde_json::to_value(&score).unwrap();
    let expected = [
        "facility_kwh",
        "it_kwh",
        "cooling_kwh",
        "loss_kwh",
        "pue",
        "tokens",
        "joules_per_token",
        "clock_cv_in_job",
        "throttled_gpu_s",
        "violations",
        "supply_temperature_mean_degc",
        "setpoint_travel",
        "cost",
    ];
    let object = json.as_object().unwrap();
    assert_eq!(object.len(), expected.len());
    for key in expected {
        assert!(object.contains_key(key), "{key}");
    }
    let keys = |name: &str| json[name].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys("throttled_gpu_s").len(), 5);
    assert_eq!(keys("violations").len(), 5);
}

#[test]
fn the_runbook_meets_a_curtailment_and_lets_go() {
    let text = "name=\"c\"\nhours=1\n[[event]]\nat=\"5 min\"\nfor=\"10 min\"\nkind=\"curtailment\"\nlimit=\"-12 %\"\nnotice=\"60 s\"\n";
    let scenario = Scenario::parse(text).unwrap();
    let config = WorldConfig { scenario, ..small() };
    let mut world = World::new(config).unwrap();
    let mut baseline = Baseline::new();
    let (mut score, mut over_s) = (Score::new(&world, Prices::default()), 0);
    for second in 0..1200 {
        baseline.act(&mut world);
        world.step();
        score.observe(&world);
        if second == 420 {
            assert!(world.fleet.cap_w[0] < 650.0, "capped");
        }
        over_s += usize::from(world.curtailment().is_some_and(|c| {
            c.binding && world.tree.branches[crate::world::tree::FEED].power_w > 1.02 * c.limit_w
        }));
    }
    assert!(over_s < 20, "{over_s} s over the limit");
    assert!((world.fleet.cap_w[0] - 700.0).abs() < 1e-3, "released");
    assert!(score.finish(&world).throttled_gpu_s.sw_power_cap > 0.0);
}

#[test]
fn hot_coolant_is_a_violation() {
    let mut world = World::new(small()).unwrap();
    let mut score = Score::new(&world, Prices::default());
    world.fleet.die_c[0] = 97.0;
    score.observe(&world);
    let violations = score.finish(&world).violations;
    assert!(violations.temperature_k_s >= 9.9, "{violations:?}");
}
