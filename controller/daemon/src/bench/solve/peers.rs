//! Solvers elsewhere: PIQP, OSQP and DAQP, run by an interpreter that has them, on the same problems.
//!
//! Responsible for: handing the problems over, and reading what came of it. Not for: how they are solved (`peers.py`).

use super::super::python::Case;
use super::{Other, at};
use anyhow::{Context, Result};
use headroom_solve::Shape;
use headroom_solve::sparse::{Entries, Sparse};
use serde::Deserialize;
use std::path::Path;

const SCRIPT: &str = include_str!("peers.py");

/// What one of them did.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Peer {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) ns: Vec<f64>,
    pub(super) iterations: Vec<f64>,
    /// Distance of the first move from the best one, of the solves that succeeded.
    pub(super) errors: Vec<f64>,
    pub(super) failed: usize,
}

impl Peer {
    pub(super) fn ns_median(&self) -> f64 {
        let mut ns = self.ns.clone();
        ns.sort_by(f64::total_cmp);
        at(&ns, 0.5)
    }

    pub(super) fn other(mut self, ours_ns: f64) -> Other {
        self.ns.sort_by(f64::total_cmp);
        self.errors.sort_by(f64::total_cmp);
        Other {
            name: format!("{} {}", self.name, self.version),
            ns_per_solve_median: at(&self.ns, 0.5),
            ns_per_solve_p99: at(&self.ns, 0.99),
            times_ours: at(&self.ns, 0.5) / ours_ns,
            iterations_mean: self.iterations.iter().sum::<f64>() / self.iterations.len() as f64,
            move_error_median: at(&self.errors, 0.5),
            move_error_max: at(&self.errors, 1.0),
            failed: self.failed,
        }
    }
}

fn entries(of: &Entries) -> serde_json::Value {
    let (i, (j, v)): (Vec<_>, (Vec<_>, Vec<_>)) = of.iter().map(|(i, j, v)| (*i, (*j, *v))).unzip();
    serde_json::json!([i, j, v])
}

/// Runs them.
///
/// # Errors
/// The interpreter cannot be run or lacks them.
pub(super) fn run(python: &Path, shape: Shape, problems: &[Sparse], best: &[Vec<f64>]) -> Result<Vec<Peer>> {
    let first = problems.first().context("no problems")?;
    let told = serde_json::json!({
        "states": shape.states, "inputs": shape.inputs, "outputs": shape.outputs, "stages": shape.stages,
        "columns": first.columns, "rows": first.lower.len(), "problems": problems.len(),
        "hessian": entries(&first.hessian), "matrix": entries(&first.rows),
    });
    let case = Case::new(&told)?;
    let numbers = problems.iter().zip(best).flat_map(|(problem, best)| {
        problem.gradient.iter().chain(&problem.lower).chain(&problem.upper).chain(best).copied()
    });
    case.numbers("problems.f64", numbers)?;
    case.run(python, SCRIPT, "numpy, scipy and those of piqp, osqp and daqp that are to be compared")
}
