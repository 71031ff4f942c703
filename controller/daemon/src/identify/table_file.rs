//! Tables of what was seen, from files: those of the recorder, and a historian's with the same header.
//!
//! Responsible for: CSV to columns in base units, with file, line, column and remedy for whatever cannot be read. Not for:
//! what is learned from it (`headroom-belief`).
//!
//! The first line names columns: `time_unix_s` or `time_utc` (RFC 3339, UTC), and `ID [unit]` for points of the site or
//! `gpu_power:RACK [W]`; the unit is any of its dimension. An empty cell is a value that was not good.

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
    /// A cell cannot be used.
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

/// The same from text.
///
/// # Errors
/// What cannot be read first.
pub(crate) fn parse(file: &str, bytes: &[u8], site: &Site) -> Result<Read, Fault> {
    let broken = |e: &csv::Error| Fault::File {
        file: file.to_owned(),
        why: format!("{e}; give every line as many cells as the first"),
    };
    // A byte order mark, as spreadsheets put it.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let head = reader.headers().map_err(|e| broken(&e))?.clone();
    let (mut kinds, unknown) = kinds(file, &head, site)?;
    let timed = kinds.iter().position(|k| matches!(k, Kind::Unix));
    let Some(timed) = timed.or_else(|| kinds.iter().position(|k| matches!(k, Kind::Utc))) else {
        return Err(Fault::Head {
            file: file.to_owned(),
            column: "time_unix_s".to_owned(),
            why: "there is no column of time; name one time_unix_s or time_utc".to_owned(),
        });
    };
    let mut unix_s = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| broken(&e))?;
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |c: usize, why: &'static str| Fault::Cell {
            file: file.to_owned(),
            line,
            column: head[c].to_owned(),
            cell: record[c].to_owned(),
            why,
        };
        let utc = matches!(kinds[timed], Kind::Utc);
        let time = if utc { utc_s(&record[timed]) } else { number(&record[timed]) };
        let why = if utc {
            "no time; write it like 2026-01-31T23:59:30Z"
        } else {
            "no time; write seconds since 1970"
        };
        unix_s.push(time.ok_or_else(|| wrong(timed, why))?);
        for (c, kind) in kinds.iter_mut().enumerate() {
            let Kind::Values(column, unit) = kind else { continue };
            let value = match &record[c] {
                "" => f64::NAN,
                cell => unit.to_base(number(cell).ok_or_else(|| {
                    wrong(c, "not a number; leave the cell empty where there is no good value")
                })?),
            };
            column.values.push(value);
        }
    }
    let columns = kinds.into_iter().filter_map(|k| if let Kind::Values(c, _) = k { Some(c) } else { None });
    let table = Table::new(&unix_s, columns.collect()).map_err(|e| Fault::Table(e, file.to_owned()))?;
    Ok(Read { table, unknown })
}

fn kinds(file: &str, head: &csv::StringRecord, site: &Site) -> Result<(Vec<Kind>, Vec<String>), Fault> {
    let (mut kinds, mut unknown, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for title in head {
        let wrong = |why: String| Fault::Head { file: file.to_owned(), column: title.to_owned(), why };
        let (name, symbol) = match title.strip_suffix(']').and_then(|t| t.rsplit_once('[')) {
            Some((name, symbol)) => (name.trim(), Some(symbol.trim())),
            None => (title, None),
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
