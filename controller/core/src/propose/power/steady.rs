//! Steady: budgets to watts, watts to one clock per job, clocks back to caps.
//!
//! ```text
//! ceiling_i = min(max cap, thermal cap)          thermal cap = (T_lim - 3 K - Tc) / (R + k sigma_R)
//! 1  watts_i  = allocation of the demand under every budget
//! 2  f_job    = min over its GPUs of the clock that watts_i (or ceiling_i) carries
//! 3  need_i   = power at f_job;  what is left over is given out up to the ceilings
//! ```
//!
//! Step 2 is why nothing is lost: a synchronous job runs at its slowest GPU, so watts beyond the common clock buy
//! nothing. Where a serving job is held, each node is held by itself: its replicas do not wait for each other.

use super::CapProposal;
use super::tree::{Allocation, Problem};
use crate::estimate::Estimate;
use crate::topology::Topology;
use crate::wants::Wants;
use headroom_site::model::JobKind;
use headroom_site::{Site, Span, Stamp};

/// Distance to the maximum operating temperature that the thermal cap keeps, K: the supervisory loop's reserve for what
/// is faster than it.
const THERMAL_RESERVE_K: f64 = 3.0;
/// Room above the predicted power, so that the cap does not bite where the clock already holds.
const CAP_ABOVE: f64 = 1.04;
/// Demand is met with this reserve, since it is a peak of the past and phases differ.
const DEMAND_ABOVE: f64 = 1.10;

/// A solution is kept while its caps stand this far above the demand.
const STILL_ABOVE: f64 = 1.03;

/// The strategy and its buffers.
#[derive(Debug, Clone)]
pub struct Steady {
    first: Allocation,
    second: Allocation,
    demand_w: Vec<f64>,
    low_w: Vec<f64>,
    high_w: Vec<f64>,
    /// Inverse weights by job priority.
    slope: Vec<f64>,
    room_w: Vec<f64>,
    floor_w: Vec<f64>,
    ceiling_w: Vec<f64>,
    /// Groups of GPUs that share a clock.
    groups: Vec<Vec<usize>>,
    proposal: CapProposal,
    solved: Option<Stamp>,
}

/// A solution that still fits is kept so long before it is sought anew.
const KEEP: Span = Span::from_ms(5_000);

impl Steady {
    /// For a site: jobs give the groups that share a clock.
    #[must_use]
    pub fn new(site: &Site, wants: &Wants) -> Self {
        let n = site.gpus.len();
        let mut slope = vec![1.0; n];
        let mut groups = Vec::new();
        for (job, priority) in site.jobs.iter().zip(&wants.job_priority) {
            let w = 2.0_f64.powi(-(*priority).clamp(-8, 8) as i32);
            for g in &job.gpus {
                slope[g.index()] = w;
            }
            let gpus: Vec<usize> = job.gpus.iter().map(|g| g.index()).collect();
            match job.kind {
                JobKind::Training => groups.push(gpus),
                JobKind::Serving => {
                    groups.extend(
                        gpus.chunk_by(|a, b| site.gpus[*a].node == site.gpus[*b].node).map(<[usize]>::to_vec),
                    );
                }
            }
        }
        let low_w: Vec<f64> = site.gpus.iter().map(|g| site.skus[g.sku].min_cap_w).collect();
        Self {
            first: Allocation::default(),
            second: Allocation::default(),
            demand_w: vec![0.0; n],
            high_w: low_w.clone(),
            low_w,
            slope,
            room_w: vec![f64::INFINITY; site.power.len()],
            floor_w: Vec::new(),
            ceiling_w: Vec::new(),
            groups,
            proposal: CapProposal::default(),
            solved: None,
        }
    }

    /// Proposes caps and clocks.
    pub fn propose(
        &mut self,
        site: &Site,
        topology: &Topology,
        wants: &Wants,
        estimate: &Estimate,
        budget_w: &[f64],
    ) -> &CapProposal {
        let n = site.gpus.len();
        self.read(site, wants, estimate, budget_w);
        if self.still_fits(topology, estimate) {
            return &self.proposal;
        }
        self.solved = Some(estimate.stamp);
        let problem = |demand_w, low_w, high_w| Problem { demand_w, low_w, high_w, slope: &self.slope };
        self.first.solve(topology, &self.room_w, &problem(&self.demand_w, &self.low_w, &self.high_w));
        let out = &mut self.proposal;
        out.lock_mhz.clear();
        out.lock_mhz.resize(n, None);
        out.infeasible.clone_from(&self.first.infeasible);
        // What each GPU needs at the clock of its group becomes its floor; the rest is given out above it.
        let (floor, ceiling) = (&mut self.floor_w, &mut self.ceiling_w);
        floor.clone_from(&self.first.watts);
        ceiling.clone_from(&self.high_w);
        for group in &self.groups {
            let Some(lock) = common_clock(site, estimate, group, &self.first.watts) else { continue };
            for &i in group {
                out.lock_mhz[i] = Some(lock);
                let need = estimate.demand.power_at(i, lock) * CAP_ABOVE;
                ceiling[i] = need.clamp(self.low_w[i], self.high_w[i]);
                floor[i] = floor[i].min(ceiling[i]);
            }
        }
        self.second.solve(topology, &self.room_w, &problem(ceiling, floor, ceiling));
        out.cap_w.clone_from(&self.second.watts);
        let held = |i: usize| out.cap_w[i] < site.skus[site.gpus[i].sku].max_cap_w - 0.5;
        out.binds = (0..n).any(|i| out.lock_mhz[i].is_some() || held(i));
        out
    }

    /// Does the last solution still serve: every branch keeps its budget, no GPU wants more than its cap or may have less,
    /// and it is not old? Where clocks are held nothing is kept: who was short may now be given more.
    fn still_fits(&self, topology: &Topology, e: &Estimate) -> bool {
        let p = &self.proposal;
        let fresh = self.solved.is_some_and(|at| e.stamp.since(at) < KEEP);
        if !fresh || p.lock_mhz.iter().any(Option::is_some) {
            return false;
        }
        let gpus = p.cap_w.iter().zip(self.demand_w.iter().zip(&self.high_w));
        let need = |demand: &f64| demand * (STILL_ABOVE / DEMAND_ABOVE);
        if gpus.clone().any(|(cap, (demand, high))| need(demand) > *cap || cap > high) {
            return false;
        }
        (0..self.room_w.len())
            .filter(|&b| self.room_w[b].is_finite())
            .all(|b| topology.gpus_of_branch(b).map(|i| p.cap_w[i]).sum::<f64>() <= self.room_w[b])
    }

    /// Demands, ceilings and rooms of this tick.
    fn read(&mut self, site: &Site, wants: &Wants, e: &Estimate, budget_w: &[f64]) {
        for (i, gpu) in site.gpus.iter().enumerate() {
            let sku = &site.skus[gpu.sku];
            let stiff = e.gpus.resistance[i] + wants.k_sigma * e.gpus.sigma_r(i);
            let thermal = if e.gpus.seen(i) {
                (sku.max_operating_c - THERMAL_RESERVE_K - e.coolant_c[i]) / stiff
            } else {
                sku.max_cap_w
            };
            self.high_w[i] = thermal.clamp(sku.min_cap_w, sku.max_cap_w);
            self.demand_w[i] = (e.demand.peak_power(i) * DEMAND_ABOVE).clamp(sku.min_cap_w, self.high_w[i]);
        }
        for (room, (budget, other)) in self.room_w.iter_mut().zip(budget_w.iter().zip(&e.other_w)) {
            *room = budget - other;
        }
    }
}

/// The clock that every GPU of a group can hold with its watts, on the step of its model; `None` if all can run free.
fn common_clock(site: &Site, e: &Estimate, group: &[usize], watts: &[f64]) -> Option<f64> {
    let mut clock = f64::INFINITY;
    let mut free = true;
    let (mut step, mut min) = (15.0_f64, 0.0_f64);
    for &i in group {
        let sku = &site.skus[site.gpus[i].sku];
        step = step.max(sku.clock_step_mhz);
        min = min.max(sku.min_clock_mhz);
        let own = e.demand.clock_for(i, watts[i]);
        free &= own >= sku.max_clock_mhz - 0.5;
        clock = clock.min(own);
    }
    if free || !clock.is_finite() {
        return None;
    }
    Some(((clock / step).floor() * step).max(min))
}

#[cfg(test)]
mod tests;
