//! The field: what stands between the controller and the plant's wires.
//!
//! Responsible for: reading NVML, Modbus TCP, MQTT (DSX, JSON, Sparkplug, the agents' topics) and Prometheus into
//! [`headroom_site::Reading`]s with event time and quality; writing setpoints and caps, as leases, with
//! receipts; reconnecting; one plant clock for all of it.
//! Not for: aligning, believing or deciding (`controller/core`), nor for what a command may be (`guard`).
//!
//! Rooms: [`clock`] (plant time), [`nvml`] (the GPUs of a node), [`mqtt`] (one client, four dialects), [`modbus`],
//! [`prometheus`] (pages of metrics, engines among them), [`dcgm`] (GPUs read from an exporter), [`netdev`] (network ports of a host), [`node_report`] (what agents and controller say to each other), [`field`] (all of it behind one trait), [`maps`]
//! (registers of devices, as data).

mod backoff;
pub mod clock;
mod context;
pub mod dcgm;
pub mod field;
#[doc(hidden)]
pub mod fuzz;
pub mod mandate;
pub mod maps;
pub mod modbus;
pub mod mqtt;
pub mod netdev;
pub mod node_report;
pub mod nvml;
pub mod prometheus;

pub use clock::{Clock, ClockPage};
pub use field::{FieldOptions, FieldStatus, LiveField};
pub use mandate::Mandate;

#[cfg(test)]
mod testing;
mod tls;
