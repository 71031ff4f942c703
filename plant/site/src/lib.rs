//! The words of Headroom: quantities, time, points, quality, readings, equipment, topology, commands and
//! the site file.
//!
//! Responsible for: what things are called, which unit they carry, and what a site file may say.
//! Not for: reading devices (`drivers`), believing (`plant/belief`) or deciding (`controller`).
//!
//! This is a leaf crate: every other crate may depend on it, and it depends on none of them.

pub mod command;
pub mod doc;
pub mod field;
pub mod file;
pub mod gpu;
pub mod model;
mod offered;
pub mod office;
pub mod operator;
pub mod quality;
pub mod quantity;
pub mod reading;
pub mod time;

pub use command::{Command, Outcome, Receipt, Target};
pub use field::{Field, Inbox};
pub use gpu::{CapCommand, GpuSample, NodeReport};
pub use model::{ActuatorId, EquipmentId, GpuId, JobId, NodeId, PointId, PowerId, Site};
pub use offered::Offered;
pub use office::Office;
pub use operator::{Instruction, InstructionKind};
pub use quality::{Quality, Reason};
pub use quantity::{
    Current, Dimension, Energy, Flow, Frequency, Power, Pressure, Rate, Ratio, Temperature, TemperatureDelta,
    Unit, Voltage,
};
pub use reading::Reading;
pub use time::{Span, Stamp};
