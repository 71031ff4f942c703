//! Watts and jobs under another budget.
//!
//! Responsible for: what the allocation would give each job, made by the strategy itself on a copy, and what that draws. Not
//! for: the allocation (`propose/power`).

use crate::line::Line;
use headroom_policies::PowerStrategy;

/// A job under another budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JobEffect {
    /// Index of the job.
    pub job: usize,
    /// Lowest clock of its GPUs now, MHz.
    pub now_mhz: f64,
    /// Lowest clock that it would be held to, MHz.
    pub then_mhz: f64,
    /// Tokens over those of now, least and most: as its learned speed follows its clock within two standard deviations; where
    /// that is not learned, from in proportion to the clock to none lost.
    pub tokens: (f64, f64),
}

/// Watts under another budget.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Watts {
    /// Power of the branch now, W.
    pub now_w: f64,
    /// What it would draw, W.
    pub then_w: f64,
    /// The budget less what is kept free of it, W.
    pub budget_w: f64,
    /// GPUs that would be held below what they draw or run now.
    pub held: usize,
    /// The lowest caps alone draw more than that: it cannot be kept by capping.
    pub infeasible: bool,
    /// Jobs whose clock would fall.
    pub jobs: Vec<JobEffect>,
    /// The policy leaves caps as they are: nothing would be held.
    pub strategy_holds: bool,
}

/// If a branch might draw so much.
pub(super) fn under(line: &Line, branch: usize, watts: f64) -> Watts {
    let (topology, wants) = (line.topology(), line.wants());
    let (snapshot, e) = (line.snapshot(), line.estimate());
    let mut budget_w = line.outlook().budget_w.clone();
    let kept = watts * (1.0 - wants.budget_reserve);
    budget_w[branch] = budget_w[branch].min(kept);
    let now_w = e.branch_w[branch];
    let mut out = Watts { now_w, then_w: now_w, budget_w: budget_w[branch], ..Watts::default() };
    if wants.power == PowerStrategy::Hold {
        out.strategy_holds = true;
        return out;
    }
    let mut steady = line.steady_now();
    let proposal = steady.propose((topology, wants), (snapshot, e), &budget_w, line.job_clocks());
    out.infeasible = proposal.infeasible.contains(&branch);
    let clock =
        |g: usize| snapshot.gpus[g].sample.clock_mhz.get().map(f64::from).filter(|_| snapshot.gpus[g].heard);
    // Those that nobody may command stay as they are.
    let then = |g: usize| {
        let now_w = e.power_w[g];
        if e.read_only[g].is_some() {
            return now_w;
        }
        let slower = match (proposal.lock_mhz[g], clock(g)) {
            (Some(lock), Some(now)) if lock < now => e.demand.power_at(g, lock) / e.demand.power_at(g, now),
            _ => 1.0,
        };
        let cap_w = if proposal.binds { proposal.cap_w[g] } else { f64::INFINITY };
        (now_w * slower).min(cap_w)
    };
    for g in topology.gpus_of_branch(branch) {
        let saved = e.power_w[g] - then(g);
        out.then_w -= saved;
        out.held += usize::from(saved > 0.0);
    }
    // The allocation keeps it, whatever the meter says beside the sum of its GPUs.
    if !out.infeasible {
        out.then_w = out.then_w.min(out.budget_w.max(0.0)).min(now_w);
    }
    for (j, job) in line.site().jobs.iter().enumerate() {
        let lowest = |of: &dyn Fn(usize) -> Option<f64>| {
            job.gpus.iter().filter_map(|g| of(g.index())).fold(f64::INFINITY, f64::min)
        };
        let (now_mhz, lock) = (lowest(&clock), lowest(&|g| proposal.lock_mhz[g]));
        if now_mhz.is_finite() && lock < now_mhz {
            let tokens = tokens(line.tokens_follow(j), lock / now_mhz);
            out.jobs.push(JobEffect { job: j, now_mhz, then_mhz: lock, tokens });
        }
    }
    out
}

/// Tokens over those of now at a clock over that of now.
fn tokens(follow: Option<(f64, f64)>, clock: f64) -> (f64, f64) {
    let Some((slope, sigma)) = follow else { return (clock, 1.0) };
    let of = |slope: f64| clock.powf(slope.clamp(0.0, 1.0));
    (of(slope + 2.0 * sigma), of(slope - 2.0 * sigma))
}
