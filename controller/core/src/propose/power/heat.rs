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
//! water in such loops (0.4 to 1.2 L/kW by their vendors: some 3 J/K per watt), and while it lasts no more than P/(dT/dt).
//! Which GPUs give way is the exact allocation's to say, by the priority of their jobs. A supply that does not surely rise is
//! left alone below its limit: where the plant holds it there, fewer watts would not make it colder.

use super::tree::{Allocation, Problem, Tree};
use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::topology::{Topology, is_supply, push_span};
use crate::wants::Wants;
use headroom_site::{PointId, Site, Span, Stamp};
use std::collections::BTreeMap;

/// Time constant of the barrier, s.
pub const TAU_S: f64 = 120.0;
/// Kept below the limit, K: half of the wanted distance, which the water keeps, but no less and no more than this.
const MARGIN_K: (f64, f64) = (0.2, 1.0);
/// Time between two moves.
const EACH: Span = Span::from_ms(5_000);
/// Share of what is too much that a move takes away, and of what is to spare that it gives back.
const GAIN: (f64, f64) = (0.3, 0.1);
/// Heat that a kelvin of a loop holds, J/K per watt of its GPUs at their highest caps.
const HOLDS_J_PER_K_W: f64 = 3.0;
/// The least that it may come to.
const HOLDS_LEAST_J_PER_K_W: f64 = 1.0;
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
    margin_k: f64,
    /// The last readings, oldest first.
    last: Vec<(Stamp, f64)>,
    /// The last one has not been acted upon.
    fresh: bool,
}

/// A loop: GPUs that the same equipment cools.
#[derive(Debug, Clone)]
struct Loop {
    supplies: Vec<Supply>,
    gpus: Vec<usize>,
    most_w: f64,
    holds_j_per_k: f64,
    /// What its GPUs drew at the last looks, W.
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
        for l in &mut self.loops {
            l.look(snapshot, e);
            holds |= l.allowed_w.is_finite();
        }
        holds
    }

    /// Lowers ceilings so that each loop draws no more than it may. A GPU that can only be read takes part with what it draws,
    /// though its ceiling is its limit.
    pub(super) fn lower(
        &mut self,
        e: &Estimate,
        demand_w: &[f64],
        low_w: &[f64],
        slope: &[f64],
        high_w: &mut [f64],
    ) {
        for (l, room_w) in self.loops.iter().zip(&mut self.room_w) {
            let read_only = l.gpus.iter().filter(|&&g| e.read_only[g].is_some());
            *room_w = l.allowed_w + read_only.map(|&g| (low_w[g] - e.power_w[g]).max(0.0)).sum::<f64>();
        }
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
        for supply in &mut self.supplies {
            supply.fresh |= supply.take(snapshot);
        }
        // a loop that nobody sees any more keeps what it has
        let early = self.moved.is_some_and(|at| at <= now && now.since(at) < EACH);
        if early || !self.supplies.iter().any(|s| s.fresh) {
            return;
        }
        self.moved = Some(now);
        self.drawn_w.rotate_right(1);
        self.drawn_w[0] = self.gpus.iter().map(|&g| e.power_w[g]).sum();
        // a reading lowers once; to give back, all that is seen must be well
        let lowers = self.worst(|s| s.fresh).filter(|(excess, _)| *excess > 0.0);
        let well = self.worst(|s| snapshot.good(s.point).is_some()).filter(|(excess, _)| *excess <= 0.0);
        self.supplies.iter_mut().for_each(|s| s.fresh = false);
        match (lowers, well) {
            (Some((excess, rise)), _) => self.lower(excess, rise),
            (None, Some((excess, _))) => self.give_back(-excess),
            (None, None) => {}
        }
    }

    /// Of some supplies the one that is worst off: by how much it rises too fast, and how fast, K/s.
    fn worst(&self, keep: impl Fn(&Supply) -> bool) -> Option<(f64, f64)> {
        let seen = self.supplies.iter().filter(|s| keep(s)).filter_map(Supply::rises);
        seen.max_by(|a, b| a.0.total_cmp(&b.0))
    }

    fn lower(&mut self, excess: f64, rise: f64) {
        if rise > SURE_RISE {
            // what heats the water now was drawn a while ago
            let most_drawn_w = self.drawn_w.iter().copied().fold(0.0, f64::max);
            let least = HOLDS_LEAST_J_PER_K_W * self.most_w;
            self.holds_j_per_k = self.holds_j_per_k.min((most_drawn_w / rise).max(least));
        }
        let from_w = self.drawn_w[0].min(self.allowed_w);
        self.allowed_w = (from_w - GAIN.0 * self.holds_j_per_k * excess).max(0.0);
    }

    fn give_back(&mut self, spare: f64) {
        if self.allowed_w.is_finite() {
            let from_w = self.drawn_w[0].max(self.allowed_w);
            self.allowed_w = from_w + GAIN.1 * self.holds_j_per_k * spare;
        }
        if self.allowed_w >= self.most_w {
            self.allowed_w = f64::INFINITY;
            self.holds_j_per_k = HOLDS_J_PER_K_W * self.most_w;
        }
    }
}

impl Supply {
    /// Takes a new reading.
    fn take(&mut self, snapshot: &Snapshot) -> bool {
        let Some(value) = snapshot.points.get(self.point.index()).filter(|p| p.quality.is_good()) else {
            return false;
        };
        if self.last.last().is_some_and(|(at, _)| value.stamp == *at) {
            return false;
        }
        // a clock was set back: what was before cannot be compared
        if self.last.last().is_some_and(|(at, _)| value.stamp < *at) {
            self.last.clear();
        }
        self.last.push((value.stamp, value.value));
        // slow sensors leave two
        while self.last.len() > 2 && value.stamp.since(self.last[0].0).s() > LONGEST_S {
            self.last.remove(0);
        }
        true
    }

    /// By how much it surely rises too fast, and how fast it rises, K/s. Over the shortest stretch that says something, as a pump is lost at
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
        let rise = short.max(long);
        let excess = rise - (self.limit_c - self.margin_k - newest_c) / TAU_S;
        let held = rise <= 0.0 && newest_c < self.limit_c;
        Some((if held { excess.min(0.0) } else { excess }, rise))
    }
}

/// Loops: GPUs whose racks lie downstream of the same equipment, with the limited supplies that are their coolant.
fn loops(site: &Site, topology: &Topology, wants: &Wants) -> Vec<Loop> {
    let below: Vec<_> = site.equipment.iter().map(|e| (e.id.as_str(), site.downstream(&e.id))).collect();
    let mut keys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut loops: BTreeMap<Vec<&str>, Loop> = BTreeMap::new();
    for (g, gpu) in site.gpus.iter().enumerate() {
        let rack = site.nodes[gpu.node.index()].rack.as_str();
        let key = keys.entry(rack).or_insert_with(|| {
            let mut key: Vec<&str> =
                below.iter().filter(|(_, racks)| racks.contains(rack)).map(|(id, _)| *id).collect();
            if key.is_empty() {
                // nothing says what cools it: by itself
                key.push(rack);
            }
            key
        });
        let l = loops.entry(key.clone()).or_insert_with(|| Loop {
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
        for &point in topology.coolant[g].iter().filter(|p| is_supply(site, p.index())) {
            let known = l.supplies.iter().any(|s| s.point == point);
            if let Some(limit_c) = wants.point_limits[point.index()].1.filter(|_| !known) {
                let margin_k = (0.5 * wants.point_margin[point.index()]).clamp(MARGIN_K.0, MARGIN_K.1);
                l.supplies.push(Supply { point, limit_c, margin_k, last: Vec::new(), fresh: false });
            }
        }
    }
    let mut loops: Vec<Loop> = loops.into_values().filter(|l| !l.supplies.is_empty()).collect();
    for l in &mut loops {
        l.holds_j_per_k = HOLDS_J_PER_K_W * l.most_w;
    }
    loops
}

/// Ascending GPUs as spans.
fn spans(gpus: &[usize]) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    gpus.iter().for_each(|&g| push_span(&mut spans, 0, (g, g + 1)));
    spans
}

#[cfg(test)]
mod tests;
