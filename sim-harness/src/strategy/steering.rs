//! Power steering: a periodic reallocation of GPU power limits below the budgets of the power tree.
//!
//! Responsible for: caps by what meters and drivers showed over the last 90 s. Not for: clocks, jobs, cooling.
//!
//! As NVIDIA's Domain Power Service describes it: measure, take back what is not used (with a margin), give it to
//! those at their limit. Each period, with `p` the mean GPU power from the energy counters and `P_b` the mean of a
//! branch's meter:
//!
//! ```text
//! available_b = 0.97 budget_b - (P_b - sum p)                  the feed: least of budget and import limit
//! need        = keep + h (TDP - keep),  keep = 1.15 p + 15 W,  h = share of the period held by the cap
//! racks, busways, UPS, feed in turn: caps of the hungry (h > 0.05) are scaled down, then all, until they fit
//! what is still free is spread evenly
//! ```
//! A lower import limit meets the runbook of the baseline after 20 s (one cap for all), and steering at its next
//! period. Power between two periods follows the caps set at the last.

use super::Strategy;
use super::baseline::{MARGIN, REACTION_S, runbook_cap_w};
use super::meters::{Metered, gpu, import_cut_w, metered};
use crate::world::World;
use crate::world::tree::FEED;

/// Time between two allocations, s.
const PERIOD_S: f64 = 90.0;
/// Share of a period held by the cap from which a GPU counts as hungry.
const HELD_SHARE: f64 = 0.05;
/// What a GPU that is not hungry keeps: factor on its mean, and W on top.
const KEEP: (f64, f64) = (1.15, 15.0);

/// The strategy and what it has measured.
#[derive(Debug, Clone, Default)]
pub struct Steering {
    branches: Vec<Metered>,
    /// Time integral of each branch's meter since the last allocation, J.
    meter_j: Vec<f64>,
    since_s: f64,
    energy_mj: Vec<u64>,
    held_ns: Vec<u64>,
    mean_w: Vec<f64>,
    /// Share of the period held by the cap.
    held: Vec<f64>,
    cap_w: Vec<f64>,
    due_s: f64,
    /// Import limit that the runbook has met, W, and when it is due to meet a lower one.
    met_w: Option<f64>,
    react_s: Option<f64>,
}

impl Steering {
    /// Nothing measured yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn start(&mut self, world: &World) {
        let n = world.fleet.len();
        self.branches = metered(world);
        (self.mean_w, self.cap_w, self.held) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        self.energy_mj = (0..n).map(|g| gpu(world, g).energy_mj).collect();
        self.held_ns = (0..n).map(|g| gpu(world, g).sw_power_ns).collect();
        self.restart(world);
    }

    fn restart(&mut self, world: &World) {
        self.meter_j.clear();
        self.meter_j.resize(self.branches.len(), 0.0);
        self.since_s = 0.0;
        self.due_s = world.elapsed_s() + PERIOD_S;
    }

    fn measure(&mut self, world: &World) {
        let dt_s = world.config().dt_s;
        for (energy_j, branch) in self.meter_j.iter_mut().zip(&self.branches) {
            *energy_j += world.image.values[branch.point].max(0.0) * 1000.0 * dt_s;
        }
        self.since_s += dt_s;
    }

    /// Means of the period and who was held, from the drivers' counters.
    fn read_gpus(&mut self, world: &World) {
        for g in 0..world.fleet.len() {
            let shown = gpu(world, g);
            let energy_mj = shown.energy_mj.saturating_sub(self.energy_mj[g]);
            let held_ns = shown.sw_power_ns.saturating_sub(self.held_ns[g]);
            self.mean_w[g] = energy_mj as f64 / 1e3 / self.since_s;
            self.held[g] = (held_ns as f64 / 1e9 / self.since_s).min(1.0);
            (self.energy_mj[g], self.held_ns[g]) = (shown.energy_mj, shown.sw_power_ns);
        }
    }

    /// What the GPUs of branch `n` may draw together, W.
    fn available_w(&self, world: &World, n: usize) -> f64 {
        let Metered { branch, gpus, .. } = &self.branches[n];
        let budget_w = world.tree.branches[*branch].budget_w;
        let cut_w = if *branch == FEED { import_cut_w(world) } else { None };
        let drawn_w: f64 = self.mean_w[gpus.clone()].iter().sum();
        let others_w = (self.meter_j[n] / self.since_s - drawn_w).max(0.0);
        MARGIN * cut_w.map_or(budget_w, |cut_w| cut_w.min(budget_w)) - others_w
    }

    fn allocate(&mut self, world: &mut World) {
        self.read_gpus(world);
        for g in 0..world.fleet.len() {
            let sku = world.fleet.sku(g);
            let kept_w = (KEEP.0 * self.mean_w[g] + KEEP.1).clamp(sku.cap_min_w, sku.tdp_w);
            self.cap_w[g] = kept_w + self.held[g] * (sku.tdp_w - kept_w);
        }
        for n in 0..self.branches.len() {
            let available_w = self.available_w(world, n);
            self.fit(world, n, available_w, true);
            self.fit(world, n, available_w, false);
        }
        self.spread(world);
        for g in 0..world.fleet.len() {
            world.set_cap(g, self.cap_w[g]);
        }
    }

    /// Scales the part of caps above the product's least down to what is available: of the hungry, or of all.
    fn fit(&mut self, world: &World, n: usize, available_w: f64, only_hungry: bool) {
        let gpus = self.branches[n].gpus.clone();
        let total_w: f64 = self.cap_w[gpus.clone()].iter().sum();
        if total_w <= available_w {
            return;
        }
        let above = |s: &Self, g: usize| {
            if only_hungry && s.held[g] <= HELD_SHARE {
                0.0
            } else {
                s.cap_w[g] - world.fleet.sku(g).cap_min_w
            }
        };
        let movable_w: f64 = gpus.clone().map(|g| above(self, g)).sum();
        if movable_w <= 0.0 {
            return;
        }
        let cut = ((total_w - available_w) / movable_w).min(1.0);
        for g in gpus {
            self.cap_w[g] -= cut * above(self, g);
        }
    }

    /// Gives every GPU an even part of what its tightest branch has left.
    fn spread(&mut self, world: &World) {
        let mut part_w = vec![f64::INFINITY; self.cap_w.len()];
        for n in 0..self.branches.len() {
            let gpus = self.branches[n].gpus.clone();
            let used_w: f64 = self.cap_w[gpus.clone()].iter().sum();
            let free_w = (self.available_w(world, n) - used_w).max(0.0) / gpus.len().max(1) as f64;
            part_w[gpus].iter_mut().for_each(|part| *part = part.min(free_w));
        }
        for (g, part) in part_w.into_iter().enumerate() {
            self.cap_w[g] = (self.cap_w[g] + part).min(world.fleet.sku(g).tdp_w);
        }
    }

    /// The runbook: a limit that is lower than the last one is met with one cap for all.
    fn react(&mut self, world: &mut World) {
        let Some(cut_w) = import_cut_w(world) else {
            (self.met_w, self.react_s) = (None, None);
            return;
        };
        if self.met_w.is_some_and(|met_w| cut_w >= met_w - 1.0) {
            return;
        }
        let now_s = world.elapsed_s();
        if now_s < *self.react_s.get_or_insert(now_s + REACTION_S) {
            return;
        }
        let Some(cap_w) = runbook_cap_w(world, cut_w) else { return };
        (self.met_w, self.react_s) = (Some(cut_w), None);
        for g in 0..world.fleet.len() {
            // The runbook only ever lowers: steering has its reasons where it is below.
            world.set_cap(g, cap_w.min(f64::from(world.fleet.cap_w[g])));
        }
    }
}

impl Strategy for Steering {
    fn name(&self) -> &'static str {
        "steering"
    }

    fn act(&mut self, world: &mut World) {
        if self.branches.is_empty() {
            self.start(world);
            return;
        }
        self.measure(world);
        if world.elapsed_s() >= self.due_s {
            self.allocate(world);
            self.restart(world);
            self.met_w = import_cut_w(world);
        }
        if world.curtailment().is_some() || self.met_w.is_some() {
            self.react(world);
        }
    }
}
