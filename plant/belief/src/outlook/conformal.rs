//! Quantiles of a forecast's errors that keep their word.
//!
//! Responsible for: the errors of the last hours at one horizon, and the levels at which their quantiles are taken so that
//! coverage comes out right. Not for: the forecast.
//!
//! The quantile of the next error at level tau is the empirical quantile of the last errors at an adapted level a (Gibbs and
//! Candes, "Adaptive conformal inference under distribution shift", NeurIPS 2021, for each end of the band by itself):
//!
//! ```text
//! a+ = a + gamma (tau - [y < q])          q  the quantile that was said [unit];  [..] 1 if true, 0 if not
//! ```
//!
//! Summed up, |share of y below q - tau| <= (|a_T - a_0| + gamma) / (gamma T) after T steps, whatever the series does: a
//! stays bounded because quantiles beyond the ends of the window run away linearly. Errors at a horizon of h minutes repeat
//! themselves for about h minutes, so gamma falls with h, the window keeps every (h/15)th error only, and n minutes of
//! errors count as m = n/h (at most n): levels are taken (1 + 1/m) as far from the middle, as the finite-sample quantile of
//! split conformal prediction is (Vovk, Gammerman and Shafer 2005).

use super::LEVELS;

/// Errors that are kept.
const WINDOW: usize = 512;
/// Fewer errors say nothing of their tails.
pub(super) const LEAST: usize = 12;
/// How far a level may run beyond 0 and 1.
const BEYOND: f64 = 0.15;
/// Ranges of the window per unit of level that a quantile beyond its ends runs.
const SLOPE: f64 = 3.0;

/// The errors of one candidate at one horizon.
#[derive(Debug, Clone)]
pub(super) struct Conformal {
    /// In order of time, a ring.
    errors: Vec<f32>,
    /// The same in order of size.
    sorted: Vec<f32>,
    next: usize,
    horizon: f64,
    stride: usize,
    skipped: usize,
    gamma: f64,
    /// Adapted levels.
    levels: [f64; 3],
}

/// Errors that are not kept between two that are, and one.
pub(super) const fn stride(horizon_min: usize) -> usize {
    if horizon_min < 15 { 1 } else { horizon_min / 15 }
}

impl Conformal {
    pub(super) fn new(horizon_min: usize) -> Self {
        Self {
            errors: Vec::with_capacity(WINDOW),
            sorted: Vec::with_capacity(WINDOW),
            next: 0,
            horizon: horizon_min as f64,
            stride: stride(horizon_min),
            skipped: 0,
            gamma: (0.06 / horizon_min as f64).min(0.01),
            levels: LEVELS,
        }
    }

    /// Errors known.
    pub(super) fn len(&self) -> usize {
        self.errors.len()
    }

    /// Takes an error, y - y^, and the quantiles of it that were said at the time, if any were.
    pub(super) fn learn(&mut self, error: f64, said: Option<[f64; 3]>) {
        if let Some(said) = said {
            for ((a, tau), q) in self.levels.iter_mut().zip(LEVELS).zip(said) {
                let below = f64::from(u8::from(error < q));
                *a = (*a + self.gamma * (tau - below)).clamp(-BEYOND, 1.0 + BEYOND);
            }
        }
        if self.skipped + 1 < self.stride {
            self.skipped += 1;
            return;
        }
        self.skipped = 0;
        self.keep(error as f32);
    }

    fn keep(&mut self, error: f32) {
        let place = |sorted: &[f32], x: f32| sorted.partition_point(|y| y.total_cmp(&x).is_lt());
        let to = place(&self.sorted, error);
        if self.errors.len() < WINDOW {
            self.errors.push(error);
            self.sorted.insert(to, error);
            return;
        }
        let old = std::mem::replace(&mut self.errors[self.next], error);
        self.next = (self.next + 1) % WINDOW;
        // What lies between the place of the old one and that of the new one moves up by one.
        let from = place(&self.sorted, old);
        if to > from {
            self.sorted.copy_within(from + 1..to, from);
            self.sorted[to - 1] = error;
        } else {
            self.sorted.copy_within(to..from, to + 1);
            self.sorted[to] = error;
        }
    }

    /// Quantiles of the next error; none while too few are known.
    pub(super) fn quantiles(&self) -> Option<[f64; 3]> {
        if self.sorted.len() < LEAST {
            return None;
        }
        // So many of them are independent.
        let free = (self.sorted.len() * self.stride) as f64 / self.horizon;
        let wider = 1.0 + 1.0 / free.min(self.sorted.len() as f64);
        let [low, mid, high] = self.levels.map(|a| self.at(0.5 + (a - 0.5) * wider));
        Some([low.min(mid), mid, high.max(mid)])
    }

    /// Empirical quantile at a level (the k th smallest at (k - 1/2)/n), linear in between and beyond.
    fn at(&self, level: f64) -> f64 {
        let n = self.sorted.len();
        let (first, last) = (f64::from(self.sorted[0]), f64::from(self.sorted[n - 1]));
        let place = level * n as f64 - 0.5;
        let beyond = |places: f64| SLOPE * (last - first) * places / n as f64;
        if place <= 0.0 {
            return first + beyond(place);
        }
        let top = (n - 1) as f64;
        if place >= top {
            return last + beyond(place - top);
        }
        let k = place as usize;
        let (a, b) = (f64::from(self.sorted[k]), f64::from(self.sorted[k + 1]));
        a + (b - a) * (place - k as f64)
    }
}

/// Pinball loss of quantiles, summed over [`LEVELS`]: what a forecast of quantiles costs (Koenker and Bassett 1978).
pub(super) fn pinball(y: f64, q: [f64; 3]) -> f64 {
    LEVELS.iter().zip(q).map(|(tau, q)| if y < q { (1.0 - tau) * (q - y) } else { tau * (y - q) }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn quantiles_of_noise_are_its_quantiles() {
        let (mut c, mut dice) = (Conformal::new(1), Dice(3));
        for _ in 0..2_000 {
            let e = dice.range(-1.0, 1.0);
            let said = c.quantiles();
            c.learn(e, said);
        }
        let q = c.quantiles().unwrap();
        for (q, wanted) in q.into_iter().zip([-0.9, 0.0, 0.9]) {
            assert!((q - wanted).abs() < 0.12, "{q} {wanted}");
        }
    }

    #[test]
    fn coverage_is_kept_while_noise_grows_without_end() {
        let (mut c, mut dice) = (Conformal::new(1), Dice(5));
        let (mut n, mut inside) = (0.0, 0.0);
        for k in 0..6_000 {
            let e = dice.normal() * 1.001_f64.powi(k);
            let said = c.quantiles();
            if let Some([low, _, high]) = said {
                n += 1.0;
                inside += f64::from(u8::from((low..=high).contains(&e)));
            }
            c.learn(e, said);
        }
        assert!((0.88..0.92).contains(&(inside / n)), "{}", inside / n);
    }

    #[test]
    fn pinball_is_least_at_the_quantiles() {
        let mut dice = Dice(1);
        let ys: Vec<f64> = (0..4_000).map(|_| dice.draw()).collect();
        let cost = |q: [f64; 3]| ys.iter().map(|y| pinball(*y, q)).sum::<f64>();
        let best = cost([0.05, 0.5, 0.95]);
        for other in [[0.15, 0.5, 0.95], [0.05, 0.6, 0.95], [0.05, 0.5, 0.8], [0.0, 0.5, 0.95]] {
            assert!(best < cost(other), "{other:?}");
        }
    }
}
