//! What may be wrong with a model and with priors: draws by seed.
//!
//! Responsible for: how far and how likely. Not for: what it does (`headroom-core`, `backtest`).
//!
//! ```text
//! g ~ exp(N(0, s^2))                     each answer of an output to an input; s as asked for, 20 % if not
//! h ~ 1 + N(0, 0.5^2), at least 0        the same beyond the range that was learned
//! ~ exp(N(0, 0.3^2))                     plate's share of a die's rise, leakage
//! ~ exp(N(0, 0.2^2))                     how a valve opens
//! ```
//! Draw 0 is the model as it is.

use crate::dice::Dice;
use headroom_belief::model::Misses;
use headroom_core::backtest::Draw;

/// Standard deviation beyond what was learned, of dies' priors and of valves'.
const BEYOND: f64 = 0.5;
const DIES: f64 = 0.3;
const VALVES: f64 = 0.2;

/// Misses of one draw: a number for each answer, whoever asks first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn {
    seed: u64,
    number: u32,
    gain: f64,
}

impl Drawn {
    pub(super) const fn new(seed: u64, number: u32, gain: f64) -> Self {
        Self { seed, number, gain }
    }

    /// What is off beside the model.
    pub(super) fn priors(self) -> Draw {
        if self.number == 0 {
            return Draw::RIGHT;
        }
        let factor = |of: u64, sigma: f64| (sigma * self.normal(of)).exp();
        Draw { plate: factor(1, DIES), leakage: factor(2, DIES), valve: factor(3, VALVES) }
    }

    fn normal(self, of: u64) -> f64 {
        let mut dice = Dice::new(self.seed, (u64::from(self.number) << 40) | of);
        // The sum of twelve (Irwin and Hall): no tail beyond six, and none is wanted.
        (0..12).map(|_| dice.share()).sum::<f64>() - 6.0
    }

    fn of(self, output: usize, input: usize) -> u64 {
        16 + 2 * ((output as u64) << 16 | input as u64)
    }
}

impl Misses for Drawn {
    fn gain(&mut self, output: usize, input: usize) -> f64 {
        if self.number == 0 { 1.0 } else { (self.gain * self.normal(self.of(output, input))).exp() }
    }

    fn beyond(&mut self, output: usize, input: usize) -> f64 {
        if self.number == 0 { 1.0 } else { (1.0 + BEYOND * self.normal(self.of(output, input) + 1)).max(0.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_what_they_say_and_the_first_is_right() {
        let mut right = Drawn::new(3, 0, 0.2);
        assert_eq!((right.gain(1, 2), right.beyond(1, 2), right.priors()), (1.0, 1.0, Draw::RIGHT));
        let logs: Vec<f64> = (1..2000).map(|n| Drawn::new(3, n, 0.2).gain(1, 2).ln()).collect();
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        let sigma = (logs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / logs.len() as f64).sqrt();
        assert!(mean.abs() < 0.02 && (sigma - 0.2).abs() < 0.02, "{mean} {sigma}");
        let (mut a, mut b) = (Drawn::new(3, 5, 0.2), Drawn::new(3, 5, 0.2));
        assert_eq!((a.gain(1, 2), a.gain(2, 1)), (b.gain(1, 2), b.gain(2, 1)));
        let differ = |a: f64, b: f64| (a - b).abs() > 1e-6;
        assert!(differ(a.gain(1, 2), a.gain(2, 1)));
        assert!(differ(a.gain(1, 2), Drawn::new(4, 5, 0.2).gain(1, 2)));
    }
}
