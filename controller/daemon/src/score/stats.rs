//! Means over seeds and how sure they are.
//!
//! Responsible for: means, ratios of means, 95 % confidence intervals. Not for: what is compared.
//!
//! With n seeds the mean of x has the interval (Student 1908)
//! ```text
//! mean(x) +- t(0.975, n - 1) s / sqrt(n),     s^2 = sum (x_i - mean(x))^2 / (n - 1)
//! ```
//! Strategies run on the same seeds, so differences are taken per seed first. A ratio r = mean(y) / mean(x) has, to first
//! order (Cochran, Sampling Techniques, 3rd ed. 1977, section 6.4), the standard deviation of y_i - r x_i in place of s, over mean(x).

use std::fmt;

/// A mean and half the width of its 95 % interval; `None` where one sample says nothing about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) mean: f64,
    pub(crate) half: Option<f64>,
}

impl Interval {
    /// In another unit.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { mean: self.mean * factor, half: self.half.map(|h| h * factor.abs()) }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(1);
        if f.sign_plus() {
            write!(f, "{:+.digits$}", self.mean)?;
        } else {
            write!(f, "{:.digits$}", self.mean)?;
        }
        match self.half {
            Some(half) => write!(f, " ± {half:.digits$}"),
            None => Ok(()),
        }
    }
}

/// Student's t at 97.5 % for 1 to 30 degrees of freedom (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2).
const T975: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// Student's t at 97.5 %; above 30 degrees of freedom by the expansion in 1/n (Abramowitz and Stegun 26.7.5).
fn t975(freedom: usize) -> f64 {
    if let Some(t) = freedom.checked_sub(1).and_then(|n| T975.get(n)) {
        return *t;
    }
    let (z, n) = (1.959_964_f64, freedom as f64);
    z + (z.powi(3) + z) / (4.0 * n) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Half the width of the interval of a mean.
fn half(values: &[f64]) -> Option<f64> {
    let n = values.len();
    if n < 2 {
        return None;
    }
    let centre = mean(values);
    let variance = values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / (n - 1) as f64;
    Some(t975(n - 1) * (variance / n as f64).sqrt())
}

/// Mean of samples, at least one.
pub(crate) fn interval(values: &[f64]) -> Interval {
    Interval { mean: mean(values), half: half(values) }
}

/// Mean of `over` by the mean of `under`, paired.
pub(crate) fn ratio(over: &[f64], under: &[f64]) -> Interval {
    let below = mean(under);
    let r = mean(over) / below;
    let rest: Vec<f64> = over.iter().zip(under).map(|(y, x)| y - r * x).collect();
    Interval { mean: r, half: half(&rest).map(|h| h / below.abs()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_students() {
        assert!((t975(1) - 12.706).abs() < 1e-9 && (t975(4) - 2.776).abs() < 1e-9);
        // NIST's table goes on: 31, 60, 100.
        for (freedom, t) in [(31, 2.040), (60, 2.000), (100, 1.984)] {
            assert!((t975(freedom) - t).abs() < 6e-4, "{freedom}: {}", t975(freedom));
        }
    }

    #[test]
    fn an_interval_by_hand() {
        // 1..5: mean 3, s = sqrt(2.5), half = 2.776 sqrt(2.5 / 5)
        let found = interval(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!((found.mean - 3.0).abs() < 1e-12);
        assert!((found.half.unwrap() - 1.962_928).abs() < 1e-5);
        assert_eq!(interval(&[7.0]).half, None);
        assert_eq!(format!("{found:+.2}"), "+3.00 ± 1.96");
    }

    #[test]
    fn a_ratio_is_sure_where_both_move_together() {
        let sure = ratio(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]);
        assert!((sure.mean - 0.5).abs() < 1e-12 && sure.half.unwrap() < 1e-12);
        // One in the denominator gives the plain interval back.
        let (plain, same) = (interval(&[1.0, 4.0, 2.0]), ratio(&[1.0, 4.0, 2.0], &[1.0; 3]));
        assert!((plain.half.unwrap() - same.half.unwrap()).abs() < 1e-12);
    }
}
