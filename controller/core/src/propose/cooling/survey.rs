//! What the actuators serve, looked at once a cooling tick: several actuators act upon the same GPUs and racks.

use super::swing::Swing;
use super::{FLOW_PER_K, FLOW_RESERVE, PLATE_SHARE};
use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::topology::{Rack, Topology};
use headroom_site::model::Actuator;
use headroom_site::{Dimension, PointId, Site, Stamp};

/// Time constant of what racks may come to, s. Peaks of some dozen GPUs differ by a twentieth from tick to tick; pressure may
/// rise by no more than some kPa a minute anyway, so nothing is gained by following each.
const MAY_DRAW_TAU_S: f64 = 180.0;

/// Sets of GPUs and racks as of one snapshot.
#[derive(Debug, Clone)]
pub struct Survey {
    /// For each actuator its set.
    set_of: Vec<usize>,
    /// For each set an actuator whose GPUs it is.
    actuator_of: Vec<usize>,
    sets: Vec<Set>,
    /// Distance of each rack's flow to the least it needs, K-equivalent.
    flow_k: Vec<Option<f64>>,
    /// What each rack may come to draw, W, and as of when.
    may_draw_w: (Option<Stamp>, Vec<f64>),
    /// Power of all GPUs over some minutes, W.
    load_w: f64,
    leakage_per_k: Vec<f64>,
    gpus: Vec<Gpu>,
    /// For each actuator that holds a temperature which is measured, what that has done of late.
    swings: Vec<Option<Swing>>,
}

/// What one GPU adds to its sets.
#[derive(Debug, Clone, Copy, Default)]
struct Gpu {
    heard: bool,
    load_w: f64,
    leak_w_per_k: f64,
    plate_w: f64,
    /// Headroom now and at full load, K.
    kelvins: Option<[f64; 2]>,
}

/// What some GPUs say together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Set {
    /// The GPU with the least headroom at full load, and that headroom, K.
    pub full: Option<(usize, f64)>,
    /// The GPU whose die is nearest to its limit now, and that distance, K.
    pub hottest: Option<(usize, f64)>,
    /// GPUs that are heard.
    pub heard: usize,
    /// Power over some minutes, W.
    pub load_w: f64,
    /// Leakage per kelvin of die, W/K.
    pub leak_w_per_k: f64,
    /// Leakage per relative change of a differential pressure, W: sum of leakage and plate's rise.
    pub plate_w: f64,
}

impl Survey {
    /// For a site.
    #[must_use]
    pub fn new(site: &Site, topology: &Topology) -> Self {
        let mut actuator_of: Vec<usize> = Vec::new();
        let set_of = (0..topology.reach.len())
            .map(|a| {
                let same = |&of: &usize| topology.reach[of].gpus == topology.reach[a].gpus;
                actuator_of.iter().position(same).unwrap_or_else(|| {
                    actuator_of.push(a);
                    actuator_of.len() - 1
                })
            })
            .collect();
        Self {
            set_of,
            sets: vec![Set::default(); actuator_of.len()],
            actuator_of,
            flow_k: vec![None; topology.racks.len()],
            may_draw_w: (None, vec![0.0; topology.racks.len()]),
            load_w: 0.0,
            gpus: vec![Gpu::default(); site.gpus.len()],
            swings: site
                .actuators
                .iter()
                .map(held_temperature)
                .map(|p| p.map(|_| Swing::default()))
                .collect(),
            leakage_per_k: site.gpus.iter().map(|g| site.skus[g.sku].leakage_per_k).collect(),
        }
    }

    /// Looks at everything anew.
    pub fn look(&mut self, site: &Site, topology: &Topology, snapshot: &Snapshot, e: &Estimate) -> &Self {
        for (swing, a) in self.swings.iter_mut().zip(&site.actuators) {
            if let (Some(swing), Some(value)) = (swing, held_temperature(a).and_then(|p| snapshot.good(p))) {
                swing.take(snapshot.stamp, value);
            }
        }
        self.load_w = e.slow_power_w.iter().sum();
        let seen = self.leakage_per_k.iter().zip(&snapshot.gpus).zip(&e.slow_power_w);
        for (i, (gpu, ((leakage, g), &watts))) in self.gpus.iter_mut().zip(seen).enumerate() {
            let leak = leakage * watts;
            let plate_w = leak * PLATE_SHARE * e.gpus.resistance(i).0 * watts;
            let kelvins = e.kelvins(i);
            *gpu = Gpu { heard: g.heard, load_w: watts, leak_w_per_k: leak, plate_w, kelvins };
        }
        for (set, &actuator) in self.sets.iter_mut().zip(&self.actuator_of) {
            *set = Set::of(&topology.reach[actuator].gpus, &self.gpus);
        }
        self.look_at_racks(site, topology, snapshot, e);
        self
    }

    fn look_at_racks(&mut self, site: &Site, topology: &Topology, snapshot: &Snapshot, e: &Estimate) {
        let (since, may_draw_w) = &mut self.may_draw_w;
        let passed_s = since.map_or(f64::INFINITY, |since| snapshot.stamp.since(since).s().max(0.0));
        let follow = 1.0 - (-passed_s / MAY_DRAW_TAU_S).exp();
        *since = Some(snapshot.stamp);
        for ((flow_k, slow_w), rack) in self.flow_k.iter_mut().zip(may_draw_w).zip(&topology.racks) {
            *slow_w += follow * (may_draw(site, rack, e) - *slow_w);
            *flow_k = flow_slack(site, rack, *slow_w, snapshot, e);
        }
    }

    /// What the temperature that an actuator holds has done of late.
    #[must_use]
    pub fn swing(&self, actuator: usize) -> Option<&Swing> {
        self.swings[actuator].as_ref()
    }

    /// The GPUs of an actuator.
    #[must_use]
    pub fn set(&self, actuator: usize) -> &Set {
        &self.sets[self.set_of[actuator]]
    }

    /// Do two actuators act upon the same GPUs? Not where there are none.
    #[must_use]
    pub fn same_set(&self, a: usize, b: usize) -> bool {
        self.set_of[a] == self.set_of[b] && self.set(a).full.is_some()
    }

    /// Distance of a rack's flow to the least it needs, K-equivalent, where both are known.
    #[must_use]
    pub fn flow_k(&self, rack: usize) -> Option<f64> {
        self.flow_k[rack]
    }

    /// Power of all GPUs over some minutes, W.
    #[must_use]
    pub fn load_w(&self) -> f64 {
        self.load_w
    }
}

/// The point of the temperature that an actuator holds.
fn held_temperature(a: &Actuator) -> Option<PointId> {
    a.measures.filter(|_| a.unit.dimension == Dimension::Temperature)
}

impl Set {
    fn of(some: &[usize], gpus: &[Gpu]) -> Self {
        let mut set = Self::default();
        for &g in some {
            let gpu = &gpus[g];
            set.heard += usize::from(gpu.heard);
            set.load_w += gpu.load_w;
            set.leak_w_per_k += gpu.leak_w_per_k;
            set.plate_w += gpu.plate_w;
            if let Some([now_k, full_k]) = gpu.kelvins {
                lower(&mut set.full, g, full_k);
                lower(&mut set.hottest, g, now_k);
            }
        }
        set
    }
}

/// Keeps the first of the least.
fn lower(least: &mut Option<(usize, f64)>, g: usize, k: f64) {
    if least.is_none_or(|(_, known)| k < known) {
        *least = Some((g, k));
    }
}

/// What a rack may come to draw, W: each GPU its recent peak with reserve, but not less than four fifths of its cap.
fn may_draw(site: &Site, rack: &Rack, e: &Estimate) -> f64 {
    let gpus = rack.gpus.iter().map(|&g| {
        let sku = &site.skus[site.gpus[g].sku];
        (e.demand.peak_power(g) * 1.1).max(0.8 * sku.max_cap_w).min(sku.max_cap_w)
    });
    gpus.sum::<f64>() + rack.other_w
}

/// Distance of a rack's flow to the least it needs at the load that it may come to, and at the load that it has.
fn flow_slack(site: &Site, rack: &Rack, may_draw_w: f64, snapshot: &Snapshot, e: &Estimate) -> Option<f64> {
    // As it is read: a filtered flow lags behind the pressure that moves it, and the pressure would swing.
    let flow = snapshot.good(rack.flow)?;
    let supply_c =
        rack.supply.and_then(|p| snapshot.good(p)).or_else(|| rack.gpus.first().map(|&g| e.coolant_c[g]))?;
    let metered_w = rack.power.and_then(|p| snapshot.good(p)).unwrap_or(0.0);
    let need = site.min_flow_at(supply_c)? * may_draw_w.max(metered_w) / 1e3;
    Some((flow / need.max(1e-9) - 1.0 - FLOW_RESERVE) / FLOW_PER_K)
}
