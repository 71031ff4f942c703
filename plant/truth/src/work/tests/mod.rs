//! What the work must do: pace, tokens, load, and repeatability.

mod faults;
mod serve;
mod shapes;
mod spec;

use super::*;
use crate::gpu::{Sku, Spread};

fn fleet(gpus: usize) -> Fleet {
    let mut fleet = Fleet::with_spread(&[(Sku::h100_sxm(), gpus)], 1, Spread::NONE);
    fleet.context.fill(true);
    fleet.settle();
    fleet
}

fn run(work: &mut Workload, fleet: &mut Fleet, from_s: f64, seconds: f64, dt_s: f64) {
    for k in 0..(seconds / dt_s).round() as usize {
        work.step(dt_s, from_s + k as f64 * dt_s, fleet);
        fleet.step(dt_s);
    }
}

fn training(gpus: usize) -> Workload {
    let task = Task::Training(TrainingSpec::default());
    Workload::new(vec![JobSpec { name: "train".into(), gpus: 0..gpus, task }], gpus, 3)
}

fn serving(gpus: usize, load: f64, seed: u64) -> Workload {
    let spec = ServingSpec::default();
    // A flat day, so that a short run sees the mean.
    let data = DiurnalSpec { day_swing: 0.0, weekend: 1.0, ..DiurnalSpec::default() };
    let source = RequestSource::diurnal(data, seed).scaled_to(load, gpus / 8, &spec);
    let task = Task::Serving(spec, source);
    Workload::new(vec![JobSpec { name: "serve".into(), gpus: 0..gpus, task }], gpus, 3)
}

#[test]
fn the_slowest_gpu_sets_the_pace_and_the_others_wait() {
    let rate = |lock: f32| {
        let (mut work, mut fleet) = (training(16), fleet(16));
        fleet.lock_max_mhz[5] = lock;
        run(&mut work, &mut fleet, 0.0, 1000.0, 1.0);
        let before = work.jobs[0].stats.tokens;
        let (mut own, mut slow) = (0.0, 0.0);
        for k in 0..3690 {
            run(&mut work, &mut fleet, 1000.0 + f64::from(k), 1.0, 1.0);
            own += f64::from(fleet.activity[0]);
            slow += f64::from(fleet.activity[5]);
        }
        (work.jobs[0].stats.tokens - before, own / slow, work.jobs[0].stats)
    };
    let (full, even, alike) = rate(1980.0);
    let (slow, waiting, spread) = rate(990.0);
    assert!(
        (even - 1.0).abs() < 1e-6 && (0.50..0.62).contains(&waiting),
        "busy {waiting} of the slow one's time"
    );
    let spec = TrainingSpec::default();
    let pace = 0.5 / (0.9 + 0.1 * 0.5);
    let want = (spec.compute_s + spec.communicate_s) / (spec.compute_s / pace + spec.communicate_s);
    assert!((slow / full - want).abs() < 0.02, "{} against {want}", slow / full);
    assert!(alike.clock_spread_mhz < 1.0 && (spread.clock_spread_mhz - 990.0).abs() < 1.0);
    assert!(spread.clock_cv > 0.1 && alike.clock_cv < 1e-3);
    // Locking all to 990 costs no more tokens than locking one.
    let (mut work, mut all) = (training(16), fleet(16));
    all.lock_max_mhz.fill(990.0);
    run(&mut work, &mut all, 0.0, 4690.0, 1.0);
    assert!(work.jobs[0].stats.tokens > 0.97 * slow);
}

#[test]
fn training_swings_and_checkpoints() {
    let (mut work, mut fleet) = (training(8), fleet(8));
    let (mut quiet, mut high, mut low) = (0, 0.0f32, 1e9f32);
    let mut traffic = 0.0f32;
    for k in 0..7200 {
        work.step(0.5, f64::from(k) * 0.5, &mut fleet);
        fleet.step(0.5);
        high = high.max(fleet.power_w[0]);
        low = low.min(fleet.power_w[0]);
        traffic = traffic.max(work.node_traffic[0]);
        quiet += usize::from(work.jobs[0].training().unwrap().phase == Phase::Checkpoint);
    }
    assert!((170..=190).contains(&quiet), "three checkpoints of 30 s: {quiet} half seconds");
    assert!((520.0..600.0).contains(&high) && (110.0..165.0).contains(&low), "{low} to {high} W");
    assert!(traffic > 0.8);
}

#[test]
fn a_lost_gpu_stalls_the_job_and_costs_the_work_since_the_checkpoint() {
    let (mut work, mut fleet) = (training(16), fleet(16));
    run(&mut work, &mut fleet, 0.0, 300.0, 1.0);
    fleet.present[7] = false;
    run(&mut work, &mut fleet, 300.0, 60.0, 1.0);
    let stalled = work.jobs[0].stats.tokens;
    run(&mut work, &mut fleet, 360.0, 60.0, 1.0);
    assert!((work.jobs[0].stats.tokens - stalled).abs() < 1e-9);
    fleet.present[7] = true;
    run(&mut work, &mut fleet, 420.0, 60.0, 1.0);
    assert!((work.jobs[0].stats.tokens - stalled).abs() < 1e-9, "still reloading");
    assert!(work.jobs[0].training().unwrap().lost_tokens > 0.0);
    run(&mut work, &mut fleet, 480.0, 120.0, 1.0);
    assert!(work.jobs[0].stats.tokens > stalled);
}

#[test]
fn pausing_all_training_is_a_step_of_watts() {
    let (mut work, mut fleet) = (training(64), fleet(64));
    run(&mut work, &mut fleet, 0.0, 200.0, 1.0);
    assert!(work.set_training_active(0, false) && !work.set_training_active(9, true));
    run(&mut work, &mut fleet, 200.0, 60.0, 1.0);
    let low: f32 = fleet.power_w.iter().sum();
    work.set_training_active(0, true);
    let mut high = 0.0f32;
    for k in 0..4 {
        run(&mut work, &mut fleet, 260.0 + f64::from(k), 1.0, 1.0);
        high = high.max(fleet.power_w.iter().sum());
    }
    assert!(high > 3.5 * low, "{low} -> {high} W");
}

#[test]
fn slow_links_lengthen_communication() {
    let rate = |link: f32| {
        let (mut work, mut fleet) = (training(16), fleet(16));
        work.link_factor[1] = link;
        run(&mut work, &mut fleet, 0.0, 1000.0, 1.0);
        work.jobs[0].stats.tokens
    };
    assert!(rate(0.25) < 0.75 * rate(1.0));
}

#[test]
fn serving_tokens_follow_arrivals_and_not_the_clock() {
    let at = |lock: f32, cap: f32| {
        let (mut work, mut fleet) = (serving(64, 0.6, 9), fleet(64));
        fleet.lock_max_mhz.fill(lock);
        fleet.cap_w.fill(cap);
        run(&mut work, &mut fleet, 0.0, 7200.0, 1.0);
        let power = fleet.energy_mj.iter().sum::<f64>() / 1e3 / 7200.0 / 64.0;
        (work.jobs[0].stats, power)
    };
    let (free, free_w) = at(f32::INFINITY, 700.0);
    let (locked, locked_w) = at(1200.0, 700.0);
    let busy = free.serving.busy_s / (7200.0 * 8.0);
    assert!((busy - 0.6).abs() < 0.08, "busy {busy} of the time");
    assert_eq!(free.serving.arrived, locked.serving.arrived);
    assert_eq!(free.serving.refused, 0);
    assert!(free.serving.completed as f64 > 0.98 * free.serving.arrived as f64);
    assert!((locked.tokens / free.tokens - 1.0).abs() < 0.01, "{} {}", locked.tokens, free.tokens);
    assert!(locked_w < 0.85 * free_w, "{locked_w} against {free_w} W");
    assert!((180.0..450.0).contains(&free_w), "{free_w} W");
    let (a, b) = (free.first_token_mean_s().unwrap(), locked.first_token_mean_s().unwrap());
    assert!(a > 0.15 && b > 1.3 * a && b < 10.0, "{a} {b} s");
}

/// Every token that is counted belongs to a request, and none is lost.
#[test]
fn generated_tokens_add_up() {
    let requests: Vec<Request> = (0..200)
        .map(|k| Request {
            arrival_s: f64::from(k) * 0.5,
            input_tokens: 500 + k % 7 * 100,
            output_tokens: 20 + k % 50,
        })
        .collect();
    let (input, output) = requests.iter().fold((0, 0), |(i, o), r| (i + r.input_tokens, o + r.output_tokens));
    for dt in [0.1, 1.0, 5.0] {
        let source = RequestSource::trace(requests.clone()).unwrap();
        let task = Task::Serving(ServingSpec::default(), source);
        let mut work = Workload::new(vec![JobSpec { name: "s".into(), gpus: 0..16, task }], 16, 1);
        let mut fleet = fleet(16);
        run(&mut work, &mut fleet, 0.0, 100.0, dt);
        work.set_serving_boost(0.0);
        run(&mut work, &mut fleet, 100.0, 100.0, dt);
        let s = work.jobs[0].stats;
        assert_eq!(
            (s.serving.arrived, s.serving.completed, s.running, s.waiting),
            (200, 200, 0, 0),
            "dt {dt}"
        );
        assert!((s.serving.prompt_tokens - f64::from(input)).abs() < 1.0);
        assert!((s.tokens - f64::from(output)).abs() < 1.0, "{} of {output} at dt {dt}", s.tokens);
    }
}

#[test]
fn a_saturated_pool_is_limited_by_its_clock_and_refuses_the_rest() {
    let at = |lock: f32| {
        let (mut work, mut fleet) = (serving(16, 40.0, 9), fleet(16));
        fleet.lock_max_mhz.fill(lock);
        run(&mut work, &mut fleet, 0.0, 3600.0, 1.0);
        work.jobs[0].stats
    };
    let (fast, slow) = (at(f32::INFINITY), at(990.0));
    assert!(fast.serving.refused > 0 && fast.waiting > 100);
    assert!(slow.tokens < 0.85 * fast.tokens, "{} {}", slow.tokens, fast.tokens);
}

#[test]
fn a_replica_that_loses_a_gpu_hands_its_requests_on() {
    let (mut work, mut fleet) = (serving(32, 2.0, 2), fleet(32));
    run(&mut work, &mut fleet, 0.0, 300.0, 1.0);
    fleet.present[3] = false;
    run(&mut work, &mut fleet, 300.0, 300.0, 1.0);
    let s = work.jobs[0].stats.serving;
    let open = work.jobs[0].stats.running + work.jobs[0].stats.waiting;
    assert_eq!(s.arrived, s.completed + s.refused + open as u64);
    assert!(fleet.activity[0].abs() < 1e-9 && fleet.activity[8..].iter().any(|a| *a > 0.0));
}

#[test]
fn both_sources_meet_the_target_load() {
    let spec = ServingSpec::default();
    let trace: Vec<Request> = (0..500)
        .map(|k| Request {
            arrival_s: f64::from(k * k % 977),
            input_tokens: 2000,
            output_tokens: 30 + k % 10,
        })
        .collect();
    let mut trace = trace;
    trace.sort_by(|a, b| a.arrival_s.total_cmp(&b.arrival_s));
    let sources = [RequestSource::diurnal(DiurnalSpec::default(), 4), RequestSource::trace(trace).unwrap()];
    for source in sources {
        let mut source = source.scaled_to(0.55, 12, &spec);
        let (mut cost, mut count, mut last) = (0.0, 0, 0.0);
        let week = 604_800.0;
        let mut out = Vec::new();
        for k in 0..60_480 {
            source.advance(10.0, f64::from(k) * 10.0, 1.0, &mut out);
            for request in out.drain(..) {
                cost += spec.cost_s(&request);
                count += 1;
                assert!(
                    request.arrival_s >= last - 1e-6 && request.arrival_s < f64::from(k + 1) * 10.0 + 1e-6
                );
                last = request.arrival_s;
            }
        }
        assert!((cost / week / 12.0 - 0.55).abs() < 0.03, "{}", cost / week / 12.0);
        assert!((f64::from(count) / 168.0 / source.mean_per_h() - 1.0).abs() < 0.03);
    }
}

#[test]
fn boost_multiplies_arrivals() {
    let count = |boost: f64| {
        let mut work = serving(512, 3.0, 5);
        let mut fleet = fleet(512);
        work.set_serving_boost(boost);
        run(&mut work, &mut fleet, 0.0, 300.0, 1.0);
        work.jobs[0].stats.serving.arrived as f64
    };
    assert!((count(3.0) / count(1.0) - 3.0).abs() < 0.3);
}

#[test]
fn the_usual_mix_repeats_bit_for_bit() {
    let go = |seed| {
        let mut fleet = Fleet::new(&[(Sku::h100_sxm(), 64)], seed);
        let mut work = Workload::half_and_half(64, 0.5, seed);
        run(&mut work, &mut fleet, 36_000.0, 600.0, 1.0);
        (fleet.energy_mj.clone(), work.tokens(JobKind::Training), work.tokens(JobKind::Serving))
    };
    assert_eq!(go(1), go(1));
    assert_ne!(go(1), go(2));
    let (_, learnt, served) = go(1);
    assert!(learnt > 0.0 && served > 0.0);
}

#[test]
fn a_public_trace_reads_and_loads() {
    let shared = std::env::var_os("HEADROOM_SHARED").map_or_else(
        || std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        std::path::PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(shared.join("data/traces/azure_llm_2023_code.csv")) else {
        println!("skipped: no trace file");
        return;
    };
    let requests = parse_requests(&text).unwrap();
    assert!(requests.len() > 8000, "{}", requests.len());
    let span = requests.last().unwrap().arrival_s;
    assert!((3000.0..4000.0).contains(&span), "{span}");
    let spec = ServingSpec::default();
    let source = RequestSource::trace(requests).unwrap().scaled_to(0.5, 8, &spec);
    let task = Task::Serving(spec, source);
    let mut work = Workload::new(vec![JobSpec { name: "s".into(), gpus: 0..64, task }], 64, 1);
    let mut fleet = fleet(64);
    run(&mut work, &mut fleet, 0.0, 1800.0, 1.0);
    let s = work.jobs[0].stats.serving;
    assert!(s.completed as f64 > 0.95 * s.arrived as f64 && s.refused == 0, "{s:?}");
}

/// Shape of the published sweeps (Zeus, NSDI 2023: V100 0.8 -> 0.96, 0.5 -> 0.85; A40 0.5 -> 0.75, 0.33 -> 0.35).
#[test]
fn training_against_its_cap_is_flat_and_then_collapses() {
    let rate = |cap_w: f32| {
        let (mut work, mut fleet) = (training(8), fleet(8));
        fleet.cap_w.fill(cap_w);
        run(&mut work, &mut fleet, 0.0, 1230.0, 1.0);
        work.jobs[0].stats.tokens
    };
    let full = rate(700.0);
    let relative = [0.9, 0.8, 0.6, 0.5, 0.3].map(|cap| rate(cap * 700.0) / full);
    assert!(relative[0] > 0.99 && relative[1] > 0.96, "{relative:?}");
    assert!((0.8..0.97).contains(&relative[2]) && (0.68..0.9).contains(&relative[3]), "{relative:?}");
    assert!(relative[3] - relative[4] > 2.0 * (relative[1] - relative[2]), "{relative:?}");
}

#[test]
fn step_length_changes_neither_tokens_nor_energy_much() {
    let go = |dt| {
        let mut fleet = fleet(64);
        let mut work = Workload::half_and_half(64, 0.6, 4);
        run(&mut work, &mut fleet, 50_000.0, 1800.0, dt);
        let energy_j: f64 = fleet.energy_mj.iter().sum::<f64>() / 1e3;
        [work.tokens(JobKind::Training), energy_j, work.jobs[2].stats.serving.busy_s]
    };
    let (fine, coarse) = (go(0.1), go(1.0));
    // Bursts of arrivals are drawn per step, so serving differs in its draws; training does not draw.
    for (k, tolerance) in [(0, 0.01), (1, 0.06), (2, 0.35)] {
        assert!((coarse[k] / fine[k] - 1.0).abs() < tolerance, "{fine:?} {coarse:?}");
    }
}

#[test]
fn a_rush_of_requests_is_a_step_of_watts() {
    let (mut work, mut fleet) = (serving(64, 0.15, 3), fleet(64));
    let mean = |fleet: &Fleet| fleet.power_w.iter().sum::<f32>() / 64.0;
    run(&mut work, &mut fleet, 0.0, 300.0, 1.0);
    let mut low = 0.0;
    for k in 0..30 {
        run(&mut work, &mut fleet, 300.0 + f64::from(k), 1.0, 1.0);
        low += mean(&fleet) / 30.0;
    }
    work.set_serving_boost(40.0);
    run(&mut work, &mut fleet, 330.0, 8.0, 1.0);
    let high = mean(&fleet);
    assert!(high > 2.2 * low && high > 330.0, "{low} -> {high} W");
}
