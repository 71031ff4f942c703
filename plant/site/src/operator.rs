//! What an operator says of one setpoint.
//!
//! Responsible for: the words. Not for: who may say them (daemon), or what is made of them (`controller/core`).

use crate::ActuatorId;
use crate::time::Stamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An operator's instruction about a setpoint, as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Instruction {
    /// Which setpoint.
    pub actuator: ActuatorId,
    /// What is to be done with it.
    pub kind: InstructionKind,
    /// From then on it is as if nothing had been said.
    pub until: Stamp,
}

/// What is to be done with a setpoint.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum InstructionKind {
    /// It may be moved as far as this, base unit; whatever cools more stays allowed.
    Accept(f64),
    /// It is relaxed no further than it stands; whatever cools more stays allowed.
    Reject,
    /// It stays where it stands.
    Hold,
    /// As if nothing had been said; a setpoint that was held back or let go may be asked for again.
    Auto,
}

impl fmt::Display for InstructionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept(_) => "an operator has accepted no more than this",
            Self::Reject => "an operator has rejected to relax it further",
            Self::Hold => "an operator holds it",
            Self::Auto => "an operator has left it to Headroom",
        })
    }
}
