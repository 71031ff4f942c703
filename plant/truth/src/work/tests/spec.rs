//! Jobs that come and go, as described.

use super::*;

fn job(name: &str, gpus: usize) -> JobTemplate {
    JobTemplate { name: name.into(), gpus, ..JobTemplate::default() }
}

fn idle_fleet(gpus: usize) -> Fleet {
    let mut fleet = Fleet::with_spread(&[(Sku::h100_sxm(), gpus)], 1, Spread::NONE);
    // As a world leaves it after its first settling.
    fleet.activity.fill(0.4);
    fleet.settle();
    fleet
}

#[test]
fn jobs_come_wait_and_go_and_keep_their_statistics() {
    let jobs = vec![
        JobTemplate { duration_s: 300.0, ..job("first", 64) },
        JobTemplate { arrival_s: 100.0, duration_s: 100.0, ..job("later", 64) },
        JobTemplate { arrival_s: 101.0, duration_s: 100.0, priority: 1, ..job("urgent", 96) },
        JobTemplate { arrival_s: 102.0, ..job("small", 32) },
    ];
    let spec = WorkSpec { origin_s: 1000.0, jobs, ..WorkSpec::default() };
    let mut work = Workload::from_spec(&spec, 128, 1).unwrap();
    let mut fleet = idle_fleet(128);
    let names = |work: &Workload| work.running().map(|job| job.name.clone()).collect::<Vec<_>>();
    run(&mut work, &mut fleet, 900.0, 150.0, 1.0);
    assert_eq!(names(&work), ["first"], "it is there before the origin");
    assert!(fleet.activity[64..].iter().all(|a| a.abs() < 1e-9) && !fleet.context[100] && fleet.context[0]);
    assert!(fleet.power_w[100] < 85.0, "{} W without a context", fleet.power_w[100]);
    run(&mut work, &mut fleet, 1050.0, 60.0, 1.0);
    assert_eq!(names(&work), ["first", "later"], "which came before the urgent one");
    run(&mut work, &mut fleet, 1110.0, 110.0, 1.0);
    assert_eq!(names(&work), ["urgent", "small"], "the urgent one goes first, the small one fits beside it");
    assert_eq!(work.job_of_gpu(0), Some(2));
    run(&mut work, &mut fleet, 1220.0, 200.0, 1.0);
    assert_eq!(names(&work), ["small"]);
    let first = &work.jobs[0];
    assert!(first.stats.tokens > 1e6 && first.ended_s == Some(1200.0) && first.gpus.is_empty());
    assert!(first.stats.tokens_per_s.abs() < 1e-9);
    let stats = work.schedule.as_ref().unwrap().stats;
    assert_eq!((stats.arrived, stats.started, stats.ended), (4, 4, 3));
    assert!(work.node_traffic[0].abs() < 1e-9 && fleet.power_w[0] < 85.0);
    assert_eq!(work.schedule.as_ref().unwrap().free_gpus(), 96);
}

#[test]
fn a_job_ends_when_its_tokens_are_learnt_and_a_cap_delays_it() {
    let until = |cap: f32| {
        let spec = WorkSpec { jobs: vec![JobTemplate { tokens: 1e7, ..job("t", 8) }], ..WorkSpec::default() };
        let mut work = Workload::from_spec(&spec, 8, 1).unwrap();
        let mut fleet = fleet(8);
        fleet.cap_w.fill(cap);
        run(&mut work, &mut fleet, 0.0, 4000.0, 1.0);
        assert!((work.jobs[0].stats.tokens / 1e7 - 1.0).abs() < 0.01);
        work.jobs[0].ended_s.unwrap()
    };
    let (free, capped) = (until(700.0), until(300.0));
    assert!(free > 1300.0 && capped > 1.2 * free, "{free} {capped}");
}

fn day(seed: u64, placement: Placement, dt_s: f64) -> (Workload, f64) {
    let stream = |name: &str, gpus, per_h| JobTemplate {
        arrivals_per_h: per_h,
        duration_s: 1800.0,
        duration_spread: 0.8,
        ..job(name, gpus)
    };
    let jobs = vec![
        JobTemplate { kind: TaskKind::Serving, load: 0.5, priority: 9, ..job("chat", 64) },
        stream("large", 128, 1.0),
        stream("middle", 32, 6.0),
        stream("tiny", 2, 20.0),
        JobTemplate {
            kind: TaskKind::Serving,
            params_b: 8.0,
            gpus_per_replica: 2,
            ..stream("batch", 16, 2.0)
        },
    ];
    let spec = WorkSpec { placement, jobs, ..WorkSpec::default() };
    let mut work = Workload::from_spec(&spec, 512, seed).unwrap();
    let mut fleet = idle_fleet(512);
    run(&mut work, &mut fleet, 0.0, 43_200.0, dt_s);
    (work, fleet.energy_mj.iter().sum())
}

#[test]
fn a_day_of_streams_repeats_bit_for_bit_under_every_policy() {
    for placement in [Placement::Packed, Placement::Spread, Placement::Rack, Placement::Cdu] {
        let (a, energy) = day(5, placement, 10.0);
        let (b, again) = day(5, placement, 10.0);
        assert_eq!(energy.to_bits(), again.to_bits());
        assert_eq!(a.tokens(JobKind::Training).to_bits(), b.tokens(JobKind::Training).to_bits());
        let stats = a.schedule.as_ref().unwrap().stats;
        assert!(stats.ended > 150 && a.jobs.len() as u64 == stats.started, "{stats:?}");
        // No GPU has two jobs, and all are accounted for.
        let mut held = vec![0; 512];
        for block in a.running().flat_map(|job| &job.blocks) {
            held[block.clone()].iter_mut().for_each(|count| *count += 1);
        }
        assert!(held.iter().all(|count| *count <= 1), "{placement:?}");
        let free = held.iter().filter(|count| **count == 0).count();
        assert_eq!(free, a.schedule.as_ref().unwrap().free_gpus());
        assert_ne!(day(6, placement, 10.0).1.to_bits(), energy.to_bits());
    }
}

#[test]
fn mistakes_are_all_named() {
    let jobs = vec![
        JobTemplate { gpus: 12, ..job("odd", 12) },
        JobTemplate { arrivals_per_h: 2.0, ..job("endless", 8) },
        JobTemplate { kind: TaskKind::Serving, gpus_per_replica: 3, ..job("three", 8) },
        JobTemplate { kind: TaskKind::Burn, duty: 1.5, period_s: 0.0, ..job("burn", 8) },
        job("burn", 640),
        JobTemplate { duration_s: f64::NAN, ..job("", 8) },
    ];
    let wrong = Workload::from_spec(&WorkSpec { jobs, ..WorkSpec::default() }, 512, 1).unwrap_err();
    for part in [
        "job 'odd': gpus must be fewer than 8 or a multiple of 8",
        "job 'endless': jobs of a stream must end",
        "job 'three': gpus_per_replica",
        "job 'burn': duty",
        "job 'burn': period_s",
        "between 1 and 512",
        "two jobs are named 'burn'",
        "a job needs a name",
        "duration_s must not be negative",
    ] {
        assert!(wrong.iter().any(|line| line.contains(part)), "{part}: {wrong:#?}");
    }
    assert!(Workload::from_spec(&WorkSpec::default(), 64, 1).is_ok());
    assert_eq!(Placement::find("cdu"), Some(Placement::Cdu));
    assert_eq!((TaskKind::find("burn"), Rhythm::find("x")), (Some(TaskKind::Burn), None));
}

/// Scattered replicas of sixteen GPUs are made of whole nodes.
#[test]
fn large_replicas_are_scattered_by_node() {
    let jobs = vec![
        JobTemplate { duration_s: 50.0, ..job("gap", 8) },
        job("wall", 8),
        JobTemplate {
            kind: TaskKind::Serving,
            gpus_per_replica: 16,
            load: 20.0,
            arrival_s: 60.0,
            ..job("s", 32)
        },
    ];
    let mut work = Workload::from_spec(&WorkSpec { jobs, ..WorkSpec::default() }, 40, 1).unwrap();
    let mut fleet = idle_fleet(40);
    run(&mut work, &mut fleet, 0.0, 300.0, 1.0);
    let served = &work.jobs[2];
    assert_eq!(served.blocks, [0..8, 16..40]);
    assert_eq!((served.gpu_count(), served.gpus.clone()), (32, 0..40));
    assert!(served.stats.tokens > 0.0 && fleet.activity[0] > 0.0 && fleet.activity[39] > 0.0);
    // One lost GPU takes down its replica and no other.
    fleet.present[17] = false;
    run(&mut work, &mut fleet, 300.0, 60.0, 1.0);
    assert!(fleet.activity[..8].iter().all(|a| a.abs() < 1e-9), "nodes 0 and 2 are one replica");
    assert!(fleet.activity[24] > 0.0);
}
