//! Tables on disk: rows of named cells into a folder, as CSV, as Parquet or as one MCAP log.
//!
//! Responsible for: kinds of cells, and files that are there whole or not at all. Rooms: `text` (CSV), `columns` (Parquet),
//! `log` (MCAP), `read` (Parquet, column by column). Not for: what stands in a table (`crate::report`, `crate::export`).
//!
//! Rows go out as they come: what is held in memory is at most a row group of each table. A file is written beside its name
//! (`.new`) and takes it at the end; what was begun and not ended is removed.

mod columns;
mod log;
pub(crate) mod read;
#[cfg(test)]
mod tests;
mod text;

use anyhow::{Context, Result};
use clap::ValueEnum;
use headroom_site::Stamp;
use std::borrow::Cow;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// How tables are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A file per table: typed columns, compressed (zstd).
    #[default]
    Parquet,
    /// One log with a channel per table: JSON with its schema, at the time of the event.
    Mcap,
    /// A file per table: text.
    Csv,
}

/// A cell, which is of its kind also where it holds nothing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Time(Option<Stamp>),
    Text(Option<Cow<'a, str>>),
    Number(Option<f64>),
    Integer(Option<i64>),
    Flag(Option<bool>),
}

/// A row: names of columns with their cells. Names and kinds are the same in every row of a table.
pub(crate) type Row<'a> = Vec<(&'static str, Cell<'a>)>;

/// A text.
pub(crate) fn text<'a>(name: &'static str, text: &'a str) -> (&'static str, Cell<'a>) {
    (name, Cell::Text(Some(Cow::Borrowed(text))))
}

/// A text that may be absent.
pub(crate) fn may_text<'a>(name: &'static str, text: Option<&'a str>) -> (&'static str, Cell<'a>) {
    (name, Cell::Text(text.map(Cow::Borrowed)))
}

/// A text that was made for this row.
pub(crate) fn owned(name: &'static str, text: String) -> (&'static str, Cell<'static>) {
    (name, Cell::Text(Some(Cow::Owned(text))))
}

/// A number; what is not finite is none.
pub(crate) fn num(name: &'static str, number: f64) -> (&'static str, Cell<'static>) {
    may(name, Some(number))
}

/// A number that may be absent.
pub(crate) fn may(name: &'static str, number: Option<f64>) -> (&'static str, Cell<'static>) {
    (name, Cell::Number(number.filter(|x| x.is_finite())))
}

/// A count.
pub(crate) fn count(name: &'static str, number: u64) -> (&'static str, Cell<'static>) {
    (name, Cell::Integer(i64::try_from(number).ok()))
}

/// A whole number that may be absent.
pub(crate) fn may_count(name: &'static str, number: Option<i64>) -> (&'static str, Cell<'static>) {
    (name, Cell::Integer(number))
}

/// Yes or no.
pub(crate) fn flag(name: &'static str, is: bool) -> (&'static str, Cell<'static>) {
    (name, Cell::Flag(Some(is)))
}

/// An instant.
pub(crate) fn time(name: &'static str, at: Stamp) -> (&'static str, Cell<'static>) {
    (name, Cell::Time(Some(at)))
}

/// An instant that may be absent.
pub(crate) fn may_time(name: &'static str, at: Option<Stamp>) -> (&'static str, Cell<'static>) {
    (name, Cell::Time(at))
}

/// A table of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table(usize);

/// What was written of a table.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Written {
    pub(crate) table: &'static str,
    pub(crate) file: PathBuf,
    pub(crate) rows: u64,
}

/// Something that takes the rows of a table.
trait Sheet {
    /// Takes a row.
    fn row(&mut self, row: &Row<'_>) -> Result<()>;
    /// Writes what is left, and the end of the file.
    fn end(&mut self) -> Result<()>;
}

/// A folder of tables that is being written.
pub(crate) struct Folder {
    path: PathBuf,
    form: Form,
    sheets: Vec<(Written, Box<dyn Sheet>)>,
    log: Option<log::Log>,
    /// Files that were begun.
    begun: Vec<PathBuf>,
}

/// The one file of a log.
const LOG: &str = "headroom.mcap";

impl Folder {
    /// A folder, made if it is not there.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn begin(path: &Path, form: Form) -> Result<Self> {
        std::fs::create_dir_all(path).with_context(|| path.display().to_string())?;
        let mut folder =
            Self { path: path.to_owned(), form, sheets: Vec::new(), log: None, begun: Vec::new() };
        if form == Form::Mcap {
            folder.log = Some(log::Log::begin(folder.create(LOG)?.1)?);
        }
        Ok(folder)
    }

    /// Begins a table whose rows are like this one, which is not written.
    ///
    /// # Errors
    /// Its file cannot be written.
    pub(crate) fn table(&mut self, name: &'static str, like: &Row<'_>) -> Result<Table> {
        let (file, sheet): (PathBuf, Box<dyn Sheet>) = match (&self.log, self.form) {
            (Some(log), _) => (self.path.join(LOG), Box::new(log.channel(name, like)?)),
            (None, Form::Csv) => {
                let (file, out) = self.create(&format!("{name}.csv"))?;
                (file, Box::new(text::Csv::begin(out, like)?))
            }
            (None, _) => {
                let (file, out) = self.create(&format!("{name}.parquet"))?;
                (file, Box::new(columns::Parquet::begin(out, like)?))
            }
        };
        self.sheets.push((Written { table: name, file, rows: 0 }, sheet));
        Ok(Table(self.sheets.len() - 1))
    }

    /// Begins a file of the folder, beside its name.
    fn create(&mut self, name: &str) -> Result<(PathBuf, Out)> {
        let file = self.path.join(name);
        let path = beside(&file);
        self.begun.push(file.clone());
        let out = File::create(&path).with_context(|| path.display().to_string())?;
        Ok((file, BufWriter::with_capacity(1 << 18, out)))
    }

    /// Appends a row.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn row(&mut self, table: Table, row: &Row<'_>) -> Result<()> {
        let (written, sheet) = &mut self.sheets[table.0];
        written.rows += 1;
        sheet.row(row).with_context(|| format!("{} cannot be written", written.file.display()))
    }

    /// Ends all files, and gives them their names.
    ///
    /// # Errors
    /// One cannot be written; those that have their name are whole.
    pub(crate) fn end(mut self) -> Result<Vec<Written>> {
        let sheets = std::mem::take(&mut self.sheets);
        let files: Vec<Written> = sheets.iter().map(|(written, _)| written.clone()).collect();
        for (written, mut sheet) in sheets {
            let ended = sheet.end();
            ended.with_context(|| format!("{} cannot be written", written.file.display()))?;
        }
        if let Some(log) = self.log.take() {
            log.end()?;
        }
        for name in &self.begun {
            let beside = beside(name);
            let named = File::open(&beside).and_then(|file| file.sync_all());
            named
                .and_then(|()| std::fs::rename(&beside, name))
                .with_context(|| name.display().to_string())?;
        }
        Ok(files)
    }
}

impl Drop for Folder {
    /// What was not ended leaves nothing behind.
    fn drop(&mut self) {
        for file in &self.begun {
            let _ = std::fs::remove_file(beside(file));
        }
    }
}

/// Where a file is written until it is whole.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// What is written to.
type Out = BufWriter<File>;
