//! One event of a scenario, and when it is active.
//!
//! Responsible for: begin, end, repetition and degree. Not for: what it does.

use super::kind::{Kind, Values};
use super::table::{Table, distance};
use super::{COMMON, kinds};

/// An event of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Start, s of plant time since the start of the scenario.
    pub at_s: f64,
    /// Duration, s; infinite where none is given.
    pub for_s: f64,
    /// Period of repetition, s; infinite where none is given.
    pub repeat_s: f64,
    /// Time from nothing to full degree after the start, s.
    pub ramp_s: f64,
    /// Time from full degree to nothing before the end, s.
    pub fade_s: f64,
    /// What happens.
    pub kind: &'static Kind,
    /// With which values.
    pub values: Values,
    /// Line of the file.
    pub line: usize,
}

impl Event {
    /// Time since the event's latest beginning, s, if it is active at `time_s`.
    #[must_use]
    pub fn active_for_s(&self, time_s: f64) -> Option<f64> {
        let since = time_s - self.at_s;
        let phase = if self.repeat_s.is_finite() { since % self.repeat_s } else { since };
        (since >= 0.0 && phase < self.for_s).then_some(phase)
    }

    /// Degree at a time since its beginning, 0 to 1.
    #[must_use]
    pub fn degree(&self, phase_s: f64) -> f64 {
        let part = |time_s: f64, whole_s: f64| if whole_s > 0.0 { (time_s / whole_s).min(1.0) } else { 1.0 };
        part(phase_s, self.ramp_s).min(part(self.for_s - phase_s, self.fade_s)).max(0.0)
    }

    /// What is happening, in words.
    #[must_use]
    pub fn words(&self) -> String {
        self.kind.words(&self.values)
    }
}

/// Reads an event.
pub(super) fn read(mut t: Table<'_>) -> Option<Event> {
    let line = t.line;
    let at_s = t.required(("at", "\"30 min\""), Table::seconds);
    let (repeat_line, fade_line) = (t.line_of("repeat"), t.line_of("fade"));
    let for_s = t.seconds(("for", "\"10 min\""));
    let repeat_s = t.seconds(("repeat", "\"24 h\""));
    if let Some(repeat_s) = repeat_s
        && for_s.is_none_or(|for_s| for_s >= repeat_s)
    {
        t.find(repeat_line, "`repeat` needs a shorter `for`", "make `for` shorter than `repeat`");
    }
    let kind_line = t.line_of("kind");
    let name = t.required(("kind", "\"load-step\""), Table::text)?;
    let Some(kind) = Kind::find(&name) else {
        let near = kinds().min_by_key(|kind| distance(kind.name, &name)).map_or("", |kind| kind.name);
        let all: Vec<&str> = kinds().map(|kind| kind.name).collect();
        let remedy = format!("write `{near}`, or another of {}", all.join(", "));
        t.find(kind_line, format!("unknown kind `{name}`"), remedy);
        return None;
    };
    let (ramp_s, fade_s) = if kind.ramps {
        (t.seconds(("ramp", "\"10 min\"")), t.seconds(("fade", "\"10 min\"")))
    } else {
        (None, None)
    };
    if fade_s.is_some() && for_s.is_none() {
        t.find(
            fade_line,
            "`fade` needs a `for`",
            "say how long the event lasts, for example `for = \"1 h\"`",
        );
    }
    let values = kind.read(&mut t);
    let own = kind.fields.iter().map(|f| f.name);
    let ramps: &[&str] = if kind.ramps { &["ramp", "fade"] } else { &[] };
    let known: Vec<&str> = COMMON.iter().chain(ramps).copied().chain(own).collect();
    t.finish(&format!("`{}`", kind.name), &known);
    Some(Event {
        at_s: at_s?,
        for_s: for_s.unwrap_or(f64::INFINITY),
        repeat_s: repeat_s.unwrap_or(f64::INFINITY),
        ramp_s: ramp_s.unwrap_or(0.0),
        fade_s: fade_s.unwrap_or(0.0),
        kind,
        values: values?,
        line,
    })
}
