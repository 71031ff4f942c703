//! `headroom bench`: what this machine does.
//!
//! Responsible for: timing the parts of the product at any size, each beside the limit it has to keep. Not for: passing
//! or failing a build; machines differ, so a figure out of its limit is shown, not punished.

mod alloc;
mod truth;

use crate::check::Format;
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::process::ExitCode;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// A step of the simulated plant with everything in it.
    Truth,
}

/// Options of `headroom bench`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What is measured.
    what: What,
    /// Numbers of GPUs, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    gpus: Vec<usize>,
    /// Length of a step, s.
    #[arg(long, default_value_t = 1.0)]
    step: f64,
    /// Wall time given to each size, s.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
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
    let mut all = Vec::new();
    for &gpus in &options.gpus {
        if !(8..=200_000).contains(&gpus) {
            bail!("--gpus {gpus}: give 8 to 200000");
        }
        let What::Truth = options.what;
        all.push(truth::measure(gpus, options.step, options.seconds)?);
    }
    match options.format {
        Format::Json if all.len() == 1 => println!("{}", serde_json::to_string_pretty(&all[0])?),
        Format::Json => println!("{}", serde_json::to_string_pretty(&all)?),
        Format::Plain => print!("{}", table(&all)),
    }
    Ok(ExitCode::SUCCESS)
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
