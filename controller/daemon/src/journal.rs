//! Journal: one line of JSON per tick that decided something, chained by hash, append only.
//!
//! Each line is `{"hash": ..., "record": {...}}` where the hash is SHA-256 over the hash before it and the bytes of the
//! record, so that a changed, lost or reordered line shows. The file is opened for appending; a line is written in one
//! call, so that `kill -9` leaves at most one torn last line, which the next start cuts off.
//!
//! A journal with a bound is put aside when it has reached it: `NAME.jsonl` becomes `NAME.old.jsonl`, and the one that had
//! that name is gone. The first line of the new file carries the last hash of the one before:
//! `{"hash": ..., "record": {...}, "follows": ...}`. So no file grows without end, each can be walked alone, and a pair that
//! does not belong together shows.
//!
//! A journal is walked as bytes: a damaged file need not be text, and what decides where it ends is counted in bytes.

use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a journal cannot go on.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file cannot be opened, read or written.
    #[error("journal {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line does not follow from the one before.
    #[error(
        "journal {path}: line {line} does not follow from the line before it; keep the file and start a new one"
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    last: String,
    /// The file has no line yet.
    fresh: bool,
    bytes: u64,
    /// It is put aside before it is larger than this.
    most: u64,
    /// Records written since the start.
    pub written: u64,
}

/// What stands in a journal file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Hash of the last whole line, empty for an empty file.
    pub last: String,
    /// Whole lines.
    pub lines: usize,
    /// Bytes of whole lines; what follows is torn.
    pub whole: u64,
}

/// Where a journal lies that was put aside.
#[must_use]
pub fn old(path: &Path) -> PathBuf {
    path.with_extension("old.jsonl")
}

fn chain(before: &str, record: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(before.as_bytes());
    hash.update(record);
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// Hexadecimal digits of a hash.
const DIGITS: usize = 64;

/// The line of a record after the line with the hash `before`, and its own hash.
#[must_use]
pub fn line(before: &str, record: &str) -> (String, String) {
    let hash = chain(before, record.as_bytes());
    (format!("{{\"hash\":\"{hash}\",\"record\":{record}}}\n"), hash)
}

/// Splits a line into hash and record.
fn parts(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (hash, rest) = line.strip_prefix(b"{\"hash\":\"")?.split_at_checked(DIGITS)?;
    Some((hash, rest.strip_prefix(b"\",\"record\":")?.strip_suffix(b"}")?))
}

/// Before the hash of another file, and after it.
const FOLLOWS: (&[u8], &[u8]) = (b",\"follows\":\"", b"\"");

/// Splits what stands in a first line into its record and the last hash of the file before, if it names one. A record is
/// JSON, in which these bytes cannot stand unescaped outside of an object, so it ends where it says.
fn split_follows(record: &[u8]) -> Option<(&[u8], &str)> {
    let at = record.len().checked_sub(FOLLOWS.0.len() + DIGITS + FOLLOWS.1.len())?;
    let hash = record[at..].strip_prefix(FOLLOWS.0)?.strip_suffix(FOLLOWS.1)?;
    hash.iter().all(u8::is_ascii_hexdigit).then_some((&record[..at], std::str::from_utf8(hash).ok()?))
}

/// The chain of a journal, line by line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain {
    /// What was found so far.
    pub found: Found,
    /// Last hash of the file that was put aside before this one, if there was one.
    pub follows: Option<String>,
    /// The last line has no end: whoever wrote it was killed.
    pub torn: bool,
}

impl Chain {
    /// Takes the next line with its end, and gives its record; `None` for a torn one, which is the last.
    ///
    /// # Errors
    /// Its number, from 1, if it does not follow from the one before.
    pub fn take<'a>(&mut self, line: &'a [u8]) -> Result<Option<&'a [u8]>, usize> {
        let Some(body) = line.strip_suffix(b"\n") else {
            self.torn = true;
            return Ok(None);
        };
        let first = self.found.lines == 0;
        let split = parts(body).map(|(hash, record)| match split_follows(record).filter(|_| first) {
            Some((record, before)) => (hash, record, Some(before)),
            None => (hash, record, None),
        });
        let follows = split.and_then(|(hash, record, before)| {
            let own = chain(before.unwrap_or(&self.found.last), record);
            (own.as_bytes() == hash).then_some((own, record, before))
        });
        let Some((hash, record, before)) = follows else { return Err(self.found.lines + 1) };
        self.follows = self.follows.take().or_else(|| before.map(str::to_owned));
        self.found.last = hash;
        self.found.lines += 1;
        self.found.whole += line.len() as u64;
        Ok(Some(record))
    }
}

/// The records of a journal, one after the other, each checked against the one before.
#[derive(Debug)]
pub struct Records<R> {
    file: R,
    path: PathBuf,
    line: Vec<u8>,
    /// The chain so far.
    pub chain: Chain,
}

impl Records<BufReader<File>> {
    /// Of a file.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let file = File::open(path).map_err(|source| JournalError::Io { path: path.to_owned(), source })?;
        Ok(Self::new(path, BufReader::with_capacity(1 << 20, file)))
    }
}

impl<R: BufRead> Records<R> {
    fn new(path: &Path, file: R) -> Self {
        Self { file, path: path.to_owned(), line: Vec::new(), chain: Chain::default() }
    }

    /// The next record; `None` at the end, and where the last line is torn.
    ///
    /// # Errors
    /// The file cannot be read, or a line does not follow from the one before.
    pub fn read(&mut self) -> Result<Option<&[u8]>, JournalError> {
        self.line.clear();
        let io = |source| JournalError::Io { path: self.path.clone(), source };
        if self.file.read_until(b'\n', &mut self.line).map_err(io)? == 0 {
            return Ok(None);
        }
        self.chain.take(&self.line).map_err(|line| JournalError::Broken { path: self.path.clone(), line })
    }
}

/// Walks the chain of a journal.
///
/// # Errors
/// The first line that does not follow from the one before.
pub fn walk(path: &Path, journal: &[u8]) -> Result<Found, JournalError> {
    let mut records = Records::new(path, journal);
    while records.read()?.is_some() {}
    Ok(records.chain.found)
}

impl Journal {
    /// Opens a journal for appending; cuts a torn last line off.
    ///
    /// # Errors
    /// If the file cannot be opened, or its chain is broken in the middle.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        Self::within(path, u64::MAX)
    }

    /// The same, where a file that would have more bytes is put aside.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn within(path: &Path, most: u64) -> Result<Self, JournalError> {
        let io = |source| JournalError::Io { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        let mut records = Records::open(path)?;
        while records.read()?.is_some() {}
        let Chain { found, torn, .. } = records.chain;
        if torn {
            file.set_len(found.whole).map_err(io)?;
        }
        file.seek(SeekFrom::End(0)).map_err(io)?;
        tracing::debug!(path = %path.display(), records = found.lines, "the journal goes on");
        let (fresh, bytes) = (found.lines == 0, found.whole);
        // Whoever put the file before aside was killed before the first line of this one.
        let last = if fresh { last_of_old(path) } else { found.last };
        Ok(Self { file, path: path.to_owned(), last, fresh, bytes, most, written: 0 })
    }

    /// Puts the file aside. If that cannot be, it goes on, since nothing may be sent without it, and it is tried again much later.
    fn put_aside(&mut self) {
        let (path, old) = (&self.path, old(&self.path));
        let fresh = || OpenOptions::new().write(true).create_new(true).open(path);
        let turned = std::fs::rename(path, &old)
            .and_then(|()| fresh().inspect_err(|_| std::fs::rename(&old, path).unwrap_or_default()));
        match turned {
            Ok(file) => (self.file, self.bytes, self.fresh) = (file, 0, true),
            Err(why) => {
                tracing::warn!(path = %path.display(), %why, "the journal is full and cannot be put aside: it grows");
                self.most = self.most.saturating_mul(2);
            }
        }
    }

    /// Appends a record.
    ///
    /// # Errors
    /// If it cannot be written: then nothing that depends on it may be sent.
    pub fn append(&mut self, record: &impl Serialize) -> Result<(), JournalError> {
        let io = |source| JournalError::Io { path: self.path.clone(), source };
        self.append_text(&serde_json::to_string(record).map_err(|e| io(e.into()))?)
    }

    /// Appends a record that is JSON already.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_text(&mut self, record: &str) -> Result<(), JournalError> {
        let (mut line, hash) = line(&self.last, record);
        if !self.fresh && self.bytes + line.len() as u64 > self.most {
            self.put_aside();
        }
        let io = |source| JournalError::Io { path: self.path.clone(), source };
        if self.fresh && !self.last.is_empty() {
            line.truncate(line.len() - "}\n".len());
            line += &format!(",\"follows\":\"{}\"}}\n", self.last);
        }
        self.file.write_all(line.as_bytes()).map_err(io)?;
        (self.last, self.fresh) = (hash, false);
        self.bytes += line.len() as u64;
        self.written += 1;
        Ok(())
    }
}

/// Last hash of the file that was put aside; none if there is none, or it is damaged, which `headroom verify` tells.
fn last_of_old(path: &Path) -> String {
    let walked = || -> Result<String, JournalError> {
        let mut records = Records::open(&old(path))?;
        while records.read()?.is_some() {}
        Ok(records.chain.found.last)
    };
    if old(path).exists() { walked().unwrap_or_default() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temp(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("headroom-journal-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    #[test]
    fn goes_on_after_a_torn_line() {
        let path = temp("torn");
        {
            let mut j = Journal::open(&path).unwrap();
            for n in 0..5 {
                j.append(&serde_json::json!({ "n": n })).unwrap();
            }
        }
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.truncate(text.len() - 7);
        std::fs::write(&path, &text).unwrap();
        let mut j = Journal::open(&path).unwrap();
        j.append(&serde_json::json!({ "n": "after" })).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(walk(&path, text.as_bytes()).unwrap().lines, 5);
    }

    /// Records of a file as numbers, and what it follows.
    fn read(path: &Path) -> (Vec<u64>, Option<String>, String) {
        let mut records = Records::open(path).unwrap();
        let mut numbers = Vec::new();
        while let Some(record) = records.read().unwrap() {
            numbers.push(serde_json::from_slice::<serde_json::Value>(record).unwrap()["n"].as_u64().unwrap());
        }
        (numbers, records.chain.follows, records.chain.found.last)
    }

    #[test]
    fn a_full_one_is_put_aside_and_the_next_follows_from_it() {
        let path = temp("full.jsonl");
        let _ = std::fs::remove_file(old(&path));
        let mut j = Journal::within(&path, 1000).unwrap();
        for n in 0..100 {
            // whoever is killed in between goes on where it was
            if n % 7 == 0 {
                j = Journal::within(&path, 1000).unwrap();
            }
            j.append(&serde_json::json!({ "n": n })).unwrap();
            let (now, follows, _) = read(&path);
            assert!(std::fs::metadata(&path).unwrap().len() <= 1000);
            if old(&path).exists() {
                let (before, _, last) = read(&old(&path));
                assert_eq!(follows, Some(last));
                assert!(before.iter().chain(&now).copied().eq(before[0]..=n), "{before:?} {now:?}");
            } else {
                assert!(follows.is_none() && now.iter().copied().eq(0..=n));
            }
        }
        // as if killed between the two
        std::fs::rename(&path, old(&path)).unwrap();
        Journal::within(&path, 1000).unwrap().append(&serde_json::json!({ "n": 100 })).unwrap();
        let (now, follows, _) = read(&path);
        assert_eq!((now, follows), (vec![100], Some(read(&old(&path)).2)));
        let text = std::fs::read(&path).unwrap();
        for i in 0..text.len() - 1 {
            let mut bad = text.clone();
            bad[i] ^= 1;
            assert!(walk(&path, &bad).is_err(), "byte {i}");
        }
    }

    #[test]
    fn one_that_cannot_be_put_aside_goes_on() {
        let path = temp("stuck.jsonl");
        let _ = std::fs::remove_dir_all(old(&path));
        std::fs::create_dir_all(old(&path).join("in the way")).unwrap();
        let mut j = Journal::within(&path, 300).unwrap();
        (0..20).for_each(|n| j.append(&serde_json::json!({ "n": n })).unwrap());
        assert!(read(&path).0.iter().copied().eq(0..20));
        std::fs::remove_dir_all(old(&path)).unwrap();
    }

    #[test]
    fn what_is_no_text_shows_as_well() {
        // Read as text, the three bytes of U+FFFD and one byte that is none would be the same character.
        let (good, _) = line("", "\"\u{fffd}\"");
        let at = good.find('\u{fffd}').unwrap();
        let bad = [&good.as_bytes()[..at], &[0xFF], &good.as_bytes()[at + 3..]].concat();
        assert_eq!(walk(Path::new("j"), good.as_bytes()).unwrap().lines, 1);
        assert!(walk(Path::new("j"), &bad).is_err());
    }

    #[test]
    fn every_changed_byte_shows() {
        let path = temp("changed");
        let mut j = Journal::open(&path).unwrap();
        for n in 0..3 {
            j.append(&serde_json::json!({ "n": n })).unwrap();
        }
        let text = std::fs::read(&path).unwrap();
        for i in 0..text.len() {
            let mut bad = text.clone();
            bad[i] ^= 1;
            let shown = walk(&path, &bad).map_or(true, |f| f.lines < 3);
            assert!(shown, "byte {i}");
        }
    }
}
