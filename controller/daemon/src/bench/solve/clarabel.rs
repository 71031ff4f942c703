//! Clarabel on the same problems: one solver, its vectors updated in place.
//!
//! Responsible for: that comparison. Clarabel has no warm start; its matrices stay as they are, since the model does.

use super::peers::Peer;
use super::{cpu, distance};
use anyhow::{Context, Result};
use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettingsBuilder, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, ZeroConeT,
};
use headroom_solve::Shape;
use headroom_solve::sparse::{Entries, Sparse};

/// Solves of each problem; the shortest counts.
const REPEATS: usize = 3;

fn matrix(entries: &Entries, rows: usize, columns: usize) -> CscMatrix<f64> {
    let (i, (j, v)): (Vec<_>, (Vec<_>, Vec<_>)) = entries.iter().map(|(i, j, v)| (*i, (*j, *v))).unzip();
    CscMatrix::new_from_triplets(rows, columns, i, j, v)
}

/// Runs it.
///
/// # Errors
/// It refuses a problem.
pub(super) fn run(shape: Shape, problems: &[Sparse], best: &[Vec<f64>]) -> Result<Peer> {
    let mut peer = Peer { name: "clarabel".into(), version: "0.11".into(), ..Peer::default() };
    let first = problems.first().context("no problems")?;
    let upper: Entries = first.hessian.iter().filter(|(i, j, _)| i <= j).copied().collect();
    let one = first.one_sided();
    let (p, a) =
        (matrix(&upper, first.columns, first.columns), matrix(&one.rows, one.bounds.len(), first.columns));
    let cones = [ZeroConeT(one.equalities), NonnegativeConeT(one.bounds.len() - one.equalities)];
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .presolve_enable(false)
        .tol_gap_abs(1e-6)
        .tol_gap_rel(1e-6)
        .tol_feas(1e-6)
        .build()?;
    let mut solver = DefaultSolver::new(&p, &first.gradient, &a, &one.bounds, &cones, settings)?;
    for (problem, best) in problems.iter().zip(best) {
        let bounds = problem.one_sided().bounds;
        let mut shortest = f64::INFINITY;
        for _ in 0..REPEATS {
            let begin = cpu::thread_ns();
            solver.update_q(&problem.gradient)?;
            solver.update_b(&bounds)?;
            solver.solve();
            shortest = shortest.min(cpu::thread_ns() - begin);
        }
        let solution = &solver.solution;
        peer.ns.push(shortest);
        peer.iterations.push(f64::from(solution.iterations));
        if solution.status == SolverStatus::Solved {
            peer.errors.push(distance(problem.input(shape, &solution.x, 0), best));
        } else {
            peer.failed += 1;
        }
    }
    Ok(peer)
}
