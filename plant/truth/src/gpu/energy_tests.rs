//! Energy over a long time: nothing is lost to rounding.

use super::*;
use crate::rng::Rng;

/// Sum of power = heat to the coolants + heat to the air + heat stored, to 1e-9 over a simulated week of random work, caps,
/// locks, brakes, coolant, flow and step lengths; on cold plates and under heat sinks.
#[test]
fn a_week_of_anything_closes_to_one_in_a_billion() {
    let skus = ["h100", "h100-air", "a100", "gb200"].map(|text| (Sku::find(text).unwrap(), 2));
    let mut fleet = Fleet::new(&skus, 7);
    let mut rng = Rng::new(11);
    let n = fleet.len();
    let start: Vec<f64> = (0..n).map(|gpu| fleet.stored_j(gpu)).collect();
    let (mut into, mut out) = (vec![0.0; n], vec![0.0; n]);
    let (mut time_s, mut steps, mut dt_s) = (0.0, 0u64, 1.0);
    while time_s < 7.0 * 86_400.0 {
        if steps % 97 == 0 {
            dt_s = [0.05, 0.1, 0.3, 1.0, 1.0, 10.0][(rng.next_u32() % 6) as usize];
        }
        if steps % 13 == 0 {
            let gpu = (rng.next_u32() as usize) % n;
            fleet.activity[gpu] = rng.uniform() as f32;
            fleet.memory[gpu] = rng.uniform() as f32;
            fleet.cap_w[gpu] = rng.range(150.0, 1200.0) as f32;
            fleet.lock_max_mhz[gpu] = rng.range(300.0, 3000.0) as f32;
            fleet.coolant_c[gpu] = rng.range(15.0, 45.0) as f32;
            fleet.plate_flow[gpu] = rng.range(0.3, 1.4) as f32;
            fleet.brake[gpu] = rng.uniform() < 0.02;
            fleet.context[gpu] = rng.uniform() < 0.5;
            fleet.power_cycle(gpu);
        }
        fleet.step(dt_s);
        for gpu in 0..n {
            into[gpu] += f64::from(fleet.power_w[gpu]) * dt_s;
            out[gpu] += (fleet.liquid_heat_w(gpu) + fleet.air_heat_w(gpu)) * dt_s;
        }
        (time_s, steps) = (time_s + dt_s, steps + 1);
    }
    let mut worst: f64 = 0.0;
    for gpu in 0..n {
        assert!(into[gpu] > 2e7, "GPU {gpu} has worked: {} J", into[gpu]);
        let left = into[gpu] - out[gpu] - (fleet.stored_j(gpu) - start[gpu]);
        worst = worst.max(left.abs() / into[gpu]);
        let counted = fleet.energy_mj[gpu] / 1e3;
        assert!((counted / into[gpu] - 1.0).abs() < 1e-9, "counter of GPU {gpu}");
    }
    println!("worst of {n} GPUs after {steps} steps: {worst:.1e}");
    assert!(worst < 1e-9, "{worst:e}");
}

#[test]
fn a_gpu_of_a_fleet_takes_less_than_400_bytes() {
    let per_gpu = Fleet::bytes_per_gpu();
    assert!((100..=400).contains(&per_gpu), "{per_gpu} B");
}

/// Members of a boost group run at the pace of the slowest with work, say so and count it; strangers do not.
#[test]
fn a_boost_group_follows_its_slowest() {
    let mut fleet = Fleet::with_spread(&[(Sku::h100_sxm(), 6)], 1, Spread::NONE);
    fleet.activity.fill(0.4);
    fleet.group(0..4);
    (fleet.activity[3], fleet.lock_max_mhz[1]) = (0.0, 1200.0);
    for _ in 0..20 {
        fleet.step(0.1);
    }
    for gpu in [0, 1, 2] {
        assert!((fleet.clock_mhz[gpu] - 1200.0).abs() < 1.0, "GPU {gpu}: {}", fleet.clock_mhz[gpu]);
    }
    assert_eq!(fleet.reasons[0], reason::SYNC_BOOST);
    assert_eq!(fleet.reasons[1], reason::LOCKED);
    assert_eq!(fleet.reasons[3], reason::IDLE);
    assert_eq!(fleet.reasons[5], 0);
    assert!((fleet.clock_mhz[5] - 1980.0).abs() < 1.0);
    assert!(fleet.sync_boost_ns(0) > 1_500_000_000 && fleet.sync_boost_ns(1) == 0);
    fleet.ungroup();
    for _ in 0..20 {
        fleet.step(0.1);
    }
    assert!((fleet.clock_mhz[0] - 1980.0).abs() < 1.0);
}

/// The brake outlives its signal by the product's hold time, at fine and at coarse steps.
#[test]
fn a_brake_holds_for_a_while() {
    let mut fleet = Fleet::with_spread(&[(Sku::h100_sxm(), 1)], 1, Spread::NONE);
    fleet.activity[0] = 0.4;
    fleet.brake[0] = true;
    fleet.step(0.01);
    fleet.brake[0] = false;
    for _ in 0..9 {
        fleet.step(0.01);
        assert_ne!(fleet.reasons[0] & reason::POWER_BRAKE, 0);
    }
    for _ in 0..3 {
        fleet.step(0.01);
    }
    assert_eq!(fleet.reasons[0], 0);
    fleet.brake[0] = true;
    fleet.step(1.0);
    fleet.brake[0] = false;
    fleet.step(1.0);
    assert_eq!(fleet.reasons[0], 0);
}
