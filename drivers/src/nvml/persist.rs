//! What must survive the agent: the limits found before its first write, and the highest controller epoch.
//!
//! Responsible for: one small file per agent, written whole (temporary file, fsync, rename, fsync of the folder)
//! *before* the first write to a GPU. An agent that dies and starts again so restores what was there before it, and
//! not its own caps. After everything is restored the limits are forgotten; the epoch never is.
//!
//! Not for: deciding when to restore.

use headroom_site::file::{FileError, read_bytes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The limits of a GPU as they were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Power limit that was asked for by whoever was here before, mW.
    pub limit_mw: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Contents {
    format: u32,
    #[serde(default)]
    epochs: BTreeMap<String, u64>,
    #[serde(default)]
    found: BTreeMap<String, Found>,
}

/// Why the file could not be read or written. Then nothing may be written to a GPU either.
#[derive(Debug, thiserror::Error)]
pub enum PersistError {
    /// Reading, writing, syncing or renaming failed.
    #[error("ownership file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is there and says nothing that can be understood.
    #[error(
        "ownership file {path}: {why}; check the power limits of this node by hand, then remove the file"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

const FORMAT: u32 = 1;

impl Contents {
    /// Reads what [`Self::write`] wrote, or says why it is none of that.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        match serde_json::from_slice::<Self>(bytes) {
            Ok(contents) if contents.format == FORMAT => Ok(contents),
            Ok(contents) => Err(format!("has format {}, not {FORMAT}", contents.format)),
            Err(e) => Err(e.to_string()),
        }
    }

    /// What stands in the file.
    pub(crate) fn write(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
    }
}

/// The file, and what stands in it.
#[derive(Debug)]
pub struct Ownership {
    path: PathBuf,
    contents: Contents,
}

impl Ownership {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// [`PersistError`] if it cannot be read or understood.
    pub fn open(path: &Path) -> Result<Self, PersistError> {
        let path = path.to_owned();
        let bytes = match read_bytes(&path) {
            Ok(bytes) => bytes,
            Err(FileError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { path, contents: Contents { format: FORMAT, ..Contents::default() } });
            }
            Err(FileError::Io(source)) => return Err(PersistError::Io { path, source }),
            Err(e) => return Err(PersistError::Damaged { path, why: e.to_string() }),
        };
        match Contents::read(&bytes) {
            Ok(contents) => Ok(Self { path, contents }),
            Err(why) => Err(PersistError::Damaged { path, why }),
        }
    }

    /// The limits found before our first write, if there was one.
    #[must_use]
    pub fn found(&self, uuid: &str) -> Option<Found> {
        self.contents.found.get(uuid).copied()
    }

    /// GPUs with something to restore.
    pub fn owned(&self) -> impl Iterator<Item = &str> {
        self.contents.found.keys().map(String::as_str)
    }

    /// Notes limits about to be changed, on disk when this returns. What is already noted stays: it is older.
    ///
    /// # Errors
    /// [`PersistError`]: then nothing may be written to these GPUs.
    pub fn take<'a>(&mut self, gpus: impl IntoIterator<Item = (&'a str, Found)>) -> Result<(), PersistError> {
        let mut next = self.contents.clone();
        for (uuid, found) in gpus {
            next.found.entry(uuid.to_owned()).or_insert(found);
        }
        self.save(next)
    }

    /// Forgets GPUs whose limits are back.
    ///
    /// # Errors
    /// [`PersistError`]: then they stay noted, and a restart restores them once more.
    pub fn give_back<'a>(&mut self, uuids: impl IntoIterator<Item = &'a str>) -> Result<(), PersistError> {
        let mut next = self.contents.clone();
        for uuid in uuids {
            next.found.remove(uuid);
        }
        self.save(next)
    }

    /// The highest epoch a node took a command from.
    #[must_use]
    pub fn epoch(&self, node: &str) -> u64 {
        self.contents.epochs.get(node).copied().unwrap_or(0)
    }

    /// Raises a node's highest epoch, on disk when this returns.
    ///
    /// # Errors
    /// [`PersistError`]: then the first command of that epoch may not be carried out.
    pub fn raise_epoch(&mut self, node: &str, epoch: u64) -> Result<(), PersistError> {
        if self.epoch(node) >= epoch {
            return Ok(());
        }
        let mut next = self.contents.clone();
        next.epochs.insert(node.to_owned(), epoch);
        self.save(next)
    }

    fn save(&mut self, next: Contents) -> Result<(), PersistError> {
        if next == self.contents {
            return Ok(());
        }
        write_whole(&self.path, &next)
            .map_err(|source| PersistError::Io { path: self.path.clone(), source })?;
        self.contents = next;
        Ok(())
    }
}

fn write_whole(path: &Path, contents: &Contents) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let mut file = File::create(&temporary)?;
    file.write_all(&contents.write()?)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("headroom-owner-{}-{name}", std::process::id())).join("owner.json")
    }

    #[test]
    fn the_first_find_counts() {
        let path = path("first");
        let mut ours = Ownership::open(&path).unwrap();
        ours.take([("GPU-a", Found { limit_mw: 650_000 })]).unwrap();
        drop(ours);
        let mut again = Ownership::open(&path).unwrap();
        again.take([("GPU-a", Found { limit_mw: 300_000 }), ("GPU-b", Found { limit_mw: 700_000 })]).unwrap();
        assert_eq!(again.found("GPU-a"), Some(Found { limit_mw: 650_000 }));
        again.give_back(["GPU-a"]).unwrap();
        let last = Ownership::open(&path).unwrap();
        assert_eq!(last.owned().collect::<Vec<_>>(), ["GPU-b"]);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn epochs_rise_and_survive_giving_back() {
        let path = path("epoch");
        let mut ours = Ownership::open(&path).unwrap();
        ours.raise_epoch("node-01", 7).unwrap();
        ours.raise_epoch("node-01", 5).unwrap();
        ours.give_back(["GPU-a"]).unwrap();
        let again = Ownership::open(&path).unwrap();
        assert_eq!((again.epoch("node-01"), again.epoch("node-02")), (7, 0));
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn damage_is_told_and_not_overwritten() {
        let path = path("damaged");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        for text in ["", "{", "{\"format\": 9}"] {
            fs::write(&path, text).unwrap();
            assert!(matches!(Ownership::open(&path), Err(PersistError::Damaged { .. })), "{text}");
        }
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        let endless = Ownership::open(Path::new("/dev/zero"));
        assert!(matches!(endless, Err(PersistError::Damaged { .. })), "{endless:?}");
    }

    #[test]
    fn a_file_that_cannot_be_written_changes_nothing() {
        let mut ours = Ownership::open(Path::new("/proc/headroom/owner.json")).unwrap();
        assert!(ours.take([("GPU-a", Found { limit_mw: 1 })]).is_err());
        assert_eq!(ours.found("GPU-a"), None, "what is not on disk is not taken");
    }
}
