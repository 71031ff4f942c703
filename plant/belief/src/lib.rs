//! The plant as the controller believes it: state-space models with covariance, and the headroom that follows.
//!
//! Responsible for: what is believed about temperatures, resistances, demands and trends, and how sure it is.
//! Not for: wishes (policies), decisions (core) or physics of the harness (truth): no equation or parameter is
//! shared with `plant/truth`.
//!
//! - [`clock`]: the clocks of those who stamp, and lags that only physics can tell;
//! - [`gain`]: how many true watts a watt of a GPU's power sensor is;
//! - [`gpu`]: one observer per GPU, eight at a time: cold plate, memory, thermal resistance and offset;
//! - [`demand`]: what a GPU would draw if nobody held it, and its power against clock;
//! - [`identify`]: a model of the facility from a table of what was seen, with what speaks for it;
//! - [`loops`]: what the points of a loop owe each other, faults that explain where they do not, unmetered flows;
//! - [`model`]: that model, and the filter on top of it;
//! - [`level`]: level and trend of a point;
//! - [`headroom`]: kelvin, watts and seconds to the limit that binds;
//! - [`pace`]: how latencies, tokens and power of a job follow the clock of its GPUs;
//! - [`outlook`]: load, weather and prices of the next hour, as quantiles.

pub mod clock;
pub mod demand;
#[cfg(test)]
mod dice;
pub mod gain;
pub mod gpu;
pub mod headroom;
pub mod identify;
pub mod level;
pub mod loops;
pub mod model;
pub mod outlook;
pub mod pace;

pub use clock::{ClockEstimate, ClockFault, Lag, SourceClock, lag};
pub use demand::Demand;
pub use gain::{Gain, Gains, OVERHEAD, Overhead};
pub use gpu::{GpuModel, GpuObservers};
pub use headroom::{Binding, Headroom};
pub use level::Level;
