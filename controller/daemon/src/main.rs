//! The `headroom` binary: verbs, and nothing else.

mod agent;
mod check;
mod exit;
mod files;
mod journal;
mod scenarios;
mod score;
mod virtual_plant;

use anyhow::{Context, Result};
use check::Format;
use clap::{Args, Parser, Subcommand};
use score::options::WorldArgs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Closed-loop control of an AI factory's power and cooling.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// On each GPU node: reports its GPUs, holds caps as leases, and puts back what it found.
    Agent(AgentArgs),
    /// Every finding in site, policy, register map and scenario files.
    Check {
        /// Files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How findings are printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// The demo's worlds in virtual time: the plant on its own BMS against Headroom.
    Score {
        #[command(flatten)]
        world: WorldArgs,
        /// How the score is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
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

fn main() -> Result<ExitCode> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).init();
    match Cli::parse().verb {
        Verb::Agent(AgentArgs { site, nvml, clock, state, advisory }) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let exit = runtime.block_on(agent::run(agent::Options { site, nvml, clock, state, advisory }));
            // A call into a hung driver must not keep the process from ending.
            runtime.shutdown_background();
            exit
        }
        Verb::Check { files, format } => check::run(&files, format),
        Verb::Score { world, format } => run_score(&world, format),
    }
}

fn run_score(args: &WorldArgs, format: Format) -> Result<ExitCode> {
    let config = args.config()?;
    let (baseline, headroom) = score::both(&config, args.hours, &args.policy, args.mode)?;
    if let Some(folder) = &args.out {
        score::write_timelines(&baseline, &headroom, folder).context("timelines")?;
    }
    let strategies = score::Strategies { baseline: baseline.score, headroom: headroom.score, limit: None };
    let file = score::ScoreFile {
        format: 1,
        seed: args.seed,
        hours: args.hours,
        gpus: args.gpus,
        site: score::SITE_NAME.to_owned(),
        scenario: args.scenario.clone(),
        strategies,
    };
    score::write(&file, args.out.as_deref()).context("score.json")?;
    match format {
        Format::Plain => print!("{}", score::table::table(&file)),
        Format::Json => println!("{}", serde_json::to_string_pretty(&file)?),
    }
    Ok(ExitCode::SUCCESS)
}
