//! DSX Exchange, *BMS Event Bus 1.0.0*, in the role of an integration.
//!
//! Responsible for: binding points and actuators to topics through the retained metadata; readings with the
//! source's event time; heartbeats and echoes; publishing requests on points whose metadata names us, while
//! they are held and the controller is alive, and nothing else. No I/O: messages in, messages out.
//! Not for: the connection ([`super::client`]).
//!
//! Values are said on change and every 100 s and are not retained, so a lost link does not turn readings bad:
//! they grow old, and `stale-after` judges them.
//!
//! A request is `BMS/v1/{us}/Value/{objectType}/{pointType}/{tagPath}`, derived from the metadata's topic. To
//! relinquish is to publish one null and then nothing; the BMS returns to its own setpoint by itself.

pub(crate) mod bind;
pub(crate) mod heartbeat;
pub(crate) mod metadata;
pub mod survey;
pub(crate) mod value;

pub use heartbeat::Pulse;

use super::client::Delivery;
use super::hold::{Holder, Say, Tick};
use super::outgoing::Outgoing;
use crate::context::{Gauge, receipt_of};
use bind::{Binder, Bindings, Catalogue};
use headroom_site::command::{Receipt, SetpointCommand};
use headroom_site::{Outcome, Reading, Reason, Site, Span, Stamp};
use heartbeat::Heartbeat;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

const METADATA: &str = "BMS/v1/PUB/Metadata/";
const VALUE: &str = "BMS/v1/PUB/Value/";
/// Uncertainty of a BMS clock that nothing was heard of yet: servers under NTP keep 1 to 50 ms.
const UNKNOWN_CLOCK: Span = Span::from_ms(50);
/// Values kept until their metadata is known.
const WAITING: usize = 200_000;

/// State and counts of one DSX bus.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DsxStatus {
    /// Connection id of the site file.
    pub id: String,
    /// Topics whose metadata is known.
    pub topics: u64,
    /// Points and actuators that are bound.
    pub bound: u64,
    /// Points and actuators that are not, and why.
    pub unbound: Vec<String>,
    /// What is odd but was taken.
    pub findings: Vec<String>,
    /// Messages that were not of the contract.
    pub malformed: u64,
    /// Values published, heartbeats included.
    pub writes: u64,
    /// Requests being held.
    pub held: u64,
    /// What the heartbeats say.
    pub pulse: Pulse,
    /// Since when the BMS's own heartbeat is silent. Meanwhile nothing new is asked of it, and what is held ends with its lease.
    pub bms_silent: Option<Stamp>,
}

/// One DSX bus.
#[derive(Debug)]
pub(crate) struct Dsx {
    binder: Binder,
    catalogue: Catalogue,
    /// Digests of metadata payloads, to pass over the republication every 100 s.
    digests: HashMap<String, u64>,
    bindings: Bindings,
    dirty: bool,
    waiting: HashMap<String, (Vec<u8>, Stamp)>,
    heartbeat: Heartbeat,
    period: Span,
    clock_error: Span,
    /// `None`: this field may not write.
    holder: Option<Holder>,
    /// Another controller answers the BMS.
    quiet: bool,
    status: DsxStatus,
}

impl Dsx {
    pub(crate) fn new(site: &Site, connection: usize, may_write: bool) -> Self {
        let spec = &site.mqtt[connection];
        let binder = Binder::new(site, connection);
        let bindings = binder.bind(&Catalogue::new());
        Self {
            binder,
            catalogue: Catalogue::new(),
            digests: HashMap::new(),
            bindings,
            dirty: false,
            waiting: HashMap::new(),
            heartbeat: Heartbeat::new(&spec.integration),
            period: spec.heartbeat,
            clock_error: Span::ZERO,
            holder: may_write.then(|| Holder::new(site)),
            quiet: false,
            status: DsxStatus { id: spec.id.clone(), ..DsxStatus::default() },
        }
    }

    /// Filters to subscribe to.
    pub(crate) fn subscriptions(&self) -> Vec<String> {
        let mut filters = self.binder.filters();
        filters.insert(format!("{METADATA}#"));
        filters.insert(format!("{VALUE}System/#"));
        filters.into_iter().collect()
    }

    /// How far our own clock may be off; part of every stamp's uncertainty.
    pub(crate) fn set_clock_error(&mut self, error: Span) {
        self.clock_error = error;
    }

    /// Takes a message; `false` if it is not of this bus.
    pub(crate) fn message(
        &mut self,
        topic: &str,
        payload: &[u8],
        arrival: Stamp,
        readings: &mut Vec<Reading>,
        out: &mut Vec<Outgoing>,
    ) -> bool {
        if let Some(rest) = topic.strip_prefix(VALUE) {
            if let Some(gauges) = self.bindings.gauges.get(rest) {
                let uncertainty = self.uncertainty();
                if !take(gauges, payload, arrival, uncertainty, readings) {
                    self.status.malformed += 1;
                }
            } else if rest.starts_with("System/") {
                let echo = self.heartbeat.take(rest, payload, arrival);
                if let Some((topic, payload)) = echo.filter(|_| self.holder.is_some() && !self.quiet) {
                    self.status.writes += 1;
                    out.push(Outgoing {
                        topic,
                        slot: 0,
                        payload,
                        delivery: Delivery::Telemetry,
                        while_alive: true,
                    });
                }
            } else if self.dirty || !self.catalogue.contains_key(rest) {
                self.wait(rest, payload, arrival);
            }
            return true;
        }
        if let Some(rest) = topic.strip_prefix(METADATA) {
            self.metadata(rest, payload);
            return true;
        }
        false
    }

    /// Keeps the latest value of a topic that is not known yet.
    fn wait(&mut self, rest: &str, payload: &[u8], arrival: Stamp) {
        if let Some(slot) = self.waiting.get_mut(rest) {
            *slot = (payload.to_vec(), arrival);
        } else if self.waiting.len() < WAITING {
            self.waiting.insert(rest.to_owned(), (payload.to_vec(), arrival));
        }
    }

    fn metadata(&mut self, rest: &str, payload: &[u8]) {
        let mut hasher = DefaultHasher::new();
        payload.hash(&mut hasher);
        let digest = hasher.finish();
        if self.digests.get(rest) == Some(&digest) {
            return;
        }
        self.digests.insert(rest.to_owned(), digest);
        if payload.is_empty() {
            self.dirty |= self.catalogue.remove(rest).is_some();
            return;
        }
        match metadata::read(payload) {
            Ok(m) => {
                self.catalogue.insert(rest.to_owned(), m);
                self.dirty = true;
            }
            Err(why) => {
                self.status.malformed += 1;
                tracing::warn!(topic = rest, why, "metadata not understood");
            }
        }
    }

    /// Stamps of this bus against our clock: their resolution (1 ms), our error, the BMS's offset as far as
    /// the heartbeats tell.
    fn uncertainty(&self) -> Span {
        let pulse = &self.heartbeat.pulse;
        let theirs = match (pulse.offset, pulse.round_trip) {
            (Some(offset), Some(trip)) => offset.ns().abs().saturating_add(trip.ns().max(0) / 2),
            _ => UNKNOWN_CLOCK.ns(),
        };
        Span::from_ns(1_000_000 + self.clock_error.ns().saturating_add(theirs))
    }

    /// True while metadata has arrived that is not bound yet.
    pub(crate) const fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Binds what is known by now, and takes values that were waiting for it. Called when metadata has come to
    /// rest, so that no point is bound to the first of two candidates.
    pub(crate) fn settle(&mut self, readings: &mut Vec<Reading>) {
        self.dirty = false;
        self.bindings = self.binder.bind(&self.catalogue);
        self.heartbeat.find(&self.catalogue);
        let uncertainty = self.uncertainty();
        for (rest, (payload, arrival)) in std::mem::take(&mut self.waiting) {
            if let Some(gauges) = self.bindings.gauges.get(&rest) {
                take(gauges, &payload, arrival, uncertainty, readings);
            }
        }
    }

    pub(crate) fn status(&self) -> DsxStatus {
        let bound = self.binder.points() + self.binder.actuator_count() - self.bindings.unbound.len();
        DsxStatus {
            topics: self.catalogue.len() as u64,
            bound: bound as u64,
            unbound: self.bindings.unbound.clone(),
            findings: self.bindings.findings.clone(),
            held: self.holder.as_ref().map_or(0, Holder::len) as u64,
            pulse: self.heartbeat.pulse,
            ..self.status.clone()
        }
    }

    /// Takes a command for one of this bus's actuators.
    pub(crate) fn command(
        &mut self,
        command: &SetpointCommand,
        given_ns: u64,
        (now, mono_ns): (Stamp, u64),
        out: &mut Vec<Outgoing>,
    ) -> Receipt {
        let Some(holder) = self.holder.as_mut() else {
            return receipt_of(command, Outcome::Refused("this field may not write".into()));
        };
        if let Some(since) = self.heartbeat.silent(now).filter(|_| command.value.is_some()) {
            let why = format!("the BMS's heartbeat is silent since {since}");
            return receipt_of(command, Outcome::Refused(why));
        }
        if !self.bindings.outlets.contains_key(&command.actuator) {
            let why = "no request point on the bus names us for this actuator";
            return receipt_of(command, Outcome::Refused(why.into()));
        }
        match holder.command(command, given_ns, mono_ns) {
            Ok(say) => {
                self.say(&[say], now, out);
                receipt_of(command, Outcome::Sent)
            }
            Err(receipt) => receipt,
        }
    }

    /// Publishes values in the bus's units, or nulls. Only ever on a topic that binding gave us.
    fn say(&mut self, what: &[Say], now: Stamp, out: &mut Vec<Outgoing>) {
        for (actuator, value) in what {
            let Some(outlet) = self.bindings.outlets.get(actuator) else { continue };
            // Six decimals: conversion noise is not worth a change of setpoint.
            let value = value.map(|v| (outlet.unit.from_base(v) * 1e6).round() / 1e6);
            let (topic, payload) = (outlet.topic.clone(), value::write(value, now));
            self.status.writes += 1;
            out.push(Outgoing { topic, slot: 0, payload, delivery: Delivery::Telemetry, while_alive: false });
        }
    }

    /// Heartbeats, refreshes and ends of leases that are due.
    pub(crate) fn tick(&mut self, now: Stamp, tick: Tick, out: &mut Vec<Outgoing>) {
        self.note_silence(now);
        self.quiet = !tick.leads;
        let Some(holder) = self.holder.as_mut() else { return };
        let say = holder.tick(tick);
        let beats = if tick.alive { self.heartbeat.due(now, self.period) } else { Vec::new() };
        self.status.writes += beats.len() as u64;
        let delivery = Delivery::Telemetry;
        out.extend(beats.into_iter().map(|(topic, payload)| Outgoing {
            topic,
            slot: 0,
            payload,
            delivery,
            while_alive: true,
        }));
        self.say(&say, now, out);
    }

    fn note_silence(&mut self, now: Stamp) {
        let silent = self.heartbeat.silent(now);
        match (self.status.bms_silent, silent) {
            (None, Some(since)) => {
                tracing::warn!(bus = self.status.id, %since, "the BMS's heartbeat is silent");
            }
            (Some(_), None) => tracing::info!(bus = self.status.id, "the BMS's heartbeat is back"),
            _ => {}
        }
        self.status.bms_silent = silent;
    }

    /// Lets go of everything.
    pub(crate) fn release(&mut self, now: Stamp, out: &mut Vec<Outgoing>) {
        let say = self.holder.as_mut().map(Holder::release).unwrap_or_default();
        self.say(&say, now, out);
    }
}

/// Turns a value message into readings; `false` if it is none.
fn take(gauges: &[Gauge], payload: &[u8], arrival: Stamp, uncertainty: Span, out: &mut Vec<Reading>) -> bool {
    let Some(v) = value::read(payload) else {
        out.extend(gauges.iter().map(|g| g.bad(arrival, Reason::NotANumber)));
        return false;
    };
    let said = |g: &Gauge| match v.value {
        Some(value) => g.reading(v.stamp, uncertainty, value, v.quality),
        None => Reading::new(g.point, v.stamp, uncertainty, 0.0, v.quality),
    };
    out.extend(gauges.iter().map(|g| said(g).arrived(arrival)));
    true
}

#[cfg(test)]
mod tests;
