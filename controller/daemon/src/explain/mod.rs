//! `headroom explain`: why a GPU, a setpoint, a job or a point is as it is.
//!
//! Responsible for: finding what is asked for, the page `/explain`, and the verb. Not for: what is said of each kind (`gpu`,
//! `setpoint`, `job`, `point`), nor for what was before (`chain` from the readings that are kept, `past` from the journal).
//!
//! An explanation is made by the daemon between two ticks, of the very figures that it decided by: asked for, and not kept.

mod chain;
mod changes;
mod gpu;
mod job;
mod past;
mod point;
mod setpoint;

use crate::exit;
use crate::run::questions::Questions;
use crate::run::seen::pages::{Shared, lock};
use crate::status::{Answered, Reader};
use anyhow::{Context, Result};
use axum::Json;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chain::Event;
use clap::Args;
use headroom_core::Line;
use headroom_site::Span;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::process::ExitCode;

/// Why something is as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Explanation {
    /// What it is of.
    pub(crate) of: String,
    /// GPU, setpoint, job or point.
    pub(crate) kind: String,
    /// The tick it is of.
    pub(crate) time: String,
    /// In one sentence.
    pub(crate) says: String,
    /// What was considered, in the order in which it counts.
    pub(crate) items: Vec<Item>,
    /// What would have to be otherwise, where that can be said.
    pub(crate) needs: Vec<String>,
    /// What changed before on the way to it, in order.
    #[serde(default)]
    pub(crate) events: Vec<Event>,
}

/// One thing that was considered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) what: String,
    pub(crate) says: String,
    /// This is what decides.
    pub(crate) binds: bool,
}

impl Item {
    fn new(what: impl Into<String>, says: impl Into<String>) -> Self {
        Self { what: what.into(), says: says.into(), binds: false }
    }

    fn binding(self, binds: bool) -> Self {
        Self { binds, ..self }
    }
}

/// Events are told of so long before, unless more or less is asked for, s; and at most of a day.
const LAST_S: f64 = 900.0;
const MOST_S: f64 = 86_400.0;

/// The page.
pub(crate) fn routes(questions: Questions, seen: Shared) -> Router {
    Router::new().route("/explain", get(page)).with_state((questions, seen))
}

#[derive(Debug, Deserialize)]
struct Of {
    of: String,
    /// How far back events are told, s.
    last_s: Option<f64>,
}

async fn page(State((questions, seen)): State<(Questions, Shared)>, Query(asked): Query<Of>) -> Response {
    let Of { of, last_s } = asked;
    let last = Span::from_s(last_s.unwrap_or(LAST_S).clamp(0.0, MOST_S));
    let asked = of.clone();
    match questions.ask(move |line| explain(line, &asked)).await {
        Ok(Some(mut explanation)) => {
            // A GPU may be named by its place: the events are of the one that is meant.
            let uuid = explanation.of.split_once(' ').filter(|_| explanation.kind == "GPU");
            let name = uuid.map_or(of.as_str(), |(_, uuid)| uuid);
            explanation.events = chain::events(&lock(&seen), name, last);
            Json(explanation).into_response()
        }
        Ok(None) => {
            let why = format!(
                "nothing is called `{of}`: give a setpoint, a GPU (UUID, or node/place), a node, a job or a point\n"
            );
            (StatusCode::NOT_FOUND, why).into_response()
        }
        Err(busy) => busy.into_response(),
    }
}

/// Why something is as it is; `None` if nothing has this name.
pub(crate) fn explain(line: &Line, of: &str) -> Option<Explanation> {
    let site = line.site();
    if let Some(a) = site.actuators.iter().position(|a| a.id == of) {
        return Some(setpoint::explain(line, a));
    }
    if let Some(g) = gpu::find(line, of) {
        return Some(gpu::explain(line, g));
    }
    if let Some(j) = site.jobs.iter().position(|j| j.id == of) {
        return Some(job::explain(line, j));
    }
    site.point(of).map(|p| point::explain(line, p))
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A setpoint, a GPU (UUID, or node/place), a node (that of its GPUs with the least headroom), a job or a point.
    of: String,
    /// Address of the daemon's pages.
    #[arg(long, default_value = "http://127.0.0.1:9464")]
    url: String,
    /// Also what was decided before, from a journal: a setpoint's moves, a node's caps, a point's doubts.
    #[arg(long, value_name = "journal.jsonl")]
    journal: Option<PathBuf>,
    /// How far back.
    #[arg(long, default_value = "15m", value_parser = crate::see::span)]
    last: Span,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: crate::check::Format,
}

pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let query: String = options.of.bytes().map(escaped).collect();
    let (url, last_s) = (options.url.trim_end_matches('/'), options.last.s());
    let page = format!("{url}/explain?of={query}&last_s={last_s}");
    let explanation: Explanation = match Reader::new().get(&page).await {
        Ok(bytes) => serde_json::from_slice(&bytes).context("what answers is not this daemon")?,
        Err(why) => {
            let answered = why.downcast_ref::<Answered>();
            eprintln!(
                "headroom explain: {}",
                answered.map_or_else(|| format!("{page}: {why:#}"), |a| a.said.clone())
            );
            return Ok(ExitCode::from(if answered.is_some() { exit::FAULT } else { exit::NO_FIELD }));
        }
    };
    let past = match &options.journal {
        Some(path) => past::of(path, &explanation, options.last)?,
        None => Vec::new(),
    };
    match options.format {
        crate::check::Format::Json => {
            println!("{}", serde_json::json!({ "explanation": explanation, "past": past }));
        }
        crate::check::Format::Plain => print!("{}", text(&explanation, &past)),
    }
    Ok(ExitCode::SUCCESS)
}

/// A byte of a name as a query carries it.
pub(crate) fn escaped(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

/// When something came, and how far that may be off where it shows.
fn when(v: &Event) -> String {
    let off = v.uncertainty_s;
    if off >= 0.05 { format!("{} +- {off:.1} s", v.time) } else { v.time.clone() }
}

fn text(e: &Explanation, past: &[past::Event]) -> String {
    let width = e.items.iter().map(|i| i.what.chars().count()).max().unwrap_or(0);
    let mut lines = vec![format!("{} {}  {}", e.kind, e.of, e.time), format!("  {}", e.says)];
    lines.extend(e.items.iter().map(|i| {
        let mark = if i.binds { '>' } else { ' ' };
        format!("{mark} {:<width$}  {}", i.what, i.says)
    }));
    lines.extend(e.needs.iter().map(|need| format!("  it would take {need}")));
    if !e.events.is_empty() {
        lines.push("what came before, by when it was so".to_owned());
        let whens: Vec<String> = e.events.iter().map(when).collect();
        let widest =
            |texts: &mut dyn Iterator<Item = &String>| texts.map(|t| t.chars().count()).max().unwrap_or(0);
        let (long, wide) = (widest(&mut whens.iter()), widest(&mut e.events.iter().map(|v| &v.thing)));
        let line = |(v, at): (&Event, &String)| {
            format!("  {at:<long$}  {:<wide$}  {}  {}", v.thing, v.point, v.says)
        };
        lines.extend(e.events.iter().zip(&whens).map(line));
    }
    if !past.is_empty() {
        lines.push("decided before".to_owned());
        lines.extend(past.iter().map(|event| format!("  {event}")));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decides_is_marked_and_names_are_escaped() {
        let e = Explanation {
            of: "CDU-01/dp".to_owned(),
            kind: "setpoint".to_owned(),
            time: "now".to_owned(),
            says: "it stands".to_owned(),
            items: vec![Item::new("a", "1 K").binding(true), Item::new("longer", "2 K")],
            needs: vec!["1 K more".to_owned()],
            events: Vec::new(),
        };
        let wanted =
            "setpoint CDU-01/dp  now\n  it stands\n> a       1 K\n  longer  2 K\n  it would take 1 K more\n";
        assert_eq!(text(&e, &[]), wanted);
        assert_eq!("GPU-a b&c".bytes().map(escaped).collect::<String>(), "GPU-a%20b%26c");
    }
}
