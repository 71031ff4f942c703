//! Validation: the model on data that it has not seen.
//!
//! Responsible for: predicting every output an hour ahead of the rows that were held back, with the inputs as they then
//! were, and what comes of it. Not for: judging (`mod`).
//!
//! ASHRAE Guideline 14-2014, section 5.2.11, with n predictions and p = 1:
//!
//! ```text
//! CV(RMSE) = 100 / mean(y) sqrt( sum (y - f)^2 / (n - p) )       NMBE = 100 / mean(y)  sum (y - f) / (n - p)
//! ```
//!
//! Whiteness: Ljung and Box, "On a measure of lack of fit in time series models" (Biometrika 1978), over twenty lags of what
//! the filter did not expect a period ahead.

use super::table::Table;
use crate::model::{Evidence, Model, ModelFilter};

/// Horizon that counts, s.
pub(super) const HORIZON_S: f64 = 3600.0;
/// Lags of the test for whiteness.
const LAGS: usize = 20;

/// What a row says to a model.
pub(super) struct Seen {
    pub signals: Vec<Vec<f64>>,
    pub outputs: Vec<Vec<Option<f64>>>,
}

/// Rows of a table as a model takes them; `None` where a column is not there.
pub(super) fn seen(model: &Model, table: &Table) -> Option<Seen> {
    let signals: Option<Vec<Vec<f64>>> = model.signals.iter().map(|s| table.sum(&s.columns)).collect();
    let outputs: Option<Vec<Vec<f64>>> = model.outputs.iter().map(|o| table.sum(&o.columns)).collect();
    let (signals, outputs) = (signals?, outputs?);
    let row = |columns: &[Vec<f64>], k: usize| columns.iter().map(|c| c[k]).collect::<Vec<f64>>();
    let measured = |k: usize| row(&outputs, k).into_iter().map(|y| y.is_finite().then_some(y)).collect();
    Some(Seen {
        signals: (0..table.rows).map(|k| row(&signals, k)).collect(),
        outputs: (0..table.rows).map(measured).collect(),
    })
}

/// Evidence of each output over the rows from `from` on, and the share of errors inside two standard deviations.
pub(super) fn evidence(model: &Model, seen: &Seen, from: usize) -> Vec<(Evidence, f64)> {
    let horizon = ((HORIZON_S / model.period_s).round() as usize).max(1);
    let rows = seen.signals.len();
    let stride = (horizon / 15).max(1);
    let mut filter = ModelFilter::new(model);
    let mut tallies = vec![Tally::default(); model.outputs.len()];
    for k in 0..rows {
        filter.step(&seen.signals[k], &seen.outputs[k]);
        if k >= from {
            for (tally, innovation) in tallies.iter_mut().zip(filter.innovations()) {
                tally.innovations.extend(innovation);
            }
        }
        // What is predicted was held back; what was known when it was predicted need not have been.
        if (from..rows).contains(&(k + horizon)) && (k + horizon - from).is_multiple_of(stride) {
            let Some(last) = filter.ahead(&seen.signals[k + 1..=k + horizon]).pop() else { continue };
            for (i, tally) in tallies.iter_mut().enumerate() {
                let (now, then) = (seen.outputs[k][i], seen.outputs[k + horizon][i]);
                if let (Some(now), Some(then)) = (now, then) {
                    tally.take(then, last[i].value, last[i].sigma, now);
                }
            }
        }
    }
    tallies.iter().map(|t| (t.evidence(), t.inside / t.count.max(1.0))).collect()
}

#[derive(Debug, Clone, Default)]
struct Tally {
    count: f64,
    sum: f64,
    errors: f64,
    squares: f64,
    stays: f64,
    inside: f64,
    innovations: Vec<f64>,
}

impl Tally {
    fn take(&mut self, then: f64, predicted: f64, sigma: f64, now: f64) {
        let e = then - predicted;
        self.count += 1.0;
        self.sum += then;
        self.errors += e;
        self.squares += e * e;
        self.stays += (then - now).powi(2);
        if e.abs() <= 2.0 * sigma {
            self.inside += 1.0;
        }
    }

    fn evidence(&self) -> Evidence {
        if self.count < 2.0 {
            return Evidence::default();
        }
        let mean = (self.sum / self.count).abs().max(1e-9);
        let rmse = (self.squares / (self.count - 1.0)).sqrt();
        Evidence {
            cv_rmse_percent: 100.0 * rmse / mean,
            nmbe_percent: 100.0 * self.errors / (self.count - 1.0) / mean,
            rmse,
            persistence_percent: 100.0 * (self.stays / (self.count - 1.0)).sqrt() / mean,
            white_p: ljung_box(&self.innovations, LAGS),
            count: self.count as usize,
        }
    }
}

/// Probability that white noise looks as coloured as this.
pub(super) fn ljung_box(e: &[f64], lags: usize) -> Option<f64> {
    let n = e.len();
    if n < 3 * lags {
        return None;
    }
    let mean = e.iter().sum::<f64>() / n as f64;
    let variance: f64 = e.iter().map(|x| (x - mean).powi(2)).sum();
    let correlation = |lag: usize| {
        e.iter().zip(&e[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / variance.max(1e-300)
    };
    let q: f64 = (1..=lags).map(|lag| correlation(lag).powi(2) / (n - lag) as f64).sum();
    Some(above_chi2(q * n as f64 * (n as f64 + 2.0), lags as f64))
}

/// Probability that a chi-square number of so many degrees is larger (Wilson and Hilferty, 1931).
fn above_chi2(x: f64, degrees: f64) -> f64 {
    let part = 2.0 / (9.0 * degrees);
    let z = ((x / degrees).cbrt() - (1.0 - part)) / part.sqrt();
    above_normal(z)
}

/// Probability that a standard normal number is larger (Abramowitz and Stegun, 26.2.17).
fn above_normal(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - above_normal(-z);
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let series = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    series * (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn tails_are_those_of_tables() {
        assert!((above_normal(1.96) - 0.025).abs() < 1e-4 && (above_normal(-1.0) - 0.8413).abs() < 1e-4);
        // 5 % point of chi-square with 20 degrees: 31.41.
        assert!((above_chi2(31.41, 20.0) - 0.05).abs() < 2e-3);
    }

    #[test]
    fn white_noise_passes_and_colour_does_not() {
        let mut dice = Dice(5);
        let white: Vec<f64> = (0..800).map(|_| dice.normal()).collect();
        let mut coloured = white.clone();
        (1..coloured.len()).for_each(|k| coloured[k] += 0.5 * coloured[k - 1]);
        assert!(ljung_box(&white, 20).unwrap() > 0.01);
        assert!(ljung_box(&coloured, 20).unwrap() < 1e-6);
        assert_eq!(ljung_box(&white[..30], 20), None);
    }
}
