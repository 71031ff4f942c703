//! Scenarios: what stands on the site, what runs on it, what happens to it, and when.
//!
//! Responsible for: the file format, its checks, and which events are active at a time. Not for: carrying
//! them out (`world`).
//!
//! ```toml
//! name = "afternoon"
//! hours = 2.0
//! start = "2025-07-18T12:00"   # local standard time; absent: the world's own
//! seed = 7                     # absent: the world's own
//!
//! [plant]                      # absent: the usual plant ([`plant`])
//! [weather]                    # absent: the built-in continental climate ([`weather`])
//! [work]                       # absent: half training, half serving ([`work`])
//! [agents]                     # absent: clocks that are right and ways that take no time ([`agents`])
//!
//! [[event]]
//! at = "55 min"                # plant time since the start
//! for = "25 min"               # absent: to the end
//! repeat = "24 h"              # absent: once
//! kind = "pump-failure"
//! device = "CDU-02"
//! pump = 1
//! ```

pub mod agents;
pub mod event;
pub mod kind;
mod node;
mod parse;
pub mod plant;
mod reference;
mod shipped;
mod table;
pub mod weather;
pub mod work;

pub use agents::AgentsSpec;
pub use event::Event;
pub use kind::{Field, Holds, Kind, Need, Value, Values};
pub use plant::PlantSpec;
pub use weather::{WeatherError, WeatherSpec};
pub use work::{RequestsError, WorkSpec};

use crate::world::WorldConfig;
use std::fmt;
use std::path::Path;
use thiserror::Error;

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

/// Why a file that a scenario names cannot be used.
#[derive(Debug, Error)]
pub enum ConfigureError {
    /// The weather.
    #[error(transparent)]
    Weather(#[from] WeatherError),
    /// Requests to serve.
    #[error(transparent)]
    Requests(#[from] RequestsError),
}

/// How much may be imported during a curtailment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ImportCut {
    /// At most this, W.
    Watts(f64),
    /// Less than what the site drew when it began, by this share.
    Share(f64),
    /// At most this share of what the feed may carry: the same for everyone who runs the plant.
    OfFeed(f64),
}

/// Fields that every event has.
pub(crate) const COMMON: [&str; 4] = ["at", "for", "repeat", "kind"];

/// A scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Name.
    pub name: String,
    /// One line for reports.
    pub description: String,
    /// Length that the scenario is meant for, h.
    pub hours: f64,
    /// Start, s since 1 January 00:00 local standard time; `None`: the world's own.
    pub start_s: Option<f64>,
    /// Seed; `None`: the world's own.
    pub seed: Option<u64>,
    /// What stands on the site.
    pub plant: PlantSpec,
    /// Weather; `None`: the world's own.
    pub weather: Option<WeatherSpec>,
    /// What runs.
    pub work: WorkSpec,
    /// Clocks of agents and ways to them in virtual time; `None`: right, and no time at all.
    pub agents: Option<AgentsSpec>,
    /// Events in file order.
    pub events: Vec<Event>,
}

/// Every kind of event, in the order of the reference.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    crate::world::events::kinds()
}

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
        Self::parse(Self::text(name)?).ok()
    }

    /// The file of a shipped scenario.
    #[must_use]
    pub fn text(name: &str) -> Option<&'static str> {
        shipped::SHIPPED.iter().find(|(other, _)| *other == name).map(|(_, text)| *text)
    }

    /// Names of the shipped scenarios.
    pub fn names() -> impl Iterator<Item = &'static str> {
        shipped::SHIPPED.iter().map(|(name, _)| *name)
    }

    /// What may stand in a file, as Markdown.
    #[must_use]
    pub fn reference() -> String {
        reference::reference()
    }

    /// Nothing happens.
    #[must_use]
    pub fn quiet() -> Self {
        Self {
            name: "quiet".to_owned(),
            description: String::new(),
            hours: 24.0,
            start_s: None,
            seed: None,
            plant: PlantSpec::default(),
            weather: None,
            work: WorkSpec::default(),
            agents: None,
            events: Vec::new(),
        }
    }

    /// A configuration with what the file says put in place of what `config` says: GPUs, seed, start, weather, load
    /// and the scenario itself. A relative path in the file counts from `folder`.
    ///
    /// # Errors
    /// [`ConfigureError`] if a file cannot be used.
    pub fn configure(mut self, config: WorldConfig, folder: &Path) -> Result<WorldConfig, ConfigureError> {
        self.work.load_traces(folder)?;
        let seed = self.seed.unwrap_or(config.seed);
        let weather = match &self.weather {
            Some(weather) => Some(weather.load(seed, folder)?),
            None => config.weather,
        };
        Ok(WorldConfig {
            gpus: self.plant.fixed_gpus().unwrap_or(config.gpus),
            seed,
            start_s: self.start_s.unwrap_or(config.start_s),
            serving_load: self.work.load.unwrap_or(config.serving_load),
            weather,
            scenario: self,
            ..config
        })
    }
}

#[cfg(test)]
mod tests;
