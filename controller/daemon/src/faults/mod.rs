//! `headroom faults`: the rows of the failure table, alone and in pairs, against small plants in virtual time.
//!
//! Responsible for: the campaign and its verdict. Not for: the plant ([`crate::virtual_plant`]) or the controller, which are the
//! ones of every other run.
//!
//! ```text
//! rows, kinds -> fault (drawn by seed, or read) -> run on a settled plant -> judges -> results file -> report
//!                                                                            violation -> reduce -> command line
//! ```
//!
//! | room | what is there |
//! | --- | --- |
//! | `rows` | the failure table: what, how soon noticed, where tested |
//! | `kinds` | one file per family of faults |
//! | `fault` | one fault as text, drawn or read |
//! | `stage` | settled plants and what may be hit there |
//! | `state`, `ways`, `house` | effects carried to the plant, to messages, to controllers |
//! | `said` | what Headroom itself says |
//! | `judge` | what must not happen |
//! | `run`, `campaign`, `results`, `reduce`, `report` | one run, all of them, kept, made small, told |

mod campaign;
mod fault;
mod house;
mod judge;
mod kinds;
mod reduce;
mod report;
mod results;
mod rows;
mod run;
mod said;
mod stage;
mod state;
#[cfg(test)]
mod tests;
mod ways;

use crate::check::Format;
use crate::exit;
use anyhow::{Context, Result, bail};
use campaign::{Course, Starts};
use fault::Plan;
use report::{Failure, Report};
use results::{Head, Line, Results};
use rows::Row;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Runs of each row, or of each pair, where no number is given.
const EACH: u64 = 20;
/// Violations that are made small.
const REDUCED: usize = 10;

/// Options of the verb.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rows of the failure table, by number; all that can be put into virtual time if not given.
    #[arg(long, value_delimiter = ',')]
    rows: Vec<u8>,
    /// Each row together with each other one.
    #[arg(long)]
    pairs: bool,
    /// Number of runs; 20 of each row, or of each pair, if not given.
    #[arg(long)]
    runs: Option<u64>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; one for each core if not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Folder for runs.jsonl and what failed; a campaign that stands there goes on.
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Results file of a campaign that is to go on.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Only this run: ROW.KIND@T+LEN=SIZE:TARGET, several with commas between them.
    #[arg(long, value_name = "FAULTS", conflicts_with_all = ["rows", "pairs", "runs", "out", "resume"])]
    only: Option<String>,
    /// The failure table: each row, how it is put into virtual time, and by which test it is covered besides.
    #[arg(long, conflicts_with_all = ["only", "rows", "pairs", "runs", "out", "resume"])]
    list: bool,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
///
/// # Errors
/// A plant cannot be built, or results cannot be kept.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.list {
        match options.format {
            Format::Plain => print!("{}", report::list()),
            Format::Json => println!("{}", serde_json::to_string_pretty(&report::list_json())?),
        }
        return Ok(ExitCode::SUCCESS);
    }
    let course = match course(options) {
        Ok(course) => course,
        Err(why) => {
            eprintln!("headroom faults: {why:#}");
            return Ok(ExitCode::from(exit::USAGE));
        }
    };
    // What a violated run says is in its line; the log of thousands of runs is not.
    let starts = Starts::default();
    if let Some(only) = &options.only {
        return only_one(only, options, &starts);
    }
    campaign(options, &course, &starts)
}

/// What is to be run.
fn course(options: &Options) -> Result<Course> {
    let known: Vec<u8> = Row::here().map(|row| row.id).collect();
    let mut rows = if options.rows.is_empty() { known.clone() } else { options.rows.clone() };
    rows.sort_unstable();
    rows.dedup();
    if let Some(row) = rows.iter().find(|row| !known.contains(row)) {
        bail!("row {row} is not put into virtual time; `headroom faults --list` says where it is tested");
    }
    if options.pairs && rows.len() < 2 {
        bail!("--pairs takes two rows at least");
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = options.threads.unwrap_or(cores);
    let mut course = Course { rows, pairs: options.pairs, runs: 0, seed: options.seed, threads };
    course.runs = options.runs.unwrap_or(EACH * course.together().len() as u64);
    if !(1..=100_000_000).contains(&course.runs) || !(1..=4096).contains(&threads) {
        bail!("give 1 to 100000000 --runs and 1 to 4096 --threads");
    }
    Ok(course)
}

/// One run, and what came of it.
fn only_one(text: &str, options: &Options, starts: &Starts) -> Result<ExitCode> {
    let plan: Plan = match text.parse() {
        Ok(plan) => plan,
        Err(why) => {
            eprintln!("headroom faults: --only: {why:#}");
            return Ok(ExitCode::from(exit::USAGE));
        }
    };
    let found = match campaign::one(starts.of(options.seed)?, &plan, options.seed) {
        Ok(found) => found,
        Err(why) => {
            eprintln!("headroom faults: --only: {why:#}");
            return Ok(ExitCode::from(exit::USAGE));
        }
    };
    let line = Line::new(0, options.seed, plan.to_string(), found);
    match options.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&line)?),
        Format::Plain => {
            let verdict = if line.violations.is_empty() { "no violation" } else { "VIOLATED" };
            println!("{verdict}: {} s of plant time, seed {}", line.seconds, line.seed);
            for violation in &line.violations {
                println!("  {violation}");
            }
            for (fault, noticed) in plan.0.iter().zip(&line.noticed) {
                let limit = Row::find(fault.kind.row).map_or("-", |row| row.limit.words);
                let when = match noticed {
                    results::NoticedLine::AfterS(s) => format!("noticed after {s:.0} s"),
                    results::NoticedLine::Before => "its sign was there before".to_owned(),
                    results::NoticedLine::Never => "not noticed".to_owned(),
                };
                println!("  {fault}: {when} (limit: {limit}); the sign: {}", fault.kind.sign);
            }
        }
    }
    Ok(if line.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAULT) })
}

/// All runs, kept and told.
fn campaign(options: &Options, course: &Course, starts: &Starts) -> Result<ExitCode> {
    let began = Instant::now();
    let head = Head {
        format: 1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: course.seed,
        rows: course.rows.clone(),
        pairs: course.pairs,
    };
    let path = options.resume.clone().or_else(|| options.out.as_ref().map(|dir| dir.join("runs.jsonl")));
    let (results, known) = match path.as_ref().map(|path| Results::open(path, &head)).transpose() {
        Ok(open) => open.map_or((None, Vec::new()), |(results, known)| (Some(results), known)),
        Err(why) => {
            eprintln!("headroom faults: {why:#}");
            return Ok(ExitCode::from(exit::CONFIGURATION));
        }
    };
    let lines = campaign::all(course, starts, results, known)?;
    let report = Report {
        runs: lines.len(),
        pairs: course.pairs,
        seed: course.seed,
        plant_s: lines.iter().map(|line| f64::from(line.seconds)).sum(),
        wall_s: began.elapsed().as_secs_f64(),
        violated: lines.iter().filter(|line| !line.violations.is_empty()).count(),
        failures: failures(&lines, starts)?,
        kinds: report::by_kind(&lines),
    };
    if let Some(folder) = path.as_deref().and_then(std::path::Path::parent) {
        write_failures(folder, &report)?;
    }
    match options.format {
        Format::Plain => print!("{}", report.plain()),
        Format::Json => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    Ok(if report.violated == 0 { ExitCode::SUCCESS } else { ExitCode::from(exit::FAULT) })
}

/// Runs that failed, the first of them made small.
fn failures(lines: &[Line], starts: &Starts) -> Result<Vec<Failure>> {
    let mut out = Vec::new();
    for line in lines.iter().filter(|line| !line.violations.is_empty()) {
        let mut reduced = None;
        if let (true, Some(first)) = (out.len() < REDUCED, line.violations.first()) {
            let plan = reduce::reduce(starts.of(line.seed)?, &line.plan.parse()?, line.seed, first);
            reduced = Some(results::command(&plan.to_string(), line.seed));
        }
        let what = line.violations.iter().map(ToString::to_string).collect();
        out.push(Failure { run: line.run, what, command: line.command(), reduced });
    }
    Ok(out)
}

/// Keeps what failed beside the results.
fn write_failures(folder: &std::path::Path, report: &Report) -> Result<()> {
    let path = folder.join("failures.txt");
    if report.failures.is_empty() {
        return match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).context(path.display().to_string()),
            _ => Ok(()),
        };
    }
    let text: String = report
        .failures
        .iter()
        .map(|f| format!("{}\n{}\n{}\n\n", f.what.join("\n"), f.command, f.reduced.as_deref().unwrap_or("")))
        .collect();
    crate::score::write_whole(&path, &text)
}
