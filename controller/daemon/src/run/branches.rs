//! The power tree as the daemon shows it: one row per branch, parents before children.

use headroom_core::Line;
use serde::{Deserialize, Serialize};

/// A branch of the power tree.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct BranchView {
    pub(crate) id: String,
    /// The site's word: feed, ups, pdu, busway, breaker, rack.
    #[serde(default)]
    pub(crate) kind: String,
    /// The branch that feeds it.
    #[serde(default)]
    pub(crate) parent: Option<String>,
    pub(crate) power_w: f64,
    pub(crate) budget_w: Option<f64>,
}

/// All branches, in order of the site file.
pub(crate) fn branches(line: &Line) -> Vec<BranchView> {
    let site = line.site();
    let parent = |p: headroom_site::PowerId| site.power.get(p.index()).map(|p| p.id.clone());
    let rows = site.power.iter().enumerate();
    rows.map(|(i, b)| BranchView {
        id: b.id.clone(),
        kind: b.kind.clone(),
        parent: b.parent.and_then(parent),
        power_w: line.estimate().branch_w.get(i).copied().unwrap_or(0.0),
        budget_w: line.outlook().budget_w.get(i).copied().filter(|w| w.is_finite()),
    })
    .collect()
}
