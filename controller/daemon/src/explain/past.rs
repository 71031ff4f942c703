//! What was decided before, from a journal.
//!
//! Responsible for: the moves of a setpoint, the caps of a node, the doubts about a point, each when it changed and why. Not
//! for: whether the journal is whole beyond what is read of it (`headroom verify`).

use super::Explanation;
use crate::journal::Records;
use anyhow::{Context, Result};
use headroom_site::Span;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Event {
    time: String,
    #[serde(skip)]
    tai_ns: i64,
    what: String,
    /// Line of the journal.
    line: usize,
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}  {}  (line {})", self.time, self.what, self.line)
    }
}

/// What is looked at of a record.
#[derive(Debug, Deserialize)]
struct Record {
    time: String,
    tai_ns: i64,
    #[serde(default)]
    released: bool,
    caps_guard: String,
    #[serde(default)]
    implausible: Vec<Doubt>,
    setpoints: Vec<Setpoint>,
    commands: Vec<Commanded>,
}

#[derive(Debug, Deserialize)]
struct Setpoint {
    actuator: String,
    unit: String,
    stands: f64,
    admitted: Option<f64>,
    guard: Option<String>,
    why: String,
}

#[derive(Debug, Deserialize)]
struct Commanded {
    target: String,
    #[serde(default)]
    caps_w: Vec<Option<f32>>,
    #[serde(default)]
    locks_mhz: Vec<Option<f32>>,
}

#[derive(Debug, Deserialize)]
struct Doubt {
    point: String,
    why: String,
}

/// What changed of the explained, over so long before the end of the journal.
///
/// # Errors
/// The journal cannot be read, or is broken.
pub(super) fn of(path: &Path, e: &Explanation, last: Span) -> Result<Vec<Event>> {
    let mut records = Records::open(path)?;
    let (mut events, mut before, mut end_ns): (Vec<Event>, Option<String>, i64) = (Vec::new(), None, 0);
    let name = if e.kind == "GPU" { e.of.split('/').next().unwrap_or_default() } else { &e.of };
    let mut line = 0;
    while let Some(bytes) = records.read()? {
        line += 1;
        let record: Record =
            serde_json::from_slice(bytes).with_context(|| format!("{}: line {line}", path.display()))?;
        end_ns = record.tai_ns;
        let Some((state, what)) = state(&record, &e.kind, name) else { continue };
        if before.as_ref() != Some(&state) {
            events.push(Event { time: record.time, tai_ns: record.tai_ns, what, line });
            before = Some(state);
        }
    }
    events.retain(|event| event.tai_ns >= end_ns - last.ns());
    Ok(events)
}

/// What a record says of it: what makes a change, and the words.
fn state(record: &Record, kind: &str, name: &str) -> Option<(String, String)> {
    match kind {
        "setpoint" => {
            let s = record.setpoints.iter().find(|s| s.actuator == name)?;
            let to = s.admitted.map_or("refused".to_owned(), |v| format!("{v:.2} {}", s.unit));
            let guard = s.guard.as_ref().map_or(String::new(), |g| format!("; guard: {g}"));
            let released = if record.released { "released; " } else { "" };
            // The same reason with other figures is no news, a move is.
            let reason = s.why.split([':', ',']).next().unwrap_or_default();
            let state = format!("{released}{to}{reason}{guard}");
            Some((state, format!("{released}{:.2} -> {to}  {}{guard}", s.stands, s.why)))
        }
        "GPU" => {
            let c = record.commands.iter().find(|c| c.target == name)?;
            let range = |xs: &[Option<f32>], unit: &str| {
                let known: Vec<f32> = xs.iter().flatten().copied().collect();
                let (low, high) = known.iter().fold((f32::MAX, 0.0_f32), |(l, h), x| (l.min(*x), h.max(*x)));
                if known.is_empty() {
                    format!("free {unit}")
                } else {
                    format!("{low:.0} to {high:.0} {unit}")
                }
            };
            let asked = format!("caps {}, clocks {}", range(&c.caps_w, "W"), range(&c.locks_mhz, "MHz"));
            Some((asked.clone(), format!("{asked}; guard: {}", record.caps_guard)))
        }
        "point" => {
            let doubt = record.implausible.iter().find(|d| d.point == name);
            let what = doubt.map_or("not in doubt".to_owned(), |d| d.why.clone());
            Some((doubt.is_some().to_string(), what))
        }
        _ => None,
    }
}
