//! `headroom sequence`: the written sequence of operation of a site under a policy, for whoever reviews and signs it.
//!
//! Responsible for: putting the numbers of the two files, and the named constants of the code that acts on them, into words.
//! Not for: deciding anything, nor for a running plant (`explain`): same files in, same document out.

mod actuators;
mod events;
mod gpus;
mod markdown;
mod model;
mod say;
mod scope;
mod stepwise;
#[cfg(test)]
mod tests;
mod trials;
mod wants;

use crate::check::Format;
use crate::exit;
use crate::files::{Loaded, load};
use anyhow::{Context, Result};
use clap::Args;
use headroom_core::Topology;
use model::Sequence;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Format of the document as data.
const FORMAT: u32 = 1;

/// Options of `headroom sequence`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Site file.
    #[arg(long)]
    site: PathBuf,
    /// Policy: a file, or a shipped one by name.
    #[arg(long)]
    policy: String,
    /// Where it is written; standard output if not given.
    #[arg(long, value_name = "FILE.md")]
    out: Option<PathBuf>,
    /// Markdown, or the same as data.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
///
/// # Errors
/// A file cannot be read or written.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let loaded = match load(&options.site, &options.policy, None) {
        Ok(Some(loaded)) => loaded,
        Ok(None) => return Ok(ExitCode::from(exit::CONFIGURATION)),
        Err(why) => {
            eprintln!("headroom sequence: {why:#}");
            return Ok(ExitCode::from(exit::CONFIGURATION));
        }
    };
    let sequence = sequence(&loaded);
    let text = match options.format {
        Format::Plain => markdown::markdown(&sequence),
        Format::Json => serde_json::to_string_pretty(&sequence)? + "\n",
    };
    match &options.out {
        Some(path) => std::fs::write(path, text).with_context(|| path.display().to_string())?,
        // A pipe whose reader has seen enough is no fault.
        None => std::io::stdout().lock().write_all(text.as_bytes()).unwrap_or_default(),
    }
    Ok(ExitCode::SUCCESS)
}

/// The document of two files that have passed their checks.
fn sequence(loaded: &Loaded) -> Sequence {
    let topology = Topology::new(&loaded.site);
    let cases: Vec<actuators::Case<'_>> = actuators::cases(loaded, &topology).collect();
    Sequence {
        format: FORMAT,
        site: loaded.site.name.clone(),
        policy: loaded.policy_name.clone(),
        scope: scope::scope(loaded),
        actuators: cases.iter().map(actuators::Case::sheet).collect(),
        gpus: gpus::gpus(loaded),
        branches: gpus::branches(loaded),
        wants: wants::wanted(loaded),
        events: events::events(loaded, &cases),
        tests: trials::trials(loaded, &cases),
    }
}
