//! Commands and receipts: the way out.

use crate::{ActuatorId, CapCommand, Stamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a setpoint command asks.
#[derive(Debug, Clone, PartialEq)]
pub struct SetpointCommand {
    /// Which actuator of the site file.
    pub actuator: ActuatorId,
    /// Value in the base unit of the actuator's dimension; `None` relinquishes it.
    pub value: Option<f64>,
    /// Controller epoch.
    pub epoch: u64,
    /// Rises with each command of an epoch.
    pub sequence: u64,
    /// When it was decided.
    pub stamp: Stamp,
    /// Time to live, ms; the target returns to its fallback if nothing follows.
    pub ttl_ms: u64,
    /// Why, in words.
    pub reason: String,
}

/// One command, as a lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// A cooling setpoint.
    Setpoint(SetpointCommand),
    /// Caps and clock locks of one node.
    Caps(CapCommand),
}

/// Who a receipt speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// An actuator.
    Actuator(ActuatorId),
    /// A node, by id.
    Node(String),
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// Sent; the read-back will tell.
    Sent,
    /// Read back and found in force.
    Applied,
    /// The receiver refused.
    Refused(String),
    /// It could not be delivered.
    Failed(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent => f.write_str("sent"),
            Self::Applied => f.write_str("applied"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

/// A receipt for a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// What it was sent to.
    pub target: Target,
    /// Epoch of the command.
    pub epoch: u64,
    /// Sequence of the command.
    pub sequence: u64,
    /// What became of it.
    pub outcome: Outcome,
}
