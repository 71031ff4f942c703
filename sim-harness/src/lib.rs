//! The harness: worlds, workloads, scenarios, faults and scores; the BMS that runs when nobody
//! optimises; and the real-wire servers that show a world to the field drivers.
//!
//! Rooms:
//! - [`image`]: what the plant's own BMS shows and accepts, as one table of points;
//! - `world`: truth, BMS, workload and scenario stepped together, sans I/O;
//! - `desk`: the receiving side of requests (DSX heartbeats, Modbus registers and timers), sans I/O;
//! - `scenario`, `score`: what happens to a world, and what came of it;
//! - [`strategy`]: who acts on a world, from what sites do today to the clairvoyant limit;
//! - [`calibrate`]: models and sensors beside published and captured figures;
//! - `site_file`, `telemetry`: how a world is written down, and what its GPUs show;
//! - `wires`: MQTT broker, DSX publisher, Modbus servers, metrics page.

pub mod bms;
pub mod calibrate;
pub mod desk;
pub mod engine;
pub mod image;
pub mod scenario;
pub mod score;
pub mod site_file;
pub mod strategy;
pub mod telemetry;
pub mod wires;
pub mod world;
