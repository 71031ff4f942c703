//! `headroom discover dsx`: a site file from what a DSX bus says of itself.
//!
//! Responsible for: the walk, the order of the draft, and its summary. Rooms: `objects` (equipment, racks and what serves
//! what), `power` (the tree), `points`, `requests` (actuators, only where the metadata names us).

mod objects;
mod points;
mod power;
mod requests;

use super::{float, is_free, text};
use crate::check::Format;
use crate::exit;
use anyhow::{Context, Result};
use clap::Args;
use headroom_drivers::Clock;
use headroom_drivers::mqtt::dsx::survey::{self, Survey, WalkError};
use objects::Objects;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Most seconds of a walk.
const MOST_SECONDS: f64 = 3600.0;

/// Options of `headroom discover dsx`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Bus: mqtt://host:port.
    url: String,
    /// Our integration id: requests that name it become actuators.
    #[arg(long, default_value = "headroom")]
    integration: String,
    /// How long to listen; the BMS says everything again every 100 s.
    #[arg(long, default_value_t = 120.0)]
    seconds: f64,
    /// Site file to write; it must not be there yet.
    #[arg(long)]
    out: PathBuf,
    /// Name of the site.
    #[arg(long, default_value = "discovered")]
    name: String,
    /// How the summary is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct Summary {
    file: String,
    seconds: f64,
    messages: u64,
    malformed: u64,
    topics: usize,
    topics_with_values: usize,
    racks: usize,
    equipment: usize,
    power_branches: usize,
    points: usize,
    actuators: usize,
    /// Things in the draft that a person has to confirm.
    to_confirm: usize,
}

/// Runs the verb.
pub(super) async fn run(options: &Options) -> Result<ExitCode> {
    if !(options.seconds > 0.0 && options.seconds <= MOST_SECONDS) {
        eprintln!("headroom discover: --seconds {}: give above 0 to {MOST_SECONDS}", options.seconds);
        return Ok(ExitCode::from(2));
    }
    if let Err(code) = is_free(&options.out) {
        return Ok(code);
    }
    let lasts = Duration::from_secs_f64(options.seconds);
    let survey = match survey::walk(&options.url, lasts, &Clock::host()).await {
        Ok(survey) => survey,
        Err(e @ WalkError::Url(_)) => {
            eprintln!("headroom discover: {e}");
            return Ok(ExitCode::from(2));
        }
        Err(e @ WalkError::Down(_)) => {
            eprintln!("headroom discover: {}: {e}", options.url);
            return Ok(ExitCode::from(exit::NO_FIELD));
        }
    };
    if survey.topics.values().all(|t| t.said.is_none()) {
        eprintln!("headroom discover: {}: no metadata of DSX in {} s", options.url, options.seconds);
        return Ok(ExitCode::from(exit::FAULT));
    }
    let (draft, mut summary) = draft(&survey, options);
    std::fs::write(&options.out, draft).with_context(|| options.out.display().to_string())?;
    summary.file = options.out.display().to_string();
    match options.format {
        Format::Json => println!("{}", serde_json::to_string(&summary)?),
        Format::Plain => println!("{}", plain(&summary)),
    }
    Ok(ExitCode::SUCCESS)
}

fn plain(s: &Summary) -> String {
    format!(
        "{}: {} points, {} actuators, {} racks, {} pieces of equipment, {} power branches from {} topics ({} with values, \
         {} messages, {} not understood) in {} s; {} places say CONFIRM",
        s.file,
        s.points,
        s.actuators,
        s.racks,
        s.equipment,
        s.power_branches,
        s.topics,
        s.topics_with_values,
        s.messages,
        s.malformed,
        s.seconds,
        s.to_confirm
    )
}

/// The draft as text, and what is in it.
fn draft(survey: &Survey, options: &Options) -> (String, Summary) {
    let objects = Objects::new(survey);
    let tree = power::Tree::new(&objects);
    let points = points::of(survey, &objects);
    let requests = requests::of(survey, &objects, &points, &options.integration);
    let mut o = String::new();
    // Writing into a String cannot fail.
    let _ = head(&mut o, survey, options);
    let _ = objects.write(&mut o, &tree);
    let _ = tree.write(&mut o, &points);
    let _ = points::write(&mut o, &points);
    let _ = requests::write(&mut o, &requests);
    let _ = tail(&mut o, &points);
    let summary = Summary {
        seconds: options.seconds,
        messages: survey.messages,
        malformed: survey.malformed,
        topics: survey.topics.len(),
        topics_with_values: survey.topics.values().filter(|t| t.last.is_some()).count(),
        racks: objects.racks().count(),
        equipment: objects.equipment(&tree).count(),
        power_branches: tree.branches.len(),
        points: points.len(),
        actuators: requests.iter().filter(|r| r.is_ready()).count(),
        to_confirm: o.matches("CONFIRM").count(),
        ..Summary::default()
    };
    (o, summary)
}

fn head(o: &mut String, survey: &Survey, options: &Options) -> std::fmt::Result {
    writeln!(
        o,
        "# A draft: what the DSX bus said of itself in {} s. Nothing was written to it.",
        options.seconds
    )?;
    writeln!(
        o,
        "# What a bus cannot know is marked with the word in capitals; `headroom check` takes the file as it is."
    )?;
    if survey.malformed > 0 {
        writeln!(o, "# {} messages were not of the contract.", survey.malformed)?;
    }
    if survey.left_out > 0 {
        writeln!(
            o,
            "# {} messages of further topics were left out: the bus is larger than a draft.",
            survey.left_out
        )?;
    }
    writeln!(o, "format = 1\n\n[site]\nname = {}\n", text(&options.name))?;
    writeln!(o, "[[mqtt]]\nid = \"bms\"\nurl = {}\ndialect = \"dsx\"", text(&options.url))?;
    writeln!(o, "integration = {}", text(&options.integration))?;
    heartbeats(o, survey, &options.integration)?;
    writeln!(o, "# agents = true                 # CONFIRM: if the agents of GPU nodes are to meet here\n")
}

/// What the heartbeats say.
fn heartbeats(o: &mut String, survey: &Survey, integration: &str) -> std::fmt::Result {
    let of_system = survey.topics.iter().filter(|(rest, _)| rest.starts_with("System/"));
    for (rest, topic) in of_system {
        let owner = topic.said.as_ref().and_then(|s| s.integration.as_deref());
        let who = owner.map_or("the BMS".to_owned(), |o| {
            if o == integration { format!("{o}, us") } else { o.to_owned() }
        });
        let kind = rest.split('/').nth(1).unwrap_or_default();
        let heard = topic.last.map_or("not heard".to_owned(), |l| {
            let behind = l.arrival.since(l.stamp).s();
            format!("heard {} times, its clock and the way together {} s behind ours", l.count, float(behind))
        });
        writeln!(o, "# {} of {}: {heard}", super::remark(kind), super::remark(&who))?;
    }
    Ok(())
}

/// What no bus says.
fn tail(o: &mut String, points: &[points::Draft]) -> std::fmt::Result {
    writeln!(
        o,
        "# Meters of the whole. CONFIRM: which point measures what; then take the marks off.\n# [meters]"
    )?;
    let of_kind = |kind: &'static str| points.iter().filter(move |p| p.kind == kind && !p.setpoint);
    let example = |kind| of_kind(kind).next().map_or("...", |p| p.id.as_str());
    writeln!(o, "# facility = {}", text(example("ActivePower")))?;
    writeln!(o, "# it = {}", text(example("ActivePower")))?;
    writeln!(o, "# room-temperature = [{}]", text(example("AirTemperature")))?;
    writeln!(o, "# room-humidity = [{}]\n", text(example("AirRelativeHumidity")))?;
    writeln!(o, "# GPUs. CONFIRM: which node stands in which rack; UUIDs as `nvidia-smi -L` lists them.")?;
    for line in ["[[node]]", "id = \"node-001\"", "rack = \"...\"", "sku = \"GB200\"", "gpus = [\"GPU-...\"]"]
    {
        writeln!(o, "# {line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
