//! What an inference engine's page keeps of latencies: histograms under the bounds that vLLM uses.
//!
//! Responsible for: cumulative counts of a job's true latencies by those bounds. Not for: the page's text (`wires`), or what
//! a reader makes of two readings.
//!
//! Bounds: vLLM, `vllm/v1/metrics/loggers.py` (time to first token, inter-token latency). The plant knows the mean of the
//! further tokens of each request, so a request counts once and not once a token.

use headroom_truth::work::{Job, Sketch};

/// Upper bounds of times to the first token, s.
pub const FIRST_TOKEN_S: [f64; 22] = [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0,
    80.0, 160.0, 640.0, 2560.0,
];

/// Upper bounds of times from one token to the next, s.
pub const INTER_TOKEN_S: [f64; 19] = [
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
];

/// A histogram since the start of an engine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// Upper bounds, s.
    pub bounds_s: &'static [f64],
    /// Durations up to each bound.
    pub counts: Vec<u64>,
    /// All durations.
    pub count: u64,
    /// Their sum, s.
    pub sum_s: f64,
}

impl Histogram {
    fn of(sketch: &Sketch, bounds_s: &'static [f64]) -> Self {
        let mut counts = vec![0; bounds_s.len()];
        sketch.at_most(bounds_s, &mut counts);
        Self { bounds_s, counts, count: sketch.count(), sum_s: sketch.sum_s() }
    }

    /// Times to the first token and from one token to the next of a job; `None` where it serves nobody.
    #[must_use]
    pub fn of_job(job: &Job) -> Option<[Self; 2]> {
        let latency = job.latency()?;
        Some([Self::of(&latency.first_token, &FIRST_TOKEN_S), Self::of(&latency.token, &INTER_TOKEN_S)])
    }

    /// Bounds with the counts that an earlier state had not, the last bound infinite; and the sum since.
    #[must_use]
    pub fn since(&self, before: &Self) -> (Vec<(f64, f64)>, f64) {
        let then = |i: usize| before.counts.get(i).copied().unwrap_or(0);
        let finite = self.bounds_s.iter().zip(&self.counts).enumerate();
        let mut all: Vec<(f64, f64)> =
            finite.map(|(i, (bound, n))| (*bound, n.saturating_sub(then(i)) as f64)).collect();
        all.push((f64::INFINITY, self.count.saturating_sub(before.count) as f64));
        (all, self.sum_s - before.sum_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_cumulative_and_never_fall() {
        let mut sketch = Sketch::default();
        let mut last = Histogram::of(&sketch, &FIRST_TOKEN_S);
        for k in 1..400 {
            sketch.add(0.003 * f64::from(k), 1 + k as u64 % 3);
            let now = Histogram::of(&sketch, &FIRST_TOKEN_S);
            assert!(now.counts.windows(2).all(|w| w[0] <= w[1]) && now.counts[21] <= now.count);
            assert!(now.counts.iter().zip(&last.counts).all(|(a, b)| a >= b));
            let (since, sum_s) = now.since(&last);
            assert!((sum_s - 0.003 * f64::from(k) * f64::from(1 + k % 3)).abs() < 1e-9);
            assert!((since[22].1 - f64::from(1 + k % 3)).abs() < 1e-9);
            last = now;
        }
        // 0.5 s: durations up to 0.498 s, k = 166, a third each weighted 2, 3 and 1
        let exact: u64 = (1..=166).map(|k| 1 + k % 3).sum();
        assert!((last.counts[9] as f64 / exact as f64 - 1.0).abs() < 0.05, "{} {exact}", last.counts[9]);
    }
}
