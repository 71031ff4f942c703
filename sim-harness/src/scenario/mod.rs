//! Scenarios: what happens to a world, and when.
//!
//! Responsible for: the file format, its checks, and which events are active at a time. Not for: carrying
//! them out (`world`).
//!
//! ```toml
//! name = "demo"
//! hours = 2.0
//! [[event]]
//! at = "55 min"            # plant time since the start
//! for = "25 min"           # absent: to the end
//! repeat = "24 h"          # absent: once
//! kind = "pump-failure"
//! device = "CDU-02"
//! pump = 1
//! ```

mod fields;
mod parse;
pub mod plant;
mod table;

use std::fmt;

/// A finding in a scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioError {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}; {}", self.line, self.message, self.remedy)
    }
}

impl std::error::Error for ScenarioError {}

/// How much may be imported during a curtailment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ImportCut {
    /// At most this, W.
    Watts(f64),
    /// Less than what the site drew when it began, by this share.
    Share(f64),
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// Serving arrivals times `factor`; with a training job named, factor 0 pauses it.
    LoadStep {
        /// Factor on arrivals.
        factor: f64,
        /// Training job to pause.
        job: Option<String>,
    },
    /// A pump of a CDU (or of `FWS`, the facility water) fails. Pumps count from 1.
    PumpFailure {
        /// Device.
        device: String,
        /// Pump, from 1.
        pump: usize,
    },
    /// A chiller locks out.
    ChillerTrip {
        /// Device.
        device: String,
    },
    /// The grid limits import. Shown at once, binding after the notice.
    Curtailment {
        /// Limit.
        limit: ImportCut,
        /// Time between showing and binding, s.
        notice_s: f64,
    },
    /// Outdoor air warmer by `rise_k`.
    HeatWave {
        /// Rise of the dry bulb, K.
        rise_k: f64,
    },
    /// A sensor shows one value for ever.
    SensorStuck {
        /// Tag of the point, or an ending of it that only one has.
        point: String,
    },
    /// A sensor shows too much.
    SensorBias {
        /// Tag of the point, or an ending of it that only one has.
        point: String,
        /// Offset, in the point's unit.
        offset: f64,
    },
    /// An exchanger (CDU, HX, CRAH) or the tower loses a share of its conductance.
    Fouling {
        /// Device.
        device: String,
        /// Share lost, 0..0.9.
        share: f64,
    },
    /// The water valve of a CDU or CRAH does not move.
    ValveStuck {
        /// Device.
        device: String,
    },
    /// The utility fails; the generator takes over in seconds.
    FeedLoss,
    /// The operator takes a device (CDU, CRAH, `chiller-plant`, `tower`) from the integration.
    OperatorLocal {
        /// Device.
        device: String,
    },
}

/// An event of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Start, s of plant time since the start of the scenario.
    pub at_s: f64,
    /// Duration, s; infinite where none is given.
    pub for_s: f64,
    /// Period of repetition, s; infinite where none is given.
    pub repeat_s: f64,
    /// What happens.
    pub kind: EventKind,
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
}

/// A scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Name.
    pub name: String,
    /// One line for reports.
    pub description: String,
    /// Length that the scenario is meant for, h.
    pub hours: f64,
    /// What stands on the site.
    pub plant: plant::PlantSpec,
    /// Events in file order.
    pub events: Vec<Event>,
}

/// The scenarios that ship, by name.
const SHIPPED: [(&str, &str); 4] = [
    ("demo", include_str!("../../scenarios/demo.toml")),
    ("quiet", include_str!("../../scenarios/quiet.toml")),
    ("heat-wave", include_str!("../../scenarios/heat-wave.toml")),
    ("chiller-trip", include_str!("../../scenarios/chiller-trip.toml")),
];

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// Every finding, each with line and remedy.
    pub fn parse(text: &str) -> Result<Self, Vec<ScenarioError>> {
        parse::parse(text)
    }

    /// A shipped scenario.
    #[must_use]
    pub fn shipped(name: &str) -> Option<Self> {
        let (_, text) = SHIPPED.iter().find(|(other, _)| *other == name)?;
        Self::parse(text).ok()
    }

    /// Names of the shipped scenarios.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// Nothing happens.
    #[must_use]
    pub fn quiet() -> Self {
        Self {
            name: "quiet".to_owned(),
            description: String::new(),
            hours: 24.0,
            plant: plant::PlantSpec::default(),
            events: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_file_reads() {
        for (name, text) in SHIPPED {
            let scenario = Scenario::parse(text).unwrap_or_else(|e| panic!("{name}: {e:?}"));
            assert_eq!(scenario.name, name);
        }
        let demo = Scenario::shipped("demo").unwrap();
        assert!(demo.events.iter().all(|e| e.at_s + e.for_s <= 2.0 * 3600.0));
    }

    #[test]
    fn findings_name_line_and_remedy_all_at_once() {
        let text = r#"name = "bad"
hours = 1.0
[[event]]
at = "ten minutes"
kind = "chiller-trip"
device = "CH-01"
[[event]]
at = "10 min"
kind = "chiler-trip"
[[event]]
at = "10 min"
kind = "fouling"
device = "CDU-01"
share = "30 K"
rise = "3 K"
[[event]]
at = "10 min"
for = "1 h"
repeat = "30 min"
kind = "pump-failure"
device = "CDU-01"
"#;
        let findings = Scenario::parse(text).unwrap_err();
        let lines: Vec<usize> = findings.iter().map(|f| f.line).collect();
        assert_eq!(lines, [4, 9, 14, 15, 16, 19], "{findings:#?}");
        assert!(findings[1].remedy.contains("chiller-trip"), "{}", findings[1]);
        assert!(findings[4].to_string().contains("pump"), "{}", findings[4]);
        let broken = Scenario::parse("name = \"x\"\nhours = = 3\n").unwrap_err();
        assert_eq!(broken[0].line, 2);
        assert_eq!(Scenario::parse("name = \"x\"\nhours = 1\nevents = 3\n").unwrap_err()[0].line, 3);
    }

    #[test]
    fn events_repeat() {
        let text = "name=\"r\"\nhours=48\n[[event]]\nat=\"1 h\"\nfor=\"10 min\"\nrepeat=\"24 h\"\nkind=\"feed-loss\"\n";
        let event = &Scenario::parse(text).unwrap().events[0];
        assert_eq!(event.active_for_s(3599.0), None);
        assert!(event.active_for_s(3600.0 + 599.0).is_some());
        assert_eq!(event.active_for_s(3600.0 + 600.0), None);
        assert!(event.active_for_s(25.0 * 3600.0 + 5.0).is_some());
    }
}
