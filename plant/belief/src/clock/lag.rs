//! A lag from physics: two instruments that must have seen the same steps.
//!
//! Responsible for: how far behind a reference of known times another series is, with its uncertainty. Not for: which
//! instruments see the same (`headroom-core`, `align`).
//!
//! With r the reference, cumulative so that its mean over any window is exact, y the other one at its own stamps s, and w
//! the window over which y averages, centred:
//!
//! ```text
//! y(s) = a + b s + g (r(s - τ + w/2) - r(s - τ - w/2)) / w + e
//! ```
//!
//! a, b and g follow by least squares for every τ; τ has the least sum of squares S. Residuals are largest just where the
//! load steps, which is also where τ is felt, so its variance is the robust one (Newey and West, Econometrica 55, 1987),
//! with d = g r'(s - τ):
//!
//! ```text
//! var τ = ( Σ e_i² d_i² + 2 Σ_l (1 - l / (L + 1)) Σ_i e_i d_i e_(i+l) d_(i+l) ) / (Σ d_i²)²       L = 2
//! ```
//!
//! Nothing is said where the fit is poor, where g is not positive, or where another τ does nearly as well, as with a load
//! that repeats.

/// Least share of the variance that has to be explained.
const EXPLAINED: f64 = 0.5;
/// How much likelier (logarithm) the best lag has to be than any that is not its neighbour.
const DISTINCT: f64 = 12.0;
/// What the steps of the reference itself leave in doubt, as a share of one: found in the campaign of the tests.
const GRAIN: f64 = 0.1;
/// Fewest readings.
const LEAST: usize = 60;

/// How far a series is behind its reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lag {
    /// The lag \[s\]: what is stamped s was so at s - lag.
    pub lag_s: f64,
    /// Standard deviation of that \[s\].
    pub sigma_s: f64,
    /// What the series shows per unit of the reference.
    pub gain: f64,
    /// Share of the variance explained.
    pub explained: f64,
}

/// The lag of `shown` (stamp \[s\], value) behind `reference` (time \[s\], cumulative value, both rising in time), sought in
/// `within` \[s\]. The instrument averages over one of `windows_s`: the one that fits best is taken. An answer is as fine
/// as the reference: one of 100 ms tells a meter of 1 s to some tens of ms.
#[must_use]
pub fn lag(
    reference: &[(f64, f64)],
    shown: &[(f64, f64)],
    within: (f64, f64),
    windows_s: &[f64],
) -> Option<Lag> {
    let (first, last) = (reference.first()?.0, reference.last()?.0);
    let widest = windows_s.iter().copied().fold(1e-3, f64::max);
    // The same readings for every lag and window, so that sums of squares compare.
    let usable = |s: &f64| s - within.1 - widest >= first && s - within.0 + widest <= last;
    let shown: Vec<(f64, f64)> = shown.iter().copied().filter(|(s, y)| usable(s) && y.is_finite()).collect();
    if shown.len() < LEAST {
        return None;
    }
    let pairs = windows_s.iter().map(|w| Pair { reference, shown: &shown, half: 0.5 * w.max(1e-3) });
    let found = pairs.filter_map(|pair| pair.search(within)).min_by(|a, b| a.1.total_cmp(&b.1));
    found.map(|(lag, _)| lag)
}

/// Least sum of squares outside the valley around the best one; infinite if there is nothing else.
fn rival(sums: &[f64], best: usize) -> f64 {
    let foot = |range: &mut dyn Iterator<Item = usize>| {
        let mut before = sums[best];
        let mut at = best;
        for k in range {
            if sums[k] < before {
                break;
            }
            (before, at) = (sums[k], k);
        }
        at
    };
    let right = foot(&mut (best + 1..sums.len()));
    let left = foot(&mut (0..best).rev());
    sums[..left].iter().chain(&sums[right + 1..]).copied().fold(f64::INFINITY, f64::min)
}

/// Golden section.
fn narrow(f: impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
    let (mut low, mut high) = (low, high);
    let share = 0.5 * (5.0_f64.sqrt() - 1.0);
    for _ in 0..24 {
        let (a, b) = (high - share * (high - low), low + share * (high - low));
        if f(a) < f(b) { high = b } else { low = a }
    }
    0.5 * (low + high)
}

struct Pair<'a> {
    reference: &'a [(f64, f64)],
    shown: &'a [(f64, f64)],
    half: f64,
}

/// Least squares at one lag.
struct Fit {
    gain: f64,
    squares: f64,
    /// Sum of squares without the reference.
    total: f64,
    residuals: Vec<f64>,
}

impl Fit {
    fn explained(&self) -> f64 {
        1.0 - self.squares / self.total.max(f64::MIN_POSITIVE)
    }

    /// By how many a residual counts for less than one, since neighbours are alike.
    fn widened(&self) -> f64 {
        let products: f64 = self.residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
        let rho = (products / self.squares.max(f64::MIN_POSITIVE)).clamp(0.0, 0.98);
        (1.0 + rho) / (1.0 - rho)
    }
}

impl Pair<'_> {
    /// The lag at this window, if there is one, and its sum of squares.
    fn search(&self, within: (f64, f64)) -> Option<(Lag, f64)> {
        let step = (0.5 * self.half).clamp(0.02, 1.0);
        let count = ((within.1 - within.0) / step).ceil().max(2.0) as usize;
        let grid: Vec<f64> = (0..=count).map(|k| within.0 + k as f64 * step).collect();
        let sums: Vec<f64> = grid.iter().map(|tau| self.fit(*tau).squares).collect();
        let best = (0..sums.len()).min_by(|a, b| sums[*a].total_cmp(&sums[*b]))?;
        if best == 0 || best + 1 >= sums.len() {
            return None;
        }
        let tau = narrow(|tau| self.fit(tau).squares, grid[best - 1], grid[best + 1]);
        let fit = self.fit(tau);
        // Beyond the foot of its own valley no other lag may do nearly as well.
        let n = self.shown.len() as f64 / fit.widened();
        let distinct = 0.5 * n * (rival(&sums, best) / fit.squares.max(f64::MIN_POSITIVE)).ln();
        if fit.gain <= 0.0 || fit.explained() < EXPLAINED || distinct < DISTINCT {
            return None;
        }
        let sigma_s = self.deviation(tau, &fit)?.hypot(GRAIN * self.grain_s());
        Some((Lag { lag_s: tau, sigma_s, gain: fit.gain, explained: fit.explained() }, fit.squares))
    }

    /// Step of the reference \[s\].
    fn grain_s(&self) -> f64 {
        let (first, last) = (self.reference[0].0, self.reference[self.reference.len() - 1].0);
        (last - first) / (self.reference.len() - 1).max(1) as f64
    }

    /// Mean of the reference in the window around each stamp, moved by a lag.
    fn means(&self, tau: f64) -> Vec<f64> {
        let (mut low, mut high) = (Walker::new(self.reference), Walker::new(self.reference));
        let mean = |s: f64| (high.at(s - tau + self.half) - low.at(s - tau - self.half)) / (2.0 * self.half);
        self.shown.iter().map(|(s, _)| *s).map(mean).collect()
    }

    fn fit(&self, tau: f64) -> Fit {
        let rows = self.means(tau);
        let n = rows.len() as f64;
        let average = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / n;
        let s0 = average(&mut self.shown.iter().map(|(s, _)| *s));
        let y0 = average(&mut self.shown.iter().map(|(_, y)| *y));
        let r0 = average(&mut rows.iter().copied());
        // Sums of squares and products about the means, in the order ss, sr, sy, rr, ry, yy.
        let mut m = [0.0; 6];
        for ((s, y), r) in self.shown.iter().zip(&rows) {
            let (s, y, r) = (s - s0, y - y0, r - r0);
            for (sum, product) in m.iter_mut().zip([s * s, s * r, s * y, r * r, r * y, y * y]) {
                *sum += product;
            }
        }
        let [ss, sr, sy, rr, ry, yy] = m;
        let (rr, ry, total) = (rr - sr * sr / ss, ry - sr * sy / ss, yy - sy * sy / ss);
        let gain = if rr > 0.0 { ry / rr } else { 0.0 };
        let trend = (sy - gain * sr) / ss;
        let residual = |((s, y), r): (&(f64, f64), &f64)| y - y0 - trend * (s - s0) - gain * (r - r0);
        let residuals: Vec<f64> = self.shown.iter().zip(&rows).map(residual).collect();
        Fit { gain, squares: residuals.iter().map(|e| e * e).sum(), total, residuals }
    }

    /// Standard deviation of the lag (see the module page).
    fn deviation(&self, tau: f64, fit: &Fit) -> Option<f64> {
        let (before, after) = (self.means(tau + self.half), self.means(tau - self.half));
        let slope = |(b, a): (&f64, &f64)| fit.gain * (a - b) / (2.0 * self.half);
        let slopes: Vec<f64> = before.iter().zip(&after).map(slope).collect();
        let scores: Vec<f64> = slopes.iter().zip(&fit.residuals).map(|(d, e)| d * e).collect();
        let products = |l: usize| scores.iter().zip(&scores[l..]).map(|(a, b)| a * b).sum::<f64>();
        let along: f64 = (1..=2).map(|l| 2.0 * (1.0 - l as f64 / 3.0) * products(l)).sum();
        let spread = (products(0) + along).max(products(0));
        let information: f64 = slopes.iter().map(|d| d * d).sum();
        (information > 0.0).then(|| spread.sqrt() / information)
    }
}

/// A series read at times that rise.
struct Walker<'a> {
    series: &'a [(f64, f64)],
    at: usize,
}

impl<'a> Walker<'a> {
    fn new(series: &'a [(f64, f64)]) -> Self {
        Self { series, at: 0 }
    }

    fn at(&mut self, t: f64) -> f64 {
        while self.at + 2 < self.series.len() && self.series[self.at + 1].0 <= t {
            self.at += 1;
        }
        let ((t0, v0), (t1, v1)) =
            (self.series[self.at], self.series[(self.at + 1).min(self.series.len() - 1)]);
        if t1 > t0 { v0 + (v1 - v0) * (t - t0) / (t1 - t0) } else { v0 }
    }
}
