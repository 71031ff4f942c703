//! What was decided before, from a journal.
//!
//! Responsible for: the moves of a setpoint, the caps of a node, the doubts about a point, each when it changed and why. Not
//! for: whether the journal is whole beyond what is read of it (`headroom verify`).

use super::Explanation;
use crate::journal::{Records, old};
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
    /// Of the journal that was put aside.
    aside: bool,
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let aside = if self.aside { " of the journal put aside" } else { "" };
        write!(f, "{}  {}  (line {}{aside})", self.time, self.what, self.line)
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

/// What one journal says of it.
struct Told {
    events: Vec<Event>,
    /// The state that its first event came to, and its last.
    first: Option<String>,
    last: Option<String>,
    /// Times of its first record and its last.
    from_ns: i64,
    to_ns: i64,
}

/// What changed of the explained, over so long before the end of the journal; also from the one that was put aside before it,
/// where it does not reach so far back.
///
/// # Errors
/// A journal cannot be read, or is broken.
pub(super) fn of(path: &Path, e: &Explanation, last: Span) -> Result<Vec<Event>> {
    let told = told(path, e)?;
    let mut since_ns = told.to_ns - last.ns();
    let aside = old(path);
    let mut events = Vec::new();
    let mut own = told.events;
    if told.from_ns > since_ns && aside.exists() {
        let before = self::told(&aside, e)?;
        since_ns = told.to_ns.max(before.to_ns) - last.ns();
        events = before.events;
        events.iter_mut().for_each(|event| event.aside = true);
        if before.last.is_some() && before.last == told.first {
            own.remove(0);
        }
    }
    events.append(&mut own);
    events.retain(|event| event.tai_ns >= since_ns);
    Ok(events)
}

fn told(path: &Path, e: &Explanation) -> Result<Told> {
    let mut records = Records::open(path)?;
    let mut told = Told { events: Vec::new(), first: None, last: None, from_ns: i64::MAX, to_ns: 0 };
    let name = if e.kind == "GPU" { e.of.split('/').next().unwrap_or_default() } else { &e.of };
    let mut line = 0;
    while let Some(bytes) = records.read()? {
        line += 1;
        let record: Record =
            serde_json::from_slice(bytes).with_context(|| format!("{}: line {line}", path.display()))?;
        (told.from_ns, told.to_ns) = (told.from_ns.min(record.tai_ns), record.tai_ns);
        let Some((state, what)) = state(&record, &e.kind, name) else { continue };
        if told.last.as_ref() != Some(&state) {
            let (time, tai_ns) = (record.time, record.tai_ns);
            told.events.push(Event { time, tai_ns, what, line, aside: false });
            told.first.get_or_insert_with(|| state.clone());
            told.last = Some(state);
        }
    }
    Ok(told)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;

    fn record(s: i64, to: f64) -> String {
        let setpoint = format!(
            r#"{{"actuator":"a/dp","unit":"kPa","stands":{to},"admitted":{to},"guard":null,"why":"wanted {to}"}}"#
        );
        format!(
            r#"{{"time":"{s} s","tai_ns":{},"caps_guard":"","setpoints":[{setpoint}],"commands":[]}}"#,
            s * 1_000_000_000
        )
    }

    #[test]
    fn what_came_before_is_found_in_the_journal_put_aside() {
        let folder = std::env::temp_dir().join(format!("headroom-past-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("journal.jsonl");
        let mut journal = Journal::open(&old(&path)).unwrap();
        for (s, to) in [(0, 50.0), (10, 60.0), (20, 60.0)] {
            journal.append_text(&record(s, to)).unwrap();
        }
        drop(journal);
        let mut journal = Journal::open(&path).unwrap();
        for (s, to) in [(30, 60.0), (40, 70.0)] {
            journal.append_text(&record(s, to)).unwrap();
        }
        drop(journal);
        let e = Explanation { kind: "setpoint".into(), of: "a/dp".into(), ..Explanation::default() };
        let lines = |last_s: f64| -> Vec<(usize, bool)> {
            of(&path, &e, Span::from_s(last_s)).unwrap().iter().map(|e| (e.line, e.aside)).collect()
        };
        assert_eq!(lines(35.0), [(2, true), (2, false)], "60 kPa went on over the change of journals");
        assert_eq!(lines(5.0), [(2, false)], "the last seconds are in the journal itself");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
