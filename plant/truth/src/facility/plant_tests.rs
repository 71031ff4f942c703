use super::*;

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
        assert!(residual.abs() < 1e-6 * heat_in, "{residual} J of {heat_in} J");
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
                prop_assert!(residual.abs() < 1e-6 * facility.stored_j().abs(), "{residual} J");
                prop_assert!(facility.powers.facility_w.is_finite() && facility.powers.facility_w >= 0.0);
            }
        }
    }
}
