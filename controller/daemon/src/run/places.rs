//! Headroom of places and warnings, as the daemon shows them.

use headroom_core::Line;
use headroom_core::places::{First, Kind, PlaceHeadroom, Places};
use serde::{Deserialize, Serialize};

/// Warnings shown one by one; all are counted.
const SHOWN: usize = 32;

/// Headroom of a rack, a loop or a feed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlaceView {
    pub(crate) id: String,
    /// `rack`, `cooling` or `branch`.
    pub(crate) kind: String,
    /// Absent where nothing that has a temperature or a limit is known of it.
    pub(crate) headroom_k: Option<f64>,
    pub(crate) headroom_full_load_k: Option<f64>,
    pub(crate) headroom_w: f64,
    /// Absent while no limit comes nearer.
    pub(crate) headroom_s: Option<f64>,
    pub(crate) headroom_full_load_s: Option<f64>,
    /// What is met first.
    pub(crate) first: String,
}

/// A GPU that will slow down for heat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct WarningView {
    pub(crate) uuid: String,
    pub(crate) node: String,
    /// Seconds to the limit.
    pub(crate) seconds: f64,
    pub(crate) limit: String,
    pub(crate) since: String,
}

/// Headroom of all places.
pub(crate) fn places(line: &Line, places: &Places) -> Vec<PlaceView> {
    places.look(line).iter().map(|place| view(line, place)).collect()
}

fn view(line: &Line, p: &PlaceHeadroom<'_>) -> PlaceView {
    let known = |x: f64| Some(x).filter(|x| x.is_finite());
    let h = &p.headroom;
    PlaceView {
        id: p.id.to_owned(),
        kind: match p.kind {
            Kind::Rack => "rack",
            Kind::Cooling => "cooling",
            Kind::Branch => "branch",
        }
        .to_owned(),
        headroom_k: known(h.kelvin),
        headroom_full_load_k: known(h.kelvin_full_load),
        headroom_w: h.watts,
        headroom_s: known(h.seconds),
        headroom_full_load_s: known(h.seconds_full_load),
        first: first(line, p),
    }
}

fn first(line: &Line, p: &PlaceHeadroom<'_>) -> String {
    let site = line.site();
    let what = match p.first {
        First::Gpu(g) => format!("{} of {}", p.headroom.binding, name(line, g)),
        First::Point(at) => format!("limit of {}", site.points[at.index()].id),
        First::Flow(rack) => format!("least flow of {}", line.topology().racks[rack].id),
        First::DewPoint(at) => format!("dew point at {}", site.points[at.index()].id),
        First::Nothing => "nothing known".to_owned(),
    };
    if p.budget_binds { format!("budget; {what}") } else { what }
}

fn name(line: &Line, gpu: usize) -> String {
    let site = line.site();
    let node = &site.nodes[site.gpus[gpu].node.index()];
    format!("{} GPU {}", node.id, gpu - node.gpus.0 as usize)
}

/// The warnings that stand, nearest first.
pub(crate) fn warnings(line: &Line) -> Vec<WarningView> {
    let mut all: Vec<_> = line.warnings().standing().collect();
    all.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    all.truncate(SHOWN);
    let view = |w: headroom_core::warn::Warning| WarningView {
        uuid: line.site().gpus[w.gpu].uuid.to_string(),
        node: name(line, w.gpu),
        // One that recedes is kept for a while; JSON knows no infinity.
        seconds: w.seconds.min(headroom_belief::headroom::HORIZON_S),
        limit: w.binding.to_string(),
        since: w.since.to_string(),
    };
    all.into_iter().map(view).collect()
}
