//! The decoders of this crate that are private, for tests which hand them any bytes. Not part of the interface.
//!
//! Responsible for: each decoder by itself, and [`Bus`], the dialects of a site's connections without a connection.
//! Not for: what must hold; the tests say that.

mod pages;

pub use pages::{DcgmPage, EnginePages, ownership};

use crate::modbus::{decode, frame};
use crate::mqtt::agents::Agents;
use crate::mqtt::dsx::{Dsx, metadata, value};
use crate::mqtt::hold::Tick;
use crate::mqtt::json::Json;
use crate::mqtt::outgoing::Outgoing;
use crate::mqtt::sparkplug::Sparkplug;
use crate::mqtt::sparkplug::host::Host;
use crate::prometheus::text;
use bytes::Bytes;
use headroom_site::command::{Receipt, SetpointCommand};
use headroom_site::model::{Dialect, RegisterSpace, RegisterSpec};
use headroom_site::{NodeReport, Quality, Reading, Reason, Site, Stamp};

/// A DSX value: number, event time, quality.
#[must_use]
pub fn dsx_value(payload: &[u8]) -> Option<(Option<f64>, Stamp, Quality)> {
    value::read(payload).map(|v| (v.value, v.stamp, v.quality))
}

/// A DSX value as we write it.
#[must_use]
pub fn dsx_value_of(value: Option<f64>, now: Stamp) -> Vec<u8> {
    value::write(value, now)
}

/// DSX metadata, as words for a comparison.
///
/// # Errors
/// It is none.
pub fn dsx_metadata(payload: &[u8]) -> Result<String, String> {
    metadata::read(payload).map(|m| format!("{m:?}"))
}

/// Keys and values of a sample's labels.
pub type Labels = Vec<(String, String)>;

/// A line of a Prometheus page: name, labels, value.
#[must_use]
pub fn prometheus_sample(line: &str) -> Option<(&str, Labels, f64)> {
    let sample = text::sample(line)?;
    let labels = sample.labels.into_iter().map(|(k, v)| (k.to_owned(), v.into_owned()));
    Some((sample.name, labels.collect(), sample.value))
}

/// A question to a Modbus device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// FC1 to FC4.
    Read(RegisterSpace, u16, u16),
    /// FC5.
    WriteCoil(u16, bool),
    /// FC6.
    WriteOne(u16, u16),
    /// FC16.
    WriteMany(u16, Vec<u16>),
    /// FC43/14.
    Identify(u8),
}

/// A question's bytes, and what `bytes` are as its answer: words, `None` while it is not complete, or why they are not.
///
/// # Errors
/// They are not its answer, in words.
pub fn modbus_answer(
    rtu: bool,
    transaction: u16,
    unit: u8,
    question: &Question,
    bytes: &[u8],
) -> (Vec<u8>, Result<Option<Vec<u16>>, String>) {
    let ask = match question.clone() {
        Question::Read(space, start, count) => frame::Ask::Read(space, start, count),
        Question::WriteCoil(address, on) => frame::Ask::WriteCoil(address, on),
        Question::WriteOne(address, word) => frame::Ask::WriteOne(address, word),
        Question::WriteMany(address, words) => frame::Ask::WriteMany(address, words),
        Question::Identify(object) => frame::Ask::Identify(object),
    };
    let framing = if rtu { frame::Framing::Rtu } else { frame::Framing::Tcp };
    let exchange = frame::Exchange { framing, transaction, unit, ask: &ask };
    (exchange.request(), exchange.answer(bytes).map_err(|wrong| wrong.to_string()))
}

/// A register's value.
///
/// # Errors
/// Why it has none.
pub fn modbus_value(register: &RegisterSpec, words: &[u16], exponent: i32) -> Result<f64, Reason> {
    decode::decode(register, words, exponent)
}

/// The exponent that a scale register holds.
///
/// # Errors
/// Why it has none.
pub fn modbus_exponent(register: &RegisterSpec, words: &[u16]) -> Result<i32, Reason> {
    decode::exponent(register, words)
}

/// The words that say a value.
///
/// # Errors
/// It does not fit, in words.
pub fn modbus_words(register: &RegisterSpec, value: f64, exponent: i32) -> Result<Vec<u16>, String> {
    decode::encode(register, value, exponent)
}

/// The dialects that a site speaks, without a connection: messages in, readings and messages out.
#[derive(Debug)]
pub struct Bus {
    dsx: Vec<Dsx>,
    json: Vec<Json>,
    sparkplug: Vec<Sparkplug>,
    host: Option<Host>,
    agents: Agents,
    /// What was read since it was last looked at.
    pub readings: Vec<Reading>,
    /// What agents reported since it was last looked at.
    pub reports: Vec<NodeReport>,
    out: Vec<Outgoing>,
}

impl Bus {
    /// All connections of a site at once.
    #[must_use]
    pub fn new(site: &Site) -> Self {
        let of = |dialect| (0..site.mqtt.len()).filter(move |i| site.mqtt[*i].dialect == dialect);
        Self {
            dsx: of(Dialect::Dsx).map(|i| Dsx::new(site, i, true)).collect(),
            json: of(Dialect::Json).map(|i| Json::new(site, i, true)).collect(),
            sparkplug: of(Dialect::Sparkplug).map(|i| Sparkplug::new(site, i, true)).collect(),
            host: of(Dialect::Sparkplug).next().map(|i| Host::new(&site.mqtt[i].sparkplug.host)),
            agents: Agents::new(site, true),
            readings: Vec::new(),
            reports: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Takes a message.
    pub fn message(&mut self, topic: &str, payload: &[u8], retained: bool, arrival: Stamp) {
        if let Some(report) = self.agents.message(topic, payload) {
            self.reports.extend(report);
            return;
        }
        if let Some(host) = &mut self.host
            && let Some(again) = host.message(topic, payload, retained, arrival)
        {
            self.out.extend(again);
            return;
        }
        for dsx in &mut self.dsx {
            dsx.message(topic, payload, arrival, &mut self.readings, &mut self.out);
        }
        for json in &mut self.json {
            json.message(topic, payload, arrival, &mut self.readings);
        }
        let whole = Bytes::copy_from_slice(payload);
        for sparkplug in &mut self.sparkplug {
            sparkplug.message(topic, &whole, retained, arrival, &mut self.readings, &mut self.out);
        }
    }

    /// The connection comes, or goes.
    pub fn link(&mut self, up: bool, now: Stamp) {
        for sparkplug in &mut self.sparkplug {
            if up { sparkplug.up(now) } else { sparkplug.down() }
        }
    }

    /// Metadata has come to rest, and time has passed.
    pub fn pass(&mut self, now: Stamp, mono_ns: u64) {
        let tick = Tick { mono_ns, alive: true, leads: true };
        for dsx in &mut self.dsx {
            if dsx.is_dirty() {
                dsx.settle(&mut self.readings);
            }
            dsx.tick(now, tick, &mut self.out);
        }
        self.json.iter_mut().for_each(|json| json.tick(now, tick, &mut self.out));
        for sparkplug in &mut self.sparkplug {
            sparkplug.tick(now, tick, &mut self.readings, &mut self.out);
        }
    }

    /// Gives a command to every connection; those that do not have the actuator refuse it.
    pub fn command(&mut self, command: &SetpointCommand, now: Stamp, mono_ns: u64) -> Vec<Receipt> {
        let at = (now, mono_ns);
        let mut receipts = Vec::new();
        receipts.extend(self.dsx.iter_mut().map(|d| d.command(command, mono_ns, at, &mut self.out)));
        receipts.extend(self.json.iter_mut().map(|j| j.command(command, mono_ns, at, &mut self.out)));
        receipts.extend(self.sparkplug.iter_mut().map(|s| s.command(command, mono_ns, at, &mut self.out)));
        receipts
    }

    /// Lets go of everything.
    pub fn release(&mut self, now: Stamp) {
        self.dsx.iter_mut().for_each(|d| d.release(now, &mut self.out));
        self.json.iter_mut().for_each(|j| j.release(now, &mut self.out));
        self.sparkplug.iter_mut().for_each(|s| s.release(now, &mut self.out));
    }

    /// What is wanted published since it was last looked at: topics and payloads.
    pub fn said(&mut self) -> Vec<(String, Vec<u8>)> {
        self.out.drain(..).map(|o| (o.topic, o.payload)).collect()
    }

    /// What the connections count and complain of, as words.
    #[must_use]
    pub fn status(&self) -> String {
        let dsx: Vec<_> = self.dsx.iter().map(Dsx::status).collect();
        let json: Vec<_> = self.json.iter().map(Json::status).collect();
        let sparkplug: Vec<_> = self.sparkplug.iter().map(Sparkplug::status).collect();
        format!("{dsx:?} {json:?} {sparkplug:?} {:?}", self.agents.status())
    }
}
