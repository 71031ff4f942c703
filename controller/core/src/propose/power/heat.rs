//! Heat: what the GPUs of a loop may draw while their coolant runs toward its limit.
//!
//! Responsible for: a budget in watts for each loop whose supply nears its limit faster than it may, and ceilings for its GPUs
//! under it. Not for: dies and memories (thermal caps, [`super::Steady`]), or the water itself (`cooling`).
//!
//! Watts answer at once, water in minutes: a lost pump or a chiller that trips is carried by the GPUs until the water comes
//! back. The loop's supply T with limit L may rise no faster than a barrier lets it (control barrier function: Ames et al.,
//! *Control Barrier Functions: Theory and Applications*, 2019),
//!
//! ```text
//! dT/dt <= a(T) = (L - margin - T)/tau          tau = 120 s: it comes to the limit never
//! C dT/dt = P - Q                               P heat put in, Q heat carried away, C capacity of the loop
//! P(k+1)  = P(k) + g C (a - dT/dt)              g = 0.3 each 5 s, down; up with a third of it
//! ```
//! Q is nobody's measurement, and not needed: what is drawn is lowered by what the rise is too much. C is first that of the
//! water in such loops (0.4 to 1.2 L/kW, `facts` of vendors: some 3 J/K per watt), and never more than P/(dT/dt), as nothing
//! carries heat into a loop. Which GPUs give way is the exact allocation's to say, by the priority of their jobs.

use super::tree::{Allocation, Problem, Tree};
use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::topology::Topology;
use crate::wants::Wants;
use headroom_site::{Dimension, PointId, Site, Span, Stamp};
use std::collections::BTreeMap;

/// Time constant of the barrier, s.
const TAU_S: f64 = 120.0;
/// Kept below the limit, K.
const MARGIN_K: f64 = 1.0;
/// Time between two moves.
const EACH: Span = Span::from_ms(5_000);
/// Share of what is too much that a move takes away, and of what is to spare that it gives back.
const GAIN: (f64, f64) = (0.3, 0.1);
/// Heat that a kelvin of a loop holds, J/K per watt of its GPUs at their highest caps.
const HOLDS_J_PER_K_W: f64 = 3.0;
/// Shortest stretch that a rise is taken over, and how long readings are kept, s.
const SHORTEST_S: f64 = 8.0;
const LONGEST_S: f64 = 40.0;
/// Rise between two readings that may be noise, K.
const NOISE_K: f64 = 0.3;
/// Rise from which on the capacity follows from it, K/s.
const SURE_RISE: f64 = 0.05;

/// A supply with a limit.
#[derive(Debug, Clone)]
struct Supply {
    point: PointId,
    limit_c: f64,
    /// The last readings, oldest first.
    last: Vec<(Stamp, f64)>,
}

/// A loop: GPUs that the same equipment cools.
#[derive(Debug, Clone)]
struct Loop {
    supplies: Vec<Supply>,
    gpus: Vec<usize>,
    most_w: f64,
    holds_j_per_k: f64,
    /// What its GPUs drew at the last looks, W: what heats the water now was drawn a while ago.
    drawn_w: [f64; 8],
    /// What they may draw, W; infinite while nothing is too fast.
    allowed_w: f64,
    moved: Option<Stamp>,
}

/// All loops.
#[derive(Debug, Clone)]
pub(super) struct Heat {
    loops: Vec<Loop>,
    tree: Tree,
    allocation: Allocation,
    room_w: Vec<f64>,
}

impl Heat {
    pub(super) fn new(site: &Site, topology: &Topology, wants: &Wants) -> Self {
        let loops = loops(site, topology, wants);
        let spans: Vec<Vec<(usize, usize)>> = loops.iter().map(|l| spans(&l.gpus)).collect();
        Self {
            tree: Tree::new(site.gpus.len(), spans.iter().map(Vec::as_slice)),
            allocation: Allocation::default(),
            room_w: vec![f64::INFINITY; loops.len()],
            loops,
        }
    }

    /// Looks at the supplies; true while a loop holds its GPUs.
    pub(super) fn look(&mut self, snapshot: &Snapshot, e: &Estimate) -> bool {
        let mut holds = false;
        for (l, room_w) in self.loops.iter_mut().zip(&mut self.room_w) {
            l.look(snapshot, e);
            *room_w = l.allowed_w;
            holds |= l.allowed_w.is_finite();
        }
        holds
    }

    /// Lowers ceilings so that each loop draws no more than it may.
    pub(super) fn lower(&mut self, demand_w: &[f64], low_w: &[f64], slope: &[f64], high_w: &mut [f64]) {
        self.allocation.solve(&self.tree, &self.room_w, &Problem { demand_w, low_w, high_w, slope });
        for (l, _) in self.loops.iter().zip(&self.room_w).filter(|(_, room_w)| room_w.is_finite()) {
            for &g in &l.gpus {
                high_w[g] = high_w[g].min(self.allocation.watts[g].max(low_w[g]));
            }
        }
    }
}

impl Loop {
    fn look(&mut self, snapshot: &Snapshot, e: &Estimate) {
        let now = snapshot.stamp;
        let mut news = false;
        for supply in &mut self.supplies {
            news |= supply.take(snapshot);
        }
        // a loop that nobody sees any more keeps what it has
        if !news || self.moved.is_some_and(|at| now.since(at) < EACH) {
            return;
        }
        self.moved = Some(now);
        let drawn_w: f64 = self.gpus.iter().map(|&g| e.power_w[g]).sum();
        self.drawn_w.rotate_right(1);
        self.drawn_w[0] = drawn_w;
        // the supply that is worst off: by how much it rises too fast, K/s
        let (mut excess, mut rise) = (f64::NEG_INFINITY, 0.0);
        for (supply, (rises, may)) in self.supplies.iter().filter_map(|s| Some((s, s.rises()?))) {
            if rises - may > excess && e.levels[supply.point.index()].seen() {
                (excess, rise) = (rises - may, rises);
            }
        }
        if excess == f64::NEG_INFINITY || (excess <= 0.0 && self.allowed_w.is_infinite()) {
            return;
        }
        if rise > SURE_RISE {
            self.holds_j_per_k =
                self.holds_j_per_k.min(self.drawn_w.iter().copied().fold(0.0, f64::max) / rise);
        }
        let gain = if excess > 0.0 { GAIN.0 } else { GAIN.1 };
        let from_w = if excess > 0.0 { drawn_w.min(self.allowed_w) } else { drawn_w.max(self.allowed_w) };
        self.allowed_w = (from_w - gain * self.holds_j_per_k * excess).max(0.0);
        if self.allowed_w >= self.most_w {
            self.allowed_w = f64::INFINITY;
        }
    }
}

impl Supply {
    /// Takes a new reading.
    fn take(&mut self, snapshot: &Snapshot) -> bool {
        let Some(value) = snapshot.points.get(self.point.index()).filter(|p| p.quality.is_good()) else {
            return false;
        };
        if self.last.last().is_some_and(|(at, _)| value.stamp <= *at) {
            return false;
        }
        self.last.push((value.stamp, value.value));
        // slow sensors leave two
        while self.last.len() > 2 && value.stamp.since(self.last[0].0).s() > LONGEST_S {
            self.last.remove(0);
        }
        true
    }

    /// How fast it surely rises, and how fast it may, K/s. Over the shortest stretch that says something, as a pump is lost at
    /// once; or over all readings, where a slow rise stands out of the noise.
    fn rises(&self) -> Option<(f64, f64)> {
        let &(now, newest_c) = self.last.last()?;
        let long_enough = |(at, _): &&(Stamp, f64)| now.since(*at).s() >= SHORTEST_S;
        let sure = |&(before, older_c): &(Stamp, f64)| {
            let rose = newest_c - older_c;
            // nearer to zero by what may be noise
            rose.signum() * (rose.abs() - NOISE_K).max(0.0) / now.since(before).s()
        };
        let short = sure(self.last.iter().rev().find(long_enough)?);
        let long = self.last.first().filter(long_enough).map_or(short, sure);
        Some((short.max(long), (self.limit_c - MARGIN_K - newest_c) / TAU_S))
    }
}

/// Loops: GPUs whose racks the same equipment serves, with the limited supplies that are their coolant.
fn loops(site: &Site, topology: &Topology, wants: &Wants) -> Vec<Loop> {
    let mut by_equipment: BTreeMap<Vec<&str>, Loop> = BTreeMap::new();
    for (g, gpu) in site.gpus.iter().enumerate() {
        let rack = &site.nodes[gpu.node.index()].rack;
        let serves = site.equipment.iter().filter(|e| e.serves.contains(rack));
        let key: Vec<&str> = serves.map(|e| e.id.as_str()).collect();
        let l = by_equipment.entry(key).or_insert_with(|| Loop {
            supplies: Vec::new(),
            gpus: Vec::new(),
            most_w: 0.0,
            holds_j_per_k: 0.0,
            drawn_w: [0.0; 8],
            allowed_w: f64::INFINITY,
            moved: None,
        });
        l.gpus.push(g);
        l.most_w += site.skus[gpu.sku].max_cap_w;
        for &point in &topology.coolant[g] {
            let known = l.supplies.iter().any(|s| s.point == point);
            let temperature = site.points[point.index()].unit.dimension == Dimension::Temperature;
            if let Some(limit_c) = wants.point_limits[point.index()].1.filter(|_| temperature && !known) {
                l.supplies.push(Supply { point, limit_c, last: Vec::new() });
            }
        }
    }
    let mut loops: Vec<Loop> = by_equipment.into_values().filter(|l| !l.supplies.is_empty()).collect();
    for l in &mut loops {
        l.holds_j_per_k = HOLDS_J_PER_K_W * l.most_w;
    }
    loops
}

/// Ascending GPUs as spans.
fn spans(gpus: &[usize]) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for &g in gpus {
        match spans.last_mut() {
            Some(last) if last.1 == g => last.1 = g + 1,
            _ => spans.push((g, g + 1)),
        }
    }
    spans
}

#[cfg(test)]
mod tests;
