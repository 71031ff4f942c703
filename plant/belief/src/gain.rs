//! Gains of GPUs' power sensors, from a meter above them.
//!
//! Responsible for: how many true watts a watt of each sensor is, with its uncertainty, learned from a branch meter and the
//! GPUs below it while their loads differ. Not for: which meter is above which GPUs, or bringing readings to one instant
//! (`headroom-core`, `estimate`).
//!
//! With p_i what sensor i shows, α_i the true watts per shown one and y the meter:
//!
//! ```text
//! y = Σ (α_i + s) p_i + o(t) + e       α_i = 1 + c + d_i     d_i ~ N(0, 2.5 %)     c ~ N(0, 2.5 %)     s as stated
//! ```
//!
//! d_i is a board's own error, c one that all boards share, and s what power supplies, processors and the meter itself add
//! to each watt of GPUs. c and s move all factors alike, and only their priors tell one from the other: what boards share
//! stays about as unsure as the overhead is, and what they do not share is learned. Whoever knows the overhead (data sheets of
//! the supplies, an analyser on one node) and says so in the site file has factors to a per cent. o(t) is the rest of the branch, which wanders with fans
//! and weather: a high pass (first-order means over 100 s are taken off both sides) removes it. e has a memory: with ρ
//! the correlation of neighbouring residuals, n of them count for n (1 - ρ) / (1 + ρ) (Bayley and Hammersley, J. Roy.
//! Stat. Soc. Suppl. 8, 1946).
//!
//! The rest is linear regression with a Gaussian prior in information form: precision Λ and Λx add up reading by reading,
//! and are solved (Cholesky) now and then. GPUs that always move together stay as unsure of one another as they were; that
//! is stated, not hidden.
//!
//! NVML's sensors are off by about 5 %, each board its own way (Yang, Adamek and Armour, "Part-time power measurements", 2024).

use nalgebra::{DMatrix, DVector};

/// Standard deviation of a board's own gain: boards lie within 5 %.
const GAIN: f64 = 0.025;
/// Standard deviation of the gain that all boards share.
const SHARED: f64 = 0.025;
/// What a branch adds to each watt of its GPUs where nobody says it: so unsure that what all boards share is left alone.
pub const OVERHEAD: Overhead = Overhead { share: 0.06, sigma: 0.5 };
/// Time constant of the high pass \[s\].
const PASS_S: f64 = 100.0;
/// Readings before anything is said.
const LEAST: u64 = 60;
/// Readings between two solutions: a share of those there are, at least so many.
const NEWS: (f64, u64) = (0.05, 12);
/// A residual beyond so many deviations counts as so many: breakers open, nodes are added.
const OUTLIER: f64 = 4.0;
/// Smallest deviation of a residual to reckon with, as a share of the branch.
const QUIET: f64 = 2e-4;
/// Share of the branch's movement that has to be explained: less is a meter of something else, or of another time.
const EXPLAINED: f64 = 0.9;
/// Readings of old weigh less: halved after so long \[s\]. Gains stay; what they are seen through does not.
const HALF_LIFE_S: f64 = 6.0 * 3600.0;

/// Watts at a meter for each watt of GPUs below it, beyond that watt itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overhead {
    /// Their share.
    pub share: f64,
    /// Standard deviation of the share.
    pub sigma: f64,
}

/// True watts per shown watt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain {
    /// Factor from shown to true power.
    pub factor: f64,
    /// Its standard deviation.
    pub sigma: f64,
}

impl Gain {
    /// Before anything is learned.
    pub const PRIOR: Self = Self { factor: 1.0, sigma: 0.035 };
}

/// The gains of the GPUs below one meter.
#[derive(Debug, Clone, PartialEq)]
pub struct Gains {
    overhead: Overhead,
    /// Lower triangle of Σ p pᵀ over GPUs and their sum, row by row, high-passed, W².
    squares: Vec<f64>,
    /// Σ p (y - (1 + overhead) Σ p), likewise.
    products: Vec<f64>,
    /// High-passed powers of GPUs, and their sum at the end.
    row: Vec<f64>,
    /// Means of the powers shown; of the meter.
    mean_w: Vec<f64>,
    mean_meter_w: f64,
    /// Solution: deviation of each α from 1, of s from its mean at the end.
    found: Vec<f64>,
    sigma: Vec<f64>,
    /// Variance of residuals \[W²\], their product with the one before, the last one.
    residual: (f64, f64, f64),
    /// Variance of the meter's movement \[W²\].
    movement: f64,
    last_s: Option<f64>,
    readings: u64,
    news: u64,
}

impl Gains {
    /// For so many GPUs below a meter, with what is known of the overhead beforehand.
    #[must_use]
    pub fn new(gpus: usize, overhead: Overhead) -> Self {
        let n = gpus + 1;
        let mut sigma = vec![Gain::PRIOR.sigma; n];
        sigma[gpus] = overhead.sigma;
        Self {
            overhead,
            squares: vec![0.0; n * (n + 1) / 2],
            products: vec![0.0; n],
            row: vec![0.0; n],
            mean_w: vec![0.0; gpus],
            mean_meter_w: 0.0,
            found: vec![0.0; n],
            sigma,
            residual: (0.0, 0.0, 0.0),
            movement: 0.0,
            last_s: None,
            readings: 0,
            news: 0,
        }
    }

    /// A reading of the meter, and what the GPUs showed at its instant; one that shows nothing (not a number) counts as
    /// standing where it was. Readings come in order: one that is not later than the one before is left out.
    pub fn take(&mut self, time_s: f64, meter_w: f64, shown_w: impl Iterator<Item = f64>) {
        if !(meter_w.is_finite() && meter_w > 0.0) {
            return;
        }
        let Some(last_s) = self.last_s.replace(time_s) else {
            self.mean_meter_w = meter_w;
            self.mean_w.iter_mut().zip(shown_w).for_each(|(mean, w)| *mean = w);
            return;
        };
        let dt_s = time_s - last_s;
        if dt_s <= 0.0 {
            self.last_s = Some(last_s);
            return;
        }
        self.pass(dt_s, meter_w, shown_w);
    }

    /// High pass, residual, sums.
    fn pass(&mut self, dt_s: f64, meter_w: f64, shown_w: impl Iterator<Item = f64>) {
        let share = (dt_s / PASS_S).min(1.0);
        let gpus = self.mean_w.len();
        let mut sum_w = 0.0;
        for ((mean, row), w) in self.mean_w.iter_mut().zip(&mut self.row).zip(shown_w) {
            if mean.is_nan() {
                *mean = w;
            }
            *row = if w.is_finite() { w - *mean } else { 0.0 };
            *mean += share * *row;
            sum_w += *row;
        }
        self.row[gpus] = sum_w;
        let told_w: f64 = self.row.iter().zip(&self.found).map(|(p, x)| p * x).sum();
        let told_w = told_w + (1.0 + self.overhead.share) * sum_w;
        let residual_w = self.bounded(meter_w - self.mean_meter_w - told_w);
        // A wild reading is taken as one that is just not: in the mean too.
        self.mean_meter_w += share * (told_w + residual_w);
        self.movement +=
            ((told_w + residual_w).powi(2) - self.movement) / (self.readings as f64 + 1.0).min(720.0);
        let beyond_w = told_w + residual_w - (1.0 + self.overhead.share) * sum_w;
        let kept = 0.5_f64.powf(dt_s / HALF_LIFE_S);
        let mut squares = self.squares.iter_mut();
        for (i, &p) in self.row.iter().enumerate() {
            self.products[i] = kept * self.products[i] + p * beyond_w;
            for (q, sum) in self.row[..=i].iter().zip(&mut squares) {
                *sum = kept * *sum + p * q;
            }
        }
        self.readings += 1;
        self.news += 1;
        let due = NEWS.1.max((NEWS.0 * self.readings as f64) as u64);
        if self.readings >= LEAST && self.news >= due.min(720) {
            self.news = 0;
            self.solve();
        }
    }

    /// Keeps the statistics of residuals; one that is not beyond [`OUTLIER`] deviations.
    fn bounded(&mut self, residual_w: f64) -> f64 {
        let (variance, product, last_w) = self.residual;
        let share = 1.0 / (self.readings as f64 + 1.0).min(720.0);
        let most_w = OUTLIER * variance.sqrt().max(QUIET * self.mean_meter_w);
        let e = if self.readings >= LEAST { residual_w.clamp(-most_w, most_w) } else { residual_w };
        self.residual = (variance + share * (e * e - variance), product + share * (e * last_w - product), e);
        e
    }

    /// Posterior mean and deviations.
    fn solve(&mut self) {
        let n = self.found.len();
        let (variance, product, _) = self.residual;
        let variance = variance.max((QUIET * self.mean_meter_w).powi(2));
        let rho = (product / variance).clamp(0.0, 0.98);
        let worth = (1.0 - rho) / (1.0 + rho) / variance;
        let at = |i: usize, j: usize| {
            let (i, j) = if i >= j { (i, j) } else { (j, i) };
            self.squares[i * (i + 1) / 2 + j]
        };
        let precision = DMatrix::from_fn(n, n, |i, j| worth * at(i, j) + self.prior(i, j));
        let told = DVector::from_fn(n, |i, _| worth * self.products[i]);
        let Some(cholesky) = precision.cholesky() else { return };
        let (found, covariance) = (cholesky.solve(&told), cholesky.inverse());
        if found.iter().all(|x| x.is_finite()) {
            self.found.copy_from_slice(found.as_slice());
            (0..n).for_each(|i| self.sigma[i] = covariance[(i, i)].max(0.0).sqrt());
        }
    }

    /// Inverse of the prior covariance: GAIN² I + SHARED² 1 1ᵀ for the GPUs (by Sherman and Morrison), and the overhead's.
    fn prior(&self, i: usize, j: usize) -> f64 {
        let gpus = self.mean_w.len();
        let own = if i == j { 1.0 } else { 0.0 };
        match (i < gpus, j < gpus) {
            (true, true) => {
                let shared = SHARED.powi(2) / (GAIN.powi(2) + gpus as f64 * SHARED.powi(2));
                (own - shared) / GAIN.powi(2)
            }
            (false, false) => self.overhead.sigma.max(1e-4).powi(-2),
            _ => 0.0,
        }
    }

    /// What is known of a GPU's sensor.
    #[must_use]
    pub fn gain(&self, gpu: usize) -> Gain {
        if self.residual.0 > (1.0 - EXPLAINED) * self.movement {
            return Gain::PRIOR;
        }
        Gain { factor: 1.0 + self.found[gpu], sigma: self.sigma[gpu] }
    }

    /// What is known of the overhead.
    #[cfg(test)]
    fn overhead(&self) -> Overhead {
        let last = self.mean_w.len();
        Overhead { share: self.overhead.share + self.found[last], sigma: self.sigma[last] }
    }

    /// Readings that speak for it.
    #[cfg(test)]
    fn readings(&self) -> u64 {
        self.readings
    }
}

#[cfg(test)]
mod tests;
