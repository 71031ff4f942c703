//! The same problem for a general solver of quadratic programs (Clarabel), in units of its own size.

use super::cases::Case;
use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettingsBuilder, DefaultSolver, IPSolver, SolverStatus, SupportedConeT::NonnegativeConeT,
};

/// What it found.
#[derive(Clone, Copy)]
pub(super) struct General {
    pub(super) solved: bool,
    /// Cost of its watts.
    pub(super) cost: f64,
    /// No watts within the budgets cost less: the value of the dual at its multipliers, whatever these are.
    pub(super) bound: f64,
}

/// Solves a case with its budgets raised to the floors, to a tolerance in its units.
pub(super) fn solve(case: &Case, tolerance: f64) -> General {
    let (n, room_w) = (case.gpus(), case.raised_w());
    let rows: Vec<usize> = (0..room_w.len()).filter(|&b| room_w[b].is_finite()).collect();
    let unit_w = case.high_w.iter().chain(&case.demand_w).fold(1.0_f64, |a, b| a.max(b.abs()));
    let least = case.slope.iter().fold(f64::INFINITY, |a, b| a.min(*b));
    let (m, mut b) = (rows.len(), Vec::new());
    let mut columns = vec![Vec::new(); n];
    for (row, &branch) in rows.iter().enumerate() {
        let per = 1.0 / case.branches[branch].len() as f64;
        case.branches[branch].iter().for_each(|&i| columns[i].push((row, per)));
        b.push(room_w[branch] / unit_w * per);
    }
    b.extend(case.high_w.iter().map(|high| high / unit_w));
    b.extend(case.low_w.iter().map(|low| -low / unit_w));
    for (i, column) in columns.iter_mut().enumerate() {
        column.extend([(m + i, 1.0), (m + n + i, -1.0)]);
    }
    let weight: Vec<f64> = case.slope.iter().map(|slope| least / slope).collect();
    let q: Vec<f64> = weight.iter().zip(&case.demand_w).map(|(w, d)| -w * d / unit_w).collect();
    let p = CscMatrix::new(n, n, (0..=n).collect(), (0..n).collect(), weight);
    let starts = columns.iter().scan(0, |at, column| {
        *at += column.len();
        Some(*at)
    });
    let a = CscMatrix::new(
        m + 2 * n,
        n,
        std::iter::once(0).chain(starts).collect(),
        columns.iter().flatten().map(|entry| entry.0).collect(),
        columns.iter().flatten().map(|entry| entry.1).collect(),
    );
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .tol_gap_abs(tolerance)
        .tol_gap_rel(tolerance)
        .tol_feas(tolerance)
        .build()
        .unwrap();
    let mut solver = DefaultSolver::new(&p, &q, &a, &b, &[NonnegativeConeT(m + 2 * n)], settings).unwrap();
    solver.solve();
    let solution = &solver.solution;
    let watts: Vec<f64> = solution.x.iter().map(|x| x * unit_w).collect();
    // Their price of a unit in units of the least weight, ours in watts times weight.
    let nu = |row: usize| (solution.z[row] * unit_w / least / case.branches[rows[row]].len() as f64).max(0.0);
    let nu: Vec<f64> = (0..rows.len()).map(nu).collect();
    General {
        solved: matches!(solution.status, SolverStatus::Solved | SolverStatus::AlmostSolved),
        cost: case.cost(&watts),
        bound: bound(case, &rows, &nu, &room_w),
    }
}

/// Weak duality: with any prices nu >= 0 of budgets, and p the cheapest watts at these prices,
///
/// ```text
/// min_p [ cost(p) + sum_g nu_g (S_g(p) - B_g) ]  <=  the least cost within the budgets
/// ```
fn bound(case: &Case, rows: &[usize], nu: &[f64], room_w: &[f64]) -> f64 {
    let mut price = vec![0.0; case.gpus()];
    for (&branch, nu) in rows.iter().zip(nu) {
        case.branches[branch].iter().for_each(|&i| price[i] += nu);
    }
    let cheapest = |i: usize| {
        let p = case.demand_w[i] - price[i] * case.slope[i];
        p.max(case.low_w[i]).min(case.high_w[i])
    };
    let watts: Vec<f64> = (0..case.gpus()).map(cheapest).collect();
    let paid = rows.iter().zip(nu).map(|(&branch, nu)| nu * (case.sum(branch, &watts) - room_w[branch]));
    case.cost(&watts) + paid.sum::<f64>()
}
