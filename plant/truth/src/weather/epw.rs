//! `EnergyPlus` weather files.
//!
//! Responsible for: the eight header lines and the columns a cooling plant needs, with errors that name the line.
//! Not for: solar, wind and the other columns.
//!
//! Columns (from 0): 6 dry bulb \[degC\], 7 dew point \[degC\], 8 relative humidity \[%\], 9 pressure \[Pa\]. Missing
//! values are 99.9, 99.9, 999 and 999999 (`EnergyPlus` Auxiliary Programs, "Weather data").

use thiserror::Error;

use super::Hour;
use crate::psychro::{dew_point_c, pressure_at_elevation_pa, saturation_pressure_pa};

/// Why a weather file was refused. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum EpwError {
    /// The first line is not a LOCATION header.
    #[error("line 1: expected a LOCATION header")]
    NoLocation,
    /// A row is too short.
    #[error("line {line}: expected at least 10 columns, found {found}")]
    Columns {
        /// Line.
        line: usize,
        /// Columns found.
        found: usize,
    },
    /// A value is not a number.
    #[error("line {line}: {column} is not a number: '{text}'")]
    Number {
        /// Line.
        line: usize,
        /// Column name.
        column: &'static str,
        /// What stands there.
        text: String,
    },
    /// A value is missing or outside what air can be.
    #[error("line {line}: {column} is missing or out of range: {value}")]
    Range {
        /// Line.
        line: usize,
        /// Column name.
        column: &'static str,
        /// The value.
        value: f64,
    },
    /// Not a whole year of hours.
    #[error("line {line}: the record ends after {rows} rows; a year has 8760 or 8784")]
    NotAYear {
        /// Last line.
        line: usize,
        /// Data rows found.
        rows: usize,
    },
}

const HEADER_LINES: usize = 8;

/// Place and rows.
pub(super) fn parse(text: &str) -> Result<(String, Vec<Hour>), EpwError> {
    let mut lines = text.lines();
    let location: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
    if !location[0].trim_start_matches('\u{feff}').eq_ignore_ascii_case("LOCATION") || location.len() < 10 {
        return Err(EpwError::NoLocation);
    }
    let elevation_m = number(location[9], 1, "elevation")?;
    let station_pa = pressure_at_elevation_pa(elevation_m);
    let place = format!("{}, {}, {}", location[1], location[2], location[3]);

    let mut hours = Vec::with_capacity(8784);
    // A file that ends in its head ends at its own last line.
    let mut last = text.lines().count().min(HEADER_LINES);
    for (index, row) in text.lines().enumerate().skip(HEADER_LINES) {
        if row.trim().is_empty() {
            continue;
        }
        last = index + 1;
        hours.push(hour(row, last, station_pa)?);
    }
    if hours.len() != 8760 && hours.len() != 8784 {
        return Err(EpwError::NotAYear { line: last, rows: hours.len() });
    }
    Ok((place, hours))
}

fn hour(row: &str, line: usize, station_pa: f64) -> Result<Hour, EpwError> {
    let field: Vec<&str> = row.split(',').map(str::trim).collect();
    if field.len() < 10 {
        return Err(EpwError::Columns { line, found: field.len() });
    }
    let dry_bulb_c = number(field[6], line, "dry bulb")?;
    let dew = number(field[7], line, "dew point")?;
    let rh = number(field[8], line, "relative humidity")?;
    let pressure = number(field[9], line, "pressure")?;
    if !(-70.0..=70.0).contains(&dry_bulb_c) {
        return Err(EpwError::Range { line, column: "dry bulb", value: dry_bulb_c });
    }
    let dew_point_c = if (-90.0..=70.0).contains(&dew) {
        dew
    } else if (0.0..=110.0).contains(&rh) {
        // The dew point is missing; humidity gives it.
        dew_point_c(saturation_pressure_pa(dry_bulb_c) * (rh / 100.0).clamp(0.005, 1.0))
    } else {
        return Err(EpwError::Range { line, column: "dew point", value: dew });
    };
    let pressure_pa = if (31_000.0..=120_000.0).contains(&pressure) { pressure } else { station_pa };
    Ok(Hour { dry_bulb_c, dew_point_c: dew_point_c.min(dry_bulb_c), pressure_pa })
}

fn number(text: &str, line: usize, column: &'static str) -> Result<f64, EpwError> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(EpwError::Number { line, column, text: text.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn file(change: impl Fn(usize) -> Option<String>) -> String {
        let mut text = String::from("LOCATION,Testville,XX,USA,none,0,40,-90,-6,200\n");
        text.push_str(&"HEADER\n".repeat(7));
        for row in 0..8760 {
            let usual = format!("2020,1,1,{},0,?,{}.0,5.0,50,99000,0", row % 24 + 1, row % 30);
            writeln!(text, "{}", change(row).unwrap_or(usual)).unwrap();
        }
        text
    }

    #[test]
    fn a_good_year_reads() {
        let (place, hours) = parse(&file(|_| None)).unwrap();
        assert_eq!(place, "Testville, XX, USA");
        assert_eq!(hours.len(), 8760);
        assert!((hours[7].dry_bulb_c - 7.0).abs() < 1e-12 && (hours[2].dew_point_c - 2.0).abs() < 1e-12);
    }

    #[test]
    fn missing_values_are_filled_where_physics_can() {
        let text = file(|row| (row == 100).then(|| "2020,1,1,1,0,?,20.0,99.9,50,999999".into()));
        let (_, hours) = parse(&text).unwrap();
        assert!((hours[100].dew_point_c - 9.27).abs() < 0.1, "{}", hours[100].dew_point_c);
        assert!((hours[100].pressure_pa - pressure_at_elevation_pa(200.0)).abs() < 1e-6);
    }

    #[test]
    fn errors_name_the_line() {
        let with = |row: &str| {
            let row = row.to_owned();
            parse(&file(move |k| (k == 11).then(|| row.clone()))).unwrap_err().to_string()
        };
        assert_eq!(with("2020,1,1"), "line 20: expected at least 10 columns, found 3");
        assert_eq!(with("2020,1,1,1,0,?,warm,5,50,99000"), "line 20: dry bulb is not a number: 'warm'");
        assert_eq!(
            with("2020,1,1,1,0,?,99.9,5,50,99000"),
            "line 20: dry bulb is missing or out of range: 99.9"
        );
        assert!(with("2020,1,1,1,0,?,9.9,99.9,999,99000").starts_with("line 20: dew point"));
        assert_eq!(parse("").unwrap_err(), EpwError::NoLocation);
        let short: String = file(|_| None).lines().take(50).flat_map(|line| [line, "\n"]).collect();
        assert_eq!(parse(&short).unwrap_err(), EpwError::NotAYear { line: 50, rows: 42 });
        let head: String = file(|_| None).lines().take(3).flat_map(|line| [line, "\n"]).collect();
        assert_eq!(parse(&head).unwrap_err(), EpwError::NotAYear { line: 3, rows: 0 });
    }
}
