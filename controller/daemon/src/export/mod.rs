//! `headroom export`: the journal of a state folder, and its tape, as tidy tables.
//!
//! Responsible for: which files are read, the span, and what is said of them. Rooms: `journal` (what was decided), `tape` (what
//! was told), `find` (files and their faults). Not for: how tables are written (`crate::tables`), nor the ledger (`headroom report`).
//!
//! A record is read, becomes rows and is forgotten, so that a journal of any length takes the same memory. Where a file is
//! damaged the tables hold all that stands before.

mod find;
mod journal;
mod tape;
#[cfg(test)]
mod tests;

use crate::check::Format;
use crate::exit;
use crate::report::span::time;
use crate::tables::{Folder, Form, Written};
use anyhow::Result;
use clap::Args;
use find::{Fault, Sources};
use headroom_site::Stamp;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Options of `headroom export`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// State folder of the daemon: its journal, and tapes if there are any.
    #[arg(long, default_value = "/var/lib/headroom")]
    state: PathBuf,
    /// A tape that lies elsewhere.
    #[arg(long, value_name = "FILE")]
    tape: Option<PathBuf>,
    /// Site file that it ran with: a tape needs it, and with it caps carry the UUIDs of their GPUs.
    #[arg(long)]
    site: Option<PathBuf>,
    /// Folder that the tables are written to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How they are written.
    #[arg(long = "as", value_enum, default_value_t)]
    form: Form,
    /// From this time on (UTC): 2025-07-18 or 2025-07-18T12:00.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Up to this time.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was exported.
#[derive(Debug, Serialize)]
struct Told {
    tables: Vec<Written>,
    faults: Vec<Fault>,
    /// What was left out, and what it would take.
    left_out: Vec<String>,
}

/// A span of ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    from: Stamp,
    to: Stamp,
}

impl Span {
    /// Of two words.
    ///
    /// # Errors
    /// A word that is no time, or a span that ends before it begins.
    fn of(from: Option<&str>, to: Option<&str>) -> Result<Self, String> {
        let stamp =
            |word: Option<&str>| word.map(time).transpose().map(|s| s.map(|s| Stamp::from_unix_ms(s * 1000)));
        let from = stamp(from)?.unwrap_or(Stamp::from_tai_ns(i64::MIN));
        let to = stamp(to)?.unwrap_or(Stamp::from_tai_ns(i64::MAX));
        if from < to { Ok(Self { from, to }) } else { Err("the span ends before it begins".to_owned()) }
    }

    pub(super) fn has(self, at: Stamp) -> bool {
        self.from <= at && at < self.to
    }
}

/// Runs the verb.
///
/// # Errors
/// A table cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let span = match Span::of(options.from.as_deref(), options.to.as_deref()) {
        Ok(span) => span,
        Err(why) => return Ok(ends(&why, exit::USAGE)),
    };
    let sources = match Sources::find(&options.state, options.tape.as_deref(), options.site.as_deref()) {
        Ok(sources) => sources,
        Err(why) => return Ok(ends(&format!("{why:#}"), exit::CONFIGURATION)),
    };
    let told = export(&sources, span, &options.out, options.form)?;
    for fault in &told.faults {
        eprintln!("headroom export: {fault}");
    }
    match options.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&told)?),
        Format::Plain => print!("{told}"),
    }
    Ok(if told.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAULT) })
}

fn ends(why: &str, code: u8) -> ExitCode {
    eprintln!("headroom export: {why}");
    ExitCode::from(code)
}

fn export(sources: &Sources, span: Span, out: &std::path::Path, form: Form) -> Result<Told> {
    let mut folder = Folder::begin(out, form)?;
    let mut faults = Vec::new();
    let site = sources.site.as_ref();
    if !sources.journals.is_empty() {
        let tables = journal::Export::begin(&mut folder, site)?;
        for path in &sources.journals {
            faults.extend(tables.all(path, span, &mut folder)?);
        }
    }
    if let Some(site) = site.filter(|_| !sources.tapes.is_empty()) {
        let mut tables = tape::Export::begin(&mut folder, site)?;
        for path in &sources.tapes {
            faults.extend(tables.all(path, span, &mut folder)?);
        }
    }
    Ok(Told { tables: folder.end()?, faults, left_out: sources.left_out() })
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for written in &self.tables {
            writeln!(f, "{:>10} rows of {:<11} {}", written.rows, written.table, written.file.display())?;
        }
        self.left_out.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
