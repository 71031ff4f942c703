//! The harness: worlds, workloads, scenarios, faults and scores; the BMS that runs when nobody
//! optimises; and the real-wire servers that show a world to the field drivers.
//!
//! Rooms:
//! - [`image`]: what the plant's own BMS shows and accepts, as one table of points;
//! - `world`: truth, BMS, workload and scenario stepped together, sans I/O;
//! - `desk`: the receiving side of requests (DSX heartbeats, Modbus registers and timers), sans I/O;
//! - `wires`: MQTT broker, DSX publisher, Modbus servers, metrics page.

pub mod bms;
pub mod image;
pub mod scenario;
pub mod score;
pub mod world;
