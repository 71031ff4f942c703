//! The plant as it is in the harness: nonlinear physics, one file per equipment.
//!
//! Responsible for: what the harness calls real. GPUs and their firmware, nodes, network, the work that runs on
//! them, and the weather outside. Every model is a pure, seeded `step`.
//! Not for: sensors and their errors, protocols, or what the controller believes (no code is shared with it).

pub mod facility;
pub mod gpu;
pub mod network;
pub mod node;
pub mod psychro;
pub mod rng;
pub mod weather;
pub mod work;
