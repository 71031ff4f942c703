//! The host application's own life on a broker: `spBv1.0/STATE/{host}`, retained, QoS 1.
//!
//! ```text
//!  CONNECT, will {"online":false,"timestamp":t}
//!  subscribed, then {"online":true,"timestamp":t}       the same t
//!  leaving on purpose {"online":false,"timestamp":now}
//! ```
//!
//! A will of an earlier life may be said by the broker after our birth; then we say our birth again (6.4.27). What
//! another application says under our name is told, not fought over.

use super::topic;
use crate::mqtt::client::{Delivery, Will};
use crate::mqtt::outgoing::Outgoing;
use bytes::Bytes;
use headroom_site::{Span, Stamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A birth is said again at most this often.
const AGAIN: Span = Span::from_ms(1_000);

#[derive(Debug, Serialize, Deserialize)]
struct State {
    online: bool,
    timestamp: i64,
}

fn payload(online: bool, timestamp: i64) -> Vec<u8> {
    serde_json::to_vec(&State { online, timestamp }).unwrap_or_default()
}

/// Our life on one broker.
#[derive(Debug)]
pub(crate) struct Host {
    topic: String,
    /// Time of the will of the connection that is or is being made, Unix milliseconds.
    made: Arc<AtomicI64>,
    said: Option<Stamp>,
    /// Another application speaks under our name.
    pub(crate) other: bool,
}

impl Host {
    pub(crate) fn new(host: &str) -> Self {
        Self { topic: topic::state(host), made: Arc::new(AtomicI64::new(0)), said: None, other: false }
    }

    /// Where it is said, and heard.
    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// The will of each connection, made when it is made.
    pub(crate) fn will(&self, now: impl Fn() -> Stamp + Send + Sync + 'static) -> Will {
        let made = Arc::clone(&self.made);
        let say = move || {
            let at = now().unix_ms();
            made.store(at, Ordering::Release);
            Bytes::from(payload(false, at))
        };
        Will { topic: self.topic.clone(), payload: Arc::new(say) }
    }

    /// The birth of this connection.
    pub(crate) fn birth(&mut self, now: Stamp) -> Outgoing {
        self.said = Some(now);
        self.say(payload(true, self.made.load(Ordering::Acquire)))
    }

    /// Leaving on purpose: the broker will not say our will.
    pub(crate) fn death(&self, now: Stamp) -> Outgoing {
        self.say(payload(false, now.unix_ms()))
    }

    fn say(&self, payload: Vec<u8>) -> Outgoing {
        let delivery = Delivery::Session;
        Outgoing { topic: self.topic.clone(), slot: 0, payload, delivery, while_alive: false }
    }

    /// Takes what was said on our topic; `None` if this is another topic.
    pub(crate) fn message(
        &mut self,
        topic: &str,
        payload: &[u8],
        retained: bool,
        now: Stamp,
    ) -> Option<Option<Outgoing>> {
        if topic != self.topic {
            return None;
        }
        let ours = self.made.load(Ordering::Acquire);
        let state: Option<State> = serde_json::from_slice(payload).ok();
        let recently = self.said.is_some_and(|said| now.since(said) < AGAIN);
        match state {
            // What the broker kept from before is overwritten by our birth.
            Some(_) if retained => {}
            Some(s) if s.online && s.timestamp != ours => self.other = true,
            Some(s) if !s.online && !recently => return Some(Some(self.birth(now))),
            // Said too soon after our birth to be answered at once: the next look does.
            Some(s) if !s.online => self.said = None,
            _ => {}
        }
        Some(None)
    }

    /// A birth that is still to be said again.
    pub(crate) fn due(&mut self, now: Stamp) -> Option<Outgoing> {
        (self.said.is_none() && self.made.load(Ordering::Acquire) != 0).then(|| self.birth(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn birth_and_will_have_one_time_and_an_old_will_is_contradicted() {
        let at = Stamp::from_unix_ms;
        let mut host = Host::new("headroom");
        let will = host.will(move || at(7_000));
        assert_eq!((will.payload)(), r#"{"online":false,"timestamp":7000}"#);
        let birth = host.birth(at(7_100));
        assert_eq!(birth.payload, br#"{"online":true,"timestamp":7000}"#);
        assert_eq!((birth.topic.as_str(), birth.delivery), ("spBv1.0/STATE/headroom", Delivery::Session));
        let mut say = |text: &str, retained, ms| {
            host.message("spBv1.0/STATE/headroom", text.as_bytes(), retained, at(ms)).unwrap()
        };
        assert_eq!(say(r#"{"online":false,"timestamp":1}"#, true, 9_000), None);
        assert_eq!(say(r#"{"online":false,"timestamp":1}"#, false, 9_000), Some(birth.clone()));
        assert_eq!(say(r#"{"online":true,"timestamp":7000}"#, false, 9_001), None);
        assert_eq!(say(r#"{"online":false,"timestamp":1}"#, false, 9_002), None);
        assert_eq!(say("no json", false, 9_003), None);
        assert!(!host.other);
        assert_eq!(host.due(at(9_020)), Some(birth));
        assert_eq!(host.due(at(9_040)), None);
        host.message("spBv1.0/STATE/headroom", br#"{"online":true,"timestamp":8}"#, false, at(9_050))
            .unwrap();
        assert!(host.other);
        assert!(host.message("spBv1.0/STATE/other", b"{}", false, at(0)).is_none());
    }
}
