//! Allocate: watts on a tree of five levels, on one core.
//!
//! Responsible for: ns per GPU of a solve that begins with the last prices (demands move by 2 %) and of one that begins with
//! nothing, where nothing binds, where much does and in an emergency; beside sorting, proportional scaling and a general
//! solver on the same problem, with what each costs and by how much it exceeds a budget. Not for: the strategy around it.

mod case;
mod peers;

use super::{alloc, at};
use anyhow::Result;
use case::{Case, Scarcity};
use headroom_core::propose::power::tree::Allocation;
use serde::Serialize;
use std::time::{Duration, Instant};

/// What a solve may take, ns per GPU.
const LIMIT_NS: f64 = 20.0;
/// Fewest solves of a median.
const LEAST_SOLVES: usize = 15;
/// Methods that share the time of a size: ours warm and cold, sorting, scaling.
const METHODS: f64 = 4.0;

/// Somebody else's allocation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Other {
    name: &'static str,
    ns_per_gpu: f64,
    /// How many times ours it takes, both from nothing.
    times_ours: f64,
    /// What its watts cost, relative to ours; 1 where neither costs anything.
    cost_ratio: f64,
    /// Largest share by which it exceeds a budget.
    excess: f64,
}

/// What came of one size and scarcity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figures {
    bench: &'static str,
    scarcity: &'static str,
    gpus: usize,
    branches: usize,
    branches_bind: usize,
    /// Beginning with the prices of the last solve.
    ns_per_gpu_median: f64,
    ns_per_gpu_p99: f64,
    /// Beginning with nothing.
    cold_ns_per_gpu_median: f64,
    cold_ns_per_gpu_p99: f64,
    bytes_per_gpu: f64,
    limit_ns_per_gpu: f64,
    allocations_per_tick: f64,
    /// Largest share by which a budget is exceeded.
    excess: f64,
    others: Vec<Other>,
}

/// Times of solves, ns per GPU, in order.
fn times(gpus: usize, wall_s: f64, mut solve: impl FnMut(usize) -> Duration) -> Vec<f64> {
    let end = Instant::now() + Duration::from_secs_f64(wall_s);
    let mut all = Vec::with_capacity(1 << 16);
    while all.len() < LEAST_SOLVES || (Instant::now() < end && all.len() < all.capacity()) {
        all.push(solve(all.len()).as_nanos() as f64 / gpus as f64);
    }
    all.sort_unstable_by(f64::total_cmp);
    all
}

fn timed(solve: impl FnOnce()) -> Duration {
    let start = Instant::now();
    solve();
    start.elapsed()
}

/// Measures one size; a general solver only up to `general` GPUs.
///
/// # Errors
/// The general solver refuses the problem.
pub(super) fn measure(gpus: usize, wall_s: f64, general: usize) -> Result<Vec<Figures>> {
    let share_s = wall_s / Scarcity::ALL.len() as f64 / METHODS;
    Scarcity::ALL
        .iter()
        .map(|scarcity| of(&Case::new(gpus, *scarcity), *scarcity, share_s, general))
        .collect()
}

fn of(case: &Case, scarcity: Scarcity, share_s: f64, general: usize) -> Result<Figures> {
    let before = alloc::in_use();
    let mut ours = Allocation::default();
    ours.solve(&case.tree, &case.room_w, &case.problem(0));
    let bytes = alloc::in_use() - before;

    let calls = alloc::calls();
    let warm =
        times(case.gpus, share_s, |turn| timed(|| ours.solve(&case.tree, &case.room_w, &case.problem(turn))));
    let cold = times(case.gpus, share_s, |turn| {
        ours.forget();
        timed(|| ours.solve(&case.tree, &case.room_w, &case.problem(turn)))
    });
    // two lists of times are not of the solves
    let allocations = (alloc::calls() - calls).saturating_sub(2) as f64 / (warm.len() + cold.len()) as f64;

    ours.solve(&case.tree, &case.room_w, &case.problem(0));
    let mut figures = Figures {
        bench: "allocate",
        scarcity: scarcity.name(),
        gpus: case.gpus,
        branches: case.tree.branches(),
        branches_bind: (0..case.tree.branches()).filter(|&b| ours.price(b) > 0.0).count(),
        ns_per_gpu_median: at(&warm, 0.5),
        ns_per_gpu_p99: at(&warm, 0.99),
        cold_ns_per_gpu_median: at(&cold, 0.5),
        cold_ns_per_gpu_p99: at(&cold, 0.99),
        bytes_per_gpu: bytes as f64 / case.gpus as f64,
        limit_ns_per_gpu: LIMIT_NS,
        allocations_per_tick: allocations,
        excess: case.excess(&ours.watts),
        others: Vec::new(),
    };
    figures.others = others(case, &ours.watts, figures.cold_ns_per_gpu_median, share_s, general)?;
    Ok(figures)
}

/// The others on the same problem.
fn others(case: &Case, ours_w: &[f64], ours_ns: f64, share_s: f64, general: usize) -> Result<Vec<Other>> {
    let cost = case.cost(ours_w);
    let other = |name, ns: f64, watts: &[f64]| Other {
        name,
        ns_per_gpu: ns,
        times_ours: ns / ours_ns,
        cost_ratio: if cost > 0.0 { case.cost(watts) / cost } else { 1.0 + case.cost(watts) },
        excess: case.excess(watts),
    };
    let mut sorting = peers::Sorting::default();
    let sorted = times(case.gpus, share_s, |turn| timed(|| sorting.solve(case, turn)));
    sorting.solve(case, 0);
    let mut scaling = peers::Proportional::default();
    let scaled = times(case.gpus, share_s, |turn| timed(|| scaling.solve(case, turn)));
    scaling.solve(case, 0);
    let mut all = vec![
        other("sorting", at(&sorted, 0.5), &sorting.watts),
        other("proportional scaling", at(&scaled, 0.5), &scaling.watts),
    ];
    if case.gpus <= general {
        let (watts, took_s) = peers::clarabel(case, 0)?;
        all.push(other("Clarabel", took_s * 1e9 / case.gpus as f64, &watts));
    }
    Ok(all)
}

/// The figures as a person reads them.
pub(super) fn table(all: &[Figures]) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for f in all {
        // Writing into a String cannot fail.
        let _ = writeln!(
            out,
            "{} GPUs, {}: {} of {} branches bind, {:.0} bytes/GPU, {:.2} allocations a solve, one core:",
            f.gpus, f.scarcity, f.branches_bind, f.branches, f.bytes_per_gpu, f.allocations_per_tick
        );
        for (name, median, p99) in [
            ("from the last prices", f.ns_per_gpu_median, f.ns_per_gpu_p99),
            ("from nothing", f.cold_ns_per_gpu_median, f.cold_ns_per_gpu_p99),
        ] {
            let _ = writeln!(
                out,
                "  {name:<22} {median:>9.1} ns/GPU   p99 {p99:>6.1}   limit {}   over a budget {:.0e}",
                f.limit_ns_per_gpu, f.excess
            );
        }
        for other in &f.others {
            let _ = writeln!(
                out,
                "  {:<22} {:>9.1} ns/GPU   {:>6.1} x ours   cost {:+.1e}   over a budget {:.0e}",
                other.name,
                other.ns_per_gpu,
                other.times_ours,
                other.cost_ratio - 1.0,
                other.excess
            );
        }
    }
    out
}
