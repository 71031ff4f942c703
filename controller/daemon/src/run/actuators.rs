//! Actuators as the daemon shows them: what is in force, what is asked, what the guard left of it, what it measures.
//!
//! Responsible for: one row per actuator of the site file, also where nothing was decided. Not for: deciding (the core).

use super::health::{state, word};
use super::record::SetpointRecord;
use super::seen::views::tidy;
use crate::instruct::said::Said;
use headroom_core::{Advice, Line};
use headroom_guard::{Mode, Verdict};
use headroom_site::PointId;
use serde::{Deserialize, Serialize};

/// One actuator. Values are in `unit`, that of the site file; a value that is not known has its reason beside it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ActuatorView {
    pub(crate) id: String,
    pub(crate) of: String,
    pub(crate) group: String,
    /// Its running mode.
    pub(crate) mode: String,
    /// Why it is held back beside what is wanted of its group, what is made of it, and since when.
    pub(crate) held_back: Option<HeldBackView>,
    pub(crate) unit: String,
    /// What it may be set to: the site's range, narrowed by the policy.
    pub(crate) least: f64,
    pub(crate) most: f64,
    /// Where it stands, as the line has it at its last decision.
    pub(crate) stands: Option<f64>,
    /// What was proposed then, and what the guard left of it; none if it refused.
    pub(crate) asked: Option<f64>,
    pub(crate) admitted: Option<f64>,
    /// Where its moves lead in the end, as things are now.
    pub(crate) goal: Option<f64>,
    /// What an operator has said of it.
    pub(crate) instruction: Option<Said>,
    /// Why it was narrowed or refused.
    pub(crate) guard: Option<String>,
    /// Why it was proposed, or why nothing was.
    pub(crate) why: String,
    /// The setpoint in force as the plant reads it back.
    pub(crate) in_force: PointNow,
    /// What it is to move.
    pub(crate) measures: PointNow,
}

/// Why an actuator is held back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct HeldBackView {
    /// `not-followed`, `interlock` or `interlock-unknown`.
    pub(crate) cause: String,
    pub(crate) why: String,
    pub(crate) state: String,
    pub(crate) since: String,
    /// It stays so until an operator says auto.
    pub(crate) stays: bool,
}

/// A point at the last look.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PointNow {
    /// None where the site file names no such point.
    pub(crate) point: Option<String>,
    pub(crate) unit: String,
    pub(crate) value: Option<f64>,
    /// Its quality where it is not good, or why there is none.
    pub(crate) not_good: Option<String>,
}

impl PointNow {
    fn new(line: &Line, point: Option<PointId>, none: &str) -> Self {
        let found = point.and_then(|p| Some((line.site().points.get(p.index())?, p)));
        let Some((named, id)) = found else {
            return Self { not_good: Some(none.to_owned()), ..Self::default() };
        };
        let now = line.snapshot().points.get(id.index());
        Self {
            point: Some(named.id.clone()),
            unit: named.unit.symbol.to_owned(),
            value: now
                .filter(|p| p.quality.is_usable() && p.value.is_finite())
                .map(|p| tidy(named.unit.from_base(p.value))),
            not_good: now.filter(|p| !p.quality.is_good()).map(|p| p.quality.to_string()),
        }
    }
}

/// All actuators, in order of the site file.
pub(crate) fn actuators(line: &Line) -> Vec<ActuatorView> {
    (0..line.site().actuators.len()).map(|i| view(line, i)).collect()
}

fn view(line: &Line, index: usize) -> ActuatorView {
    let (site, wants) = (line.site(), line.wants());
    let actuator = &site.actuators[index];
    let (least, most) = wants.actuator_range.get(index).copied().unwrap_or(actuator.range);
    let mode = wants.actuator_mode.get(index).copied().unwrap_or_default();
    let row = ActuatorView {
        id: actuator.id.clone(),
        of: actuator.of.clone(),
        group: actuator.group.clone(),
        mode: line.running_mode(index).to_string(),
        held_back: held_back(line, index),
        unit: actuator.unit.symbol.to_owned(),
        least: tidy(actuator.unit.from_base(least)),
        most: tidy(actuator.unit.from_base(most)),
        in_force: PointNow::new(line, actuator.readback, "the site file names no read-back"),
        measures: PointNow::new(line, actuator.measures, "the site file does not say what it moves"),
        ..ActuatorView::default()
    };
    match line.advice().iter().find(|a| a.actuator == index) {
        Some(advice) => decided(line, advice, row),
        None => ActuatorView { why: undecided(mode).to_owned(), ..row },
    }
}

fn held_back(line: &Line, index: usize) -> Option<HeldBackView> {
    line.held_back().find(|h| h.actuator == index).map(|h| HeldBackView {
        cause: word(&h.cause).to_owned(),
        why: h.cause.to_string(),
        state: state(&h).to_owned(),
        since: h.since.to_string(),
        stays: h.stays,
    })
}

/// Why nothing was decided about an actuator.
fn undecided(mode: Mode) -> &'static str {
    if mode == Mode::Off {
        return "its group is off";
    }
    "nothing was asked at the last decision: where it stands is not known"
}

fn goal(line: &Line, advice: &Advice) -> f64 {
    let range = line.wants().actuator_range[advice.actuator];
    advice.proposal.goal(&line.site().actuators[advice.actuator], range)
}

fn decided(line: &Line, advice: &Advice, row: ActuatorView) -> ActuatorView {
    let (words, unit) = (SetpointRecord::new(line, advice), line.site().actuators[advice.actuator].unit);
    let known = |base: f64| base.is_finite().then(|| tidy(unit.from_base(base)));
    ActuatorView {
        stands: known(advice.proposal.stands),
        asked: known(advice.proposal.value),
        goal: known(goal(line, advice)),
        admitted: match advice.verdict {
            Verdict::Allow(value) | Verdict::Narrow(value, _) => known(value),
            Verdict::Refuse(_) => None,
        },
        guard: words.guard,
        why: words.why,
        ..row
    }
}
