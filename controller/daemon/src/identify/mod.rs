//! `headroom identify`: from a table of what was seen to a model of the site, with what speaks for it and against it.
//!
//! Responsible for: files, and words on the screen. Not for: the learning (`headroom-belief`).
//!
//! Rooms: `recorder` (writes tables), `table_file` (reads them), `report` (what is printed).

pub(crate) mod recorder;
mod report;
pub(crate) mod table_file;

use crate::check::Format;
use crate::exit;
use crate::score::write_whole;
use anyhow::{Context, Result};
use clap::Args;
use headroom_belief::identify::identify;
use headroom_belief::model::Model;
use headroom_site::Site;
use headroom_site::file::{read_site, read_text};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Options of `headroom identify`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Table of what was seen (CSV or Parquet): of `headroom run --record`, `headroom score --record`, or a historian's with columns
    /// `time_utc` or `time_unix_s`, `ID [unit]` and `gpu_power:RACK [W]`.
    pub(crate) table: PathBuf,
    /// Site file.
    #[arg(long)]
    pub(crate) site: PathBuf,
    /// Where the model is written (TOML); only printed if not given.
    #[arg(long, value_name = "model.toml")]
    pub(crate) out: Option<PathBuf>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Runs the verb.
///
/// # Errors
/// The model cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let read = load(&options.site).and_then(|site| {
        let read = table_file::read(&options.table, &site)?;
        Ok((site, read))
    });
    let (site, read) = match read {
        Ok(read) => read,
        Err(why) => {
            eprintln!("headroom identify: {why:#}");
            return Ok(ExitCode::from(exit::CONFIGURATION));
        }
    };
    if !read.unknown.is_empty() {
        let names = read.unknown.join(", ");
        eprintln!(
            "headroom identify: {} columns are not of this site and are left out: {names}",
            read.unknown.len()
        );
    }
    let found = identify(&site, &read.table);
    let written = match (&found.model, &options.out) {
        (Some(model), Some(path)) => {
            write_whole(path, &text(model)?)?;
            Some(path.as_path())
        }
        _ => None,
    };
    match options.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&report::json(&found))?),
        Format::Plain => {
            report::plain(&found, &read.table, written).iter().for_each(|line| println!("{line}"));
        }
    }
    Ok(if found.model.is_some() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAULT) })
}

/// A model as its file.
fn text(model: &Model) -> Result<String> {
    let body = toml::to_string(model).context("the model cannot be put into TOML")?;
    Ok(format!("# A model of the site, learned by `headroom identify`. The book explains the form.\n{body}"))
}

/// A site file.
///
/// # Errors
/// It cannot be read, or what is wrong with it.
pub(crate) fn load(path: &Path) -> Result<Site> {
    let name = path.display().to_string();
    let text = read_text(path).with_context(|| format!("site file {name}"))?;
    read_site(&name, &text, path.parent().unwrap_or(Path::new("."))).map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the site file cannot be used\n{}", lines.join("\n"))
    })
}
