//! What an integration sends: values and heartbeats, taken or refused with a reason.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};

/// Why a message of an integration was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Not under `BMS/v1/{integration}/Value/`.
    NotOurs,
    /// No point whose metadata names the integration has this topic.
    UnknownPoint,
    /// Not the contract's JSON object. JSON has no NaN or infinity, so these end here too.
    Malformed,
    /// Value is null. Withdraws the standing request.
    Null,
    /// Quality is not 1. Withdraws the standing request.
    Quality,
    /// Time stamp too old against the BMS clock.
    Stale,
    /// Time stamp too far ahead of the BMS clock.
    Future,
    /// The operator has the point in local.
    Local,
}

impl Refusal {
    /// Every reason, in order.
    pub const ALL: [Self; 8] = [
        Self::NotOurs,
        Self::UnknownPoint,
        Self::Malformed,
        Self::Null,
        Self::Quality,
        Self::Stale,
        Self::Future,
        Self::Local,
    ];
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOurs => "not an integration value topic",
            Self::UnknownPoint => "no point names this integration here",
            Self::Malformed => "malformed payload",
            Self::Null => "value is null",
            Self::Quality => "quality is not 1",
            Self::Stale => "time stamp too old",
            Self::Future => "time stamp in the future",
            Self::Local => "operator has the point",
        })
    }
}

/// What a message was, once taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Taken {
    /// A request for an image point.
    Request {
        /// The point.
        point: crate::image::PointIndex,
        /// The value asked for, in the point's unit.
        value: f64,
    },
    /// The integration's heartbeat.
    Heartbeat,
    /// The integration's echo of our heartbeat.
    Echo,
}

/// What came in, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests taken.
    pub accepted: u64,
    /// Heartbeats and echoes taken.
    pub heartbeats: u64,
    /// Times the integration fell silent while a request stood.
    pub lapses: u64,
    /// Messages refused, by reason.
    pub refused: BTreeMap<Refusal, u64>,
}

impl Counts {
    /// Messages refused for this reason.
    pub fn refused_for(&self, reason: Refusal) -> u64 {
        self.refused.get(&reason).copied().unwrap_or(0)
    }

    /// Every attempt to write a point, taken or not: an integration that only advises has none.
    pub fn writes(&self) -> u64 {
        self.accepted + self.refused.values().sum::<u64>()
    }
}

/// The value payload. A missing `value` is malformed; an explicit null is not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    #[serde(deserialize_with = "required")]
    value: Option<f64>,
    timestamp: i64,
    quality: i64,
}

fn required<'de, D: Deserializer<'de>>(d: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(d)
}

/// Reads a payload against the BMS clock; `tolerance_ms` bounds age and lead, `None` = clock not trusted.
pub(super) fn read(payload: &[u8], now_ms: i64, tolerance_ms: Option<i64>) -> Result<f64, Refusal> {
    let payload: Payload = serde_json::from_slice(payload).map_err(|_| Refusal::Malformed)?;
    if payload.quality != 1 {
        return Err(Refusal::Quality);
    }
    let value = payload.value.ok_or(Refusal::Null)?;
    if let Some(tolerance_ms) = tolerance_ms {
        let age_ms = now_ms.saturating_sub(payload.timestamp);
        if age_ms > tolerance_ms {
            return Err(Refusal::Stale);
        }
        if age_ms < -tolerance_ms {
            return Err(Refusal::Future);
        }
    }
    if value.is_finite() { Ok(value) } else { Err(Refusal::Malformed) }
}
