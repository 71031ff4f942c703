//! The `headroom` binary.

mod agent;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Closed-loop control of an AI factory's power and cooling.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// On each GPU node: reports its GPUs, holds caps as leases, and puts back what it found.
    Agent(AgentArgs),
}

#[derive(Debug, Args)]
struct AgentArgs {
    /// Site file.
    #[arg(long)]
    site: PathBuf,
    /// NVML library; the system's if not given.
    #[arg(long)]
    nvml: Option<PathBuf>,
    /// Clock page of a harness; the host's clock if not given.
    #[arg(long)]
    clock: Option<PathBuf>,
    /// Folder of the ownership file.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Report, and refuse every command.
    #[arg(long)]
    advisory: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match Cli::parse().verb {
        Verb::Agent(AgentArgs { site, nvml, clock, state, advisory }) => {
            let exit = runtime.block_on(agent::run(agent::Options { site, nvml, clock, state, advisory }));
            // A call into a hung driver must not keep the process from ending.
            runtime.shutdown_background();
            exit
        }
    }
}
