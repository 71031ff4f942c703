//! MQTT 3.1.1: one client, four dialects over it.
//!
//! Responsible for: the buses of a site, each connection once, whatever the number of dialects on it.
//! Not for: what the controller wants of them.
//!
//! Rooms: [`client`] (the connection, the only place that knows the MQTT library), [`dsx`] (the BMS), [`json`]
//! (plain documents), [`sparkplug`] (edge nodes), [`agents`] (the GPU nodes), `bus` (the owner of a connection). The dialects hold no
//! connection and no clock: messages in, messages out.

pub mod agents;
mod bus;
pub mod client;
pub mod dsx;
pub(crate) mod hold;
pub mod json;
mod outbox;
pub(crate) mod outgoing;
pub mod sparkplug;
pub mod topic;

pub use bus::BusStatus;
pub(crate) use bus::{Handle, start};
