//! Prints what one GPU-step costs on this machine: `cargo run --release -p headroom-truth --example fleet_speed`.

use std::time::Instant;

use headroom_truth::gpu::{Fleet, Sku};

fn measure(label: &str, gpus: usize, setup: impl Fn(&mut Fleet)) {
    let mut fleet = Fleet::new(&[(Sku::H100_SXM, gpus)], 1);
    setup(&mut fleet);
    fleet.settle();
    let steps = 20_000_000 / gpus;
    let mut best = f64::INFINITY;
    let mut all = Vec::new();
    for _ in 0..5 {
        let begin = Instant::now();
        for k in 0..steps {
            // Flow and water move, so no GPU can live off last step's values.
            fleet.plate_flow[k % gpus] = 0.9 + 0.001 * (k % 100) as f32;
            fleet.step(1.0);
        }
        let ns = begin.elapsed().as_nanos() as f64 / (steps * gpus) as f64;
        best = best.min(ns);
        all.push(ns);
    }
    all.sort_by(f64::total_cmp);
    println!("{label:>10} {gpus:>7} GPUs: median {:.1} ns, best {best:.1} ns per GPU-step", all[2]);
}

fn main() {
    for gpus in [512, 100_000] {
        measure("uncapped", gpus, |fleet| fleet.activity.fill(0.5));
        measure("capped", gpus, |fleet| {
            fleet.activity.fill(0.8);
            fleet.cap_w.fill(450.0);
        });
        measure("mixed", gpus, |fleet| {
            for gpu in 0..fleet.len() {
                fleet.activity[gpu] = (gpu * 37 % 100) as f32 / 100.0;
                fleet.cap_w[gpu] = 500.0;
            }
        });
    }
}
