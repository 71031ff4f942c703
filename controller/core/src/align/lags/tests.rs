use super::*;
use crate::align::Align;
use crate::tests::{at, reading, report, sample, site};
use headroom_site::Inbox;

/// A site whose agents report ten times a second.
fn quick() -> Site {
    let mut site = site();
    site.agent_period = Span::from_ms(100);
    site
}

/// Power of the rack's GPUs: steps at irregular times, the same for all.
fn watts(s: f64) -> f64 {
    let step = (s / 3.7).floor();
    300.0 + 250.0 * ((step * 12.9898).sin() * 43_758.545_3).fract()
}

/// Ten samples a second, and a meter once a second that is late by so much.
fn run(align: &mut Align, site: &Site, from_s: u32, to_s: u32, late_s: f64) {
    for second in from_s..to_s {
        let mut nodes = Vec::new();
        for k in 0..10 {
            let s = f64::from(second) + 0.1 * f64::from(k + 1);
            let gpu = sample(s, watts(s - 0.05) as f32, 1500.0);
            let sequence = u64::from(10 * second + k + 1);
            nodes.push(report("n1", 1, sequence, &[("GPU-a", gpu), ("GPU-b", gpu)]));
            nodes.push(report("n2", 1, sequence, &[("GPU-c", gpu), ("GPU-d", gpu)]));
        }
        // Its scan is not in step with the load.
        let s = f64::from(second) + 0.3 + 0.1 * (f64::from(second) * 0.618).fract();
        let meter = reading(site, "feed-power", s, 4.2 * watts(s - late_s) + 400.0);
        align.take(&Inbox { readings: vec![meter], nodes, ..Inbox::default() });
        align.snapshot(at(f64::from(second) + 1.0));
        align.settle();
    }
}

#[test]
fn a_meters_lag_is_found_to_fifty_milliseconds_and_taken_off() {
    let site = quick();
    for late_s in [-1.3, 0.0, 2.2] {
        let mut align = Align::new(&site);
        run(&mut align, &site, 0, 280, late_s);
        let found: Vec<MeterLag> = align.lags().view().collect();
        assert_eq!(found.len(), 1, "{late_s}");
        assert!((found[0].lag.lag_s - late_s).abs() < 0.05, "{late_s}: {found:?}");
        assert_eq!(found[0].corrected, late_s != 0.0, "{found:?}");
        let stamp = align.last().points[site.point("feed-power").unwrap().index()].stamp;
        let scan_s = 279.3 + 0.1 * (279.0_f64 * 0.618).fract();
        assert!((stamp.since(at(scan_s)).s() + late_s).abs() < 0.05, "{stamp}");
    }
}

#[test]
fn nothing_is_done_where_the_load_stands() {
    let site = quick();
    let mut align = Align::new(&site);
    for k in 0..300_u32 {
        let s = f64::from(k);
        let gpu = sample(s, 500.0, 1500.0);
        let nodes = vec![report("n1", 1, u64::from(k) + 1, &[("GPU-a", gpu), ("GPU-b", gpu)])];
        let noise = f64::from(k * 37 % 11);
        let meter = reading(&site, "feed-power", s, 2400.0 + noise);
        align.take(&Inbox { readings: vec![meter], nodes, ..Inbox::default() });
        align.snapshot(at(s));
        align.settle();
    }
    assert_eq!(align.lags().view().count(), 0);
}

#[test]
fn a_clock_hours_off_does_not_push_the_others_out() {
    let site = quick();
    let mut align = Align::new(&site);
    for (sequence, s) in [(1, 1.0), (2, 2.0)] {
        align.take(&Inbox {
            nodes: vec![report("n1", 1, sequence, &[("GPU-a", sample(s, 500.0, 1500.0))])],
            ..Inbox::default()
        });
        align.snapshot(at(s));
        align.settle();
        for (sequence, s) in [(1, 7200.0), (2, 7201.0), (3, -7200.0), (4, -7199.0)] {
            align.take(&Inbox {
                nodes: vec![report("n2", 1, 10 * sequence, &[("GPU-c", sample(s, 900.0, 1500.0))])],
                ..Inbox::default()
            });
        }
    }
    let kept: f32 = align.lags.pairs[0].energy_j.iter().sum();
    assert!((kept - 500.0).abs() < 1e-3, "{kept} J");
}
