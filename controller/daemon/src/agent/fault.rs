//! Why a command was not carried out, or not as asked. The text goes into the receipt.

use headroom_drivers::nvml::NvmlError;
use headroom_drivers::nvml::persist::PersistError;
use headroom_guard::{Reason, Refusal};

/// What went wrong with a command as a whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The receiver's rule: not new, not mine, not in time.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// It names another node than its topic.
    #[error("the command is for node {0}")]
    OtherNode(String),
    /// What must be on disk first could not be written, so nothing was written to a GPU.
    #[error("nothing was written: {0}")]
    Persist(#[from] PersistError),
    /// Some GPUs did not do as asked; the others did.
    #[error("{first}{}", others(*.more))]
    Gpus {
        /// The first.
        first: GpuFault,
        /// How many more.
        more: usize,
    },
}

fn others(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" (and {more} more)") }
}

/// What went wrong with one GPU.
#[derive(Debug, thiserror::Error)]
pub(super) enum GpuFault {
    /// Not a GPU of this node in this host.
    #[error("{0}: not a GPU of this node here")]
    Unknown(String),
    /// What it had could not be read before, so nothing is written over it.
    #[error("{0}: what it had before could not be read; nothing was written")]
    NotNoted(String),
    /// What must be on disk first could not be written.
    #[error("nothing was written: {0}")]
    Persist(#[from] PersistError),
    /// The guard refuses the value.
    #[error("{uuid}: {reason}")]
    Guard {
        /// The GPU.
        uuid: String,
        /// Why.
        reason: Reason,
    },
    /// The guard narrowed the value; the narrower one is in force.
    #[error("{uuid}: {asked} became {got}: {reason}")]
    Narrowed {
        /// The GPU.
        uuid: String,
        /// What was asked.
        asked: String,
        /// What is in force.
        got: String,
        /// Why.
        reason: Reason,
    },
    /// The driver said yes, and something else is in force.
    #[error("{uuid}: asked for {} W, {} W in force", *.asked_mw / 1000, *.enforced_mw / 1000)]
    NotInForce {
        /// The GPU.
        uuid: String,
        /// Asked, mW.
        asked_mw: u32,
        /// In force, mW.
        enforced_mw: u32,
    },
    /// The driver refused.
    #[error("{0}")]
    Nvml(#[from] NvmlError),
}
