//! What a node's agent says about its GPUs, and what the controller asks of them.

use crate::{Offered, Span, Stamp};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Why a clock is below what the load asks for (NVML clocks-event bits, `nvml.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleReason {
    /// Bit 0x4: trimmed to hold the power cap.
    SwPowerCap,
    /// Bit 0x20: GPU or memory above its maximum operating temperature.
    SwThermal,
    /// Bit 0x40: hardware slowdown by temperature.
    HwThermal,
    /// Bit 0x80: external power brake.
    PowerBrake,
    /// Bit 0x8: umbrella of the hardware reasons.
    HwSlowdown,
}

impl ThrottleReason {
    /// All reasons that cost work, in the order of [`GpuSample::throttle_ns`].
    pub const ALL: [Self; 5] =
        [Self::SwPowerCap, Self::SwThermal, Self::HwThermal, Self::PowerBrake, Self::HwSlowdown];

    /// Its NVML bit.
    #[must_use]
    pub const fn bit(self) -> u32 {
        match self {
            Self::SwPowerCap => 0x4,
            Self::SwThermal => 0x20,
            Self::HwThermal => 0x40,
            Self::PowerBrake => 0x80,
            Self::HwSlowdown => 0x8,
        }
    }

    /// True if heat is the cause.
    #[must_use]
    pub const fn is_thermal(self) -> bool {
        matches!(self, Self::SwThermal | Self::HwThermal)
    }
}

impl fmt::Display for ThrottleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SwPowerCap => "SW power cap",
            Self::SwThermal => "SW thermal",
            Self::HwThermal => "HW thermal",
            Self::PowerBrake => "power brake",
            Self::HwSlowdown => "HW slowdown",
        })
    }
}

/// One look at one GPU. A field is none where the driver does not offer it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct GpuSample {
    /// When it was true.
    pub stamp: Stamp,
    /// Power now, W (NVML field 186 where offered).
    pub power_w: Offered<f32>,
    /// Power, average over the sensor's window, W (field 185 or `PowerUsage`).
    pub power_average_w: Offered<f32>,
    /// Energy since driver load, J.
    pub energy_j: Offered<f64>,
    /// SM clock, MHz.
    pub clock_mhz: Offered<f32>,
    /// Memory clock, MHz.
    pub memory_clock_mhz: Offered<f32>,
    /// Die temperature, degC.
    pub die_c: Offered<f32>,
    /// Memory temperature, degC.
    pub hbm_c: Offered<f32>,
    /// Margin to the maximum operating temperature, K.
    pub margin_k: Offered<f32>,
    /// The power cap in force, W (enforced, not requested).
    pub enforced_cap_w: Offered<f32>,
    /// GPU utilisation, 0..1.
    pub utilisation: Offered<f32>,
    /// NVML clocks-event bits now.
    pub reasons: u32,
    /// Time throttled since driver load by [`ThrottleReason::ALL`], ns.
    pub throttle_ns: [Offered<u64>; 5],
}

impl GpuSample {
    /// Power now, or its average over the sensor's window where the driver offers no other, W.
    #[must_use]
    #[inline(always)]
    pub fn watts(&self) -> Option<f32> {
        self.power_w.get().or(self.power_average_w.get())
    }
}

/// What one node's agent reports each tick.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeReport {
    /// Node id of the site file.
    pub node: Arc<str>,
    /// Random number of this agent's start.
    pub boot: u64,
    /// Counts reports since start.
    pub sequence: u64,
    /// The agent's monotonic clock when it sent this; comes back in commands as the echo.
    pub mono_ns: u64,
    /// When the samples were taken.
    pub stamp: Stamp,
    /// One sample per GPU that answered, by UUID.
    pub gpus: Vec<(Arc<str>, GpuSample)>,
    /// What became of the last command.
    pub receipt: Option<CapReceipt>,
    /// When the last command was sent and when it was heard.
    pub answer: Option<Answer>,
    /// When this report was sent, by the agent's clock: looking at the GPUs takes its time.
    pub sent: Option<Stamp>,
    /// When this report arrived, by the controller's clock. Not on the wire.
    pub arrival: Option<Stamp>,
    /// How far the stamps of its samples may be off, where whoever made it knows. Not on the wire.
    pub stamp_uncertainty: Option<Span>,
}

impl NodeReport {
    /// A report of nobody, to be read into.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            node: Arc::default(),
            boot: 0,
            sequence: 0,
            mono_ns: 0,
            stamp: Stamp::default(),
            gpus: Vec::new(),
            receipt: None,
            answer: None,
            sent: None,
            arrival: None,
            stamp_uncertainty: None,
        }
    }
}

/// A command on its way: what a round trip is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// When the controller sent it, by its own clock.
    pub sent: Stamp,
    /// When the agent heard it, by the agent's clock.
    pub heard: Stamp,
}

/// What an agent did with a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapReceipt {
    /// Epoch of the command.
    pub epoch: u64,
    /// Its sequence.
    pub sequence: u64,
    /// `None` if applied and verified by read-back; else why not.
    pub refused: Option<String>,
}

fn as_text<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn from_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    String::deserialize(deserializer).map(Into::into)
}

fn as_list<S: serde::Serializer>(list: &Arc<[CapTarget]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter())
}

fn from_list<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Arc<[CapTarget]>, D::Error> {
    Vec::deserialize(deserializer).map(Into::into)
}

/// What the controller asks of the GPUs of one node, as a lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapCommand {
    /// Node id of the site file.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub node: Arc<str>,
    /// Controller id.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub who: Arc<str>,
    /// Controller epoch: a later controller has a higher one.
    pub epoch: u64,
    /// Rises with each command of an epoch.
    pub sequence: u64,
    /// Time to live, ms, by the receiver's clock from the echo.
    pub ttl_ms: u64,
    /// The agent's boot number, from its last report.
    pub echo_boot: u64,
    /// The agent's monotonic time, from its last report.
    pub echo_mono_ns: u64,
    /// When it was sent, by the controller's clock, TAI ns; comes back in reports beside when it was heard. 0 if unknown.
    #[serde(default)]
    pub sent_ns: i64,
    /// What to hold, by UUID. A GPU that is not named is not touched.
    #[serde(serialize_with = "as_list", deserialize_with = "from_list")]
    pub gpus: Arc<[CapTarget]>,
    /// Why.
    pub reason: Cow<'static, str>,
}

/// Cap and clock of one GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapTarget {
    /// UUID as NVML gives it.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub uuid: Arc<str>,
    /// Power cap, W; `None` leaves the cap found at the start.
    pub cap_w: Option<f32>,
    /// Highest SM clock, MHz; `None` unlocks.
    pub lock_mhz: Option<f32>,
}
