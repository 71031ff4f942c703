//! GPUs beside other water, or less of it.
//!
//! Responsible for: the room of every GPU that feels a change, before and after, and the least flow of racks. Not for: the law
//! of a GPU (`headroom-belief`, `gpu`).

use crate::estimate::Estimate;
use crate::estimate::flow::EXPONENT;
use crate::propose::cooling::{FLOW_PER_K, FLOW_RESERVE, Scene, valves_slack};
use headroom_belief::gpu::Rise;
use headroom_site::Dimension;
use headroom_site::model::Actuator;

/// Room of the GPU that would have the least, K.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    /// Index of the GPU, or of the rack ([`crate::Topology::racks`]).
    pub of: usize,
    /// As things are.
    pub before_k: f64,
    /// As they would be.
    pub after_k: f64,
}

/// What GPUs would feel.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Heat {
    /// GPUs that feel it.
    pub gpus: usize,
    /// Loops between hold their own temperature: nothing is felt.
    pub held_between: bool,
    /// Of the GPU with the least room left at its recent peak power, after long.
    pub present: Option<Room>,
    /// The same at the highest cap.
    pub full: Option<Room>,
    /// GPUs that would pass their limit at their recent peak power, and that do not now.
    pub over: usize,
    /// The same at the highest cap.
    pub over_full: usize,
    /// Of the rack that would come nearest to the least flow it needs, K-equivalent.
    pub flow: Option<Room>,
}

/// Flow over the flow of now if a setpoint stands elsewhere; none where it moves no liquid.
pub(super) fn flow_share(a: &Actuator, stands: f64, value: f64) -> Option<f64> {
    let ratio = (value / stands).max(0.0);
    match a.unit.dimension {
        // Flow goes with the root of a pressure difference.
        Dimension::Pressure => Some(ratio.sqrt()),
        Dimension::Flow | Dimension::Ratio | Dimension::Frequency => Some(ratio),
        _ => None,
    }
    .filter(|share| share.is_finite())
}

/// If a setpoint that stands somewhere stood elsewhere.
pub(super) fn beside_setpoint(scene: &Scene<'_>, actuator: usize, (stands, value): (f64, f64)) -> Heat {
    let (a, reach) = (&scene.site.actuators[actuator], &scene.topology.reach[actuator]);
    let share = flow_share(a, stands, value).unwrap_or(1.0);
    let warmer_k = if a.unit.dimension == Dimension::Temperature { value - stands } else { 0.0 };
    // Who holds his own temperature with a valve that can still open does not feel what comes to it.
    let between = !reach.cools && !reach.holds.is_empty();
    let held = between && reach.holds.iter().all(|&d| valves_slack(scene, d) > warmer_k.max(0.0));
    if held {
        return Heat { held_between: true, ..Heat::default() };
    }
    let mut heat = of_gpus(scene, &reach.gpus, warmer_k, share);
    if reach.technology {
        heat.flow = of_racks(scene, &reach.racks, warmer_k, share);
    }
    heat
}

/// If another flow went through what an equipment cools; none where it cools nothing by itself.
pub(super) fn beside_flow(scene: &Scene<'_>, equipment: usize, share: f64) -> Option<Heat> {
    let (site, topology) = (scene.site, scene.topology);
    let own = &site.equipment[equipment];
    let serves = |e: &&headroom_site::model::Equipment| own.serves.contains(&e.id) && !e.serves.is_empty();
    if own.serves.is_empty() || site.equipment.iter().any(|e| serves(&e)) {
        return None;
    }
    let below = site.downstream(&own.id);
    let in_place = |g: &usize| {
        let node = &site.nodes[site.gpus[*g].node.index()];
        below.contains(node.rack.as_str()) || below.contains(node.id.as_str())
    };
    let gpus: Vec<usize> = (0..site.gpus.len()).filter(in_place).collect();
    let racks: Vec<usize> =
        (0..topology.racks.len()).filter(|r| below.contains(topology.racks[*r].id.as_str())).collect();
    let heat = of_gpus(scene, &gpus, 0.0, share);
    Some(Heat { flow: of_racks(scene, &racks, 0.0, share), ..heat })
}

fn of_gpus(scene: &Scene<'_>, gpus: &[usize], warmer_k: f64, share: f64) -> Heat {
    let e = scene.estimate;
    let psi = share.max(0.01).powf(EXPONENT);
    let mut heat = Heat::default();
    for &g in gpus.iter().filter(|&&g| e.gpus.seen(g)) {
        heat.gpus += 1;
        let rooms = |power_w: f64| Room {
            of: g,
            before_k: room_k(e, g, power_w, e.coolant_c[g], 1.0),
            after_k: room_k(e, g, power_w, e.coolant_c[g] + warmer_k, psi),
        };
        let (present, full) = (rooms(e.peak_w[g]), rooms(e.limits.cap_w[g]));
        heat.over += usize::from(present.passes());
        heat.over_full += usize::from(full.passes());
        least(&mut heat.present, present);
        least(&mut heat.full, full);
    }
    heat
}

/// Room of a GPU after long, K.
fn room_k(e: &Estimate, g: usize, power_w: f64, coolant_c: f64, times_psi: f64) -> f64 {
    let of = |rise: Rise, limit_c: f64| {
        let (settles_c, sigma) = e.gpus.steady_beside(g, rise, power_w, coolant_c, times_psi);
        limit_c - settles_c - e.limits.k_sigma * sigma
    };
    let die = of(Rise::Die, e.limits.die_c[g]);
    if e.gpus.hbm_seen(g) { die.min(of(Rise::Memory, e.limits.hbm_c[g])) } else { die }
}

/// The rack that would come nearest to its least flow. What it needs rises with the temperature of its supply.
fn of_racks(scene: &Scene<'_>, racks: &[usize], warmer_k: f64, share: f64) -> Option<Room> {
    let mut nearest = None;
    for &r in racks {
        let Some(before_k) = scene.survey.flow_k(r) else { continue };
        let rack = &scene.topology.racks[r];
        let read = rack.supply.and_then(|p| scene.snapshot.good(p));
        let supply_c = read.or_else(|| rack.gpus.first().map(|&g| scene.estimate.coolant_c[g]));
        let need = |c: f64| scene.site.min_flow_at(c);
        let more = supply_c.and_then(|c| Some(need(c + warmer_k)? / need(c)?)).unwrap_or(1.0);
        let over_need = (before_k * FLOW_PER_K + 1.0 + FLOW_RESERVE) * share / more;
        let after_k = (over_need - 1.0 - FLOW_RESERVE) / FLOW_PER_K;
        least(&mut nearest, Room { of: r, before_k, after_k });
    }
    nearest
}

impl Room {
    fn passes(&self) -> bool {
        self.after_k < 0.0 && self.before_k >= 0.0
    }
}

fn least(known: &mut Option<Room>, room: Room) {
    if known.is_none_or(|k| room.after_k < k.after_k) {
        *known = Some(room);
    }
}
