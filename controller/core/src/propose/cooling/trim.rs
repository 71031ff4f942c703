//! Cooling, trim and respond: each setpoint trims toward saving while few requests stand, and responds to them toward cooling.
//!
//! The law is that of ASHRAE Guideline 36-2021, 5.1.14, in its symbols. Every time step T, the setpoint SP of an actuator moves
//!
//! ```text
//! R <= I   by SPtrim                                  toward saving
//! R > I    by min(SPres (R - I), SPres-max)           toward cooling, from where it stands
//! ```
//!
//! | symbol | is | here |
//! | --- | --- | --- |
//! | SP0 | where it begins | where it stands: the plant runs already |
//! | SPmin, SPmax | its range | the site's, narrowed by the policy's `[[limit]]` |
//! | Td | delay before the first trim | 10 min; 15 min upstream of what cools GPUs |
//! | T | time step | 2 min; 5 min upstream; a cooling period at least |
//! | I | requests ignored | 0: no die, rack or limited point is of no account |
//! | R | requests | below |
//! | SPtrim | step toward saving | 2 % of the range, and 2/7 of SPres-max at most |
//! | SPres | step per request | 3 % of the range, and 3/7 of SPres-max at most |
//! | SPres-max | largest response | 7 % of the range, what its ramp allows in T, and its largest step: the least of them |
//!
//! Td, T and the shares are those of the guideline's resets of an air handler (5.16: 10 min, 2 min) and of a chilled-water plant
//! (5.20: 15 min, 5 min, -2 %, +3 %, +7 %); with a ramp of 1 K in 5 min a temperature gets -0.11 K, +0.17 K and +0.4 K. Everything
//! that the actuator serves asks by how far its room is short of what the policy wants, as a zone does by its temperature
//! (5.6.8):
//!
//! ```text
//! room    >= 0   < 0   < -1 K   < -2 K      K or K-equivalent
//! asks       0     1        2        3      times its importance: 2 for GPUs and the flow of racks, else 1
//! ```
//!
//! Where this is stricter than the guideline: a response waits for T only after a response to as many requests; nothing is
//! trimmed without room for it, so that it comes to rest; what is not seen asks once, until the setpoint stands at what the
//! plant would hold by itself; and where moving saves nothing, or somebody upstream can relax first, it is not trimmed.
//!
//! Responsible for: the law, its parameters, and who asks. Not for: room, worth and price (the module above).

use super::strategies::{missing, tighter, toward_home};
use super::{
    Scene, SetpointProposal, UPSTREAM_FIRST_K, cost_w_per_unit, each_slack, saving_w_per_unit, stays,
};
use super::{swings, toward, unit_per_kelvin, unseen};
use crate::propose::{Binds, Stepwise, Why};
use headroom_site::model::Actuator;
use headroom_site::{Span, Stamp};

/// I: requests that are ignored.
pub const IGNORED: u32 = 0;
/// Td for what cools GPUs itself, and for what is upstream of it.
const DELAY: [Span; 2] = [Span::from_ms(600_000), Span::from_ms(900_000)];
/// T likewise.
const STEP: [Span; 2] = [Span::from_ms(120_000), Span::from_ms(300_000)];
/// SPtrim, SPres and SPres-max as shares of the range.
const SHARES: [f64; 3] = [0.02, 0.03, 0.07];
/// Room short of what is wanted, K-equivalent, from which on something asks once, twice, three times.
const ASKS_K: [f64; 3] = [0.0, -1.0, -2.0];
/// Room beyond a trim that must be left, K-equivalent, so that noise does not ask for it back.
const SPARE_K: f64 = 0.25;

/// The symbols of an actuator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Td.
    pub delay: Span,
    /// T.
    pub step: Span,
    /// SPtrim, base unit.
    pub trim: f64,
    /// SPres.
    pub respond: f64,
    /// SPres-max.
    pub respond_most: f64,
}

impl Parameters {
    /// Of an actuator with a range and a ramp (base units per second); `cools`: nothing nearer to its GPUs has a setpoint.
    #[must_use]
    pub fn of(
        actuator: &Actuator,
        (low, high): (f64, f64),
        ramp_per_s: f64,
        cools: bool,
        period: Span,
    ) -> Self {
        let far = usize::from(!cools);
        let step = STEP[far].max(period);
        let [trim, respond, most] = SHARES.map(|share| share * (high - low));
        let respond_most = most.min(ramp_per_s * step.s()).min(actuator.step);
        let part = |share: usize| respond_most * SHARES[share] / SHARES[2];
        Self { delay: DELAY[far], step, trim: trim.min(part(0)), respond: respond.min(part(1)), respond_most }
    }
}

/// What is remembered of a setpoint.
#[derive(Debug, Clone, Copy, Default)]
struct Reset {
    /// Since when, and until when, it has been reset.
    began: Option<Stamp>,
    looked: Option<Stamp>,
    /// When it moved last, and how many requests that answered.
    moved: Option<(Stamp, u32)>,
}

/// The resets of all setpoints.
#[derive(Debug, Clone)]
pub(super) struct Resets(Vec<Reset>);

/// Who asks.
#[derive(Debug, Clone, Copy)]
struct Asked {
    requests: u32,
    /// Least room of all, and whose it is.
    slack_k: f64,
    by: Binds,
}

impl Resets {
    pub(super) fn new(actuators: usize) -> Self {
        Self(vec![Reset::default(); actuators])
    }

    /// Proposes a value for an actuator that stands at `stands` and is on its way to `from`.
    pub(super) fn propose(
        &mut self,
        scene: &Scene<'_>,
        index: usize,
        stands: f64,
        from: f64,
    ) -> SetpointProposal {
        let (site, now) = (scene.site, scene.snapshot.stamp);
        let (actuator, (low, high)) = (&site.actuators[index], scene.wants.actuator_range[index]);
        let ramp_per_s = scene.wants.actuator_ramp_per_s[index];
        let cools = scene.topology.reach[index].cools;
        let p = Parameters::of(actuator, (low, high), ramp_per_s, cools, site.cooling_period);
        let reset = &mut self.0[index];
        reset.look(now, site.cooling_period);
        let toward = toward(actuator);
        let asked = asked(scene, index);
        let Asked { requests, slack_k, by } = asked;
        if requests > IGNORED {
            let mut value = tighter(toward, stands, from).clamp(low, high);
            if !reset.answers(now, p.step, requests) {
                return SetpointProposal {
                    stands,
                    value,
                    why: Why::Stepwise(Stepwise::Between { requests, slack_k, by }),
                };
            }
            value -= toward * (p.respond * f64::from(requests - IGNORED)).min(p.respond_most);
            return SetpointProposal {
                stands,
                value: value.clamp(low, high),
                why: Why::Stepwise(Stepwise::Respond { requests, slack_k, by }),
            };
        }
        if let Some((home, why)) = unseen(scene.snapshot, actuator) {
            let value = from + (home.clamp(low, high) - from).clamp(-actuator.step, actuator.step);
            return SetpointProposal { stands, value, why };
        }
        if let Some(what) = missing(scene, index) {
            let most = if reset.answers(now, p.step, 1) { p.respond } else { 0.0 };
            let value = toward_home(scene, index, (stands, from), most);
            return SetpointProposal { stands, value, why: Why::Stepwise(Stepwise::Missing { what }) };
        }
        self.trim(scene, index, (stands, from), (&p, asked))
    }

    fn trim(
        &mut self,
        scene: &Scene<'_>,
        index: usize,
        (stands, from): (f64, f64),
        (p, asked): (&Parameters, Asked),
    ) -> SetpointProposal {
        let Asked { requests, slack_k, by } = asked;
        let actuator = &scene.site.actuators[index];
        let (low, high) = scene.wants.actuator_range[index];
        let waits = SetpointProposal {
            stands,
            value: from.clamp(low, high),
            why: Why::Stepwise(Stepwise::Between { requests, slack_k, by }),
        };
        let prices = (saving_w_per_unit(scene, index, stands), cost_w_per_unit(scene, index, stands));
        if let Err(stays) = stays(scene, index, (stands, from), (slack_k, by), prices) {
            return stays;
        }
        // Who is upstream must come to rest below what those downstream wait for.
        let room_k = (p.trim / unit_per_kelvin(actuator) + SPARE_K).min(0.9 * UPSTREAM_FIRST_K);
        if slack_k < room_k || !self.0[index].may_trim(scene.snapshot.stamp, p) {
            return waits;
        }
        let value = (from + toward(actuator) * p.trim).clamp(low, high);
        if let Some(why) = swings(scene, index, value) {
            return SetpointProposal { why, ..waits };
        }
        self.0[index].moved = Some((scene.snapshot.stamp, 0));
        SetpointProposal { stands, value, why: Why::Stepwise(Stepwise::Trim { slack_k, by }) }
    }
}

impl Reset {
    /// Looked at anew; after a pause of some periods (held, handed back) it begins anew.
    fn look(&mut self, now: Stamp, period: Span) {
        let pause = 3.0 * period.s();
        if self.looked.is_none_or(|last| !(0.0..=pause).contains(&now.since(last).s())) {
            *self = Self { began: Some(now), ..Self::default() };
        }
        self.looked = Some(now);
    }

    /// Is it time to answer so many requests? At once, but for those that were answered within a time step.
    fn answers(&mut self, now: Stamp, step: Span, requests: u32) -> bool {
        let due = self.moved.is_none_or(|(last, answered)| requests > answered || now.since(last) >= step);
        if due {
            self.moved = Some((now, requests));
        }
        due
    }

    fn may_trim(&self, now: Stamp, p: &Parameters) -> bool {
        let delayed = self.began.is_some_and(|began| now.since(began) >= p.delay);
        delayed && self.moved.is_none_or(|(last, _)| now.since(last) >= p.step)
    }
}

/// Requests of everything that an actuator serves.
fn asked(scene: &Scene<'_>, index: usize) -> Asked {
    let mut asked = Asked { requests: 0, slack_k: f64::INFINITY, by: Binds::Unknown };
    each_slack(scene, index, |slack_k, by| {
        asked.requests += requests(slack_k, by);
        if slack_k < asked.slack_k {
            (asked.slack_k, asked.by) = (slack_k, by);
        }
    });
    asked
}

/// Requests of one, by how far it is short.
fn requests(slack_k: f64, by: Binds) -> u32 {
    let importance = match by {
        Binds::Gpu(_) | Binds::Flow(_) => 2,
        Binds::Point(_) | Binds::Downstream(_) | Binds::Unknown => 1,
    };
    importance * ASKS_K.iter().filter(|k| slack_k < **k).count() as u32
}

#[cfg(test)]
mod tests;
