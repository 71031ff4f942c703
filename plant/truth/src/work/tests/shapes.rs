//! Speed and draw against caps and locked clocks, as published.

use super::*;

/// Requests that are all prompt or nearly all answer, far more than can be served.
fn flood(spec: ServingSpec, input_tokens: u32, output_tokens: u32) -> Workload {
    let one = Request { arrival_s: 0.0, input_tokens, output_tokens };
    let requests = (0..1000).map(|k| Request { arrival_s: f64::from(k) * 0.01, ..one }).collect();
    let source = RequestSource::trace(requests).unwrap().scaled_to(60.0, 8, &spec);
    let task = Task::Serving(spec, source);
    Workload::new(vec![JobSpec { name: "s".into(), gpus: 0..64, task }], 64, 1)
}

/// Prompt tokens, tokens, and mean power of a GPU \[W\] over ten minutes of a flood, under a cap and a lock.
fn flooded(spec: ServingSpec, prompt: bool, cap: f32, lock: f32) -> (f64, f64) {
    let mut work = if prompt { flood(spec, 4000, 1) } else { flood(spec, 1, 2000) };
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
fn against_cap(spec: ServingSpec, prompt: bool) -> [f64; 5] {
    let (full, _) = flooded(spec, prompt, 1.0, 1.0);
    [0.86, 0.71, 0.57, 0.43, 0.29].map(|cap| flooded(spec, prompt, cap, 1.0).0 / full)
}

/// llama.cpp, a mixture of experts on six RTX 3090: relative speed at 0.86, 0.71, 0.57, 0.43 and 0.29 of the limit.
const PREFILL: [f64; 5] = [0.94, 0.85, 0.60, 0.26, 0.14];
const DECODE: [f64; 5] = [0.99, 0.97, 0.94, 0.86, 0.17];

#[test]
fn prefill_against_its_cap_has_the_published_knee_and_collapse() {
    let ours = against_cap(ServingSpec::default(), true);
    for (ours, published) in ours.iter().zip(PREFILL) {
        assert!((ours - published).abs() < 0.05, "{ours} against {published}");
    }
}

#[test]
fn decode_against_its_cap_is_flat_and_then_falls() {
    let ours = against_cap(ServingSpec::default(), false);
    for (ours, published) in ours.iter().zip(DECODE).take(4) {
        assert!((ours - published).abs() < 0.05, "{ours} against {published}");
    }
    // At 200 W an H100 can still feed its HBM and turn slowly; a 3090 at 100 W cannot.
    assert!((DECODE[4]..0.5).contains(&ours[4]), "{}", ours[4]);
}

/// Locked clocks: prefill follows the clock, decode hardly; both save power (H200 decode: -32 % energy at small loss;
/// arXiv 2501.08219: lowest clock costs small models 1 to 6 % of latency).
#[test]
fn locks_slow_prefill_and_spare_decode() {
    let spec = ServingSpec::default();
    let [fast, slow] = [1.0, 0.606].map(|lock| flooded(spec, true, 1.0, lock));
    assert!((0.60..0.70).contains(&(slow.0 / fast.0)), "{} of prefill", slow.0 / fast.0);
    let [fast, slow] = [1.0, 0.606].map(|lock| flooded(spec, false, 1.0, lock));
    let (speed, energy) = (slow.0 / fast.0, slow.1 / fast.1 / (slow.0 / fast.0));
    assert!((0.80..0.95).contains(&speed) && energy < 0.75, "{speed} of decode at {energy} of its energy");
    let token_s = |lock: f32| {
        let (mut work, mut fleet) = (serving(64, 0.05, 1), fleet(64));
        fleet.lock_max_mhz.fill(lock * 1980.0);
        run(&mut work, &mut fleet, 0.0, 3600.0, 1.0);
        work.jobs[0].latency().unwrap().token.mean_s().unwrap()
    };
    let alone = token_s(0.606) / token_s(1.0);
    assert!((1.01..1.07).contains(&alone), "{alone} of the latency of a single request");
}

/// Eight H100, as a serving log and a training log have them: prefill near its limit, decode 137 to 300 W for small
/// batches; idle 0.57 kW, checkpoint 1.2 kW, compute 4.3 to 4.75 kW.
#[test]
fn eight_gpus_draw_what_logs_show() {
    let mut fleet = fleet(8);
    let mut node_kw = |compute: f32, memory: f32, context: bool| {
        fleet.activity.fill(compute);
        fleet.memory.fill(memory);
        fleet.context.fill(context);
        for _ in 0..120 {
            fleet.step(1.0);
        }
        f64::from(fleet.power_w.iter().sum::<f32>()) / 1e3
    };
    let idle = node_kw(0.0, 0.0, false);
    assert!((0.50..0.68).contains(&idle), "idle {idle} kW");
    let t = TrainingSpec::default();
    let saving = node_kw(t.saving.compute, t.saving.memory, true);
    assert!((8.0 * 0.130..8.0 * 0.160).contains(&saving), "checkpoint {saving} kW");
    let computing = node_kw(t.computing.compute, t.computing.memory, true);
    assert!((4.3..4.75).contains(&computing), "compute {computing} kW");
    let s = ServingSpec::default();
    let few = 4.0 / 64.0;
    let decode =
        node_kw(s.decoding.compute + few * s.batch.compute, s.decoding.memory + few * s.batch.memory, true);
    assert!((8.0 * 0.137..8.0 * 0.300).contains(&decode), "decode {decode} kW");
}
