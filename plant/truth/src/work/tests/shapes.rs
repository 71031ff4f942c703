//! Speed and draw against caps and locked clocks, as published.

use super::*;

/// Requests that are all prompt or nearly all answer, far more than can be served.
fn flood(input_tokens: u32, output_tokens: u32) -> Workload {
    let spec = ServingSpec::default();
    let one = Request { arrival_s: 0.0, input_tokens, output_tokens };
    let requests = (0..1000).map(|k| Request { arrival_s: f64::from(k) * 0.01, ..one }).collect();
    let source = RequestSource::trace(requests).unwrap().scaled_to(60.0, 8, &spec);
    let task = Task::Serving(spec, source);
    Workload::new(vec![JobSpec { name: "s".into(), gpus: 0..64, task }], 64, 1)
}

/// Prompt tokens, tokens, and mean power of a GPU \[W\] over ten minutes of a flood, under a cap and a lock.
fn flooded(prompt: bool, cap: f32, lock: f32) -> (f64, f64) {
    let mut work = if prompt { flood(4000, 1) } else { flood(1, 2000) };
    let mut fleet = fleet(64);
    fleet.cap_w.fill(700.0 * cap);
    fleet.lock_max_mhz.fill(lock * 1980.0);
    run(&mut work, &mut fleet, 0.0, 120.0, 1.0);
    let read = |work: &Workload| {
        let s = work.jobs[0].stats.serving;
        if prompt { s.prompt_tokens } else { s.generation_tokens }
    };
    let (before, energy) = (read(&work), fleet.energy_mj.iter().sum::<f64>());
    run(&mut work, &mut fleet, 120.0, 600.0, 1.0);
    let power_w = (fleet.energy_mj.iter().sum::<f64>() - energy) / 1e3 / 600.0 / 64.0;
    (read(&work) - before, power_w)
}

/// Relative speeds at caps, as fractions of the limit.
fn against_cap(prompt: bool) -> [f64; 5] {
    let (full, _) = flooded(prompt, 1.0, 1.0);
    [0.86, 0.71, 0.57, 0.43, 0.29].map(|cap| flooded(prompt, cap, 1.0).0 / full)
}

#[test]
fn shape_print() {
    println!("prefill {:?}", against_cap(true));
    println!("decode {:?}", against_cap(false));
    for lock in [1.0, 0.8, 0.6, 0.4] {
        println!("{lock} {:?} {:?}", flooded(true, 1.0, lock), flooded(false, 1.0, lock));
    }
}
