//! Eight at once and one by one are the same, to the last bit.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::{Fleet, Sku};
use crate::rng::Rng;

/// Everything a fleet shows, and what can be asked of its state.
fn shown(fleet: &Fleet) -> Vec<u64> {
    let narrow = [&fleet.clock_mhz, &fleet.power_w, &fleet.die_c, &fleet.hbm_c];
    let narrow = narrow.into_iter().flatten().map(|x| u64::from(x.to_bits()));
    let wide = [&fleet.coolant_heat_w, &fleet.energy_mj].into_iter().flatten().map(|x| x.to_bits());
    let plates = (0..fleet.len()).map(|gpu| fleet.plate_temperature_c(gpu).to_bits());
    let stored = (0..fleet.len()).map(|gpu| fleet.stored_j(gpu).to_bits());
    let bits = fleet.reasons.iter().map(|bits| u64::from(*bits));
    let tripped = fleet.tripped.iter().map(|tripped| u64::from(*tripped));
    let counters = fleet.throttle_ns.iter().flatten().copied();
    narrow.chain(wide).chain(plates).chain(stored).chain(bits).chain(tripped).chain(counters).collect()
}

/// Changes some inputs: mostly what happens every day, now and then what does not.
fn stir(fleet: &mut Fleet, rng: &mut Rng) {
    for gpu in 0..fleet.len() {
        if rng.uniform() < 0.7 {
            continue;
        }
        let idle = rng.uniform() < 0.2;
        fleet.activity[gpu] = if idle { 0.0 } else { rng.range(0.0, 1.1) as f32 };
        fleet.memory[gpu] = if idle { 0.0 } else { rng.range(0.0, 1.1) as f32 };
        fleet.context[gpu] = rng.uniform() < 0.9;
        fleet.cap_w[gpu] = rng.range(80.0, 800.0) as f32;
        fleet.lock_max_mhz[gpu] =
            if rng.uniform() < 0.5 { f32::INFINITY } else { rng.range(200.0, 2200.0) as f32 };
        fleet.lock_min_mhz[gpu] = if rng.uniform() < 0.8 { 0.0 } else { rng.range(0.0, 1500.0) as f32 };
        let rare = rng.uniform() < 0.02;
        fleet.coolant_c[gpu] = rng.range(18.0, if rare { 95.0 } else { 45.0 }) as f32;
        fleet.plate_flow[gpu] = rng.range(if rare { 0.0 } else { 0.5 }, 1.5) as f32;
        fleet.brake[gpu] = rare;
        fleet.present[gpu] = rng.uniform() > 0.005;
    }
}

#[test]
fn eight_at_once_are_eight_one_by_one() {
    let mut seen = 0;
    for (seed, dt_s) in [(1, 0.01), (2, 0.1), (3, 1.0), (4, 1.0), (5, 10.0)] {
        let sku = |name| Sku::find(name).unwrap();
        let parts = [(sku("h100-sxm"), 19), (sku("a100-sxm"), 16), (sku("b200"), 30)];
        let mut together = Fleet::new(&parts, seed);
        let mut alone = together.clone();
        let mut rng = Rng::stream(seed, 7);
        for step in 0..400 {
            stir(&mut together, &mut rng.clone());
            stir(&mut alone, &mut rng);
            together.step(dt_s);
            alone.begin_step(dt_s);
            (0..alone.len()).for_each(|gpu| alone.step_some(gpu..gpu + 1));
            assert!(shown(&together) == shown(&alone), "seed {seed}, step {step}");
            seen |= together.reasons.iter().fold(0, |all, bits| all | bits);
        }
    }
    // The inputs were such that everything happened (boost groups aside).
    assert_eq!(seen, 0xff & !super::reason::SYNC_BOOST);
}
