//! Scores of stretches joined to the score of the whole.
//!
//! Responsible for: sums of what adds up, means by time of what does not. Not for: cutting a run into stretches.

use super::violations::Violations;
use super::{StrategyScore, Throttled};

impl Throttled {
    fn add(&mut self, other: &Self) {
        self.sw_power_cap += other.sw_power_cap;
        self.sw_thermal += other.sw_thermal;
        self.hw_thermal += other.hw_thermal;
        self.power_brake += other.power_brake;
        self.hw_slowdown += other.hw_slowdown;
    }
}

impl Violations {
    fn add(&mut self, other: &Self) {
        self.temperature_k_s += other.temperature_k_s;
        self.budget_w_s += other.budget_w_s;
        self.flow_s += other.flow_s;
        self.dew_point_s += other.dew_point_s;
        self.ramp_s += other.ramp_s;
    }
}

impl StrategyScore {
    /// The score of stretches one after the other: hours and score of each. Energies, tokens, violations and the like add up;
    /// shares of them are taken anew; means over time and the mean time to the first token are weighted by hours.
    #[must_use]
    pub fn joined(stretches: &[(f64, &Self)]) -> Self {
        let hours: f64 = stretches.iter().map(|(hours, _)| hours).sum();
        let mut all = Self::default();
        let mut first_token = (0.0, 0.0);
        for (h, s) in stretches {
            let weight = if hours > 0.0 { h / hours } else { 0.0 };
            all.facility_kwh += s.facility_kwh;
            all.it_kwh += s.it_kwh;
            all.cooling_kwh += s.cooling_kwh;
            all.loss_kwh += s.loss_kwh;
            all.tokens += s.tokens;
            all.clock_cv_in_job += weight * s.clock_cv_in_job;
            all.throttled_gpu_s.add(&s.throttled_gpu_s);
            all.violations.add(&s.violations);
            all.supply_temperature_mean_degc += weight * s.supply_temperature_mean_degc;
            all.setpoint_travel += s.setpoint_travel;
            all.cost += s.cost;
            all.water_m3 += s.water_m3;
            all.carbon_kg = s.carbon_kg.map(|kg| kg + all.carbon_kg.unwrap_or(0.0)).or(all.carbon_kg);
            all.floor_kwh += s.floor_kwh;
            all.goodput_tokens_per_s += weight * s.goodput_tokens_per_s;
            all.requests_refused += s.requests_refused;
            if let Some(mean_s) = s.first_token_mean_s {
                first_token = (first_token.0 + h * mean_s, first_token.1 + h);
            }
        }
        let per = |value: f64, by: f64| if by > 0.0 { value / by } else { 0.0 };
        all.pue = per(all.facility_kwh, all.it_kwh);
        all.joules_per_token = per(3.6e6 * all.facility_kwh, all.tokens);
        all.first_token_mean_s = (first_token.1 > 0.0).then(|| first_token.0 / first_token.1);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_add_and_means_are_weighted() {
        let stretch = |kwh: f64, supply_c: f64| StrategyScore {
            facility_kwh: kwh,
            it_kwh: 0.8 * kwh,
            tokens: 1e6 * kwh,
            supply_temperature_mean_degc: supply_c,
            first_token_mean_s: Some(supply_c / 10.0),
            violations: Violations { flow_s: 3.0, ..Violations::default() },
            ..StrategyScore::default()
        };
        let (a, b) = (stretch(100.0, 30.0), stretch(50.0, 36.0));
        let all = StrategyScore::joined(&[(2.0, &a), (1.0, &b)]);
        assert!((all.facility_kwh - 150.0).abs() < 1e-9 && (all.pue - 1.25).abs() < 1e-12);
        assert!((all.joules_per_token - 3.6).abs() < 1e-9 && (all.violations.flow_s - 6.0).abs() < 1e-12);
        assert!((all.supply_temperature_mean_degc - 32.0).abs() < 1e-9);
        assert!((all.first_token_mean_s.unwrap() - 3.2).abs() < 1e-9);
        let same = StrategyScore::joined(&[(2.0, &a)]);
        assert!((same.facility_kwh - a.facility_kwh).abs() < 1e-12 && same.violations == a.violations);
    }
}
