//! One edge node: is it alive, in which order does it speak, what do its aliases mean.
//!
//! ```text
//!              NBIRTH                       NDEATH of this birth
//!  [unknown] ----------> [alive] ---------------------------------> [dead]
//!      ^                  |  ^  NBIRTH: aliases and devices anew      |
//!      |   link lost      |  +----------------------------------------+ NBIRTH
//!      +------------------+
//! ```
//!
//! Data of an unknown or dead edge node, of a device that was not born, or with an alias that no birth gave, is
//! not taken: a rebirth is wanted.

use super::Counts;
use super::payload::{Malformed, Metric, Payload, Value};
use super::rebirth::Limit;
use super::sequence::{Age, Place, Sequence};
use super::slot::{Described, Slot};
use super::topic::Kind;
use bytes::Bytes;
use headroom_site::{Reading, Reason, Span, Stamp};
use std::collections::{BTreeMap, HashMap};

/// A birth within this time after a request is its answer.
const ANSWER: Span = Span::from_ms(30_000);
/// Births without a death before them that make us suspect a second edge node of this name.
const TAKEN_OVER: u64 = 3;

/// Everything that an edge node works on beside itself.
pub(super) struct Desk<'w> {
    pub(super) slots: &'w mut [Slot],
    pub(super) counts: &'w mut Counts,
    pub(super) readings: &'w mut Vec<Reading>,
}

/// A message of an edge node.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) kind: Kind,
    /// `None`: the edge node itself.
    pub(super) device: Option<String>,
    pub(super) payload: Bytes,
    pub(super) arrival: Stamp,
}

#[derive(Debug)]
enum Life {
    Unknown,
    Alive { bd_seq: Option<u64>, born: Option<u64>, sequence: Sequence<Said> },
    Dead,
}

/// A device of an edge node, or the edge node's own metrics.
#[derive(Debug, Default)]
pub(super) struct Device {
    pub(super) born: bool,
    /// Slots by metric name.
    pub(super) wanted: HashMap<String, usize>,
}

/// An edge node of the site.
#[derive(Debug)]
pub(super) struct Edge {
    life: Life,
    /// Slot of each alias, `None` for metrics that nobody wants.
    aliases: HashMap<u64, Option<usize>>,
    pub(super) node: Device,
    pub(super) devices: BTreeMap<String, Device>,
    /// When anything was taken from it last.
    heard: Stamp,
    /// Newest time that a payload of it said, Unix milliseconds.
    newest: u64,
    /// Shortest time of silence after which its values are in doubt.
    pub(super) patience: Span,
    /// A rebirth is wanted.
    pub(super) wants: bool,
    pub(super) limit: Limit,
    /// Births without a death or a request before them.
    takeovers: u64,
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            life: Life::Unknown,
            aliases: HashMap::new(),
            node: Device::default(),
            devices: BTreeMap::new(),
            heard: Stamp::default(),
            newest: 0,
            patience: Span::from_ms(i64::MAX / 1_000_000),
            wants: false,
            limit: Limit::default(),
            takeovers: 0,
        }
    }
}

impl Edge {
    pub(super) const fn is_alive(&self) -> bool {
        matches!(self.life, Life::Alive { .. })
    }

    pub(super) const fn is_unknown(&self) -> bool {
        matches!(self.life, Life::Unknown)
    }

    pub(super) const fn is_taken_over(&self) -> bool {
        self.takeovers >= TAKEN_OVER
    }

    pub(super) fn device(&self, id: Option<&str>) -> Option<&Device> {
        match id {
            None => Some(&self.node),
            Some(id) => self.devices.get(id),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Device> {
        std::iter::once(&self.node).chain(self.devices.values())
    }

    /// The link is lost: nothing is known any more. Values grow old by themselves.
    pub(super) fn forget(&mut self, slots: &mut [Slot]) {
        self.all().flat_map(|d| d.wanted.values()).for_each(|s| slots[*s].forget());
        self.unbear(Life::Unknown);
        self.wants = false;
    }

    fn unbear(&mut self, life: Life) {
        self.life = life;
        self.aliases.clear();
        self.node.born = false;
        self.devices.values_mut().for_each(|d| d.born = false);
    }

    /// Takes a message whose frame has been read.
    pub(super) fn message(&mut self, said: Said, payload: &Payload<'_>, desk: &mut Desk<'_>) {
        match said.kind {
            Kind::NodeBirth => self.born(&said, payload, desk),
            Kind::NodeDeath => self.died(&said, payload, desk),
            _ => self.in_sequence(said, payload, desk),
        }
    }

    fn born(&mut self, said: &Said, payload: &Payload<'_>, desk: &mut Desk<'_>) {
        let Some(seq) = payload.seq.and_then(|s| u8::try_from(s).ok()) else {
            desk.counts.malformed += 1;
            return;
        };
        let bd_seq = bd_seq(payload);
        if let Life::Alive { bd_seq: before, born, .. } = &self.life {
            if (*before, *born) == (bd_seq, payload.timestamp) && born.is_some() {
                desk.counts.repeated += 1;
                return;
            }
            if *before != bd_seq && !self.limit.asked_within(ANSWER, said.arrival) {
                self.takeovers += 1;
            }
        }
        self.unbear(Life::Alive { bd_seq, born: payload.timestamp, sequence: Sequence::after(seq) });
        self.newest = payload.timestamp.unwrap_or(0);
        self.heard = said.arrival;
        self.wants = false;
        self.limit.answered();
        desk.counts.births += 1;
        self.birth(said, payload, desk);
    }

    /// Takes the death that the broker says; one of an earlier life (6.4.23) is no news of this one.
    fn died(&mut self, said: &Said, payload: &Payload<'_>, desk: &mut Desk<'_>) {
        if let (Life::Alive { bd_seq: Some(ours), .. }, Some(theirs)) = (&self.life, bd_seq(payload)) {
            // Counted modulo 256. A death that is ahead of its birth is a death all the same.
            let back = (*ours as u8).wrapping_sub(theirs as u8);
            if (1..=127).contains(&back) {
                desk.counts.repeated += 1;
                return;
            }
        }
        desk.counts.deaths += 1;
        for slot in self.all().flat_map(|d| d.wanted.values()) {
            desk.slots[*slot].lose(said.arrival, Reason::NoCommunication, desk.readings);
        }
        self.unbear(Life::Dead);
        self.wants = false;
        self.takeovers = 0;
    }

    fn in_sequence(&mut self, said: Said, payload: &Payload<'_>, desk: &mut Desk<'_>) {
        let Life::Alive { born, sequence, .. } = &mut self.life else {
            desk.counts.early += 1;
            self.wants = true;
            return;
        };
        let Some(seq) = payload.seq.and_then(|s| u8::try_from(s).ok()) else {
            desk.counts.malformed += 1;
            return;
        };
        let (sent, arrival) = (payload.timestamp.unwrap_or(0), said.arrival);
        let age = if payload.timestamp.is_some() && *born > payload.timestamp {
            Age::BeforeBirth
        } else if sent > self.newest {
            Age::Newer
        } else {
            Age::Usual
        };
        match sequence.place(seq, age) {
            Place::Behind => desk.counts.repeated += 1,
            Place::Ahead => {
                if !sequence.hold(seq, said, arrival) {
                    self.gap(arrival, desk);
                }
            }
            Place::Next => {
                self.heard = arrival;
                self.newest = self.newest.max(sent);
                self.take(&said, payload, desk);
                self.follow(desk);
            }
        }
    }

    /// Takes the held messages whose turn has come.
    fn follow(&mut self, desk: &mut Desk<'_>) {
        while let Life::Alive { sequence, .. } = &mut self.life
            && let Some(said) = sequence.follow()
        {
            let Ok(payload) = Payload::read(&said.payload) else { continue };
            self.heard = self.heard.max(said.arrival);
            self.newest = self.newest.max(payload.timestamp.unwrap_or(0));
            self.take(&said, &payload, desk);
        }
    }

    /// What is missing will not come: everything said before is in doubt, and a rebirth is wanted.
    fn gap(&mut self, now: Stamp, desk: &mut Desk<'_>) {
        desk.counts.gaps += 1;
        self.wants = true;
        for slot in self.all().filter(|d| d.born).flat_map(|d| d.wanted.values()) {
            desk.slots[*slot].doubt(now, desk.readings);
        }
        if let Life::Alive { sequence, .. } = &mut self.life {
            sequence.skip();
        }
        self.follow(desk);
    }

    fn take(&mut self, said: &Said, payload: &Payload<'_>, desk: &mut Desk<'_>) {
        match said.kind {
            Kind::DeviceBirth => self.birth(said, payload, desk),
            Kind::DeviceDeath => self.device_died(said, desk),
            Kind::NodeData | Kind::DeviceData => self.data(said, payload, desk),
            Kind::NodeBirth | Kind::NodeDeath => {}
        }
    }

    fn device_mut(&mut self, id: Option<&str>) -> Option<&mut Device> {
        match id {
            None => Some(&mut self.node),
            Some(id) => self.devices.get_mut(id),
        }
    }

    /// Metrics of a birth: what they are called from now on, and what they are.
    fn birth(&mut self, said: &Said, payload: &Payload<'_>, desk: &mut Desk<'_>) {
        let mut aliases = std::mem::take(&mut self.aliases);
        let Some(device) = self.device_mut(said.device.as_deref()) else {
            self.aliases = aliases;
            return;
        };
        device.born = true;
        device.wanted.values().for_each(|s| desk.slots[*s].forget());
        for metric in payload.metrics() {
            let Ok(m) = metric else {
                desk.counts.malformed += 1;
                break;
            };
            let slot = m.name.and_then(|name| device.wanted.get(name)).copied();
            if let (Some(alias), false) = (m.alias, device.wanted.is_empty()) {
                aliases.insert(alias, slot);
            }
            if let Some(slot) = slot {
                let slot = &mut desk.slots[slot];
                slot.described = Some(Described { datatype: m.datatype.unwrap_or(0), alias: m.alias });
                slot.take(&m, payload.timestamp, said.arrival, desk.readings);
            }
        }
        for slot in device.wanted.values().copied() {
            if desk.slots[slot].described.is_none() {
                desk.slots[slot].lose(said.arrival, Reason::NotSupported, desk.readings);
            }
        }
        self.aliases = aliases;
    }

    fn device_died(&mut self, said: &Said, desk: &mut Desk<'_>) {
        let Some(device) = self.device_mut(said.device.as_deref()) else { return };
        device.born = false;
        desk.counts.deaths += 1;
        for slot in device.wanted.values() {
            desk.slots[*slot].lose(said.arrival, Reason::NoCommunication, desk.readings);
        }
    }

    fn data(&mut self, said: &Said, payload: &Payload<'_>, desk: &mut Desk<'_>) {
        let Some(device) = self.device(said.device.as_deref()).filter(|d| !d.wanted.is_empty()) else {
            return;
        };
        if !device.born {
            desk.counts.early += 1;
            self.wants = true;
            return;
        }
        let slot_of = |m: &Metric<'_>| -> Result<Option<usize>, ()> {
            match (m.alias, m.name) {
                (Some(alias), _) => self.aliases.get(&alias).copied().ok_or(()),
                (None, Some(name)) => Ok(device.wanted.get(name).copied()),
                (None, None) => Err(()),
            }
        };
        let (mut unknown, mut broken) = (false, false);
        for metric in payload.metrics() {
            match metric.as_ref().map(slot_of) {
                Ok(Ok(Some(slot))) => {
                    let Ok(m) = &metric else { continue };
                    desk.slots[slot].take(m, payload.timestamp, said.arrival, desk.readings);
                }
                Ok(Ok(None)) => {}
                Ok(Err(())) => unknown = true,
                Err(_) => broken = true,
            }
        }
        desk.counts.early += u64::from(unknown);
        desk.counts.malformed += u64::from(broken);
        self.wants |= unknown || broken;
    }

    /// What the passing of time does: gaps that will not close, values that stand, silence.
    pub(super) fn tick(&mut self, now: Stamp, window: Span, look: bool, desk: &mut Desk<'_>) {
        let Life::Alive { sequence, .. } = &self.life else { return };
        if sequence.is_overdue(now, window) {
            self.gap(now, desk);
        }
        if !look {
            return;
        }
        for slot in self.all().filter(|d| d.born).flat_map(|d| d.wanted.values()) {
            desk.slots[*slot].repeat(self.heard, desk.readings);
        }
        self.wants |= now.since(self.heard) > self.patience;
    }
}

/// The number that pairs a death with its birth.
fn bd_seq(payload: &Payload<'_>) -> Option<u64> {
    let is_it = |m: &Result<Metric<'_>, Malformed>| m.as_ref().is_ok_and(|m| m.name == Some("bdSeq"));
    match payload.metrics().find(is_it)?.ok()?.value {
        Value::Int(x) => Some(u64::from(x)),
        Value::Long(x) => Some(x),
        _ => None,
    }
}
