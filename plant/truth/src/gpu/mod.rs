//! GPUs as they are: power, heat, and the firmware that trims the clock.
//!
//! Responsible for: what a fleet of GPUs draws, how warm it gets and why it slows down, per step of any length.
//! Rooms: `sku` (products, as data), `fleet` (all GPUs), `lanes` (some of them, stepped), `state` and `firmware` (one
//! GPU), `eight` (eight at once, where nothing special happens), `block` (their state), `sync` (boost groups), `sensor`
//! (what the boards measure of themselves).
//! Not for: what the driver reports (integers, codes), or what runs on the GPUs (see `work`).
//!
//! Per GPU, with f the SM clock over its maximum and v the voltage over its maximum:
//!
//! ```text
//! P   = P_base + P_hbm m + v(f)^2 [ L(T) + (P_tree + P_core a) f ]          module power
//! v   = the product's own table of voltage over clock, on the 15 MHz grid
//! L   = L0 (1 + x + x^2/2 + x^3/6), x = k (T - 38 degC)                     leakage
//! ```
//!
//! Heat goes die -> lid -> cooler -> coolant as a one-way ladder that stores what it has not passed on:
//!
//! ```text
//! tau1 q1' = P - q1      tau2 q2' = q1 - q2      C T_p' = q2 - (T_p - T_c) / R(flow)
//! T_die = T_p + R1 q1 + R2 q2        tau_h T_hbm' = T_p + w (T_die - T_p) + R_h P_hbm - T_hbm
//! ```
//!
//! Both are solved exactly over a step of constant power, so 10 ms and 10 s steps agree. The cooler is a cold plate in
//! water or a heat sink in air. The ladder runs in double precision and the heat given away is what came in less what is
//! stored, so a fleet loses or makes no energy however long it runs.

mod block;
mod coefficients;
mod eight;
#[cfg(test)]
mod eight_tests;
#[cfg(test)]
mod energy_tests;
mod firmware;
mod fleet;
mod heat;
mod lanes;
pub mod sensor;
mod sku;
mod state;
mod sync;
#[cfg(test)]
mod tests;

pub use fleet::Fleet;
pub use sku::{Cooler, Finding, Medium, Sku, Spread};

/// Clocks-event bits, with NVML's values.
pub mod reason {
    /// Nothing runs.
    pub const IDLE: u32 = 0x1;
    /// Held by application or locked clocks.
    pub const LOCKED: u32 = 0x2;
    /// Software power cap.
    pub const SW_POWER_CAP: u32 = 0x4;
    /// Hardware slowdown, the umbrella over heat and power brake.
    pub const HW_SLOWDOWN: u32 = 0x8;
    /// Sync boost: held to the slowest GPU of its group.
    pub const SYNC_BOOST: u32 = 0x10;
    /// Software thermal slowdown: die or memory over its operating maximum.
    pub const SW_THERMAL: u32 = 0x20;
    /// Hardware thermal slowdown.
    pub const HW_THERMAL: u32 = 0x40;
    /// Hardware power brake.
    pub const POWER_BRAKE: u32 = 0x80;
}

/// The cumulative throttle counters, in the order of [`Fleet::throttle_ns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttle {
    /// Software power cap.
    SwPowerCap = 0,
    /// Software thermal slowdown.
    SwThermal = 1,
    /// Hardware thermal slowdown.
    HwThermal = 2,
    /// Hardware power brake.
    PowerBrake = 3,
    /// Hardware slowdown of any kind.
    HwSlowdown = 4,
}

impl Throttle {
    /// Number of counters.
    pub const COUNT: usize = 5;
    /// All counters, in order.
    pub const ALL: [Self; Self::COUNT] =
        [Self::SwPowerCap, Self::SwThermal, Self::HwThermal, Self::PowerBrake, Self::HwSlowdown];

    /// Key in scores and metrics.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::SwPowerCap => "sw_power_cap",
            Self::SwThermal => "sw_thermal",
            Self::HwThermal => "hw_thermal",
            Self::PowerBrake => "power_brake",
            Self::HwSlowdown => "hw_slowdown",
        }
    }
}
