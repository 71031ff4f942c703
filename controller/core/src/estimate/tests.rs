use crate::tests::{Bench, report, reports, sample};
use headroom_site::Offered;

/// A meter that arrives two seconds late must not take a step of the GPUs for a step of what stands beside them.
#[test]
fn a_meter_that_lags_does_not_move_the_other_load() {
    let mut bench = Bench::new("");
    let watts = |s: i32| if s < 10 { 400.0_f32 } else { 650.0 };
    for s in 0..40 {
        let then = s - 2;
        let meter = f64::from(watts(then)) * 4.0 + 300.0;
        let meter = [("feed-power", f64::from(then), meter)];
        let e = bench.tick(f64::from(s), &meter, reports(f64::from(s), [watts(s); 4]));
        if s >= 2 {
            assert!((e.other_w[0] - 300.0).abs() < 1.0, "{s} s: {}", e.other_w[0]);
        }
    }
}

#[test]
fn the_other_load_is_followed_slowly() {
    let mut bench = Bench::new("");
    let mut tick = |s: f64, other: f64| {
        let meter = [("feed-power", s, 1600.0 + other)];
        bench.tick(s, &meter, reports(s, [400.0; 4])).other_w[0]
    };
    assert!((tick(0.0, 300.0) - 300.0).abs() < 1e-9);
    // 30 s of time constant: a thirtieth of 300 W after a second.
    assert!((tick(1.0, 600.0) - 310.0).abs() < 1e-6);
}

/// Words of a meter that are mixed up show anything once: that must not hold every GPU down for minutes.
#[test]
fn a_leap_of_the_other_load_is_believed_when_it_is_read_again() {
    let mut bench = Bench::new("");
    let mut tick = |s: f64, other: f64| {
        let meter = [("feed-power", s, 1600.0 + other)];
        bench.tick(s, &meter, reports(s, [400.0; 4])).other_w[0]
    };
    tick(0.0, 300.0);
    assert!((tick(1.0, 6_000.0) - 300.0).abs() < 1e-9, "once is nothing");
    assert!((tick(2.0, 1_500.0) - 300.0).abs() < 1e-9, "and something else next time neither");
    let followed = tick(3.0, 1_450.0);
    assert!(
        (followed - (300.0 + 1_150.0 / 30.0)).abs() < 1e-6,
        "twice is a load that has started: {followed}"
    );
    assert!(tick(4.0, 310.0) < followed, "back without a leap");
}

#[test]
fn without_a_meter_the_files_figure_counts() {
    let mut bench = Bench::new("");
    let e = bench.tick(0.0, &[], reports(0.0, [400.0; 4]));
    assert!((e.other_w[0] - 200.0).abs() < 1e-9);
    assert!((e.branch_w[0] - 1800.0).abs() < 1e-6);
}

#[test]
fn a_silent_gpu_counts_with_its_cap() {
    let mut bench = Bench::new("");
    let mut held = sample(0.0, 300.0, 1980.0);
    held.enforced_cap_w = Offered::new(450.0);
    let e = bench.tick(0.0, &[], vec![report("n1", 1, 1, &[("GPU-a", held)])]);
    // Heard: what it draws. Never heard: the highest cap of its model.
    assert_eq!(e.power_w, [300.0, 700.0, 700.0, 700.0]);
    let e = bench.tick(10.0, &[], vec![]);
    assert!((e.power_w[0] - 450.0).abs() < 1e-9, "{:?}", e.power_w);
}

#[test]
fn unknown_coolant_is_warm_and_a_silent_point_warms() {
    let mut bench = Bench::new("");
    let unknown = bench.tick(0.0, &[], vec![]).coolant_c[0];
    assert!((unknown - 40.0).abs() < 1e-9, "{unknown}");
    let known = bench.tick(1.0, &[("cdu-supply", 1.0, 30.0)], vec![]).coolant_c[0];
    assert!((known - 30.0).abs() < 1e-9);
    // Stale after 120 s; then 0.02 K for each second of age.
    let silent = bench.tick(201.0, &[], vec![]).coolant_c[0];
    assert!((silent - 34.0).abs() < 1e-9, "{silent}");
}

#[test]
fn a_reading_in_doubt_is_no_coolant() {
    let mut bench = Bench::new("");
    bench.tick(0.0, &[("cdu-supply", 0.0, 30.0)], vec![]);
    // 25 K colder within a second: nobody believes that, and unknown is warm.
    let doubted = bench.tick(1.0, &[("cdu-supply", 1.0, 5.0)], vec![]).coolant_c[0];
    assert!((doubted - 40.0).abs() < 1e-9, "{doubted}");
}
