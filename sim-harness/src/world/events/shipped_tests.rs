//! Every shipped scenario runs, and has the effect it is named after.

use super::super::{World, WorldConfig};
use super::tests::run;
use crate::scenario::Scenario;
use std::path::Path;

/// A shipped scenario in a small world of ten-second steps.
fn shipped(name: &str) -> World {
    let config = small(name);
    World::new(config).unwrap_or_else(|e| panic!("{name}: {e:#?}"))
}

fn small(name: &str) -> WorldConfig {
    // the demo names the second CDU
    let gpus = if name == "demo" { 192 } else { 64 };
    let config = WorldConfig { gpus, dt_s: 10.0, warmup_s: 1800.0, ..WorldConfig::default() };
    Scenario::shipped(name).unwrap().configure(config, Path::new(".")).unwrap()
}

/// The same without its events.
fn calm(name: &str) -> World {
    let mut config = small(name);
    config.scenario.events.clear();
    World::new(config).unwrap()
}

const MIN: f64 = 60.0;

#[test]
fn every_shipped_scenario_runs_and_what_ends_is_undone() {
    for name in Scenario::names() {
        let mut world = shipped(name);
        let hours = world.config.scenario.hours.min(8.0);
        run(&mut world, hours * 3600.0);
        for (point, value) in world.image.points.iter().zip(&world.image.values) {
            assert!(value.is_finite(), "{name}: {}", point.tag);
        }
        let (facility, it) = (world.facility.powers.facility_w, world.facility.powers.it_w);
        assert!(it > 0.0 && facility > it, "{name}: {it} {facility}");
        let late = world.events.armed.iter().filter(|a| a.event.at_s + a.event.for_s < hours * 3600.0);
        assert!(late.filter(|a| a.event.repeat_s.is_infinite()).all(|a| !a.active), "{name}");
    }
}

#[test]
fn load_steps_swing_the_whole_site() {
    let mut world = shipped("load-steps");
    run(&mut world, 71.0 * MIN);
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    while world.elapsed_s() < 109.0 * MIN {
        world.step();
        low = low.min(world.facility.powers.it_w);
        high = high.max(world.facility.powers.it_w);
    }
    assert!(high > 1.7 * low, "{low} to {high}");
}

#[test]
fn a_lost_pump_is_made_up_by_its_twin() {
    let mut world = shipped("pump-loss");
    run(&mut world, 58.0 * MIN);
    let cdu = |w: &World| (w.facility.cdus[0].pumps.map(|p| p.flow_lpm), w.facility.cdus[0].flow_lpm);
    let (both, flow) = cdu(&world);
    assert!(both[0] > 1.0 && world.facility.cdus[0].pumps[0].wear > 0.09, "{both:?}");
    run(&mut world, 62.0 * MIN);
    let (alone, left) = cdu(&world);
    assert!(alone[0] < 1e-6 && alone[1] > 1.3 * both[1] && left > 0.9 * flow, "{alone:?} {left} {flow}");
    run(&mut world, 125.0 * MIN);
    assert!(cdu(&world).0[0] > 1.0 && world.facility.cdus[0].pumps[0].wear.abs() < 1e-12);
}

#[test]
fn a_leak_empties_the_reserve_and_wets_the_rope() {
    let mut world = shipped("leak");
    let held = |w: &World| {
        let reserve = &w.facility.cdus[0].reserve;
        reserve.liquid_l + reserve.tank_l
    };
    let rope = world.image.points.iter().position(|p| p.tag.ends_with("rack-01/leak")).unwrap();
    let full = held(&world);
    run(&mut world, 88.0 * MIN);
    assert!(held(&world) < full - 50.0, "{} of {full}", held(&world));
    assert!(!world.facility.cdus[0].reserve.low_pressure);
    assert!(world.image.values[rope] > 0.5);
    run(&mut world, 95.0 * MIN);
    let left = held(&world);
    run(&mut world, 100.0 * MIN);
    assert!((held(&world) - left).abs() < 1e-6 && world.image.values[rope] < 0.5);
}

#[test]
fn without_chillers_the_water_warms() {
    let (mut world, mut twin) = (shipped("chiller-trip"), calm("chiller-trip"));
    run(&mut world, 4.2 * 60.0 * MIN);
    run(&mut twin, 4.2 * 60.0 * MIN);
    assert!(world.facility.primary.chillers.iter().all(|c| c.tripped));
    let warmer_k = world.facility.primary.supply_c() - twin.facility.primary.supply_c();
    assert!(warmer_k > 1.0, "{warmer_k}");
    run(&mut world, 8.0 * 60.0 * MIN);
    assert!(world.facility.primary.chillers.iter().all(|c| !c.tripped));
}

#[test]
fn a_sticking_valve_moves_in_jumps() {
    let (mut world, mut twin) = (shipped("valve-stiction"), calm("valve-stiction"));
    run(&mut world, 65.0 * MIN);
    run(&mut twin, 65.0 * MIN);
    let still = |w: &mut World| {
        let mut still = 0;
        for _ in 0..120 {
            let before = w.facility.cdus[0].valve.position;
            w.step();
            still += u32::from((w.facility.cdus[0].valve.position - before).abs() < 1e-12);
        }
        still
    };
    let (stuck, free) = (still(&mut world), still(&mut twin));
    assert!(stuck > 30 && stuck > 2 * free, "{stuck} {free}");
}

#[test]
fn a_fouled_plate_needs_more_water() {
    let (mut world, mut twin) = (shipped("fouled-exchanger"), calm("fouled-exchanger"));
    let hours = 2.9 * 60.0 * MIN;
    run(&mut world, hours);
    run(&mut twin, hours);
    let flow = |w: &World| w.facility.cdus[0].primary_flow_lpm;
    assert!(world.facility.cdus[0].plate.fouling > 0.34 && world.facility.cdus[0].clogging > 0.3);
    assert!(flow(&world) > 1.03 * flow(&twin), "{} {}", flow(&world), flow(&twin));
}

#[test]
fn the_feed_is_lost_and_the_racks_do_not_notice() {
    let mut world = shipped("feed-loss");
    let full = world.facility.power.ups.energy_j;
    let mut least = full;
    run(&mut world, 29.0 * MIN);
    let it_w = world.facility.powers.it_w;
    while world.elapsed_s() < 39.0 * MIN {
        world.step();
        least = least.min(world.facility.power.ups.energy_j);
    }
    assert!(world.facility.power.import_w < 1.0 && world.facility.power.mechanical_powered());
    assert!(least < 0.99 * full && world.facility.power.ups.carries());
    assert!(world.facility.powers.it_w > 0.5 * it_w);
    run(&mut world, 91.0 * MIN + 20.0);
    assert!(!world.facility.power.mechanical_powered(), "the generator is late");
    run(&mut world, 93.0 * MIN);
    assert!(world.facility.power.mechanical_powered());
    run(&mut world, 150.0 * MIN + 50.0);
    assert!(!world.facility.power.mechanical_powered() && world.facility.power.ups.charge() < 0.95);
    run(&mut world, 200.0 * MIN);
    assert!(world.facility.power.import_w > 0.0 && !world.facility.power.generator.failed);
}

#[test]
fn limits_and_prices_come_in_turn() {
    let mut world = shipped("curtailment");
    run(&mut world, 61.0 * MIN);
    assert!(!world.curtailment().unwrap().binding && world.price_per_mwh() == Some(60.0));
    run(&mut world, 72.0 * MIN);
    assert!(world.curtailment().unwrap().binding);
    run(&mut world, 151.0 * MIN);
    let first = world.import_limit_w();
    run(&mut world, 182.0 * MIN);
    let third = world.import_limit_w();
    assert!((third / first - 0.66 / 0.73).abs() < 1e-6, "{first} {third}");
    assert_eq!(world.price_per_mwh(), Some(420.0));
    run(&mut world, 211.0 * MIN);
    assert!(world.curtailment().is_none());
}

#[test]
fn sensors_are_wrong_and_stand_still_on_time() {
    let mut world = shipped("wrong-sensor");
    let point = |w: &World, tag: &str| w.image.points.iter().position(|p| p.tag.ends_with(tag)).unwrap();
    let supply = point(&world, "CDU-01/secondary/supply/temperature");
    run(&mut world, 80.0 * MIN);
    let off = world.sensors.field[supply] - world.facility.cdus[0].supply_c();
    let own = world.sensors.bias(supply, world.facility.cdus[0].supply_c());
    assert!((off - own - 2.0).abs() < 0.05, "{off} {own}");
    let flow = point(&world, "CDU-01/secondary/flow");
    run(&mut world, 250.0 * MIN);
    assert!(world.image.values[flow].abs() < 1e-9 && world.facility.cdus[0].flow_lpm > 10.0);
    let mut world = shipped("stuck-sensor");
    run(&mut world, 33.0 * MIN);
    let held = world.image.values[supply];
    while world.elapsed_s() < 69.0 * MIN {
        world.step();
        assert!((world.image.values[supply] - held).abs() < 1e-9);
    }
    run(&mut world, 185.0 * MIN);
    assert!(world.image.silent[supply]);
}

#[test]
fn congestion_costs_training_its_pace() {
    let (mut world, mut twin) = (shipped("fabric-congestion"), calm("fabric-congestion"));
    let tokens = |w: &mut World| {
        run(w, 35.0 * MIN);
        let before = w.workload.jobs[0].stats.tokens;
        run(w, 64.0 * MIN);
        w.workload.jobs[0].stats.tokens - before
    };
    let (slow, usual) = (tokens(&mut world), tokens(&mut twin));
    assert!(slow < 0.9 * usual, "{slow} {usual}");
    run(&mut world, 100.0 * MIN);
    assert!(!world.network.switches[0].up);
}

#[test]
fn the_operator_holds_what_they_like() {
    let mut world = shipped("operator-override");
    run(&mut world, 60.0 * MIN);
    assert!((world.bms.cdu_setpoints(0).supply_c - 34.0).abs() < 1e-9);
    run(&mut world, 85.0 * MIN);
    assert!(world.bms.cdu_setpoints(0).supply_c < 33.0);
    run(&mut world, 100.0 * MIN);
    assert!((world.bms.cdu_setpoints(0).dp_kpa - 110.0).abs() < 1e-9);
    run(&mut world, 140.0 * MIN);
    assert!(world.is_local_device("chiller-plant") && world.bms.facility_setpoint_c() < 15.5);
}

#[test]
fn the_bus_is_cut_for_as_long_as_said() {
    let mut world = shipped("broker-cut");
    let mut at = |minutes: f64| {
        run(&mut world, minutes * MIN + 10.0);
        world.bus_cut()
    };
    assert_eq!(
        [19.0, 20.0, 21.0, 42.0, 46.0, 90.0, 111.0].map(&mut at),
        [false, true, false, true, false, true, false]
    );
}

#[test]
fn plants_of_other_kinds_stand_as_described() {
    let mut mixed = shipped("mixed-skus");
    assert_eq!(mixed.fleet.len(), 64);
    let tdp: Vec<f64> = [0, 16, 48].map(|gpu| mixed.fleet.sku(gpu).tdp_w).to_vec();
    assert!(tdp[0] > 1.3 * tdp[1] && mixed.facility.hall.crahs.len() == 4, "{tdp:?}");
    assert!(mixed.places.rack(mixed.places.racks - 1).cdu.is_none());
    run(&mut mixed, 119.0 * MIN);
    let fan = mixed.facility.hall.crahs[0].fan;
    run(&mut mixed, 130.0 * MIN);
    assert!(fan > 0.1 && mixed.facility.hall.crahs[0].fan < 0.01);

    let mut dry = shipped("dry-cooler-site");
    run(&mut dry, 4.0 * 60.0 * MIN);
    assert_eq!(dry.facility.primary.chillers.len(), 1);
    assert!(dry.facility.condenser.tower.water_kg_s.abs() < 1e-12 && dry.weather_place() == "coastal");

    let mut winter = shipped("free-cooling-winter");
    run(&mut winter, 2.5 * 60.0 * MIN);
    let f = &winter.facility;
    assert!(winter.air().dry_bulb_c < 10.0 && f.powers.chillers_w < 1.0, "{}", f.powers.chillers_w);
    assert!(f.primary.economiser_w > 0.5 * f.powers.it_w, "{}", f.primary.economiser_w);

    let stores = shipped("tank-and-bess");
    assert!(stores.facility.primary.tank.is_some() && stores.facility.power.bess.is_some());
    assert!(stores.facility.power.ups.eco);
}

#[test]
fn the_air_is_as_hot_as_said() {
    let (mut world, mut twin) = (shipped("heat-wave"), calm("heat-wave"));
    run(&mut world, 8.0 * 60.0 * MIN);
    run(&mut twin, 8.0 * 60.0 * MIN);
    assert!((world.air().dry_bulb_c - twin.air().dry_bulb_c - 7.0).abs() < 0.01);
}

#[test]
fn single_gpus_suffer() {
    let mut world = shipped("sick-gpus");
    run(&mut world, 60.0 * MIN);
    let others = world.fleet.die_c[0..5].iter().sum::<f32>() / 5.0;
    assert!(world.fleet.die_c[5] > others + 5.0, "{} {others}", world.fleet.die_c[5]);
    run(&mut world, 92.0 * MIN);
    assert!(!world.fleet.present[9] && world.fleet.present[8]);
    run(&mut world, 141.0 * MIN);
    assert!(world.fleet.clock_mhz[0] < 1200.0, "{}", world.fleet.clock_mhz[0]);
    run(&mut world, 150.0 * MIN);
    assert!(world.fleet.present[9] && !world.fleet.brake[0]);
}
