//! Steady: budgets to watts, watts to one clock per job, clocks back to caps.
//!
//! ```text
//! ceiling_i = min(max cap, thermal cap, heat, swing)    thermal cap: T + k sigma = T_lim - 3 K after long, die and memory
//!                                                heat: share of what a loop may take whose supply rises too fast
//!                                                swing: its low, and its share of what all may swing
//! 1  watts_i  = allocation of the demand (at the clock that is wanted of the job) under every budget, and of the site
//!               under what it may rise to
//! 2  f_job    = min over its GPUs of the clock that watts_i (or ceiling_i) carries, and of the one wanted
//! 3  need_i   = power at f_job;  what is left over is given out up to the ceilings
//! ```
//!
//! Where the wanted clock is the lower one nothing binds: the clock is locked and no cap is written.
//!
//! Step 2 is why nothing is lost: a synchronous job runs at its slowest GPU, so watts beyond the common clock buy
//! nothing. Where a serving job is held, each node is held by itself: its replicas do not wait for each other.

mod bounds;

pub use bounds::{BranchBound, CapBounds};

use super::heat::Heat;
use super::ramp::{Ramp, SiteRamp};
use super::swing::Swing;
use super::tree::{Allocation, Problem, Tree};
use super::{CapProposal, JobClock};
use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::topology::Topology;
use crate::wants::Wants;
use headroom_belief::gpu::Rise;
use headroom_site::model::{JobKind, Sku};
use headroom_site::{Site, Span, Stamp};
use pulp::{Arch, Simd, WithSimd};

/// Distance to the maximum operating temperature that the thermal cap keeps, K: the supervisory loop's reserve for what
/// is faster than it.
pub const THERMAL_RESERVE_K: f64 = 3.0;
/// Room above the predicted power, so that the cap does not bite where the clock already holds.
pub const CAP_ABOVE: f64 = 1.04;
/// Demand is met with this reserve, since it is a peak of the past and phases differ.
const DEMAND_ABOVE: f64 = 1.10;
/// The same where the site may only rise so fast: all may rise by it at once.
const DEMAND_ABOVE_ON_A_RAMP: f64 = 1.04;

/// Watts below its demand from which on a GPU is short.
const SHORT_W: f64 = 0.1;
/// A solution is kept while its caps stand this far above the demand.
const STILL_ABOVE: f64 = 1.03;

/// The strategy and its buffers.
#[derive(Debug, Clone)]
pub struct Steady {
    heat: Heat,
    /// How fast the site may rise, where the policy says it.
    ramp: Option<Ramp>,
    /// How far it may swing, where the policy says it.
    swing: Option<Swing>,
    /// Reserve above the demand.
    above: f64,
    /// Branches that nothing feeds.
    roots: Vec<usize>,
    tree: Tree,
    first: Allocation,
    second: Allocation,
    demand_w: Vec<f64>,
    low_w: Vec<f64>,
    high_w: Vec<f64>,
    /// Highest caps.
    most_w: Vec<f64>,
    /// Die temperatures that the thermal caps keep.
    kept_c: Vec<f64>,
    /// Inverse weights by job priority.
    slope: Vec<f64>,
    /// Room of each branch, and of the site as a whole.
    room_w: Vec<f64>,
    floor_w: Vec<f64>,
    ceiling_w: Vec<f64>,
    /// Groups of GPUs that share a clock.
    groups: Vec<Group>,
    proposal: CapProposal,
    /// Caps of the last solution below each branch, and of all, W.
    capped_w: Vec<f64>,
    /// Clocks wanted at the last solution, by job.
    wanted_mhz: Vec<Option<f64>>,
    /// Some clock is lower than wanted.
    held: bool,
    solved: Option<Stamp>,
    keep: Span,
}

/// GPUs that share a clock.
#[derive(Debug, Clone)]
struct Group {
    job: usize,
    gpus: Vec<usize>,
    /// Widest clock step among their models, MHz.
    step_mhz: f64,
    /// Highest of their lowest clocks, MHz.
    min_mhz: f64,
}

impl Group {
    fn new(site: &Site, job: usize, gpus: Vec<usize>) -> Self {
        let (mut step_mhz, mut min_mhz) = (15.0_f64, 0.0_f64);
        for sku in gpus.iter().map(|&i| &site.skus[site.gpus[i].sku]) {
            step_mhz = step_mhz.max(sku.clock_step_mhz);
            min_mhz = min_mhz.max(sku.min_clock_mhz);
        }
        Self { job, gpus, step_mhz, min_mhz }
    }

    /// The clock that every GPU can hold with its watts, on the step of their models; `None` if all can run as fast as they
    /// are wanted to.
    fn clock(&self, e: &Estimate, watts: &[f64], wanted_mhz: f64) -> Option<f64> {
        let free = |&i: &usize| {
            let wanted_mhz = e.demand.max_clock(i).min(wanted_mhz) - 0.5;
            e.demand.carries(i, watts[i], wanted_mhz)
        };
        if self.gpus.iter().all(free) {
            return None;
        }
        let mut clock = self.gpus.iter().map(|&i| e.demand.max_clock(i)).fold(f64::INFINITY, f64::min);
        for &i in &self.gpus {
            // who can run as fast as the slowest so far need not be asked how fast exactly
            if !e.demand.carries(i, watts[i], clock) {
                clock = clock.min(e.demand.clock_for(i, watts[i]));
            }
        }
        Some(((clock / self.step_mhz).floor() * self.step_mhz).max(self.min_mhz))
    }
}

/// A solution that still fits is kept so long, or for two ticks, before it is sought anew.
const KEEP: Span = Span::from_ms(5_000);

impl Steady {
    /// For a site: jobs give the groups that share a clock.
    #[must_use]
    pub fn new(site: &Site, topology: &Topology, wants: &Wants) -> Self {
        let n = site.gpus.len();
        let mut slope = vec![1.0; n];
        let mut groups = Vec::new();
        for (j, (job, priority)) in site.jobs.iter().zip(&wants.job_priority).enumerate() {
            let w = 2.0_f64.powi(-(*priority).clamp(-8, 8) as i32);
            for g in &job.gpus {
                slope[g.index()] = w;
            }
            // Those that can only be read run at the clock that they run at.
            let commanded = |g: &usize| !site.nodes[site.gpus[*g].node.index()].read_only();
            let gpus: Vec<usize> = job.gpus.iter().map(|g| g.index()).filter(commanded).collect();
            if gpus.is_empty() {
                continue;
            }
            match job.kind {
                JobKind::Training => groups.push(Group::new(site, j, gpus)),
                JobKind::Serving => {
                    let nodes = gpus.chunk_by(|a, b| site.gpus[*a].node == site.gpus[*b].node);
                    groups.extend(nodes.map(|node| Group::new(site, j, node.to_vec())));
                }
            }
        }
        let sku =
            |f: fn(&Sku) -> f64| -> Vec<f64> { site.gpus.iter().map(|g| f(&site.skus[g.sku])).collect() };
        let low_w = sku(|s| s.min_cap_w);
        let branches = (0..site.power.len()).map(|branch| topology.spans_of_branch(branch));
        let all = [(0, n)];
        Self {
            heat: Heat::new(site, topology, wants),
            above: wants.policy().grid.ramp_up.map_or(DEMAND_ABOVE, |_| DEMAND_ABOVE_ON_A_RAMP),
            ramp: wants.policy().grid.ramp_up.map(|rate| Ramp::new(rate.per_s)),
            swing: wants.policy().grid.swing.map(|wish| Swing::new(site, &wish)),
            roots: (0..site.power.len()).filter(|&b| site.power[b].parent.is_none()).collect(),
            tree: Tree::new(n, branches.chain(std::iter::once(all.as_slice()))),
            first: Allocation::default(),
            second: Allocation::default(),
            demand_w: vec![0.0; n],
            high_w: low_w.clone(),
            low_w,
            most_w: sku(|s| s.max_cap_w),
            kept_c: sku(|s| s.max_operating_c - THERMAL_RESERVE_K),
            slope,
            room_w: vec![f64::INFINITY; site.power.len() + 1],
            floor_w: Vec::new(),
            ceiling_w: Vec::new(),
            groups,
            proposal: CapProposal::default(),
            capped_w: Vec::new(),
            wanted_mhz: vec![None; site.jobs.len()],
            held: false,
            keep: Span::from_ns(KEEP.ns().max(site.power_period.ns() * 5 / 2)),
            solved: None,
        }
    }

    /// Proposes caps and clocks, where these clocks are wanted of the jobs.
    pub fn propose(
        &mut self,
        (topology, wants): (&Topology, &Wants),
        (snapshot, estimate): (&Snapshot, &Estimate),
        budget_w: &[f64],
        jobs: &[JobClock],
    ) -> &CapProposal {
        let hot = self.heat.look(snapshot, estimate);
        let wanted = jobs.iter().map(|j| j.wanted_mhz);
        let same = wanted.clone().eq(self.wanted_mhz.iter().copied());
        Arch::new().dispatch(Bounds { steady: self, wants, estimate });
        self.read(estimate, budget_w, jobs);
        if hot {
            let (demand, low, high) = (&self.demand_w, &self.low_w, &mut self.high_w);
            self.heat.lower(estimate, demand, low, &self.slope, high);
            self.demand_w.iter_mut().zip(&self.high_w).for_each(|(demand, high)| *demand = demand.min(*high));
        }
        self.hold_the_swing(snapshot, estimate);
        self.hold_the_ramp(estimate);
        if same && !hot && self.still_fits(estimate) {
            return &self.proposal;
        }
        self.wanted_mhz.clear();
        self.wanted_mhz.extend(wanted);
        self.solve(estimate);
        self.sum_caps(topology);
        &self.proposal
    }

    /// The site on its way up, where the policy has a ramp.
    #[must_use]
    pub fn ramp(&self) -> Option<SiteRamp> {
        self.ramp.as_ref().map(Ramp::site)
    }

    /// The room of the site as a whole: what it may draw on its way up, from what it draws and what it would be given.
    fn hold_the_ramp(&mut self, e: &Estimate) {
        let Some(ramp) = &mut self.ramp else { return };
        let problem = Problem {
            demand_w: &self.demand_w,
            low_w: &self.low_w,
            high_w: &self.high_w,
            slope: &self.slope,
        };
        self.first.solve(&self.tree, &self.room_w, &problem);
        let other_w: f64 = self.roots.iter().map(|&b| e.other_w[b]).sum();
        let drawn_w = e.power_w.iter().sum::<f64>() + other_w;
        let needed_w = self.first.watts.iter().sum::<f64>() + other_w;
        let site = self.room_w.len() - 1;
        self.room_w[site] = ramp.look(e.stamp, drawn_w, needed_w) - other_w;
    }

    fn solve(&mut self, estimate: &Estimate) {
        let n = self.low_w.len();
        self.proposal.solution = Some(self.proposal.solution.map_or(0, |last| last + 1));
        self.solved = Some(estimate.stamp);
        self.held = false;
        let problem = |demand_w, low_w, high_w| Problem { demand_w, low_w, high_w, slope: &self.slope };
        self.first.solve(&self.tree, &self.room_w, &problem(&self.demand_w, &self.low_w, &self.high_w));
        let out = &mut self.proposal;
        out.lock_mhz.clear();
        out.lock_mhz.resize(n, None);
        out.infeasible.clone_from(&self.first.infeasible);
        // the site as a whole is no branch: where its floors alone rise faster there is nothing to hold
        out.infeasible.retain(|&branch| branch + 1 < self.room_w.len());
        // What each GPU needs at the clock of its group becomes its floor; the rest is given out above it.
        let (floor, ceiling) = (&mut self.floor_w, &mut self.ceiling_w);
        floor.clone_from(&self.first.watts);
        ceiling.clone_from(&self.high_w);
        for group in &self.groups {
            let wanted = self.wanted_mhz.get(group.job).copied().flatten();
            let carried = group.clock(estimate, &self.first.watts, wanted.unwrap_or(f64::INFINITY));
            let Some(lock) = carried.or(wanted) else { continue };
            self.held |= carried.is_some();
            for &i in &group.gpus {
                out.lock_mhz[i] = Some(lock);
                if carried.is_none() && self.first.watts[i] >= self.demand_w[i] - SHORT_W {
                    // nothing is short there: the clock alone holds it
                    continue;
                }
                let need = estimate.demand.power_at(i, lock) * CAP_ABOVE;
                ceiling[i] = need.clamp(self.low_w[i], self.high_w[i]);
                floor[i] = floor[i].min(ceiling[i]);
            }
        }
        self.second.solve(&self.tree, &self.room_w, &problem(ceiling, floor, ceiling));
        out.cap_w.clone_from(&self.second.watts);
        let mut held = out.cap_w.iter().zip(&self.most_w).map(|(cap, most)| *cap < most - 0.5);
        out.binds = held.any(|held| held) || self.held;
    }

    /// Sums the caps below each branch, and of all, so that later ticks need not.
    fn sum_caps(&mut self, topology: &Topology) {
        let caps = &self.proposal.cap_w;
        let branches = 0..self.room_w.len() - 1;
        self.capped_w.clear();
        self.capped_w.extend(branches.map(|b| topology.gpus_of_branch(b).map(|i| caps[i]).sum::<f64>()));
        self.capped_w.push(caps.iter().sum());
    }

    /// Does the last solution still serve: every branch keeps its budget, no GPU wants more than its cap or may have less,
    /// and it is not old? Where clocks are held nothing is kept: who was short may now be given more.
    fn still_fits(&self, e: &Estimate) -> bool {
        let p = &self.proposal;
        let fresh = self.solved.is_some_and(|at| e.stamp.since(at) < self.keep);
        if !fresh || self.held {
            return false;
        }
        let gpus = p.cap_w.iter().zip(self.demand_w.iter().zip(&self.high_w));
        let need = |demand: &f64| demand * (STILL_ABOVE / self.above);
        if gpus.clone().any(|(cap, (demand, high))| need(demand) > *cap || cap > high) {
            return false;
        }
        self.capped_w.iter().zip(&self.room_w).all(|(capped, room)| capped <= room)
    }

    /// Demands and ceilings of this tick, each GPU by itself.
    #[inline(always)]
    fn read_gpus(&mut self, wants: &Wants, e: &Estimate) {
        let bounds = self.low_w.iter().zip(&self.most_w).zip(&self.kept_c);
        let wanted = self.demand_w.iter_mut().zip(&mut self.high_w);
        for (i, ((demand, high), ((&low, &most), &kept_c))) in wanted.zip(bounds).enumerate() {
            *high = thermal_cap(e, i, most, kept_c, wants.k_sigma).max(low).min(most);
            *demand = (e.demand.peak_power(i) * self.above).max(low).min(*high);
        }
    }

    /// What jobs, others and budgets make of these, and the rooms of this tick.
    fn read(&mut self, e: &Estimate, budget_w: &[f64], jobs: &[JobClock]) {
        for group in &self.groups {
            let Some(mhz) = jobs.get(group.job).and_then(|j| j.wanted_mhz) else { continue };
            for &i in &group.gpus {
                let slower = e.demand.power_at(i, mhz) * self.above;
                self.demand_w[i] = self.demand_w[i].min(slower.max(self.low_w[i]));
            }
        }
        // Whom nobody caps here may draw what its limit allows, and the others share the rest.
        for (i, most) in e.read_only.iter().enumerate().filter_map(|(i, most)| most.map(|most| (i, most))) {
            for bound in [&mut self.low_w, &mut self.high_w, &mut self.most_w, &mut self.demand_w] {
                bound[i] = most;
            }
        }
        for (room, (budget, other)) in self.room_w.iter_mut().zip(budget_w.iter().zip(&e.other_w)) {
            *room = budget - other;
        }
        if let Some(site) = self.room_w.last_mut() {
            *site = f64::INFINITY;
        }
    }
}

/// Demands and ceilings of GPUs, by a loop that is compiled for each kind of processor.
struct Bounds<'a> {
    steady: &'a mut Steady,
    wants: &'a Wants,
    estimate: &'a Estimate,
}

impl WithSimd for Bounds<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.steady.read_gpus(self.wants, self.estimate);
    }
}

/// Highest power, up to `most`, W, at which die and memory stay surely below what is kept of the die, degC, and of the
/// memory; `most` for a GPU that was never seen.
#[inline(always)]
fn thermal_cap(e: &Estimate, gpu: usize, most: f64, kept_c: f64, k_sigma: f64) -> f64 {
    let (f, coolant_c) = (e.gpus.figures(gpu), e.coolant_c[gpu]);
    let hbm_c = e.limits.hbm_c[gpu] - THERMAL_RESERVE_K;
    let keeps = |rise: Rise, kept_c: f64| {
        let (full_k, sigma) = f.full[rise as usize];
        coolant_c + full_k + k_sigma * sigma <= kept_c
    };
    let (die, hbm) = (keeps(Rise::Die, kept_c), !f.hbm_seen || keeps(Rise::Memory, hbm_c));
    if !f.seen || (die && hbm) {
        // Almost all of them.
        return most;
    }
    let of = |keeps, rise, kept_c| {
        if keeps { most } else { e.gpus.most_w(gpu, rise, kept_c, coolant_c, k_sigma) }
    };
    of(die, Rise::Die, kept_c).min(of(hbm, Rise::Memory, hbm_c))
}

#[cfg(test)]
mod tests;
