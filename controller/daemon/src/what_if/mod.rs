//! `headroom what-if`: what would be if a setpoint stood elsewhere, a pump were lost, or power were cut.
//!
//! Responsible for: finding what is asked for, the page `/what-if`, and the verb. Rooms: `answer` (the figures and their words).
//! Not for: what would be (`headroom-core`, `what_if`).
//!
//! It is answered by the loop between two ticks, of the very belief that it decides by; nothing is moved.

pub(crate) mod answer;

use crate::check::Format;
use crate::exit;
use crate::explain::escaped;
use crate::run::questions::Questions;
use crate::status::{Answered, Reader};
use answer::Answer;
use anyhow::{Context, Result};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use clap::{Args, Subcommand};
use headroom_core::Line;
use headroom_core::what_if::Change;
use serde::Deserialize;
use std::process::ExitCode;

/// Pumps that run together where nobody says how many.
const PUMPS: u32 = 2;

/// What is asked, as the page's query has it: one of `setpoint`, `lose-pump`, `cut`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Asked {
    /// An actuator, with `value` or `by` in its unit of the site file.
    setpoint: Option<String>,
    value: Option<f64>,
    by: Option<f64>,
    /// An equipment that moves the water, with how many `pumps` run.
    lose_pump: Option<String>,
    pumps: Option<u32>,
    /// Percent of what a `branch` draws now; the first branch of the site file if none is named.
    cut: Option<f64>,
    branch: Option<String>,
}

/// The page.
pub(crate) fn routes(questions: Questions) -> Router {
    Router::new().route("/what-if", get(page)).with_state(questions)
}

async fn page(State(questions): State<Questions>, Query(asked): Query<Asked>) -> Response {
    match questions.ask(move |line| answer(line, &asked)).await {
        Ok(Ok(answer)) => Json(answer).into_response(),
        Ok(Err(why)) => (StatusCode::BAD_REQUEST, why + "\n").into_response(),
        Err(busy) => busy.into_response(),
    }
}

/// The answer of a line, or what is wrong with the question.
fn answer(line: &Line, asked: &Asked) -> Result<Answer, String> {
    if line.snapshot().stamp == headroom_site::Stamp::default() {
        return Err("nothing is known before the first tick".to_owned());
    }
    let change = change(line, asked)?;
    let effect = line.what_if(change).ok_or_else(|| match change {
        Change::Setpoint { .. } => "where that setpoint stands is not known".to_owned(),
        _ => "what it serves has water of its own: ask for that instead".to_owned(),
    })?;
    Ok(Answer::new(line, change, &effect))
}

/// What is asked for, in the site's indices.
fn change(line: &Line, asked: &Asked) -> Result<Change, String> {
    match asked {
        Asked { setpoint: Some(id), lose_pump: None, cut: None, .. } => setpoint(line, id, asked),
        Asked { setpoint: None, lose_pump: Some(id), cut: None, .. } => {
            let pumps = asked.pumps.unwrap_or(PUMPS);
            let found = line.site().equipment.iter().position(|e| e.id == *id);
            let equipment = found.ok_or_else(|| {
                unknown("equipment", id, line.site().equipment.iter().map(|e| e.id.as_str()))
            })?;
            if !(2..=100).contains(&pumps) {
                return Err("pumps: how many run now, 2 to 100".to_owned());
            }
            Ok(Change::Flow { equipment, share: f64::from(pumps - 1) / f64::from(pumps) })
        }
        Asked { setpoint: None, lose_pump: None, cut: Some(percent), branch, .. } => {
            cut(line, *percent, branch.as_deref())
        }
        _ => Err(
            "ask one of setpoint=ID&value=X (or by=X), lose-pump=EQUIPMENT&pumps=N, cut=PERCENT&branch=ID"
                .to_owned(),
        ),
    }
}

fn unknown<'a>(kind: &str, id: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let like =
        headroom_site::doc::suggest(id, known).map_or(String::new(), |s| format!("; did you mean `{s}`?"));
    format!("no {kind} is called `{id}`{like}")
}

fn setpoint(line: &Line, id: &str, asked: &Asked) -> Result<Change, String> {
    let site = line.site();
    let found = site.actuators.iter().position(|a| a.id == *id);
    let actuator =
        found.ok_or_else(|| unknown("setpoint", id, site.actuators.iter().map(|a| a.id.as_str())))?;
    let unit = site.actuators[actuator].unit;
    let value = match (asked.value, asked.by) {
        (Some(value), None) => unit.to_base(value),
        (None, Some(by)) => {
            let stands = line.stands(actuator).ok_or("where it stands is not known")?;
            unit.to_base(unit.from_base(stands) + by)
        }
        _ => return Err("say value=X, where it is to stand, or by=X, by how much it is to move".to_owned()),
    };
    let (low, high) = site.actuators[actuator].range;
    if !(low..=high).contains(&value) {
        let [low, high] = [low, high].map(|x| answer::tidy(unit.from_base(x)));
        return Err(format!("the site file allows {low} to {high} {}", unit.symbol));
    }
    Ok(Change::Setpoint { actuator, value })
}

fn cut(line: &Line, percent: f64, branch: Option<&str>) -> Result<Change, String> {
    let site = line.site();
    if !(percent > 0.0 && percent < 100.0) {
        return Err("cut: percent of what is drawn now, above 0 and below 100".to_owned());
    }
    let branch = match branch {
        Some(id) => {
            let found = site.power.iter().position(|b| b.id == *id);
            found.ok_or_else(|| unknown("branch", id, site.power.iter().map(|b| b.id.as_str())))?
        }
        None if site.power.is_empty() => {
            return Err("the site file has no branch of the power tree".to_owned());
        }
        None => 0,
    };
    let watts = line.estimate().branch_w[branch] * (1.0 - percent / 100.0);
    Ok(Change::Budget { branch, watts })
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
    /// Address of the daemon's pages.
    #[arg(long, global = true, default_value = "http://127.0.0.1:9464")]
    url: String,
    /// How it is printed.
    #[arg(long, global = true, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A setpoint stands elsewhere.
    Setpoint {
        /// The setpoint, as the site file has it.
        actuator: String,
        /// Where, in its unit of the site file; with a sign, by how much from where it stands: `+2`, `-1.5`.
        #[arg(allow_hyphen_values = true)]
        to: String,
    },
    /// One pump of several that run is lost, and none takes its place.
    LosePump {
        /// The equipment whose pumps they are, such as a CDU.
        equipment: String,
        /// How many run now.
        #[arg(long, default_value_t = PUMPS)]
        pumps: u32,
    },
    /// A branch may draw so much less than it draws now.
    Cut {
        /// Percent.
        percent: f64,
        /// Branch of the power tree; the first of the site file if not given.
        #[arg(long)]
        branch: Option<String>,
    },
}

impl What {
    fn query(&self) -> String {
        let name = |text: &str| text.bytes().map(escaped).collect::<String>();
        match self {
            Self::Setpoint { actuator, to } => {
                let key = if to.starts_with(['+', '-']) { "by" } else { "value" };
                format!("setpoint={}&{key}={}", name(actuator), name(to.trim_start_matches('+')))
            }
            Self::LosePump { equipment, pumps } => format!("lose-pump={}&pumps={pumps}", name(equipment)),
            Self::Cut { percent, branch } => {
                let branch = branch.as_ref().map_or(String::new(), |b| format!("&branch={}", name(b)));
                format!("cut={percent}{branch}")
            }
        }
    }
}

pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let page = format!("{}/what-if?{}", options.url.trim_end_matches('/'), options.what.query());
    let answer: Answer = match Reader::new().get(&page).await {
        Ok(bytes) => serde_json::from_slice(&bytes).context("what answers is not this daemon")?,
        Err(why) => {
            let answered = why.downcast_ref::<Answered>();
            eprintln!(
                "headroom what-if: {}",
                answered.map_or_else(|| format!("{page}: {why:#}"), |a| a.said.clone())
            );
            return Ok(ExitCode::from(if answered.is_some() { exit::FAULT } else { exit::NO_FIELD }));
        }
    };
    match options.format {
        Format::Json => println!("{}", serde_json::to_string(&answer)?),
        Format::Plain => {
            println!("{}  {}", answer.asked, answer.time);
            answer.says.iter().for_each(|line| println!("  {line}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
