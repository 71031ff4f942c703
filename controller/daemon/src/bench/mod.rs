//! `headroom bench`: what this machine does.
//!
//! Responsible for: timing the parts of the product at any size, each beside the limit it has to keep. Not for: passing
//! or failing a build; machines differ, so a figure out of its limit is shown, not punished.

mod alloc;
mod allocate;
mod cpu;
mod estimate;
mod ingest;
mod python;
mod solve;
mod truth;

use crate::check::Format;
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Watts on a power tree, beside sorting, proportional scaling and a general solver.
    Allocate,
    /// A step of the GPU observers, beside the roofline and the same filter elsewhere.
    Estimate,
    /// A step of the simulated plant with everything in it.
    Truth,
    /// The quadratic programme of predictive control, beside other solvers.
    Solve,
    /// From the bytes of agents' reports to a snapshot; with `--broker`, through a real one.
    Ingest,
}

/// The field cannot be reached.
const NO_FIELD: u8 = 4;

/// Options of `headroom bench`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What is measured.
    what: What,
    /// Numbers of GPUs, separated by commas [default: 1000,10000,100000; ingest: 10000,100000; estimate: 100000;
    /// allocate: 1000,10000,100000,1000000].
    #[arg(long, value_delimiter = ',')]
    gpus: Vec<usize>,
    /// truth: length of a step, s.
    #[arg(long, default_value_t = 1.0)]
    step: f64,
    /// Wall time given to each size, s.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// ingest: samples of each GPU a second [default: 10, from 50000 GPUs on 1].
    #[arg(long)]
    hz: Option<f64>,
    /// ingest: samples of each GPU in one report.
    #[arg(long, default_value_t = 1)]
    samples: usize,
    /// ingest: facility points, each new in every tick.
    #[arg(long, default_value_t = 5_000)]
    points: usize,
    /// ingest: end to end through this broker, e.g. mqtt://127.0.0.1:1883.
    #[arg(long)]
    broker: Option<String>,
    /// ingest with --broker: nodes of eight GPUs, one message a second each.
    #[arg(long, default_value_t = 1_250)]
    nodes: usize,
    /// solve: numbers of states, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = [8, 16, 30])]
    states: Vec<usize>,
    /// An interpreter to compare with; estimate: numpy (and filterpy), solve: numpy, scipy, piqp, osqp, daqp.
    #[arg(long)]
    python: Option<PathBuf>,
    /// allocate: most GPUs that the general solver is given.
    #[arg(long, default_value_t = 10_000)]
    general: usize,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What came of one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figures {
    bench: &'static str,
    gpus: usize,
    ns_per_gpu_median: f64,
    ns_per_gpu_p99: f64,
    bytes_per_gpu: f64,
    limit_ns_per_gpu: f64,
    allocations_per_tick: f64,
    plant_s_per_wall_s: f64,
}

/// Runs the benchmark and prints its figures.
///
/// # Errors
/// A size or a time that cannot be run.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if !(options.step >= 0.01 && options.step <= 10.0) {
        bail!("--step {}: give 0.01 to 10 s", options.step);
    }
    if !(options.seconds > 0.0 && options.seconds <= 600.0) {
        bail!("--seconds {}: give up to 600 s", options.seconds);
    }
    match (options.what, &options.broker) {
        (What::Truth, _) => {
            let of = |gpus| truth::measure(gpus, options.step, options.seconds);
            show(&each(options, &[1_000, 10_000, 100_000], of)?, options.format, table)?;
        }
        (What::Estimate, _) => {
            let of = |gpus| estimate::measure(gpus, options.seconds, options.python.as_deref());
            show(&each(options, &[100_000], of)?, options.format, estimate::table)?;
        }
        (What::Allocate, _) => {
            let of = |gpus| allocate::measure(gpus, options.seconds, options.general);
            let sizes = [1_000, 10_000, 100_000, 1_000_000];
            let all = each(options, &sizes, of)?.concat();
            show(&all, options.format, allocate::table)?;
        }
        (What::Solve, _) => {
            if let Some(states) = options.states.iter().find(|states| !(1..=64).contains(*states)) {
                bail!("--states {states}: give 1 to 64");
            }
            let of = |&states| solve::measure(states, options.seconds, options.python.as_deref());
            let all: Vec<_> = options.states.iter().map(of).collect::<Result<_>>()?;
            show(&all, options.format, solve::table)?;
        }
        (What::Ingest, None) => {
            let all = each(options, &[10_000, 100_000], |gpus| {
                ingest::measure(gpus, options.rate(gpus)?, options.seconds)
            })?;
            show(&all, options.format, ingest::table)?;
        }
        (What::Ingest, Some(url)) => {
            let Some(figures) = ingest::measure_wire(url, options.nodes, options.seconds)? else {
                eprintln!("headroom bench: no broker answers at {url}");
                return Ok(ExitCode::from(NO_FIELD));
            };
            show(&[figures], options.format, |all| all.iter().map(ingest::plain).collect())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Options {
    fn rate(&self, gpus: usize) -> Result<ingest::Rate> {
        let hz = self.hz.unwrap_or(if gpus < 50_000 { 10.0 } else { 1.0 });
        if !(0.1..=100.0).contains(&hz) || !(1..=100).contains(&self.samples) || self.points > 200_000 {
            bail!("give --hz 0.1 to 100, --samples 1 to 100, --points up to 200000");
        }
        Ok(ingest::Rate { hz, samples: self.samples, points: self.points })
    }
}

/// Measures each size asked for.
fn each<F>(options: &Options, sizes: &[usize], of: impl Fn(usize) -> Result<F>) -> Result<Vec<F>> {
    let sizes = if options.gpus.is_empty() { sizes } else { &options.gpus };
    let most = if options.what == What::Allocate { 4_000_000 } else { 200_000 };
    if let Some(gpus) = sizes.iter().find(|gpus| !(8..=most).contains(*gpus)) {
        bail!("--gpus {gpus}: give 8 to {most}");
    }
    sizes.iter().map(|&gpus| of(gpus)).collect()
}

/// What a share of sorted times keeps within.
fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[(share * (sorted.len() - 1) as f64) as usize]
}

fn show<F: Serialize>(all: &[F], format: Format, table: impl Fn(&[F]) -> String) -> Result<()> {
    match format {
        Format::Json if all.len() == 1 => println!("{}", serde_json::to_string_pretty(&all[0])?),
        Format::Json => println!("{}", serde_json::to_string_pretty(all)?),
        Format::Plain => print!("{}", table(all)),
    }
    Ok(())
}

fn table(all: &[Figures]) -> String {
    use std::fmt::Write;
    let mut out = format!(
        "{:>9} {:>14} {:>12} {:>9} {:>12} {:>14} {:>16}\n",
        "GPUs", "ns/GPU median", "ns/GPU p99", "limit", "bytes/GPU", "allocs/step", "plant s/wall s"
    );
    for f in all {
        // Writing into a String cannot fail.
        let _ = writeln!(
            out,
            "{:>9} {:>14.1} {:>12.1} {:>9.0} {:>12.0} {:>14.2} {:>16.1}",
            f.gpus,
            f.ns_per_gpu_median,
            f.ns_per_gpu_p99,
            f.limit_ns_per_gpu,
            f.bytes_per_gpu,
            f.allocations_per_tick,
            f.plant_s_per_wall_s
        );
    }
    out
}
