//! `headroom verify`: are journals and tapes whole?
//!
//! Responsible for: each file, its first damage, and the exit code. Not for: what stands in them.

use crate::journal::{Chain, Records, old};
use crate::tape::{Entry, Reader, is_tape};
use anyhow::{Context, Result};
use clap::Args;
use headroom_site::Stamp;
use serde::Deserialize;
use std::collections::BTreeMap;
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
    if are_whole(&options.files) { ExitCode::SUCCESS } else { ExitCode::from(crate::exit::FAULT) }
}

/// Says of each what it found: are they whole, and does each journal follow from the one put aside, if that is among them?
fn are_whole(files: &[PathBuf]) -> bool {
    let (mut whole, mut chains) = (true, BTreeMap::new());
    for path in files {
        let said = if is_tape(path) {
            tape(path)
        } else {
            journal(path).map(|(chain, text)| {
                chains.insert(path.as_path(), chain);
                text
            })
        };
        match said {
            Ok(text) => println!("{text}"),
            Err(why) => {
                eprintln!("headroom verify: {why:#}");
                whole = false;
            }
        }
    }
    for (path, chain) in &chains {
        let differs = |b: &&Chain| chain.found.lines > 0 && chain.follows.as_ref() != Some(&b.found.last);
        let before = chains.get(old(path).as_path()).filter(differs);
        if before.is_some() {
            let old = old(path);
            eprintln!(
                "headroom verify: {} does not follow from {}; keep both",
                path.display(),
                old.display()
            );
            whole = false;
        }
    }
    whole
}

/// The chain of a journal, and what is said of it.
fn journal(path: &Path) -> Result<(Chain, String)> {
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
    let after = chain.follows.as_ref().map_or(String::new(), |hash| format!(", after {hash}"));
    let text = format!(
        "{}: {} records follow from each other{from}{after}{hash}{}",
        path.display(),
        chain.found.lines,
        torn(chain.torn)
    );
    Ok((chain, text))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;

    #[test]
    fn a_journal_and_the_one_put_aside_belong_together_or_it_is_told() {
        let state = std::env::temp_dir().join(format!("headroom-verify-{}", std::process::id()));
        let of = |name: &str, who: &str| {
            let path = state.join(name).join("journal.jsonl");
            let mut journal = Journal::within(&path, 500).unwrap();
            for n in 0..9 {
                journal.append(&serde_json::json!({ "time": n.to_string(), "who": who })).unwrap();
            }
            vec![path.clone(), old(&path)]
        };
        let (ours, theirs) = (of("ours", "we"), of("theirs", "they"));
        assert!(are_whole(&ours) && are_whole(&theirs));
        std::fs::copy(&theirs[1], &ours[1]).unwrap();
        assert!(are_whole(&ours[..1]) && are_whole(&ours[1..]), "each alone is whole");
        assert!(!are_whole(&ours), "and the two are of different journals");
        std::fs::remove_dir_all(&state).unwrap();
    }
}
