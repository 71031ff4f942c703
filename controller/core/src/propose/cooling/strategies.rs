//! Which strategy decides, and what the simpler ones have in common.
//!
//! Responsible for: the choice, a step toward what the plant holds by itself where something is not seen, and who of several
//! setpoints relaxes. Not for: the laws (`least_headroom`, `trim`, `pid`), or plans (`predictive`, which builds on least headroom).

use super::pid::Pid;
use super::trim::Resets;
use super::{
    Scene, SetpointProposal, at_end, cost_w_per_unit, saving_w_per_unit, slack, toward, unit_per_kelvin,
};
use crate::guarding::QUORUM;
use crate::propose::{Binds, Why};
use headroom_policies::CoolingStrategy;
use headroom_site::{Dimension, Site};

/// Room from which on a setpoint that has tightened last relaxes again, K or K-equivalent: a technology temperature, what is
/// upstream, and what is no temperature. Readings, and what GPUs may come to draw, differ by so much from tick to tick: without
/// it a setpoint that stands where it should is taken and given back all day, and loops that share valves swing.
pub const SMALL_ROOM_K: [f64; 3] = [0.5, 0.7, 1.0];

/// The strategies with what they remember of each setpoint.
#[derive(Debug, Clone)]
pub struct Strategies {
    /// Has it tightened since it relaxed last?
    tightened: Vec<bool>,
    resets: Resets,
    pid: Pid,
}

impl Strategies {
    /// For a site.
    #[must_use]
    pub fn new(site: &Site) -> Self {
        let actuators = site.actuators.len();
        Self { tightened: vec![false; actuators], resets: Resets::new(actuators), pid: Pid::new(actuators) }
    }

    /// Proposes a value for an actuator that stands at `stands` and is on its way to `from`, as the policy wants it decided.
    #[must_use]
    pub fn propose(&mut self, scene: &Scene<'_>, index: usize, stands: f64, from: f64) -> SetpointProposal {
        match scene.wants.cooling {
            CoolingStrategy::Hold => SetpointProposal { stands, value: stands, why: Why::Hold },
            // A plan begins with these.
            CoolingStrategy::LeastHeadroom | CoolingStrategy::Predictive => {
                let proposal = super::least_headroom(scene, index, stands, from);
                self.rest(scene, index, from, proposal)
            }
            CoolingStrategy::TrimAndRespond => {
                within_step(scene, index, self.resets.propose(scene, index, stands, from))
            }
            CoolingStrategy::Pid => within_step(scene, index, self.pid.propose(scene, index, stands, from)),
        }
    }

    /// The proposal, unless it takes back for little room what was given last.
    fn rest(&mut self, scene: &Scene<'_>, index: usize, from: f64, p: SetpointProposal) -> SetpointProposal {
        let actuator = &scene.site.actuators[index];
        let kind = match (actuator.unit.dimension, scene.topology.reach[index].cools) {
            (Dimension::Temperature, true) => 0,
            (Dimension::Temperature, false) => 1,
            _ => 2,
        };
        match p.why {
            Why::Relax { slack_k, by, .. } if self.tightened[index] && slack_k < SMALL_ROOM_K[kind] => {
                let (low, high) = scene.wants.actuator_range[index];
                SetpointProposal { value: from.clamp(low, high), why: Why::Rests { slack_k, by }, ..p }
            }
            _ => {
                let relaxed = matches!(p.why, Why::Relax { .. });
                self.tightened[index] =
                    matches!(p.why, Why::Tighten { .. }) || self.tightened[index] && !relaxed;
                p
            }
        }
    }
}

/// No further from where it stands than its largest step, however much of earlier moves is yet to come.
fn within_step(scene: &Scene<'_>, index: usize, p: SetpointProposal) -> SetpointProposal {
    let step = scene.site.actuators[index].step;
    SetpointProposal { value: p.value.clamp(p.stands - step, p.stands + step), ..p }
}

/// What an actuator serves and does not see: its GPUs (fewer than the guard's quorum are heard), a limited point, the flow of
/// a rack, or all of it.
pub(super) fn missing(scene: &Scene<'_>, index: usize) -> Option<Binds> {
    let Scene { site, topology, snapshot, survey, .. } = *scene;
    let reach = &topology.reach[index];
    let set = survey.set(index);
    let heard =
        set.heard as f64 >= QUORUM * reach.gpus.len() as f64 && (reach.gpus.is_empty() || set.full.is_some());
    if !heard {
        return reach.gpus.first().map(|&g| Binds::Gpu(g));
    }
    if let Some(p) = reach.answers.iter().find(|p| snapshot.good(**p).is_none()) {
        return Some(Binds::Point(p.index()));
    }
    let flows = reach.technology && site.actuators[index].unit.dimension != Dimension::Temperature;
    if let Some(&r) = reach.racks.iter().find(|r| flows && survey.flow_k(**r).is_none()) {
        return Some(Binds::Flow(r));
    }
    (slack(scene, index).1 == Binds::Unknown).then_some(Binds::Unknown)
}

/// A step toward what the plant holds by itself, if that cools more; else it stays. By at most so much, base unit.
pub(super) fn toward_home(scene: &Scene<'_>, index: usize, (stands, from): (f64, f64), most: f64) -> f64 {
    let actuator = &scene.site.actuators[index];
    let (low, high) = scene.wants.actuator_range[index];
    let (toward, home) = (toward(actuator), actuator.fallback.clamp(low, high));
    let from = tighter(toward, stands, from);
    // relaxing counted up
    let left = toward * (from - home);
    (if left > 0.0 { from - toward * left.min(most) } else { from }).clamp(low, high)
}

/// The one of two values that cools more.
pub(super) fn tighter(toward: f64, a: f64, b: f64) -> f64 {
    if toward * (a - b) > 0.0 { b } else { a }
}

/// Does another setpoint that acts on the same things save more by the room that is left? Then it relaxes first, as one at a
/// time can be told apart, and they do not fight.
pub(super) fn other_first(scene: &Scene<'_>, index: usize) -> bool {
    let Scene { site, topology, snapshot, survey, .. } = *scene;
    let net = |i: usize, stands: f64| {
        let unit = unit_per_kelvin(&site.actuators[i]);
        unit * (saving_w_per_unit(scene, i, stands).1 - cost_w_per_unit(scene, i, stands))
    };
    let stands = |i: usize| site.actuators[i].readback.and_then(|p| snapshot.good(p));
    let Some(own) = stands(index).map(|at| net(index, at)) else { return false };
    // Who is upstream of whom is another matter: that one is asked first anyway.
    let cool = |o: usize| topology.reach[o].cools && topology.reach[index].cools && survey.same_set(o, index);
    let beside = |o: &usize| *o != index && (site.actuators[*o].of == site.actuators[index].of || cool(*o));
    (0..site.actuators.len()).filter(beside).any(|o| {
        let Some(at) = stands(o) else { return false };
        let other = net(o, at);
        let more = other > own || (other >= own && o < index);
        more && !at_end(scene, o) && relaxes(scene, o, at)
    })
}

/// Would a setpoint be relaxed as things are?
fn relaxes(scene: &Scene<'_>, index: usize, stands: f64) -> bool {
    let (slack_k, by) = slack(scene, index);
    let prices = (saving_w_per_unit(scene, index, stands), cost_w_per_unit(scene, index, stands));
    let held = || super::stays(scene, index, (stands, stands), (slack_k, by), prices).is_err();
    let step = toward(&scene.site.actuators[index]) * scene.site.actuators[index].deadband;
    slack_k > super::REST_K[usize::from(!scene.topology.reach[index].cools)]
        && missing(scene, index).is_none()
        && !held()
        && super::swings(scene, index, stands + step).is_none()
}
