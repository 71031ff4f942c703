//! The ledger on disk: one line per hour, chained by hash, append only; and the open hour beside it.
//!
//! Responsible for: `ledger.jsonl` and `ledger.open` of the state folder. Not for: what stands in an hour.
//!
//! ```text
//! ledger.jsonl      {"hash": ..., "record": {"time", "format", "site_name", ...an hour}}     as the journal (`headroom verify`)
//! ledger.old.jsonl  the one before, where it grew beyond 256 MiB; the one before that is gone (`crate::journal`)
//! ledger.open       the open hour, written anew each minute: what `kill -9` loses is at most a minute
//! ```
//! An hour may have several lines: one of each controller that booked a part of it. Lines of an hour add up. What a killed
//! controller had set down becomes a line when the next one begins, unless its line is there already.

use crate::journal::{Journal, JournalError, Records};
use anyhow::{Context, Result};
use headroom_core::ledger::{Hour, ResponseRow};
use headroom_site::Stamp;
use headroom_site::file::{FileError, read_text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// File of closed hours.
pub(crate) const FILE: &str = "ledger.jsonl";
const OLD: &str = "ledger.old.jsonl";
const OPEN: &str = "ledger.open";
/// A larger file is put aside.
const MOST_BYTES: u64 = 256 << 20;
/// Layout of a line.
const FORMAT: u32 = 1;

/// A line.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    time: String,
    format: u32,
    site_name: String,
    #[serde(flatten)]
    hour: Hour,
}

/// The open book.
pub(crate) struct Book {
    state: PathBuf,
    site: String,
    journal: Journal,
    /// Responses of the last hour that there is.
    responses: Vec<ResponseRow>,
}

impl Book {
    /// Opens it, and makes a line of what was left open.
    ///
    /// # Errors
    /// A file cannot be read or written, or does not follow from itself.
    pub(crate) fn open(state: &Path, site: &str) -> Result<Self> {
        let path = state.join(FILE);
        let mut last: Option<(u64, i64, i64)> = None;
        let mut responses = Vec::new();
        if path.exists() {
            each(&path, |row| {
                last = Some(key(&row.hour));
                responses = row.hour.responses;
            })?;
        }
        let left = open_hour(state)?;
        let mut book = Self {
            state: state.to_owned(),
            site: site.to_owned(),
            journal: Journal::within(&path, MOST_BYTES)?,
            responses,
        };
        if let Some(row) = left.filter(|row| last.is_none_or(|last| key(&row.hour) > last)) {
            book.append(&row.hour)?;
            book.responses = row.hour.responses;
        }
        Ok(book)
    }

    /// Responses of the last hour that it held when it was opened.
    pub(crate) fn responses(&self) -> &[ResponseRow] {
        &self.responses
    }

    /// Appends an hour; what was set down is in it.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn append(&mut self, hour: &Hour) -> Result<()> {
        if hour.booked_s > 0.0 {
            let text = self.text(hour)?;
            self.journal.append_text(&text)?;
        }
        match std::fs::remove_file(self.state.join(OPEN)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).context(OPEN),
            _ => Ok(()),
        }
    }

    /// Sets the open hour down.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn set_down(&self, hour: &Hour) -> Result<()> {
        if hour.booked_s <= 0.0 {
            return Ok(());
        }
        let (fresh, path) = (self.state.join("ledger.open.new"), self.state.join(OPEN));
        std::fs::write(&fresh, self.text(hour)?).with_context(|| fresh.display().to_string())?;
        std::fs::rename(&fresh, &path).with_context(|| path.display().to_string())
    }

    fn text(&self, hour: &Hour) -> Result<String> {
        let time = Stamp::from_unix_ms(hour.to_unix_ms).to_string();
        Ok(serde_json::to_string(&Row {
            time,
            format: FORMAT,
            site_name: self.site.clone(),
            hour: hour.clone(),
        })?)
    }
}

/// What tells parts of hours apart, and which is later.
fn key(hour: &Hour) -> (u64, i64, i64) {
    (hour.epoch, hour.hour_unix_s, hour.to_unix_ms)
}

/// The hour that was set down last, if any was.
fn open_hour(state: &Path) -> Result<Option<Row>> {
    let path = state.join(OPEN);
    match read_text(&path) {
        Ok(text) => {
            let damaged = || format!("{} is damaged; remove it, and its minutes are a gap", path.display());
            serde_json::from_str(&text).map(Some).with_context(damaged)
        }
        Err(FileError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| path.display().to_string()),
    }
}

/// Every whole line of a file.
fn each(path: &Path, mut take: impl FnMut(Row)) -> Result<()> {
    let mut records = Records::open(path)?;
    let mut line = 0_usize;
    while let Some(record) = records.read()? {
        line += 1;
        let not = || format!("{}: line {line} is no hour of a ledger", path.display());
        let row: Row = serde_json::from_slice(record).with_context(not)?;
        anyhow::ensure!(
            row.format == FORMAT,
            "{}: line {line} has format {}, and this is {FORMAT}: read it with the headroom that wrote it",
            path.display(),
            row.format
        );
        take(row);
    }
    Ok(())
}

/// What a state folder holds.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Name of the site, as of the last line.
    pub(crate) site: String,
    /// Hours by their start, Unix s; parts of an hour added up.
    pub(crate) hours: BTreeMap<i64, Hour>,
}

/// Reads a state folder; the open hour is the last one.
///
/// # Errors
/// There is no ledger, or it is damaged.
pub(crate) fn read(state: &Path) -> Result<Kept> {
    let (mut kept, mut last, mut files) = (Kept::default(), None, 0);
    for path in [OLD, FILE].map(|name| state.join(name)) {
        if !path.exists() {
            continue;
        }
        files += 1;
        each(&path, |row| {
            last = Some(key(&row.hour));
            kept.take(row);
        })?;
    }
    if let Some(row) = open_hour(state)?.filter(|row| last.is_none_or(|last| key(&row.hour) > last)) {
        files += 1;
        kept.take(row);
    }
    anyhow::ensure!(
        files > 0,
        "{} holds no ledger: give the --state folder of `headroom run`, after its first minute",
        state.display()
    );
    Ok(kept)
}

impl Kept {
    fn take(&mut self, row: Row) {
        self.site = row.site_name;
        self.hours.entry(row.hour.hour_unix_s).or_default().add(&row.hour);
    }
}

/// Is this failure one of damage, and not of a file that is not there?
pub(crate) fn is_damage(why: &anyhow::Error) -> bool {
    matches!(why.downcast_ref::<JournalError>(), Some(JournalError::Broken { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("headroom-book-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    fn hour(epoch: u64, hour: i64, booked_s: f64) -> Hour {
        let mut h = Hour { epoch, hour_unix_s: hour * 3600, booked_s, ..Hour::default() };
        (h.from_unix_ms, h.to_unix_ms) = (hour * 3_600_000, hour * 3_600_000 + (booked_s * 1e3) as i64);
        h.site.facility.j = 10.0 * booked_s;
        h
    }

    #[test]
    fn a_killed_controller_loses_what_it_had_not_set_down_and_no_more() {
        let state = place("killed");
        {
            let mut book = Book::open(&state, "s").unwrap();
            book.append(&hour(1, 5, 3600.0)).unwrap();
            book.set_down(&hour(1, 6, 60.0)).unwrap();
            book.set_down(&hour(1, 6, 120.0)).unwrap();
        }
        // What is open is shown before anyone settles it, and after.
        let booked = |kept: &Kept| kept.hours.values().map(|h| h.booked_s).sum::<f64>();
        assert!((booked(&read(&state).unwrap()) - 3720.0).abs() < 1e-9);
        let book = Book::open(&state, "s").unwrap();
        assert!(!state.join(OPEN).exists());
        book.set_down(&hour(2, 6, 30.0)).unwrap();
        let kept = read(&state).unwrap();
        assert!((booked(&kept) - 3750.0).abs() < 1e-9 && kept.hours.len() == 2, "parts of an hour add up");
        assert!((kept.hours[&(6 * 3600)].site.facility.j - 1500.0).abs() < 1e-9);
        std::fs::remove_dir_all(state).unwrap();
    }

    #[test]
    fn a_line_that_was_written_before_the_kill_is_not_written_twice() {
        let state = place("twice");
        let open = {
            let mut book = Book::open(&state, "s").unwrap();
            book.set_down(&hour(1, 6, 120.0)).unwrap();
            let open = std::fs::read(state.join(OPEN)).unwrap();
            book.append(&hour(1, 6, 120.0)).unwrap();
            open
        };
        // The kill came between the line and the end of what was set down.
        std::fs::write(state.join(OPEN), open).unwrap();
        drop(Book::open(&state, "s").unwrap());
        assert!((read(&state).unwrap().hours[&(6 * 3600)].booked_s - 120.0).abs() < 1e-9);
        std::fs::remove_dir_all(state).unwrap();
    }

    #[test]
    fn a_changed_line_shows() {
        let state = place("changed");
        Book::open(&state, "s").unwrap().append(&hour(1, 5, 3600.0)).unwrap();
        let path = state.join(FILE);
        let text = std::fs::read_to_string(&path).unwrap().replace("36000.0", "26000.0");
        std::fs::write(&path, text).unwrap();
        let why = read(&state).unwrap_err();
        assert!(is_damage(&why) && Book::open(&state, "s").is_err(), "{why:#}");
        assert!(read(&place("none")).unwrap_err().to_string().contains("holds no ledger"));
        std::fs::remove_dir_all(state).unwrap();
    }
}
