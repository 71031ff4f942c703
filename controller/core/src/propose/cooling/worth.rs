//! What a kelvin is worth and what it costs, and the moves that follow from that alone.
//!
//! Responsible for: the watts that a unit of a setpoint saves and costs, and cooling for less leakage where cooling is nearly
//! free. Not for: limits and room (the module page).
//!
//! With P a meter's power over a minute and Q the load of the GPUs, a kelvin of warmer water relieves
//!
//! ```text
//! a chiller       max(P/10 K, min(P/1 K, Q/(6 * 10 K)))      W/K
//! heat rejection  0.3 P                                      W/K     fan ~ air flow^3, air flow ~ 1/approach, 8 K
//! ```
//!
//! A chiller behind an economiser carries a share x of the load, P = x Q/COP, and each kelvin of the loop's range (10 K) moves a
//! tenth of the load off it, whatever x is: Q/(COP 10 K), which is P/10 K where it carries all. It cannot save more than it
//! draws, so a kelvin takes off no more than P. Without an economiser (2 to 3 % of P per kelvin, by lift) this says too much: then
//! nothing is cooled for leakage while a chiller runs, and that is right there too.
//!
//! A loop's own valves are what couples the two loops: where they are open as far as is wanted, what is upstream sets the
//! temperature of the die. Then its kelvin costs the leakage downstream, it stops relaxing, and it cools where that leakage is
//! worth more than what the machines draw for it.

use super::{Scene, SetpointProposal, slack, toward, valves_slack};
use crate::propose::{Binds, Why};
use crate::topology::Machine;
use headroom_site::{Dimension, PointId};

/// Worth over price below which a technology temperature cools.
const COOLER: f64 = 2.0 / 3.0;
/// The same where it stands warmer than what the plant would hold by itself.
const COOLER_BACK: f64 = 1.5;
/// The most by which it cools per tick, K: slow, since a machine that starts for it costs more than it saves.
pub(super) const COOLER_K: f64 = 0.03;
/// Room of its own valves, K-equivalent, that a temperature keeps as it cools: where they are open to their limit it is what
/// is upstream that has to cool.
const COOLER_LEAVES_K: f64 = 1.0;
/// The same from which on it needs nothing of what is upstream.
const COOLER_ENOUGH_K: f64 = 2.0;
/// Share of what its valves lack, and the most, K, by which one that stands cooler than what the plant would hold by itself
/// gives way per tick.
const WARMER_GAIN: f64 = 0.04;
const WARMER_K: f64 = 0.1;
/// The furthest it cools below what the plant would hold by itself, K: prices and worths are priors.
const COOLER_MOST_K: f64 = 6.0;
/// Distance of what is measured from what was asked, K, from which on no more is asked: it cannot come colder.
const FOLLOWS_K: f64 = 0.5;
/// Coefficient of performance of a chiller times the range of its loop, K.
const COP_RANGE_K: f64 = 60.0;
/// Range of a loop, K.
const RANGE_K: f64 = 10.0;
/// Share of its power that heat rejection saves per kelvin.
const REJECTION_PER_K: f64 = 0.3;

impl Machine {
    /// What a kelvin of warmer water takes off its power at least and at most, W/K, beside a load of GPUs, W.
    fn relief_w_per_k(self, power_w: f64, load_w: f64) -> (f64, f64) {
        match self {
            Self::Rejection => (REJECTION_PER_K * power_w, REJECTION_PER_K * power_w),
            Self::Chiller => {
                let least = power_w / RANGE_K;
                (least, least.max(power_w.min(load_w / COP_RANGE_K)))
            }
        }
    }
}

/// What a technology temperature does for leakage alone: cooler where cooling is nearly free and its valves have room, warmer
/// again where they have none.
pub(super) fn by_leakage(
    scene: &Scene<'_>,
    index: usize,
    (stands, from): (f64, f64),
    (saves, costs): (f64, f64),
) -> Option<SetpointProposal> {
    let actuator = &scene.site.actuators[index];
    let (low, high) = scene.wants.actuator_range[index];
    let toward = toward(actuator);
    let (beyond, valves_k) = (toward * (from - actuator.fallback), valves_slack(scene, index));
    if valves_k < 0.0 && beyond < 0.0 {
        let by_k = (WARMER_GAIN * -valves_k).min(WARMER_K).min(-beyond);
        let value = (from + toward * by_k).clamp(low, high);
        return Some(SetpointProposal { stands, value, why: Why::Warmer { slack_k: valves_k } });
    }
    let may = wants_cooler(scene, index, from, (saves, costs)) && valves_k > COOLER_LEAVES_K;
    may.then(|| cooler(scene, index, (stands, from), (saves, costs)))
}

/// What is upstream of technology loops does for their leakage: cooler where that is worth more than it takes, and their own
/// valves are open as far as is wanted.
pub(super) fn for_followers(
    scene: &Scene<'_>,
    index: usize,
    (stands, from): (f64, f64),
    saves: f64,
) -> Option<SetpointProposal> {
    let costs = followers_w_per_k(scene, index, COOLER_LEAVES_K);
    let may = costs > 0.0 && wants_cooler(scene, index, from, (saves, costs));
    may.then(|| cooler(scene, index, (stands, from), (saves, costs)))
}

/// Is a kelvin less worth what it takes, and can it be had?
fn wants_cooler(scene: &Scene<'_>, index: usize, from: f64, (saves, costs): (f64, f64)) -> bool {
    let actuator = &scene.site.actuators[index];
    let toward = toward(actuator);
    let beyond = toward * (from - actuator.fallback);
    let nearly_free = saves < costs * if beyond > 0.0 { COOLER_BACK } else { COOLER };
    let metered =
        !actuator.unloads.is_empty() && actuator.unloads.iter().all(|p| scene.snapshot.good(*p).is_some());
    let measured = actuator.measures.and_then(|p| scene.snapshot.good(p));
    let follows = measured.is_none_or(|value| toward * (value - from) < FOLLOWS_K);
    nearly_free && metered && follows && beyond > -COOLER_MOST_K
}

fn cooler(
    scene: &Scene<'_>,
    index: usize,
    (stands, from): (f64, f64),
    (saves_w_per_unit, costs_w_per_unit): (f64, f64),
) -> SetpointProposal {
    let (low, high) = scene.wants.actuator_range[index];
    let value = (from.clamp(low, high) - toward(&scene.site.actuators[index]) * COOLER_K).clamp(low, high);
    SetpointProposal { stands, value, why: Why::Cooler { saves_w_per_unit, costs_w_per_unit } }
}

/// Leakage per kelvin, W/K, of the technology loops right downstream that would be cooler if their valves let them: they have
/// no more room than so much, K-equivalent.
fn followers_w_per_k(scene: &Scene<'_>, index: usize, room_k: f64) -> f64 {
    let Scene { site, topology, snapshot, .. } = *scene;
    let follows = |&&d: &&usize| {
        let stands = site.actuators[d].readback.and_then(|p| snapshot.good(p));
        let prices = || (saving_w_per_unit(scene, d, 0.0).1, cost_w_per_unit(scene, d, 0.0));
        topology.reach[d].technology
            && valves_slack(scene, d) < room_k
            && stands.is_some_and(|stands| wants_cooler(scene, d, stands, prices()))
    };
    let held = topology.reach[index].holds.iter();
    held.filter(follows).map(|&d| scene.survey.set(d).leak_w_per_k).sum()
}

/// Watts that a unit of a setpoint saves at least and at most, the way that it relaxes.
pub(crate) fn saving_w_per_unit(scene: &Scene<'_>, index: usize, stands: f64) -> (f64, f64) {
    let Scene { site, topology, estimate: e, survey, .. } = *scene;
    let actuator = &site.actuators[index];
    if actuator.unloads.is_empty() {
        // Nobody says what it saves: it is worth moving by custom.
        return (f64::INFINITY, f64::INFINITY);
    }
    let watts = |p: &PointId| Some(e.slow_meter_w[p.index()]).filter(|w| w.is_finite()).unwrap_or(0.0);
    if actuator.unit.dimension == Dimension::Temperature {
        let (share, load_w) = (share_of_load(scene, index), survey.load_w());
        topology.reach[index].relief.iter().fold((0.0, 0.0), |(least, most), (p, machine)| {
            let relief = machine.relief_w_per_k(watts(p), load_w);
            (least + relief.0 * share, most + relief.1 * share)
        })
    } else {
        let saves = 1.5 * actuator.unloads.iter().map(watts).sum::<f64>() / stands.abs().max(1e-9);
        (saves, saves)
    }
}

/// Is it a setpoint's own valves, or that it cannot be held, that holds back what is upstream of it? Only then does somebody
/// upstream relax for it.
pub(super) fn frees(scene: &Scene<'_>, index: usize) -> bool {
    let reach = &scene.topology.reach[index];
    let binds = |&u: &usize| match slack(scene, u).1 {
        Binds::Point(p) => reach.means.contains(&PointId(p as u32)),
        Binds::Downstream(d) => d == index,
        Binds::Gpu(_) | Binds::Flow(_) | Binds::Unknown => false,
    };
    reach.upstream.is_empty() || reach.upstream.iter().any(binds)
}

/// Watts that it costs.
pub(crate) fn cost_w_per_unit(scene: &Scene<'_>, index: usize, stands: f64) -> f64 {
    let set = scene.survey.set(index);
    if scene.site.actuators[index].unit.dimension != Dimension::Temperature {
        set.plate_w / stands.abs().max(1e-9)
    } else if scene.topology.reach[index].technology {
        set.leak_w_per_k
    } else {
        // The die feels it only through loops that cannot hold their own temperature.
        followers_w_per_k(scene, index, COOLER_ENOUGH_K)
    }
}

/// Share of the GPUs' power that an actuator serves; all of it where there are no GPUs.
fn share_of_load(scene: &Scene<'_>, index: usize) -> f64 {
    let all = scene.survey.load_w();
    if scene.topology.reach[index].gpus.is_empty() || all <= 0.0 {
        return 1.0;
    }
    scene.survey.set(index).load_w / all
}
