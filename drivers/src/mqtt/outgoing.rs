//! A message that a dialect wants published.

use super::client::Delivery;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) delivery: Delivery,
    /// Only to be sent while the controller is alive (heartbeats and echoes prove its life).
    pub(crate) while_alive: bool,
}
