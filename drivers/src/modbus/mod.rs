//! Modbus over TCP, RTU over TCP and TLS: one owner task per device.
//!
//! Responsible for: reading a device's registers in planned blocks, with quality per register; commanding it
//! through its remote-enable, timer and heartbeat; reading back what was written.
//! Not for: which devices exist (`headroom-site`), nor what may be commanded (`guard`).
//!
//! ```text
//! plan (blocks) -> link (a unit) -> line (one request in flight) -> frame -> wire (TCP, TLS)
//!                                                                 answer -> decode -> Reading
//! SetpointCommand -> write: local? -> enable -> timer -> setpoint -> read back -> Receipt
//! ```
//!
//! Modbus carries no time: a reading is stamped half way between request and answer, give or take half of that
//! and the clock's own error. How old the value was inside the device nobody knows; the site file's
//! `stale-after` and the filters have to allow for it.

pub mod csv;
pub(crate) mod decode;
pub(crate) mod frame;
mod line;
mod link;
mod plan;
mod poll;
pub mod probe;
mod status;
mod task;
mod tls;
mod wire;
mod write;

pub(crate) use line::lines;
pub use status::DeviceStatus;
pub(crate) use task::{Handle, start};

#[cfg(test)]
mod tests;
