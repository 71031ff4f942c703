//! `headroom man`: the manual pages of this command line, section 1.
//!
//! Responsible for: one page per verb, made of the same words as `--help`. Not for: the book.

use anyhow::{Context, Result};
use clap::{Args, Command};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder for the pages; made if it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// # Errors
/// The folder cannot be made or written.
pub(crate) fn run(options: &Options, command: Command) -> Result<ExitCode> {
    let folder = || options.out.display().to_string();
    std::fs::create_dir_all(&options.out).with_context(folder)?;
    clap_mangen::generate_to(command, &options.out).with_context(folder)?;
    Ok(ExitCode::SUCCESS)
}
