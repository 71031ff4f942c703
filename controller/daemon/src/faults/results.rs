//! The results file: one line per run, appended as runs end, so that a campaign goes on where it stopped.
//!
//! Responsible for: writing and reading it. Not for: what a run is.

use super::judge::Violation;
use super::run::{Found, Noticed};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What a campaign is made of: its first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) format: u32,
    pub(super) version: String,
    pub(super) seed: u64,
    pub(super) rows: Vec<u8>,
    pub(super) pairs: bool,
}

/// When a fault was noticed, as a file says it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NoticedLine {
    AfterS(f64),
    Before,
    Never,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) run: u64,
    pub(super) seed: u64,
    pub(super) plan: String,
    pub(super) seconds: u32,
    pub(super) noticed: Vec<NoticedLine>,
    pub(super) limits_s: Vec<Option<f64>>,
    pub(super) violations: Vec<Violation>,
}

impl Line {
    pub(super) fn new(run: u64, seed: u64, plan: String, found: Found) -> Self {
        let noticed = found.noticed.iter().map(|n| match *n {
            Noticed::After(s) => NoticedLine::AfterS(s),
            Noticed::Before => NoticedLine::Before,
            Noticed::Never => NoticedLine::Never,
        });
        Self {
            run,
            seed,
            plan,
            seconds: found.seconds,
            noticed: noticed.collect(),
            limits_s: found.limits_s,
            violations: found.violations,
        }
    }

    /// The command line that runs it again.
    pub(super) fn command(&self) -> String {
        command(&self.plan, self.seed)
    }
}

/// The command line that runs a plan.
pub(super) fn command(plan: &str, seed: u64) -> String {
    format!("headroom faults --only '{plan}' --seed {seed}")
}

/// The file.
pub(super) struct Results {
    path: PathBuf,
    file: File,
}

impl Results {
    /// Opens a file of a campaign, and gives what it holds already. A last line that was cut is written over.
    ///
    /// # Errors
    /// It cannot be read or written, or is of another campaign.
    pub(super) fn open(path: &Path, head: &Head) -> Result<(Self, Vec<Line>)> {
        let at = || format!("results {}", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(at)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .with_context(at)?;
        let text = std::fs::read_to_string(path).with_context(at)?;
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        let mut lines = whole.lines().enumerate();
        let mut known = Vec::new();
        if let Some((_, first)) = lines.next() {
            let other: Head = serde_json::from_str(first).with_context(|| {
                format!("{}: line 1 is no head of a campaign; give another file", path.display())
            })?;
            if other != *head {
                bail!(
                    "{}: line 1: it is of another campaign (seed {}, rows {:?}, pairs {}, version {}); give the same options, or \
                     another file",
                    path.display(),
                    other.seed,
                    other.rows,
                    other.pairs,
                    other.version
                );
            }
            for (n, line) in lines {
                let read = || {
                    format!("{}: line {} is no run; remove it, and it is run again", path.display(), n + 1)
                };
                known.push(serde_json::from_str(line).with_context(read)?);
            }
        }
        file.set_len(whole.len() as u64).with_context(at)?;
        file.seek(SeekFrom::End(0)).with_context(at)?;
        let mut results = Self { path: path.to_owned(), file };
        if whole.is_empty() {
            results.append(&serde_json::to_string(head)?)?;
        }
        Ok((results, known))
    }

    fn append(&mut self, text: &str) -> Result<()> {
        let line = format!("{text}\n");
        self.file.write_all(line.as_bytes()).with_context(|| format!("results {}", self.path.display()))
    }

    /// Keeps a run.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn keep(&mut self, line: &Line) -> Result<()> {
        self.append(&serde_json::to_string(line)?)
    }
}
