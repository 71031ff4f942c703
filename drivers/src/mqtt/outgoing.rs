//! A message that a dialect wants published.

use super::client::Delivery;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) topic: String,
    /// Which of the things that the topic carries; 0 where it carries one.
    pub(crate) slot: u64,
    pub(crate) payload: Vec<u8>,
    pub(crate) delivery: Delivery,
    /// Only to be sent while the controller is alive (heartbeats and echoes prove its life).
    pub(crate) while_alive: bool,
}
