//! What an export reads, and what is wrong with it.
//!
//! Responsible for: the files of a state folder, and where one is damaged. Not for: what stands in them.

use crate::identify::load;
use crate::journal::old;
use crate::tape::is_tape;
use anyhow::{Context, Result, bail};
use headroom_site::Site;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Files to read.
pub(super) struct Sources {
    /// The one that was put aside first.
    pub(super) journals: Vec<PathBuf>,
    /// In order of their names.
    pub(super) tapes: Vec<PathBuf>,
    pub(super) site: Option<Site>,
}

impl Sources {
    /// Those of a state folder.
    ///
    /// # Errors
    /// There is neither journal nor tape, or the site file cannot be used.
    pub(super) fn find(state: &Path, tape: Option<&Path>, site: Option<&Path>) -> Result<Self> {
        let journal = state.join("journal.jsonl");
        let journals: Vec<PathBuf> =
            [old(&journal), journal].into_iter().filter(|path| path.is_file()).collect();
        let mut tapes = Vec::new();
        for entry in std::fs::read_dir(state).with_context(|| state.display().to_string())? {
            let path = entry.with_context(|| state.display().to_string())?.path();
            if path.is_file() && is_tape(&path) {
                tapes.push(path);
            }
        }
        if let Some(path) = tape {
            if !is_tape(path) {
                bail!("{} is no tape of `headroom run --tape`", path.display());
            }
            tapes.push(path.to_owned());
        }
        tapes.sort();
        tapes.dedup();
        if journals.is_empty() && tapes.is_empty() {
            bail!(
                "{} holds neither a journal.jsonl nor a tape; name the state folder of `headroom run`",
                state.display()
            );
        }
        Ok(Self { journals, tapes, site: site.map(load).transpose()? })
    }

    /// What is not read, and what it would take.
    pub(super) fn left_out(&self) -> Vec<String> {
        let tapes = self.tapes.iter().filter(|_| self.site.is_none());
        tapes
            .map(|path| format!("{} is left out: give --site, the file that it ran with", path.display()))
            .collect()
    }
}

/// Where a file is damaged. What stands before is exported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Fault {
    pub(super) file: PathBuf,
    /// Line of a journal, entry of a tape, from 1.
    pub(super) at: u64,
    pub(super) what: What,
}

/// What is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    /// It has no end: whoever wrote it was killed.
    Torn,
    /// It is not what was written, or does not follow from what stands before.
    Damaged,
    /// It is whole, and says what this program does not read.
    Unread(String),
    /// The tape is of another site file.
    OtherSite(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: ", self.file.display(), self.at)?;
        match &self.what {
            What::Torn => write!(f, "torn, as whoever wrote it was killed; the next start cuts it off"),
            What::Damaged => {
                write!(f, "not what was written; keep the file, the tables hold what stands before it")
            }
            What::Unread(why) => {
                write!(f, "no record that this version reads ({why}); export with the version that wrote it")
            }
            What::OtherSite(name) => {
                write!(f, "of another site file (`{name}`); give --site, the file that it ran with")
            }
        }
    }
}
