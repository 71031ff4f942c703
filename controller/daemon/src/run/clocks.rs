//! The clocks of those who stamp, as people and programs see them.

use headroom_core::Line;
use headroom_core::align::lags::MeterLag;
use serde::{Deserialize, Serialize};

/// One clock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClockView {
    /// Object of the plant, or node.
    pub(crate) source: String,
    /// True for the agent of a node.
    pub(crate) agent: bool,
    /// Their clock less ours, s; none before enough was heard.
    pub(crate) offset_s: Option<f64>,
    /// Standard deviation of that, s.
    pub(crate) sigma_s: Option<f64>,
    pub(crate) drift_ppm: Option<f64>,
    /// Least time there and back, s, where messages go both ways.
    pub(crate) round_trip_s: Option<f64>,
    pub(crate) messages: u64,
    /// Its stamps are put right by the offset.
    pub(crate) corrected: bool,
    /// What is wrong with it.
    pub(crate) fault: Option<String>,
}

/// All clocks that have been heard from.
pub(crate) fn of(line: &Line) -> Vec<ClockView> {
    let heard = line.sources().view().filter(|clock| clock.messages > 0);
    heard
        .map(|clock| ClockView {
            source: clock.source.to_owned(),
            agent: clock.agent,
            offset_s: clock.estimate.map(|e| e.offset_s),
            sigma_s: clock.estimate.map(|e| e.sigma_s),
            drift_ppm: clock.estimate.map(|e| e.drift * 1e6),
            round_trip_s: clock.estimate.and_then(|e| e.round_s),
            messages: clock.messages,
            corrected: clock.corrected,
            fault: clock.fault.map(|fault| fault.to_string()),
        })
        .collect()
}

/// How far a meter is behind the GPUs below it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LagView {
    /// The meter's point.
    pub(crate) point: String,
    /// Its stamps less the event, s.
    pub(crate) lag_s: f64,
    /// Standard deviation of that, s.
    pub(crate) sigma_s: f64,
    /// It is taken off its stamps.
    pub(crate) corrected: bool,
}

/// All lags that are known.
pub(crate) fn lags_of(line: &Line) -> Vec<LagView> {
    let view = |found: MeterLag| LagView {
        point: line.site().points[found.meter.index()].id.clone(),
        lag_s: found.lag.lag_s,
        sigma_s: found.lag.sigma_s,
        corrected: found.corrected,
    };
    line.lags().view().map(view).collect()
}

/// A span of time with its deviation, as a clock shows it: `+0.0021 +- 0.0003 s`.
pub(crate) fn offset(clock: &ClockView) -> String {
    match (clock.offset_s, clock.sigma_s) {
        (Some(offset), Some(sigma)) => format!("{offset:+.4} +- {sigma:.4} s"),
        _ => "not known yet".to_owned(),
    }
}
