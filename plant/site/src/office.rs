//! In which office a controller stands beside others of the same plant.
//!
//! Responsible for: the word, as the line is told it. Not for: who leads (the daemon), nor for refusing orders of one that does
//! not (`headroom-guard`, by epoch).

use crate::ActuatorId;
use serde::{Deserialize, Serialize};

/// Who may command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Office {
    /// There is no other controller: nobody is asked.
    #[default]
    Sole,
    /// Another one leads, or nobody does: everything is computed, nothing is commanded and nothing relinquished.
    Standby,
    /// It leads.
    Leader {
        /// Epoch of its commands: higher than any before.
        epoch: u64,
        /// Where the one before has asked setpoints to stand that nobody reads back, base unit.
        asked: Vec<(ActuatorId, f64)>,
    },
}

impl Office {
    /// May it command?
    #[must_use]
    pub const fn commands(&self) -> bool {
        !matches!(self, Self::Standby)
    }
}
