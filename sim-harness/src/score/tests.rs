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
        "water_m3",
        "floor_kwh",
        "goodput_tokens_per_s",
        "first_token_mean_s",
        "requests_refused",
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

#[test]
fn the_floor_is_below_every_strategy_and_above_the_given() {
    for name in ["baseline", "static-cap", "steering", "fixed"] {
        let mut world = World::new(small()).unwrap();
        let mut strategy = crate::strategy::by_name(name).unwrap();
        let mut score = Score::new(&world, Prices::default()).with_carbon(0.4);
        for _ in 0..900 {
            strategy.act(&mut world);
            world.step();
            score.observe(&world);
            let floor = score.floor.power(&world);
            assert!(floor.pumps_w < world.powers.pumps_w && floor.air_w > 0.0, "{name}: {floor:?}");
            assert!(floor.air_w + floor.rejection_w < world.powers.fans_w, "{name}: {floor:?}");
            assert!(floor.compressors_w <= world.powers.chillers_w + 1.0, "{name}: {floor:?}");
        }
        let score = score.finish(&world);
        assert!(score.floor_kwh < score.facility_kwh - 0.3 * score.cooling_kwh, "{name}: {score:?}");
        assert!(score.floor_kwh > score.it_kwh + score.loss_kwh, "{name}: {score:?}");
        assert!((score.carbon_kg.unwrap() - 0.4 * score.facility_kwh).abs() < 1e-9);
        assert!(score.goodput_tokens_per_s > 0.0 && score.water_m3 > 0.0);
    }
}

#[test]
fn a_muggy_day_needs_compressors_even_at_the_floor() {
    let hot = "name=\"h\"\nhours=1\n[[event]]\nat=\"0 s\"\nkind=\"heat-wave\"\nrise=\"14 K\"\n";
    let mut world = World::new(WorldConfig { scenario: Scenario::parse(hot).unwrap(), ..small() }).unwrap();
    let before = Floor::new(&world).power(&world);
    (0..120).for_each(|_| world.step());
    let after = Floor::new(&world).power(&world);
    assert!(before.compressors_w.abs() < 1e-9, "{before:?}");
    assert!(after.compressors_w > 0.0 && after.rejection_w > before.rejection_w, "{after:?}");
    // a dry cooler has the dry bulb to work against
    let mut dry = Floor::new(&world);
    dry.dry = true;
    let dry = dry.power(&world);
    assert!(dry.compressors_w > after.compressors_w);
}

/// The same violation, whatever the step: a branch over its budget for a minute.
#[test]
fn budgets_are_means_of_five_seconds_at_any_step() {
    for dt_s in [0.01, 0.1, 1.0, 2.5, 10.0] {
        let mut world = World::new(WorldConfig { gpus: 16, warmup_s: 60.0, ..small() }).unwrap();
        let mut watch = Watch::new(&world);
        world.tree.branches.iter_mut().for_each(|b| b.budget_w = 1e9);
        let ups = crate::world::tree::UPS;
        world.tree.branches[ups].budget_w = 10_000.0;
        let mut at = |power_w: f64, seconds: f64, watch: &mut Watch| {
            world.tree.branches[ups].power_w = power_w;
            (0..(seconds / dt_s).round() as usize).for_each(|_| watch.observe(&world, dt_s));
            watch.violations.budget_w_s
        };
        at(5000.0, 60.0, &mut watch);
        let before = watch.violations.budget_w_s;
        // 2 kW too much for 60 s; the mean rises over 5 s and falls over 5 s
        let during = at(12_000.0, 60.0, &mut watch) - before;
        let all = at(5000.0, 60.0, &mut watch) - before;
        assert!((105e3..=121e3).contains(&during), "{dt_s}: {during}");
        assert!((0.0..4e3).contains(&(all - during)), "{dt_s}: {all} {during}");
    }
}

/// `cargo test --release -- --ignored --nocapture observing`
#[test]
#[ignore = "a measurement"]
fn observing_costs_a_few_nanoseconds_per_gpu() {
    let mut world = World::new(WorldConfig { gpus: 4096, warmup_s: 60.0, ..small() }).unwrap();
    let mut score = Score::new(&world, Prices::default());
    world.step();
    let began = std::time::Instant::now();
    for _ in 0..2000 {
        score.observe(std::hint::black_box(&world));
    }
    let per_gpu_ns = began.elapsed().as_secs_f64() * 1e9 / 2000.0 / 4096.0;
    println!("{per_gpu_ns:.2} ns per GPU and step");
    assert!(per_gpu_ns < 10.0, "{per_gpu_ns}");
}
