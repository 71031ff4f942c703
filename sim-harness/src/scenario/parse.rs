//! From text to a scenario.

use super::fields::{Fields, Source};
use super::{Event, EventKind, Scenario, ScenarioError};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::{Spanned, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    description: String,
    hours: Spanned<f64>,
    #[serde(default)]
    event: Vec<Spanned<BTreeMap<String, Spanned<Value>>>>,
}

/// Kinds by name.
const KINDS: [&str; 11] = [
    "load-step",
    "pump-failure",
    "chiller-trip",
    "curtailment",
    "heat-wave",
    "sensor-stuck",
    "sensor-bias",
    "fouling",
    "valve-stuck",
    "feed-loss",
    "operator-local",
];

pub(super) fn parse(text: &str) -> Result<Scenario, Vec<ScenarioError>> {
    let source = Source { text };
    let file: File = toml::from_str(text).map_err(|error| {
        let line = source.line(error.span().map_or(0, |s| s.start));
        let remedy = "see the shipped scenarios for the format".to_owned();
        vec![ScenarioError { line, message: error.message().to_owned(), remedy }]
    })?;
    let mut findings = Vec::new();
    if !(file.hours.as_ref() > &0.0 && file.hours.as_ref().is_finite()) {
        findings.push(ScenarioError {
            line: source.line(file.hours.span().start),
            message: "`hours` must be above 0".to_owned(),
            remedy: "write `hours = 2.0`".to_owned(),
        });
    }
    let mut events = Vec::new();
    for entry in file.event {
        let line = source.line(entry.span().start);
        let entries = entry.into_inner();
        events.extend(event(Fields { source: &source, line, entries, findings: &mut findings }));
    }
    if findings.is_empty() {
        Ok(Scenario {
            name: file.name,
            description: file.description,
            hours: file.hours.into_inner(),
            plant: super::plant::PlantSpec::default(),
            events,
        })
    } else {
        findings.sort_by_key(|f| f.line);
        Err(findings)
    }
}

fn event(mut fields: Fields<'_>) -> Option<Event> {
    let line = fields.line;
    let at_s = fields.seconds("at", "\"30 min\"", true);
    let repeat_line = fields.line_of("repeat");
    let for_s = fields.seconds("for", "\"10 min\"", false);
    let repeat_s = fields.seconds("repeat", "\"24 h\"", false);
    if let Some(repeat_s) = repeat_s
        && for_s.is_none_or(|for_s| for_s >= repeat_s)
    {
        let message = "`repeat` needs a shorter `for`".to_owned();
        fields.find(repeat_line, message, "make `for` shorter than `repeat`");
    }
    let (kind_line, name) = fields.text("kind", "\"load-step\"", true)?;
    let Some(&kind_name) = KINDS.iter().find(|k| **k == name) else {
        let message = format!("unknown kind `{name}`");
        fields.find(kind_line, message, &format!("use one of {}", KINDS.join(", ")));
        return None;
    };
    let kind = kind(kind_name, &mut fields);
    fields.finish(kind_name);
    Some(Event {
        at_s: at_s?,
        for_s: for_s.unwrap_or(f64::INFINITY),
        repeat_s: repeat_s.unwrap_or(f64::INFINITY),
        kind: kind?,
        line,
    })
}

fn device(fields: &mut Fields<'_>, example: &str) -> Option<String> {
    fields.text("device", example, true).map(|(_, device)| device)
}

fn point(fields: &mut Fields<'_>) -> Option<String> {
    fields.text("point", "\"CDU-02/secondary/supply/temperature\"", true).map(|(_, point)| point)
}

fn kind(name: &str, f: &mut Fields<'_>) -> Option<EventKind> {
    match name {
        "load-step" => {
            let line = f.line_of("factor");
            let factor = f.number("factor", "1.5", true)?;
            let job = f.text("job", "\"train-a\"", false).map(|(_, job)| job);
            if factor < 0.0 || (job.is_some() && factor > 0.0) {
                let message = "`factor` must be 0 or more, and 0 with a `job`".to_owned();
                f.find(line, message, "0 pauses a training job; without `job` it scales arrivals");
                return None;
            }
            Some(EventKind::LoadStep { factor, job })
        }
        "pump-failure" => {
            let device = device(f, "\"CDU-02\"");
            let line = f.line_of("pump");
            let pump = f.number("pump", "1", true)?;
            if pump.to_bits() != 1.0_f64.to_bits() && pump.to_bits() != 2.0_f64.to_bits() {
                f.find(line, "`pump` must be 1 or 2".to_owned(), "write `pump = 1`");
                return None;
            }
            Some(EventKind::PumpFailure { device: device?, pump: pump as usize })
        }
        "chiller-trip" => Some(EventKind::ChillerTrip { device: device(f, "\"CH-01\"")? }),
        "curtailment" => {
            let notice_s = f.seconds("notice", "\"60 s\"", false).unwrap_or(0.0);
            Some(EventKind::Curtailment { limit: f.cut("limit")?, notice_s })
        }
        "heat-wave" => {
            let (rise_k, _) = f.quantity("rise", &[("K", 1.0)], "\"6 K\"", true)?;
            Some(EventKind::HeatWave { rise_k })
        }
        "sensor-stuck" => Some(EventKind::SensorStuck { point: point(f)? }),
        "sensor-bias" => {
            let point = point(f);
            let offset = f.number("offset", "1.5", true)?;
            Some(EventKind::SensorBias { point: point?, offset })
        }
        "fouling" => {
            let device = device(f, "\"HX-01\"");
            let share = f.share("share", "\"30 %\"")?;
            Some(EventKind::Fouling { device: device?, share })
        }
        "valve-stuck" => Some(EventKind::ValveStuck { device: device(f, "\"CDU-03\"")? }),
        "feed-loss" => Some(EventKind::FeedLoss),
        _ => Some(EventKind::OperatorLocal { device: device(f, "\"chiller-plant\"")? }),
    }
}
