//! Devices, buses and pages: where readings come from and commands go.

use crate::time::Span;
use std::collections::BTreeMap;

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
    /// Eclipse Sparkplug 3.0.0, payload B, as a host application.
    Sparkplug,
}

/// What a connection of the dialect Sparkplug says beside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparkplugSpec {
    /// Group id of the edge nodes.
    pub group: String,
    /// Our host application id.
    pub host: String,
    /// True if a rebirth may be asked for.
    pub rebirth: bool,
    /// How long a message that is missing in the sequence is waited for.
    pub reorder: Span,
}

impl Default for SparkplugSpec {
    fn default() -> Self {
        let (group, host) = (String::new(), "headroom".to_owned());
        Self { group, host, rebirth: true, reorder: Span::from_s(2.0) }
    }
}

/// How a JSON document writes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeFormat {
    /// Unix seconds; a fraction is taken.
    UnixS,
    /// Unix milliseconds.
    #[default]
    UnixMs,
    /// Unix microseconds.
    UnixUs,
    /// Unix nanoseconds.
    UnixNs,
    /// ISO 8601 (RFC 3339) text with its zone.
    Iso8601,
}

impl TimeFormat {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::UnixS, Self::UnixMs, Self::UnixUs, Self::UnixNs, Self::Iso8601];

    /// Its word in a site file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::UnixS => "s",
            Self::UnixMs => "ms",
            Self::UnixUs => "us",
            Self::UnixNs => "ns",
            Self::Iso8601 => "iso8601",
        }
    }
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
    /// What the dialect Sparkplug wants to know.
    pub sparkplug: SparkplugSpec,
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
        /// Index into [`super::Site::mqtt`].
        connection: usize,
        /// Tag path, if metadata alone is not unique.
        tag: Option<String>,
    },
    /// A JSON document on a topic.
    Json {
        /// Index into [`super::Site::mqtt`].
        connection: usize,
        /// Topic.
        topic: String,
        /// JSON pointer to the number; empty if the payload is the number.
        pointer: String,
        /// JSON pointer to the time, if there is one.
        time: Option<String>,
        /// How that time is written.
        time_format: TimeFormat,
    },
    /// A metric of a Sparkplug edge node.
    Sparkplug {
        /// Index into [`super::Site::mqtt`].
        connection: usize,
        /// Edge node id.
        edge: String,
        /// Device id; `None` for a metric of the edge node itself.
        device: Option<String>,
        /// Name that the birth gives it.
        metric: String,
    },
    /// A register.
    Modbus {
        /// Index into [`super::Site::modbus`].
        device: usize,
        /// Index into its registers.
        register: usize,
    },
    /// A Prometheus metric; several series are summed.
    Prometheus {
        /// Index into [`super::Site::prometheus`].
        page: usize,
        /// Metric name.
        metric: String,
        /// Labels that must match.
        labels: BTreeMap<String, String>,
    },
}

/// Where an actuator's commands go.
#[derive(Debug, Clone, PartialEq)]
pub enum Sink {
    /// A DSX request point whose metadata names us.
    Dsx {
        /// Index into [`super::Site::mqtt`].
        connection: usize,
        /// Tag path, if metadata alone is not unique.
        tag: Option<String>,
    },
    /// A JSON topic: `{"value": number, "timestamp": ms}`.
    Json {
        /// Index into [`super::Site::mqtt`].
        connection: usize,
        /// Topic.
        topic: String,
    },
    /// A metric of a Sparkplug edge node, by NCMD or DCMD.
    Sparkplug {
        /// Index into [`super::Site::mqtt`].
        connection: usize,
        /// Edge node id.
        edge: String,
        /// Device id; `None` for a metric of the edge node itself.
        device: Option<String>,
        /// Name that the birth gives it.
        metric: String,
    },
    /// A register.
    Modbus {
        /// Index into [`super::Site::modbus`].
        device: usize,
        /// Index into its registers.
        register: usize,
    },
}
