use super::*;
use crate::facility::{BessSpec, HeatRejection};

fn size(racks: usize) -> FacilitySpec {
    FacilitySpec::uniform(racks, 4, 8, 32_000.0, 0.86, 7)
}

fn outdoor() -> Outdoor {
    Outdoor { dry_bulb_c: 28.0, wet_bulb_c: 19.0, dew_point_c: 14.0 }
}

fn run(facility: &mut Facility, commands: &Commands, load: f64, seconds: usize) -> (f64, f64) {
    let racks = facility.spec.racks.len();
    let power = vec![load * 32_000.0; racks];
    let liquid: Vec<f64> = power.iter().map(|p| 0.86 * p).collect();
    let (mut heat_in, mut heat_out) = (0.0, 0.0);
    for _ in 0..seconds {
        let inputs = FacilityInputs {
            rack_power_w: &power,
            rack_liquid_w: &liquid,
            rack_air_w: 0.14 * load * 32_000.0 * racks as f64,
            server_air_m3s: 0.3 * racks as f64,
            outdoor: outdoor(),
            commands,
        };
        facility.step(&inputs, 1.0);
        heat_in += facility.heat_in_w;
        heat_out += facility.heat_out_w();
    }
    (heat_in, heat_out)
}

fn running(facility: &Facility) -> Commands {
    let mut commands = facility.idle_commands();
    commands.chillers.iter_mut().for_each(|c| {
        c.run = true;
        c.setpoint_c = 16.0;
    });
    commands.cdus.iter_mut().for_each(|c| c.valve = 0.6);
    commands.tower_fan = 0.7;
    commands.primary_pumps.fill(0.7);
    commands
}

#[test]
fn heat_in_is_heat_out_plus_storage() {
    let mut facility = Facility::new(size(16));
    let mut commands = running(&facility);
    for (load, economiser) in [(0.8, 0.0), (1.0, 0.6), (0.3, 1.0)] {
        commands.economiser = economiser;
        let before = facility.stored_j();
        let (heat_in, heat_out) = run(&mut facility, &commands, load, 2400);
        let residual = heat_in - heat_out - (facility.stored_j() - before);
        assert!(residual.abs() < 1e-9 * heat_in, "{residual} J of {heat_in} J");
    }
}

#[test]
fn powers_add_up_on_the_way_in() {
    let mut facility = Facility::new(size(16));
    let commands = running(&facility);
    run(&mut facility, &commands, 0.8, 1800);
    let p = &facility.powers;
    let sum = p.it_w + p.cooling_w() + p.house_w + p.loss_w;
    assert!((p.facility_w - sum).abs() < 1e-3, "{} {sum}", p.facility_w);
    assert!((1.1..1.4).contains(&(p.facility_w / p.it_w)), "{}", p.facility_w / p.it_w);
}

#[test]
fn every_size_settles() {
    for racks in [1, 3, 16, 40] {
        let mut facility = Facility::new(size(racks));
        let commands = running(&facility);
        run(&mut facility, &commands, 0.7, 3600);
        let supply = facility.cdus[0].supply_c();
        assert!((18.0..45.0).contains(&supply), "{racks} racks: {supply}");
        assert!((facility.primary.leaving_c - 16.0).abs() < 0.5, "{}", facility.primary.leaving_c);
    }
}

#[test]
fn everything_stopped_stays_finite() {
    let mut facility = Facility::new(size(4));
    let mut commands = facility.idle_commands();
    commands.cdus.iter_mut().for_each(|c| *c = CduCommand { valve: 0.0, pumps: [0.0; 2] });
    commands.crahs.iter_mut().for_each(|c| *c = CrahCommand { fan: 0.0, valve: 0.0 });
    commands.primary_pumps.fill(0.0);
    commands.tower_fan = 0.0;
    let (_, _) = run(&mut facility, &commands, 0.0, 600);
    assert!(facility.stored_j().is_finite() && facility.powers.facility_w > 0.0);
}

/// Not a benchmark, a tripwire: a step of 16 racks is some microseconds in release.
#[test]
fn a_step_is_cheap() {
    let mut facility = Facility::new(size(16));
    let commands = running(&facility);
    let start = std::time::Instant::now();
    run(&mut facility, &commands, 0.8, 5000);
    let per_step_us = start.elapsed().as_secs_f64() / 5000.0 * 1e6;
    println!("{per_step_us:.1} us per step");
    assert!(per_step_us < 400.0);
}

/// What a run ends with: means over its last half hour.
#[derive(Debug)]
struct Settled {
    supply_c: f64,
    return_c: f64,
    water_c: f64,
    cold_c: f64,
    basin_c: f64,
    cooling_w: f64,
    facility_w: f64,
}

/// Four hours of a changing load in steps of `dt_s`.
fn settled(spec: FacilitySpec, dt_s: f64, prepare: impl Fn(&mut Commands)) -> Settled {
    let mut facility = Facility::new(spec);
    let mut commands = running(&facility);
    prepare(&mut commands);
    let (peaks, steps) = (facility.spec.racks.clone(), (4.0 * 3600.0 / dt_s) as usize);
    let mut sums = [0.0; 7];
    for step in 0..steps {
        let load = 0.7 + 0.1 * (step as f64 * dt_s / 1800.0).sin();
        let power: Vec<f64> = peaks.iter().map(|r| load * r.peak_w).collect();
        let liquid: Vec<f64> = peaks.iter().map(|r| load * r.liquid_w()).collect();
        let air_w = power.iter().sum::<f64>() - liquid.iter().sum::<f64>();
        facility.step(
            &FacilityInputs {
                rack_power_w: &power,
                rack_liquid_w: &liquid,
                rack_air_w: air_w,
                server_air_m3s: air_w / (12.0 * 1199.0),
                outdoor: outdoor(),
                commands: &commands,
            },
            dt_s,
        );
        if step * 8 >= steps * 7 {
            let f = &facility;
            let now = [
                f.cdus[0].supply_c(),
                f.cdus[0].return_c(),
                f.primary.leaving_c,
                f.hall.cold_c,
                f.condenser.supply_c(),
                f.powers.cooling_w(),
                f.powers.facility_w,
            ];
            sums.iter_mut().zip(now).for_each(|(s, v)| *s += v / (steps / 8) as f64);
        }
    }
    let [supply_c, return_c, water_c, cold_c, basin_c, cooling_w, facility_w] = sums;
    Settled { supply_c, return_c, water_c, cold_c, basin_c, cooling_w, facility_w }
}

#[test]
fn steps_of_ten_seconds_give_what_steps_of_one_give() {
    let fine = settled(size(8), 1.0, |_| ());
    for dt_s in [0.25, 5.0, 10.0] {
        let other = settled(size(8), dt_s, |_| ());
        for (a, b) in [
            (fine.supply_c, other.supply_c),
            (fine.return_c, other.return_c),
            (fine.water_c, other.water_c),
            (fine.cold_c, other.cold_c),
            (fine.basin_c, other.basin_c),
        ] {
            assert!((a - b).abs() < 0.1, "{dt_s}: {fine:?} {other:?}");
        }
        assert!((fine.cooling_w / other.cooling_w - 1.0).abs() < 0.01, "{dt_s}: {fine:?} {other:?}");
        assert!((fine.facility_w / other.facility_w - 1.0).abs() < 0.002);
    }
}

#[test]
fn air_cooled_racks_load_the_hall_and_no_loop() {
    let mut spec = size(8);
    for rack in &mut spec.racks[4..] {
        (rack.cdu, rack.liquid_share) = (None, 0.0);
    }
    let mixed = settled(spec.clone(), 5.0, |_| ());
    let facility = Facility::new(spec);
    assert_eq!((facility.cdus.len(), facility.cdu_of_rack(3), facility.cdu_of_rack(6)), (1, Some(0), None));
    assert!(facility.rack(6).flow_lpm.abs() < 1e-12);
    assert!((15.0..32.0).contains(&mixed.cold_c), "{mixed:?}");
}

/// Nobody may lose the heat of a rack that has no coolant, and a hall may be without CDUs.
#[test]
fn a_hall_of_air_cooled_racks_has_no_technology_loop() {
    let mut spec = size(6);
    for rack in &mut spec.racks {
        rack.cdu = None;
    }
    let mut facility = Facility::new(spec);
    let commands = running(&facility);
    let before = facility.stored_j();
    let (heat_in, heat_out) = run(&mut facility, &commands, 0.5, 1800);
    assert!(facility.cdus.is_empty() && facility.hall.crahs.iter().all(|c| c.duty_w > 20e3));
    let residual = heat_in - heat_out - (facility.stored_j() - before);
    assert!(residual.abs() < 1e-9 * heat_in, "{residual}");
}

#[test]
fn plants_without_chillers_follow_the_weather() {
    let mut spec = size(8);
    spec.chillers = 0;
    let free = |c: &mut Commands| (c.economiser, c.tower_fan) = (1.0, 1.0);
    let tower = settled(spec.clone(), 5.0, free);
    spec.heat_rejection = HeatRejection::DryCooler;
    let dry = settled(spec.clone(), 5.0, free);
    spec.heat_rejection = HeatRejection::AdiabaticCooler;
    let wetted = settled(spec, 5.0, |c| {
        free(c);
        c.adiabatic = 1.0;
    });
    // outdoors 28 C dry, 19 C wet
    assert!((20.0..28.0).contains(&tower.water_c), "{tower:?}");
    assert!((29.0..40.0).contains(&dry.water_c), "{dry:?}");
    assert!(wetted.water_c < dry.water_c - 5.0, "{wetted:?} {dry:?}");
}

#[test]
fn any_number_of_chillers_holds_the_setpoint() {
    for chillers in [1, 3, 4] {
        let mut spec = size(12);
        spec.chillers = chillers;
        let end = settled(spec, 5.0, |c| c.tower_fan = 1.0);
        assert!((end.water_c - 16.0).abs() < 0.5, "{chillers}: {end:?}");
    }
}

#[test]
fn a_charged_tank_carries_the_loop_while_the_chillers_stand() {
    let mut spec = size(8);
    (spec.tank_m3, spec.economiser) = (40.0, false);
    let mut facility = Facility::new(spec);
    let mut commands = running(&facility);
    commands.chillers.iter_mut().for_each(|c| c.setpoint_c = 10.0);
    commands.tank = 1.0;
    run(&mut facility, &commands, 0.4, 5 * 3600);
    let cold = facility.primary.tank.unwrap().layers_c;
    assert!(cold.iter().all(|t| *t < 13.0), "{cold:?}");
    commands.chillers.iter_mut().for_each(|c| c.run = false);
    commands.tank = -1.0;
    run(&mut facility, &commands, 0.4, 900);
    let with_c = facility.primary.leaving_c;
    commands.tank = 0.0;
    run(&mut facility, &commands, 0.4, 900);
    assert!(facility.primary.leaving_c > with_c + 3.0, "{with_c} {}", facility.primary.leaving_c);
}

#[test]
fn a_burst_hose_stops_its_cdu_only_and_the_manifold_valve_saves_the_rest() {
    let mut facility = Facility::new(size(8));
    let mut commands = running(&facility);
    run(&mut facility, &commands, 0.6, 600);
    let usual_lpm = facility.cdus[1].flow_lpm;
    facility.racks[1].leak_lpm = 15.0;
    run(&mut facility, &commands, 0.6, 1200);
    assert!(facility.cdus[0].reserve.low_pressure && facility.cdus[0].flow_lpm < 1.0);
    assert!(facility.cdus[1].flow_lpm > 0.95 * usual_lpm);
    // isolated and refilled, the others run again
    commands.rack_valves[1] = 0.0;
    facility.cdus[0].reserve.tank_l = 100.0;
    run(&mut facility, &commands, 0.3, 1800);
    assert!(facility.cdus[0].flow_lpm > 0.7 * usual_lpm && facility.rack(1).flow_lpm < 1e-9);
    assert!(facility.cdus[0].reserve.leak_lpm < 1e-9);
}

#[test]
fn a_feed_loss_takes_the_chillers_for_minutes_and_the_racks_not_at_all() {
    let mut facility = Facility::new(size(8));
    let commands = running(&facility);
    run(&mut facility, &commands, 0.7, 3600);
    facility.power.feed_lost = true;
    run(&mut facility, &commands, 0.7, 5);
    assert!(!facility.power.mechanical_powered() && facility.power.ups.on_battery);
    assert!(facility.powers.it_w > 1e5 && facility.powers.facility_w.abs() < 1e-9);
    assert!(facility.primary.chillers.iter().all(|c| !c.running));
    run(&mut facility, &commands, 0.7, 600);
    assert!(facility.primary.chillers.iter().all(|c| c.running), "they restart on the generator");
    assert!(facility.power.import_w.abs() < 1e-9 && facility.powers.facility_w > 1e5);
}

#[test]
fn a_battery_storage_shaves_the_import() {
    let mut spec = size(8);
    spec.power.bess = Some(BessSpec { power_w: 60e3, energy_j: 3.6e8 });
    let mut facility = Facility::new(spec);
    let mut commands = running(&facility);
    run(&mut facility, &commands, 0.7, 1800);
    let plain_w = facility.power.import_w;
    commands.bess_w = 50e3;
    run(&mut facility, &commands, 0.7, 60);
    assert!((plain_w - facility.power.import_w - 50e3).abs() < 2e3, "{plain_w} {}", facility.power.import_w);
    assert!(facility.powers.storage_w < -50e3);
}

mod any {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Whatever the actuators do and however the load jumps: finite, and not a joule is lost.
        #[test]
        fn commands_and_loads_keep_the_books(
            phases in prop::collection::vec((prop::array::uniform8(0.0..1.0_f64), any::<[bool; 6]>()), 1..6),
            wet_bulb_c in -15.0..28.0_f64,
        ) {
            let mut facility = Facility::new(size(5));
            for (v, b) in phases {
                let mut commands = facility.idle_commands();
                commands.cdus[0] = CduCommand { valve: v[0], pumps: [v[1], v[2]] };
                commands.crahs[0] = CrahCommand { fan: v[3], valve: v[4] };
                commands.primary_pumps = vec![v[5], if b[5] { v[5] } else { 0.0 }];
                (commands.economiser, commands.tower_fan) = (v[6], v[7]);
                for (chiller, run) in commands.chillers.iter_mut().zip([b[0], b[1]]) {
                    *chiller = ChillerCommand { run, setpoint_c: 8.0 + 12.0 * v[0] };
                }
                facility.cdus[0].pumps[0].failed = b[2];
                facility.primary.chillers[0].tripped = b[3];
                facility.power.feed_lost = b[4];
                let before = facility.stored_j();
                let (mut heat_in, mut heat_out) = (0.0, 0.0);
                for _ in 0..400 {
                    let inputs = FacilityInputs {
                        rack_power_w: &[v[7] * 32e3; 5],
                        rack_liquid_w: &[v[7] * 27e3; 5],
                        rack_air_w: v[7] * 25e3,
                        server_air_m3s: 1.4,
                        outdoor: Outdoor { dry_bulb_c: wet_bulb_c + 5.0, wet_bulb_c, dew_point_c: wet_bulb_c - 3.0 },
                        commands: &commands,
                    };
                    facility.step(&inputs, 1.0);
                    heat_in += facility.heat_in_w;
                    heat_out += facility.heat_out_w();
                }
                let residual = heat_in - heat_out - (facility.stored_j() - before);
                prop_assert!(residual.abs() < 1e-9 * facility.stored_j().abs(), "{residual} J");
                prop_assert!(facility.powers.facility_w.is_finite() && facility.powers.facility_w >= 0.0);
            }
        }
    }
}
