//! Trim and respond: the facility-water reset of ASHRAE Guideline 36-2021, 5.20.5 and 5.1.14.
//!
//! Responsible for: counting requests from valves and temperatures, the plant reset from 0 to 1, and the
//! two setpoints behind it. Not for: requests of integrations, which bypass it.
//!
//! ```text
//! every 5 min:  reset += min(0.07, 0.03 (R - I))   if R > I = 2 requests
//!               reset -= 0.02                      otherwise
//! 0   .. 0.5    header pressure from least to greatest, supply at its warmest
//! 0.5 .. 1      pressure at its greatest, supply from warmest to coldest
//! ```

use super::design::Design;

/// Period, s.
const PERIOD_S: f64 = 300.0;
/// Requests ignored.
const IGNORED: f64 = 2.0;

/// Least header pressure, kPa (5 psi).
pub const LEAST_DP_KPA: f64 = 34.5;
/// Greatest header pressure, kPa.
pub const GREATEST_DP_KPA: f64 = 80.0;

/// One consumer's request state.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Consumer {
    valve_asks: bool,
    over_2k_s: f64,
    over_3k_s: f64,
}

/// The reset.
#[derive(Debug, Clone, PartialEq)]
pub struct Reset {
    /// Plant reset, 0..1.
    pub share: f64,
    supply_c: (f64, f64),
    since_s: f64,
    consumers: Vec<Consumer>,
}

impl Reset {
    /// A reset over `consumers` valves.
    #[must_use]
    pub fn new(consumers: usize, design: &Design) -> Self {
        let supply_c = (design.coldest_c, design.warmest_c);
        Self { share: 0.25, supply_c, since_s: 0.0, consumers: vec![Consumer::default(); consumers] }
    }

    /// Advances by `dt_s` with (valve position, temperature above setpoint in K) of each consumer.
    /// `held` freezes it while the plant stages.
    pub fn step(&mut self, consumers: impl Iterator<Item = (f64, f64)>, held: bool, dt_s: f64) {
        let mut requests = 0.0;
        for (state, (valve, error_k)) in self.consumers.iter_mut().zip(consumers) {
            state.valve_asks = valve > 0.95 || (state.valve_asks && valve > 0.85);
            state.over_2k_s = if error_k > 2.0 { state.over_2k_s + dt_s } else { 0.0 };
            state.over_3k_s = if error_k > 3.0 { state.over_3k_s + dt_s } else { 0.0 };
            requests += if state.over_3k_s > 120.0 {
                3.0
            } else if state.over_2k_s > 120.0 {
                2.0
            } else {
                f64::from(state.valve_asks)
            };
        }
        self.since_s += dt_s;
        if self.since_s < PERIOD_S {
            return;
        }
        self.since_s = 0.0;
        if requests > IGNORED {
            self.share += (0.03 * (requests - IGNORED)).min(0.07);
        } else if !held {
            self.share -= 0.02;
        }
        self.share = self.share.clamp(0.0, 1.0);
    }

    /// Own facility-water supply setpoint, C.
    #[must_use]
    pub fn supply_c(&self) -> f64 {
        let (coldest_c, warmest_c) = self.supply_c;
        warmest_c - (warmest_c - coldest_c) * ((self.share - 0.5) * 2.0).clamp(0.0, 1.0)
    }

    /// Own header pressure setpoint, kPa.
    #[must_use]
    pub fn dp_kpa(&self) -> f64 {
        LEAST_DP_KPA + (GREATEST_DP_KPA - LEAST_DP_KPA) * (self.share * 2.0).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trims_when_nobody_asks_and_responds_when_many_do() {
        let mut reset = Reset::new(6, &Design::CHILLED);
        for _ in 0..2 * 300 {
            reset.step([(0.4, 0.0); 6].into_iter(), false, 1.0);
        }
        assert!((reset.share - 0.21).abs() < 1e-9);
        for _ in 0..300 {
            reset.step([(0.99, 0.5); 6].into_iter(), false, 1.0);
        }
        assert!((reset.share - 0.28).abs() < 1e-9, "{}", reset.share);
        reset.share = 1.0;
        assert!((reset.supply_c() - Design::CHILLED.coldest_c).abs() < 1e-9);
        assert!((reset.dp_kpa() - GREATEST_DP_KPA).abs() < 1e-9);
    }
}
