//! Tables of what was seen, from files: those of the recorder, and a historian's with the same header.
//!
//! Responsible for: CSV or Parquet to columns in base units, with file, line (row), column and remedy for whatever cannot be
//! read. Not for: what is learned from it (`headroom-belief`).
//!
//! The first line, or the schema, names columns: `time_unix_s` or `time_utc` (RFC 3339, UTC), and `ID [unit]` for points of the site or
//! `gpu_power:RACK [W]`; the unit is any of its dimension. An empty cell is a value that was not good. In Parquet a time is a
//! timestamp, or what the CSV has.

use crate::tables::read::{Parquet, Value, is_parquet};
use headroom_belief::identify::{Column, Table, TableError};
use headroom_site::quantity::Unit;
use headroom_site::time::days_from_civil;
use headroom_site::{Dimension, Site};
use std::path::Path;

/// What a file held.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) table: Table,
    /// Columns that the site does not know.
    pub(crate) unknown: Vec<String>,
}

/// Why a file is no table.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// It cannot be read at all.
    #[error("{file}: {why}")]
    File { file: String, why: String },
    /// The header cannot be used.
    #[error("{file}:1: column {column}: {why}")]
    Head { file: String, column: String, why: String },
    /// A cell cannot be used: line of a text, row of a Parquet file, from 1.
    #[error("{file}:{line}: column {column}: `{cell}` is {why}")]
    Cell { file: String, line: u64, column: String, cell: String, why: &'static str },
    /// Rows that are no table.
    #[error("{file}: {0}", file = .1)]
    Table(TableError, String),
}

/// What a column of the file is.
enum Kind {
    Unix,
    Utc,
    Values(Column, Unit),
    Ignored,
}

/// Reads a table for a site.
///
/// # Errors
/// What cannot be read first.
pub(crate) fn read(path: &Path, site: &Site) -> Result<Read, Fault> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|e| Fault::File { file: file.clone(), why: e.to_string() })?;
    parse(&file, &bytes, site)
}

/// The same from the bytes of a file.
///
/// # Errors
/// What cannot be read first.
pub(crate) fn parse(file: &str, bytes: &[u8], site: &Site) -> Result<Read, Fault> {
    if is_parquet(bytes) { of_parquet(file, bytes, site) } else { of_text(file, bytes, site) }
}

fn of_text(file: &str, bytes: &[u8], site: &Site) -> Result<Read, Fault> {
    let broken = |e: &csv::Error| Fault::File {
        file: file.to_owned(),
        why: format!("{e}; give every line as many cells as the first"),
    };
    // A byte order mark, as spreadsheets put it.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let names = reader.headers().map_err(|e| broken(&e))?.iter().map(str::to_owned).collect();
    let mut to = Columns::new(file, names, site)?;
    for record in reader.records() {
        let record = record.map_err(|e| broken(&e))?;
        let line = record.position().map_or(0, csv::Position::line);
        for (c, cell) in record.iter().enumerate() {
            if !to.wants(c) {
                continue;
            }
            let value = match (cell, number(cell)) {
                ("", _) => Value::Nothing,
                (_, Some(x)) => Value::Number(x),
                (cell, None) => Value::Text(cell.to_owned()),
            };
            to.take(c, line, &value)?;
        }
    }
    to.end()
}

fn of_parquet(file: &str, bytes: &[u8], site: &Site) -> Result<Read, Fault> {
    let whole = Parquet::open(bytes.to_vec())
        .map_err(|e| Fault::File { file: file.to_owned(), why: format!("{e:#}; write or copy it again") })?;
    let mut to = Columns::new(file, whole.names(), site)?;
    for c in (0..to.names.len()).filter(|c| to.wants(*c)).collect::<Vec<_>>() {
        let values = whole.column(c).map_err(|e| Fault::Head {
            file: file.to_owned(),
            column: to.names[c].clone(),
            why: format!("{e:#}"),
        })?;
        for (row, value) in values.iter().enumerate() {
            to.take(c, row as u64 + 1, value)?;
        }
    }
    to.end()
}

/// Columns that are being filled.
struct Columns<'a> {
    file: &'a str,
    names: Vec<String>,
    kinds: Vec<Kind>,
    unknown: Vec<String>,
    /// The column of time.
    timed: usize,
    unix_s: Vec<f64>,
}

impl<'a> Columns<'a> {
    fn new(file: &'a str, names: Vec<String>, site: &Site) -> Result<Self, Fault> {
        let (kinds, unknown) = kinds(file, &names, site)?;
        let timed = kinds.iter().position(|k| matches!(k, Kind::Unix));
        let Some(timed) = timed.or_else(|| kinds.iter().position(|k| matches!(k, Kind::Utc))) else {
            return Err(Fault::Head {
                file: file.to_owned(),
                column: "time_unix_s".to_owned(),
                why: "there is no column of time; name one time_unix_s or time_utc".to_owned(),
            });
        };
        Ok(Self { file, names, kinds, unknown, timed, unix_s: Vec::new() })
    }

    /// Is anything read of this column?
    fn wants(&self, c: usize) -> bool {
        c == self.timed || matches!(self.kinds[c], Kind::Values(..))
    }

    /// Takes the next value of a column.
    fn take(&mut self, c: usize, line: u64, cell: &Value) -> Result<(), Fault> {
        let wrong = |why: &'static str| Fault::Cell {
            file: self.file.to_owned(),
            line,
            column: self.names[c].clone(),
            cell: words(cell),
            why,
        };
        match &mut self.kinds[c] {
            Kind::Unix => {
                let at = time(cell, false).ok_or_else(|| wrong("no time; write seconds since 1970"))?;
                self.unix_s.push(at);
            }
            Kind::Utc => {
                let at =
                    time(cell, true).ok_or_else(|| wrong("no time; write it like 2026-01-31T23:59:30Z"))?;
                self.unix_s.push(at);
            }
            Kind::Values(column, unit) => {
                let why = "not a number; leave the cell empty where there is no good value";
                let value = value(cell).ok_or_else(|| wrong(why))?;
                column.values.push(value.map_or(f64::NAN, |x| unit.to_base(x)));
            }
            Kind::Ignored => {}
        }
        Ok(())
    }

    fn end(self) -> Result<Read, Fault> {
        let values = |k| if let Kind::Values(column, _) = k { Some(column) } else { None };
        let columns = self.kinds.into_iter().filter_map(values).collect();
        let table = Table::new(&self.unix_s, columns).map_err(|e| Fault::Table(e, self.file.to_owned()))?;
        Ok(Read { table, unknown: self.unknown })
    }
}

/// An instant, Unix s.
fn time(cell: &Value, utc: bool) -> Option<f64> {
    match cell {
        Value::Time(unix_s) => Some(*unix_s),
        Value::Number(unix_s) if !utc => Some(*unix_s).filter(|x| x.is_finite()),
        Value::Text(text) if utc => utc_s(text.trim()),
        _ => None,
    }
}

/// A value that is good; nothing, where none is. `None` if it is no number.
fn value(cell: &Value) -> Option<Option<f64>> {
    match cell {
        Value::Nothing => Some(None),
        // How tables of numbers say that there is none.
        Value::Number(x) if x.is_nan() => Some(None),
        Value::Number(x) => x.is_finite().then_some(Some(*x)),
        Value::Flag(is) => Some(Some(f64::from(u8::from(*is)))),
        Value::Text(text) => number(text.trim()).map(Some),
        Value::Time(_) => None,
    }
}

fn words(cell: &Value) -> String {
    match cell {
        Value::Nothing => String::new(),
        Value::Number(x) | Value::Time(x) => x.to_string(),
        Value::Flag(is) => is.to_string(),
        Value::Text(text) => text.clone(),
    }
}

fn kinds(file: &str, head: &[String], site: &Site) -> Result<(Vec<Kind>, Vec<String>), Fault> {
    let (mut kinds, mut unknown, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for title in head {
        let wrong = |why: String| Fault::Head { file: file.to_owned(), column: title.clone(), why };
        let (name, symbol) = match title.strip_suffix(']').and_then(|t| t.rsplit_once('[')) {
            Some((name, symbol)) => (name.trim(), Some(symbol.trim())),
            None => (title.as_str(), None),
        };
        if name == "time_unix_s" || name == "time_utc" {
            kinds.push(if name == "time_utc" { Kind::Utc } else { Kind::Unix });
            continue;
        }
        let rack = name.strip_prefix("gpu_power:");
        let dimension = match (rack, site.point(name)) {
            (Some(rack), _) if site.places.contains_key(rack) => Dimension::Power,
            (None, Some(point)) => site.dimension(point),
            _ => {
                unknown.push(name.to_owned());
                kinds.push(Kind::Ignored);
                continue;
            }
        };
        let symbols = || dimension.symbols().join(", ");
        let Some(symbol) = symbol else {
            return Err(wrong(format!(
                "it has no unit; write `{name} [{}]`, or one of {}",
                dimension.base(),
                symbols()
            )));
        };
        let unit = Unit::of(symbol).filter(|u| u.dimension == dimension);
        // A ratio and a count have the same base unit.
        let unit = unit.or_else(|| {
            (symbol == dimension.base()).then_some(Unit {
                symbol: dimension.base(),
                dimension,
                scale: 1.0,
                offset: 0.0,
            })
        });
        let Some(unit) = unit else {
            return Err(wrong(format!("`{symbol}` is not a unit of {dimension}; use one of {}", symbols())));
        };
        if names.contains(&name) {
            return Err(wrong("it is there twice; leave one out".to_owned()));
        }
        names.push(name);
        kinds.push(Kind::Values(
            Column { name: name.to_owned(), unit: symbol.to_owned(), values: Vec::new() },
            unit,
        ));
    }
    Ok((kinds, unknown))
}

fn number(cell: &str) -> Option<f64> {
    cell.parse::<f64>().ok().filter(|x| x.is_finite())
}

/// Seconds since 1970 of `2026-01-31T23:59:30.5Z`.
fn utc_s(cell: &str) -> Option<f64> {
    let (date, time) =
        cell.strip_suffix('Z').or_else(|| cell.strip_suffix("+00:00"))?.split_once(['T', ' '])?;
    let mut days = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (days.next()?.ok()?, days.next()?.ok()?, days.next()?.ok()?);
    let mut parts = time.splitn(3, ':').map(number);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0.0))?);
    let real = (1..=12).contains(&month) && (1..=31).contains(&day) && (0.0..24.0).contains(&hour);
    let real = real && (0.0..60.0).contains(&minute) && (0.0..61.0).contains(&second);
    real.then(|| days_from_civil(year, month, day) as f64 * 86_400.0 + hour * 3600.0 + minute * 60.0 + second)
}

#[cfg(test)]
mod tests;
