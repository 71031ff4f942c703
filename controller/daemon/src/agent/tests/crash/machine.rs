//! The machine an agent dies on: GPUs behind the agent's own traits, a disk that can be torn, and a fuse that ends the
//! process between, or in the middle of, any two writes to either.

use super::dice::Dice;
use headroom_drivers::nvml::persist::Disk;
use headroom_drivers::nvml::{Boards, Limits, NvmlError};
use headroom_site::file::FileError;
use headroom_site::{GpuSample, Offered, Stamp};
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result as IoResult};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Limit after a driver load.
pub(super) const DEFAULT_MW: u32 = 700_000;

/// What unwinds when the fuse burns out.
pub(super) struct Death;

/// One GPU.
#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) uuid: &'static str,
    pub(super) present: bool,
    /// The driver refuses writes.
    pub(super) denied: bool,
    /// It refuses those of locks only.
    pub(super) lock_denied: bool,
    /// It did not answer once, since somebody looked at this.
    pub(super) hiccup: bool,
    /// A limit set out of band.
    pub(super) oob_mw: Option<u32>,
    pub(super) limit_mw: u32,
    pub(super) lock_mhz: Option<u32>,
    /// Limits that may stand here when we hold nothing, and all that ever might.
    pub(super) rightful: Vec<u32>,
    pub(super) ever: Vec<u32>,
}

impl Card {
    pub(super) fn new(uuid: &'static str, limit_mw: u32) -> Self {
        let ever = vec![limit_mw];
        Self {
            uuid,
            present: true,
            denied: false,
            lock_denied: false,
            hiccup: false,
            oob_mw: None,
            limit_mw,
            lock_mhz: None,
            rightful: ever.clone(),
            ever,
        }
    }

    /// Somebody else sets a limit.
    pub(super) fn set_by_another(&mut self, limit_mw: u32) {
        self.limit_mw = limit_mw;
        self.rightful = vec![limit_mw];
        self.ever.push(limit_mw);
    }

    /// A driver load: limit and lock are gone, and whoever set which limit is anybody's guess.
    pub(super) fn reset(&mut self) {
        (self.limit_mw, self.lock_mhz) = (DEFAULT_MW, None);
        self.ever.push(DEFAULT_MW);
        self.rightful = self.ever.clone();
    }
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// What the machine is made of.
pub(super) struct Parts {
    pub(super) cards: Vec<Card>,
    pub(super) disk_fails: bool,
    /// GPUs that are there do not answer, so many times in a hundred.
    pub(super) hiccups: u64,
    /// Writes left until the process dies.
    pub(super) fuse: Option<u64>,
    /// The write it died at.
    pub(super) died_at: &'static str,
    /// What happened, where somebody wants to know.
    pub(super) log: Option<Vec<String>>,
    pub(super) dice: Dice,
    /// Files as a process sees them, and as they outlive the machine.
    now: Files,
    durable: Files,
    renames: Vec<(PathBuf, PathBuf)>,
    puts: Vec<(PathBuf, u64, Vec<u8>)>,
}

impl Parts {
    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(what());
        }
    }

    fn burns(&mut self, at: &'static str) -> bool {
        match &mut self.fuse {
            None => false,
            Some(0) => {
                self.died_at = at;
                self.note(|| format!("    dies at {at}"));
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }

    /// The machine loses its power: what was not synced is there or not, and every GPU is as after a driver load.
    pub(super) fn lose_power(&mut self) {
        for (from, to) in std::mem::take(&mut self.renames) {
            if self.dice.chance(50)
                && let Some(bytes) = self.durable.remove(&from)
            {
                self.durable.insert(to, bytes);
            }
        }
        for (path, offset, bytes) in std::mem::take(&mut self.puts) {
            if self.dice.chance(50) {
                overwrite(self.durable.entry(path).or_default(), offset, &bytes);
            }
        }
        self.now = self.durable.clone();
        self.cards.iter_mut().for_each(Card::reset);
    }
}

fn overwrite(file: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let start = offset as usize;
    file.resize(file.len().max(start + bytes.len()), 0);
    file[start..start + bytes.len()].copy_from_slice(bytes);
}

/// The machine; clones are the same machine.
#[derive(Clone)]
pub(super) struct Machine(Arc<Mutex<Parts>>);

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Machine")
    }
}

fn die(parts: MutexGuard<'_, Parts>) -> ! {
    drop(parts);
    std::panic::resume_unwind(Box::new(Death))
}

impl Machine {
    pub(super) fn new(cards: Vec<Card>, dice: Dice, log: bool) -> Self {
        Self(Arc::new(Mutex::new(Parts {
            cards,
            disk_fails: false,
            hiccups: 0,
            fuse: None,
            died_at: "",
            log: log.then(Vec::new),
            dice,
            now: Files::new(),
            durable: Files::new(),
            renames: Vec::new(),
            puts: Vec::new(),
        })))
    }

    pub(super) fn parts(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the driver: the GPUs that answer now, in an order of this start's own.
    pub(super) fn open(&self) -> Driver {
        let mut parts = self.parts();
        let mut boards: Vec<&'static str> = Vec::new();
        for n in 0..parts.cards.len() {
            if parts.cards[n].present {
                let place = parts.dice.below(boards.len() as u64 + 1) as usize;
                boards.insert(place, parts.cards[n].uuid);
            }
        }
        parts.note(|| format!("  the driver shows {boards:?}"));
        drop(parts);
        Driver { machine: self.clone(), opened: Instant::now(), boards }
    }

    /// One write to a disk that may fail, or to which the process may not live.
    fn on_disk(
        &self,
        what: &'static str,
        path: &Path,
        torn: impl FnOnce(&mut Parts),
        whole: impl FnOnce(&mut Parts),
    ) -> IoResult<()> {
        let mut parts = self.parts();
        if parts.burns(what) {
            torn(&mut parts);
            die(parts);
        }
        if parts.disk_fails {
            return Err(Error::from(ErrorKind::StorageFull));
        }
        parts.note(|| format!("    {what} {}", path.display()));
        whole(&mut parts);
        Ok(())
    }
}

impl Disk for Machine {
    fn list(&mut self, folder: &Path) -> Vec<PathBuf> {
        self.parts().now.keys().filter(|path| path.parent() == Some(folder)).cloned().collect()
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, FileError> {
        let parts = self.parts();
        parts.now.get(path).cloned().ok_or(FileError::Io(Error::from(ErrorKind::NotFound)))
    }

    fn write(&mut self, path: &Path, bytes: &[u8]) -> IoResult<()> {
        let torn = |parts: &mut Parts| {
            let length = parts.dice.below(bytes.len() as u64 + 1) as usize;
            parts.now.insert(path.to_owned(), bytes[..length].to_vec());
        };
        self.on_disk("write", path, torn, |parts| {
            parts.now.insert(path.to_owned(), bytes.to_vec());
            parts.durable.insert(path.to_owned(), bytes.to_vec());
        })
    }

    fn rename(&mut self, from: &Path, to: &Path) -> IoResult<()> {
        self.on_disk(
            "rename",
            to,
            |_| {},
            |parts| {
                if let Some(bytes) = parts.now.remove(from) {
                    parts.now.insert(to.to_owned(), bytes);
                    parts.renames.push((from.to_owned(), to.to_owned()));
                }
            },
        )
    }

    fn sync_folder(&mut self, folder: &Path) -> IoResult<()> {
        self.on_disk(
            "sync folder",
            folder,
            |_| {},
            |parts| {
                for (from, to) in std::mem::take(&mut parts.renames) {
                    if let Some(bytes) = parts.durable.remove(&from) {
                        parts.durable.insert(to, bytes);
                    }
                }
            },
        )
    }

    fn put(&mut self, path: &Path, offset: u64, bytes: &[u8]) -> IoResult<()> {
        self.on_disk(
            "put",
            path,
            |_| {},
            |parts| {
                overwrite(parts.now.entry(path.to_owned()).or_default(), offset, bytes);
                parts.puts.push((path.to_owned(), offset, bytes.to_vec()));
            },
        )
    }

    fn sync(&mut self, path: &Path) -> IoResult<()> {
        self.on_disk(
            "sync",
            path,
            |_| {},
            |parts| {
                for (to, offset, bytes) in parts.puts.extract_if(.., |put| put.0 == path).collect::<Vec<_>>()
                {
                    overwrite(parts.durable.entry(to).or_default(), offset, &bytes);
                }
            },
        )
    }
}

/// The write of a cap.
const SET_CAP: &str = "set cap";

/// The driver as one process has it.
pub(super) struct Driver {
    machine: Machine,
    /// Its calls take no time.
    opened: Instant,
    boards: Vec<&'static str>,
}

impl Driver {
    fn read<T>(&self, uuid: &str, f: impl FnOnce(&Card) -> T) -> Result<T, NvmlError> {
        let unknown = || NvmlError::UnknownGpu(uuid.to_owned());
        if !self.boards.contains(&uuid) {
            return Err(unknown());
        }
        let mut parts = self.machine.parts();
        let hiccup = parts.hiccups > 0 && {
            let often = parts.hiccups;
            parts.dice.chance(often)
        };
        let card = parts.cards.iter_mut().find(|card| card.uuid == uuid).ok_or_else(unknown)?;
        card.hiccup |= hiccup;
        if card.present && !hiccup { Ok(f(card)) } else { Err(NvmlError::Lost(uuid.to_owned())) }
    }

    /// A write that may be refused; a process that dies at it may have reached the board or not.
    fn write(
        &self,
        what: &'static str,
        uuid: &str,
        value: u32,
        f: impl FnOnce(&mut Card),
    ) -> Result<(), NvmlError> {
        let is_cap = what == SET_CAP;
        if self.read(uuid, |card| card.denied || card.lock_denied && !is_cap)? {
            return Err(NvmlError::NoPermission { uuid: uuid.to_owned(), what });
        }
        let mut parts = self.machine.parts();
        let dies = parts.burns(what);
        if !dies || parts.dice.chance(50) {
            parts.note(|| format!("    {what} {uuid} {value}"));
            parts.cards.iter_mut().find(|card| card.uuid == uuid).map(f);
        }
        if dies { die(parts) } else { Ok(()) }
    }
}

impl Boards for Driver {
    fn instant(&self) -> Instant {
        self.opened
    }

    fn index(&self, uuid: &str) -> Option<usize> {
        self.boards.iter().position(|board| *board == uuid)
    }

    fn meet(&mut self, uuid: &str) -> bool {
        let parts = self.machine.parts();
        let there = parts.cards.iter().find(|card| card.uuid == uuid && card.present).map(|card| card.uuid);
        drop(parts);
        let fresh = there.filter(|uuid| !self.boards.contains(uuid));
        self.boards.extend(fresh);
        there.is_some()
    }

    fn sample(&mut self, gpu: usize, _: Stamp) -> Result<GpuSample, NvmlError> {
        let uuid = self.boards[gpu];
        self.read(uuid, |card| {
            let enforced_mw = card.limit_mw.min(card.oob_mw.unwrap_or(u32::MAX));
            GpuSample { enforced_cap_w: Offered::new(enforced_mw as f32 * 1e-3), ..GpuSample::default() }
        })
    }

    fn limits(&mut self, uuid: &str) -> Result<Limits, NvmlError> {
        self.read(uuid, |card| Limits {
            min_mw: 200_000,
            max_mw: DEFAULT_MW,
            default_mw: DEFAULT_MW,
            requested_mw: card.limit_mw,
            enforced_mw: card.limit_mw.min(card.oob_mw.unwrap_or(u32::MAX)),
            max_sm_mhz: 1980,
        })
    }

    fn set_cap(&mut self, uuid: &str, cap_mw: u32) -> Result<u32, NvmlError> {
        self.write(SET_CAP, uuid, cap_mw, |card| card.limit_mw = cap_mw)?;
        self.limits(uuid).map(|limits| limits.enforced_mw)
    }

    fn set_lock(&mut self, uuid: &str, _: u32, max_mhz: u32) -> Result<(), NvmlError> {
        self.write("set lock", uuid, max_mhz, |card| card.lock_mhz = Some(max_mhz))
    }

    fn reset_lock(&mut self, uuid: &str) -> Result<(), NvmlError> {
        self.write("reset lock", uuid, 0, |card| card.lock_mhz = None)
    }
}
