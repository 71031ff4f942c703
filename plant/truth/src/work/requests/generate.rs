//! Generated requests.
//!
//! Responsible for: a Poisson process whose rate follows the hour, the day of the week, slow bursts and a two-state
//! modulation; lengths from log-normal laws.
//! Not for: replaying (see `trace`).
//!
//! ```text
//! r(t) = r0 day(t) week(t) (1 + b(t)) m(t)      b: first-order noise, new every 5 s;  m: two states, exponential stays
//! ```
//! Arrivals are drawn by counting down a unit exponential, so they do not depend on how time is cut into steps.
//! Two-state modulation is the Markov-modulated Poisson process of W. Fischer and K. Meier-Hellstern (Performance
//! Evaluation 18, 1993).

use std::f64::consts::TAU;

use super::super::serving::ServingSpec;
use super::Request;
use crate::rng::Rng;

/// Cells of time in which the slow part of the rate is constant \[s\].
const CELL_S: f64 = 5.0;

/// Two-state modulation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bursty {
    /// Rate in the high state over that in the low state.
    pub ratio: f64,
    /// Mean stay in the high state \[s\].
    pub high_s: f64,
    /// Mean stay in the low state \[s\].
    pub low_s: f64,
}

impl Default for Bursty {
    /// Ten times the rate for 20 s, every two minutes.
    fn default() -> Self {
        Self { ratio: 10.0, high_s: 20.0, low_s: 100.0 }
    }
}

/// A generator, as data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiurnalSpec {
    /// Mean arrivals \[1/h\]; set by [`super::RequestSource::scaled_to`].
    pub mean_per_h: f64,
    /// Swing of the day over its mean: 0.5 is half at night and one and a half at the peak.
    pub day_swing: f64,
    /// Busiest hour of the day.
    pub peak_hour: f64,
    /// Load on days 6 and 7 of a week over that of the other days.
    pub weekend: f64,
    /// Deviation of the burst factor.
    pub burst: f64,
    /// Memory of bursts \[s\].
    pub burst_s: f64,
    /// Two-state modulation on top, if any.
    pub bursty: Option<Bursty>,
    /// Median and log-deviation of prompt lengths.
    pub input: [f64; 2],
    /// Median and log-deviation of answer lengths.
    pub output: [f64; 2],
}

impl Default for DiurnalSpec {
    /// Conversation: medians of the Azure 2023 conversation trace (1020 in, 129 out, mean about 1155 and 211).
    fn default() -> Self {
        Self {
            mean_per_h: 9000.0,
            day_swing: 0.5,
            peak_hour: 14.5,
            weekend: 0.75,
            burst: 0.15,
            burst_s: 300.0,
            bursty: None,
            input: [1020.0, 0.7],
            output: [150.0, 0.8],
        }
    }
}

impl DiurnalSpec {
    /// A plain Poisson process: no day, no week, no bursts.
    #[must_use]
    pub fn poisson() -> Self {
        Self { day_swing: 0.0, weekend: 1.0, burst: 0.0, ..Self::default() }
    }

    /// A two-state process around a flat day.
    #[must_use]
    pub fn bursty(bursty: Bursty) -> Self {
        Self { bursty: Some(bursty), ..Self::poisson() }
    }
}

/// State of a generator.
#[derive(Debug, Clone)]
pub struct Generator {
    spec: DiurnalSpec,
    rng: Rng,
    /// Bursts have their own draws, so that they are the same at any rate.
    burst_rng: Rng,
    burst: f64,
    /// Cell of time that `slow` belongs to, and the slow part of the rate \[1/s\].
    cell: i64,
    slow: f64,
    high: bool,
    /// When the state changes next \[s\].
    switch_s: f64,
    /// Unit exponential still to be consumed before the next arrival.
    left: f64,
}

impl Generator {
    /// A generator of a seed.
    #[must_use]
    pub fn new(spec: DiurnalSpec, seed: u64) -> Self {
        let mut rng = Rng::stream(seed, 0x7265_7173);
        let left = rng.exponential(1.0);
        Self {
            spec,
            rng,
            burst_rng: Rng::stream(seed, 0x6275_7273),
            burst: 0.0,
            cell: i64::MIN,
            slow: 0.0,
            high: true,
            switch_s: f64::NEG_INFINITY,
            left,
        }
    }

    /// Its data.
    #[must_use]
    pub fn spec(&self) -> &DiurnalSpec {
        &self.spec
    }

    /// Sets the rate so that requests cost `capacity` replica-seconds per second on average.
    pub(super) fn scale_to(&mut self, capacity: f64, spec: &ServingSpec) {
        let mean = |[median, sigma]: [f64; 2]| (median * (0.5 * sigma * sigma).exp()).round() as u32;
        let typical = Request {
            arrival_s: 0.0,
            input_tokens: mean(self.spec.input),
            output_tokens: mean(self.spec.output),
        };
        self.spec.mean_per_h = 3600.0 * capacity / spec.cost_s(&typical);
        self.cell = i64::MIN;
    }

    pub(super) fn advance(&mut self, dt_s: f64, now_s: f64, boost: f64, out: &mut Vec<Request>) {
        let (mut at, end) = (now_s, now_s + dt_s);
        while at < end {
            let cell = (at / CELL_S + 1e-9).floor() as i64;
            if cell != self.cell {
                self.enter(cell);
            }
            let modulation = self.modulation(at);
            let until = end.min((cell + 1) as f64 * CELL_S).min(self.switch_s.max(at + 1e-6));
            self.arrivals(at, until - at, self.slow * modulation * boost, out);
            at = until;
        }
    }

    /// Rate of a new cell of time.
    fn enter(&mut self, cell: i64) {
        let s = &self.spec;
        let keep = 1.0 - (CELL_S / s.burst_s.max(CELL_S)).min(1.0);
        // Cells that were jumped over are forgotten.
        let keep = if cell == self.cell.wrapping_add(1) { keep } else { 0.0 };
        self.burst = keep * self.burst + s.burst * (1.0 - keep * keep).sqrt() * self.burst_rng.normal();
        self.cell = cell;
        let middle_s = (cell as f64 + 0.5) * CELL_S;
        let hour = (middle_s / 3600.0).rem_euclid(24.0);
        let day = 1.0 + s.day_swing * (TAU * (hour - s.peak_hour) / 24.0).cos();
        let weekend = (middle_s / 86_400.0).rem_euclid(7.0) >= 5.0;
        let week = if weekend { s.weekend } else { 1.0 } * 7.0 / (5.0 + 2.0 * s.weekend);
        self.slow = s.mean_per_h / 3600.0 * (1.0 + self.burst).max(0.1) * day.max(0.0) * week;
    }

    /// Two-state factor of mean 1 at a time.
    fn modulation(&mut self, at: f64) -> f64 {
        let Some(b) = self.spec.bursty else {
            self.switch_s = f64::INFINITY;
            return 1.0;
        };
        if self.switch_s.is_infinite() {
            self.switch_s = at;
        }
        while self.switch_s <= at {
            self.high = !self.high;
            let stay = if self.high { b.high_s } else { b.low_s };
            self.switch_s += self.burst_rng.exponential(stay).max(1e-3);
        }
        let low = (b.high_s + b.low_s) / (b.ratio * b.high_s + b.low_s);
        if self.high { b.ratio * low } else { low }
    }

    /// Arrivals of a constant rate.
    fn arrivals(&mut self, at: f64, dt_s: f64, rate: f64, out: &mut Vec<Request>) {
        let mut hazard = rate * dt_s;
        let mut passed = 0.0;
        while self.left < hazard {
            hazard -= self.left;
            passed += self.left / rate;
            let request = self.draw(at + passed);
            out.push(request);
            self.left = self.rng.exponential(1.0);
        }
        self.left -= hazard;
    }

    /// Lengths of a request: both normals of a Box and Muller pair.
    fn draw(&mut self, arrival_s: f64) -> Request {
        // 32 bits are enough for a length: the longest normal is 6.7 deviations.
        const UNIT: f64 = 1.0 / (1u64 << 32) as f64;
        let mut uniform = || (f64::from(self.rng.next_u32()) + 0.5) * UNIT;
        let radius = (-2.0 * uniform().ln()).sqrt();
        let (sine, cosine) = (TAU * uniform()).sin_cos();
        let length = |[median, sigma]: [f64; 2], normal: f64| {
            ((median * (sigma * normal).exp()).clamp(1.0, 32_000.0) + 0.5) as u32
        };
        Request {
            arrival_s,
            input_tokens: length(self.spec.input, radius * cosine),
            output_tokens: length(self.spec.output, radius * sine),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(spec: DiurnalSpec, dt_s: f64, seconds: f64) -> (Vec<Request>, Vec<f64>) {
        let mut source = Generator::new(spec, 11);
        let mut out = Vec::new();
        let steps = (seconds / dt_s).round() as usize;
        for k in 0..steps {
            source.advance(dt_s, k as f64 * dt_s, 1.0, &mut out);
        }
        let mut bins = vec![0.0; (seconds / 10.0) as usize];
        let last = bins.len() - 1;
        for request in &out {
            bins[((request.arrival_s / 10.0) as usize).min(last)] += 1.0;
        }
        (out, bins)
    }

    fn dispersion(bins: &[f64]) -> f64 {
        let n = bins.len() as f64;
        let mean = bins.iter().sum::<f64>() / n;
        bins.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n / mean
    }

    #[test]
    fn poisson_is_poisson_and_bursty_is_not() {
        let (flat, bins) = counts(DiurnalSpec::poisson(), 1.0, 40_000.0);
        assert!((flat.len() as f64 / (9000.0 / 3600.0 * 40_000.0) - 1.0).abs() < 0.02);
        assert!((dispersion(&bins) - 1.0).abs() < 0.08, "{}", dispersion(&bins));
        let (burst, bins) = counts(DiurnalSpec::bursty(Bursty::default()), 1.0, 200_000.0);
        assert!((burst.len() as f64 / (2.5 * 200_000.0) - 1.0).abs() < 0.06, "{}", burst.len());
        assert!(dispersion(&bins) > 15.0, "{}", dispersion(&bins));
    }

    #[test]
    fn arrivals_do_not_depend_on_the_step() {
        let spec = DiurnalSpec { bursty: Some(Bursty::default()), ..DiurnalSpec::default() };
        let (fine, _) = counts(spec, 0.25, 5000.0);
        let (coarse, _) = counts(spec, 10.0, 5000.0);
        assert_eq!(fine.len(), coarse.len());
        for (a, b) in fine.iter().zip(&coarse) {
            assert!((a.arrival_s - b.arrival_s).abs() < 1e-3 && a.input_tokens == b.input_tokens);
        }
    }
}
