//! A world as a whole.

use super::signal::Signal;
use super::*;
use crate::image::Meaning;
use headroom_truth::weather::Climate;
use std::collections::BTreeSet;

fn small() -> WorldConfig {
    WorldConfig { gpus: 64, warmup_s: 600.0, ..WorldConfig::default() }
}

fn with(scenario: &str) -> WorldConfig {
    WorldConfig { scenario: Scenario::parse(scenario).unwrap(), ..small() }
}

#[test]
fn the_same_seed_gives_the_same_world_bit_for_bit() {
    let run = |seed| {
        let mut world = World::new(WorldConfig { seed, ..small() }).unwrap();
        (0..300).for_each(|_| world.step());
        let bits: Vec<u64> = world.image.values.iter().map(|v| v.to_bits()).collect();
        (bits, world.facility().powers.facility_w.to_bits())
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3).0, run(4).0);
}

#[test]
fn every_point_has_a_value_and_a_tag_of_its_own() {
    for gpus in [8, 64, 512] {
        let world = World::new(WorldConfig { gpus, ..small() }).unwrap();
        let points = &world.image.points;
        let tags: BTreeSet<&str> = points.iter().map(|p| p.tag.as_str()).collect();
        assert_eq!(tags.len(), points.len());
        for (point, value) in points.iter().zip(&world.image.values) {
            assert!(value.is_finite(), "{}", point.tag);
            assert!(!point.tag.contains(['.', ' ', '+', '#']), "{}", point.tag);
            assert_eq!(point.unit.is_some(), point.state_text.is_empty(), "{}", point.tag);
        }
        assert_eq!(world.list.signals.len(), points.len());
    }
}

#[test]
fn the_bus_of_the_demo_plant_carries_about_eighty_messages_a_second() {
    let mut world = World::new(WorldConfig { warmup_s: 60.0, ..WorldConfig::default() }).unwrap();
    let mut last = world.image.values.clone();
    let mut messages = 0;
    for _ in 0..300 {
        world.step();
        messages += world.image.values.iter().zip(&last).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        last.clone_from(&world.image.values);
    }
    let rate = messages as f64 / 300.0;
    // the capture: 46 a second for 5 racks with twice as many points each
    assert!((60.0..110.0).contains(&rate), "{rate}");
}

#[test]
fn modbus_maps_are_sorted_and_do_not_overlap() {
    let world = World::new(small()).unwrap();
    for device in &world.modbus {
        let mut end = None;
        for r in &device.registers {
            let words = if matches!(r.encoding, crate::image::Encoding::U16 | crate::image::Encoding::I16) {
                1
            } else {
                2
            };
            assert!(end.is_none_or(|(space, next)| space != r.space || r.address >= next), "{}", device.id);
            end = Some((r.space, r.address + words));
            if let Meaning::Setpoint(p) = r.meaning {
                assert!(world.image.points[p].request);
            }
        }
    }
}

#[test]
fn heat_and_power_add_up_over_an_hour() {
    let mut world = World::new(small()).unwrap();
    let start_j = world.facility.stored_j() + (0..64).map(|g| world.fleet.stored_j(g)).sum::<f64>();
    let (mut in_j, mut out_j, mut it_j) = (0.0, 0.0, 0.0);
    for _ in 0..3600 {
        world.step();
        // electricity in: racks, and what pumps, fans, lights and compressors turn into heat in the loops
        let loops_w = world.facility.heat_in_w - world.it.rack_liquid_w.iter().sum::<f64>() - world.it.air_w;
        in_j += world.facility.powers.it_w + loops_w;
        out_j += world.facility.heat_out_w();
        it_j += world.facility.powers.it_w;
    }
    let end_j = world.facility.stored_j() + (0..64).map(|g| world.fleet.stored_j(g)).sum::<f64>();
    let residual = (in_j - out_j - (end_j - start_j)) / it_j;
    assert!(residual.abs() < 1e-4, "{residual}");
    let p = world.facility.powers;
    let sum = p.it_w + p.cooling_w() + p.house_w + p.loss_w;
    assert!((sum - p.facility_w).abs() < 1e-3);
    let branches = &world.tree.branches;
    let racks: f64 = branches[world.tree.rack(0)..].iter().map(|b| b.power_w).sum();
    assert!((racks - p.it_w).abs() < 1e-6);
}

#[test]
fn events_act_and_are_undone() {
    let text = "name=\"e\"\nhours=1\n\
        [[event]]\nat=\"60 s\"\nfor=\"60 s\"\nkind=\"pump-failure\"\ndevice=\"CDU-01\"\npump=1\n\
        [[event]]\nat=\"60 s\"\nfor=\"60 s\"\nkind=\"sensor-bias\"\npoint=\"CDU-01/secondary/supply/temperature\"\noffset=3\n\
        [[event]]\nat=\"60 s\"\nfor=\"60 s\"\nkind=\"job-stop\"\njob=\"train-a\"\n\
        [[event]]\nat=\"60 s\"\nfor=\"60 s\"\nkind=\"operator-local\"\ndevice=\"tower\"\n\
        [[event]]\nat=\"60 s\"\nfor=\"30 s\"\nkind=\"feed-loss\"\n\
        [[event]]\nat=\"60 s\"\nfor=\"60 s\"\nkind=\"curtailment\"\nlimit=\"-12 %\"\nnotice=\"30 s\"\n";
    let mut world = World::new(with(text)).unwrap();
    let supply = world.list.find(Signal::CduSupply(0)).unwrap();
    let clean = |w: &World| {
        let true_c = w.facility.cdus[0].supply_c();
        w.sensors.field[supply] - w.sensors.bias(supply, true_c) - true_c
    };
    (0..75).for_each(|_| world.step());
    assert!(world.facility.cdus[0].pumps[0].failed && world.facility.power.feed_lost);
    assert!((clean(&world) - 3.0).abs() < 1e-9);
    assert!(world.is_local_device("tower") && !world.workload.jobs[0].training().unwrap().active);
    assert!(!world.curtailment().unwrap().binding && world.tree.branches[FEED].power_w < 1.0);
    assert!(world.import_limit_w() < 0.95 * world.tree.branches[FEED].budget_w);
    (0..20).for_each(|_| world.step());
    assert!(world.curtailment().unwrap().binding && !world.facility.power.feed_lost);
    (0..60).for_each(|_| world.step());
    assert!(!world.facility.cdus[0].pumps[0].failed && clean(&world).abs() < 1e-9);
    assert!(world.curtailment().is_none() && world.local_points().is_empty());
    assert!(world.workload.jobs[0].training().unwrap().active);
}

#[test]
fn unknown_names_are_findings() {
    let text = "name=\"e\"\nhours=1\n\
        [[event]]\nat=\"1 s\"\nkind=\"chiller-trip\"\ndevice=\"CH-09\"\n\
        [[event]]\nat=\"1 s\"\nkind=\"sensor-stuck\"\npoint=\"supply/temperature\"\n\
        [[event]]\nat=\"1 s\"\nkind=\"job-stop\"\njob=\"serve-a\"\n";
    let findings = World::new(with(text)).unwrap_err();
    assert_eq!(findings.len(), 3);
    assert!(findings[0].to_string().contains("line 3: no `CH-09`"), "{}", findings[0]);
    assert!(findings[1].to_string().contains("points end with"), "{}", findings[1]);
    assert!(findings[2].to_string().contains("train-a, train-b"), "{}", findings[2]);
}

#[test]
fn requests_reach_the_plant_and_local_wins() {
    let text = "name=\"e\"\nhours=1\n[[event]]\nat=\"20 min\"\nkind=\"operator-local\"\ndevice=\"CDU-01\"\n";
    let mut world = World::new(with(text)).unwrap();
    let point = world.list.request(points::RequestTarget::CduSupply(0)).unwrap();
    world.image.requests[point] = Some(34.0);
    (0..1190).for_each(|_| world.step());
    assert!((world.bms.cdu_setpoints(0).supply_c - 34.0).abs() < 1e-9);
    assert!((world.image.values[point] - 34.0).abs() < 0.011);
    assert!((world.facility.cdus[0].supply_c() - 34.0).abs() < 0.7, "{}", world.facility.cdus[0].supply_c());
    (0..1190).for_each(|_| world.step());
    assert!((world.bms.cdu_setpoints(0).supply_c - 30.0).abs() < 1e-9);
}

/// A hot afternoon on the built-in climate and, where the files are, on two real Julys.
#[test]
fn the_baseline_is_credible_on_a_hot_afternoon() {
    let climate = Weather::from_climate(&Climate::CONTINENTAL, 1);
    let hottest = climate.hottest_wet_bulb_s();
    let mut cases = vec![(climate, hottest - 3600.0)];
    let shared = std::env::var_os("HEADROOM_SHARED").map_or_else(
        || std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        Into::into,
    );
    for file in
        ["USA_IL_Chicago-OHare.Intl.AP.725300_TMY3.epw", "USA_CA_San.Francisco.Intl.AP.724940_TMY3.epw"]
    {
        match std::fs::read_to_string(shared.join("data/weather").join(file)) {
            Ok(text) => cases.push((Weather::from_epw(&text).unwrap(), (195.0 * 24.0 + 13.0) * 3600.0)),
            Err(_) => println!("skipped {file}"),
        }
    }
    for (weather, start_s) in cases {
        let place = weather.place.clone();
        let config = WorldConfig {
            gpus: 128,
            start_s,
            weather: Some(weather),
            warmup_s: 2.0 * 3600.0,
            ..WorldConfig::default()
        };
        let mut world = World::new(config).unwrap();
        let (mut site_j, mut it_j, mut compressor_j) = (0.0, 0.0, 0.0);
        for _ in 0..2 * 3600 {
            world.step();
            let powers = &world.facility.powers;
            site_j += powers.facility_w;
            it_j += powers.it_w;
            compressor_j += powers.chillers_w;
            let slow = reasons_of_heat(&world);
            assert_eq!(slow, 0, "{place}: thermal throttle");
        }
        let pue = site_j / it_j;
        assert!((1.08..1.30).contains(&pue), "{place}: PUE {pue}");
        // the coast is economiser country; the plains need their compressors
        if !place.contains("San Francisco") {
            assert!(
                compressor_j > 0.03 * it_j && pue > 1.15,
                "{place}: compressors {compressor_j}, PUE {pue}"
            );
        }
        for branch in &world.tree.branches {
            assert!(branch.power_w < branch.budget_w, "{place}: {branch:?}");
        }
    }
}

/// GPUs that slow down for heat or hardware.
fn reasons_of_heat(world: &World) -> usize {
    use headroom_truth::gpu::reason::{HW_SLOWDOWN, HW_THERMAL, SW_THERMAL};
    world.fleet.reasons.iter().filter(|r| **r & (SW_THERMAL | HW_THERMAL | HW_SLOWDOWN) != 0).count()
}
