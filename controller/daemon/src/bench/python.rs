//! Peers in Python: a script that an interpreter runs over a case in a folder.
//!
//! Responsible for: the folder, the interpreter, what it says when it fails. Not for: the case, or what the script computes.

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// A case on its way to a script: `case.json` and numbers beside it, in a folder that goes with it.
pub(super) struct Case {
    folder: PathBuf,
}

impl Case {
    /// With what is told in words.
    ///
    /// # Errors
    /// The temporary folder cannot be written.
    pub(super) fn new(told: &Value) -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("headroom-bench-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let case = Self { folder };
        fs::write(case.folder.join("case.json"), told.to_string())?;
        Ok(case)
    }

    /// Adds a file of numbers (f64, little endian).
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn numbers(&self, name: &str, numbers: impl IntoIterator<Item = f64>) -> Result<()> {
        let mut file = BufWriter::new(fs::File::create(self.folder.join(name))?);
        for value in numbers {
            file.write_all(&value.to_le_bytes())?;
        }
        Ok(file.flush()?)
    }

    /// Has an interpreter run a script over it, on one thread, and reads what the script prints.
    ///
    /// # Errors
    /// The interpreter cannot be run, or the script fails: its last words, and `needs`, what it wants to be installed.
    pub(super) fn run<T: DeserializeOwned>(&self, python: &Path, script: &str, needs: &str) -> Result<T> {
        let mut child = Command::new(python)
            .args(["-", &self.folder.display().to_string()])
            .env("OMP_NUM_THREADS", "1")
            .env("OPENBLAS_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("--python {}: cannot be run", python.display()))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(script.as_bytes())?;
        }
        let done = child.wait_with_output()?;
        if !done.status.success() {
            let why = String::from_utf8_lossy(&done.stderr);
            let last = why.lines().last().unwrap_or("it says nothing");
            bail!("--python {}: {last}; it needs {needs}", python.display());
        }
        Ok(serde_json::from_slice(&done.stdout)?)
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        // What cannot be removed from a temporary folder is the system's to remove.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
