//! One way of forecasting: its decays, its errors at each horizon, and what it costs beside persistence.
//!
//! Responsible for: turning a shape into quantiles. Not for: the shape, or the choice among candidates.
//!
//! phi_h is the slope of the deviation h minutes later on the deviation now, y(t+h) - s(t+h) on y(t) - s(t), by least
//! squares with forgetting and a prior phi_0 that counts as K minutes:
//!
//! ```text
//! phi_h = (S_xy + phi_0 K S_xx/W) / (S_xx + K S_xx/W)      S, W  sums over minutes, forgotten in TAU
//! ```

use super::conformal::{self, Conformal, pinball};
use super::{HORIZONS, HORIZONS_MIN};

/// Time in which the past of a decay is forgotten, min.
const TAU_PHI_MIN: f64 = 720.0;
/// Minutes that the prior counts.
const PRIOR_MIN: f64 = 60.0;
/// Time in which losses are forgotten, min, and in horizons if that is longer: errors of neighbouring minutes are one error.
const TAU_LOSS_MIN: f64 = 360.0;
const TAU_LOSS_HORIZONS: f64 = 24.0;

/// Values of a shape now and at each horizon; not numbers where it has nothing to say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub(super) now: f64,
    pub(super) ahead: [f64; HORIZONS],
}

/// What was said at a minute for one a horizon later.
#[derive(Debug, Clone, Copy)]
struct Said {
    minute: i64,
    deviation: f64,
    shape: f64,
    forecast: f64,
    errors: Option<[f64; 3]>,
}

const NOTHING: Said = Said { minute: i64::MIN, deviation: 0.0, shape: 0.0, forecast: 0.0, errors: None };

/// One horizon.
#[derive(Debug, Clone)]
struct Ahead {
    said: Vec<Said>,
    phi_0: f64,
    sxx: f64,
    sxy: f64,
    weight: f64,
    errors: Conformal,
    /// Loss of the last quantiles that came true.
    loss: Option<f64>,
    /// Sums of losses at the same minutes: its own, those of persistence, and their weight.
    own: f64,
    other: f64,
    evidence: f64,
    now: Option<[f64; 3]>,
}

/// A candidate.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    ahead: [Ahead; HORIZONS],
}

impl Candidate {
    /// With what is left of a deviation after each horizon until that is learned.
    pub(super) fn new(phi_0: [f64; HORIZONS]) -> Self {
        let one = |i: usize| Ahead {
            said: vec![NOTHING; HORIZONS_MIN[i]],
            phi_0: phi_0[i],
            sxx: 0.0,
            sxy: 0.0,
            weight: 0.0,
            errors: Conformal::new(HORIZONS_MIN[i]),
            loss: None,
            own: 0.0,
            other: 0.0,
            evidence: 0.0,
            now: None,
        };
        Self { ahead: std::array::from_fn(one) }
    }

    /// Holds what was said for a minute against what came.
    pub(super) fn judge(&mut self, minute: i64, y: f64) {
        for (ahead, h) in self.ahead.iter_mut().zip(HORIZONS_MIN) {
            ahead.judge(minute, h, y);
        }
    }

    /// Holds the losses of this minute beside those of persistence.
    pub(super) fn beside(&mut self, persistence: &Self) {
        for ((mine, theirs), h) in self.ahead.iter_mut().zip(&persistence.ahead).zip(HORIZONS_MIN) {
            let keep = (-1.0 / TAU_LOSS_MIN.max(TAU_LOSS_HORIZONS * h as f64)).exp();
            if let (Some(own), Some(other)) = (mine.loss, theirs.loss) {
                mine.own = mine.own * keep + own;
                mine.other = mine.other * keep + other;
                mine.evidence = mine.evidence * keep + 1.0;
            }
        }
    }

    /// Says what will be, from a minute's value and a shape.
    pub(super) fn say(&mut self, minute: i64, y: f64, shape: &Shape) {
        for (i, ahead) in self.ahead.iter_mut().enumerate() {
            ahead.say(minute, HORIZONS_MIN[i], y - shape.now, shape.ahead[i]);
        }
    }

    /// Says nothing of this minute on.
    pub(super) fn hush(&mut self) {
        self.ahead.iter_mut().for_each(|a| a.now = None);
    }

    /// Quantiles said last for a horizon.
    pub(super) fn quantiles(&self, horizon: usize) -> Option<[f64; 3]> {
        self.ahead[horizon].now
    }

    /// Its loss over that of persistence at the same minutes, once there is evidence.
    pub(super) fn ratio(&self, horizon: usize) -> Option<f64> {
        let a = &self.ahead[horizon];
        let wanted = (3.0 * HORIZONS_MIN[horizon] as f64).max(60.0);
        (a.evidence >= wanted && a.other > 0.0).then(|| a.own / a.other)
    }

    /// Errors that are still wanted before anything is said, in minutes.
    pub(super) fn wanted_min(&self, horizon: usize) -> usize {
        let h = HORIZONS_MIN[horizon];
        let known = self.ahead[horizon].errors.len();
        let first = if known == 0 { h } else { 0 };
        first + conformal::LEAST.saturating_sub(known) * conformal::stride(h)
    }

    #[cfg(test)]
    pub(super) fn phi(&self, horizon: usize) -> f64 {
        self.ahead[horizon].phi()
    }
}

impl Ahead {
    fn judge(&mut self, minute: i64, h: usize, y: f64) {
        self.loss = None;
        let said = self.said[minute.rem_euclid(h as i64) as usize];
        if said.minute != minute - h as i64 {
            return;
        }
        self.errors.learn(y - said.forecast, said.errors);
        self.loss = said.errors.map(|q| pinball(y - said.forecast, q));
        let keep = (-1.0 / TAU_PHI_MIN).exp();
        let (x, z) = (said.deviation, y - said.shape);
        self.sxx = self.sxx * keep + x * x;
        self.sxy = self.sxy * keep + x * z;
        self.weight = self.weight * keep + 1.0;
    }

    fn phi(&self) -> f64 {
        if self.weight <= 0.0 || self.sxx <= 0.0 {
            return self.phi_0;
        }
        let prior = PRIOR_MIN * self.sxx / self.weight;
        ((self.sxy + self.phi_0 * prior) / (self.sxx + prior)).clamp(0.0, 1.0)
    }

    fn say(&mut self, minute: i64, h: usize, deviation: f64, shape: f64) {
        let at = minute.rem_euclid(h as i64) as usize;
        let forecast = shape + self.phi() * deviation;
        if !forecast.is_finite() {
            self.said[at] = NOTHING;
            self.now = None;
            return;
        }
        let errors = self.errors.quantiles();
        self.said[at] = Said { minute, deviation, shape, forecast, errors };
        self.now = errors.map(|q| q.map(|e| forecast + e));
    }
}
