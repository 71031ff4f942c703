//! What every decoder must do with any bytes: take them or say why not, in bounded memory and time.
//!
//! Responsible for: one [`Target`] per decoder and the property that holds for each. The same functions are run by libFuzzer (`tests/fuzz`) and, over seeds and regressions, by an ordinary test
//! (`tests/tests/decoders.rs`). Not for: drawing inputs.
//!
//! A property that does not hold panics: that is how libFuzzer and a test hear of it.

mod bus;
mod text;

mod capture;
mod dcgm_page;
mod dsx;
mod engine_page;
mod epw;
mod forecast;
mod journal;
mod json;
mod map_csv;
mod modbus;
mod netdev;
mod node_report;
mod ownership;
mod policy;
mod prometheus;
mod register_map;
mod requests;
mod scenario;
mod site;
mod sku;
mod sparkplug;
mod sparkplug_payload;

use crate::memory::most_bytes;

/// A decoder under any bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name, also of its folders of seeds and regressions below `tests/fuzz`.
    pub name: &'static str,
    /// Runs the decoder and asserts what holds for it.
    body: fn(&[u8]),
    /// Bytes of memory that a byte of input may cost at once.
    bytes_per_byte: usize,
}

/// Bytes that a decoder may use whatever the size of its input: tables, the site it is tried on.
const ALWAYS: usize = 1 << 20;

impl Target {
    /// Runs the target on an input.
    ///
    /// # Panics
    /// If a property does not hold.
    pub fn run(&self, input: &[u8]) {
        let most = most_bytes(|| (self.body)(input));
        let allowed = ALWAYS + self.bytes_per_byte * input.len();
        assert!(
            most <= allowed,
            "{}: {most} bytes in use for {} bytes of input, at most {allowed}",
            self.name,
            input.len()
        );
    }
}

pub use capture::CAPTURE;
pub use dcgm_page::DCGM_PAGE;
pub use dsx::DSX;
pub use engine_page::ENGINE_PAGE;
pub use epw::EPW;
pub use forecast::FORECAST;
pub use journal::JOURNAL;
pub use json::JSON;
pub use map_csv::MAP_CSV;
pub use modbus::{MODBUS_FRAME, MODBUS_REGISTER};
pub use netdev::NETDEV;
pub use node_report::{NODE_REPORT_JSON, NODE_REPORT_PACKED};
pub use ownership::OWNERSHIP;
pub use policy::POLICY;
pub use prometheus::PROMETHEUS;
pub use register_map::REGISTER_MAP;
pub use requests::REQUESTS;
pub use scenario::SCENARIO;
pub use site::SITE;
pub use sku::SKU;
pub use sparkplug::SPARKPLUG;
pub use sparkplug_payload::SPARKPLUG_PAYLOAD;

/// Every target.
pub const ALL: [Target; 24] = [
    SITE,
    POLICY,
    REGISTER_MAP,
    MAP_CSV,
    SCENARIO,
    DSX,
    JSON,
    SPARKPLUG,
    SPARKPLUG_PAYLOAD,
    PROMETHEUS,
    ENGINE_PAGE,
    DCGM_PAGE,
    NETDEV,
    NODE_REPORT_PACKED,
    NODE_REPORT_JSON,
    MODBUS_FRAME,
    MODBUS_REGISTER,
    JOURNAL,
    REQUESTS,
    EPW,
    FORECAST,
    CAPTURE,
    SKU,
    OWNERSHIP,
];
