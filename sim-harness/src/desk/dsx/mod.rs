//! The BMS side of DSX Exchange *BMS Event Bus 1.0.0*.
//!
//! Responsible for: metadata, values and heartbeats that the BMS publishes; taking or refusing what the
//! integration publishes; letting a request stand only while its integration lives. Not for: the link
//! (`wires`), limits and ramps on a request (the BMS in the world).
//!
//! When a request stands:
//!
//! ```text
//!             value accepted                heartbeat silent > 30 s, operator local,
//!  nothing ------------------> standing    point silent > 300 s, null or bad quality
//!     ^                            |
//!     +----------------------------+       a new value is needed; nothing old comes back
//! ```
//!
//! A heartbeat counts only when its own value moves on, and its age is measured by the BMS clock from
//! its arrival, so neither a frozen publisher nor a queue in the broker can look alive.

mod contract;
mod incoming;
mod metadata;
mod outgoing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

pub use contract::Finding;
pub use incoming::{Counts, Refusal, Taken};

use super::number::Shown;
use crate::image::{Image, PointIndex, SourceIndex};

/// Heartbeats of the BMS, ms.
const HEARTBEAT_MS: i64 = 10_000;

/// How the desk keeps time and names itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DsxConfig {
    /// Object id of the BMS on its heartbeat points.
    pub bms_id: String,
    /// Silence of the heartbeat after which the integration counts as gone, ms.
    pub heartbeat_timeout_ms: i64,
    /// Silence of a point after which its request is dropped: three missed repetitions, ms.
    pub request_timeout_ms: i64,
    /// Largest distance of a time stamp from the BMS clock, ms; `None` where the clock is not plausible.
    pub stamp_tolerance_ms: Option<i64>,
}

impl Default for DsxConfig {
    fn default() -> Self {
        Self {
            bms_id: "BMS".to_owned(),
            heartbeat_timeout_ms: 30_000,
            request_timeout_ms: 3 * outgoing::REPEAT_MS,
            stamp_tolerance_ms: Some(60_000),
        }
    }
}

/// Why no desk can be built over an image.
#[derive(Debug, Error)]
pub enum DsxError {
    /// The contract cannot carry the image.
    #[error("the image does not fit the DSX contract: {}", list(.0))]
    Image(Vec<Finding>),
    /// A metadata payload could not be written.
    #[error("metadata payload: {0}")]
    Payload(#[from] serde_json::Error),
}

fn list(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What an integration topic leads to.
#[derive(Debug, Clone, Copy)]
enum Target {
    Request(usize),
    Heartbeat,
    Echo,
}

/// A request point and what stands on it.
#[derive(Debug, Clone)]
struct Request {
    point: PointIndex,
    standing: Option<Standing>,
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    value: f64,
    arrived_ms: i64,
}

/// The integration's pulse: the last value it showed and when that arrived.
#[derive(Debug, Clone, Copy)]
struct Pulse {
    value: f64,
    arrived_ms: i64,
}

/// The desk. Pure: time is an argument, messages leave through closures.
#[derive(Debug, Clone)]
pub struct DsxDesk {
    config: DsxConfig,
    prefix: String,
    metadata: Vec<(Box<str>, Vec<u8>)>,
    metadata_next: usize,
    metadata_origin_ms: Option<i64>,
    values: Vec<outgoing::Value>,
    targets: BTreeMap<Box<str>, Target>,
    requests: Vec<Request>,
    local: BTreeSet<PointIndex>,
    pulse: Option<Pulse>,
    round_trip_ms: Option<f64>,
    own_heartbeat: Heartbeat,
    echo: Heartbeat,
    echoed: Option<f64>,
    last_publish_ms: i64,
    payload: Vec<u8>,
    counts: Counts,
}

/// A heartbeat point that the BMS publishes.
#[derive(Debug, Clone)]
struct Heartbeat {
    topic: Box<str>,
    said_ms: Option<i64>,
}

impl Heartbeat {
    fn due(&self, now_ms: i64) -> bool {
        self.said_ms.is_none_or(|said| now_ms - said >= HEARTBEAT_MS)
    }
}

impl DsxDesk {
    /// Builds the desk for one integration, or says everything that keeps the image off the bus.
    pub fn new(image: &Image, integration: &str, config: DsxConfig) -> Result<Self, DsxError> {
        let mut findings = contract::check(image);
        for id in [integration, &config.bms_id] {
            if !contract::valid_level(id) {
                findings.push(Finding::Id { id: id.to_owned() });
            }
        }
        if !findings.is_empty() {
            return Err(DsxError::Image(findings));
        }
        let (own_tag, their_tag) =
            (format!("{}/heartbeat", config.bms_id), format!("{integration}/heartbeat"));
        let heartbeat = |kind: &str, tag: &str| Heartbeat {
            topic: topic("PUB", "Value", "System", kind, tag),
            said_ms: None,
        };
        let mut desk = Self {
            prefix: format!("BMS/v1/{integration}/Value/"),
            metadata: Vec::new(),
            metadata_next: 0,
            metadata_origin_ms: None,
            values: Vec::new(),
            targets: BTreeMap::new(),
            requests: Vec::new(),
            local: BTreeSet::new(),
            pulse: None,
            round_trip_ms: None,
            own_heartbeat: heartbeat("HeartbeatTimestampBms", &own_tag),
            echo: heartbeat("HeartbeatEchoBms", &their_tag),
            echoed: None,
            last_publish_ms: i64::MIN,
            payload: Vec::with_capacity(128),
            counts: Counts::default(),
            config,
        };
        desk.add_heartbeats(integration, &own_tag, &their_tag)?;
        desk.add_points(image, integration)?;
        Ok(desk)
    }

    fn add_heartbeats(&mut self, integration: &str, own: &str, their: &str) -> Result<(), DsxError> {
        let bms = self.config.bms_id.clone();
        let points = [
            ("HeartbeatTimestampBms", own, bms.as_str(), None),
            ("HeartbeatEchoBms", their, integration, None),
            ("HeartbeatTimestampIntegration", their, integration, Some(Target::Heartbeat)),
            ("HeartbeatEchoIntegration", own, bms.as_str(), Some(Target::Echo)),
        ];
        for (kind, tag, object_id, target) in points {
            let payload = metadata::of_heartbeat(kind, object_id, target.map(|_| integration))?;
            self.metadata.push((topic("PUB", "Metadata", "System", kind, tag), payload));
            if let Some(target) = target {
                self.targets.insert(topic(integration, "Value", "System", kind, tag), target);
            }
        }
        Ok(())
    }

    fn add_points(&mut self, image: &Image, integration: &str) -> Result<(), DsxError> {
        for (index, point) in image.points.iter().enumerate() {
            let (object, kind, tag) = (point.object_type, point.point_type, &point.tag);
            let payload = metadata::of_point(point, integration)?;
            self.metadata.push((topic("PUB", "Metadata", object, kind, tag), payload));
            if point.request {
                let target = Target::Request(self.requests.len());
                self.targets.insert(topic(integration, "Value", object, kind, tag), target);
                self.requests.push(Request { point: index, standing: None });
            } else {
                self.values.push(outgoing::Value::new(index, point));
            }
        }
        Ok(())
    }

    /// Filter that brings every message of the integration.
    pub fn filter(&self) -> String {
        format!("{}#", self.prefix)
    }

    /// Every metadata message, to be published retained.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.metadata.iter().map(|(topic, payload)| (topic.as_ref(), payload.as_slice()))
    }

    /// Says the metadata that is due, to be retained: all of it first, then each again every 100 s,
    /// spread evenly so that thousands of points make no burst.
    pub fn publish_metadata(&mut self, now_ms: i64, out: &mut impl FnMut(&str, &[u8])) {
        let total = self.metadata.len();
        let start = self.metadata_origin_ms.filter(|&origin| now_ms >= origin);
        let Some(origin_ms) = start else {
            self.metadata_origin_ms = Some(now_ms);
            self.metadata_next = 0;
            self.metadata().for_each(|(topic, payload)| out(topic, payload));
            return;
        };
        let elapsed = i128::from(now_ms - origin_ms) * total as i128 / i128::from(outgoing::REPEAT_MS);
        let target = usize::try_from(elapsed).unwrap_or(usize::MAX);
        // After a long pause one full round is enough.
        self.metadata_next = self.metadata_next.max(target.saturating_sub(total));
        for position in self.metadata_next..target {
            let (topic, payload) = &self.metadata[position % total];
            out(topic, payload);
        }
        self.metadata_next = target;
    }

    /// Says what has changed (at most once per the point's period), what is 100 s old, and heartbeats.
    pub fn publish(&mut self, now_ms: i64, image: &Image, out: &mut impl FnMut(&str, &[u8])) {
        self.publish_of(now_ms, image, &mut |_, topic, payload| out(topic, payload));
    }

    /// [`Self::publish`], with the source of each value; `None` for the BMS's own heartbeats.
    pub fn publish_of(
        &mut self,
        now_ms: i64,
        image: &Image,
        out: &mut impl FnMut(Option<SourceIndex>, &str, &[u8]),
    ) {
        if now_ms < self.last_publish_ms {
            self.refresh();
        }
        self.last_publish_ms = now_ms;
        if self.own_heartbeat.due(now_ms) {
            self.own_heartbeat.said_ms = Some(now_ms);
            outgoing::write_payload(&mut self.payload, Shown::Fixed(now_ms), 0, now_ms, 1);
            out(None, &self.own_heartbeat.topic, &self.payload);
        }
        if let Some(pulse) = self.pulse.filter(|p| self.echoed != Some(p.value) || self.echo.due(now_ms)) {
            self.echo.said_ms = Some(now_ms);
            self.echoed = Some(pulse.value);
            let shown = super::number::shown(pulse.value, 0);
            outgoing::write_payload(&mut self.payload, shown, 0, now_ms, 1);
            out(None, &self.echo.topic, &self.payload);
        }
        outgoing::publish(&mut self.values, &mut self.payload, now_ms, image, out);
    }

    /// Makes everything news again, after a new link or a step of the clock.
    pub fn refresh(&mut self) {
        self.values.iter_mut().for_each(outgoing::Value::forget);
        self.own_heartbeat.said_ms = None;
        self.echo.said_ms = None;
        self.metadata_origin_ms = None;
    }

    /// Takes a message of the integration, or refuses it with a reason. Both are counted.
    pub fn receive(&mut self, now_ms: i64, topic: &str, payload: &[u8]) -> Result<Taken, Refusal> {
        let result = self.take(now_ms, topic, payload);
        match result {
            Ok(Taken::Request { .. }) => self.counts.accepted += 1,
            Ok(Taken::Heartbeat | Taken::Echo) => self.counts.heartbeats += 1,
            Err(reason) => *self.counts.refused.entry(reason).or_insert(0) += 1,
        }
        result
    }

    fn take(&mut self, now_ms: i64, topic: &str, payload: &[u8]) -> Result<Taken, Refusal> {
        if !topic.starts_with(&self.prefix) {
            return Err(Refusal::NotOurs);
        }
        let target = *self.targets.get(topic).ok_or(Refusal::UnknownPoint)?;
        let value = incoming::read(payload, now_ms, self.config.stamp_tolerance_ms);
        match target {
            Target::Request(slot) => self.take_request(now_ms, slot, value),
            Target::Heartbeat => {
                let value = value?;
                if self.pulse.is_none_or(|p| p.value.to_bits() != value.to_bits()) {
                    self.pulse = Some(Pulse { value, arrived_ms: now_ms });
                }
                Ok(Taken::Heartbeat)
            }
            Target::Echo => {
                self.round_trip_ms = Some(now_ms as f64 - value?);
                Ok(Taken::Echo)
            }
        }
    }

    fn take_request(
        &mut self,
        now_ms: i64,
        slot: usize,
        value: Result<f64, Refusal>,
    ) -> Result<Taken, Refusal> {
        let Some(request) = self.requests.get_mut(slot) else { return Err(Refusal::UnknownPoint) };
        if self.local.contains(&request.point) {
            return Err(Refusal::Local);
        }
        match value {
            Ok(value) => {
                request.standing = Some(Standing { value, arrived_ms: now_ms });
                Ok(Taken::Request { point: request.point, value })
            }
            // Who says "I have no trustworthy value" no longer stands by the old one.
            Err(reason @ (Refusal::Null | Refusal::Quality)) => {
                request.standing = None;
                Err(reason)
            }
            Err(reason) => Err(reason),
        }
    }

    /// Resolves [`Image::requests`] of every request point: what stands, or `None`.
    pub fn step(&mut self, now_ms: i64, image: &mut Image) {
        let alive = self.alive(now_ms);
        if !alive && self.pulse.is_some() && self.requests.iter().any(|r| r.standing.is_some()) {
            self.counts.lapses += 1;
        }
        for request in &mut self.requests {
            let timeout_ms = self.config.request_timeout_ms;
            let local = self.local.contains(&request.point);
            request.standing =
                request.standing.filter(|s| alive && !local && now_ms - s.arrived_ms <= timeout_ms);
            if let Some(slot) = image.requests.get_mut(request.point) {
                *slot = request.standing.map(|s| s.value);
            }
        }
    }

    /// True while the integration's heartbeat is fresh.
    pub fn alive(&self, now_ms: i64) -> bool {
        self.pulse.is_some_and(|p| now_ms - p.arrived_ms < self.config.heartbeat_timeout_ms)
    }

    /// The operator takes a point (true) or gives it back (false). What stood there is gone.
    pub fn set_local(&mut self, point: PointIndex, local: bool) {
        if local {
            self.local.insert(point);
        } else {
            self.local.remove(&point);
        }
    }

    /// True if the operator has the point.
    pub fn is_local(&self, point: PointIndex) -> bool {
        self.local.contains(&point)
    }

    /// What came in.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Time from our last heartbeat to the arrival of its echo, ms, if the integration echoes.
    pub fn round_trip_ms(&self) -> Option<f64> {
        self.round_trip_ms
    }
}

/// `BMS/v1/{publisher}/{kind}/{objectType}/{pointType}/{tagPath}`
fn topic(publisher: &str, kind: &str, object_type: &str, point_type: &str, tag: &str) -> Box<str> {
    format!("BMS/v1/{publisher}/{kind}/{object_type}/{point_type}/{tag}").into_boxed_str()
}
