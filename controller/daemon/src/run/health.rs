//! What ails the plant, as the daemon shows and keeps it.

use headroom_core::health::{Ailment, Finding, Size, Unmetered, Whose};
use headroom_core::{Cause, HeldBack, Line};
use headroom_guard::Mode;
use headroom_site::PointId;
use serde::{Deserialize, Serialize};

/// A fault that was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FindingView {
    /// `setpoint-not-followed`, `interlock`, `interlock-unknown`, `fouling`, `pump-wear`, `air`, `clogging`, `valve-sticks`, `valve-stuck`, `sensor-off`, `sensors-swapped`, `hot-gpu`.
    pub(crate) ailment: String,
    /// Equipment, rack, point or GPU.
    pub(crate) of: String,
    /// The other one of two sensors.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) with: Option<String>,
    /// How large it is, for people.
    pub(crate) size: String,
    /// The same as a number, where it has one: share lost, K off, factor, share of the stroke.
    pub(crate) size_value: Option<f64>,
    pub(crate) size_sigma: Option<f64>,
    pub(crate) since: String,
    /// What else it may be.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) or: Option<String>,
    pub(crate) evidence: Vec<String>,
}

/// A flow that nobody meters: its point where that is silent, else what it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FlowView {
    pub(crate) of: String,
    pub(crate) flow_lpm: f64,
    pub(crate) sigma_lpm: f64,
}

/// What ails, in order of whose it is.
pub(crate) fn findings(line: &Line) -> Vec<FindingView> {
    let ails = line.health().findings().iter().map(|f| view(line, f));
    ails.chain(line.held_back().map(|h| held_back(line, &h))).collect()
}

/// An actuator that is held back, as what ails.
fn held_back(line: &Line, h: &HeldBack) -> FindingView {
    let site = line.site();
    let a = &site.actuators[h.actuator];
    let shown = |base: f64| format!("{:.2} {}", a.unit.from_base(base), a.unit.symbol);
    let point = |p: PointId| site.points[p.index()].id.clone();
    let view = FindingView { of: a.id.clone(), since: h.since.to_string(), ..FindingView::default() };
    let now = state(h).to_owned();
    match h.cause {
        Cause::NotFollowed { asked, stands } => FindingView {
            ailment: "setpoint-not-followed".to_owned(),
            size: format!("{} was asked, {} stayed in force", shown(asked), shown(stands)),
            size_value: Some(a.unit.from_base(asked) - a.unit.from_base(stands)),
            evidence: vec![
                now,
                "the plant clamps it, somebody has it, or the request is lost on the way".to_owned(),
            ],
            ..view
        },
        Cause::Interlock(p) => FindingView {
            ailment: "interlock".to_owned(),
            with: Some(point(p)),
            size: "it stands".to_owned(),
            evidence: vec![now],
            ..view
        },
        Cause::InterlockUnknown(p) => FindingView {
            ailment: "interlock-unknown".to_owned(),
            with: Some(point(p)),
            size: "not known".to_owned(),
            evidence: vec![now],
            ..view
        },
    }
}

/// What is made of an actuator that is held back, and when that ends.
pub(crate) const fn state(h: &HeldBack) -> &'static str {
    match (h.mode, h.goes_home, h.stays) {
        (Mode::Hold, true, _) => "it walks to what the plant holds by itself, and is let go there",
        (Mode::Hold, _, true) => "it is held until an operator says auto: three entries within an hour",
        (Mode::Hold, ..) => "it is held, and may only cool more, until this was good for long enough",
        (_, _, true) => "it is let go until an operator says auto: three entries within an hour",
        _ => "it is let go, until this was good for long enough",
    }
}

/// A word for a cause, as metrics have it.
pub(crate) const fn word(cause: &Cause) -> &'static str {
    match cause {
        Cause::NotFollowed { .. } => "not-followed",
        Cause::Interlock(_) => "interlock",
        Cause::InterlockUnknown(_) => "interlock-unknown",
    }
}

/// Flows that nobody meters.
pub(crate) fn flows(line: &Line) -> Vec<FlowView> {
    let view = |u: &Unmetered| FlowView { of: u.of.clone(), flow_lpm: u.lpm, sigma_lpm: u.sigma };
    line.health().unmetered().iter().map(view).collect()
}

fn view(line: &Line, f: &Finding) -> FindingView {
    let (of, with) = whose(line, f.whose);
    let (size_value, size_sigma) = match f.size {
        Size::Share { lost: x, sigma }
        | Size::Off { by: x, sigma, .. }
        | Size::Factor { factor: x, sigma } => (Some(x), Some(sigma)),
        Size::Steps(x) | Size::Away(x) => (Some(x), None),
        Size::Places => (None, None),
    };
    let finite = |x: Option<f64>| x.filter(|x| x.is_finite());
    FindingView {
        ailment: f.ailment.to_string(),
        of,
        with,
        size: f.size.to_string(),
        size_value: finite(size_value),
        size_sigma: finite(size_sigma),
        since: f.since.to_string(),
        or: f.or.map(|(ailment, of): (Ailment, Whose)| match whose(line, of) {
            (of, Some(with)) => format!("{ailment} of {of} and {with}"),
            (of, None) => format!("{ailment} of {of}"),
        }),
        evidence: f.evidence.iter().map(ToString::to_string).collect(),
    }
}

/// Whose it is, and the other one of two.
fn whose(line: &Line, whose: Whose) -> (String, Option<String>) {
    let site = line.site();
    let point = |p: PointId| site.points[p.index()].id.clone();
    match whose {
        Whose::Equipment(e) => (site.equipment[e].id.clone(), None),
        Whose::Rack(r) => (line.topology().racks[r].id.clone(), None),
        Whose::Point(p) => (point(p), None),
        Whose::Points(p, q) => (point(p), Some(point(q))),
        Whose::Gpu(g) => {
            let node = &site.nodes[site.gpus[g].node.index()];
            (format!("{} GPU {}", node.id, g - node.gpus.0 as usize), None)
        }
    }
}
