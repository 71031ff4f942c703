//! The field as the controller meets it: one trait for real, simulated and replayed plants.
//!
//! A field never blocks and never fails: what cannot be read arrives as a bad quality, what cannot be written
//! as a failed receipt.

use crate::command::{Command, Receipt};
use crate::{Instruction, NodeReport, Office, Reading};

/// What has arrived since the last look.
#[derive(Debug, Default)]
pub struct Inbox {
    /// Readings of points, in order of arrival.
    pub readings: Vec<Reading>,
    /// Reports of nodes.
    pub nodes: Vec<NodeReport>,
    /// Receipts of commands.
    pub receipts: Vec<Receipt>,
    /// An operator wants everything let go. A state and no message: it stays as it is until it is set otherwise.
    pub released: bool,
    /// What operators say of single setpoints, one for each at most. A state too.
    pub instructions: Vec<Instruction>,
    /// Whether this controller commands. A state too.
    pub office: Office,
}

impl Inbox {
    /// Empties it of messages, keeping the memory.
    pub fn clear(&mut self) {
        self.readings.clear();
        self.nodes.clear();
        self.receipts.clear();
    }
}

/// A plant to read from and to write to.
pub trait Field {
    /// Moves what has arrived into the inbox. Never blocks.
    fn drain(&mut self, inbox: &mut Inbox);

    /// Starts a command on its way. Never blocks; the outcome comes as a receipt.
    fn send(&mut self, command: &Command);

    /// Says that the controller has just finished a tick whose read-backs all verified. Heartbeats toward the
    /// BMS and devices are kept up only while this keeps coming.
    fn beat(&mut self);

    /// Relinquishes everything this field was asked to hold, at once.
    fn release(&mut self);
}
