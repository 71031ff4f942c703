//! What the GPU model must do: balances, limits, reasons, and the figures it is calibrated to.

use super::*;

fn one(sku: Sku) -> Fleet {
    let mut fleet = Fleet::with_spread(&[(sku, 1)], 1, Spread::NONE);
    fleet.activity[0] = 1.0;
    fleet.memory[0] = 0.6;
    fleet
}

fn named(text: &str) -> Sku {
    Sku::find(text).unwrap()
}

fn run(fleet: &mut Fleet, seconds: f64, dt_s: f64) {
    for _ in 0..(seconds / dt_s).round() as usize {
        fleet.step(dt_s);
    }
}

fn near(got: impl Into<f64>, want: f64, tolerance: f64) {
    let got = got.into();
    assert!((got - want).abs() <= tolerance, "got {got}, want {want} +- {tolerance}");
}

#[test]
fn h100_at_700_w_on_30_degc_water_sits_in_the_sixties() {
    let mut fleet = one(Sku::h100_sxm());
    run(&mut fleet, 120.0, 1.0);
    near(fleet.power_w[0], 700.0, 1.0);
    near(fleet.die_c[0], 65.0, 3.0);
    let above = fleet.hbm_c[0] - fleet.die_c[0];
    assert!((1.0..8.0).contains(&above), "HBM {above} K above the die");
    assert!((1400.0..1950.0).contains(&fleet.clock_mhz[0]), "{}", fleet.clock_mhz[0]);
}

#[test]
fn idle_power_follows_the_listings_and_leaks_one_percent_per_kelvin() {
    let at = |coolant: f32, context: bool| {
        let mut fleet = one(Sku::h100_sxm());
        (fleet.activity[0], fleet.memory[0], fleet.context[0]) = (0.0, 0.0, context);
        fleet.coolant_c[0] = coolant;
        fleet.settle();
        assert_eq!(fleet.reasons[0], reason::IDLE);
        (f64::from(fleet.power_w[0]), f64::from(fleet.die_c[0]))
    };
    let (cool, t0) = at(32.0, true);
    let (warm, t1) = at(40.0, true);
    near(cool, 118.7, 4.0);
    let per_k = (warm / cool - 1.0) / (t1 - t0);
    assert!((0.010..0.013).contains(&per_k), "{per_k} per K");
    near(at(30.0, false).0, 72.0, 4.0);
}

#[test]
fn every_product_stays_cool_at_its_limit_and_idles_low() {
    for sku in Sku::shipped() {
        let mut fleet = one(sku.clone());
        run(&mut fleet, 120.0, 1.0);
        near(fleet.power_w[0], sku.tdp_w, sku.tdp_w * 0.01);
        assert!((52.0..76.0).contains(&fleet.die_c[0]), "{}: {} degC", sku.name, fleet.die_c[0]);
        (fleet.activity[0], fleet.memory[0]) = (0.0, 0.0);
        fleet.settle();
        assert!(fleet.power_w[0] < 0.17 * sku.tdp_w as f32, "{}: {} W", sku.name, fleet.power_w[0]);
    }
}

/// Heat in = heat out + heat stored, through steps of load, flow and water; and what goes out is what the plate's
/// temperature says.
#[test]
fn heat_is_conserved() {
    let mut fleet = one(Sku::h100_sxm());
    let (start, mut input, mut output, mut by_plate) = (fleet.stored_j(0), 0.0, 0.0, 0.0);
    let dt = 0.01;
    for k in 0..6000 {
        fleet.activity[0] = if k % 1500 < 700 { 0.9 } else { 0.1 };
        fleet.plate_flow[0] = if k > 3000 { 0.6 } else { 1.0 };
        fleet.coolant_c[0] = 30.0 + (k / 2000) as f32 * 3.0;
        let before = fleet.plate_temperature_c(0);
        fleet.step(dt);
        let conductance = Sku::h100_sxm().cooler.captured
            / Sku::h100_sxm().plate_resistance_kpw(f64::from(fleet.plate_flow[0]));
        by_plate += (0.5 * (before + fleet.plate_temperature_c(0)) - f64::from(fleet.coolant_c[0]))
            * conductance
            * dt;
        input += (f64::from(fleet.power_w[0]) - fleet.air_heat_w(0)) * dt;
        output += fleet.coolant_heat_w[0] * dt;
    }
    let stored = fleet.stored_j(0) - start;
    assert!(input > 15_000.0);
    near(input - output - stored, 0.0, input * 1e-12);
    near(by_plate / output, 1.0, 5e-3);
    near(fleet.energy_mj[0] / 1e3 * Sku::h100_sxm().cooler.captured, input, input * 1e-4);
}

#[test]
fn a_cap_is_met_within_a_second_and_held_within_one_percent() {
    for cap in [200.0, 350.0, 500.0, 650.0] {
        let mut fleet = one(Sku::h100_sxm());
        run(&mut fleet, 60.0, 1.0);
        fleet.cap_w[0] = cap;
        run(&mut fleet, 1.0, 0.05);
        near(fleet.power_w[0], f64::from(cap), f64::from(cap) * 0.02);
        run(&mut fleet, 60.0, 1.0);
        near(fleet.power_w[0], f64::from(cap), f64::from(cap) * 0.01);
        assert_eq!(fleet.reasons[0], reason::SW_POWER_CAP);
        let before = fleet.throttle_ns[Throttle::SwPowerCap as usize][0];
        run(&mut fleet, 10.0, 1.0);
        assert_eq!(fleet.throttle_ns[Throttle::SwPowerCap as usize][0] - before, 10_000_000_000);
    }
}

#[test]
fn a_board_that_reads_low_draws_over_its_cap() {
    let mut fleet = Fleet::new(&[(Sku::h100_sxm(), 64)], 2);
    fleet.activity.fill(1.0);
    fleet.cap_w.fill(500.0);
    run(&mut fleet, 60.0, 1.0);
    for gpu in 0..64 {
        near(fleet.sensed_power_w(gpu), 500.0, 5.0);
    }
    assert!(fleet.power_w.iter().any(|w| *w > 510.0) && fleet.power_w.iter().any(|w| *w < 490.0));
    assert!(fleet.thermal_margin_k(0) > 15.0);
}

#[test]
fn a_cap_with_room_counts_nothing() {
    let mut fleet = one(Sku::h100_sxm());
    fleet.activity[0] = 0.5;
    run(&mut fleet, 60.0, 1.0);
    near(fleet.clock_mhz[0], 1980.0, 0.1);
    assert_eq!(fleet.reasons[0], 0);
    assert!(fleet.throttle_ns.iter().all(|counter| counter[0] == 0));
}

#[test]
fn locks_hold_and_snap_to_the_grid() {
    let mut fleet = one(Sku::h100_sxm());
    fleet.lock_max_mhz[0] = 1209.0;
    run(&mut fleet, 5.0, 1.0);
    near(fleet.clock_mhz[0], 1200.0, 0.1);
    assert_eq!(Fleet::reported_mhz(fleet.clock_mhz[0]), 1200);
    assert_eq!(fleet.reasons[0], reason::LOCKED);
    (fleet.activity[0], fleet.memory[0]) = (0.0, 0.0);
    fleet.lock_min_mhz[0] = 900.0;
    run(&mut fleet, 5.0, 1.0);
    near(fleet.clock_mhz[0], 900.0, 0.1);
}

#[test]
fn fourteen_percent_of_clock_is_thirty_percent_of_power() {
    let mut fleet = one(named("a100"));
    (fleet.cap_w[0], fleet.memory[0]) = (1000.0, 0.3);
    run(&mut fleet, 60.0, 1.0);
    let full = fleet.power_w[0];
    fleet.lock_max_mhz[0] = 0.86 * 1410.0;
    run(&mut fleet, 60.0, 1.0);
    near(fleet.power_w[0] / full, 0.69, 0.03);
}

/// Dense matrix products on a GB300 at 500 of 1400 W run at 0.28 to 0.39 of full speed.
#[test]
fn dense_work_collapses_under_a_low_cap() {
    let mut fleet = one(named("gb200"));
    run(&mut fleet, 60.0, 1.0);
    let full = fleet.clock_mhz[0];
    fleet.cap_w[0] = 0.36 * 1200.0;
    run(&mut fleet, 60.0, 1.0);
    near(fleet.clock_mhz[0] / full, 0.37, 0.06);
}

#[test]
fn brake_halves_at_once_and_counts() {
    let mut fleet = one(Sku::h100_sxm());
    fleet.activity[0] = 0.5;
    run(&mut fleet, 10.0, 1.0);
    fleet.brake[0] = true;
    fleet.step(0.01);
    near(fleet.clock_mhz[0], 990.0, 1.0);
    assert_eq!(fleet.reasons[0], reason::POWER_BRAKE | reason::HW_SLOWDOWN);
    assert_eq!(fleet.throttle_ns[Throttle::PowerBrake as usize][0], 10_000_000);
    assert_eq!(fleet.throttle_ns[Throttle::HwSlowdown as usize][0], 10_000_000);
    fleet.brake[0] = false;
    run(&mut fleet, 2.0, 1.0);
    near(fleet.clock_mhz[0], 1980.0, 5.0);
}

#[test]
fn warm_water_brings_software_slowdown_at_the_operating_maximum() {
    for dt in [0.1, 1.0, 5.0] {
        let mut fleet = one(Sku::h100_sxm());
        fleet.hbm_c[0] = 20.0;
        fleet.memory[0] = 0.05;
        fleet.coolant_c[0] = 58.0;
        run(&mut fleet, 300.0, dt);
        near(fleet.die_c[0], 87.0, 0.3);
        assert_eq!(fleet.reasons[0], reason::SW_THERMAL, "dt {dt}");
        assert!(fleet.power_w[0] < 650.0);
        assert!(fleet.throttle_ns[Throttle::SwThermal as usize][0] > 200_000_000_000);
    }
}

#[test]
fn memory_can_throttle_first() {
    let mut fleet = one(Sku::h100_sxm());
    (fleet.activity[0], fleet.memory[0]) = (0.6, 1.0);
    fleet.coolant_c[0] = 57.0;
    run(&mut fleet, 300.0, 1.0);
    near(fleet.hbm_c[0], 95.0, 0.5);
    assert!(fleet.die_c[0] < 86.0);
    assert_eq!(fleet.reasons[0], reason::SW_THERMAL);
}

#[test]
fn lost_flow_ends_in_hardware_slowdown_and_then_in_a_trip() {
    let mut fleet = one(Sku::h100_sxm());
    run(&mut fleet, 60.0, 1.0);
    let before = fleet.die_c[0];
    fleet.plate_flow[0] = 0.0;
    run(&mut fleet, 8.0, 0.1);
    assert!(fleet.die_c[0] > before + 8.0, "{} -> {}", before, fleet.die_c[0]);
    let mut seen = 0;
    for _ in 0..6000 {
        fleet.step(0.1);
        seen |= fleet.reasons[0];
    }
    let want = reason::SW_THERMAL | reason::HW_THERMAL | reason::HW_SLOWDOWN;
    assert_eq!(seen & want, want);
    assert!(fleet.throttle_ns[Throttle::HwThermal as usize][0] > 0);
    assert!(fleet.die_c[0] < 96.0, "{}", fleet.die_c[0]);
    fleet.coolant_c[0] = 90.0;
    run(&mut fleet, 600.0, 1.0);
    assert!(fleet.tripped[0]);
    assert!(fleet.power_w[0].abs() < 1e-6 && fleet.clock_mhz[0].abs() < 1e-6);
    (fleet.coolant_c[0], fleet.plate_flow[0]) = (30.0, 1.0);
    fleet.power_cycle(0);
    run(&mut fleet, 100.0, 1.0);
    assert!(!fleet.tripped[0] && fleet.power_w[0] > 600.0);
}

#[test]
fn step_length_does_not_change_the_steady_state_nor_much_of_the_transient() {
    let at = |dt: f64, seconds: f64| {
        let mut fleet = one(Sku::h100_sxm());
        fleet.cap_w[0] = 550.0;
        run(&mut fleet, seconds, dt);
        [fleet.power_w[0], fleet.die_c[0], fleet.hbm_c[0], fleet.clock_mhz[0]].map(f64::from)
    };
    for (seconds, kelvin, megahertz) in [(200.0, 0.05, 1.0), (10.0, 0.8, 15.0)] {
        let fine = at(0.01, seconds);
        for dt in [0.1, 1.0, 5.0] {
            let coarse = at(dt, seconds);
            near(coarse[0], fine[0], 3.0);
            near(coarse[1], fine[1], kelvin);
            near(coarse[2], fine[2], 2.0 * kelvin);
            near(coarse[3], fine[3], megahertz);
        }
    }
}

/// The ladder against its own equations, integrated in steps of 0.1 ms with the power of each long step.
#[test]
fn the_ladder_follows_its_equations() {
    let sku = Sku::h100_sxm();
    let (mut fleet, dt, fine) = (one(sku.clone()), 0.25, 1e-4);
    let (r1, r2, r3) = (sku.r1_kpw, sku.r2_kpw, sku.plate_resistance_kpw(1.0));
    let (mut q1, mut q2, mut plate) = (0.0, 0.0, 30.0);
    for k in 0..40 {
        fleet.activity[0] = if k % 16 < 8 { 1.0 } else { 0.1 };
        fleet.step(dt);
        let heat = f64::from(fleet.power_w[0]) * sku.cooler.captured;
        for _ in 0..(dt / fine).round() as usize {
            let to_coolant = (plate - 30.0) / (r3 / sku.cooler.captured);
            plate += fine * (q2 - to_coolant) / sku.cooler.capacity_jpk;
            q2 += fine * (q1 - q2) / sku.tau2_s;
            q1 += fine * (heat - q1) / sku.tau1_s;
        }
        near(fleet.die_c[0], plate + (r1 * q1 + r2 * q2) / sku.cooler.captured, 0.05);
    }
}

/// The A100 step of the field: most of the fast rise within 0.2 s, the rest over seconds.
#[test]
fn a_load_step_is_heat_within_milliseconds() {
    let mut fleet = one(named("a100"));
    (fleet.activity[0], fleet.memory[0]) = (0.0, 0.0);
    fleet.context[0] = true;
    fleet.settle();
    let (t0, p0) = (fleet.die_c[0], fleet.power_w[0]);
    fleet.activity[0] = 0.5;
    run(&mut fleet, 0.2, 0.01);
    let fast = (fleet.die_c[0] - t0) / (fleet.power_w[0] - p0);
    assert!((0.030..0.045).contains(&fast), "{fast} K/W after 0.2 s");
}

#[test]
fn a_gpu_off_the_bus_draws_idle_power_and_says_nothing() {
    let mut fleet = one(Sku::h100_sxm());
    run(&mut fleet, 60.0, 1.0);
    fleet.present[0] = false;
    run(&mut fleet, 60.0, 1.0);
    near(fleet.power_w[0], 70.0, 6.0);
    assert_eq!(fleet.reasons[0], 0);
    assert!(fleet.clock_mhz[0].abs() < 1e-6);
}

#[test]
fn seeds_decide_the_spread() {
    let build = |seed| {
        let mut fleet = Fleet::new(&[(Sku::h100_sxm(), 200), (named("b200"), 56)], seed);
        fleet.activity.fill(0.6);
        fleet.settle();
        fleet
    };
    let (a, b, c) = (build(3), build(3), build(4));
    assert_eq!(a.power_w, b.power_w);
    assert_ne!(a.power_w, c.power_w);
    assert_eq!(a.sku(199).name, Sku::h100_sxm().name);
    assert_eq!(a.sku(200).name, named("b200").name);
    let power = &a.power_w[..200];
    let spread = power.iter().fold(0.0f32, |m, p| m.max(*p)) / power.iter().fold(1e9f32, |m, p| m.min(*p));
    assert!((1.02..1.12).contains(&spread), "{spread}");
}
