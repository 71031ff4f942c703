//! Does the recent past repeat itself, and how?
//!
//! Responsible for: the period of a row of equidistant values by autocorrelation, and how sure it is. Not for: what the
//! values are.
//!
//! ```text
//! r(L) = N/(N - L)  sum (x_t - m)(x_{t+L} - m) / sum (x_t - m)^2       L  lag [samples], m the mean
//! ```
//!
//! The period is the shortest lag at which r has a peak nearly as high as its highest one (a multiple of a period is one
//! too), refined by parabolas through the peaks at its multiples. The peak must stand above the valley before it: noise and trends
//! fall without one. r there is the share of the variance that repeats: the confidence. No lag below two samples is looked
//! at: what is faster than Nyquist cannot be told from what is slow.

/// Least share of the variance that repeats.
const LEAST: f64 = 0.3;
/// How far a peak stands above the valley before it.
const ABOVE_VALLEY: f64 = 0.25;
/// A peak as high as this share of the highest counts as high.
const AS_HIGH: f64 = 0.7;

/// A period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Period {
    /// Samples.
    pub samples: f64,
    /// Share of the variance that repeats, 0 to 1.
    pub confidence: f64,
}

/// The period of some values, in order of time, if they have one that is seen three times and more. `r` is memory for lags up
/// to its length.
pub(super) fn find(x: &[f64], r: &mut [f64]) -> Option<Period> {
    let n = x.len();
    let most = (n / 3).min(r.len().saturating_sub(1));
    let mean = x.iter().sum::<f64>() / n.max(1) as f64;
    let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n.max(1) as f64;
    if most < 4 || variance <= 1e-12 * mean * mean + f64::MIN_POSITIVE {
        return None;
    }
    for (lag, r) in r.iter_mut().enumerate().take(most + 1) {
        let (early, late) = (&x[..n - lag], &x[lag..]);
        *r = lanes(early, late, mean) / (n - lag) as f64 / variance;
    }
    let r = &r[..=most];
    let (mut valley, mut highest) = (f64::INFINITY, 0.0_f64);
    let mut stands = |lag: usize| {
        valley = valley.min(r[lag - 1]);
        r[lag] >= r[lag - 1] && r[lag] > r[lag + 1] && r[lag] >= LEAST && r[lag] - valley >= ABOVE_VALLEY
    };
    let mut best: Option<usize> = None;
    for lag in 2..most {
        if stands(lag) {
            // Only a clearly higher peak takes the place of a shorter one.
            if best.is_none_or(|b: usize| r[lag] * AS_HIGH > r[b]) {
                best = Some(lag);
            }
            highest = highest.max(r[lag]);
        }
    }
    let lag = best?;
    let (mut samples, mut last) = (vertex(r, lag), lag);
    // A peak k periods away tells the period k times as well; each step leads to the next.
    for k in 2_u32.. {
        let near = (samples * f64::from(k)).round() as usize;
        if near + 2 > most {
            break;
        }
        let peak = if r[near - 1] > r[near] { near - 1 } else { near };
        let peak = if r[near + 1] > r[peak] { near + 1 } else { peak };
        // A later one, or the walk has gone astray and would not end.
        if r[peak] < LEAST || peak <= last {
            break;
        }
        last = peak;
        samples = vertex(r, peak) / f64::from(k);
    }
    // A peak between samples looks lower than it is; those at multiples are nearer to one now and then.
    Some(Period { samples, confidence: highest.clamp(0.0, 1.0) })
}

/// sum (a - m)(b - m), in lanes that a processor does at once; the order of the sum is the same on every one.
fn lanes(a: &[f64], b: &[f64], mean: f64) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a_eights, b_eights) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_eights.remainder().iter().zip(b_eights.remainder());
    let rest: f64 = rest.map(|(a, b)| (a - mean) * (b - mean)).sum();
    for (a, b) in a_eights.zip(b_eights) {
        for i in 0..LANES {
            sums[i] += (a[i] - mean) * (b[i] - mean);
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Where the parabola through a value and its neighbours is highest.
fn vertex(r: &[f64], lag: usize) -> f64 {
    let (Some(a), Some(b), Some(c)) = (r.get(lag - 1), r.get(lag), r.get(lag + 1)) else { return lag as f64 };
    let bend = a - 2.0 * b + c;
    let off = if bend < 0.0 { (0.5 * (a - c) / bend).clamp(-0.5, 0.5) } else { 0.0 };
    lag as f64 + off
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    fn of(n: usize, mut x: impl FnMut(usize) -> f64) -> Option<Period> {
        let x: Vec<f64> = (0..n).map(&mut x).collect();
        find(&x, &mut [0.0; 200])
    }

    #[test]
    fn a_square_wave_has_its_period_and_not_a_multiple() {
        for period in [5.0, 7.3, 20.0, 61.5] {
            let mut dice = Dice(7);
            let found = of(360, |t| {
                let busy = (t as f64 / period).fract() < 0.8;
                f64::from(u8::from(busy)) * 100.0 + dice.normal() * 10.0
            })
            .unwrap();
            assert!((found.samples - period).abs() < 0.005 * period, "{period}: {found:?}");
            assert!(found.confidence > 0.5, "{found:?}");
        }
    }

    /// Something fast on something slow: peaks that lie ever earlier than their multiples say. The walk through them ends all the
    /// same.
    #[test]
    fn whatever_comes_the_search_ends() {
        let mut found = 0;
        for seed in 1..4000 {
            let mut dice = Dice(seed);
            let n = 12 + (dice.draw() * 60.0) as usize;
            let motif: Vec<f64> = (0..dice.range(2.0, 8.0) as usize).map(|_| dice.range(0.0, 4.0)).collect();
            let (slow, period) = (dice.range(0.0, 3.0), dice.range(8.0, 40.0));
            let x =
                of(n, |t| motif[t % motif.len()] + slow * (t as f64 / period * std::f64::consts::TAU).sin());
            if let Some(x) = x {
                found += 1;
                assert!(x.samples > 1.0 && x.samples < n as f64, "{seed}: {x:?}");
            }
        }
        assert!(found > 1000, "{found}");
    }

    #[test]
    fn noise_ramps_and_constants_have_none() {
        for seed in 1..40 {
            let mut dice = Dice(seed);
            assert_eq!(of(360, |_| dice.normal()), None, "{seed}");
            let mut at = 0.0;
            let walk = of(360, |_| {
                at += dice.normal();
                at
            });
            assert!(walk.is_none_or(|p| p.confidence < 0.9), "{walk:?}");
        }
        assert_eq!(of(360, |t| t as f64), None);
        assert_eq!(of(360, |_| 5.0), None);
        assert_eq!(of(3, |t| t as f64), None);
    }
}
