//! Why a scenario does not fit a world.

use thiserror::Error;

/// Why a scenario does not fit a world.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WorldError {
    /// An event names a device that is not there.
    #[error("line {line}: no `{device}` takes a {kind} here; use one of {known}")]
    UnknownDevice {
        /// Line of the scenario.
        line: usize,
        /// Device named.
        device: String,
        /// Kind of event.
        kind: &'static str,
        /// Devices that there are.
        known: String,
    },
    /// An event names a point that is not there, or more than one.
    #[error("line {line}: {found} points end with `{point}`; give the tag of one, for example `{example}`")]
    UnknownPoint {
        /// Line of the scenario.
        line: usize,
        /// Point named.
        point: String,
        /// Number of points that match.
        found: usize,
        /// A tag that exists.
        example: String,
    },
    /// An event names a job that is not there, or none that does what is asked.
    #[error("line {line}: no job `{job}` takes a {kind}; use one of {known}")]
    UnknownJob {
        /// Line of the scenario.
        line: usize,
        /// Job named.
        job: String,
        /// Kind of event.
        kind: &'static str,
        /// Jobs that there are.
        known: String,
    },
    /// An event asks for what this plant has not.
    #[error("line {line}: this plant has no {what}; {remedy}")]
    Missing {
        /// Line of the scenario.
        line: usize,
        /// What is missing.
        what: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The work does not fit the plant.
    #[error("work: {0}")]
    Work(String),
    /// The world itself cannot be built.
    #[error("{0}")]
    Config(&'static str),
}
