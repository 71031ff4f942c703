//! Solvers elsewhere: PIQP, OSQP and DAQP, run by an interpreter that has them, on the same problems.
//!
//! Responsible for: handing the problems over in a folder, and reading what came of it. Not for: how they are solved (`peers.py`).

use super::{Other, at};
use anyhow::{Context, Result, bail};
use headroom_solve::Shape;
use headroom_solve::sparse::{Entries, Sparse};
use serde::Deserialize;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
    let folder = Folder::new()?;
    let told = serde_json::json!({
        "states": shape.states, "inputs": shape.inputs, "outputs": shape.outputs, "stages": shape.stages,
        "columns": first.columns, "rows": first.lower.len(), "problems": problems.len(),
        "hessian": entries(&first.hessian), "matrix": entries(&first.rows),
    });
    fs::write(folder.0.join("case.json"), told.to_string())?;
    let mut file = std::io::BufWriter::new(fs::File::create(folder.0.join("problems.f64"))?);
    for (problem, best) in problems.iter().zip(best) {
        for value in problem.gradient.iter().chain(&problem.lower).chain(&problem.upper).chain(best) {
            file.write_all(&value.to_le_bytes())?;
        }
    }
    file.flush()?;
    let mut child = Command::new(python)
        .args(["-", &folder.0.display().to_string()])
        .env("OMP_NUM_THREADS", "1")
        .env("OPENBLAS_NUM_THREADS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("--python {}: cannot be run", python.display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(SCRIPT.as_bytes())?;
    }
    let done = child.wait_with_output()?;
    if !done.status.success() {
        let why = String::from_utf8_lossy(&done.stderr);
        let last = why.lines().last().unwrap_or("it says nothing");
        bail!(
            "--python {}: {last}; it needs numpy, scipy and those of piqp, osqp and daqp that are to be compared",
            python.display()
        );
    }
    Ok(serde_json::from_slice(&done.stdout)?)
}

/// A folder that goes when it is no longer needed.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("headroom-bench-solve-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed from a temporary folder is the system's to remove.
        let _ = fs::remove_dir_all(&self.0);
    }
}
