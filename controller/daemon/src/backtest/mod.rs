//! `headroom backtest`: the controller over a recording of the site, in a plant with uncertainty.
//!
//! Responsible for: files, the course of the verb, and its answer. Not for: the plant of the recording (`headroom-core`,
//! `backtest`), nor for the controller, which is the line as ever and cannot tell.
//!
//! ```text
//! tape, site, policy, model ---> the line and a plant, for each draw of what is not known ---> saving and risk, with bounds
//!                                                                                                  |
//!                       headroom run --evidence evidence.toml <--- per group of actuators <---------+
//! ```
//!
//! Rooms: `draws` (what may be wrong), `course` (tapes through lines), `sums` (bounds), `report` (words), `evidence` (the file),
//! `gate` (who may command).

mod course;
mod draws;
pub(crate) mod evidence;
pub(crate) mod gate;
mod report;
pub(crate) mod sums;

use crate::check::Format;
use crate::exit;
use crate::files::{Loaded, ModeChoice, load, load_model};
use anyhow::{Context, Result, bail};
use clap::Args;
use evidence::Evidence;
use headroom_belief::model::NoMisses;
use headroom_core::Topology;
use headroom_core::backtest::{Draw, OtherPlant};
use headroom_guard::Mode;
use headroom_site::file::read_text;
use std::path::PathBuf;
use std::process::ExitCode;
use sums::{Found, LeftOut};

/// Options of `headroom backtest`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Tape of `headroom run --tape`, of days on which nothing was commanded.
    pub(crate) tape: PathBuf,
    /// Site file that it ran with.
    #[arg(long)]
    pub(crate) site: PathBuf,
    /// Policy to try: a file, or a shipped one by name.
    #[arg(long)]
    pub(crate) policy: String,
    /// The site's model, from `headroom identify` or `headroom commission`.
    #[arg(long, value_name = "model.toml")]
    pub(crate) model: PathBuf,
    /// Groups to try, the others stay as they were; every group that the policy does not switch off, if not given.
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// Draws of what is not known of the plant.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) draws: u32,
    /// Seed of the draws.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// What an answer of the model may be off by, as a standard deviation, %.
    #[arg(long, default_value_t = 20.0, value_name = "PERCENT")]
    pub(crate) gain_error: f64,
    /// Threads; one for each core if not given.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Where the evidence is written (TOML); only printed if not given.
    #[arg(long, value_name = "evidence.toml")]
    pub(crate) out: Option<PathBuf>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Runs the verb.
///
/// # Errors
/// A file cannot be read or written, or is of another site.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if !(0.0..=200.0).contains(&options.gain_error) {
        eprintln!("headroom backtest: --gain-error is a percentage from 0 to 200");
        return Ok(ExitCode::from(exit::USAGE));
    }
    let Some((found, evidence)) = found(options)? else { return Ok(ExitCode::from(exit::CONFIGURATION)) };
    if let Some(path) = &options.out {
        evidence.write(path)?;
    }
    match options.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&found)?),
        Format::Plain => {
            let lines = report::plain(&found, &evidence, options.out.as_deref());
            lines.iter().for_each(|l| println!("{l}"));
        }
    }
    Ok(if found.supports() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAULT) })
}

/// What a backtest finds. Findings in site and policy are printed; `None` then.
///
/// # Errors
/// A file cannot be read, is of another site, or holds nothing that can be tried.
pub(crate) fn found(options: &Options) -> Result<Option<(Found, Evidence)>> {
    let Some(mut loaded) = load(&options.site, &options.policy, Some(ModeChoice::Advisory))? else {
        return Ok(None);
    };
    let name = || options.model.display().to_string();
    let model_text = read_text(&options.model).with_context(name)?;
    let model = load_model(&options.model).with_context(name)?;
    let topology = Topology::new(&loaded.site);
    let can_try: Vec<bool> = {
        let places = (&loaded.site, &topology);
        let plant = OtherPlant::new(places, &model, Draw::RIGHT, &mut NoMisses).with_context(name)?;
        (0..loaded.site.actuators.len()).map(|a| plant.can_try(a)).collect()
    };
    let (tried, left) = try_groups(&mut loaded, &options.groups, &can_try)?;
    if tried.is_empty() {
        bail!(
            "no setpoint can be tried: the model knows none of those asked for, or nobody reads them back; excite them first (headroom commission)"
        );
    }
    let setting = course::Setting { loaded: &loaded, topology: &topology, model: &model, options };
    let walked = course::walk(&setting)?;
    if walked.ends.is_none() {
        bail!("tape {}: it has no tick", options.tape.display());
    }
    let found = Found::of(&loaded.site, &walked, &model, (tried, left), options);
    let evidence = Evidence::of(&loaded, &model_text, &found);
    Ok(Some((found, evidence)))
}

/// Lets the setpoints command that are to be tried. Groups that are, and setpoints that are left out, with the reason.
fn try_groups(
    loaded: &mut Loaded,
    asked: &[String],
    can_try: &[bool],
) -> Result<(Vec<String>, Vec<LeftOut>)> {
    let site = &loaded.site;
    if let Some(none) = asked.iter().find(|g| site.actuators.iter().all(|a| a.group != **g)) {
        let mut groups: Vec<&str> = site.actuators.iter().map(|a| a.group.as_str()).collect();
        groups.sort_unstable();
        groups.dedup();
        bail!("no actuator is of the group `{none}`; there are {}", groups.join(", "));
    }
    let (mut tried, mut left) = (Vec::<String>::new(), Vec::new());
    loaded.wants.caps_mode = Mode::Shadow;
    for (i, a) in site.actuators.iter().enumerate() {
        let mode = &mut loaded.wants.actuator_mode[i];
        let why = match *mode {
            Mode::Off => Some("the policy has it off"),
            _ if !asked.is_empty() && !asked.contains(&a.group) => Some("its group is not tried"),
            _ if a.readback.is_none() => Some("nobody reads it back"),
            _ if !can_try[i] => Some("the model does not know it"),
            _ => None,
        };
        *mode = if why.is_some() { Mode::Off } else { Mode::Active };
        match why {
            Some(why) => left.push(LeftOut { setpoint: a.id.clone(), why }),
            None if !tried.contains(&a.group) => tried.push(a.group.clone()),
            None => {}
        }
    }
    Ok((tried, left))
}
