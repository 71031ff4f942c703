//! MQTT 3.1.1: one client, three dialects over it.
//!
//! Rooms: [`client`] (the connection, the only place that knows the MQTT library), [`agents`] (topics between
//! agents and controller).

pub mod agents;
pub mod client;
mod outbox;
