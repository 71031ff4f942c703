//! Filters elsewhere: numpy and filterpy, run by an interpreter that has them, on the same inputs.
//!
//! Responsible for: handing the case over in a folder, and reading what came of it. Not for: what they compute (`peers.py`).

use super::case::Case;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
pub(super) fn run(python: &Path, case: &Case, rounds: usize) -> Result<BTreeMap<String, Peer>> {
    let folder = Folder::new()?;
    let told = serde_json::json!({
        "figures": case.textbook().figures().into_iter().collect::<BTreeMap<_, _>>(),
        "gpus": case.gpus, "ticks": case.inputs.len(), "rounds": rounds,
        "x": case.textbook().x.as_slice(), "p": rows(&case.textbook().p),
    });
    fs::write(folder.0.join("case.json"), told.to_string())?;
    let mut file = std::io::BufWriter::new(fs::File::create(folder.0.join("inputs.f64"))?);
    for u in case.inputs.iter().flatten() {
        for value in [u.power_w, u.coolant_c, u.die_c.unwrap_or(f64::NAN), u.hbm_c.unwrap_or(f64::NAN)] {
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
            "--python {}: {last}; it needs numpy (and filterpy, if that is to be compared)",
            python.display()
        );
    }
    Ok(serde_json::from_slice(&done.stdout)?)
}

fn rows(p: &nalgebra::Matrix4<f64>) -> Vec<Vec<f64>> {
    p.row_iter().map(|row| row.iter().copied().collect()).collect()
}

/// A folder that goes when it is no longer needed.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("headroom-bench-{}", std::process::id()));
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
