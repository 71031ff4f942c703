//! Cooling: each setpoint moves by the least headroom of everything it serves.
//!
//! For an actuator the slack is the least, over all that lies downstream of its equipment, of
//!
//! ```text
//! GPU       T_lim - T_full - k sigma - wanted margin          K, after a step to full load
//! point     (limit - value - k sigma) / margin of its kind    K-equivalent
//! rack      (flow / least flow - 1.08) / 0.02                 K-equivalent
//! setpoint  1.5 K - (measured - setpoint)                     a setpoint downstream must stay within reach, where and
//!                                                             gets help where its valve is open or not shown
//! ```
//!
//! Negative slack tightens at once; positive slack relaxes by a share of itself, and only while the marginal saving
//! exceeds the marginal cost, and while nothing upstream of the same kind could relax instead: warmer facility water
//! costs nothing until the loops it feeds lose authority, warmer technology water costs leakage. What is upstream waits
//! with the next move while the plant still comes nearer to the last. One that has tightened last leaves small room as it is
//! (`strategies`). A setpoint whose effect is not seen goes back to what the plant would hold by itself, or to what its sensor
//! stands still at. A temperature that has moved of late is relaxed no
//! further than `swing` leaves.
//!
//! The price of a unit of a technology temperature is leakage, lambda P per kelvin of die; its worth is what the machines
//! upstream save (`worth`) in proportion to the load it serves. Both are priors, so nothing moves while the two are near each
//! other: beyond what the plant would hold by itself it warms only where its own valves hold back what is upstream and the worth
//! is sure to exceed four prices, and it cools (free cooling spent on less leakage) where the worth is below two thirds of a
//! price whatever machine makes it; on the way back either way less is asked. For a differential pressure the worth is 1.5 P/dp
//! (pump affinity, P ~ dp^1.5), the price 0.16 R P/dp kelvin of die (a plate's convective share 0.4, h ~ flow^0.8,
//! flow ~ dp^0.5).

mod pid;
pub mod predictive;
mod strategies;
mod survey;
mod swing;
mod trim;
mod worth;

pub use pid::{REST_K, TAU_S};
pub use strategies::{SMALL_ROOM_K, Strategies};
pub use survey::{Set, Survey};
pub use swing::{MINUTES as SWING_MINUTES, OWN_K};
pub use trim::{IGNORED, Parameters};

use super::{Binds, Stepwise, Why};
use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::topology::Topology;
use crate::wants::Wants;
use headroom_site::model::{Actuator, Saves};
use headroom_site::{Dimension, PointId, Quality, Reason, Site};
use worth::{by_leakage, for_followers, frees};
pub(crate) use worth::{cost_w_per_unit, saving_w_per_unit};

/// Share of the slack that one tick may use, for what cools GPUs itself and for what is upstream of it: a loop further
/// away answers in some ten ticks, and an integrator on a lag of n ticks is calm below about 1/(2 n).
pub const RELAX_GAIN: [f64; 2] = [0.1, 0.05];
/// Share of a lack that one tick makes good, likewise.
pub const TIGHTEN_GAIN: [f64; 2] = [0.4, 0.15];
/// The same upstream where valves downstream are short of cold: they close again in minutes, and more would hunt.
const TIGHTEN_GAIN_VALVES: f64 = 0.04;
/// How far ahead the opening of a valve downstream is looked at, s: it follows by minutes, and an integrator alone would hunt
/// (the lead is the integral time of a PI controller on such a lag; Skogestad 2003, "Simple analytic rules").
const LEAD_S: f64 = 300.0;
/// Worth over price from which on a technology temperature warms, and anything else relaxes.
pub const WORTH: [f64; 2] = [4.0, 1.5];
/// Worth over price from which on a technology temperature warms back to what the plant would hold by itself.
const WORTH_BACK: f64 = 1.0;
/// Opening of a valve that counts as one kelvin.
pub(crate) const OPENING_PER_K: f64 = 0.05;
/// Distance to the least flow that is kept, relative.
pub const FLOW_RESERVE: f64 = 0.08;
/// Relative flow that counts as one kelvin.
pub(crate) const FLOW_PER_K: f64 = 0.02;
/// What a setpoint downstream may miss, K, before those upstream must help.
pub const TRACK_K: f64 = 1.5;
/// Distance of what is measured from what was asked last, K, from which on the next move waits.
const BEHIND_K: f64 = 0.5;
/// Rate, K/s, from which on what is measured comes nearer.
const COMES_K_PER_S: f64 = 0.1 / 60.0;
/// Slack of an upstream setpoint, K, from which on those downstream leave the relaxing to it.
const UPSTREAM_FIRST_K: f64 = 1.0;
/// Share of die rise over coolant that follows flow, times the exponents: 0.4 * 0.8 / 2.
const PLATE_SHARE: f64 = 0.16;

/// What is proposed for one setpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct SetpointProposal {
    /// Where it stands, base unit.
    pub stands: f64,
    /// Where it should go.
    pub value: f64,
    /// Why.
    pub why: Why,
}

impl SetpointProposal {
    /// Where its moves lead in the end as things are now: this one uses a share of the room only.
    #[must_use]
    pub fn goal(&self, actuator: &Actuator, (low, high): (f64, f64)) -> f64 {
        match self.why {
            Why::Relax { slack_k, .. }
            | Why::Tighten { slack_k, .. }
            | Why::Underway { slack_k, .. }
            | Why::Stepwise(Stepwise::Trim { slack_k, .. } | Stepwise::Regulate { slack_k, .. }) => {
                let whole = toward(actuator) * slack_k * unit_per_kelvin(actuator);
                (self.stands + whole).clamp(low.min(self.value), high.max(self.value))
            }
            Why::Plan { hour, .. } => self.stands + hour,
            _ => self.value,
        }
    }
}

/// What a proposal looks at: one site, one snapshot, one belief.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Site.
    pub site: &'a Site,
    /// Its graph.
    pub topology: &'a Topology,
    /// What is wanted.
    pub wants: &'a Wants,
    /// What is measured.
    pub snapshot: &'a Snapshot,
    /// What is believed.
    pub estimate: &'a Estimate,
    /// What the actuators serve.
    pub survey: &'a Survey,
}

/// Proposes a value for an actuator that stands at `stands` and is on its way to `from`.
#[must_use]
pub fn least_headroom(scene: &Scene<'_>, index: usize, stands: f64, from: f64) -> SetpointProposal {
    let Scene { site, topology, wants, .. } = *scene;
    let actuator = &site.actuators[index];
    let (slack_k, by) = slack(scene, index);
    let toward = toward(actuator);
    let unit_per_k = unit_per_kelvin(actuator);
    let far = usize::from(!topology.reach[index].cools);
    let (low, high) = wants.actuator_range[index];
    if slack_k < 0.0 {
        let gain = if far == 1 && is_of_valves(site, by) { TIGHTEN_GAIN_VALVES } else { TIGHTEN_GAIN[far] };
        // What has been asked and still comes is not asked again.
        let comes_k = if far == 0 { behind(scene, actuator, stands, -toward * unit_per_k) } else { None };
        let lack_k = -slack_k - comes_k.unwrap_or(0.0);
        let by_k = if lack_k > 0.0 { (lack_k * gain).max(0.1 * gain) * unit_per_k } else { 0.0 };
        let value = (from.clamp(low, high) - toward * by_k.min(actuator.step)).clamp(low, high);
        return SetpointProposal { stands, value, why: Why::Tighten { slack_k, by } };
    }
    if let Some((home, why)) = unseen(scene.snapshot, actuator) {
        let value = from + (home.clamp(low, high) - from).clamp(-actuator.step, actuator.step);
        return SetpointProposal { stands, value, why };
    }
    let (saves_least, saves) = saving_w_per_unit(scene, index, stands);
    let costs = cost_w_per_unit(scene, index, stands);
    let technology = topology.reach[index].technology && actuator.unit.dimension == Dimension::Temperature;
    if technology && let Some(moved) = by_leakage(scene, index, (stands, from), (saves, costs)) {
        return moved;
    }
    if far == 1
        && actuator.unit.dimension == Dimension::Temperature
        && let Some(moved) = for_followers(scene, index, (stands, from), saves)
    {
        return moved;
    }
    // Beyond what the plant would hold by itself it warms for somebody upstream, if it is this one that holds them back.
    let for_others = technology && toward * (from - actuator.fallback) >= 0.0;
    let (saves_least, saves) =
        if for_others && !frees(scene, index) { (0.0, 0.0) } else { (saves_least, saves) };
    let saves = match stays(scene, index, (stands, from), (slack_k, by), ((saves_least, saves), costs)) {
        Ok(saves) => saves,
        Err(stays) => return stays,
    };
    let by_k = (slack_k * RELAX_GAIN[far]).min(2.0) * unit_per_k;
    let value = (from + toward * by_k.min(actuator.step)).clamp(low, high);
    if let Some(why) = swings(scene, index, value) {
        return SetpointProposal { stands, value: from.clamp(low, high), why };
    }
    SetpointProposal { stands, value, why: Why::Relax { slack_k, by, saves_w_per_unit: saves } }
}

/// Why one that has room stays all the same: nothing to save, somebody upstream relaxes first, the last move is under way.
/// Else what a unit saves, W.
fn stays(
    scene: &Scene<'_>,
    index: usize,
    (stands, from): (f64, f64),
    (slack_k, by): (f64, Binds),
    ((saves_least, saves), costs): ((f64, f64), f64),
) -> Result<f64, SetpointProposal> {
    let Scene { site, topology, wants, .. } = *scene;
    let (actuator, reach) = (&site.actuators[index], &topology.reach[index]);
    let (low, high) = wants.actuator_range[index];
    let toward = toward(actuator);
    let technology = reach.technology && actuator.unit.dimension == Dimension::Temperature;
    let beyond = toward * (from - actuator.fallback);
    // Where the die pays for certain, what is saved must be certain.
    let (saves, worth) = match (technology, beyond < 0.0) {
        (true, true) => (saves, WORTH_BACK),
        (true, false) => (saves_least, WORTH[0]),
        (false, _) => (saves, WORTH[1]),
    };
    if saves <= worth * costs {
        let why = Why::NothingToSave { saves_w_per_unit: saves, costs_w_per_unit: costs };
        return Err(SetpointProposal { stands, value: stands, why });
    }
    let spare = |u: &usize| slack(scene, *u).0 > UPSTREAM_FIRST_K && !at_end(scene, *u);
    if reach.upstream.iter().any(spare) {
        return Err(SetpointProposal { stands, value: stands, why: Why::UpstreamFirst { slack_k, by } });
    }
    if !reach.cools && behind(scene, actuator, stands, toward * unit_per_kelvin(actuator)).is_some() {
        let why = Why::Underway { slack_k, by };
        return Err(SetpointProposal { stands, value: from.clamp(low, high), why });
    }
    Ok(saves)
}

/// Why a setpoint may not be relaxed to a value: what it holds has moved too far of late.
fn swings(scene: &Scene<'_>, index: usize, value: f64) -> Option<Why> {
    let toward = toward(&scene.site.actuators[index]);
    let swing = scene.survey.swing(index).filter(|swing| swing.reached(value, toward))?;
    Some(Why::Swings { by_k: swing.by_k() })
}

/// Where a setpoint goes whose effect is not seen: to what the plant holds by itself; where the sensor stands still, to what
/// that shows, since a loop that is held by it winds up to one end wherever else its setpoint is.
fn unseen(snapshot: &Snapshot, actuator: &Actuator) -> Option<(f64, Why)> {
    let seen = snapshot.points.get(actuator.measures?.index())?;
    match seen.quality {
        Quality::Good => None,
        Quality::Bad(Reason::Flatline) | Quality::Uncertain(Reason::Flatline) => {
            Some((seen.value, Why::StandsStill))
        }
        _ => Some((actuator.fallback, Why::Unseen)),
    }
}

/// The direction in which a setpoint saves.
fn toward(actuator: &Actuator) -> f64 {
    actuator.saves.sign()
}

/// How far the plant is still behind the last move, where it comes nearer. A loop that answers in some ten ticks would be moved
/// ten times for one slack. One that rests elsewhere (a sensor that reads otherwise than the plant's own, water that comes
/// colder by itself, a valve that is open) is not waited for.
fn behind(scene: &Scene<'_>, actuator: &Actuator, stands: f64, toward_per_k: f64) -> Option<f64> {
    let point = actuator.measures?;
    let behind_k = (stands - scene.snapshot.good(point)?) / toward_per_k;
    let comes = scene.estimate.levels[point.index()].trend() / toward_per_k;
    (behind_k > BEHIND_K && comes > COMES_K_PER_S).then_some(behind_k)
}

/// Is what binds a valve, or a setpoint that a valve holds?
fn is_of_valves(site: &Site, by: Binds) -> bool {
    match by {
        Binds::Downstream(_) => true,
        Binds::Point(p) => site.points[p].unit.dimension == Dimension::Ratio,
        Binds::Gpu(_) | Binds::Flow(_) | Binds::Unknown => false,
    }
}

/// Does a setpoint stand at the saving end of its range?
fn at_end(scene: &Scene<'_>, index: usize) -> bool {
    let Scene { site, wants, snapshot, .. } = *scene;
    let a = &site.actuators[index];
    let Some(stands) = a.readback.and_then(|p| snapshot.good(p)) else { return true };
    let (low, high) = wants.actuator_range[index];
    let off = wants.actuator_mode[index].may_write()
        || wants.actuator_mode[index] == headroom_guard::Mode::Advisory;
    let end = match a.saves {
        Saves::Up => stands >= high - a.deadband,
        Saves::Down => stands <= low + a.deadband,
    };
    end || !off
}

/// Units of the actuator that are worth a kelvin: itself for temperatures, 3 % of its range otherwise.
fn unit_per_kelvin(actuator: &Actuator) -> f64 {
    if actuator.unit.dimension == Dimension::Temperature {
        1.0
    } else {
        0.03 * (actuator.range.1 - actuator.range.0)
    }
}

/// Least room of all that an actuator serves, K or K-equivalent, and what binds.
pub(super) fn slack(scene: &Scene<'_>, index: usize) -> (f64, Binds) {
    let mut best = (f64::INFINITY, Binds::Unknown);
    each_slack(scene, index, |k, by| {
        if k < best.0 {
            best = (k, by);
        }
    });
    if best.0.is_finite() { best } else { (0.0, Binds::Unknown) }
}

/// Room of everything that an actuator serves, K or K-equivalent.
pub(crate) fn each_slack(scene: &Scene<'_>, index: usize, mut take: impl FnMut(f64, Binds)) {
    let Scene { site, topology, wants, snapshot, survey, .. } = *scene;
    let reach = &topology.reach[index];
    if let Some((g, kelvin)) = survey.set(index).full {
        // Who does not cool them by himself comes in only when what cools them cannot keep them any more.
        let margin = if reach.cools { wants.gpu_margin_k } else { 0.0 };
        take(kelvin - margin, Binds::Gpu(g));
    }
    for p in &reach.answers {
        if snapshot.good(*p).is_some() {
            take(slack_of(site, wants, p.index(), heading(scene, index, *p)), Binds::Point(p.index()));
        }
    }
    // Only what moves the racks' own liquid answers for its flow; a temperature among them only stops rising.
    let temperature = site.actuators[index].unit.dimension == Dimension::Temperature;
    for &r in reach.racks.iter().filter(|_| reach.technology) {
        if let Some(k) = survey.flow_k(r) {
            take(if temperature { k.max(0.0) } else { k }, Binds::Flow(r));
        }
    }
    for &other in &reach.holds {
        if let Some(k) = track_slack(snapshot, &site.actuators[other]) {
            // One whose valve can still open asks for no help, but nothing is taken from it either.
            take(if still_opens(scene, other) { k.max(0.0) } else { k }, Binds::Downstream(other));
        }
    }
}

/// Where a limited point is heading, and its standard deviation: the opening of a valve further downstream goes on for a
/// while as it goes now.
fn heading(scene: &Scene<'_>, index: usize, p: PointId) -> (f64, f64) {
    let Scene { site, topology, estimate: e, .. } = *scene;
    let (value, sigma) = e.point(p);
    let far = !topology.reach[index].cools && site.points[p.index()].unit.dimension == Dimension::Ratio;
    (if far { value + LEAD_S * e.levels[p.index()].trend() } else { value }, sigma)
}

/// Distance of a point to its nearer limit, in K-equivalents of its kind.
fn point_slack(site: &Site, wants: &Wants, e: &Estimate, p: usize) -> f64 {
    slack_of(site, wants, p, e.point(PointId(p as u32)))
}

/// The same of a point at a value with a standard deviation.
fn slack_of(site: &Site, wants: &Wants, p: usize, (value, sigma): (f64, f64)) -> f64 {
    let off = wants.k_sigma * sigma;
    let (low, high) = wants.point_limits[p];
    let near = high.map_or(f64::INFINITY, |h| h - value).min(low.map_or(f64::INFINITY, |l| value - l)) - off;
    // What counts as a kelvin: a kelvin, or a fiftieth of the value.
    let per_k = match site.points[p].unit.dimension {
        Dimension::Temperature | Dimension::TemperatureDelta => 1.0,
        Dimension::Ratio => OPENING_PER_K,
        _ => 0.02 * value.abs().max(1.0),
    };
    (near - wants.point_margin[p]) / per_k
}

/// Can what holds a setpoint still open?
fn still_opens(scene: &Scene<'_>, actuator: usize) -> bool {
    let Scene { topology, snapshot, .. } = *scene;
    let means = &topology.reach[actuator].means;
    let seen = !means.is_empty() && means.iter().all(|p| snapshot.good(*p).is_some());
    seen && valves_slack(scene, actuator) > 0.0
}

/// Least room of the valves that hold a setpoint, K-equivalent; infinite where none is shown.
pub(crate) fn valves_slack(scene: &Scene<'_>, actuator: usize) -> f64 {
    let Scene { site, topology, wants, snapshot, estimate, .. } = *scene;
    let shown = topology.reach[actuator].means.iter().filter(|p| snapshot.good(**p).is_some());
    shown.map(|p| point_slack(site, wants, estimate, p.index())).fold(f64::INFINITY, f64::min)
}

/// Can a setpoint downstream be held? Too warm by more than a kelvin binds what is upstream.
fn track_slack(snapshot: &Snapshot, a: &Actuator) -> Option<f64> {
    let (measured, setpoint) = (snapshot.good(a.measures?)?, snapshot.good(a.readback?)?);
    Some(TRACK_K - (measured - setpoint).max(0.0))
}

#[cfg(test)]
mod rig;
#[cfg(test)]
pub(super) mod tests;
