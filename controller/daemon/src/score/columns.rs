//! The quantities of a score, as rows of a table for people: violations first.
//!
//! Responsible for: names, units, digits, order. Not for: what they mean (`headroom-sim`).

use headroom_sim::score::StrategyScore;

/// A quantity of a score.
pub(crate) struct Column {
    /// Name with unit.
    pub(crate) name: &'static str,
    /// As short as a column of a table wants it.
    pub(crate) short: &'static str,
    /// The number; not a number where there is none.
    pub(crate) of: fn(&StrategyScore) -> f64,
    /// Digits after the point.
    pub(crate) digits: usize,
    /// Is a change told in percent?
    pub(crate) relative: bool,
}

impl Column {
    /// A value of this column in words.
    pub(crate) fn text(&self, value: f64) -> String {
        if value.is_nan() { "-".to_owned() } else { format!("{value:.*}", self.digits) }
    }
}

const fn column(
    name: &'static str,
    short: &'static str,
    digits: usize,
    relative: bool,
    of: fn(&StrategyScore) -> f64,
) -> Column {
    Column { name, short, of, digits, relative }
}

/// What voids savings where a strategy has more of it than the baseline: limits crossed, and clocks taken by temperature
/// or by hardware.
pub(crate) const VIOLATIONS: [Column; 9] = [
    column("violations: temperature [K s]", "temperature [K s]", 1, false, |s| s.violations.temperature_k_s),
    column("violations: power budget [kW s]", "budget [kW s]", 1, false, |s| s.violations.budget_w_s / 1e3),
    column("violations: least flow [s]", "flow [s]", 1, false, |s| s.violations.flow_s),
    column("violations: dew point [s]", "dew point [s]", 1, false, |s| s.violations.dew_point_s),
    column("violations: rate of change [s]", "ramp [s]", 1, false, |s| s.violations.ramp_s),
    column("throttled: SW thermal [GPU s]", "SW thermal [GPU s]", 1, false, |s| s.throttled_gpu_s.sw_thermal),
    column("throttled: HW thermal [GPU s]", "HW thermal [GPU s]", 1, false, |s| s.throttled_gpu_s.hw_thermal),
    column("throttled: HW slowdown [GPU s]", "HW slowdown [GPU s]", 1, false, |s| {
        s.throttled_gpu_s.hw_slowdown
    }),
    column("throttled: power brake [GPU s]", "brake [GPU s]", 1, false, |s| s.throttled_gpu_s.power_brake),
];

/// Everything else.
pub(crate) const REST: [Column; 17] = [
    column("throttled: SW power cap [GPU s]", "SW power cap [GPU s]", 1, true, |s| {
        s.throttled_gpu_s.sw_power_cap
    }),
    column("facility energy [kWh]", "facility [kWh]", 1, true, |s| s.facility_kwh),
    column("  IT energy [kWh]", "IT [kWh]", 1, true, |s| s.it_kwh),
    column("  cooling energy [kWh]", "cooling [kWh]", 1, true, |s| s.cooling_kwh),
    column("  losses and other [kWh]", "losses [kWh]", 1, true, |s| s.loss_kwh),
    column("PUE", "PUE", 4, false, |s| s.pue),
    column("tokens [million]", "tokens [million]", 3, true, |s| s.tokens / 1e6),
    column("facility energy per token [J]", "per token [J]", 4, true, |s| s.joules_per_token),
    column("clock spread inside jobs [%]", "clock spread [%]", 3, false, |s| s.clock_cv_in_job * 100.0),
    column("technology supply, mean [degC]", "supply [degC]", 2, false, |s| s.supply_temperature_mean_degc),
    column("setpoint travel [K]", "travel [K]", 1, false, |s| s.setpoint_travel),
    column("cost", "cost", 2, true, |s| s.cost),
    column("water evaporated [m3]", "water [m3]", 2, true, |s| s.water_m3),
    column("physical floor of its energy [kWh]", "floor [kWh]", 1, true, |s| s.floor_kwh),
    column("goodput [tokens/s]", "goodput [tokens/s]", 0, true, |s| s.goodput_tokens_per_s),
    column("time to first token, mean [s]", "first token [s]", 3, false, |s| {
        s.first_token_mean_s.unwrap_or(f64::NAN)
    }),
    column("requests refused", "refused", 0, false, |s| s.requests_refused as f64),
];
