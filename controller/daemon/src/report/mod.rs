//! `headroom report`: what a day, a week or any span cost, from the ledger of a state folder.
//!
//! Responsible for: the span, and where the answer goes. Rooms: `span` (times of the command line), `tables` (what is
//! written as CSV and Parquet), `baseline` (saved against hours without commands), `text` (the terminal), `html` and `plot` (the page). Not for: what is kept
//! (`crate::ledger::book`), nor what is reckoned (`headroom-core`).

mod baseline;
mod html;
mod plot;
pub(crate) mod span;
mod tables;
mod text;

use crate::check::Format;
use crate::exit;
use crate::ledger::book::{self, Kept};
use crate::ledger::rows::Account;
use crate::ledger::view::Summary;
use crate::tables::Form;
use anyhow::{Context, Result};
use baseline::Baseline;
use clap::Args;
use headroom_core::ledger::Hour;
use serde::Serialize;
use span::Asked;
use std::path::PathBuf;
use std::process::ExitCode;

/// Options of `headroom report`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// State folder of the daemon.
    #[arg(long, default_value = "/var/lib/headroom")]
    state: PathBuf,
    #[command(flatten)]
    asked: Asked,
    /// Writes one page (HTML) that needs nothing else; print it for a PDF.
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
    /// Writes tables as CSV into a folder.
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,
    /// Writes the same tables as Parquet into a folder.
    #[arg(long, value_name = "DIR")]
    parquet: Option<PathBuf>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// All that is told of a span.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) site: String,
    /// What was asked for, Unix ms; what lies in it of the ledger begins and ends with the account.
    pub(crate) from_unix_ms: i64,
    pub(crate) to_unix_ms: i64,
    #[serde(flatten)]
    pub(crate) account: Account,
    /// The same by hour; by day where the span is longer than a fortnight.
    pub(crate) parts: Vec<Summary>,
    /// Length of a part, s.
    pub(crate) part_s: i64,
    /// Saved beside the IT, against the hours without commands.
    pub(crate) baseline: Baseline,
    /// Times of which nothing was booked, longer than a minute.
    pub(crate) gaps: Vec<Gap>,
}

/// A time of which nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Gap {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) seconds: f64,
}

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;
/// Longest span that is shown by hours, s.
const BY_HOURS_S: i64 = 14 * DAY_S;

/// Runs the verb.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let kept = match book::read(&options.state) {
        Ok(kept) => kept,
        Err(why) => {
            eprintln!("headroom report: {why:#}");
            let code = if book::is_damage(&why) { exit::FAULT } else { exit::CONFIGURATION };
            return Ok(ExitCode::from(code));
        }
    };
    let (from_s, to_s) = match options.asked.span(&kept) {
        Ok(span) => span,
        Err(why) => {
            eprintln!("headroom report: {why}");
            return Ok(ExitCode::from(exit::USAGE));
        }
    };
    let hours: Vec<&Hour> = kept.hours.range(from_s..to_s).map(|(_, hour)| hour).collect();
    if hours.is_empty() {
        eprintln!("headroom report: nothing was booked in that time; {}", span::known(&kept));
        return Ok(ExitCode::from(exit::FAULT));
    }
    let report = Report::of(&kept, &hours, (from_s, to_s));
    if let Some(path) = &options.out {
        std::fs::write(path, html::page(&report)).with_context(|| path.display().to_string())?;
    }
    for (folder, form) in [(&options.csv, Form::Csv), (&options.parquet, Form::Parquet)] {
        if let Some(folder) = folder {
            tables::write(folder, form, &hours)?;
        }
    }
    match options.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        Format::Plain => print!("{}", text::screen(&report)),
    }
    Ok(ExitCode::SUCCESS)
}

impl Report {
    /// Of hours within a span, Unix s.
    fn of(kept: &Kept, hours: &[&Hour], (from_s, to_s): (i64, i64)) -> Self {
        let part_s = if to_s - from_s > BY_HOURS_S { DAY_S } else { HOUR_S };
        let mut parts: Vec<Hour> = Vec::new();
        let mut all = Hour::default();
        for hour in hours {
            all.add(hour);
            let same = |h: &Hour| h.hour_unix_s.div_euclid(part_s) == hour.hour_unix_s.div_euclid(part_s);
            match parts.last_mut().filter(|h| same(h)) {
                Some(part) => part.add(hour),
                None => parts.push((*hour).clone()),
            }
        }
        let account = Account::of(&all);
        Self {
            site: kept.site.clone(),
            from_unix_ms: from_s * 1000,
            to_unix_ms: to_s * 1000,
            account,
            parts: parts.iter().map(Summary::of).collect(),
            part_s,
            baseline: Baseline::of(kept.hours.values(), hours),
            gaps: span::gaps(hours),
        }
    }
}
