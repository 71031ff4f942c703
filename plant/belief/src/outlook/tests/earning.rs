//! Does each candidate earn its place where it should, and only there?

use super::super::{Absent, By, HORIZONS, Series, Traits};
use super::coverage::{DAY, show, traits};
use crate::dice::Dice;

const WEATHER: Traits = Traits { floor: f64::NEG_INFINITY, periodic: false, file: true };

/// Pinball loss of the bands at a horizon, mean over minutes, and of the same series without a file.
fn losses(y: &[f64], h: usize, file: impl Fn(i64) -> Option<f64>) -> (f64, f64) {
    let loss = |traits: Traits, file: &dyn Fn(i64) -> Option<f64>| {
        let mut series = Series::new(traits);
        let (mut sum, mut n) = (0.0, 0.0);
        for m in 0..y.len() {
            series.add(y[m]);
            series.close(m as i64, file);
            let then = y.get(m + super::super::HORIZONS_MIN[h]);
            if let (Ok(band), Some(then)) = (series.band(h), then) {
                sum += super::super::conformal::pinball(*then, band.q);
                n += 1.0;
            }
        }
        sum / n
    };
    (loss(WEATHER, &file), loss(Traits { file: false, ..WEATHER }, &|_| None))
}

/// Air of a place: a day's shape, fronts that come and go, and gusts.
fn air(seed: u64, days: i64) -> Vec<f64> {
    let (mut dice, mut front, mut gust) = (Dice(seed), 0.0, 0.0);
    (0..days * DAY)
        .map(|m| {
            front = 0.9995 * front + 0.06 * dice.normal();
            gust = 0.9 * gust + 0.05 * dice.normal();
            18.0 + 5.0 * (m as f64 / DAY as f64 * std::f64::consts::TAU).sin() + front + gust
        })
        .collect()
}

#[test]
fn training_with_checkpoints_is_forecast_by_its_period() {
    let mut dice = Dice(11);
    let y: Vec<f64> =
        (0..DAY).map(|m| if m % 11 < 9 { 800.0 } else { 300.0 } + 5.0 * dice.normal()).collect();
    let mut series = Series::new(traits());
    let told = show(&mut series, &y, 600, |_| None);
    let period = series.period().unwrap();
    assert!((period.samples - 11.0).abs() < 0.1 && period.confidence > 0.8, "{period:?}");
    for h in 0..HORIZONS {
        assert!(told.share(h, By::Periodic) > 0.9, "{h}: {}", told.share(h, By::Periodic));
        let band = series.band(h).unwrap();
        assert!(band.q[2] - band.q[0] < 60.0, "{h}: {band:?}");
    }
}

#[test]
fn a_day_that_repeats_earns_its_place_and_one_that_does_not_does_not() {
    let day = air(3, 6);
    let mut series = Series::new(Traits { file: false, ..WEATHER });
    let told = show(&mut series, &day, 3 * DAY as usize, |_| None);
    assert!(told.share(4, By::Diurnal) > 0.5, "{}", told.share(4, By::Diurnal));
    let mut dice = Dice(5);
    let mut y = 0.0;
    let walk: Vec<f64> = (0..6 * DAY)
        .map(|_| {
            y += dice.normal();
            y
        })
        .collect();
    let told = show(&mut Series::new(Traits { file: false, ..WEATHER }), &walk, 2 * DAY as usize, |_| None);
    assert!(told.share(4, By::Persistence) > 0.7, "{}", told.share(4, By::Persistence));
}

#[test]
fn a_good_forecast_file_is_used_in_spite_of_its_bias() {
    let y = air(7, 4);
    // Hourly rows, 3 K too warm, from the beginning of the second day on.
    let rows: Vec<f64> = y.chunks(60).map(|hour| hour[0] + 3.0).collect();
    let file = |m: i64| {
        let (hour, part) = ((m / 60) as usize, (m % 60) as f64 / 60.0);
        let (a, b) = (rows.get(hour)?, rows.get(hour + 1)?);
        (m >= DAY).then_some(a + (b - a) * part)
    };
    let (with, without) = losses(&y, 4, file);
    assert!(with < 0.85 * without, "{with} {without}");
    let mut series = Series::new(WEATHER);
    let told = show(&mut series, &y, 2 * DAY as usize, file);
    assert!(told.share(4, By::File) > 0.8, "{}", told.share(4, By::File));
}

#[test]
fn a_useless_forecast_file_costs_next_to_nothing() {
    for seed in 1..=3 {
        let y = air(seed, 4);
        // Another place's weather, half a day late; noise; and a constant.
        let other = air(100 + seed, 5);
        let noise: Vec<f64> = {
            let mut dice = Dice(seed);
            (0..y.len() + 70).map(|_| dice.range(-10.0, 40.0)).collect()
        };
        for h in 0..HORIZONS {
            for (name, with, without) in [
                ("late", losses(&y, h, |m| other.get((m + DAY / 2) as usize).copied())),
                ("noise", losses(&y, h, |m| noise.get(m as usize).copied())),
                ("constant", losses(&y, h, |_| Some(20.0))),
            ]
            .map(|(name, (a, b))| (name, a, b))
            {
                assert!(with < 1.04 * without, "{name}, seed {seed}, horizon {h}: {with} {without}");
            }
        }
    }
}

#[test]
fn absence_has_its_reason() {
    let mut s = Series::new(traits());
    assert_eq!(s.band(0), Err(Absent::NeverSeen));
    for m in 0..30 {
        s.add(5.0);
        s.close(m, |_| None);
    }
    assert!(s.band(0).is_ok());
    assert!(matches!(s.band(4), Err(Absent::Learning(_))), "{:?}", s.band(4));
    s.close(30, |_| None);
    assert_eq!(s.band(0).unwrap_err().to_string(), "source silent since 1970-01-01T00:30:00.000Z");
    // What is back is said at once; what was learned is not lost.
    s.add(6.0);
    s.close(45, |_| None);
    assert!(s.band(0).is_ok());
}

#[test]
fn a_deviation_that_decays_is_let_decay() {
    let (mut dice, mut y) = (Dice(8), 0.0);
    let mut c = super::super::candidate::Candidate::new([1.0; HORIZONS]);
    for m in 0..4_000 {
        y = 0.97 * y + dice.normal();
        c.judge(m, y);
        c.say(m, y, &super::super::candidate::Shape { now: 0.0, ahead: [0.0; HORIZONS] });
    }
    for (h, minutes) in super::super::HORIZONS_MIN.into_iter().enumerate() {
        let wanted = 0.97_f64.powi(minutes as i32);
        assert!((c.phi(h) - wanted).abs() < 0.15, "{minutes} min: {} {wanted}", c.phi(h));
    }
}
