//! Cooling, PID: each setpoint holds the wanted room of the worst that it serves, with a feed-forward of the load.
//!
//! The error e of an actuator is the room of the worst thing downstream beyond what the policy wants (K or K-equivalent; less
//! than nothing is a lack), counted from [`REST_K`] on, below which the loop rests. Each cooling period h the
//! setpoint moves, relaxing counted up, from where its read-back says it stands (velocity form), by
//!
//! ```text
//! du = Kc (e - e_before) + Kc h / Ti e + min(0, room - (T_downstream - T_own) ln(Q / Q_before))
//! Kc = tau / (K (lambda + theta))     Ti = min(tau, 4 (lambda + theta))     lambda = tau, with room 5 min at least
//! ```
//!
//! which is the SIMC rule (Skogestad, "Simple analytic rules for model reduction and PID controller tuning", J. Process Control
//! 13, 2003) for a first-order lag with a delay. A lack is made good as fast as the plant follows by itself; room, which costs watts
//! only, is used more slowly.
//!
//! | symbol | is | here |
//! | --- | --- | --- |
//! | K | room per unit moved, K/K | 1; a valve near its limit 2; the flow of a rack by pressure (flow ~ dp^0.5) |
//! | tau | lag | [`TAU_S`]: what cools GPUs itself, and what is upstream of it |
//! | theta | delay: sample, read-back, and the filter of the room | two cooling periods |
//! | h | time since the last look | the cooling period |
//! | T | temperatures measured | of the loops right downstream (the coldest) and of its own |
//! | Q | heat of the IT downstream | power of the GPUs over some minutes; the IT meter where there are none |
//!
//! The feed-forward is what keeps a heat exchanger's valve where it is: heat over the difference of temperatures at one opening,
//! as far as the room does not cover it; what the load gives back the loop finds by itself. It acts where such a valve or loop
//! binds; room of a die is told at full load, so the load of now does not move it. The
//! derivative is in the room itself: the opening of a valve is looked at ahead of time (`LEAD_S`).
//!
//! There is no integral to wind up: what range, ramp, guard or operator leave shows in the read-back. What is short never
//! relaxes, and one that has room tightens only if it will be short. Of several setpoints that act upon the same, one relaxes
//! at a time, by worth; what is upstream first. What is not seen counts as the worst.
//!
//! Responsible for: the law and its gains. Not for: room, worth and price (the module above).

use super::strategies::{missing, other_first, tighter, toward_home};
use super::{
    FLOW_PER_K, Scene, SetpointProposal, cost_w_per_unit, is_of_valves, saving_w_per_unit, slack, stays,
};
use super::{swings, toward, unit_per_kelvin, unseen};
use crate::propose::{Binds, Stepwise, Why};
use headroom_site::model::Actuator;
use headroom_site::{Dimension, Stamp};

/// Lag of what cools GPUs itself, and of what is upstream of it, s.
pub const TAU_S: [f64; 2] = [90.0, 300.0];
/// Room beyond what is wanted, K-equivalent, up to which a loop rests: what cools GPUs itself (their room is the noisier), and
/// what is upstream of it.
pub const REST_K: [f64; 2] = [0.5, 0.2];
/// Room per unit moved of a valve downstream that is short: a twentieth of opening per half a kelvin, near its limit.
const VALVE_GAIN: f64 = 2.0;
/// Bounds of a believed gain.
const GAINS: (f64, f64) = (0.5, 4.0);
/// Share of the room's change that a period takes up: noise of one reading does not move a setpoint.
const FILTER: f64 = 0.25;
/// Least lag of the closed loop where there is room, s.
const ROOM_S: f64 = 300.0;
/// Delay over the cooling period.
const DELAYS: f64 = 2.0;
/// Relative change of the heat from which on it is fed forward: jobs breathe.
const HEAT_BAND: f64 = 0.05;

/// What is remembered of a setpoint.
#[derive(Debug, Clone, Copy)]
struct Before {
    at: Stamp,
    /// Room, filtered, K-equivalent.
    room_k: f64,
    /// Heat that was fed forward last, W; none where it is not known.
    heat_w: Option<f64>,
}

/// The loops of all setpoints.
#[derive(Debug, Clone)]
pub(super) struct Pid(Vec<Option<Before>>);

impl Pid {
    pub(super) fn new(actuators: usize) -> Self {
        Self(vec![None; actuators])
    }

    /// Proposes a value for an actuator that stands at `stands` and is on its way to `from`.
    pub(super) fn propose(
        &mut self,
        scene: &Scene<'_>,
        index: usize,
        stands: f64,
        from: f64,
    ) -> SetpointProposal {
        let actuator = &scene.site.actuators[index];
        let (low, high) = scene.wants.actuator_range[index];
        let from = stands + (from - stands).clamp(-lead(scene, index), lead(scene, index));
        let (slack_k, by) = slack(scene, index);
        let missing = missing(scene, index);
        if slack_k >= 0.0 || by == Binds::Unknown {
            if let Some((home, why)) = unseen(scene.snapshot, actuator) {
                self.0[index] = None;
                let value = from + (home.clamp(low, high) - from).clamp(-actuator.step, actuator.step);
                return SetpointProposal { stands, value, why };
            }
            if let Some(what) = missing {
                self.0[index] = None;
                let value = toward_home(scene, index, (stands, from), lead(scene, index));
                return SetpointProposal { stands, value, why: Why::Stepwise(Stepwise::Missing { what }) };
            }
        }
        let moves_k = self.moves(scene, index, stands, (slack_k, by));
        let sum_k: f64 = moves_k.iter().sum();
        let (toward, unit) = (toward(actuator), unit_per_kelvin(actuator));
        let step = |from: f64, k: f64| {
            let moved = (k * unit).clamp(-actuator.step, actuator.step);
            SetpointProposal {
                stands,
                value: (from + toward * moved).clamp(low, high),
                why: Why::Stepwise(Stepwise::Regulate { slack_k, by, moves_k }),
            }
        };
        if slack_k < 0.0 {
            return step(tighter(toward, stands, from), sum_k.min(0.0));
        }
        let held = held(scene, index, (stands, from), (slack_k, by));
        // What is held all the same makes room for what is coming.
        let short = slack_k + moves_k[0] < 0.0 || moves_k[2] < 0.0;
        match held {
            Some(_) if short => step(tighter(toward, stands, from), sum_k.min(0.0)),
            Some(held) => held,
            None => {
                let moved = step(from, sum_k);
                match swings(scene, index, moved.value).filter(|_| sum_k > 0.0) {
                    Some(why) => SetpointProposal { stands, value: from.clamp(low, high), why },
                    None => moved,
                }
            }
        }
    }

    /// Moves for the change of room, for the room, and for the load, K-equivalent.
    fn moves(
        &mut self,
        scene: &Scene<'_>,
        index: usize,
        stands: f64,
        (slack_k, by): (f64, Binds),
    ) -> [f64; 3] {
        let (now, h_s) = (scene.snapshot.stamp, scene.site.cooling_period.s());
        // After a pause (held, not seen, a clock set back) nothing has changed.
        let usable = |b: &Before| (0.0..=3.0 * h_s).contains(&now.since(b.at).s());
        let before = self.0[index].filter(usable);
        let room_k = before.map_or(slack_k, |b| b.room_k + FILTER * (slack_k - b.room_k));
        let heat_w = heat_w(scene, index);
        let change = before.and_then(|b| Some((heat_w? / b.heat_w?).ln()));
        let load = change.filter(|c| c.abs() >= HEAT_BAND);
        let fed_w = before.and_then(|b| b.heat_w).filter(|_| load.is_none()).or(heat_w);
        self.0[index] = Some(Before { at: now, room_k, heat_w: fed_w });
        let gains = Gains::of(scene, index, stands, (slack_k, by));
        let rest_k = REST_K[usize::from(!scene.topology.reach[index].cools)];
        let change_k = before.map_or(0.0, |b| error(room_k, rest_k) - error(b.room_k, rest_k));
        let elapsed_s = before.map_or(h_s, |b| now.since(b.at).s());
        let load = load.filter(|_| is_of_valves(scene.site, by)).unwrap_or(0.0);
        let ahead_k =
            if load > 0.0 { slack_k.max(0.0) - approach_k(scene, index) * load } else { 0.0 }.min(0.0);
        // What is short is not waited for until a filter knows.
        let room_k = if slack_k < 0.0 { slack_k.min(room_k) } else { room_k };
        [gains.kc * change_k, gains.kc * elapsed_s / gains.ti_s * error(room_k, rest_k), ahead_k]
    }
}

/// Gain and integral time of a loop.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Gains {
    kc: f64,
    ti_s: f64,
}

impl Gains {
    fn of(scene: &Scene<'_>, index: usize, stands: f64, (slack_k, by): (f64, Binds)) -> Self {
        let actuator = &scene.site.actuators[index];
        let far = !scene.topology.reach[index].cools;
        let k = match by {
            _ if far && slack_k < 0.0 && is_of_valves(scene.site, by) => VALVE_GAIN,
            Binds::Flow(_) if actuator.unit.dimension != Dimension::Temperature => {
                0.5 * unit_per_kelvin(actuator) / stands.abs().max(1e-9) / FLOW_PER_K
            }
            _ => 1.0,
        };
        let (tau_s, theta_s) = (TAU_S[usize::from(far)], DELAYS * scene.site.cooling_period.s());
        let lambda_s = if slack_k < 0.0 { tau_s } else { tau_s.max(ROOM_S) };
        Self::simc(k.clamp(GAINS.0, GAINS.1), tau_s, lambda_s, theta_s)
    }

    /// Skogestad's rule.
    fn simc(k: f64, tau_s: f64, lambda_s: f64, theta_s: f64) -> Self {
        let slow_s = lambda_s + theta_s;
        Self { kc: tau_s / (k * slow_s), ti_s: tau_s.min(4.0 * slow_s) }
    }
}

/// The room as an error: none inside the band.
fn error(room_k: f64, rest_k: f64) -> f64 {
    room_k - room_k.clamp(0.0, rest_k)
}

/// Why one that has room is held.
fn held(
    scene: &Scene<'_>,
    index: usize,
    (stands, from): (f64, f64),
    (slack_k, by): (f64, Binds),
) -> Option<SetpointProposal> {
    let prices = (saving_w_per_unit(scene, index, stands), cost_w_per_unit(scene, index, stands));
    match stays(scene, index, (stands, from), (slack_k, by), prices) {
        // Its gains know of the lag: it need not wait for the last move.
        Err(SetpointProposal { why: Why::Underway { .. }, .. }) | Ok(_) => {}
        Err(stays) => return Some(stays),
    }
    let waits =
        SetpointProposal { stands, value: stands, why: Why::Stepwise(Stepwise::OtherFirst { slack_k, by }) };
    other_first(scene, index).then_some(waits)
}

/// How far a target may be ahead of its read-back, base unit: what a period's ramp makes good, and what is too small to be sent.
fn lead(scene: &Scene<'_>, index: usize) -> f64 {
    let actuator: &Actuator = &scene.site.actuators[index];
    actuator
        .deadband
        .max(scene.wants.actuator_ramp_per_s[index] * scene.site.cooling_period.s())
        .min(actuator.step)
}

/// Heat of the IT that an actuator serves, W, where it is known.
fn heat_w(scene: &Scene<'_>, index: usize) -> Option<f64> {
    let load_w = scene.survey.set(index).load_w;
    let metered = || Some(scene.estimate.slow_meter_w[scene.site.meters.it?.index()]);
    let known = |w: &f64| w.is_finite() && *w > 0.0;
    Some(load_w).filter(known).or_else(metered).filter(known)
}

/// How much colder it is than the coldest loop right downstream, K; zero where that is not measured.
fn approach_k(scene: &Scene<'_>, index: usize) -> f64 {
    let Scene { site, topology, snapshot, .. } = *scene;
    let measured = |i: usize| site.actuators[i].measures.and_then(|p| snapshot.good(p));
    let downstream = topology.reach[index].holds.iter().filter_map(|&d| measured(d));
    match (measured(index), downstream.min_by(f64::total_cmp)) {
        (Some(own), Some(coldest)) => (coldest - own).max(0.0),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests;
