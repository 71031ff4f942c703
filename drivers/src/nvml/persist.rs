//! What must survive the agent: the limits found before its first write, and the highest controller epoch.
//!
//! Responsible for: one small file per agent, written whole (temporary file, fsync, rename, fsync of the folder)
//! *before* the first write to a GPU. An agent that dies and starts again so restores what was there before it, and
//! not its own caps. After everything is restored the limits are forgotten; the epoch never is. Beside it stands what we
//! wrote (`written`), so that a value of somebody else's is told from ours, and stays.
//!
//! Not for: deciding when to restore.

mod disk;
mod written;

pub use disk::{Disk, HostDisk};

use disk::folder_of;
use headroom_site::file::FileError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use written::{Written, WrittenFile};

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
    written: WrittenFile,
    disk: Box<dyn Disk>,
}

impl Ownership {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// [`PersistError`] if it cannot be read or understood.
    pub fn open(path: &Path) -> Result<Self, PersistError> {
        Self::open_on(Box::new(HostDisk), path)
    }

    /// The file of the agent whose folder this is. It has the name of the agent's first node; one that is there
    /// already is taken whatever its name: a node whose GPUs are gone must not hide what was noted for the others.
    ///
    /// # Errors
    /// [`PersistError`] if it cannot be read or understood.
    pub fn of_agent(mut disk: Box<dyn Disk>, folder: &Path, first_node: &str) -> Result<Self, PersistError> {
        let wanted = folder.join(format!("agent-{first_node}.json"));
        let mut there = disk.list(folder);
        there.retain(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            name.starts_with("agent-") && name.ends_with(".json")
        });
        there.sort();
        let path = if there.contains(&wanted) { wanted } else { there.into_iter().next().unwrap_or(wanted) };
        Self::open_on(disk, &path)
    }

    fn open_on(mut disk: Box<dyn Disk>, path: &Path) -> Result<Self, PersistError> {
        let path = path.to_owned();
        let contents = match disk.read(&path) {
            Ok(bytes) => {
                Contents::read(&bytes).map_err(|why| PersistError::Damaged { path: path.clone(), why })?
            }
            Err(FileError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => {
                Contents { format: FORMAT, ..Contents::default() }
            }
            Err(FileError::Io(source)) => return Err(PersistError::Io { path, source }),
            Err(e) => return Err(PersistError::Damaged { path, why: e.to_string() }),
        };
        let written = WrittenFile::open(&mut *disk, path.with_extension("written"));
        Ok(Self { path, contents, written, disk })
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
            if !next.found.contains_key(uuid) {
                self.write(uuid, Written::default())?;
                next.found.insert(uuid.to_owned(), found);
            }
        }
        if next != self.contents {
            let synced = self.written.sync(&mut *self.disk);
            synced.map_err(|source| PersistError::Io { path: self.written.path().to_owned(), source })?;
        }
        self.save(next)
    }

    /// Notes that somebody else set this limit since: it is what goes back now. On disk when this returns.
    ///
    /// # Errors
    /// [`PersistError`]: then nothing may be written over it.
    pub fn find_again(&mut self, uuid: &str, found: Found) -> Result<(), PersistError> {
        let mut next = self.contents.clone();
        if let Some(noted) = next.found.get_mut(uuid) {
            *noted = found;
        }
        self.save(next)
    }

    /// Notes that a cap is about to be written where another stands, mW.
    ///
    /// # Errors
    /// [`PersistError`]: then it may not be written.
    pub fn will_cap(&mut self, uuid: &str, standing_mw: u32, cap_mw: u32) -> Result<(), PersistError> {
        // Whichever of the two stands there after a death is ours.
        let before_mw = if self.is_ours(uuid, standing_mw) { standing_mw } else { cap_mw };
        let locked = self.may_be_locked(uuid);
        self.write(uuid, Written { caps_mw: [before_mw, cap_mw], locked })
    }

    /// Notes that a clock lock is about to be written, or is gone.
    ///
    /// # Errors
    /// [`PersistError`]: then it may not be written.
    pub fn will_lock(&mut self, uuid: &str, locked: bool) -> Result<(), PersistError> {
        match self.written.get(uuid) {
            Some(written) => self.write(uuid, Written { locked, ..written }),
            None => Ok(()),
        }
    }

    /// True if this limit may be one that we wrote, mW.
    #[must_use]
    pub fn is_ours(&self, uuid: &str, standing_mw: u32) -> bool {
        self.found(uuid).is_some() && self.written.get(uuid).is_none_or(|written| written.has(standing_mw))
    }

    /// True if a lock on this GPU may be ours. (A lock cannot be read.)
    #[must_use]
    pub fn may_be_locked(&self, uuid: &str) -> bool {
        self.found(uuid).is_some() && self.written.get(uuid).is_none_or(|written| written.locked)
    }

    fn write(&mut self, uuid: &str, written: Written) -> Result<(), PersistError> {
        self.written
            .set(&mut *self.disk, uuid, written)
            .map_err(|source| PersistError::Io { path: self.written.path().to_owned(), source })
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
        self.write_whole(&next).map_err(|source| PersistError::Io { path: self.path.clone(), source })?;
        self.contents = next;
        Ok(())
    }

    fn write_whole(&mut self, contents: &Contents) -> std::io::Result<()> {
        let mut temporary = self.path.as_os_str().to_owned();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        self.disk.write(&temporary, &contents.write()?)?;
        self.disk.rename(&temporary, &self.path)?;
        self.disk.sync_folder(folder_of(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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

    #[test]
    fn what_is_ours_survives_and_what_is_not_known_is_taken_to_be() {
        let path = path("ours");
        let mut ours = Ownership::open(&path).unwrap();
        ours.take([("GPU-a", Found { limit_mw: 650_000 })]).unwrap();
        assert!(!ours.is_ours("GPU-a", 650_000) && !ours.may_be_locked("GPU-a"));
        ours.will_cap("GPU-a", 650_000, 450_000).unwrap();
        ours.will_cap("GPU-a", 450_000, 400_000).unwrap();
        ours.will_lock("GPU-a", true).unwrap();
        drop(ours);
        let mut again = Ownership::open(&path).unwrap();
        let is_ours = |o: &Ownership| [400_000, 450_000, 650_000, 333_000].map(|mw| o.is_ours("GPU-a", mw));
        assert_eq!((is_ours(&again), again.may_be_locked("GPU-a")), ([true, true, false, false], true));
        again.find_again("GPU-a", Found { limit_mw: 333_000 }).unwrap();
        fs::remove_file(path.with_extension("written")).unwrap();
        let blind = Ownership::open(&path).unwrap();
        assert_eq!(blind.found("GPU-a"), Some(Found { limit_mw: 333_000 }));
        assert_eq!((is_ours(&blind), blind.may_be_locked("GPU-a")), ([true; 4], true));
        assert!(!blind.is_ours("GPU-b", 400_000), "what is not noted is nobody's");
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn the_file_that_is_there_is_the_agents_whatever_node_comes_first() {
        let path = path("first-node").with_file_name("agent-n1.json");
        let mut ours = Ownership::open(&path).unwrap();
        ours.take([("GPU-c", Found { limit_mw: 650_000 })]).unwrap();
        let folder = path.parent().unwrap();
        let of = |node| Ownership::of_agent(Box::new(HostDisk), folder, node).unwrap();
        assert_eq!(of("n2").owned().collect::<Vec<_>>(), ["GPU-c"]);
        assert_eq!(of("n1").owned().collect::<Vec<_>>(), ["GPU-c"]);
        fs::remove_dir_all(folder).unwrap();
    }
}
