//! `headroom completions`: what a shell needs to complete this command line.
//!
//! Responsible for: one script on the standard output. Not for: where it is installed (`packaging`).

use clap::{Args, Command};
use clap_complete::Shell;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(options: &Options, mut command: Command) -> ExitCode {
    clap_complete::generate(options.shell, &mut command, "headroom", &mut std::io::stdout());
    ExitCode::SUCCESS
}
