//! The `headroom` binary: verbs, and nothing else.

mod agent;
mod backtest;
mod bench;
mod calibrate;
mod check;
mod commission;
mod completions;
mod demo;
mod dice;
mod discover;
mod election;
mod exit;
mod explain;
mod export;
mod faults;
mod files;
mod https;
mod identify;
mod instruct;
mod ledger;
mod man;
mod map;
mod release;
mod replay;
mod report;
mod run;
mod say;
mod scenarios;
mod score;
mod see;
mod sequence;
mod status;
mod supervisor;
mod tables;
mod tape;
mod top;
mod verify;
mod virtual_plant;
mod what_if;

use anyhow::Result;
use check::Format;
use clap::{Args, CommandFactory, Parser, Subcommand};
use files::ModeChoice;
use headroom_daemon::journal;
use std::net::SocketAddr;
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
    /// The controller over a recording of this plant in which it would have moved setpoints: what it saves and what it risks, and
    /// how sure that is.
    Backtest(backtest::Options),
    /// What this machine does: time and memory of the product's parts, beside their limits.
    Bench(bench::Options),
    /// Every model of the plant beside published figures: what each is off by, and whether that is allowed.
    Calibrate(calibrate::Options),
    /// Every finding in site, policy, register map and scenario files.
    Check {
        /// Files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How findings are printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Three hours beside the plant in which setpoints move a little, and the model of the site that follows.
    Commission(CommissionArgs),
    /// A script that completes this command line in a shell.
    Completions(completions::Options),
    /// A whole factory on loopback with real protocols: live view, and the score at the end.
    Demo(demo::Options),
    /// A draft of a site file or register map from what a bus or device says; nothing is written to it.
    Discover {
        #[command(subcommand)]
        what: discover::What,
    },
    /// Why a setpoint, a GPU, a job or a point is as it is: what was considered, what binds, and what it would take.
    Explain(explain::Options),
    /// The journal of a state folder, and its tape, as tables: Parquet, CSV or one MCAP log.
    Export(export::Options),
    /// Faults of sensors, clocks, wires, devices, agents, controller, disk and operators, alone and in pairs, in virtual time:
    /// what must not happen, and how soon each is noticed.
    Faults(faults::Options),
    /// A model of the site from a table of what was seen, checked on data that was held back.
    Identify(identify::Options),
    /// What an operator says of one setpoint: accept, reject, hold, or automatic again.
    Instruct(instruct::Options),
    /// The manual pages of every verb, written to a folder.
    Man(man::Options),
    /// Register maps from and to a spreadsheet.
    Map {
        #[command(subcommand)]
        way: map::Way,
    },
    /// Every point or GPU as the daemon has it: value, age, how sure its time is, quality, trend.
    Points(see::points::Options),
    /// Everything let go in one step: the plant has its own setpoints again, the GPUs what was found; advice goes on.
    Release(release::ReleaseOptions),
    /// The decisions of a tape (`headroom run --tape`) once more, held against those that were made.
    Replay(replay::Options),
    /// What a day, a week or any span cost: tokens, FLOPS, watts and PUE with their money, as a page, tables or text.
    Report(report::Options),
    /// What was let go is commanded again, after half a minute of looking.
    Resume(release::ResumeOptions),
    /// The daemon beside the BMS: reads the field, decides, and commands as leases.
    Run(RunArgs),
    /// Worlds in virtual time: the plant on its own BMS, Headroom and other strategies, side by side.
    Score(score::options::ScoreArgs),
    /// The written sequence of operation of a site under a policy, with functional tests, for review and signature.
    Sequence(sequence::Options),
    /// What the daemon knows, wants and does, on one screen.
    Status {
        /// Address of the daemon's pages.
        #[arg(long, default_value = "http://127.0.0.1:9464")]
        url: String,
        /// How it is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Each new reading of a point, or sample of a GPU, as it is aligned.
    Tap(see::tap::Options),
    /// Points and quantities of GPUs on one true time axis: in the terminal, as an offline page, as CSV.
    Timeline(see::timeline::Options),
    /// The web page's figures in this terminal, live: the four pairs, what is wrong, cooling, power, every GPU.
    Top(top::Options),
    /// Are journals and tapes whole, and unchanged since they were written?
    Verify(verify::Options),
    /// What would be if a setpoint stood elsewhere, a pump were lost, or power were cut; nothing is moved.
    WhatIf(what_if::Options),
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Site file.
    #[arg(long)]
    site: PathBuf,
    /// Policy: a file, or a shipped one by name.
    #[arg(long)]
    policy: String,
    /// Holds every group to advice, or lets every group command; what the policy says if not given.
    #[arg(long)]
    mode: Option<ModeChoice>,
    /// Clock page of a harness; the host's clock if not given.
    #[arg(long)]
    clock: Option<PathBuf>,
    /// Folder of journal and epoch.
    #[arg(long, default_value = "/var/lib/headroom")]
    state: PathBuf,
    /// Address of the pages (/healthz, /metrics, /status, /points, ...); port 0 takes any.
    #[arg(long, default_value = "127.0.0.1:9464")]
    http: SocketAddr,
    /// The pages are inside TLS: certificate, key, and whose certificates let somebody in.
    #[arg(long, value_name = "http-tls.toml")]
    http_tls: Option<PathBuf>,
    /// Who commands, in commands and journal.
    #[arg(long, default_value = "headroom")]
    id: String,
    /// Memory for what was seen lately (`headroom timeline`), MiB; half for points, half for GPUs.
    #[arg(long, default_value_t = 64)]
    history_mib: usize,
    /// Also writes what is seen as a table, one row per cooling period, for `headroom identify`: appended to a file of the
    /// same site, at most 256 MiB and one such file put aside.
    #[arg(long, value_name = "FILE.csv")]
    record: Option<PathBuf>,
    /// A model of this site, from `headroom identify` or `headroom commission`: what it foresees is shown.
    #[arg(long, value_name = "model.toml")]
    model: Option<PathBuf>,
    /// Also keeps everything that the controller is told, tick by tick, so that its decisions can be made again (`headroom
    /// replay`).
    #[arg(long, value_name = "FILE")]
    tape: Option<PathBuf>,
    /// Where a tape ends, MiB.
    #[arg(long, default_value_t = 4096)]
    tape_mib: u64,
    /// Where a journal is put aside as `journal.old.jsonl`, MiB; the one that was there is gone.
    #[arg(long, default_value_t = 1024)]
    journal_mib: u64,
    /// Who may instruct over HTTP (names, roles, digests of tokens); nobody if not given.
    #[arg(long, value_name = "operators.toml")]
    operators: Option<PathBuf>,
    /// Evidence of `headroom backtest`, for groups whose policy asks for it before they command; may stand several times.
    #[arg(long, value_name = "evidence.toml")]
    evidence: Vec<PathBuf>,
    #[command(flatten)]
    store: election::StoreArgs,
}

#[derive(Debug, Args)]
struct CommissionArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Where the model is written (TOML).
    #[arg(long, value_name = "model.toml")]
    out: PathBuf,
    /// How long setpoints move: up to 3h.
    #[arg(long, default_value = "3h", value_parser = see::span)]
    length: headroom_site::Span,
}

impl RunArgs {
    fn options(self) -> run::Options {
        let Self {
            site,
            policy,
            mode,
            clock,
            state,
            http,
            http_tls,
            id,
            history_mib,
            record,
            model,
            tape,
            tape_mib,
            journal_mib,
            operators,
            evidence,
            store,
        } = self;
        let history = history_mib.saturating_mul(1 << 20);
        let tape = tape.map(|path| (path, tape_mib.saturating_mul(1 << 20)));
        run::Options {
            site,
            policy,
            mode,
            clock,
            state,
            http,
            http_tls,
            id,
            history,
            record,
            model,
            tape,
            journal_bytes: journal_mib.saturating_mul(1 << 20),
            operators,
            evidence,
            excite: None,
            store: store.options(),
        }
    }
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
    /// Layout of reports: packed, or JSON for people.
    #[arg(long, value_enum, default_value_t)]
    report_format: agent::Layout,
    /// Where the network ports are read: a sysfs.
    #[arg(long)]
    sysfs: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).init();
    match Cli::parse().verb {
        Verb::Agent(AgentArgs { site, nvml, clock, state, advisory, report_format, sysfs }) => {
            let format = report_format.into();
            let runtime = runtime()?;
            let exit = runtime.block_on(agent::run(agent::Options {
                site,
                nvml,
                clock,
                state,
                advisory,
                format,
                sysfs,
            }));
            // A call into a hung driver must not keep the process from ending.
            runtime.shutdown_background();
            exit
        }
        Verb::Backtest(options) => backtest::run(&options),
        Verb::Bench(options) => bench::run(&options),
        Verb::Calibrate(options) => calibrate::run(&options),
        Verb::Check { files, format } => check::run(&files, format),
        Verb::Commission(CommissionArgs { run, out, length }) => {
            runtime()?.block_on(commission::run(run.options(), &out, length))
        }
        Verb::Completions(options) => Ok(completions::run(&options, Cli::command())),
        Verb::Demo(options) => demo::run(&options),
        Verb::Discover { what } => runtime()?.block_on(discover::run(&what)),
        Verb::Explain(options) => runtime()?.block_on(explain::run(&options)),
        Verb::Export(options) => export::run(&options),
        Verb::Faults(options) => faults::run(&options),
        Verb::Identify(options) => identify::run(&options),
        Verb::Instruct(options) => runtime()?.block_on(instruct::run(&options)),
        Verb::Man(options) => man::run(&options, Cli::command()),
        Verb::Map { way } => Ok(map::run(&way)),
        Verb::Points(options) => runtime()?.block_on(see::points::run(&options)),
        Verb::Release(options) => runtime()?.block_on(release::release(&options)),
        Verb::Replay(options) => replay::run(&options),
        Verb::Report(options) => report::run(&options),
        Verb::Resume(options) => runtime()?.block_on(release::resume(&options)),
        Verb::Run(args) => runtime()?.block_on(run::run(args.options())),
        Verb::Score(args) => score::score(&args),
        Verb::Sequence(options) => sequence::run(&options),
        Verb::Status { url, format } => runtime()?.block_on(status::run(&url, format)),
        Verb::Tap(options) => runtime()?.block_on(see::tap::run(&options)),
        Verb::Timeline(options) => runtime()?.block_on(see::timeline::run(&options)),
        Verb::Top(options) => runtime()?.block_on(top::run(&options)),
        Verb::Verify(options) => Ok(verify::run(&options)),
        Verb::WhatIf(options) => runtime()?.block_on(what_if::run(&options)),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
