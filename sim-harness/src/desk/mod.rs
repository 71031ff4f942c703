//! The receiving side of requests: what an integration asks for becomes [`Image::requests`].
//!
//! Responsible for: the rules of the two ways in (DSX values with heartbeats, Modbus setpoints with
//! remote-enable, heartbeat and timer), and for what the BMS says on the bus. Not for: sockets
//! (`wires`), the plant (`world`), limits and ramps on a request (the BMS in the world applies them).
//!
//! What happens to a message between a source and its reader ([`transport`]) stands here as well, for the wires and for
//! a plant without wires alike. Everything is sans I/O: time comes in as an argument, messages go out through a closure.

pub mod dsx;
pub mod modbus;
mod number;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod transport;

use crate::image::Image;
use dsx::DsxDesk;
use modbus::Bank;

/// Resolves every request point of the image for this instant.
///
/// A device that is under remote control of its own registers was told directly, so its setpoint wins
/// over one that came by the bus. A point that the operator has taken ([`DsxDesk::set_local`]) belongs
/// to nobody, whichever way the request came. `dt_s` is plant time since the last call, in seconds.
pub fn resolve(now_ms: i64, dt_s: f64, dsx: &mut DsxDesk, banks: &mut [Bank], image: &mut Image) {
    dsx.step(now_ms, image);
    for bank in banks {
        bank.look(image);
        bank.advance(dt_s);
        for (point, value) in bank.asks() {
            if dsx.is_local(point) {
                continue;
            }
            if let Some(slot) = image.requests.get_mut(point) {
                *slot = Some(value);
            }
        }
    }
}
