use super::*;
use crate::tests::{Bench, report, sample};

/// Books a tick of a bench.
fn book(ledger: &mut Ledger, bench: &mut Bench, s: f64, tokens: f64, watts: f64) {
    bench.tick(s, &[("tokens", s, tokens), ("feed-power", s, watts)], vec![]);
    ledger.book(&bench.site, bench.snapshot());
}

#[test]
fn a_counter_that_was_reset_begins_anew() {
    let mut bench = Bench::new("");
    let mut ledger = Ledger::new(&bench.site);
    for (s, tokens, sum) in [(0.0, 100.0, 0.0), (1.0, 150.0, 50.0), (2.0, 20.0, 70.0), (3.0, 30.0, 80.0)] {
        book(&mut ledger, &mut bench, s, tokens, 0.0);
        assert!((ledger.totals().tokens - sum).abs() < 1e-9, "{s} s: {}", ledger.totals().tokens);
        assert!((ledger.job_tokens[0] - sum).abs() < 1e-9, "{s} s: {:?}", ledger.job_tokens);
    }
}

#[test]
fn energy_is_power_by_time_and_a_gap_counts_a_minute() {
    let mut bench = Bench::new("");
    let mut ledger = Ledger::new(&bench.site);
    book(&mut ledger, &mut bench, 0.0, 0.0, 2_000.0);
    book(&mut ledger, &mut bench, 10.0, 0.0, 3_000.0);
    assert!((ledger.totals().facility_j - 30_000.0).abs() < 1e-6);
    book(&mut ledger, &mut bench, 1_000.0, 0.0, 1_000.0);
    assert!((ledger.totals().facility_j - 90_000.0).abs() < 1e-6);
    assert!((ledger.totals().seconds - 70.0).abs() < 1e-9);
}

#[test]
fn spread_inside_a_job_counts_gpus_that_work() {
    let mut bench = Bench::new("");
    let mut ledger = Ledger::new(&bench.site);
    let mut see = |s: f64, clocks: [f32; 2], idle: bool| {
        let (a, mut b) = (sample(s, 500.0, clocks[0]), sample(s, 500.0, clocks[1]));
        b.reasons = u32::from(idle);
        let node = report("n1", 1, s as u64 + 1, &[("GPU-a", a), ("GPU-b", b)]);
        let site = bench.site.clone();
        bench.align.take(&headroom_site::Inbox { nodes: vec![node], ..Default::default() });
        ledger.book(&site, bench.align.snapshot(crate::tests::at(s)));
        (ledger.job_cv[0], ledger.totals().clock_cv)
    };
    let (now, mean) = see(0.0, [1000.0, 1200.0], false);
    assert!((now - 100.0 / 1100.0).abs() < 1e-9 && (mean - now).abs() < 1e-12);
    let (now, mean) = see(1.0, [1100.0, 1100.0], false);
    assert!(now.abs() < 1e-9 && (mean - 50.0 / 1100.0).abs() < 1e-9);
    // One GPU idles: there is no spread to speak of, and the mean stays.
    assert_eq!(see(2.0, [1100.0, 345.0], true), (now, mean));
}

#[test]
fn throttled_time_is_the_rise_of_the_drivers_counters() {
    let mut bench = Bench::new("");
    let mut ledger = Ledger::new(&bench.site);
    let seen = [
        Some(5_000_000_000),
        Some(5_400_000_000),
        None,
        Some(5_900_000_001),
        Some(100_000_000),
        Some(300_000_000),
    ];
    for (s, ns) in (0_u8..).map(f64::from).zip(seen) {
        let mut a = sample(s, 500.0, 1980.0);
        a.throttle_ns[1] = ns.into();
        let node = report("n1", 1, s as u64 + 1, &[("GPU-a", a)]);
        bench.align.take(&headroom_site::Inbox { nodes: vec![node], ..Default::default() });
        ledger.book(&bench.site, bench.align.snapshot(crate::tests::at(s)));
        bench.align.settle();
    }
    // 0.4 s; half a second and a nanosecond over a look that found nothing; a reloaded driver that has counted 0.1 s; 0.2 s.
    assert_eq!(ledger.throttled_ns, [0, 1_200_000_001, 0, 0, 0]);
    // SW thermal, so it counts as heat.
    assert!((ledger.thermal_s() - 1.200_000_001).abs() < 1e-9);
}
