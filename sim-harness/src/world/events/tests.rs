//! Every kind does something and is undone; every shipped scenario has the effect it is named after.

use super::super::{World, WorldConfig};
use super::{Events, kinds};
use crate::image::Link;
use crate::scenario::Scenario;
use std::path::Path;

/// A world with everything in it that an event may name.
fn full() -> World {
    let text = "name = \"full\"\nhours = 1\n[plant]\ntank = \"60 m3\"\n\
        bess = { power = \"200 kW\", energy = \"100 kWh\" }\n";
    let scenario = Scenario::parse(text).unwrap();
    World::new(WorldConfig { gpus: 320, warmup_s: 120.0, scenario, ..WorldConfig::default() }).unwrap()
}

/// Everything that an event may change and must put back, in words.
fn state(world: &World) -> String {
    let f = &world.facility;
    let valves: Vec<_> = f.cdus.iter().map(|c| c.valve).chain(f.hall.crahs.iter().map(|c| c.valve)).collect();
    let cdus: Vec<_> = f
        .cdus
        .iter()
        .map(|c| (c.pumps.map(|p| (p.failed, p.wear, p.air)), c.plate.fouling, c.clogging))
        .collect();
    let primary: Vec<_> = f.primary.pumps.iter().map(|p| (p.failed, p.wear, p.air)).collect();
    let machines: Vec<_> = f.primary.chillers.iter().map(|c| c.tripped).collect();
    let coils: Vec<_> = f.hall.crahs.iter().map(|c| c.coil.fouling).collect();
    let outside = (
        f.primary.economiser.fouling,
        f.condenser.tower.fouling,
        f.primary.clogging,
        f.condenser.tower.basin.make_up_failed,
    );
    let power = &f.power;
    let battery = (power.ups.capacity_j * 1e-6).round();
    let power = (power.feed_lost, power.generator.failed, power.generator.start_s, battery);
    let bess = f.power.bess.as_ref().map(|b| b.failed);
    let racks: Vec<_> = f.racks.iter().map(|r| (r.leak_lpm, r.air)).collect();
    let aisles: Vec<_> = f.hall.aisles.iter().map(|a| a.blocked).collect();
    let switches: Vec<_> = world.network.switches.iter().map(|s| (s.up, s.resistance)).collect();
    let links: Vec<_> = world.network.links.iter().map(|l| l.health).collect();
    let jobs: Vec<_> = world.workload.jobs.iter().map(|j| j.training().map(|t| t.active)).collect();
    let points: Vec<_> = (0..world.image.points.len()).filter_map(|p| world.sensors.fault(p)).collect();
    let sources: Vec<_> =
        (0..world.image.sources.len()).filter_map(|s| world.sensors.source_fault(s)).collect();
    let e = &world.events;
    let sums = (e.warmth_k, e.moisture_k, e.arrivals, e.curtailment, e.price_per_mwh, e.bus_cut);
    let held = (&e.local, &e.held, &e.holds, &e.burns);
    let valves: Vec<_> = valves.iter().map(|v| (v.stuck, v.stiction)).collect();
    let gpus = (&world.fleet.present, &world.fleet.brake, &world.workload.gpu_speed);
    format!(
        "{cdus:?}{primary:?}{valves:?}{machines:?}{coils:?}{outside:?}{power:?}{bess:?}{racks:?}{aisles:?}\
         {switches:?}{links:?}{:?}{jobs:?}{points:?}{sources:?}{sums:?}{held:?}{gpus:?}",
        world.network.pod_health
    )
}

#[test]
fn every_kind_acts_and_is_undone() {
    let calm = full();
    let before = state(&calm);
    // what they do is not among what is compared; see below
    let elsewhere = ["job-start", "job-failure", "gpu-hot"];
    for kind in kinds().filter(|kind| !elsewhere.contains(&kind.name)) {
        let fields: String = kind.fields.iter().map(|f| format!("{} = {}\n", f.name, f.example)).collect();
        let head = "name = \"k\"\nhours = 1\n[[event]]\nat = \"10 s\"\nfor = \"10 s\"\n";
        let scenario = Scenario::parse(&format!("{head}kind = \"{}\"\n{fields}", kind.name)).unwrap();
        let mut world = calm.clone();
        world.events = Events::new(&scenario, &world).unwrap_or_else(|e| panic!("{}: {e:?}", kind.name));
        (0..5).for_each(|_| world.step());
        assert_eq!(state(&world), before, "{} acts too early", kind.name);
        (0..10).for_each(|_| world.step());
        assert_ne!(state(&world), before, "{} does nothing", kind.name);
        (0..10).for_each(|_| world.step());
        assert_eq!(state(&world), before, "{} is not undone", kind.name);
        assert!(world.image.links.iter().all(Link::is_ideal), "{}", kind.name);
    }
}

fn armed(calm: &World, events: &str) -> World {
    let scenario = Scenario::parse(&format!("name = \"k\"\nhours = 1\n{events}")).unwrap();
    let mut world = calm.clone();
    world.events = Events::new(&scenario, &world).unwrap();
    world
}

fn run(world: &mut World, until_s: f64) {
    while world.elapsed_s() < until_s {
        world.step();
    }
}

#[test]
fn jobs_start_stop_and_fail_on_time() {
    let calm = full();
    let active = |w: &World, job: usize| w.workload.jobs[job].training().unwrap().active;
    let mut world = armed(
        &calm,
        "[[event]]\nat = \"10 s\"\nfor = \"10 s\"\nkind = \"job-start\"\njob = \"train-a\"\n\
         [[event]]\nat = \"10 s\"\nfor = \"10 s\"\nkind = \"job-failure\"\njob = \"train-b\"\n",
    );
    run(&mut world, 5.0);
    assert!(!active(&world, 0) && active(&world, 1));
    run(&mut world, 15.0);
    assert!(active(&world, 0));
    let lost = |w: &World| w.workload.jobs[1].training().unwrap().lost_tokens;
    assert!(lost(&world) > lost(&calm), "a failed job loses what it did since its checkpoint");
    run(&mut world, 25.0);
    assert!(!active(&world, 0));
}

#[test]
fn a_badly_cooled_gpu_is_hot_while_the_event_lasts() {
    let calm = full();
    let mut world = armed(
        &calm,
        "[[event]]\nat = \"10 s\"\nfor = \"3 min\"\nkind = \"gpu-hot\"\ndevice = \"node-001\"\ngpu = 5\nfactor = 2\n",
    );
    let mut twin = calm.clone();
    let mut above = |until_s: f64| {
        let mut sum = 0.0;
        while world.elapsed_s() < until_s {
            world.step();
            twin.step();
            sum = f64::from(world.fleet.die_c[5] - twin.fleet.die_c[5]);
        }
        sum
    };
    assert!(above(9.0).abs() < 1e-6);
    assert!(above(180.0) > 4.0);
    assert!(above(600.0).abs() < 1.0);
}

#[test]
fn later_events_win_and_give_back() {
    let calm = full();
    let event = |at, length, share| {
        format!(
            "[[event]]\nat = \"{at} s\"\nfor = \"{length} s\"\nkind = \"fouling\"\ndevice = \"CDU-01\"\n\
             share = \"{share} %\"\n"
        )
    };
    let mut world = armed(&calm, &(event(0, 60, 20) + &event(20, 20, 40)));
    let mut at = |s: f64| {
        run(&mut world, s);
        (world.facility.cdus[0].plate.fouling * 100.0).round()
    };
    assert_eq!([at(10.0), at(30.0), at(50.0), at(70.0)], [20.0, 40.0, 20.0, 0.0]);
}

#[test]
fn degrees_come_and_go() {
    let calm = full();
    let text = "[[event]]\nat = \"0 s\"\nfor = \"100 s\"\nramp = \"20 s\"\nfade = \"20 s\"\nkind = \"heat-wave\"\nrise = \"10 K\"\n";
    let mut world = armed(&calm, text);
    let mut at = |s: f64| {
        run(&mut world, s + 1.0);
        world.events.warmth_k.round()
    };
    assert_eq!([at(10.0), at(50.0), at(90.0), at(110.0)], [5.0, 10.0, 5.0, 0.0]);
}

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
    run(&mut world, 90.0 * MIN);
    assert!(held(&world) < full - 10.0, "{} of {full}", held(&world));
    assert!(world.image.values[rope] > 0.5);
    run(&mut world, 105.0 * MIN);
    let left = held(&world);
    run(&mut world, 108.0 * MIN);
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
    assert!((third / first - 0.85 / 0.95).abs() < 1e-6, "{first} {third}");
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
    run(&mut world, 20.0 * 60.0 * MIN);
    run(&mut twin, 20.0 * 60.0 * MIN);
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
