//! What we wrote to each GPU, so that a later life tells our caps from somebody else's.
//!
//! Responsible for: one record of fixed width per GPU, put into its place *before* the write it speaks of. Only the empty
//! one is synced: the others outlive the process, and a machine that starts anew has lost the caps with them. A record that
//! is not there or does not read is an answer of its own: then nobody knows, and everything is taken to be ours.
//!
//! Not for: what was found before (`Contents`), which is on disk before anything is written.
//!
//! ```text
//! uuid (94, padded)  one cap, mW (10)  another, mW (10)  locked (1)  check (8)  newline
//! ```

use super::disk::Disk;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// Length of a record, bytes: five fields, four blanks between them, a newline. 128: it never lies across two sectors.
const RECORD: usize = UUID + 2 * 10 + 1 + 8 + 5;
/// Most characters of a UUID.
const UUID: usize = 94;
/// Caps nearer than this are the same, mW: drivers take whole watts.
const SAME_MW: u32 = 1000;
const _: () = assert!(RECORD == 128);

/// What may stand on a GPU because of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Written {
    /// The cap before the last write, if it was ours, and the last one, mW; 0 for none.
    pub(super) caps_mw: [u32; 2],
    /// A clock lock may be there.
    pub(super) locked: bool,
}

impl Written {
    /// True if this cap is one of ours.
    pub(super) fn has(&self, cap_mw: u32) -> bool {
        self.caps_mw.iter().any(|&ours| ours != 0 && ours.abs_diff(cap_mw) < SAME_MW)
    }

    fn line(self, uuid: &str) -> String {
        let body = format!(
            "{uuid:<UUID$} {:>10} {:>10} {}",
            self.caps_mw[0],
            self.caps_mw[1],
            u8::from(self.locked)
        );
        let check = check(body.as_bytes());
        format!("{body} {check:08x}\n")
    }

    fn read(line: &[u8]) -> Option<(String, Self)> {
        let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
        let (body, told) = line.rsplit_once(' ')?;
        if u32::from_str_radix(told, 16).ok()? != check(body.as_bytes()) {
            return None;
        }
        let mut fields = body.split_ascii_whitespace();
        let uuid = fields.next()?.to_owned();
        let caps_mw = [fields.next()?.parse().ok()?, fields.next()?.parse().ok()?];
        Some((uuid, Self { caps_mw, locked: fields.next()? == "1" }))
    }
}

/// FNV-1a.
fn check(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// The file of records.
#[derive(Debug)]
pub(super) struct WrittenFile {
    path: PathBuf,
    /// Place of each GPU's record, and what stands in it.
    records: BTreeMap<String, (usize, Written)>,
    places: usize,
}

impl WrittenFile {
    /// Reads what can be read of it.
    pub(super) fn open(disk: &mut dyn Disk, path: PathBuf) -> Self {
        let bytes = disk.read(&path).unwrap_or_default();
        let lines = bytes.chunks_exact(RECORD).enumerate();
        let records = lines
            .filter_map(|(place, line)| Written::read(line).map(|(uuid, written)| (uuid, (place, written))));
        Self { path, records: records.collect(), places: bytes.len().div_ceil(RECORD) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The records are on disk when this returns.
    pub(super) fn sync(&self, disk: &mut dyn Disk) -> Result<()> {
        disk.sync(&self.path)
    }

    /// What a GPU's record says; `None` if there is none.
    pub(super) fn get(&self, uuid: &str) -> Option<Written> {
        self.records.get(uuid).map(|(_, written)| *written)
    }

    /// Puts a GPU's record into its place; nothing if it says so already.
    pub(super) fn set(&mut self, disk: &mut dyn Disk, uuid: &str, written: Written) -> Result<()> {
        if self.get(uuid) == Some(written) {
            return Ok(());
        }
        if uuid.len() > UUID || uuid.contains(char::is_whitespace) {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{uuid}` is no UUID")));
        }
        let place = self.records.get(uuid).map_or(self.places, |(place, _)| *place);
        disk.put(&self.path, (place * RECORD) as u64, written.line(uuid).as_bytes())?;
        self.places = self.places.max(place + 1);
        self.records.insert(uuid.to_owned(), (place, written));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::HostDisk;
    use super::*;

    #[test]
    fn a_record_stands_in_its_place_and_a_torn_one_is_none() {
        let path = std::env::temp_dir().join(format!("headroom-written-{}", std::process::id()));
        let (a, b) = ("GPU-00000000-0000-4000-8000-00000000000a", "GPU-b");
        let ours = Written { caps_mw: [450_000, 500_000], locked: true };
        let mut file = WrittenFile::open(&mut HostDisk, path.clone());
        file.set(&mut HostDisk, a, Written::default()).unwrap();
        file.set(&mut HostDisk, b, ours).unwrap();
        file.set(&mut HostDisk, a, ours).unwrap();
        assert!(file.set(&mut HostDisk, "GPU c", ours).is_err());
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 2 * RECORD);
        let again = WrittenFile::open(&mut HostDisk, path.clone());
        assert_eq!((again.get(a), again.get(b), again.get("GPU-c")), (Some(ours), Some(ours), None));
        assert!(ours.has(450_400) && !ours.has(451_000) && !Written::default().has(0));
        for cut in 0..2 * RECORD {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let mut torn = WrittenFile::open(&mut HostDisk, path.clone());
            assert_eq!(torn.get(b), None, "cut at {cut}");
            torn.set(&mut HostDisk, b, ours).unwrap();
            assert_eq!(WrittenFile::open(&mut HostDisk, path.clone()).get(b), Some(ours), "cut at {cut}");
        }
        for flipped in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[flipped] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let read = WrittenFile::open(&mut HostDisk, path.clone());
            assert!(read.records.values().all(|(_, w)| *w == ours) && read.records.len() == 1, "{flipped}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
