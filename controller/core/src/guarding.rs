//! The questions put to the guard: what is known at this moment, in the guard's words.
//!
//! Responsible for filling envelopes and contexts from site, policy and estimate. Not for judging: that is
//! `headroom-guard`, which only narrows or refuses.

use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::propose::cooling::Scene;
use crate::propose::power::CapProposal;
use crate::topology::Topology;
use crate::wants::Wants;
use headroom_guard::{
    Bound, CapsVerdict, Context, Envelope, Gpus, Mode, Raise, Relax, SetpointState, Tree, Verdict, Watch,
};
use headroom_site::model::Saves;
use headroom_site::{Dimension, Site};

/// Share of the GPUs downstream that must be heard before anything relaxes (Dynamo's quorum rule).
pub const QUORUM: f64 = 0.8;
/// A read-back older than this does not count, s: three times the 100 s republish period of the DSX bus.
pub const READ_BACK_MAX_AGE_S: f64 = 300.0;
/// Movement in a day, in spans of the range, after which a setpoint may only tighten.
pub const TRAVEL_SPANS: f64 = 6.0;
/// Rise of the worst die per unit of a relaxed pressure or speed, as kelvin per share of the range.
const DIE_PER_RANGE_K: f64 = 20.0;

/// The guard with its memory of every setpoint.
#[derive(Debug, Clone)]
pub struct Guarding {
    envelopes: Vec<Envelope>,
    states: Vec<SetpointState>,
    min_w: Vec<f64>,
    max_w: Vec<f64>,
    applied_w: Vec<f64>,
}

impl Guarding {
    /// For a site under a policy.
    #[must_use]
    pub fn new(site: &Site, wants: &Wants) -> Self {
        let envelopes = site
            .actuators
            .iter()
            .enumerate()
            .map(|(i, a)| {
                let (low, high) = wants.actuator_range[i];
                Envelope {
                    low,
                    high,
                    relax: match a.saves {
                        Saves::Up => Relax::Up,
                        Saves::Down => Relax::Down,
                    },
                    ramp_per_s: wants.actuator_ramp_per_s[i],
                    max_step: a.step,
                    travel_per_day: TRAVEL_SPANS * (high - low),
                    deadband: a.deadband.min(a.step),
                    read_back_max_age_s: READ_BACK_MAX_AGE_S,
                }
            })
            .collect();
        let sku = |f: fn(&headroom_site::model::Sku) -> f64| {
            site.gpus.iter().map(|g| f(&site.skus[g.sku])).collect()
        };
        Self {
            envelopes,
            states: vec![SetpointState::default(); site.actuators.len()],
            min_w: sku(|s| s.min_cap_w),
            max_w: sku(|s| s.max_cap_w),
            applied_w: vec![f64::NAN; site.gpus.len()],
        }
    }

    /// Judges one setpoint. In advisory the same question is asked as if it were active, so that the advice is what
    /// would have been commanded; whether anything is commanded is the lease's matter.
    pub fn setpoint(&mut self, scene: &Scene<'_>, question: &Question) -> Verdict {
        let Scene { site, topology, snapshot, estimate: e, survey, .. } = *scene;
        let i = question.actuator;
        let a = &site.actuators[i];
        let reach = &topology.reach[i];
        let readback = a.readback.map(|p| snapshot.points[p.index()]);
        let limits_good = reach.limited.iter().all(|p| snapshot.good(*p).is_some());
        let inputs_fresh =
            !question.blind && survey.set(i).heard as f64 >= QUORUM * reach.gpus.len() as f64 && limits_good;
        let flows_known = reach.racks.iter().all(|&r| snapshot.good(topology.racks[r].flow).is_some());
        let context = Context {
            dt_s: question.dt_s,
            mode: if question.mode == Mode::Advisory { Mode::Active } else { question.mode },
            read_back: readback.filter(|r| r.quality.is_good()).map(|r| r.value).or(question.assumed),
            read_back_age_s: readback.filter(|r| r.quality.is_good()).map_or(0.0, |r| r.age.s().max(0.0)),
            floor: floor(site, e, reach.technology && a.unit.dimension == Dimension::Temperature),
            ceiling: Bound::Free,
            inputs_fresh,
            relaxing_allowed: a.saves == Saves::Up || flows_known,
            watch: watch(scene, i),
            interlock: question.interlock,
            operator_owns: question.operator_owns,
        };
        headroom_guard::setpoint(&self.envelopes[i], &mut self.states[i], &context, question.proposed)
    }

    /// Judges the caps; narrows them in place.
    pub fn caps(
        &mut self,
        topology: &Topology,
        snapshot: &Snapshot,
        estimate: &Estimate,
        budget_w: &[f64],
        proposal: &mut CapProposal,
    ) -> CapsVerdict {
        for (applied, g) in self.applied_w.iter_mut().zip(&snapshot.gpus) {
            *applied =
                if g.heard { g.sample.enforced_cap_w.get().map_or(f64::NAN, f64::from) } else { f64::NAN };
        }
        // One that can only be read is to the guard as one that is silent: it may stand anywhere up to its limit.
        for (i, most) in
            estimate.read_only.iter().enumerate().filter_map(|(i, most)| most.map(|most| (i, most)))
        {
            (self.min_w[i], self.max_w[i], self.applied_w[i]) = (most, most, f64::NAN);
            proposal.cap_w[i] = most;
            proposal.solution = None;
        }
        // Branches without a budget have nothing to keep.
        let branches: Vec<_> = topology
            .guard_branches(|i| budget_w[i], |i| estimate.other_w[i])
            .into_iter()
            .filter(|b| b.budget_w.is_finite())
            .collect();
        let tree = Tree { branches: &branches, spans: &topology.spans };
        let gpus = Gpus { min_w: &self.min_w, max_w: &self.max_w, applied_w: &self.applied_w };
        let heard = snapshot.heard.count as f64;
        let raise = Raise { allowed: heard >= QUORUM * snapshot.gpus.len() as f64, max_w: 1e4 };
        let verdict = headroom_guard::caps(&tree, &gpus, raise, &mut proposal.cap_w);
        if verdict != CapsVerdict::Allow {
            proposal.solution = None;
        }
        verdict
    }
}

/// One setpoint in question.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// Which actuator.
    pub actuator: usize,
    /// What is proposed.
    pub proposed: f64,
    /// Where it stands if no read-back exists for it, or none any more.
    pub assumed: Option<f64>,
    /// Nobody has said for a while where it stands: it may only tighten.
    pub blind: bool,
    /// Time since the last question, s.
    pub dt_s: f64,
    /// Mode of its group.
    pub mode: Mode,
    /// A trip or an interlock of the plant stands against it.
    pub interlock: bool,
    /// An operator has it.
    pub operator_owns: bool,
}

/// Lowest temperature of a technology loop: the room's dew point and a margin, where the room is measured.
fn floor(site: &Site, e: &Estimate, binds: bool) -> Bound {
    if !binds || site.meters.room_temperature.is_empty() {
        return Bound::Free;
    }
    e.dew_point_c.map_or(Bound::Unknown, |dew| Bound::At(dew + site.dew_point_margin_k))
}

/// What must stay safe for a minute if this setpoint is held: the die nearest to its limit, else the limited point
/// nearest to its.
fn watch(scene: &Scene<'_>, actuator: usize) -> Option<Watch> {
    let Scene { site, topology, estimate: e, survey, .. } = *scene;
    let a = &site.actuators[actuator];
    let reach = &topology.reach[actuator];
    let gain = if a.unit.dimension == Dimension::Temperature {
        1.0
    } else {
        DIE_PER_RANGE_K / (a.range.1 - a.range.0).max(1e-9)
    };
    if let Some((g, _)) = survey.set(actuator).hottest {
        // The trend of a die follows its power by tens of kelvin per second and settles by itself: a minute ahead it is
        // the steady temperature at full load that counts.
        let full = -e.kelvins(g).map_or(0.0, |[_, full_k]| full_k);
        return Some(Watch { value: full, trend_per_s: 0.0, hard_limit: 0.0, gain });
    }
    reach
        .limited
        .iter()
        .filter_map(|p| {
            let spec = &site.points[p.index()];
            let (value, sigma) = e.point(*p);
            let trend = e.levels[p.index()].trend();
            let high = spec.limit_high.map(|h| (value + 2.0 * sigma - h, trend));
            let low = spec.limit_low.map(|l| (l - value + 2.0 * sigma, -trend));
            high.into_iter().chain(low).max_by(|x, y| x.0.total_cmp(&y.0))
        })
        .max_by(|x, y| x.0.total_cmp(&y.0))
        .map(|(value, trend_per_s)| Watch { value, trend_per_s, hard_limit: 0.0, gain })
}
