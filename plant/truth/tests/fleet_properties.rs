//! What no sequence of inputs may do to a fleet: leave the range of physics, lose heat, or count backwards.

use headroom_truth::gpu::{Fleet, Sku, Throttle};
use proptest::prelude::*;

/// One input for all GPUs, held for some steps.
#[derive(Debug, Clone)]
struct Hold {
    activity: f32,
    memory: f32,
    cap_w: f32,
    lock_max_mhz: f32,
    coolant_c: f32,
    flow: f32,
    brake: bool,
    dt_s: f64,
    steps: usize,
}

fn hold() -> impl Strategy<Value = Hold> {
    let load = (0.0f32..=1.0, 0.0f32..=1.0, 150.0f32..1200.0, 100.0f32..2500.0);
    let plant = (5.0f32..60.0, 0.0f32..1.6, any::<bool>());
    let time = (prop_oneof![Just(0.01), Just(0.1), Just(1.0), Just(5.0)], 1usize..60);
    (load, plant, time).prop_map(
        |((activity, memory, cap_w, lock_max_mhz), (coolant_c, flow, brake), (dt_s, steps))| Hold {
            activity,
            memory,
            cap_w,
            lock_max_mhz,
            coolant_c,
            flow,
            brake,
            dt_s,
            steps,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn physics_holds_under_any_input(holds in prop::collection::vec(hold(), 1..8), seed in 0u64..1000) {
        let mut fleet = Fleet::new(&Sku::shipped().iter().map(|sku| (sku.clone(), 2)).collect::<Vec<_>>(), seed);
        let n = fleet.len();
        let start: Vec<f64> = (0..n).map(|gpu| fleet.stored_j(gpu)).collect();
        let (mut heat_in, mut heat_out) = (vec![0.0; n], vec![0.0; n]);
        let mut counted = vec![0u64; n];
        for h in &holds {
            fleet.activity.fill(h.activity);
            fleet.memory.fill(h.memory);
            fleet.cap_w.fill(h.cap_w);
            fleet.lock_max_mhz.fill(h.lock_max_mhz);
            fleet.coolant_c.fill(h.coolant_c);
            fleet.plate_flow.fill(h.flow);
            fleet.brake.fill(h.brake);
            for _ in 0..h.steps {
                fleet.step(h.dt_s);
                for gpu in 0..n {
                    let power_w = f64::from(fleet.power_w[gpu]);
                    prop_assert!((0.0..2.0 * fleet.sku(gpu).tdp_w).contains(&power_w), "{power_w} W");
                    prop_assert!((0.0..130.0).contains(&fleet.die_c[gpu]), "{} degC", fleet.die_c[gpu]);
                    prop_assert!((0.0..160.0).contains(&fleet.hbm_c[gpu]));
                    prop_assert!(fleet.clock_mhz[gpu] <= fleet.clock_max_mhz[gpu] * 1.0001);
                    heat_in[gpu] += power_w * h.dt_s;
                    heat_out[gpu] += (fleet.liquid_heat_w(gpu) + fleet.air_heat_w(gpu)) * h.dt_s;
                    let now = fleet.throttle_ns[Throttle::SwPowerCap as usize][gpu];
                    prop_assert!(now >= counted[gpu]);
                    counted[gpu] = now;
                }
            }
        }
        for gpu in 0..n {
            let stored = fleet.stored_j(gpu) - start[gpu];
            let scale = heat_in[gpu].abs() + heat_out[gpu].abs() + stored.abs() + 100.0;
            prop_assert!((heat_in[gpu] - heat_out[gpu] - stored).abs() < 1e-11 * scale);
        }
    }
}
