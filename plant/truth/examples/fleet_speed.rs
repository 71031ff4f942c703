//! Prints what one GPU-step and one step of the work cost on this machine:
//! `cargo run --release -p headroom-truth --example fleet_speed`.

use std::time::Instant;

use headroom_truth::gpu::sensor::SensorBank;
use headroom_truth::gpu::{Fleet, Sku};
use headroom_truth::work::{JobKind, Workload};

/// Nanoseconds that this thread has run, so that a busy machine does not count; wall time where the system does not say.
fn thread_ns(since: Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran = told.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    ran.unwrap_or_else(|| since.elapsed().as_nanos() as f64)
}

/// What the power sensors cost on top.
fn measure_sensors(gpus: usize) {
    let mut fleet = Fleet::new(&[(Sku::h100_sxm(), gpus)], 1);
    fleet.activity.fill(0.5);
    fleet.settle();
    let mut bank = SensorBank::new(&fleet, 1);
    for dt_s in [0.1, 1.0, 10.0] {
        let (begin, steps) = (Instant::now(), 20_000_000 / gpus);
        let from = thread_ns(begin);
        for _ in 0..steps {
            bank.step(&fleet, dt_s);
        }
        let ns = (thread_ns(begin) - from) / (steps * gpus) as f64;
        println!("   sensors {gpus:>7} GPUs at {dt_s} s: {ns:.1} ns per GPU-step");
    }
}

fn measure(label: &str, gpus: usize, setup: impl Fn(&mut Fleet)) {
    let mut fleet = Fleet::new(&[(Sku::h100_sxm(), gpus)], 1);
    setup(&mut fleet);
    fleet.settle();
    let steps = 20_000_000 / gpus;
    let mut all = Vec::new();
    for _ in 0..5 {
        let begin = Instant::now();
        let from = thread_ns(begin);
        for k in 0..steps {
            // Flow moves, so no GPU can live off last step's values.
            fleet.plate_flow[k % gpus] = 0.9 + 0.001 * (k % 100) as f32;
            fleet.step(1.0);
        }
        all.push((thread_ns(begin) - from) / (steps * gpus) as f64);
    }
    all.sort_by(f64::total_cmp);
    println!("{label:>10} {gpus:>7} GPUs: median {:.1} ns, best {:.1} ns per GPU-step", all[2], all[0]);
}

/// A day of the usual mix, with the time of the work and of the GPUs apart.
fn measure_work(gpus: usize, load: f64) {
    let mut fleet = Fleet::new(&[(Sku::h100_sxm(), gpus)], 1);
    let mut work = Workload::half_and_half(gpus, load, 1);
    let steps = 86_400;
    let (mut in_work, mut in_fleet) = (0, 0);
    for k in 0..steps {
        let begin = Instant::now();
        work.step(1.0, f64::from(k), &mut fleet);
        let middle = Instant::now();
        fleet.step(1.0);
        in_work += (middle - begin).as_nanos();
        in_fleet += middle.elapsed().as_nanos();
    }
    let per_step = |ns: u128| ns as f64 / f64::from(steps) / 1e3;
    let arrived: u64 = work.jobs.iter().map(|job| job.stats.serving.arrived).sum();
    let energy_kwh = fleet.energy_mj.iter().sum::<f64>() / 3.6e9;
    println!(
        "a day of {gpus} GPUs, serving load {load}: work {:.1} us, GPUs {:.1} us per step; {:.0} requests/h, {:.0} W per GPU, {:.2e} tokens learnt, {:.2e} served",
        per_step(in_work),
        per_step(in_fleet),
        arrived as f64 / 24.0,
        energy_kwh * 1000.0 / 24.0 / gpus as f64,
        work.tokens(JobKind::Training),
        work.tokens(JobKind::Serving),
    );
    for job in &work.jobs {
        let s = job.stats;
        println!(
            "  {:>8}: GPUs {:?}, {:.3e} tokens, refused {}, first token {:.2} s, busy {:.2}",
            job.name,
            job.gpus,
            s.tokens,
            s.serving.refused,
            s.first_token_mean_s().unwrap_or(0.0),
            s.serving.busy_s / (f64::from(steps) * job.gpus.len() as f64 / 8.0),
        );
    }
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
    measure_sensors(512);
    for load in [0.15, 0.5] {
        measure_work(512, load);
    }
}
