//! `headroom calibrate`: every model of the plant beside published figures, and what lies outside its tolerance.
//!
//! Responsible for: the verb's options, choosing models, printing. Not for: the comparisons (`headroom_sim`).

use crate::check::Format;
use crate::exit::{CONFIGURATION, FAULT};
use anyhow::{Context, Result};
use clap::Args;
use headroom_sim::calibrate::{Check, checks, report};
use std::path::PathBuf;
use std::process::ExitCode;

/// Options of the verb.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Folder of raw data (dsx/, traces/, weather/), from which published figures are computed.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The report as a Markdown file too.
    #[arg(long, value_name = "FILE.md")]
    out: Option<PathBuf>,
    /// Only this model, e.g. chiller or tower; may be given more than once.
    #[arg(long)]
    model: Vec<String>,
}

/// Runs the checks; the exit code says whether all of them hold.
///
/// # Errors
/// The report cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let all = match checks(options.data.as_deref()) {
        Ok(all) => all,
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(CONFIGURATION));
        }
    };
    let chosen = match choose(all, &options.model) {
        Ok(chosen) => chosen,
        Err(said) => {
            eprintln!("{said}");
            return Ok(ExitCode::from(CONFIGURATION));
        }
    };
    match options.format {
        Format::Plain => print!("{}", report::plain(&chosen)),
        Format::Json => println!("{}", serde_json::to_string_pretty(&report::json(&chosen))?),
    }
    if let Some(path) = &options.out {
        std::fs::write(path, report::markdown(&chosen)).with_context(|| path.display().to_string())?;
    }
    let fine = chosen.iter().all(Check::holds);
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::from(FAULT) })
}

/// The checks of the models that were asked for.
fn choose(all: Vec<Check>, models: &[String]) -> Result<Vec<Check>, String> {
    let mut names: Vec<&str> = all.iter().map(|check| check.model).collect();
    names.sort_unstable();
    names.dedup();
    if let Some(unknown) = models.iter().find(|model| !names.contains(&model.as_str())) {
        return Err(format!("--model {unknown}: there is none; there are {}", names.join(", ")));
    }
    let wanted = |check: &Check| models.is_empty() || models.iter().any(|model| model == check.model);
    Ok(all.into_iter().filter(wanted).collect())
}
