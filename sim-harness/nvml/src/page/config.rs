//! What a page is made from: which GPUs there are, and what their driver can and cannot do.

/// What a driver on this GPU does not do, or does wrongly. Bits of [`GpuConfig::quirks`].
pub mod quirk {
    /// Field 186 (instant power) answers `NOT_SUPPORTED`.
    pub const NO_INSTANT_POWER: u32 = 1;
    /// `nvmlDeviceGetMarginTemperature` answers `NOT_SUPPORTED`.
    pub const NO_MARGIN: u32 = 1 << 1;
    /// Field 82 (HBM temperature) answers `NOT_SUPPORTED`.
    pub const NO_HBM: u32 = 1 << 2;
    /// The energy counter answers `NOT_SUPPORTED`.
    pub const NO_ENERGY: u32 = 1 << 3;
    /// The nanosecond clocks-event counters (74, 76, 251-253 or 269-271) answer `NOT_SUPPORTED`.
    pub const NO_COUNTERS: u32 = 1 << 4;
    /// The T.Limit fields 193-196 answer `NOT_SUPPORTED`, as before they existed.
    pub const NO_T_LIMIT: u32 = 1 << 5;
    /// Field values answer success with value 0 and timestamp 0.
    pub const ZERO_STAMPS: u32 = 1 << 6;
    /// The module scope exists (superchips); on H100-class boards it does not.
    pub const MODULE_SCOPE: u32 = 1 << 7;
    /// A new power limit is acknowledged and then ignored.
    pub const LIMIT_IGNORED: u32 = 1 << 8;
    /// Every setter answers `NO_PERMISSION`.
    pub const WRITES_DENIED: u32 = 1 << 9;
    /// Locked clocks answer `NOT_SUPPORTED`.
    pub const NO_CLOCK_LOCK: u32 = 1 << 10;
    /// The clocks-event reasons answer `NOT_SUPPORTED`.
    pub const NO_REASONS: u32 = 1 << 11;
}

/// Temperatures at which the board acts, degC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// The board switches itself off.
    pub shutdown_c: i32,
    /// Hardware slowdown begins.
    pub slowdown_c: i32,
    /// Highest operating temperature of the die; software slowdown holds it there.
    pub gpu_max_c: i32,
    /// Highest operating temperature of the memory.
    pub memory_max_c: i32,
}

/// One GPU of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuConfig {
    /// `GPU-...`, 40 characters on real boards.
    pub uuid: String,
    /// Product name.
    pub name: String,
    /// Board serial number.
    pub serial: String,
    /// The host that would carry this GPU; `HEADROOM_NVML_HOST` selects by it.
    pub host: String,
    /// Smallest power limit that can be set, mW.
    pub min_limit_mw: u32,
    /// Largest power limit that can be set, mW.
    pub max_limit_mw: u32,
    /// Limit after a driver load, mW.
    pub default_limit_mw: u32,
    /// Lowest SM clock, MHz.
    pub min_sm_mhz: u32,
    /// Highest SM clock, MHz.
    pub max_sm_mhz: u32,
    /// Memory clock, MHz.
    pub max_mem_mhz: u32,
    /// Size of the memory, bytes.
    pub memory_bytes: u64,
    /// Where the board acts on temperature.
    pub thresholds: Thresholds,
    /// Bits of [`quirk`].
    pub quirks: u32,
}

impl GpuConfig {
    /// An 80 GB H100 SXM board: 200-700 W, 1980 MHz, HBM at 2619 MHz, 87/89/95 degC (public `nvidia-smi -q` listings).
    #[must_use]
    pub fn h100_sxm(uuid: &str, host: &str) -> Self {
        Self {
            uuid: uuid.to_owned(),
            name: "NVIDIA H100 80GB HBM3".to_owned(),
            serial: String::new(),
            host: host.to_owned(),
            min_limit_mw: 200_000,
            max_limit_mw: 700_000,
            default_limit_mw: 700_000,
            min_sm_mhz: 345,
            max_sm_mhz: 1980,
            max_mem_mhz: 2619,
            memory_bytes: 80 << 30,
            thresholds: Thresholds { shutdown_c: 95, slowdown_c: 89, gpu_max_c: 87, memory_max_c: 95 },
            quirks: 0,
        }
    }
}

/// The whole page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageConfig {
    /// Driver version; from 580.82 on the clocks-event counters have their new field ids.
    pub driver_version: String,
    /// All GPUs, of all hosts.
    pub gpus: Vec<GpuConfig>,
}
