//! Every kind does something and is undone.

use super::super::{World, WorldConfig};
use super::{Events, kinds};
use crate::image::Link;
use crate::scenario::Scenario;

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

pub(super) fn run(world: &mut World, until_s: f64) {
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
    let mut twin = calm;
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
        (world.facility.cdus[0].plate.fouling * 100.0).round() as i32
    };
    assert_eq!([at(10.0), at(30.0), at(50.0), at(70.0)], [20, 40, 20, 0]);
}

#[test]
fn degrees_come_and_go() {
    let calm = full();
    let text = "[[event]]\nat = \"0 s\"\nfor = \"100 s\"\nramp = \"20 s\"\nfade = \"20 s\"\nkind = \"heat-wave\"\nrise = \"10 K\"\n";
    let mut world = armed(&calm, text);
    let mut at = |s: f64| {
        run(&mut world, s + 1.0);
        world.events.warmth_k.round() as i32
    };
    assert_eq!([at(10.0), at(50.0), at(90.0), at(110.0)], [5, 10, 5, 0]);
}
