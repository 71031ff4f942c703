//! Sparkplug B (Eclipse Sparkplug 3.0.0), in the role of a host application.
//!
//! Responsible for: the metrics of the edge nodes that a site names, with their event time and quality; births,
//! deaths, aliases and sequence; asking for a rebirth where something was missed; commands to metrics (NCMD, DCMD)
//! while they are held. No I/O: messages in, messages out.
//! Not for: the connection ([`super::client`]), and who we are on it (`host`).
//!
//! Rooms: [`payload`] (the wire), `number` (datatypes), `sequence` (order), `slot` (a metric), `edge` (an edge
//! node), `rebirth` (how often one is asked for), `command` (what we say), `host` (our own birth and will).
//!
//! Sparkplug has no leases. To relinquish is to write the actuator's fallback; an edge node that is to return by
//! itself when we are gone watches our `STATE`, which the broker turns offline for us.

mod command;
mod edge;
pub(crate) mod host;
pub(crate) mod number;
pub mod payload;
mod rebirth;
mod sequence;
mod slot;
pub(crate) mod topic;

use super::client::Delivery;
use super::hold::{Holder, Say, Tick};
use super::outgoing::Outgoing;
use crate::context::{Gauge, receipt_of};
use bytes::Bytes;
use command::Named;
use edge::{Desk, Edge, Said};
use headroom_site::command::{Receipt, SetpointCommand};
use headroom_site::model::{Sink, Source};
use headroom_site::quantity::Unit;
use headroom_site::{ActuatorId, Outcome, Reading, Site, Span, Stamp};
use payload::Payload;
use slot::Slot;
use std::collections::BTreeMap;

/// How often values that stand and edge nodes that are silent are looked at, plant time.
const LOOK: Span = Span::from_ms(1_000);
/// Slot of the outbox for requests of a rebirth; actuators have theirs from 1 on.
const REBIRTH_SLOT: u64 = u64::MAX;

/// What was counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Births of edge nodes.
    pub births: u64,
    /// Deaths of edge nodes and devices.
    pub deaths: u64,
    /// Gaps in a sequence that did not close.
    pub gaps: u64,
    /// Messages that came again, too late, or of an earlier life.
    pub repeated: u64,
    /// Data before its birth, or with an alias that no birth gave.
    pub early: u64,
    /// Payloads that could not be read.
    pub malformed: u64,
    /// Messages of edge nodes that the site does not name.
    pub foreign: u64,
    /// Messages that the broker had kept, which none of an edge node may be.
    pub retained: u64,
    /// Rebirths asked for.
    pub rebirths: u64,
}

/// State and counts of one Sparkplug connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SparkplugStatus {
    /// Connection id of the site file.
    pub id: String,
    /// Edge nodes that are alive, and those that the site names.
    pub alive: (u64, u64),
    /// Points and actuators whose metric is not there, and why.
    pub unbound: Vec<String>,
    /// What is odd but was taken.
    pub findings: Vec<String>,
    /// What was counted.
    pub counts: Counts,
    /// Commands published.
    pub writes: u64,
    /// Setpoints being held.
    pub held: u64,
}

#[derive(Debug)]
struct Outlet {
    slot: usize,
    edge: String,
    device: Option<String>,
    topic: String,
    unit: Unit,
    /// Base unit.
    fallback: f64,
}

/// One Sparkplug connection.
#[derive(Debug)]
pub(crate) struct Sparkplug {
    id: String,
    group: String,
    window: Span,
    may_ask: bool,
    edges: BTreeMap<String, Edge>,
    slots: Vec<Slot>,
    outlets: BTreeMap<ActuatorId, Outlet>,
    /// `None`: this field may not write.
    holder: Option<Holder>,
    up: Option<Stamp>,
    looked: Stamp,
    counts: Counts,
    writes: u64,
}

impl Sparkplug {
    pub(crate) fn new(site: &Site, index: usize, may_write: bool) -> Self {
        let spec = &site.mqtt[index].sparkplug;
        let mut new = Self {
            id: site.mqtt[index].id.clone(),
            group: spec.group.clone(),
            window: spec.reorder,
            may_ask: spec.rebirth,
            edges: BTreeMap::new(),
            slots: Vec::new(),
            outlets: BTreeMap::new(),
            holder: may_write.then(|| Holder::new(site)),
            up: None,
            looked: Stamp::default(),
            counts: Counts::default(),
            writes: 0,
        };
        for (i, point) in site.points.iter().enumerate() {
            if let Source::Sparkplug { connection, edge, device, metric } = &point.source
                && *connection == index
            {
                let slot = new.slot(edge, device.as_deref(), metric);
                new.slots[slot].read_by(Gauge::of(site, i), point.stale_after);
                let patience = new.slots[slot].patience();
                new.edges.entry(edge.clone()).and_modify(|e| e.patience = e.patience.min(patience));
            }
        }
        for (i, a) in site.actuators.iter().enumerate() {
            if let Sink::Sparkplug { connection, edge, device, metric } = &a.sink
                && *connection == index
            {
                let slot = new.slot(edge, device.as_deref(), metric);
                let topic = topic::command(&new.group, edge, device.as_deref());
                let (edge, device) = (edge.clone(), device.clone());
                let outlet = Outlet { slot, edge, device, topic, unit: a.unit, fallback: a.fallback };
                new.outlets.insert(ActuatorId(i as u32), outlet);
            }
        }
        new
    }

    /// The slot of a metric, made if there is none yet.
    fn slot(&mut self, edge: &str, device: Option<&str>, metric: &str) -> usize {
        let edge = self.edges.entry(edge.to_owned()).or_default();
        let device = match device {
            None => &mut edge.node,
            Some(device) => edge.devices.entry(device.to_owned()).or_default(),
        };
        let next = self.slots.len();
        let slot = *device.wanted.entry(metric.to_owned()).or_insert(next);
        if slot == next {
            self.slots.push(Slot::new(metric.to_owned()));
        }
        slot
    }

    pub(crate) fn subscriptions(&self) -> Vec<String> {
        vec![topic::filter(&self.group)]
    }

    /// The connection is there.
    pub(crate) const fn up(&mut self, now: Stamp) {
        self.up = Some(now);
    }

    /// The connection is gone: what is said meanwhile is missed, so nothing known before counts.
    pub(crate) fn down(&mut self) {
        self.up = None;
        self.edges.values_mut().for_each(|e| e.forget(&mut self.slots));
    }

    /// Takes a message; `false` if it is not of this group.
    pub(crate) fn message(
        &mut self,
        topic: &str,
        bytes: &Bytes,
        retained: bool,
        arrival: Stamp,
        readings: &mut Vec<Reading>,
        out: &mut Vec<Outgoing>,
    ) -> bool {
        let Some((kind, id, device)) = topic::parse(&self.group, topic) else { return false };
        let Some(edge) = self.edges.get_mut(id) else {
            self.counts.foreign += 1;
            return true;
        };
        if retained {
            self.counts.retained += 1;
            return true;
        }
        let payload = match Payload::read(bytes) {
            Ok(payload) => payload,
            Err(why) => {
                self.counts.malformed += 1;
                tracing::warn!(topic, %why, "sparkplug payload not understood");
                return true;
            }
        };
        let said = Said { kind, device: device.map(str::to_owned), payload: bytes.clone(), arrival };
        edge.message(
            said,
            &payload,
            &mut Desk { slots: &mut self.slots, counts: &mut self.counts, readings },
        );
        self.ask(arrival, out);
        true
    }

    /// Asks for the rebirths that are wanted, as far as it may.
    fn ask(&mut self, now: Stamp, out: &mut Vec<Outgoing>) {
        if !self.may_ask {
            return;
        }
        for (id, edge) in self.edges.iter_mut().filter(|(_, e)| e.wants) {
            if edge.limit.ask(now) {
                self.counts.rebirths += 1;
                out.push(Outgoing {
                    topic: topic::command(&self.group, id, None),
                    slot: REBIRTH_SLOT,
                    payload: command::rebirth(now.unix_ms()),
                    delivery: Delivery::Telemetry,
                    while_alive: false,
                });
            }
        }
    }

    /// Gaps, silence, values that stand, refreshes and ends of leases that are due. While connected.
    pub(crate) fn tick(
        &mut self,
        now: Stamp,
        tick: Tick,
        readings: &mut Vec<Reading>,
        out: &mut Vec<Outgoing>,
    ) {
        let look = now.since(self.looked) >= LOOK;
        if look {
            self.looked = now;
        }
        // An edge node that waits for its host is born by itself; the others are asked.
        let waited = self.up.is_some_and(|up| now.since(up) >= self.window);
        for edge in self.edges.values_mut() {
            let desk = &mut Desk { slots: &mut self.slots, counts: &mut self.counts, readings };
            edge.tick(now, self.window, look, desk);
            edge.wants |= waited && edge.is_unknown();
        }
        self.ask(now, out);
        let say = self.holder.as_mut().map(|h| h.tick(tick)).unwrap_or_default();
        self.say(&say, now, out);
    }

    /// Takes a command for one of this connection's actuators.
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
        if command.value.is_none() && !holder.holds(command.actuator) {
            return receipt_of(command, Outcome::Sent);
        }
        if command.value.is_some()
            && let Err(outcome) = ready(&self.edges, &self.slots, self.outlets.get(&command.actuator))
        {
            return receipt_of(command, outcome);
        }
        match holder.command(command, given_ns, mono_ns) {
            Ok(say) => {
                if self.say(&[say], now, out) {
                    return receipt_of(command, Outcome::Sent);
                }
                if let Some(holder) = self.holder.as_mut() {
                    holder.forget(command.actuator);
                }
                let why = "the value does not fit the metric's datatype, or its edge node is gone";
                receipt_of(command, Outcome::Failed(why.into()))
            }
            Err(receipt) => receipt,
        }
    }

    /// Publishes values, or the fallback of what is relinquished; `false` if one could not be said.
    fn say(&mut self, what: &[Say], now: Stamp, out: &mut Vec<Outgoing>) -> bool {
        let mut all = true;
        for (actuator, value) in what {
            let outlet = self.outlets.get(actuator);
            let (Some(outlet), Ok(())) = (outlet, ready(&self.edges, &self.slots, outlet)) else {
                all = false;
                continue;
            };
            let slot = &self.slots[outlet.slot];
            let Some(described) = slot.described else { continue };
            // Six decimals: conversion noise is not worth a change of setpoint.
            let value = (outlet.unit.from_base(value.unwrap_or(outlet.fallback)) * 1e6).round() / 1e6;
            let named = described.alias.map_or(Named::Name(&slot.name), Named::Alias);
            let Some(payload) = command::set(named, described.datatype, value, now.unix_ms()) else {
                all = false;
                continue;
            };
            self.writes += 1;
            out.push(Outgoing {
                topic: outlet.topic.clone(),
                slot: u64::from(actuator.0) + 1,
                payload,
                delivery: Delivery::Telemetry,
                while_alive: false,
            });
        }
        all
    }

    /// Lets go of everything.
    pub(crate) fn release(&mut self, now: Stamp, out: &mut Vec<Outgoing>) {
        let say = self.holder.as_mut().map(Holder::release).unwrap_or_default();
        self.say(&say, now, out);
    }

    pub(crate) fn status(&self) -> SparkplugStatus {
        let alive = self.edges.values().filter(|e| e.is_alive()).count();
        let taken = self.edges.iter().filter(|(_, e)| e.is_taken_over());
        let finding = |id: &String| {
            format!(
                "edge node `{id}` is born again and again without having died: do two speak under its name?"
            )
        };
        SparkplugStatus {
            id: self.id.clone(),
            alive: (alive as u64, self.edges.len() as u64),
            unbound: self.unbound(),
            findings: taken.map(|(id, _)| finding(id)).collect(),
            counts: self.counts,
            writes: self.writes,
            held: self.holder.as_ref().map_or(0, Holder::len) as u64,
        }
    }

    /// Metrics that are wanted and not there, one line each; edge nodes that are not there, one line for all of theirs.
    fn unbound(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (id, edge) in &self.edges {
            if !edge.is_alive() {
                let why = if edge.is_unknown() { "was not heard of yet" } else { "is dead" };
                out.push(format!("edge node `{id}` {why}"));
                continue;
            }
            let node = std::iter::once((None, &edge.node));
            for (device, d) in node.chain(edge.devices.iter().map(|(id, d)| (Some(id), d))) {
                let of = device.map_or_else(|| format!("`{id}`"), |d| format!("`{id}`, device `{d}`,"));
                if !d.born {
                    out.push(format!("edge node {of} is not there"));
                    continue;
                }
                let missing = d.wanted.iter().filter(|(_, s)| self.slots[**s].described.is_none());
                let mut missing: Vec<_> = missing.map(|(name, _)| name.as_str()).collect();
                missing.sort_unstable();
                out.extend(missing.iter().map(|name| format!("edge node {of} has no metric `{name}`")));
            }
        }
        out
    }
}

/// Whether an actuator's metric can be written now.
fn ready(edges: &BTreeMap<String, Edge>, slots: &[Slot], outlet: Option<&Outlet>) -> Result<(), Outcome> {
    let Some(o) = outlet else {
        return Err(Outcome::Refused("this connection has no such actuator".into()));
    };
    let edge = edges.get(&o.edge).filter(|e| e.is_alive());
    let born = edge.and_then(|e| e.device(o.device.as_deref())).is_some_and(|d| d.born);
    if !born {
        return Err(Outcome::Failed(format!("edge node `{}` or the device is not alive", o.edge)));
    }
    match slots[o.slot].described {
        Some(_) => Ok(()),
        None => Err(Outcome::Refused(format!("its birth has no metric `{}`", slots[o.slot].name))),
    }
}

#[cfg(test)]
mod tests;
