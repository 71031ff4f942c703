//! A forecast of the weather from a table of text.
//!
//! Responsible for: reading it, with every finding at once, and what it says of a minute. Not for: reading files (daemon), or
//! how far it is to be trusted (`series`).
//!
//! ```text
//! time_utc,dry_bulb [degC],relative_humidity [%]
//! 2026-07-18T06:00Z,21.5,64
//! ```
//!
//! Columns in any order: `time_utc` (RFC 3339, UTC) or `time_unix_s`; `dry_bulb [UNIT]`; `relative_humidity [UNIT]` or
//! `wet_bulb [UNIT]`, in any unit of temperature or ratio. Others are passed over, an empty cell says nothing. Between rows it
//! is linear; before the first, after the last, and between rows more than six hours apart it says nothing.

use crate::model::wet_bulb_c;
use headroom_site::doc::{Doc, Finding};
use headroom_site::quantity::Unit;
use headroom_site::time::{civil_from_days, days_from_civil};
use headroom_site::{Dimension, Stamp};
use std::ops::Range;

/// Rows further apart have nothing between them, min.
const APART_MIN: f64 = 360.0;

/// A forecast of outdoor air.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WeatherForecast {
    dry: Vec<(f64, f64)>,
    wet: Vec<(f64, f64)>,
}

impl WeatherForecast {
    /// Reads a table; `file` is its name for messages.
    ///
    /// # Errors
    /// Every finding, in order of place.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Finding>> {
        let doc = Doc::new(file, text);
        let forecast = table(&doc, text);
        match (forecast, doc.is_clean()) {
            (Some(forecast), true) => Ok(forecast),
            _ => Err(doc.findings()),
        }
    }

    /// Dry bulb of a minute (since 1970, UTC), degC, where the table reaches.
    #[must_use]
    pub fn dry_bulb_c(&self, minute: i64) -> Option<f64> {
        at(&self.dry, minute)
    }

    /// Wet bulb of a minute, degC, where the table reaches.
    #[must_use]
    pub fn wet_bulb_c(&self, minute: i64) -> Option<f64> {
        at(&self.wet, minute)
    }

    /// True if it has nothing to say of an instant and after.
    #[must_use]
    pub fn is_over(&self, now: Stamp) -> bool {
        let minute = now.unix_ns() as f64 / 60e9;
        self.dry.last().is_none_or(|row| row.0 < minute) && self.wet.last().is_none_or(|row| row.0 < minute)
    }
}

/// Linear between rows of (minute, value), at the middle of a minute.
fn at(rows: &[(f64, f64)], minute: i64) -> Option<f64> {
    let x = minute as f64 + 0.5;
    let after = rows.partition_point(|row| row.0 < x);
    let (b, a) = (rows.get(after)?, rows.get(after.checked_sub(1)?)?);
    let apart = b.0 - a.0;
    (apart <= APART_MIN).then(|| a.1 + (b.1 - a.1) * (x - a.0) / apart)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Column {
    Utc,
    UnixS,
    Dry(Unit),
    Wet(Unit),
    Humidity(Unit),
    Other,
}

fn table(doc: &Doc, text: &str) -> Option<WeatherForecast> {
    let mut lines = lines(text);
    let Some((line, head)) = lines.next().filter(|_| !text.trim().is_empty()) else {
        doc.find(0..0, "the forecast is empty", "begin with time_utc,dry_bulb [degC],relative_humidity [%]");
        return None;
    };
    let columns: Vec<Column> = cells(line, head).map(|(span, cell)| column(doc, span, cell)).collect();
    let has = |f: fn(&Column) -> bool| columns.iter().any(f);
    let whole = line..line + head.len();
    if !has(|c| matches!(c, Column::Utc | Column::UnixS)) {
        doc.find(whole.clone(), "no column gives the time", "add `time_utc` or `time_unix_s`");
    }
    if !has(|c| matches!(c, Column::Dry(_) | Column::Wet(_))) {
        doc.find(whole, "no column gives the air", "add `dry_bulb [degC]` or `wet_bulb [degC]`");
    }
    if !doc.is_clean() {
        return None;
    }
    let mut out = WeatherForecast::default();
    let mut last = f64::NEG_INFINITY;
    for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
        let row = row(doc, &columns, line, text);
        let Some(minute) = row.minute else {
            doc.find(line..line + text.len(), "this row has no time", "give each row its time");
            continue;
        };
        if minute <= last {
            doc.find(
                line..line + text.len(),
                "this row is not later than the one above",
                "order rows by time",
            );
        }
        last = minute;
        out.dry.extend(row.dry.map(|c| (minute, c)));
        let reckoned = row.dry.zip(row.humidity).map(|(t, rh)| wet_bulb_c(t, rh).min(t));
        out.wet.extend(row.wet.or(reckoned).map(|c| (minute, c)));
    }
    if out.dry.is_empty() && out.wet.is_empty() {
        doc.find(0..0, "the forecast has no rows", "add a row for each hour");
    }
    Some(out)
}

/// Lines with the byte they begin at.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split('\n').map(move |line| {
        let begin = at;
        at += line.len() + 1;
        (begin, line.trim_end_matches('\r'))
    })
}

/// Cells with their bytes.
fn cells(begin: usize, line: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut at = begin;
    line.split(',').map(move |cell| {
        let begin = at;
        at += cell.len() + 1;
        (begin..begin + cell.len(), cell.trim())
    })
}

fn column(doc: &Doc, span: Range<usize>, cell: &str) -> Column {
    let (name, unit) = match cell.trim_end_matches(']').split_once('[') {
        Some((name, unit)) => (name.trim(), Some(unit.trim())),
        None => (cell, None),
    };
    let wanted = match name {
        "time_utc" => return Column::Utc,
        "time_unix_s" => return Column::UnixS,
        "dry_bulb" | "wet_bulb" => Dimension::Temperature,
        "relative_humidity" => Dimension::Ratio,
        _ => return Column::Other,
    };
    let Some(unit) = unit.and_then(Unit::of).filter(|u| u.dimension == wanted) else {
        let what = format!("column `{cell}` has no unit of {wanted}");
        doc.find(
            span,
            what,
            format!("write `{name} [{}]`", if name.starts_with('r') { "%" } else { "degC" }),
        );
        return Column::Other;
    };
    match name {
        "dry_bulb" => Column::Dry(unit),
        "wet_bulb" => Column::Wet(unit),
        _ => Column::Humidity(unit),
    }
}

#[derive(Debug, Default)]
struct Row {
    minute: Option<f64>,
    dry: Option<f64>,
    wet: Option<f64>,
    humidity: Option<f64>,
}

fn row(doc: &Doc, columns: &[Column], line: usize, text: &str) -> Row {
    let mut row = Row::default();
    let mut found = 0;
    for ((span, cell), column) in cells(line, text).zip(columns) {
        found += 1;
        if cell.is_empty() {
            continue;
        }
        let number = |unit: Option<Unit>, range: (f64, f64), what: &str| {
            let base = cell.parse::<f64>().ok().map(|x| unit.map_or(x, |u| u.to_base(x)));
            let value = base.filter(|x| (range.0..=range.1).contains(x));
            if value.is_none() {
                let what = format!("`{cell}` is not {what}");
                doc.find(span.clone(), what, "mend the number, or leave the cell empty");
            }
            value
        };
        // The record lows and highs of the Earth, with room.
        let air = (-100.0, 70.0);
        match column {
            Column::Utc => {
                row.minute = minute(cell);
                if row.minute.is_none() {
                    let remedy = "write it like 2026-07-18T06:00Z";
                    doc.find(span.clone(), format!("`{cell}` is not an instant in UTC"), remedy);
                }
            }
            Column::UnixS => row.minute = number(None, (-1e11, 1e11), "a Unix time").map(|s| s / 60.0),
            Column::Dry(unit) => row.dry = number(Some(*unit), air, "a temperature of air"),
            Column::Wet(unit) => row.wet = number(Some(*unit), air, "a temperature of air"),
            Column::Humidity(unit) => {
                row.humidity = number(Some(*unit), (0.0, 1.0), "a relative humidity from 0 to 100 %");
            }
            Column::Other => {}
        }
    }
    if found < columns.len() {
        doc.find(
            line..line + text.len(),
            "this row has fewer cells than the first line",
            "add what is missing",
        );
    }
    row
}

/// Minutes since 1970 of "YYYY-MM-DDThh:mm[:ss]Z".
fn minute(text: &str) -> Option<f64> {
    let (date, time) = text.strip_suffix('Z')?.split_once(['T', ' '])?;
    let number = |s: &str, len: usize| {
        (s.len() == len && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse::<i64>().ok())?
    };
    let (mut date, mut time) = (date.split('-'), time.split(':'));
    let (y, mo, d) = (number(date.next()?, 4)?, number(date.next()?, 2)?, number(date.next()?, 2)?);
    let (h, mi) = (number(time.next()?, 2)?, number(time.next()?, 2)?);
    let s = time.next().map_or(Some(0.0), |s| s.parse::<f64>().ok().filter(|s| (0.0..60.0).contains(s)))?;
    let day = days_from_civil(y, mo, d);
    let exists = (1..=12).contains(&mo) && civil_from_days(day) == (y, mo, d) && h < 24 && mi < 60;
    (exists && date.next().is_none() && time.next().is_none())
        .then(|| (day * 1440 + h * 60 + mi) as f64 + s / 60.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_joined_by_lines_and_nothing_is_said_beyond_them() {
        let text = "time_utc,relative_humidity [%],dry_bulb [degF],cloud\n\
                    2026-07-18T06:00Z,50,68,3\n2026-07-18T07:00:00Z,50,86,\n2026-07-19T00:00Z,,50,\n";
        let f = WeatherForecast::read("f.csv", text).unwrap();
        let six = minute("2026-07-18T06:00Z").unwrap() as i64;
        assert!((f.dry_bulb_c(six + 30).unwrap() - 25.083).abs() < 0.01, "{:?}", f.dry_bulb_c(six + 30));
        // Stull's own example: 20 degC at 50 % is 13.7 degC.
        assert!((f.wet_bulb_c(six).unwrap() - 13.7).abs() < 0.15, "{:?}", f.wet_bulb_c(six));
        assert_eq!((f.dry_bulb_c(six - 1), f.dry_bulb_c(six + 90)), (None, None));
        assert_eq!(f.wet_bulb_c(six + 61), None);
        let at = |m: i64| Stamp::from_unix_ns(m * 60_000_000_000);
        assert!(!f.is_over(at(six + 60)) && f.is_over(at(six + 60 * 24)));
    }

    #[test]
    fn all_findings_at_once_with_line_and_remedy() {
        for (text, line, what) in [
            ("", 1, "empty"),
            ("time,dry_bulb [degC]\n", 1, "no column gives the time"),
            ("time_utc,cloud\n", 1, "no column gives the air"),
            ("time_utc,dry_bulb\n", 1, "no unit"),
            ("time_utc,dry_bulb [K]\n", 1, "no unit"),
            ("time_utc,dry_bulb [degC]\n", 1, "no rows"),
            ("time_utc,dry_bulb [degC]\n2026-07-18T06:00Z,20\nnoon,20\n", 3, "not an instant"),
            ("time_utc,dry_bulb [degC]\n2026-02-30T06:00Z,20\n", 2, "not an instant"),
            ("time_unix_s,dry_bulb [degC]\n60,hot\n", 2, "not a temperature"),
            ("time_unix_s,dry_bulb [degC]\n60,294\n", 2, "not a temperature"),
            ("time_unix_s,dry_bulb [degC]\n60,NaN\n", 2, "not a temperature"),
            ("time_unix_s,dry_bulb [degC]\n60,20\n60,21\n", 3, "not later"),
            ("time_unix_s,dry_bulb [degC]\n60\n", 2, "fewer cells"),
            ("time_unix_s,dry_bulb [degC],relative_humidity [1]\n60,20,64\n", 2, "relative humidity"),
        ] {
            let found = WeatherForecast::read("f.csv", text).unwrap_err();
            let fits = |f: &&Finding| f.line == line && f.what.contains(what) && !f.remedy.is_empty();
            assert!(found.iter().any(|f| fits(&f)), "{text:?}: {found:#?}");
        }
        let two = "time_unix_s,dry_bulb [degC]\n60,hot\n120,20\n180,cold\n";
        assert_eq!(WeatherForecast::read("f.csv", two).unwrap_err().len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(s in "(time_utc,dry_bulb \\[degC\\]\n)?\\PC*") {
            let _ = WeatherForecast::read("f.csv", &s);
        }
    }
}
