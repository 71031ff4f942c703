//! A walk over a DSX bus that only listens: what is there, what it says, how often.
//!
//! Responsible for: hearing the retained metadata, values and heartbeats for a while, within bounds. Not for: what a site
//! makes of it, nor for binding (`bind`). Nothing is ever published: a walk has no name on the bus.

use super::metadata::{Likeness, likeness};
use super::{METADATA, VALUE, value};
use crate::Clock;
use crate::mqtt::client::{Event, MqttClient, UrlError};
use headroom_site::Stamp;
use headroom_site::quantity::{Dimension, UNITS, Unit};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Topics that are kept; a bus with more is not walked whole.
const MOST_TOPICS: usize = 200_000;
/// Patience with the first connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// Words of process areas that the contract's examples use: what is one letter off is taken for a typo.
const AREAS: [&str; 8] =
    ["Primary", "Secondary", "Supply", "Return", "Inlet", "Outlet", "Facility", "Technology"];

/// What a topic's metadata says, as it says it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Said {
    /// Rack, CDU, PowerMeter, ...
    pub object_type: String,
    /// What is measured or asked.
    pub point_type: String,
    /// Unit, of a number.
    pub eng_unit: Option<String>,
    /// Words, of a state.
    pub state_text: Vec<State>,
    /// Object.
    pub object_id: Option<String>,
    /// Its name.
    pub object_name: Option<String>,
    /// Rack.
    pub rack_location_id: Option<String>,
    /// Its name.
    pub rack_location_name: Option<String>,
    /// The object or rack that this belongs to.
    pub associate_id: Option<String>,
    /// What is downstream of the object.
    pub serves_id: Vec<String>,
    /// Where in the object.
    pub process_area: Vec<String>,
    /// Phase: a letter or a number.
    pub phase: Option<serde_json::Value>,
    /// True for a setpoint.
    pub is_setpoint: bool,
    /// Who may write it.
    pub integration: Option<String>,
}

/// A state in words.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct State {
    /// Number on the bus.
    pub value: i64,
    /// What it means.
    pub text: String,
}

impl Said {
    /// Phase as a word.
    #[must_use]
    pub fn phase_word(&self) -> Option<String> {
        match self.phase.as_ref()? {
            serde_json::Value::String(word) => Some(word.clone()),
            serde_json::Value::Number(n) => Some(n.to_string()),
            _ => None,
        }
    }

    /// The unit of a site file for this point, if it is one we know.
    #[must_use]
    pub fn unit(&self) -> Option<Unit> {
        let symbol = self.eng_unit.as_deref()?.trim();
        let alike = |u: &&Unit| u.symbol.eq_ignore_ascii_case(symbol);
        let found = UNITS.iter().find(|u| u.symbol == symbol).or_else(|| UNITS.iter().find(alike))?;
        // A difference of pressures or powers is one; a scale in C is a temperature. The first symbol is the preferred.
        let same = |u: &&Unit| {
            u.dimension == found.dimension
                && u.scale.to_bits() == found.scale.to_bits()
                && u.offset.to_bits() == found.offset.to_bits()
        };
        let preferred = UNITS.iter().find(same).unwrap_or(found);
        // `%RH` and `kVA` say more than `%` and `kW`.
        let keeps = matches!(found.dimension, Dimension::Ratio | Dimension::Power);
        Some(if keeps { *found } else { *preferred })
    }
}

/// The word a process area was meant to be, if it is one letter off a known one.
#[must_use]
pub fn meant(area: &str) -> Option<&'static str> {
    if AREAS.iter().any(|known| likeness(known, area) == Some(Likeness::Same)) {
        return None;
    }
    AREAS.into_iter().find(|known| likeness(known, area) == Some(Likeness::Typo))
}

/// The last value of a topic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LastValue {
    /// In the unit of the bus; none where it was not usable.
    pub value: Option<f64>,
    /// Event time by the source.
    pub stamp: Stamp,
    /// When it arrived.
    pub arrival: Stamp,
    /// Values heard.
    pub count: u64,
}

/// One topic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Topic {
    /// Its metadata; none if only values were heard.
    pub said: Option<Said>,
    /// Its last value; none if none was heard.
    pub last: Option<LastValue>,
}

/// What a walk heard.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Survey {
    /// By topic without `BMS/v1/PUB/Metadata/` or `.../Value/`: `objectType/pointType/tagPath`.
    pub topics: BTreeMap<String, Topic>,
    /// Messages that were not of the contract.
    pub malformed: u64,
    /// Topics beyond those that are kept.
    pub left_out: u64,
    /// Messages in all.
    pub messages: u64,
}

/// Why there is nothing to tell.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The address is not one.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// Nobody lets us in.
    #[error("no connection: {0}")]
    Down(String),
}

/// Tag path of a topic remainder `objectType/pointType/tagPath`.
#[must_use]
pub fn tag_path(rest: &str) -> &str {
    rest.splitn(3, '/').nth(2).unwrap_or_default()
}

impl Survey {
    /// Takes a message.
    pub fn take(&mut self, topic: &str, payload: &[u8], arrival: Stamp) {
        self.messages += 1;
        if let Some(rest) = topic.strip_prefix(METADATA) {
            match serde_json::from_slice::<Said>(payload) {
                Ok(said) if !said.point_type.is_empty() => {
                    if let Some(topic) = self.topic(rest) {
                        topic.said = Some(said);
                    }
                }
                _ => self.malformed += 1,
            }
        } else if let Some(rest) = topic.strip_prefix(VALUE) {
            let Some(v) = value::read(payload) else {
                self.malformed += 1;
                return;
            };
            let Some(topic) = self.topic(rest) else { return };
            let count = topic.last.map_or(0, |l| l.count) + 1;
            let usable = v.value.filter(|_| v.quality.is_usable());
            topic.last = Some(LastValue { value: usable, stamp: v.stamp, arrival, count });
        }
    }

    fn topic(&mut self, rest: &str) -> Option<&mut Topic> {
        if !self.topics.contains_key(rest) && self.topics.len() >= MOST_TOPICS {
            self.left_out += 1;
            return None;
        }
        Some(self.topics.entry(rest.to_owned()).or_default())
    }
}

/// Listens to a bus for so long.
///
/// # Errors
/// The address is not one, or nobody lets us in.
pub async fn walk(url: &str, lasts: Duration, clock: &Clock) -> Result<Survey, WalkError> {
    let filters = vec![format!("{METADATA}#"), format!("{VALUE}#")];
    let id = format!("headroom-discover-{}", std::process::id());
    let (client, mut events) = MqttClient::start(url, &id, None, filters)?;
    let (mut survey, mut was_up, mut why) = (Survey::default(), false, "no answer".to_owned());
    let begun = tokio::time::Instant::now();
    loop {
        let until = begun + if was_up { lasts } else { PATIENCE };
        let Ok(event) = tokio::time::timeout_at(until, events.recv()).await else { break };
        match event {
            Some(Event::Up) => was_up = true,
            Some(Event::Down(reason)) => why = reason,
            Some(Event::Refused(filter)) => why = format!("the broker refuses {filter}"),
            Some(Event::Message(m)) => survey.take(m.topic(), &m.payload, clock.now()),
            None => break,
        }
    }
    client.close().await;
    if was_up { Ok(survey) } else { Err(WalkError::Down(why)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_values_and_noise_are_told_apart() {
        let mut survey = Survey::default();
        let at = Stamp::from_unix_ms(5000);
        let mut take = |topic: &str, payload: &str| survey.take(topic, payload.as_bytes(), at);
        take(
            "BMS/v1/PUB/Metadata/CDU/X/a/b",
            r#"{"objectType":"CDU","pointType":"X","engUnit":"C","phase":2}"#,
        );
        take("BMS/v1/PUB/Value/CDU/X/a/b", r#"{"value":3.5,"timestamp":4000,"quality":1}"#);
        take("BMS/v1/PUB/Value/CDU/X/a/b", r#"{"value":4.5,"timestamp":4500,"quality":0}"#);
        take("BMS/v1/PUB/Value/CDU/X/a/b", "noise");
        take("BMS/v1/PUB/Metadata/CDU/X/c", r#"{"value":1}"#);
        take("headroom/v1/other", "{}");
        let topic = &survey.topics["CDU/X/a/b"];
        let (said, last) = (topic.said.as_ref().unwrap(), topic.last.unwrap());
        assert_eq!((said.unit().unwrap().symbol, said.phase_word().as_deref()), ("degC", Some("2")));
        assert_eq!((last.value, last.count, last.arrival.since(last.stamp).ms()), (None, 2, 500));
        assert_eq!((survey.malformed, survey.messages, survey.topics.len()), (2, 6, 1));
        assert_eq!(tag_path("CDU/X/a/b"), "a/b");
    }

    #[test]
    fn typos_of_known_areas_are_seen() {
        assert_eq!(
            (meant("Seccondary"), meant("secondary"), meant("Filter1")),
            (Some("Secondary"), None, None)
        );
        let of =
            |unit: &str| Said { eng_unit: Some(unit.into()), ..Said::default() }.unit().map(|u| u.symbol);
        assert_eq!(
            (of("LPM"), of("%RH"), of("kVA"), of("dB")),
            (Some("L/min"), Some("%RH"), Some("kVA"), None)
        );
    }
}
