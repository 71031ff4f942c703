//! Buses and pages, and where readings come from and commands go.

use crate::time::Span;
use std::collections::BTreeMap;

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
        /// JSON pointer to the time in Unix milliseconds, if there is one.
        time: Option<String>,
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
    /// A register.
    Modbus {
        /// Index into [`super::Site::modbus`].
        device: usize,
        /// Index into its registers.
        register: usize,
    },
}
