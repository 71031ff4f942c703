//! What waits to be published: one slot per topic (more where a topic carries several things), the latest value wins, in
//! order of arrival of the topics.

use super::client::{Delivery, Refused};
use super::topic::is_topic;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Topics that may wait.
const SLOTS: usize = 16_384;

/// A message on its way out.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) delivery: Delivery,
}

/// Topic, and which of the things it carries.
type Key = (String, u64);

#[derive(Debug, Default)]
struct Slots {
    order: VecDeque<Key>,
    waiting: BTreeMap<Key, (Bytes, Delivery)>,
    states: BTreeMap<String, Bytes>,
}

/// The outbox of one connection.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    slots: Mutex<Slots>,
    dropped: AtomicU64,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_some(&self, count: usize) {
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn put(
        &self,
        topic: &str,
        slot: u64,
        payload: Bytes,
        delivery: Delivery,
        up: bool,
    ) -> Result<(), Refused> {
        if !is_topic(topic) {
            self.drop_some(1);
            return Err(Refused::Topic);
        }
        let mut slots = self.lock();
        if delivery == Delivery::State {
            if slots.states.len() >= SLOTS && !slots.states.contains_key(topic) {
                self.drop_some(1);
                return Err(Refused::Full);
            }
            slots.states.insert(topic.to_owned(), payload.clone());
        }
        if !up {
            if delivery == Delivery::State {
                return Ok(());
            }
            self.drop_some(1);
            return Err(Refused::Down);
        }
        self.enqueue(&mut slots, (topic.to_owned(), slot), payload, delivery)
    }

    fn enqueue(
        &self,
        slots: &mut Slots,
        key: Key,
        payload: Bytes,
        delivery: Delivery,
    ) -> Result<(), Refused> {
        if let Some(slot) = slots.waiting.get_mut(&key) {
            *slot = (payload, delivery);
            self.drop_some(1);
            return Ok(());
        }
        if slots.waiting.len() >= SLOTS {
            self.drop_some(1);
            return Err(Refused::Full);
        }
        slots.order.push_back(key.clone());
        slots.waiting.insert(key, (payload, delivery));
        Ok(())
    }

    /// The next message, oldest topic first.
    pub(super) fn take(&self) -> Option<Waiting> {
        let mut slots = self.lock();
        let key = slots.order.pop_front()?;
        let (payload, delivery) = slots.waiting.remove(&key)?;
        Some(Waiting { topic: key.0, payload, delivery })
    }

    /// Forgets what waits: after a reconnect it would be old.
    pub(super) fn link_lost(&self) {
        let mut slots = self.lock();
        let lost = slots.waiting.values().filter(|(_, d)| *d != Delivery::State).count();
        self.drop_some(lost);
        slots.waiting.clear();
        slots.order.clear();
    }

    /// Says every state again.
    pub(super) fn link_made(&self) {
        let mut slots = self.lock();
        let states: Vec<_> = slots.states.iter().map(|(t, p)| (t.clone(), p.clone())).collect();
        for (topic, payload) in states {
            if self.enqueue(&mut slots, (topic, 0), payload, Delivery::State).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_value_wins_and_nothing_outlives_a_link() {
        let outbox = Outbox::default();
        assert_eq!(outbox.put("a", 0, "1".into(), Delivery::Command, false), Err(Refused::Down));
        outbox.put("a", 0, "1".into(), Delivery::Command, true).unwrap();
        outbox.put("b", 0, "1".into(), Delivery::Telemetry, true).unwrap();
        outbox.put("a", 0, "2".into(), Delivery::Command, true).unwrap();
        let first = outbox.take().unwrap();
        assert_eq!((first.topic.as_str(), &first.payload[..]), ("a", &b"2"[..]));
        outbox.put("s", 0, "on".into(), Delivery::State, true).unwrap();
        outbox.link_lost();
        assert!(outbox.take().is_none());
        outbox.link_made();
        assert_eq!(outbox.take().unwrap().topic, "s");
        assert!(outbox.take().is_none());
        assert_eq!(outbox.dropped(), 3);
        assert_eq!(outbox.put("a/+", 0, "1".into(), Delivery::State, true), Err(Refused::Topic));
    }

    #[test]
    fn things_beside_each_other_on_a_topic_do_not_replace_each_other() {
        let outbox = Outbox::default();
        for (slot, payload) in [(1, "a"), (2, "b"), (1, "c")] {
            outbox.put("t", slot, payload.into(), Delivery::Telemetry, true).unwrap();
        }
        let sent: Vec<_> = std::iter::from_fn(|| outbox.take()).map(|w| w.payload).collect();
        assert_eq!(sent, ["c", "b"]);
    }

    #[test]
    fn it_is_bounded() {
        let outbox = Outbox::default();
        for i in 0..SLOTS {
            outbox.put(&format!("t/{i}"), 0, Bytes::new(), Delivery::Telemetry, true).unwrap();
        }
        assert_eq!(outbox.put("one/more", 0, Bytes::new(), Delivery::Telemetry, true), Err(Refused::Full));
        assert!(outbox.put("t/7", 0, Bytes::new(), Delivery::Telemetry, true).is_ok());
    }
}
