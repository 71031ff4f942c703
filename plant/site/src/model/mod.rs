//! The site: places, GPUs, jobs, power tree, cooling graph, points and actuators, resolved to indices.
//!
//! Built only by [`crate::file`]; whoever holds a [`Site`] holds one that passed every check.
//!
//! Rooms: `site` (the whole, and questions to it), `modbus` (devices and registers), `wires` (buses, pages: where
//! values come from and go), `engine` (inference engines).

mod engine;
mod modbus;
mod site;
mod wires;

pub use engine::{Engine, EngineQuantity, Latency, Statistic};
pub use modbus::{
    ByteOrder, Forbidden, Heartbeat, HeartbeatKind, ModbusSpec, RegisterMap, RegisterSpace, RegisterSpec,
    RegisterType, Remote, Tls, Transport, WriteWith,
};
pub use site::Site;
pub use wires::{DcgmSpec, Dialect, MqttSpec, PrometheusSpec, Sink, Source, SparkplugSpec, TimeFormat};

use crate::quantity::Unit;
use crate::time::Span;
use serde::{Deserialize, Serialize};

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u32);
        impl $name {
            /// As an index.
            #[must_use]
            pub const fn index(self) -> usize { self.0 as usize }
        }
    )+ };
}

id!(
    /// A GPU of the inventory.
    GpuId,
    /// A node.
    NodeId,
    /// A job.
    JobId,
    /// A branch of the power tree.
    PowerId,
    /// A piece of equipment.
    EquipmentId,
    /// A point.
    PointId,
    /// An actuator.
    ActuatorId,
);

/// Limits of a GPU model.
#[derive(Debug, Clone, PartialEq)]
pub struct Sku {
    /// Name, for example `H100-SXM`.
    pub id: String,
    /// Lowest settable cap, W.
    pub min_cap_w: f64,
    /// Highest settable cap, W.
    pub max_cap_w: f64,
    /// Power without work, W (prior).
    pub idle_w: f64,
    /// Lowest useful SM clock, MHz.
    pub min_clock_mhz: f64,
    /// Highest SM clock, MHz.
    pub max_clock_mhz: f64,
    /// Step of the clock, MHz.
    pub clock_step_mhz: f64,
    /// Maximum operating temperature of the die, degC: software thermal slowdown begins here.
    pub max_operating_c: f64,
    /// Maximum operating temperature of the memory, degC.
    pub hbm_max_c: f64,
    /// Thermal resistance junction to coolant, K/W (prior).
    pub resistance_k_per_w: f64,
    /// Relative rise of power per kelvin of die temperature, 1/K (prior).
    pub leakage_per_k: f64,
}

/// A node: the host of some GPUs, in a rack.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Id.
    pub id: String,
    /// Rack it stands in.
    pub rack: String,
    /// First GPU and one past the last.
    pub gpus: (u32, u32),
    /// Power of everything but the GPUs, W: what to reckon with where no meter tells.
    pub other_w: f64,
    /// Index into [`Site::dcgm`] of the page that its GPUs are read from, where no agent may open NVML.
    pub dcgm: Option<usize>,
}

impl Node {
    /// True if its GPUs can only be read: no cap and no clock can be commanded.
    #[must_use]
    pub const fn read_only(&self) -> bool {
        self.dcgm.is_some()
    }
}

/// A GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    /// UUID as NVML gives it.
    pub uuid: std::sync::Arc<str>,
    /// Its node.
    pub node: NodeId,
    /// Index into [`Site::skus`].
    pub sku: usize,
}

/// How a job uses its GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Synchronous: the slowest GPU sets the pace.
    Training,
    /// Requests come and go.
    Serving,
}

/// A job: work that spans GPUs.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Id.
    pub id: String,
    /// Kind.
    pub kind: JobKind,
    /// GPUs it runs on, ascending.
    pub gpus: Vec<GpuId>,
    /// Higher is served first when power is short.
    pub priority: i64,
    /// Points whose sum counts its tokens.
    pub tokens: Vec<PointId>,
}

/// A branch of the power tree.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerNode {
    /// Id.
    pub id: String,
    /// Kind, in the site's words: feed, ups, pdu, busway, breaker, rack.
    pub kind: String,
    /// The branch that feeds it.
    pub parent: Option<PowerId>,
    /// What it may draw, W.
    pub budget_w: Option<f64>,
    /// Point that measures what it draws.
    pub meter: Option<PointId>,
    /// Point that says what it may draw now (a grid's or operator's limit).
    pub limit: Option<PointId>,
    /// Racks it serves directly.
    pub racks: Vec<String>,
    /// Watts at its meter for each watt of GPUs below it, beyond that watt: supplies and what works along. If known.
    pub overhead: Option<f64>,
}

/// A piece of equipment.
#[derive(Debug, Clone, PartialEq)]
pub struct Equipment {
    /// Id, the same word as the BMS uses.
    pub id: String,
    /// Kind: cdu, crah, chiller, tower, hx, pump, valve, rack-manifold, ups, tank, room, weather, ...
    pub kind: String,
    /// What it serves (equipment, racks, rows, halls), downstream.
    pub serves: Vec<String>,
}

/// Something read.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Id.
    pub id: String,
    /// Equipment, rack or other thing it belongs to.
    pub of: String,
    /// DSX point type, or the site's own word.
    pub kind: String,
    /// DSX process areas.
    pub area: Vec<String>,
    /// Unit of the source; readings are converted to the base unit of its dimension.
    pub unit: Unit,
    /// Physically possible range, base unit; outside it a reading is bad.
    pub range: Option<(f64, f64)>,
    /// Never below, base unit.
    pub limit_low: Option<f64>,
    /// Never above, base unit.
    pub limit_high: Option<f64>,
    /// Older than this it is stale.
    pub stale_after: Span,
    /// True for a counter that only rises.
    pub counter: bool,
    /// Where it comes from.
    pub source: Source,
}

/// Which way of an actuator saves energy, and so relaxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saves {
    /// A higher setpoint saves (supply temperature).
    Up,
    /// A lower setpoint saves (flow, pressure, speed).
    Down,
}

impl Saves {
    /// 1 where a higher setpoint saves, else -1.
    #[must_use]
    pub const fn sign(self) -> f64 {
        match self {
            Self::Up => 1.0,
            Self::Down => -1.0,
        }
    }
}

/// Something that can be asked to move.
#[derive(Debug, Clone, PartialEq)]
pub struct Actuator {
    /// Id.
    pub id: String,
    /// Equipment it belongs to.
    pub of: String,
    /// DSX point type.
    pub kind: String,
    /// DSX process areas.
    pub area: Vec<String>,
    /// Group for modes in the policy: cdu, chiller, tower, air, or the site's own word.
    pub group: String,
    /// Unit of the target.
    pub unit: Unit,
    /// Lowest and highest value, base unit.
    pub range: (f64, f64),
    /// Fastest change, base units per second.
    pub ramp_per_s: f64,
    /// Largest single change, base unit.
    pub step: f64,
    /// Smallest change worth a command, base unit.
    pub deadband: f64,
    /// How often an unchanged value is sent again.
    pub refresh: Span,
    /// What the target returns to by itself, base unit.
    pub fallback: f64,
    /// Point that shows the setpoint in force.
    pub readback: Option<PointId>,
    /// How soon the read-back shows what was asked, where the site file says so; else it may walk there by `ramp`.
    pub settle: Option<Span>,
    /// Point that the setpoint is to move.
    pub measures: Option<PointId>,
    /// Points that are not zero while a trip or an interlock of the plant stands against it.
    pub interlock: Vec<PointId>,
    /// Points whose power falls when it relaxes; while all of them are near zero there is nothing to save.
    pub unloads: Vec<PointId>,
    /// Which way saves.
    pub saves: Saves,
    /// Where commands go.
    pub sink: Sink,
}

/// Points that measure the whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meters {
    /// Everything the facility draws.
    pub facility: Option<PointId>,
    /// What the IT draws.
    pub it: Option<PointId>,
    /// What cooling draws; several are summed.
    pub cooling: Vec<PointId>,
    /// Water taken from the mains: rates or totals; several are summed.
    pub water: Vec<PointId>,
    /// Heat that others use: rates or totals; several are summed.
    pub reused_heat: Vec<PointId>,
    /// Outdoor dry bulb.
    pub outdoor: Option<PointId>,
    /// Highest dew point of the room, or the points it is reckoned from.
    pub room_temperature: Vec<PointId>,
    /// Relative humidity of the room, ratio, matching `room_temperature`.
    pub room_humidity: Vec<PointId>,
}
