//! What the site's model foresees, as the daemon shows it.

use headroom_core::Line;
use headroom_core::site_filter::AHEAD_S;
use headroom_policies::CoolingStrategy;
use serde::{Deserialize, Serialize};

/// What is foreseen of an output if nothing is moved.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ForeseenView {
    /// A point, or `meters:facility`, `meters:cooling`, `meters:it`.
    pub(crate) of: String,
    pub(crate) unit: String,
    pub(crate) now: f64,
    pub(crate) now_sigma: f64,
    pub(crate) ahead: Vec<AheadView>,
    /// What the plant does beside the model.
    pub(crate) disturbance: f64,
    /// Running mean of the squared innovation over its variance: 1 if the model is as sure as it should be.
    pub(crate) nis: f64,
}

/// At a time ahead.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AheadView {
    pub(crate) horizon_s: f64,
    pub(crate) value: f64,
    pub(crate) sigma: f64,
}

/// What came of the last plan, where the policy wants one.
pub(crate) fn plan(line: &Line) -> Option<String> {
    (line.wants().cooling == CoolingStrategy::Predictive).then(|| line.plan().to_string())
}

/// All outputs that have been seen.
pub(crate) fn foreseen(line: &Line) -> Vec<ForeseenView> {
    let Some(filter) = line.foresight() else { return Vec::new() };
    let outputs = filter.model().outputs.iter().zip(filter.foreseen());
    let known = outputs.filter(|(_, f)| f.now.sigma.is_finite());
    known
        .map(|(output, f)| ForeseenView {
            of: output.name.clone(),
            unit: output.unit.clone(),
            now: f.now.value,
            now_sigma: f.now.sigma,
            ahead: AHEAD_S
                .iter()
                .zip(&f.ahead)
                .map(|(s, ahead)| AheadView { horizon_s: *s, value: ahead.value, sigma: ahead.sigma })
                .collect(),
            disturbance: f.disturbance,
            nis: f.nis,
        })
        .collect()
}
