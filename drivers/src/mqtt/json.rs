//! Plain JSON over MQTT: a topic per document, a JSON pointer per point.
//!
//! Responsible for: numbers out of documents, each document parsed once whatever the number of points in it, with the
//! document's time where it has one; requests as `{"value": number|null, "timestamp": ms}`, never retained. No I/O.
//!
//! A number may stand as a number, as text of a number, or as true and false. A document that is none, and a value that
//! is no number, is [`Reason::NotANumber`]; a pointer that leads nowhere is [`Reason::NotSupported`].

mod time;

use super::client::Delivery;
use super::hold::{Holder, Say, Tick};
use super::outgoing::Outgoing;
use crate::context::{Gauge, receipt_of};
use headroom_site::command::{Receipt, SetpointCommand};
use headroom_site::model::{Sink, Source, TimeFormat};
use headroom_site::quantity::Unit;
use headroom_site::{ActuatorId, Outcome, Quality, Reading, Reason, Site, Span, Stamp};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// Uncertainty of a document that does not say when it was true.
const NO_TIME: Span = Span::from_ms(1000);
/// Uncertainty of a document that does: the sender's clock.
const WITH_TIME: Span = Span::from_ms(50);

/// State and counts of one JSON connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonStatus {
    /// Connection id of the site file.
    pub id: String,
    /// Topics that points or actuators use.
    pub topics: u64,
    /// Topics of points on which nothing has come yet.
    pub silent: Vec<String>,
    /// Documents without the number they should have, or no JSON at all.
    pub malformed: u64,
    /// Requests published.
    pub writes: u64,
    /// Requests being held.
    pub held: u64,
}

#[derive(Debug)]
struct Place {
    gauge: Gauge,
    pointer: String,
    time: Option<(String, TimeFormat)>,
}

impl Place {
    /// The reading of a document that arrived, and whether it had its number.
    fn reading(&self, document: Option<&Value>, arrival: Stamp) -> (Reading, bool) {
        let said = self.time.as_ref().map(|(pointer, format)| {
            document.and_then(|d| d.pointer(pointer)).and_then(|v| time::stamp(v, *format))
        });
        let (stamp, uncertainty, quality) = match said {
            None => (arrival, NO_TIME, Quality::Good),
            Some(None) => (arrival, NO_TIME, Quality::Uncertain(Reason::NotSupported)),
            Some(Some(stamp)) => (stamp, WITH_TIME, Quality::Good),
        };
        match document.ok_or(Reason::NotANumber).and_then(|d| number(d, &self.pointer)) {
            Ok(value) => {
                let reading = self.gauge.reading(stamp, uncertainty, value, quality);
                let own_clock = matches!(said, Some(Some(_)));
                (if own_clock { reading.arrived(arrival) } else { reading }, true)
            }
            Err(reason) => (self.gauge.bad(arrival, reason), false),
        }
    }
}

/// The number at a pointer.
fn number(document: &Value, pointer: &str) -> Result<f64, Reason> {
    let number = match document.pointer(pointer).ok_or(Reason::NotSupported)? {
        Value::Number(n) => n.as_f64(),
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        Value::String(text) => decimal(text),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    number.filter(|x| x.is_finite()).ok_or(Reason::NotANumber)
}

/// A text as a decimal number; `inf`, `nan` and the like are none.
fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if digits { text.parse().ok() } else { None }
}

/// One JSON connection.
#[derive(Debug)]
pub(crate) struct Json {
    places: HashMap<String, (bool, Vec<Place>)>,
    outlets: BTreeMap<ActuatorId, (String, Unit)>,
    /// `None`: this field may not write.
    holder: Option<Holder>,
    status: JsonStatus,
}

#[derive(Serialize)]
struct Request {
    value: Option<f64>,
    timestamp: i64,
}

impl Json {
    pub(crate) fn new(site: &Site, index: usize, may_write: bool) -> Self {
        let mut places: HashMap<String, (bool, Vec<Place>)> = HashMap::new();
        for (i, point) in site.points.iter().enumerate() {
            if let Source::Json { connection, topic, pointer, time, time_format } = &point.source
                && *connection == index
            {
                let time = time.clone().map(|pointer| (pointer, *time_format));
                let (gauge, pointer) = (Gauge::of(site, i), pointer.clone());
                places.entry(topic.clone()).or_default().1.push(Place { gauge, pointer, time });
            }
        }
        let outlets = site.actuators.iter().enumerate().filter_map(|(i, a)| match &a.sink {
            Sink::Json { connection, topic } if *connection == index => {
                Some((ActuatorId(i as u32), (topic.clone(), a.unit)))
            }
            _ => None,
        });
        Self {
            places,
            outlets: outlets.collect(),
            holder: may_write.then(|| Holder::new(site)),
            status: JsonStatus { id: site.mqtt[index].id.clone(), ..JsonStatus::default() },
        }
    }

    pub(crate) fn subscriptions(&self) -> Vec<String> {
        let mut topics: Vec<_> = self.places.keys().cloned().collect();
        topics.sort();
        topics
    }

    pub(crate) fn status(&self) -> JsonStatus {
        let silent = self.places.iter().filter(|(_, (heard, _))| !heard).map(|(topic, _)| topic.clone());
        let mut silent: Vec<_> = silent.collect();
        silent.sort();
        let topics = (self.places.len() + self.outlets.len()) as u64;
        let held = self.holder.as_ref().map_or(0, Holder::len) as u64;
        JsonStatus { topics, silent, held, ..self.status.clone() }
    }

    /// Takes a message; `false` if it is of no point here.
    pub(crate) fn message(
        &mut self,
        topic: &str,
        payload: &[u8],
        arrival: Stamp,
        readings: &mut Vec<Reading>,
    ) -> bool {
        let Some((heard, places)) = self.places.get_mut(topic) else { return false };
        *heard = true;
        let document: Option<Value> = serde_json::from_slice(payload).ok();
        for place in places {
            let (reading, whole) = place.reading(document.as_ref(), arrival);
            self.status.malformed += u64::from(!whole);
            readings.push(reading);
        }
        true
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
        match holder.command(command, given_ns, mono_ns) {
            Ok(say) => {
                self.say(&[say], now, out);
                receipt_of(command, Outcome::Sent)
            }
            Err(receipt) => receipt,
        }
    }

    fn say(&mut self, what: &[Say], now: Stamp, out: &mut Vec<Outgoing>) {
        for (actuator, value) in what {
            let Some((topic, unit)) = self.outlets.get(actuator) else { continue };
            let value = value.map(|v| (unit.from_base(v) * 1e6).round() / 1e6);
            let payload =
                serde_json::to_vec(&Request { value, timestamp: now.unix_ms() }).unwrap_or_default();
            self.status.writes += 1;
            out.push(Outgoing {
                topic: topic.clone(),
                slot: 0,
                payload,
                delivery: Delivery::Command,
                while_alive: false,
            });
        }
    }

    /// Refreshes and ends of leases that are due.
    pub(crate) fn tick(&mut self, now: Stamp, tick: Tick, out: &mut Vec<Outgoing>) {
        let say = self.holder.as_mut().map(|h| h.tick(tick)).unwrap_or_default();
        self.say(&say, now, out);
    }

    /// Lets go of everything.
    pub(crate) fn release(&mut self, now: Stamp, out: &mut Vec<Outgoing>) {
        let say = self.holder.as_mut().map(Holder::release).unwrap_or_default();
        self.say(&say, now, out);
    }
}

#[cfg(test)]
mod tests;
