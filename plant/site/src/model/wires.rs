//! Buses and pages, and where readings come from and commands go.

use super::{Engine, EngineQuantity, Tls};
use crate::time::Span;
use std::collections::BTreeMap;

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
    /// `mqtt://host:port`, or `mqtts://host:port`.
    pub url: String,
    /// Whom we trust there and who we are, where it is encrypted.
    pub tls: Option<Tls>,
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
    /// Whose page it is, where jobs are served by it.
    pub engine: Option<Engine>,
}

/// A page of NVIDIA's DCGM exporter: GPUs that are read there, and cannot be commanded.
#[derive(Debug, Clone, PartialEq)]
pub struct DcgmSpec {
    /// Id.
    pub id: String,
    /// `http://host:port/path`.
    pub url: String,
    /// Period of reading.
    pub poll: Span,
    /// The exporter's own period (`--collect-interval`): between two of its collections the page stays as it is.
    pub collect: Span,
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
    /// What the page of an inference engine says of a job.
    Engine {
        /// Index into [`super::Site::prometheus`]; that page names its engine.
        page: usize,
        /// Which quantity.
        quantity: EngineQuantity,
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
