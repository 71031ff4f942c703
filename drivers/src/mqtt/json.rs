//! Plain JSON over MQTT: a topic per document, a JSON pointer per point.
//!
//! Responsible for: numbers out of documents, with the document's time where it has one; requests as
//! `{"value": number|null, "timestamp": ms}`, never retained. No I/O.

use super::client::Delivery;
use super::dsx::value::Number;
use super::hold::{Holder, Say, Tick};
use super::outgoing::Outgoing;
use crate::context::{Gauge, receipt_of};
use headroom_site::command::{Receipt, SetpointCommand};
use headroom_site::model::{Sink, Source};
use headroom_site::quantity::Unit;
use headroom_site::{ActuatorId, Outcome, Quality, Reading, Reason, Site, Span, Stamp};
use serde::Serialize;
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
    time: Option<String>,
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
            if let Source::Json { connection, topic, pointer, time } = &point.source
                && *connection == index
            {
                let (gauge, pointer, time) = (Gauge::of(site, i), pointer.clone(), time.clone());
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
        let document: Option<serde_json::Value> = serde_json::from_slice(payload).ok();
        for place in places {
            let number = |pointer: &str| -> Option<f64> {
                let value = document.as_ref()?.pointer(pointer)?;
                serde::Deserialize::deserialize(value).ok().and_then(|Number(x)| x)
            };
            let said = place.time.as_deref().map(&number);
            let (stamp, uncertainty, quality) = match said {
                None => (arrival, NO_TIME, Quality::Good),
                Some(None) => (arrival, NO_TIME, Quality::Uncertain(Reason::NotSupported)),
                Some(Some(ms)) => (Stamp::from_unix_ms(ms as i64), WITH_TIME, Quality::Good),
            };
            let own_clock = matches!(said, Some(Some(_)));
            readings.push(if let Some(value) = number(&place.pointer) {
                let reading = place.gauge.reading(stamp, uncertainty, value, quality);
                if own_clock { reading.arrived(arrival) } else { reading }
            } else {
                self.status.malformed += 1;
                place.gauge.bad(arrival, Reason::NotANumber)
            });
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SITE: &str = r#"
[[mqtt]]
id = "j"
url = "mqtt://h"
dialect = "json"
[[equipment]]
id = "CT-01"
kind = "tower"
[[point]]
id = "outdoor"
of = "site"
unit = "degC"
from = { mqtt = "j", topic = "w/1", pointer = "/t/now", time = "/ts" }
[[point]]
id = "plain"
of = "site"
unit = "kW"
from = { mqtt = "j", topic = "p/1" }
[[actuator]]
id = "fan"
of = "CT-01"
unit = "%"
range = ["0 %", "100 %"]
ramp = "1 %/s"
fallback = "60 %"
refresh = "10 s"
to = { mqtt = "j", topic = "ct/1/set" }
"#;

    fn json(may_write: bool) -> Json {
        Json::new(&crate::testing::site(SITE), 0, may_write)
    }

    fn command(value: Option<f64>) -> SetpointCommand {
        let (actuator, stamp, reason) = (ActuatorId(0), Stamp::default(), String::new());
        SetpointCommand { actuator, value, epoch: 1, sequence: 1, stamp, ttl_ms: 30_000, reason }
    }

    #[test]
    fn numbers_are_found_with_their_time() {
        let mut j = json(false);
        let (now, mut r) = (Stamp::from_unix_ms(1_000_000), Vec::new());
        assert!(j.message("w/1", br#"{"t":{"now":18.5},"ts":999000}"#, now, &mut r));
        assert!(j.message("p/1", b" 2.5 ", now, &mut r));
        assert!(j.message("w/1", br#"{"t":{"now":18.5},"ts":1009000}"#, now, &mut r));
        assert!(j.message("w/1", b"not json", now, &mut r));
        assert!(!j.message("other", b"1", now, &mut r));
        assert_eq!((r[0].stamp.unix_ms(), r[0].quality), (999_000, Quality::Good));
        assert_eq!((r[1].stamp, r[1].value.to_bits()), (now, 2500.0_f64.to_bits()));
        assert_eq!((r[2].stamp.unix_ms(), r[2].arrival), (1_009_000, Some(now)));
        assert_eq!((r[0].arrival, r[1].arrival), (Some(now), None));
        assert_eq!(r[3].quality, Quality::Bad(Reason::NotANumber));
        assert_eq!((j.status().malformed, j.status().silent.len()), (1, 0));
    }

    #[test]
    fn requests_are_held_refreshed_and_withdrawn() {
        let (mut j, mut out) = (json(true), Vec::new());
        let now = Stamp::from_unix_ms(5_000);
        let second = 1_000_000_000;
        assert_eq!(j.command(&command(Some(0.455)), 0, (now, 0), &mut out).outcome, Outcome::Sent);
        assert_eq!(out[0].payload, br#"{"value":45.5,"timestamp":5000}"#);
        for (s, alive, messages) in [(9, true, 1), (11, false, 1), (12, true, 2), (31, true, 3)] {
            j.tick(now, Tick { mono_ns: s * second, alive }, &mut out);
            assert_eq!(out.len(), messages, "{s} s");
        }
        assert_eq!(out[2].payload, br#"{"value":null,"timestamp":5000}"#);
        let late = j.command(&command(Some(0.5)), 0, (now, 31 * second), &mut out).outcome;
        assert!(matches!(late, Outcome::Failed(_)) && out.len() == 3);
        assert!(matches!(
            json(false).command(&command(None), 0, (now, 0), &mut out).outcome,
            Outcome::Refused(_)
        ));
    }

    proptest! {
        #[test]
        fn documents_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut r = Vec::new();
            json(false).message("w/1", &bytes, Stamp::default(), &mut r);
            prop_assert_eq!(r.len(), 1);
        }
    }
}
