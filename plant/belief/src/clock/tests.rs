//! Clocks whose truth is known: a hundred seeds of offsets, drifts and delays.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::dice::Dice;

const START_NS: i64 = 1_700_000_000_000_000_000;

fn ns(s: f64) -> i64 {
    START_NS + (s * 1e9).round() as i64
}

/// How delays beyond the least one are spread.
#[derive(Clone, Copy)]
enum Jitter {
    Uniform(f64),
    Exponential(f64),
    /// Mostly quick, now and then a second late.
    Bursts(f64),
}

impl Jitter {
    fn draw(self, dice: &mut Dice) -> f64 {
        match self {
            Self::Uniform(most) => dice.range(0.0, most),
            Self::Exponential(mean) => -mean * (1.0 - dice.draw()).ln(),
            Self::Bursts(mean) => {
                let slow = if dice.draw() < 0.05 { dice.range(0.0, 1.0) } else { 0.0 };
                slow - mean * (1.0 - dice.draw()).ln()
            }
        }
    }
}

struct Link {
    offset_s: f64,
    drift: f64,
    least_s: f64,
    jitter: Jitter,
    both: bool,
    period_s: f64,
}

/// Plays messages for some hours; estimate and truth at the end.
fn play(link: &Link, hours: f64, dice: &mut Dice) -> (ClockEstimate, f64) {
    let mut clock = SourceClock::new(if link.both { 0.0 } else { 0.02 }, 1e-9);
    let theirs = |s: f64| s + link.offset_s + link.drift * s;
    let mut arrivals = Vec::new();
    let end_s = 3600.0 * hours;
    for k in 0..(end_s / link.period_s) as usize {
        let sent_s = k as f64 * link.period_s + dice.range(0.0, 0.1 * link.period_s);
        let arrival_s = sent_s + link.least_s + link.jitter.draw(dice);
        arrivals.push((arrival_s, sent_s));
    }
    arrivals.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (arrival_s, sent_s) in arrivals {
        clock.heard(ns(arrival_s), ns(theirs(sent_s)));
        if link.both {
            let heard_s = arrival_s + link.least_s + link.jitter.draw(dice);
            clock.answered(ns(arrival_s), ns(theirs(heard_s)));
        }
        clock.update(ns(arrival_s));
    }
    clock.update(ns(end_s));
    assert_eq!(clock.fault(), None);
    let (offset_s, sigma_s) = clock.offset_at(ns(end_s)).unwrap();
    let estimate = ClockEstimate { offset_s, sigma_s, ..clock.estimate().unwrap() };
    (estimate, link.offset_s + link.drift * end_s)
}

/// Errors in seconds, and errors in deviations, over a hundred seeds, sorted by size.
fn campaign(both: bool, hours: f64, draw: impl Fn(&mut Dice) -> (f64, Jitter)) -> (Vec<f64>, Vec<f64>) {
    let (mut errors, mut ratios) = (Vec::new(), Vec::new());
    for seed in 0..100 {
        let mut dice = Dice(seed);
        let (least_s, jitter) = draw(&mut dice);
        let (offset_s, drift) = (dice.range(if both { -5.0 } else { 1.0 }, 5.0), dice.range(-100e-6, 100e-6));
        let link = Link { offset_s, drift, least_s, jitter, both, period_s: 1.0 };
        let (estimate, truth_s) = play(&link, hours, &mut dice);
        let error_s = (estimate.offset_s - truth_s).abs();
        errors.push(error_s);
        ratios.push(error_s / estimate.sigma_s);
        assert!(
            (estimate.drift - drift).abs() < 20e-6,
            "seed {seed}: {} ppm",
            1e6 * (estimate.drift - drift)
        );
    }
    errors.sort_by(f64::total_cmp);
    ratios.sort_by(f64::total_cmp);
    (errors, ratios)
}

fn covered(ratios: &[f64]) -> usize {
    ratios.iter().filter(|ratio| **ratio <= 1.96).count()
}

#[test]
fn round_trips_find_a_clock_to_a_millisecond() {
    type Draw = fn(&mut Dice) -> (f64, Jitter);
    let cases: [(&str, Draw); 4] = [
        ("2 s uniform", |_| (0.0, Jitter::Uniform(2.0))),
        ("exponential", |d| (d.range(0.0, 0.01), Jitter::Exponential(d.range(0.001, 0.2)))),
        ("bursts", |d| (d.range(0.0, 0.01), Jitter::Bursts(d.range(0.0005, 0.02)))),
        ("a quiet network", |d| (d.range(0.0001, 0.001), Jitter::Exponential(0.0002))),
    ];
    for (name, draw) in cases {
        let (errors, ratios) = campaign(true, 2.0, draw);
        println!(
            "{name}: median {:.3} ms, 95 % {:.3} ms, inside {} of 100",
            1e3 * errors[50],
            1e3 * errors[95],
            covered(&ratios)
        );
        assert!(errors[95] < 0.001 || name == "2 s uniform", "{name}: {}", errors[95]);
        assert!(errors[50] < 0.001, "{name}: {}", errors[50]);
        assert!((90..=99).contains(&covered(&ratios)), "{name}: {}", covered(&ratios));
    }
}

#[test]
fn one_way_says_how_little_it_knows() {
    let (errors, ratios) = campaign(false, 2.0, |d| {
        // The least delay is known in its mean only.
        let least_s = Jitter::Exponential(0.02).draw(d);
        (least_s, Jitter::Exponential(d.range(0.01, 0.2)))
    });
    println!("one way: 95 % {:.3} ms, inside {}", 1e3 * errors[95], covered(&ratios));
    assert!(errors[95] < 0.08 && covered(&ratios) >= 90);
}

#[test]
fn steps_zones_and_standing_stamps_are_named() {
    let mut dice = Dice(5);
    let mut clock = SourceClock::new(0.02, 0.001);
    let mut last_ns = 0;
    let mut run = |clock: &mut SourceClock, from_s: f64, to_s: f64, stamp: &dyn Fn(f64) -> f64| {
        for k in 0..(to_s - from_s) as usize {
            let sent_s = from_s + k as f64;
            let arrival_s = sent_s + 0.02 + Jitter::Exponential(0.02).draw(&mut dice);
            let said_ns = ns(stamp(sent_s));
            if said_ns == last_ns {
                clock.stood();
            } else {
                clock.heard(ns(arrival_s), said_ns);
            }
            last_ns = said_ns;
            clock.update(ns(arrival_s));
        }
    };
    run(&mut clock, 0.0, 600.0, &|s| s + 0.5);
    assert_eq!(clock.fault(), None);
    assert!((clock.estimate().unwrap().offset_s - 0.5).abs() < 0.03);
    run(&mut clock, 600.0, 700.0, &|s| s + 3.5);
    let Some(ClockFault::Step { by_s }) = clock.fault() else { panic!("{:?}", clock.fault()) };
    assert!((by_s - 3.0).abs() < 0.1, "{by_s}");
    assert!((clock.estimate().unwrap().offset_s - 3.5).abs() < 0.05);
    run(&mut clock, 700.0, 900.0, &|s| s - 1.5);
    let Some(ClockFault::Step { by_s }) = clock.fault() else { panic!("{:?}", clock.fault()) };
    assert!((by_s + 5.0).abs() < 0.2, "{by_s}");
    run(&mut clock, 900.0, 1200.0, &|s| s + 7200.2);
    assert_eq!(clock.fault(), Some(ClockFault::TimeZone { quarters: 8 }));
    run(&mut clock, 1200.0, 1400.0, &|_| 1199.0 + 7200.2);
    assert!(matches!(clock.fault(), Some(ClockFault::Stuck { since_s }) if since_s > 60.0));
}

/// A rack's power: training steps, a checkpoint now and then, and slow drift.
fn power_kw(t: f64, phase: f64) -> f64 {
    let step = if (t * 0.37 + phase).sin() > 0.2 { 12.0 } else { 0.0 };
    let checkpoint = if ((t + 10.0 * phase) / 97.0).fract() < 0.1 { -15.0 } else { 0.0 };
    40.0 + step + checkpoint + 2.0 * (t / 700.0).sin()
}

#[test]
fn a_meter_beside_its_gpus_tells_its_lag_to_fifty_milliseconds() {
    let (mut worst, mut inside) = (0.0_f64, 0);
    for seed in 0..100 {
        let mut dice = Dice(seed + 1000);
        let (phase, lag_s) = (dice.range(0.0, 60.0), dice.range(-5.0, 5.0));
        // Agents know the energy at each tenth of a second of a known clock; the meter shows power at its own.
        let (mut energy, mut reference) = (0.0, Vec::new());
        for k in 0..24_000 {
            let t = 0.05 * f64::from(k);
            if k % 2 == 0 {
                reference.push((t, energy));
            }
            energy += 0.05 * power_kw(t + 0.025, phase);
        }
        let shown: Vec<(f64, f64)> = (10..1190)
            .map(|k| {
                let s = f64::from(k) + dice.range(0.0, 0.05);
                let value = 1.05 * power_kw(s - lag_s, phase) + 6.0 + 0.3 * dice.normal();
                (s, (value / 0.1).round() * 0.1)
            })
            .collect();
        let found = lag(&reference, &shown, (-8.0, 8.0), &[0.2, 1.0]).unwrap();
        let error = (found.lag_s - lag_s).abs();
        worst = worst.max(error);
        inside += u32::from(error <= 1.96 * found.sigma_s);
        assert!((found.gain - 1.05).abs() < 0.05, "{found:?}");
    }
    println!("worst {:.1} ms, inside {inside} of 100", 1e3 * worst);
    assert!(worst < 0.05 && (90..=99).contains(&inside), "{worst} {inside}");
}

#[test]
fn nothing_is_said_where_nothing_can_be_known() {
    let mut dice = Dice(3);
    let steady: Vec<(f64, f64)> = (0..600).map(|k| (f64::from(k), 40.0 * f64::from(k))).collect();
    let noise: Vec<(f64, f64)> = (20..580).map(|k| (f64::from(k), 40.0 + dice.normal())).collect();
    assert_eq!(lag(&steady, &noise, (-8.0, 8.0), &[0.2, 1.0]), None);
    // A load that repeats every four seconds has the same lag four times over.
    let mut energy = 0.0;
    let wave = |t: f64| if (t / 4.0).fract() < 0.5 { 50.0 } else { 30.0 };
    let repeats: Vec<(f64, f64)> = (0..6000)
        .map(|k| {
            let t = 0.1 * f64::from(k);
            energy += 0.1 * wave(t);
            (t + 0.1, energy)
        })
        .collect();
    let shown: Vec<(f64, f64)> = (20..580).map(|k| (f64::from(k) + 0.3, wave(f64::from(k)))).collect();
    assert_eq!(lag(&repeats, &shown, (-8.0, 8.0), &[0.2, 1.0]), None);
}

#[test]
fn a_clock_is_followed_for_a_day_in_fixed_memory() {
    let mut dice = Dice(8);
    let mut clock = SourceClock::new(0.0, 1e-3);
    // A drift that turns every few hours, as with the temperature of a hall.
    let offset_s = |s: f64| 0.2 + 0.05 * (s / 14_000.0).sin();
    let mut worst = 0.0_f64;
    for k in 0..86_400 {
        let sent_s = f64::from(k);
        let arrival_s = sent_s + 0.001 + Jitter::Exponential(0.005).draw(&mut dice);
        clock.heard(ns(arrival_s), ns(sent_s + offset_s(sent_s)));
        if k % 10 == 0 {
            let heard_s = arrival_s + 0.001 + Jitter::Exponential(0.005).draw(&mut dice);
            clock.answered(ns(arrival_s), ns(heard_s + offset_s(heard_s)));
        }
        clock.update(ns(arrival_s));
        if k > 600 {
            worst = worst.max((clock.offset_at(ns(arrival_s)).unwrap().0 - offset_s(arrival_s)).abs());
        }
    }
    assert!(worst < 0.02, "{worst}");
    assert_eq!(clock.fault(), None);
}
