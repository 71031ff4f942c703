//! `headroom verify`: are journals and tapes whole?
//!
//! Responsible for: each file, its first damage, and the exit code. Not for: what stands in them.

use crate::journal::Records;
use crate::tape::{Entry, Reader, is_tape};
use anyhow::{Context, Result};
use clap::Args;
use headroom_site::Stamp;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Journals (`journal.jsonl`) and tapes.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What is looked at of a record.
#[derive(Debug, Deserialize)]
struct When {
    time: String,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let mut whole = true;
    for path in &options.files {
        match if is_tape(path) { tape(path) } else { journal(path) } {
            Ok(text) => println!("{text}"),
            Err(why) => {
                eprintln!("headroom verify: {why:#}");
                whole = false;
            }
        }
    }
    if whole { ExitCode::SUCCESS } else { ExitCode::from(crate::exit::FAULT) }
}

fn journal(path: &Path) -> Result<String> {
    let mut records = Records::open(path)?;
    let mut ends: Option<(String, String)> = None;
    let mut n = 0_usize;
    while let Some(record) = records.read()? {
        n += 1;
        let not = || format!("journal {}: line {n} holds no record", path.display());
        let When { time } = serde_json::from_slice(record).with_context(not)?;
        ends = Some((ends.map_or_else(|| time.clone(), |(first, _)| first), time));
    }
    let chain = records.chain;
    let from = ends.map_or(String::new(), |(first, last)| format!(", {first} to {last}"));
    let hash =
        if chain.found.last.is_empty() { String::new() } else { format!(", last hash {}", chain.found.last) };
    Ok(format!(
        "{}: {} records follow from each other{from}{hash}{}",
        path.display(),
        chain.found.lines,
        torn(chain.torn)
    ))
}

fn tape(path: &Path) -> Result<String> {
    let mut tape = Reader::open(path)?;
    let (mut runs, mut ticks, mut ends) = (0_u64, 0_u64, None::<(Stamp, Stamp)>);
    while let Some(entry) = tape.read()? {
        match entry {
            Entry::Begin(_) => runs += 1,
            Entry::Office(_) => {}
            Entry::Told(told) => {
                ticks += 1;
                ends = Some((ends.map_or(told.now, |(first, _)| first), told.now));
            }
        }
    }
    let from = ends.map_or(String::new(), |(first, last)| format!(", {first} to {last}"));
    Ok(format!(
        "{}: {ticks} ticks of {runs} runs are as they were written{from}{}",
        path.display(),
        torn(tape.torn())
    ))
}

const fn torn(torn: bool) -> &'static str {
    if torn { "; the last one is torn: whoever wrote it was killed" } else { "" }
}
