//! Stragglers, failures, links, and steps of load.

use super::*;

fn rate(work: &mut Workload, fleet: &mut Fleet, from_s: f64, seconds: f64) -> f64 {
    let before = work.jobs[0].stats.tokens;
    run(work, fleet, from_s, seconds, 1.0);
    (work.jobs[0].stats.tokens - before) / seconds
}

#[test]
fn a_straggler_slows_the_whole_job_and_cools_the_others() {
    let (mut work, mut fleet) = (training(64), fleet(64));
    run(&mut work, &mut fleet, 0.0, 200.0, 1.0);
    let healthy = rate(&mut work, &mut fleet, 200.0, 2460.0);
    let power = |fleet: &Fleet| fleet.energy_mj[0] - fleet.energy_mj[9];
    assert!(power(&fleet).abs() < 1.0);
    work.set_gpu_speed(9, 0.7);
    let slow = rate(&mut work, &mut fleet, 2660.0, 2460.0);
    assert!((0.70..0.80).contains(&(slow / healthy)), "{}", slow / healthy);
    assert!(power(&fleet) < -1e7, "the slow one never waits: {} mJ", power(&fleet));
    assert!(work.jobs[0].stats.clock_spread_mhz < 60.0, "its clock shows nothing");
    work.set_gpu_speed(9, 1.0);
    let well = rate(&mut work, &mut fleet, 5120.0, 2460.0);
    assert!((well / healthy - 1.0).abs() < 0.02);
}

#[test]
fn a_failure_costs_the_work_since_the_checkpoint() {
    let (mut work, mut fleet) = (training(16), fleet(16));
    run(&mut work, &mut fleet, 0.0, 2500.0, 1.0);
    let before = work.jobs[0].stats;
    assert!((before.goodput_tokens - before.tokens).abs() < 1e-6);
    assert!(work.jobs[0].training().unwrap().checkpoints >= 2);
    assert!(work.fail_training(0) && !work.fail_training(7));
    let training = work.jobs[0].training().unwrap();
    let lost = training.lost_tokens;
    assert!(training.phase == Phase::Restart && training.restarts == 1);
    assert!(lost > 0.0 && lost < 1250.0 * 16.0 * 900.0, "{lost}");
    run(&mut work, &mut fleet, 2500.0, 80.0, 1.0);
    let after = work.jobs[0].stats;
    assert!((after.tokens - before.tokens).abs() < 1e-6, "reloading learns nothing");
    assert!((after.goodput_tokens - (before.tokens - lost)).abs() < 1e-3);
    let watts = fleet.power_w[0];
    assert!((110.0..165.0).contains(&watts), "{watts} W while reloading");
}

/// A rate that stops 64 GPUs every 47 minutes, as the field's one in 50,000 GPU hours stops 64,000.
#[test]
fn random_failures_come_at_their_rate_and_not_with_the_step() {
    let stops = |dt_s: f64| {
        let spec = TrainingSpec { failure_gpu_h: 50.0, ..TrainingSpec::default() };
        let job = JobSpec { name: "t".into(), gpus: 0..64, task: Task::Training(spec) };
        let mut work = Workload::new(vec![job], 64, 3);
        let mut fleet = fleet(64);
        // Clocks do not matter for this.
        for k in 0..(180_000.0 / dt_s) as usize {
            work.step(dt_s, k as f64 * dt_s, &mut fleet);
        }
        (
            work.jobs[0].training().unwrap().restarts,
            work.jobs[0].stats.goodput_tokens / work.jobs[0].stats.tokens,
        )
    };
    let (count, good) = stops(10.0);
    assert!((45..85).contains(&count), "{count} stops where 64 are to be expected");
    assert!((0.5..0.9).contains(&good), "{good} of the tokens are good");
    let (fine, _) = stops(1.0);
    assert_eq!(count, fine);
}

#[test]
fn links_slow_training_and_delay_serving() {
    let first_token = |link: f32| {
        let (mut work, mut fleet) = (serving(64, 0.3, 5), fleet(64));
        work.set_links(&[link; 8]);
        run(&mut work, &mut fleet, 0.0, 1800.0, 1.0);
        (work.jobs[0].stats.first_token_mean_s().unwrap(), work.jobs[0].stats.serving)
    };
    let (healthy, _) = first_token(1.0);
    let (slow, _) = first_token(0.005);
    assert!(slow > healthy + 0.05, "{healthy} {slow}");
    // A node without links gets no requests.
    let (mut work, mut fleet) = (serving(64, 0.5, 5), fleet(64));
    work.link_factor[2] = 0.0;
    run(&mut work, &mut fleet, 0.0, 600.0, 1.0);
    assert!(fleet.activity[16..24].iter().all(|a| a.abs() < 1e-9));
    assert_eq!(work.jobs[0].stats.serving.refused, 0);
    // And a job of a single node does not need any.
    let tokens = |link: f32| {
        let (mut work, mut fleet) = (training(8), super::fleet(8));
        work.link_factor[0] = link;
        run(&mut work, &mut fleet, 0.0, 500.0, 1.0);
        work.jobs[0].stats.tokens
    };
    assert!((tokens(0.1) - tokens(1.0)).abs() < 1e-6);
}

/// Steps of 20 to 100 % of the load, all GPUs together, at a tenth of a hertz to one hertz.
#[test]
fn a_burn_is_a_square_wave_of_all_gpus() {
    for (period_s, dt_s) in [(10.0, 0.1), (1.0, 0.02)] {
        let spec = BurnSpec { period_s, duty: 0.5, ..BurnSpec::default() };
        let job = JobSpec { name: "burn".into(), gpus: 0..64, task: Task::Burn(spec) };
        let mut work = Workload::new(vec![job], 64, 1);
        let mut fleet = fleet(64);
        run(&mut work, &mut fleet, 0.0, 4.0 * period_s, dt_s);
        let (mut low, mut high, mut edges, mut last) = (f32::INFINITY, 0.0f32, 0, 0.0);
        for k in 0..(10.0 * period_s / dt_s).round() as usize {
            run(&mut work, &mut fleet, 4.0 * period_s + k as f64 * dt_s, dt_s, dt_s);
            let watts = fleet.power_w.iter().sum::<f32>() / 64.0;
            edges += usize::from((watts > 350.0) != (last > 350.0));
            (low, high, last) = (low.min(watts), high.max(watts), watts);
        }
        assert!((19..=21).contains(&edges), "{edges} edges of {period_s} s");
        assert!((115.0..160.0).contains(&low) && (530.0..600.0).contains(&high), "{low} to {high} W");
    }
    let mut work = Workload::new(
        vec![JobSpec { name: "b".into(), gpus: 0..8, task: Task::Burn(BurnSpec::default()) }],
        8,
        1,
    );
    assert!(work.set_training_active(0, false));
    let mut fleet = fleet(8);
    run(&mut work, &mut fleet, 0.0, 5.0, 1.0);
    assert!(fleet.activity[0].abs() < 1e-9);
}
