//! Filters elsewhere: numpy and filterpy, run by an interpreter that has them, on the same inputs.
//!
//! Responsible for: handing the case over, and reading what came of it. Not for: what they compute (`peers.py`).

use super::super::python;
use super::case::Case;
use anyhow::Result;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

const SCRIPT: &str = include_str!("peers.py");

/// What one of them did.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Peer {
    pub(super) version: String,
    pub(super) ns: f64,
    /// How often all inputs went through it.
    pub(super) rounds: usize,
    pub(super) x: Vec<[f64; 4]>,
    pub(super) p: Vec<[[f64; 4]; 4]>,
}

/// Runs them.
///
/// # Errors
/// The interpreter cannot be run or lacks numpy.
pub(super) fn run(interpreter: &Path, case: &Case, rounds: usize) -> Result<BTreeMap<String, Peer>> {
    let told = serde_json::json!({
        "figures": case.textbook().figures().into_iter().collect::<BTreeMap<_, _>>(),
        "gpus": case.gpus, "ticks": case.inputs.len(), "rounds": rounds,
        "x": case.textbook().x.as_slice(), "p": rows(&case.textbook().p),
    });
    let folder = python::Case::new(&told)?;
    let numbers = case
        .inputs
        .iter()
        .flatten()
        .flat_map(|u| [u.power_w, u.coolant_c, u.die_c.unwrap_or(f64::NAN), u.hbm_c.unwrap_or(f64::NAN)]);
    folder.numbers("inputs.f64", numbers)?;
    folder.run(interpreter, SCRIPT, "numpy (and filterpy, if that is to be compared)")
}

fn rows(p: &nalgebra::Matrix4<f64>) -> Vec<Vec<f64>> {
    p.row_iter().map(|row| row.iter().copied().collect()).collect()
}
