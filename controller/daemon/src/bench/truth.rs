//! One step of a world: jobs, GPUs, nodes, network, all facility equipment, the BMS, sensors and the score's eye, on
//! one core.

use super::{Figures, alloc};
use crate::score::build_world;
use anyhow::Result;
use headroom_sim::score::{Prices, Score};
use headroom_sim::world::WorldConfig;
use std::time::{Duration, Instant};

/// What a step may cost, ns per GPU.
const LIMIT_NS: f64 = 100.0;
/// Steps before the clock runs.
const WARM_STEPS: usize = 30;
/// Fewest steps that make a percentile.
const LEAST_STEPS: usize = 120;

pub(super) fn measure(gpus: usize, step_s: f64, wall_s: f64) -> Result<Figures> {
    let config = WorldConfig { gpus, dt_s: step_s, warmup_s: 60.0, ..WorldConfig::default() };
    let before = alloc::in_use();
    let mut world = build_world(config)?;
    let mut score = Score::new(&world, Prices::default());
    let bytes = alloc::in_use() - before;
    let mut step = || {
        world.step();
        score.observe(&world);
    };
    (0..WARM_STEPS).for_each(|_| step());
    let (mut times, calls) = (Vec::with_capacity(1 << 20), alloc::calls());
    let end = Instant::now() + Duration::from_secs_f64(wall_s);
    while times.len() < LEAST_STEPS || (Instant::now() < end && times.len() < times.capacity()) {
        let start = Instant::now();
        step();
        times.push(start.elapsed().as_nanos() as f64 / gpus as f64);
    }
    let allocations = (alloc::calls() - calls) as f64 / times.len() as f64;
    let mean_ns = times.iter().sum::<f64>() / times.len() as f64;
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[(share * (times.len() - 1) as f64) as usize];
    Ok(Figures {
        bench: "truth",
        gpus,
        ns_per_gpu_median: at(0.5),
        ns_per_gpu_p99: at(0.99),
        bytes_per_gpu: bytes as f64 / gpus as f64,
        limit_ns_per_gpu: LIMIT_NS,
        allocations_per_tick: allocations,
        plant_s_per_wall_s: step_s / (mean_ns * gpus as f64 * 1e-9),
    })
}
