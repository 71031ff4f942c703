//! Do bands from 5 to 95 % hold 90 %, whatever the series does?

use super::super::{By, HORIZONS, HORIZONS_MIN, Series, Traits};
use crate::dice::Dice;

/// Minutes of a day.
pub(super) const DAY: i64 = 1440;

pub(super) fn traits() -> Traits {
    Traits { floor: f64::NEG_INFINITY, periodic: true, file: false }
}

/// What bands did: minutes judged and held, and who made them, at each horizon.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) judged: [f64; HORIZONS],
    pub(super) held: [f64; HORIZONS],
    pub(super) by: [Vec<By>; HORIZONS],
}

impl Told {
    /// Share of minutes at which a horizon was said by one.
    pub(super) fn share(&self, h: usize, by: By) -> f64 {
        self.by[h].iter().filter(|b| **b == by).count() as f64 / self.by[h].len().max(1) as f64
    }
}

/// Shows a series to forecasts and holds bands against what came, from a minute on.
pub(super) fn show(series: &mut Series, y: &[f64], from: usize, file: impl Fn(i64) -> Option<f64>) -> Told {
    let mut told = Told::default();
    for (m, value) in y.iter().enumerate() {
        series.add(*value);
        series.close(m as i64, &file);
        for (h, minutes) in HORIZONS_MIN.into_iter().enumerate() {
            let (Ok(band), Some(then), true) = (series.band(h), y.get(m + minutes), m >= from) else {
                continue;
            };
            told.judged[h] += 1.0;
            told.held[h] += f64::from(u8::from((band.q[0]..=band.q[2]).contains(then)));
            told.by[h].push(band.by);
        }
    }
    told
}

type Maker = fn(&mut Dice, i64) -> Vec<f64>;

/// Kinds of series, by name.
const KINDS: [(&str, Maker); 8] = [
    ("noise", |dice, n| (0..n).map(|_| 500.0 + 20.0 * dice.normal()).collect()),
    ("walk", |dice, n| {
        let mut y = 500.0;
        (0..n)
            .map(|_| {
                y += dice.normal();
                y
            })
            .collect()
    }),
    ("decaying", |dice, n| {
        let mut y = 0.0;
        (0..n)
            .map(|_| {
                y = 0.97 * y + dice.normal();
                300.0 + y
            })
            .collect()
    }),
    ("training", |dice, n| {
        let (period, mut phase) = (dice.range(8.0, 40.0), 0.0_f64);
        (0..n)
            .map(|_| {
                phase += 1.0 / period;
                let busy = phase.fract() < 0.85;
                if busy { 800.0 + 8.0 * dice.normal() } else { 350.0 + 20.0 * dice.normal() }
            })
            .collect()
    }),
    ("serving", |dice, n| {
        let phase = dice.range(0.0, 6.0);
        let (mut slow, mut out) = (0.0, Vec::new());
        for m in 0..n {
            slow = 0.98 * slow + dice.normal();
            let day = (m as f64 / DAY as f64 * std::f64::consts::TAU + phase).sin();
            out.push(600.0 + 200.0 * day + 4.0 * slow + 8.0 * dice.normal());
        }
        out
    }),
    ("jobs", |dice, n| {
        let (mut y, mut until, mut out) = (500.0, 0, Vec::new());
        for m in 0..n {
            if m >= until {
                y = dice.range(100.0, 900.0);
                until = m + dice.range(60.0, 600.0) as i64;
            }
            out.push(y + 10.0 * dice.normal());
        }
        out
    }),
    ("livelier", |dice, n| {
        (0..n).map(|m| 500.0 + dice.normal() * if m > n / 2 { 60.0 } else { 10.0 }).collect()
    }),
    ("changing", |dice, n| {
        // A walk, then a square wave, then noise about another level.
        let mut y = 400.0;
        (0..n)
            .map(|m| match 3 * m / n {
                0 => {
                    y += dice.normal();
                    y
                }
                1 => (if m % 12 < 10 { 700.0 } else { 300.0 }) + 10.0 * dice.normal(),
                _ => 150.0 + 5.0 * dice.normal(),
            })
            .collect()
    }),
];

fn of_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

#[test]
fn bands_hold_what_they_promise_on_any_series() {
    let seeds = of_env("HEADROOM_SEEDS", 3);
    for (name, make) in KINDS {
        let (mut judged, mut held) = ([0.0; HORIZONS], [0.0; HORIZONS]);
        for seed in 1..=seeds {
            let y = make(&mut Dice(seed), 6 * DAY);
            let told = show(&mut Series::new(traits()), &y, DAY as usize / 2, |_| None);
            for h in 0..HORIZONS {
                judged[h] += told.judged[h];
                held[h] += told.held[h];
            }
        }
        let coverage: Vec<f64> = (0..HORIZONS).map(|h| held[h] / judged[h]).collect();
        println!("{name}: {seeds} series: {coverage:.3?}");
        for (c, minutes) in coverage.iter().zip(HORIZONS_MIN) {
            assert!((0.85..=0.95).contains(c), "{name}, {minutes} min: {c:.3}");
        }
    }
}

#[test]
fn bands_are_no_wider_than_the_noise_asks_for() {
    // The best band of independent normal errors of deviation s is 3.29 s wide.
    let band = |y: &[f64], h: usize| {
        let mut series = Series::new(traits());
        let mut widths = Vec::new();
        for (m, value) in y.iter().enumerate() {
            series.add(*value);
            series.close(m as i64, |_| None);
            widths.extend(series.band(h).ok().map(|b| b.q[2] - b.q[0]));
        }
        let late = &widths[widths.len() / 2..];
        late.iter().sum::<f64>() / late.len() as f64
    };
    let noise = KINDS[0].1(&mut Dice(21), 4 * DAY);
    let walk = KINDS[1].1(&mut Dice(22), 4 * DAY);
    for (h, minutes) in HORIZONS_MIN.into_iter().enumerate() {
        let (of_noise, of_walk) = (band(&noise, h) / 20.0, band(&walk, h) / (minutes as f64).sqrt());
        println!("{minutes} min: {of_noise:.2} and {of_walk:.2} deviations");
        assert!((2.9..3.7).contains(&of_noise), "{minutes} min: {of_noise}");
        assert!((2.7..4.2).contains(&of_walk), "{minutes} min: {of_walk}");
    }
}

#[test]
fn bands_widen_within_the_hour_when_noise_does() {
    // Six times livelier from one minute to the next.
    for seed in 1..=3 {
        let y = KINDS[6].1(&mut Dice(seed), 4 * DAY);
        let change = 2 * DAY as usize;
        for (from, to, least) in [(5, 65, 0.5), (65, 365, 0.8)] {
            let told = show(&mut Series::new(traits()), &y[..change + to + 1], change + from, |_| None);
            let held = told.held[0] / told.judged[0];
            println!("seed {seed}, minutes {from} to {to} after: {held:.2}");
            assert!(held > least, "seed {seed}, minutes {from} to {to}: {held}");
        }
    }
}

#[test]
fn the_same_series_gives_the_same_bits() {
    let y = KINDS[7].1(&mut Dice(9), 2 * DAY);
    let run = || {
        let mut s = Series::new(traits());
        let mut bits = Vec::new();
        for (m, value) in y.iter().enumerate() {
            s.add(*value);
            s.close(m as i64, |_| None);
            bits.extend((0..HORIZONS).filter_map(|h| s.band(h).ok()).flat_map(|b| b.q.map(f64::to_bits)));
        }
        bits
    };
    let (a, b) = (run(), run());
    assert!(a.len() > 1000 && a == b);
}
