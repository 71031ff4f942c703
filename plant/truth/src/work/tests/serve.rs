//! Latencies, objectives, and long steps.

use super::*;

#[test]
fn latencies_have_quantiles_and_objectives_are_counted() {
    let (mut work, mut fleet) = (serving(64, 0.6, 9), fleet(64));
    run(&mut work, &mut fleet, 0.0, 7200.0, 1.0);
    let job = &work.jobs[0];
    let latency = job.latency().unwrap();
    let first = [0.5, 0.95, 0.99].map(|q| latency.first_token.quantile_s(q).unwrap());
    let token = [0.5, 0.99].map(|q| latency.token.quantile_s(q).unwrap());
    assert!(first[0] > 0.1 && first[0] < 0.5 && first[1] > first[0] && first[2] > first[1], "{first:?}");
    assert!(token[0] >= 0.024 && token[0] < 0.035 && token[1] < 0.175, "{token:?}");
    let s = job.stats.serving;
    assert_eq!(latency.first_token.count(), s.started);
    assert_eq!(latency.token.count(), s.completed);
    assert!(s.attainment().unwrap() > 0.98 && s.good <= s.completed && s.good <= s.first_in_time);
    assert!((job.stats.goodput_tokens / s.generation_tokens - 1.0).abs() < 0.05);
    // A flood misses them.
    let (mut work, mut fleet) = (serving(16, 30.0, 9), super::fleet(16));
    run(&mut work, &mut fleet, 0.0, 3600.0, 1.0);
    let flooded = work.jobs[0].stats;
    assert!(flooded.serving.attainment().unwrap() < 0.3, "{:?}", flooded.serving.attainment());
    assert!(flooded.goodput_tokens < 0.5 * flooded.tokens);
}

/// Nothing in a pool depends on how time is cut, as long as clocks do not move.
#[test]
fn replicas_are_exact_between_events() {
    let go = |dt_s: f64| {
        let mut fleet = fleet(64);
        fleet.clock_mhz.fill(1980.0);
        let mut work = serving(64, 3.0, 4);
        for k in 0..(600.0 / dt_s).round() as usize {
            work.step(dt_s, k as f64 * dt_s, &mut fleet);
        }
        work.jobs[0].stats
    };
    let (fine, coarse) = (go(0.05), go(2.0));
    assert_eq!(fine.serving.arrived, coarse.serving.arrived);
    assert_eq!(fine.serving.completed, coarse.serving.completed);
    assert!((fine.serving.first_token_s / coarse.serving.first_token_s - 1.0).abs() < 1e-6);
    assert!((fine.tokens / coarse.tokens - 1.0).abs() < 1e-6);
}

/// In long steps a pool plays some of its replicas and counts them for all.
#[test]
fn long_steps_play_a_part_for_the_whole() {
    let go = |dt_s: f64| {
        let (mut work, mut fleet) = (serving(512, 4.0, 6), fleet(512));
        run(&mut work, &mut fleet, 0.0, 7200.0, dt_s);
        let job = &work.jobs[0];
        let open = (job.stats.running + job.stats.waiting) as u64;
        let s = job.stats.serving;
        assert_eq!(s.arrived, s.completed + s.refused + open, "dt {dt_s}");
        let energy: f64 = fleet.energy_mj.iter().sum();
        let first = job.latency().unwrap().first_token.quantile_s(0.5).unwrap();
        [job.stats.tokens, s.prompt_tokens, s.arrived as f64, energy, s.busy_s, first]
    };
    let (full, part) = (go(1.0), go(10.0));
    for (k, tolerance) in [0.04, 0.04, 0.04, 0.02, 0.04, 0.10].into_iter().enumerate() {
        assert!((part[k] / full[k] - 1.0).abs() < tolerance, "{k}: {full:?} {part:?}");
    }
}

#[test]
fn a_part_keeps_its_books_when_replicas_come_and_go() {
    let (mut work, mut fleet) = (serving(512, 4.0, 6), fleet(512));
    let check = |work: &Workload| {
        let job = &work.jobs[0].stats;
        let open = (job.running + job.waiting) as u64;
        assert_eq!(job.serving.arrived, job.serving.completed + job.serving.refused + open);
    };
    run(&mut work, &mut fleet, 0.0, 600.0, 10.0);
    check(&work);
    fleet.present[3] = false;
    fleet.present[64] = false;
    run(&mut work, &mut fleet, 600.0, 600.0, 10.0);
    check(&work);
    assert!(fleet.activity[64].abs() < 1e-9);
    fleet.present.fill(true);
    run(&mut work, &mut fleet, 1200.0, 600.0, 10.0);
    check(&work);
    run(&mut work, &mut fleet, 1800.0, 60.0, 1.0);
    check(&work);
    fleet.present.fill(false);
    run(&mut work, &mut fleet, 1860.0, 60.0, 10.0);
    check(&work);
    assert!(work.jobs[0].stats.serving.refused > 0);
}
