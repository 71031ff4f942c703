//! Battery energy storage at the main panel.
//!
//! Responsible for: power limits, state of charge, losses. Not for: when to use it.
//!
//! ```text
//! dE/dt = eta P_c - P_d / eta,   0.05 E_n <= E <= 0.95 E_n,   |P| <= P_n
//! ```
//! A round trip gives 0.90 (0.95 each way, the usual figure of AC-coupled lithium systems with their
//! transformer); auxiliaries take 0.3 % of the rated power. It follows the grid: without a live panel it stands
//! still, and it never feeds back into the utility.

use super::spec::BessSpec;

/// Efficiency in either direction.
const EFFICIENCY: f64 = 0.95;
/// Auxiliary power over rated power.
const AUXILIARY: f64 = 0.003;
/// Least and greatest state of charge.
pub const CHARGE_LIMITS: (f64, f64) = (0.05, 0.95);

/// A battery energy storage system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bess {
    /// Ratings.
    pub spec: BessSpec,
    /// Energy held, J.
    pub energy_j: f64,
    /// Power to the panel, W: positive discharges.
    pub power_w: f64,
    /// Change of the energy held, W.
    pub stored_w: f64,
    /// Losses with auxiliaries, W.
    pub loss_w: f64,
    /// True while it is out of service (fault).
    pub failed: bool,
}

impl Bess {
    /// A half-full system.
    #[must_use]
    pub fn new(spec: BessSpec) -> Self {
        Self { spec, energy_j: 0.5 * spec.energy_j, power_w: 0.0, stored_w: 0.0, loss_w: 0.0, failed: false }
    }

    /// State of charge, 0..1.
    #[must_use]
    pub fn charge(&self) -> f64 {
        self.energy_j / self.spec.energy_j.max(1e-9)
    }

    /// Advances by `dt_s`: `ask_w` positive discharges; it gives at most `load_w`. Returns the power it takes
    /// from the panel, negative when it feeds it.
    pub fn step(&mut self, ask_w: f64, load_w: f64, alive: bool, dt_s: f64) -> f64 {
        if !alive || self.failed {
            (self.power_w, self.stored_w, self.loss_w) = (0.0, 0.0, 0.0);
            return 0.0;
        }
        let auxiliary_w = AUXILIARY * self.spec.power_w;
        let (least, most) = CHARGE_LIMITS;
        let above_j = (self.energy_j - least * self.spec.energy_j).max(0.0);
        let below_j = (most * self.spec.energy_j - self.energy_j).max(0.0);
        let most_out_w = (above_j * EFFICIENCY / dt_s).min(load_w.max(0.0)).min(self.spec.power_w);
        let most_in_w = (below_j / EFFICIENCY / dt_s).min(self.spec.power_w);
        let power_w = ask_w.clamp(-most_in_w, most_out_w);
        self.stored_w = if power_w > 0.0 { -power_w / EFFICIENCY } else { -power_w * EFFICIENCY };
        self.energy_j += self.stored_w * dt_s;
        self.power_w = power_w - auxiliary_w;
        self.loss_w = -self.power_w - self.stored_w;
        -self.power_w
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_gives_nine_tenths_and_the_limits_hold() {
        let mut bess = Bess::new(BessSpec { power_w: 100e3, energy_j: 3.6e8 });
        let (mut given_j, mut taken_j) = (0.0, 0.0);
        for _ in 0..4000 {
            bess.step(-1e6, 1e6, true, 10.0);
            assert!(bess.power_w >= -100e3 - 300.1);
        }
        assert!((bess.charge() - 0.95).abs() < 1e-9);
        for _ in 0..4000 {
            bess.step(1e6, 1e6, true, 10.0);
            given_j += (bess.power_w + 300.0) * 10.0;
        }
        assert!((bess.charge() - 0.05).abs() < 1e-9);
        for _ in 0..4000 {
            let before = bess.energy_j;
            let drawn = bess.step(-1e6, 1e6, true, 10.0);
            assert!((drawn - bess.loss_w - (bess.energy_j - before) / 10.0).abs() < 1e-6);
            taken_j += (drawn - 300.0) * 10.0;
        }
        assert!((given_j / taken_j - 0.9025).abs() < 1e-3, "{}", given_j / taken_j);
    }

    #[test]
    fn it_never_feeds_more_than_the_load_and_stands_still_on_a_dead_panel() {
        let mut bess = Bess::new(BessSpec { power_w: 100e3, energy_j: 3.6e8 });
        bess.step(90e3, 20e3, true, 1.0);
        assert!(bess.power_w <= 20e3);
        assert!(bess.step(90e3, 20e3, false, 1.0).abs() < 1e-12 && bess.stored_w.abs() < 1e-12);
    }
}
