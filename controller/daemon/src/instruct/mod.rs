//! `headroom instruct`: what an operator says of one setpoint, kept in the state folder.
//!
//! Responsible for: the verb. Rooms: `said` (the file, a chain that is only appended to), `standing` (what stands of it, as the
//! line takes it), `desk` (the page `/instructions`), `operators` (who may say it over HTTP). Not for: what the line makes of
//! it (`headroom-core`, `line/instructed`).
//!
//! Whoever may write into the state folder may instruct with this verb; over HTTP only those that the operators' file names.

pub(crate) mod desk;
pub(crate) mod operators;
pub(crate) mod said;
pub(crate) mod standing;

use crate::exit;
use crate::https::client::shut_out;
use crate::run::http::url_of;
use crate::run::view::View;
use crate::status::Reader;
use anyhow::{Context, Result};
use clap::Args;
use headroom_site::Span;
use said::{Said, Word};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a controller may take to hear of it: some ticks.
const HEARS: Duration = Duration::from_secs(15);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The setpoint, as the site file has it.
    actuator: String,
    /// accept: it may go as far as `--value`; reject: no further than it stands; hold: it stays; auto: as if nothing had been
    /// said.
    #[arg(value_enum)]
    word: Word,
    /// How far it may go, in its unit of the site file.
    #[arg(long, required_if_eq("word", "accept"), allow_negative_numbers = true)]
    value: Option<f64>,
    /// For how long: 8 h for what is accepted, 1 h for what is rejected, until `auto` for a hold, unless said.
    #[arg(long = "for", value_name = "SPAN", value_parser = crate::see::span)]
    length: Option<Span>,
    /// Why, for whoever looks later.
    #[arg(long, default_value = "")]
    why: String,
    /// State folder of the controller.
    #[arg(long, default_value = "/var/lib/headroom")]
    state: PathBuf,
}

pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let by = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let Options { actuator, word, value, length, why, state } = options;
    if let Some(why) = shut_out(state).await {
        eprintln!("headroom instruct: nothing is said: {why}");
        return Ok(ExitCode::from(exit::FAULT));
    }
    let view = asked(state).await;
    if let Some(Err(refusal)) = view.as_ref().map(|view| may(view, actuator, *word, *value)) {
        eprintln!("headroom instruct: {refusal}");
        return Ok(ExitCode::from(exit::FAULT));
    }
    // The controller's clock counts: it is the one that ends it.
    let host_ms = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    let now_ms = view.filter(|v| v.ticks > 0).map_or_else(host_ms, |v| v.unix_ms);
    let said = Said::at(now_ms, actuator, *word, *value, *length, &by.unwrap_or_default(), why);
    said.keep(state)?;
    Ok(match heard(state, &said).await {
        Some(true) => {
            println!("{actuator}: {said}");
            ExitCode::SUCCESS
        }
        Some(false) => {
            eprintln!("headroom instruct: the controller answers and has not heard of it; its log says why");
            ExitCode::from(exit::FAULT)
        }
        None => {
            println!(
                "{actuator}: {said}; no controller answers: one that starts with this state folder hears of it"
            );
            ExitCode::SUCCESS
        }
    })
}

/// May this be said of a setpoint, by what the daemon shows of it?
fn may(view: &View, actuator: &str, word: Word, value: Option<f64>) -> Result<(), String> {
    if let Some(l) = view.leadership.as_ref().filter(|l| !l.leads) {
        let leader = l.leader.as_deref().unwrap_or("nobody");
        return Err(format!("this controller stands by, {leader} leads: say it on that host"));
    }
    let Some(a) = view.actuators.iter().find(|a| a.id == actuator) else {
        let known: Vec<&str> = view.actuators.iter().map(|a| a.id.as_str()).collect();
        return Err(format!("no setpoint is called `{actuator}`; there are {}", known.join(", ")));
    };
    said::check(word, value, (a.least, a.most), &a.unit)
}

async fn asked(state: &Path) -> Option<View> {
    let bytes = Reader::new().get(&format!("{}/status", url_of(state)?)).await.ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Has the controller of a state folder heard of it? `None` where none answers.
async fn heard(state: &Path, said: &Said) -> Option<bool> {
    let begun = Instant::now();
    let mut view = asked(state).await?;
    while begun.elapsed() < HEARS {
        let row = view.actuators.iter().find(|a| a.id == said.actuator);
        let stands = row.and_then(|a| a.instruction.as_ref());
        if stands.map_or(said.word == Word::Auto, |s| s.unix_ms == said.unix_ms && s.word == said.word) {
            return Some(true);
        }
        tokio::time::sleep(LOOK).await;
        view = asked(state).await.context("gone").ok().unwrap_or(view);
    }
    Some(false)
}
