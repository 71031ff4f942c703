//! The level of the last hours, what a series comes back to when its deviation has decayed; and the trend it is on.
//!
//! Responsible for: a slow mean that is taken anew when the series has moved to another level, and a slope that is damped.
//! Not for: forecasts.
//!
//! ```text
//! mu+ = mu + a (y - mu)      a = 1 - exp(-1 min / TAU)       sigma = 1.25 mean |y - mu| (normal)
//! ```
//!
//! Three minutes in a row more than K sigma off on one side are another level (a job began or ended): mu becomes their mean.

/// Gains of level and slope on what the trend misses: about critically damped, over some ten minutes.
const TREND_LEVEL: f64 = 0.2;
const TREND_SLOPE: f64 = 0.01;
/// Time in which a slope is damped, min, and a gap after which none is known.
const DAMP_MIN: f64 = 60.0;
const TREND_GAP_MIN: i64 = 10;

/// Time constant, min.
const TAU_MIN: f64 = 120.0;
/// Deviations that are another level.
const K: f64 = 4.0;
/// Minutes in a row that make one.
const ROW: usize = 3;

/// The level.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Level {
    mean: f64,
    spread: f64,
    minutes: f64,
    row: usize,
    row_sum: f64,
}

impl Level {
    /// Takes the mean of a minute; gives the level.
    pub(super) fn take(&mut self, y: f64) -> f64 {
        self.minutes += 1.0;
        let a = (1.0 - (-1.0 / TAU_MIN).exp()).max(1.0 / self.minutes);
        let off = y - self.mean;
        let far = self.minutes > 10.0 && off.abs() > K * 1.25 * self.spread;
        let same_side = self.row == 0 || (self.row_sum / self.row as f64 - self.mean) * off > 0.0;
        match (far, same_side) {
            (true, true) => (self.row, self.row_sum) = (self.row + 1, self.row_sum + y),
            (true, false) => (self.row, self.row_sum) = (1, y),
            (false, _) => (self.row, self.row_sum) = (0, 0.0),
        }
        if self.row >= ROW {
            self.mean = self.row_sum / self.row as f64;
            // The new level is as young as a first one; its spread stays as it was.
            (self.minutes, self.row, self.row_sum) = (ROW as f64, 0, 0.0);
            return self.mean;
        }
        self.mean += a * off;
        // What is far off is not noise; a lively series widens its spread nevertheless.
        let known = if far { K * 1.25 * self.spread } else { off.abs() };
        self.spread += a * (if self.minutes < 2.0 { 0.0 } else { known } - self.spread);
        self.mean
    }
}

/// A damped trend (Gardner and McKenzie 1985, in continuous time beyond the present):
///
/// ```text
/// e = y - (l + b)      l+ = l + b + 0.2 e      b+ = b + 0.01 e         l level, b slope per minute
/// s(t + h) = l + b D (1 - exp(-h/D))
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trend {
    level: f64,
    slope: f64,
    last: Option<i64>,
}

impl Trend {
    /// Takes the mean of a minute.
    pub(super) fn take(&mut self, minute: i64, y: f64) {
        if self.last.is_none_or(|last| minute - last > TREND_GAP_MIN) {
            (self.level, self.slope) = (y, 0.0);
        }
        self.last = Some(minute);
        let missed = y - (self.level + self.slope);
        self.level += self.slope + TREND_LEVEL * missed;
        self.slope += TREND_SLOPE * missed;
    }

    /// Where it leads in so many minutes.
    pub(super) fn at(&self, minutes: i64) -> f64 {
        self.level + self.slope * DAMP_MIN * (1.0 - (-minutes as f64 / DAMP_MIN).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn a_trend_leads_on_and_is_damped() {
        let mut trend = Trend::default();
        for m in 0..300 {
            trend.take(m, 10.0 + 0.05 * m as f64);
        }
        let now = 10.0 + 0.05 * 299.0;
        assert!((trend.at(0) - now).abs() < 1e-3 && (trend.at(5) - now - 0.24).abs() < 0.01, "{trend:?}");
        assert!((trend.at(10_000) - now - 3.0).abs() < 0.01, "never more than an hour of it");
        trend.take(400, 5.0);
        assert!((trend.at(60) - 5.0).abs() < 1e-12, "after a gap none is known");
    }

    #[test]
    fn noise_is_averaged_and_a_step_is_followed_within_minutes() {
        let (mut level, mut dice) = (Level::default(), Dice(2));
        let mut at = 0.0;
        for _ in 0..600 {
            at = level.take(100.0 + dice.normal());
        }
        assert!((at - 100.0).abs() < 0.5, "{at}");
        for _ in 0..5 {
            at = level.take(40.0 + dice.normal());
        }
        assert!((at - 40.0).abs() < 2.0, "{at}");
    }
}
