//! The site: places, GPUs, jobs, power tree, cooling graph, points and actuators, resolved to indices.
//!
//! Built only by [`crate::file`]; whoever holds a [`Site`] holds one that passed every check.

use crate::quantity::{Dimension, Unit};
use crate::time::Span;
use std::collections::{BTreeMap, BTreeSet};

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
}

/// A GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    /// UUID as NVML gives it.
    pub uuid: String,
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

/// Order of the four bytes of a 32-bit value, as Telegraf writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// High word first, high byte first.
    Abcd,
    /// Low word first.
    Cdab,
    /// High word first, low byte first.
    Badc,
    /// All reversed.
    Dcba,
}

/// Modbus register space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RegisterSpace {
    /// FC1, written by FC5.
    Coil,
    /// FC2, read only.
    Discrete,
    /// FC4, read only.
    Input,
    /// FC3, written by FC6 or FC16.
    Holding,
}

/// Type of a register value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterType {
    /// One bit.
    Bool,
    /// Unsigned 16 bit.
    Uint16,
    /// Signed 16 bit.
    Int16,
    /// Unsigned 32 bit.
    Uint32,
    /// Signed 32 bit.
    Int32,
    /// Unsigned 64 bit.
    Uint64,
    /// IEEE 754 single.
    Float32,
    /// IEEE 754 double.
    Float64,
}

impl RegisterType {
    /// Number of 16-bit words (1 for a bit).
    #[must_use]
    pub const fn words(self) -> u16 {
        match self {
            Self::Bool | Self::Uint16 | Self::Int16 => 1,
            Self::Uint32 | Self::Int32 | Self::Float32 => 2,
            Self::Uint64 | Self::Float64 => 4,
        }
    }
}

/// A named register of a device: `value = raw * scale + offset`, in the unit of the point that uses it.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisterSpec {
    /// Name.
    pub name: String,
    /// Space.
    pub space: RegisterSpace,
    /// PDU address, zero based (the file's `address-base` already taken off).
    pub address: u16,
    /// Type.
    pub kind: RegisterType,
    /// Order of bytes.
    pub order: ByteOrder,
    /// Engineering value of one count.
    pub scale: f64,
    /// Engineering value at raw zero.
    pub offset: f64,
    /// Raw bit patterns that mean "no sensor".
    pub invalid: Vec<u64>,
}

/// How a device lets itself be commanded from remote.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Remote {
    /// Register and value that switch remote control on; written before setpoints, cleared on release.
    pub enable: Option<(usize, f64)>,
    /// Register that must keep changing, and how often.
    pub heartbeat: Option<(usize, Span)>,
    /// Register the device echoes the heartbeat in.
    pub echo: Option<usize>,
    /// Count-down register in seconds and what to write into it before each setpoint.
    pub timer: Option<(usize, Span)>,
    /// Register that is 1 while an operator has the device in local.
    pub local: Option<usize>,
}

/// A Modbus TCP device.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusSpec {
    /// Id.
    pub id: String,
    /// `host:port`.
    pub address: String,
    /// Unit id.
    pub unit: u8,
    /// Period of reading.
    pub poll: Span,
    /// Deadline of one request.
    pub timeout: Span,
    /// Pause between requests.
    pub min_gap: Span,
    /// Most registers in one request.
    pub max_block: u16,
    /// Unused registers to read over rather than split a block.
    pub max_gap: u16,
    /// Registers.
    pub registers: Vec<RegisterSpec>,
    /// Remote control.
    pub remote: Remote,
}

/// Dialect of an MQTT connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// DSX Exchange, BMS Event Bus 1.0.0.
    Dsx,
    /// One JSON document per topic.
    Json,
}

/// An MQTT connection.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttSpec {
    /// Id.
    pub id: String,
    /// `mqtt://host:port`.
    pub url: String,
    /// Dialect of its points.
    pub dialect: Dialect,
    /// Our integration id on a DSX bus.
    pub integration: String,
    /// Period of our heartbeat.
    pub heartbeat: Span,
    /// True if the agents of the GPU nodes meet the controller here.
    pub agents: bool,
}

/// A page of Prometheus metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct PrometheusSpec {
    /// Id.
    pub id: String,
    /// `http://host:port/path`.
    pub url: String,
    /// Period of reading.
    pub poll: Span,
}

/// Where a point's readings come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A DSX bus; bound by metadata (object, point type, process area), or by tag path if given.
    Dsx {
        /// Index into [`Site::mqtt`].
        connection: usize,
        /// Tag path, if metadata alone is not unique.
        tag: Option<String>,
    },
    /// A JSON document on a topic.
    Json {
        /// Index into [`Site::mqtt`].
        connection: usize,
        /// Topic.
        topic: String,
        /// JSON pointer to the number; empty if the payload is the number.
        pointer: String,
        /// JSON pointer to the time in Unix milliseconds, if there is one.
        time: Option<String>,
    },
    /// A register.
    Modbus {
        /// Index into [`Site::modbus`].
        device: usize,
        /// Index into its registers.
        register: usize,
    },
    /// A Prometheus metric; several series are summed.
    Prometheus {
        /// Index into [`Site::prometheus`].
        page: usize,
        /// Metric name.
        metric: String,
        /// Labels that must match.
        labels: BTreeMap<String, String>,
    },
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

/// Where an actuator's commands go.
#[derive(Debug, Clone, PartialEq)]
pub enum Sink {
    /// A DSX request point whose metadata names us.
    Dsx {
        /// Index into [`Site::mqtt`].
        connection: usize,
        /// Tag path, if metadata alone is not unique.
        tag: Option<String>,
    },
    /// A JSON topic: `{"value": number, "timestamp": ms}`.
    Json {
        /// Index into [`Site::mqtt`].
        connection: usize,
        /// Topic.
        topic: String,
    },
    /// A register.
    Modbus {
        /// Index into [`Site::modbus`].
        device: usize,
        /// Index into its registers.
        register: usize,
    },
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
    /// Point that the setpoint is to move.
    pub measures: Option<PointId>,
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
    /// Outdoor dry bulb.
    pub outdoor: Option<PointId>,
    /// Highest dew point of the room, or the points it is reckoned from.
    pub room_temperature: Vec<PointId>,
    /// Relative humidity of the room, ratio, matching `room_temperature`.
    pub room_humidity: Vec<PointId>,
}

/// The site.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Name.
    pub name: String,
    /// Period of the power loop.
    pub power_period: Span,
    /// Period of the cooling loop.
    pub cooling_period: Span,
    /// Period of the agents.
    pub agent_period: Span,
    /// Life of a lease.
    pub lease: Span,
    /// Places other than nodes: hall, row, rack; id to (kind, parent).
    pub places: BTreeMap<String, (String, Option<String>)>,
    /// GPU models.
    pub skus: Vec<Sku>,
    /// Nodes, in file order; their GPUs are contiguous.
    pub nodes: Vec<Node>,
    /// GPUs, in order of node.
    pub gpus: Vec<Gpu>,
    /// Jobs.
    pub jobs: Vec<Job>,
    /// Power tree, parents before children.
    pub power: Vec<PowerNode>,
    /// Equipment.
    pub equipment: Vec<Equipment>,
    /// Points.
    pub points: Vec<Point>,
    /// Actuators.
    pub actuators: Vec<Actuator>,
    /// MQTT connections.
    pub mqtt: Vec<MqttSpec>,
    /// Modbus devices.
    pub modbus: Vec<ModbusSpec>,
    /// Prometheus pages.
    pub prometheus: Vec<PrometheusSpec>,
    /// Points of the whole.
    pub meters: Meters,
    /// Least rack flow by supply temperature: (degC, L/min/kW), ascending.
    pub min_flow: Vec<(f64, f64)>,
    /// Least distance of technology supply above the room's dew point, K.
    pub dew_point_margin_k: f64,
}

impl Site {
    /// The point with this id.
    #[must_use]
    pub fn point(&self, id: &str) -> Option<PointId> {
        self.points.iter().position(|p| p.id == id).map(|i| PointId(i as u32))
    }

    /// The actuator with this id.
    #[must_use]
    pub fn actuator(&self, id: &str) -> Option<ActuatorId> {
        self.actuators.iter().position(|a| a.id == id).map(|i| ActuatorId(i as u32))
    }

    /// The node with this id.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<NodeId> {
        self.nodes.iter().position(|n| n.id == id).map(|i| NodeId(i as u32))
    }

    /// The GPU with this UUID.
    #[must_use]
    pub fn gpu(&self, uuid: &str) -> Option<GpuId> {
        self.gpus.iter().position(|g| g.uuid == uuid).map(|i| GpuId(i as u32))
    }

    /// Points of a thing with a point type and all of these process areas.
    pub fn points_of<'a>(
        &'a self,
        of: &'a str,
        kind: &'a str,
        area: &'a [&'a str],
    ) -> impl Iterator<Item = PointId> + 'a {
        self.points
            .iter()
            .enumerate()
            .filter(move |(_, p)| {
                p.of == of && p.kind == kind && area.iter().all(|a| p.area.iter().any(|x| x == a))
            })
            .map(|(i, _)| PointId(i as u32))
    }

    /// Dimension of a point.
    #[must_use]
    pub fn dimension(&self, point: PointId) -> Dimension {
        self.points[point.index()].unit.dimension
    }

    /// Everything downstream of a thing, itself included: by `serves` of equipment and by place.
    #[must_use]
    pub fn downstream(&self, of: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = self
            .equipment
            .iter()
            .map(|e| e.id.as_str())
            .chain(self.places.keys().map(String::as_str))
            .filter(|id| *id == of)
            .collect();
        while let Some(id) = open.pop() {
            if !found.insert(id) {
                continue;
            }
            for e in self.equipment.iter().filter(|e| e.id == id) {
                open.extend(e.serves.iter().map(String::as_str));
            }
            open.extend(
                self.places.iter().filter(|(_, (_, p))| p.as_deref() == Some(id)).map(|(k, _)| k.as_str()),
            );
        }
        found
    }

    /// GPUs downstream of a thing.
    #[must_use]
    pub fn gpus_of(&self, of: &str) -> Vec<GpuId> {
        let below = self.downstream(of);
        self.nodes
            .iter()
            .filter(|n| below.contains(n.rack.as_str()) || n.id == of)
            .flat_map(|n| (n.gpus.0..n.gpus.1).map(GpuId))
            .collect()
    }

    /// For each node the branch of the power tree that feeds its rack, if any.
    #[must_use]
    pub fn power_of_nodes(&self) -> Vec<Option<PowerId>> {
        self.nodes
            .iter()
            .map(|n| self.power.iter().position(|p| p.racks.contains(&n.rack)).map(|i| PowerId(i as u32)))
            .collect()
    }

    /// Least flow for a supply temperature, L/min/kW (linear between rows, flat outside).
    #[must_use]
    pub fn min_flow_at(&self, supply_c: f64) -> Option<f64> {
        let table = &self.min_flow;
        let (first, last) = (table.first()?, table.last()?);
        if supply_c <= first.0 {
            return Some(first.1);
        }
        for w in table.windows(2) {
            if supply_c <= w[1].0 {
                let x = (supply_c - w[0].0) / (w[1].0 - w[0].0);
                return Some(w[0].1 + x * (w[1].1 - w[0].1));
            }
        }
        Some(last.1)
    }
}
