//! A synchronised burn: all GPUs of a job step together between two loads.
//!
//! Responsible for: a square wave of any period and duty, exact for any step, in phase with the world's clock.
//! Not for: training (see `training`), whose swings follow from its phases.
//!
//! What a grid operator or a power supply asks a site to show: steps between 20 and 100 % of load at 0.1 to 20 Hz and
//! below (arXiv 2508.14318). Steps shorter than the period show the wave, longer ones its mean.

use super::training::Use;

/// A square wave, as data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BurnSpec {
    /// Period \[s\].
    pub period_s: f64,
    /// Share of the period that is high.
    pub duty: f64,
    /// Start of a high part \[s\].
    pub phase_s: f64,
    /// GPU use in the high part.
    pub high: Use,
    /// GPU use in the low part.
    pub low: Use,
}

impl Default for BurnSpec {
    /// Dense matrix products for half of every 20 s; in between the GPUs idle with their context.
    fn default() -> Self {
        Self {
            period_s: 20.0,
            duty: 0.5,
            phase_s: 0.0,
            high: Use { compute: 0.62, memory: 0.50 },
            low: Use { compute: 0.0, memory: 0.0 },
        }
    }
}

impl BurnSpec {
    /// Mean use over [`now_s`, `now_s + dt_s`).
    #[must_use]
    pub fn mean(&self, dt_s: f64, now_s: f64) -> Use {
        let period = self.period_s.max(1e-3);
        let duty = self.duty.clamp(0.0, 1.0);
        // High time since the phase origin.
        let high_s = |t: f64| {
            let turns = (t - self.phase_s) / period;
            (turns.floor() * duty + (turns - turns.floor()).min(duty)) * period
        };
        let share = ((high_s(now_s + dt_s) - high_s(now_s)) / dt_s).clamp(0.0, 1.0) as f32;
        Use {
            compute: self.low.compute + share * (self.high.compute - self.low.compute),
            memory: self.low.memory + share * (self.high.memory - self.low.memory),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_the_duty_at_any_step() {
        let spec = BurnSpec { period_s: 0.7, duty: 0.3, phase_s: 0.11, ..BurnSpec::default() };
        for dt in [0.01, 0.1, 1.0, 7.0] {
            let steps = (70.0 / dt) as usize;
            let sum: f64 = (0..steps).map(|k| f64::from(spec.mean(dt, k as f64 * dt).compute)).sum();
            assert!((sum / steps as f64 / 0.62 - 0.3).abs() < 1e-3, "{dt}");
        }
        assert!((spec.mean(0.01, 0.2).compute - 0.62).abs() < 1e-6);
        assert!(spec.mean(0.01, 0.5).compute.abs() < 1e-6);
    }
}
