//! Prints what one step of the work costs on this machine, without the GPUs:
//! `cargo run --release -p headroom-truth --example work_speed`.

use std::sync::OnceLock;
use std::time::Instant;

use headroom_truth::gpu::{Fleet, Sku};
use headroom_truth::network::{Network, NetworkSpec};
use headroom_truth::work::{JobTemplate, TaskKind, WorkSpec, Workload};

/// Processor time of this thread where the system tells it, so that a busy machine does not count; else wall time \[ns\].
fn processor_ns() -> u64 {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let field = told.and_then(|text| text.split_whitespace().next().and_then(|ns| ns.parse().ok()));
    field.unwrap_or_else(|| BEGIN.get_or_init(Instant::now).elapsed().as_nanos() as u64)
}

fn fleet(gpus: usize) -> Fleet {
    let mut fleet = Fleet::new(&[(Sku::h100_sxm(), gpus)], 1);
    fleet.context.fill(true);
    fleet.settle();
    fleet
}

/// Many jobs: half of the GPUs train in jobs of 512, half serve in pools of 1000 or so.
fn many_jobs(gpus: usize, load: f64) -> Workload {
    let template =
        |name: String, kind, gpus| JobTemplate { name, kind, gpus, load, ..JobTemplate::default() };
    let mut jobs = Vec::new();
    let half = gpus / 2;
    for k in 0..half / 512 {
        jobs.push(template(format!("train-{k}"), TaskKind::Training, 512));
    }
    for k in 0..half / 1000 {
        jobs.push(template(format!("serve-{k}"), TaskKind::Serving, 1000));
    }
    let spec = WorkSpec { jobs, ..WorkSpec::default() };
    match Workload::from_spec(&spec, gpus, 1) {
        Ok(work) => work,
        Err(wrong) => {
            println!("{wrong:?}");
            Workload::new(Vec::new(), gpus, 1)
        }
    }
}

fn measure(label: &str, mut work: Workload, gpus: usize, dt_s: f64, steps: u32) {
    let mut fleet = fleet(gpus);
    for k in 0..60 {
        work.step(dt_s, f64::from(k) * dt_s, &mut fleet);
        fleet.step(dt_s.min(5.0));
    }
    let begin = processor_ns();
    for k in 60..60 + steps {
        work.step(dt_s, f64::from(k) * dt_s, &mut fleet);
    }
    let ns = (processor_ns() - begin) as f64 / f64::from(steps);
    let arrived: u64 = work.jobs.iter().map(|job| job.stats.serving.arrived).sum();
    println!(
        "{label}: {gpus} GPUs, dt {dt_s} s: {:.1} us per step, {:.1} ns per GPU-step, {} jobs, {:.2} requests/s",
        ns / 1e3,
        ns / gpus as f64,
        work.jobs.len(),
        arrived as f64 / (f64::from(60 + steps) * dt_s),
    );
    let year_s = ns * 1e-9 * 365.0 * 86_400.0 / dt_s;
    println!("    a year of it: {year_s:.0} s");
}

fn measure_network(gpus: usize) {
    let nodes = gpus / 8;
    let mut network = Network::new(NetworkSpec::NDR400, nodes);
    let traffic: Vec<f32> = (0..nodes).map(|k| (k % 100) as f32 / 100.0).collect();
    let begin = processor_ns();
    let steps = 100_000_000 / gpus;
    for k in 0..steps {
        network.update(&traffic, 24.0 + (k % 3) as f64, 1.0);
    }
    let ns = (processor_ns() - begin) as f64 / (steps * gpus) as f64;
    println!("network: {gpus} GPUs: {ns:.2} ns per GPU-step");
}

fn main() {
    for load in [0.5, 5.0] {
        println!("serving load {load}");
        for dt_s in [0.1, 1.0, 10.0] {
            measure("many jobs", many_jobs(100_000, load), 100_000, dt_s, 200);
        }
        // A week in long steps, so that days and nights are in their due share.
        for (dt_s, steps) in [(1.0, 40_000), (10.0, 60_480)] {
            measure("usual mix", Workload::half_and_half(1000, load, 1), 1000, dt_s, steps);
        }
    }
    for gpus in [512, 100_000] {
        measure_network(gpus);
    }
}
