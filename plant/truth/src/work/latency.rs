//! Latencies of requests: quantiles in fixed memory, and how many met their objective.
//!
//! Responsible for: a mergeable histogram with logarithmic buckets, and the objective itself.
//! Not for: who measures (see `serving`).
//!
//! A duration falls into one of 16 equal parts of its octave, from 2^-12 s (0.24 ms) to 2^12 s (68 min); a quantile
//! is interpolated inside its bucket, so it is at most 1/16 (6 %) off, mostly far less. (G. Tene, `HdrHistogram`.)

/// Parts of an octave.
const PARTS: usize = 16;
/// Octaves, from 2^LOW s.
const OCTAVES: usize = 24;
const LOW: i64 = -12;

/// A histogram of durations.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    counts: Vec<u64>,
    count: u64,
    sum_s: f64,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { counts: vec![0; PARTS * OCTAVES], count: 0, sum_s: 0.0 }
    }
}

impl Sketch {
    /// Adds a duration `weight` times \[s\]. Exponent and first four bits of the mantissa are the bucket.
    #[inline]
    pub fn add(&mut self, seconds: f64, weight: u64) {
        let part = (seconds.max(0.0).to_bits() >> 48) as i64 - ((1023 + LOW) << 4);
        let bucket = part.clamp(0, (PARTS * OCTAVES) as i64 - 1) as usize;
        self.counts[bucket] += weight;
        self.count += weight;
        self.sum_s += seconds * weight as f64;
    }

    /// Durations added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Sum of the durations added \[s\].
    #[must_use]
    pub fn sum_s(&self) -> f64 {
        self.sum_s
    }

    /// Durations up to each of some bounds \[s\], in rising order; inside a bucket durations are taken as even. As exact as
    /// the buckets, and never falling from one state of the sketch to a later one.
    pub fn at_most(&self, bounds_s: &[f64], counts: &mut [u64]) {
        let (mut bucket, mut below) = (0, 0);
        for (&bound_s, count) in bounds_s.iter().zip(counts) {
            while bucket < self.counts.len() && edge_s(bucket + 1) <= bound_s {
                below += self.counts[bucket];
                bucket += 1;
            }
            let inside = self.counts.get(bucket).map_or(0.0, |&n| {
                let (low, high) = (edge_s(bucket), edge_s(bucket + 1));
                n as f64 * ((bound_s - low) / (high - low)).clamp(0.0, 1.0)
            });
            *count = below + inside as u64;
        }
    }

    /// Mean \[s\]; `None` without durations.
    #[must_use]
    pub fn mean_s(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_s / self.count as f64)
    }

    /// The duration that a share `q` of all does not exceed \[s\]; `None` without durations.
    #[must_use]
    pub fn quantile_s(&self, q: f64) -> Option<f64> {
        let rank = q.clamp(0.0, 1.0) * self.count as f64;
        let mut below = 0.0;
        let full = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let mut last = None;
        for (bucket, &count) in full {
            let (low, high) = (edge_s(bucket), edge_s(bucket + 1));
            if below + count as f64 >= rank {
                return Some(low + (high - low) * (rank - below) / count as f64);
            }
            below += count as f64;
            last = Some(high);
        }
        last
    }

    /// What was added since an earlier state of the same sketch: quantiles of a window.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let counts = self.counts.iter().zip(&earlier.counts).map(|(now, then)| now.saturating_sub(*then));
        Self {
            counts: counts.collect(),
            count: self.count.saturating_sub(earlier.count),
            sum_s: self.sum_s - earlier.sum_s,
        }
    }

    /// Adds all of another sketch.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum_s += other.sum_s;
    }
}

/// Lower edge of a bucket \[s\]: exponent and first four bits of the mantissa, as [`Sketch::add`] has them.
fn edge_s(bucket: usize) -> f64 {
    f64::from_bits((bucket as u64 + (((1023 + LOW) as u64) << 4)) << 48)
}

/// Latencies of a serving job since its start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Latency {
    /// Time to the first token.
    pub first_token: Sketch,
    /// Mean time of the further tokens of a request.
    pub token: Sketch,
}

/// A service level objective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slo {
    /// Longest time to the first token \[s\].
    pub first_token_s: f64,
    /// Longest mean time of a further token \[s\].
    pub token_s: f64,
}

impl Slo {
    /// Llama 3.1 405B in a server: 6 s and 175 ms (`MLPerf` Inference v5.0 rules).
    pub const LARGE_MODEL: Self = Self { first_token_s: 6.0, token_s: 0.175 };
    /// Llama 2 70B in a server: 2 s and 200 ms (`MLPerf` Inference v4.0 rules).
    pub const MEDIUM_MODEL: Self = Self { first_token_s: 2.0, token_s: 0.2 };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn quantiles_are_within_a_bucket() {
        let mut rng = Rng::new(3);
        let mut sketch = Sketch::default();
        let mut all: Vec<f64> = (0..20_000).map(|_| (0.8 * rng.normal()).exp() * 0.7).collect();
        for x in &all {
            sketch.add(*x, 1);
        }
        all.sort_by(f64::total_cmp);
        for q in [0.01, 0.5, 0.95, 0.99] {
            let (got, want) = (sketch.quantile_s(q).unwrap(), all[(q * 20_000.0) as usize]);
            assert!((got / want - 1.0).abs() < 0.04, "{q}: {got} {want}");
        }
        assert!((sketch.mean_s().unwrap() / (all.iter().sum::<f64>() / 20_000.0) - 1.0).abs() < 1e-9);
        let before = sketch.clone();
        sketch.add(1.0, 10);
        assert_eq!(sketch.since(&before).count(), 10);
        assert!((sketch.since(&before).quantile_s(0.5).unwrap() - 1.0).abs() < 0.07);
        assert!(Sketch::default().quantile_s(0.5).is_none());
    }

    #[test]
    fn extremes_stay_inside() {
        let mut sketch = Sketch::default();
        for x in [0.0, 1e-9, 1e9, f64::INFINITY] {
            sketch.add(x, 1);
        }
        assert!(sketch.quantile_s(1.0).unwrap() <= 4096.0 && sketch.quantile_s(0.0).unwrap() >= 0.0);
    }
}
