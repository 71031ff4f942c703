//! The BMS's link to the event bus: a broker inside the process, or one reached by URL.
//!
//! Responsible for: carrying a tick's messages out and the integration's messages in, and saying when a
//! link is new so that the state is announced again. Not for: what the messages mean (`desk::dsx`).
//! Nothing is kept for a broker that is away: a link that comes back hears the state of now.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rumqttc::{
    AsyncClient, Event, Incoming, MqttOptions, NetworkOptions, PublishOptions, QoS, SubscribeReasonCode,
};
use thiserror::Error;

use super::broker::{Batch, Broker, LocalClient};
use crate::desk::transport::Transport;
use crate::image::Link as SourceLink;

/// First pause after a lost link.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Keep alive toward the broker, s.
const KEEP_ALIVE_S: u16 = 5;
/// Messages of integrations that may wait for the next tick; the oldest give way.
const INBOX: usize = 10_000;
/// Largest packet either way, bytes.
const MOST_PACKET: usize = 256 << 10;

/// A broker URL that is not `mqtt://host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("broker URL {url:?} is not mqtt://host[:port]")]
pub struct BadUrl {
    /// What was given.
    pub url: String,
}

/// Host and port of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    host: String,
    port: u16,
}

impl Target {
    /// Parses `mqtt://host[:port]`; without a port it is 1883.
    pub(crate) fn parse(url: &str) -> Result<Self, BadUrl> {
        let bad = || BadUrl { url: url.to_owned() };
        let rest = url.strip_prefix("mqtt://").ok_or_else(bad)?.trim_end_matches('/');
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| bad())?),
            None => (rest, 1883),
        };
        if host.is_empty() || host.contains(['/', '@', ' ']) {
            return Err(bad());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

/// The BMS's link.
#[derive(Debug)]
pub(crate) enum Bus {
    /// A broker inside the process.
    Embedded { broker: Broker, inbox: LocalClient, announced: bool },
    /// A broker reached by TCP.
    External(Arc<Link>),
}

impl Bus {
    /// Sends a tick's messages; what the link cannot take now is lost, and counted.
    pub(crate) fn send(&mut self, batch: &mut Batch) {
        match self {
            Self::Embedded { broker, .. } => broker.publish(batch),
            Self::External(link) => link.send(batch),
        }
    }

    /// Hands over what integrations have sent since the last call.
    pub(crate) fn receive(&self, mut take: impl FnMut(&str, &[u8])) {
        let mut take = |topic: &[u8], payload: &[u8]| {
            if let Ok(topic) = std::str::from_utf8(topic) {
                take(topic, payload);
            }
        };
        match self {
            Self::Embedded { inbox, .. } => inbox.drain().iter().for_each(|m| take(m.topic(), m.payload())),
            Self::External(link) => {
                let arrived = std::mem::take(&mut *link.lock_inbox());
                arrived.iter().for_each(|(topic, payload)| take(topic, payload));
            }
        }
    }

    /// Cuts the bus or brings it back: cut, nothing passes either way, and an embedded broker drops its clients.
    /// Brought back, the link is new.
    pub(crate) fn set_cut(&mut self, cut: bool) {
        match self {
            Self::Embedded { broker, inbox, announced } => {
                broker.set_down(cut, inbox);
                inbox.drain();
                *announced = cut;
            }
            Self::External(link) => {
                link.cut.store(cut, Ordering::Release);
                link.lock_inbox().clear();
                link.fresh.store(!cut, Ordering::Release);
            }
        }
    }

    /// True once for every new link: whoever listens there knows nothing yet.
    pub(crate) fn is_new(&mut self) -> bool {
        match self {
            Self::Embedded { announced, .. } => !std::mem::replace(announced, true),
            Self::External(link) => link.fresh.swap(false, Ordering::AcqRel),
        }
    }

    /// Messages that found no link, or a full one.
    pub(crate) fn lost(&self) -> u64 {
        match self {
            Self::Embedded { .. } => 0,
            Self::External(link) => link.lost.load(Ordering::Relaxed),
        }
    }
}

/// What goes out in a tick. Messages of a source whose link is not ideal take their way through a transport first.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// What goes out now.
    pub(crate) batch: Batch,
    way: Transport<(Box<str>, Box<[u8]>)>,
}

impl Default for Outbox {
    fn default() -> Self {
        // Wires live in real time and are not repeatable anyway, so one seed does for all of them.
        Self { batch: Batch::default(), way: Transport::new(1) }
    }
}

impl Outbox {
    /// Takes out what has arrived by now.
    pub(crate) fn arrive(&mut self, now_ms: i64) {
        let batch = &mut self.batch;
        self.way.arrive(now_ms, &mut |(topic, payload)| batch.push(&topic, &payload, false));
    }

    /// Sends a value over the link of its source.
    pub(crate) fn put(&mut self, link: SourceLink, topic: &str, payload: &[u8], now_ms: i64) {
        if link.is_ideal() {
            self.batch.push(topic, payload, false);
            return;
        }
        let batch = &mut self.batch;
        let message = (topic.into(), payload.into());
        self.way.carry(now_ms, &link, message, &mut |(topic, payload)| batch.push(&topic, &payload, false));
    }
}

/// State shared between the tick and the task that keeps the link.
#[derive(Debug)]
pub(crate) struct Link {
    target: Target,
    filter: String,
    capacity: usize,
    client: Mutex<Option<AsyncClient>>,
    inbox: Mutex<VecDeque<(Bytes, Bytes)>>,
    fresh: AtomicBool,
    cut: AtomicBool,
    lost: AtomicU64,
}

impl Link {
    /// A link that [`Self::keep`] will bring up. `capacity` messages fit between two ticks.
    pub(crate) fn new(target: Target, filter: String, capacity: usize) -> Self {
        Self {
            target,
            filter,
            capacity,
            client: Mutex::default(),
            inbox: Mutex::default(),
            fresh: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            lost: AtomicU64::new(0),
        }
    }

    fn lock_inbox(&self) -> MutexGuard<'_, VecDeque<(Bytes, Bytes)>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_client(&self, client: Option<AsyncClient>) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client;
    }

    fn send(&self, batch: &mut Batch) {
        let total = batch.len() as u64;
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let client = client.as_ref().filter(|_| !self.cut.load(Ordering::Acquire));
        let mut sent = 0;
        for (message, retain) in batch.take() {
            let (Some(client), Ok(topic)) = (client, std::str::from_utf8(message.topic())) else {
                continue;
            };
            let options = PublishOptions::at_most_once().retain(retain);
            sent += u64::from(client.try_publish(topic.to_owned(), message.payload(), options).is_ok());
        }
        self.lost.fetch_add(total - sent, Ordering::Relaxed);
    }

    /// Keeps the link up until the future is dropped. Client and event loop are thrown away on any
    /// error: what was queued is old by then, and a half-reset client can wedge.
    pub(crate) async fn keep(self: Arc<Self>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let lived = self.one_link().await;
            self.set_client(None);
            pause = if lived { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            tokio::time::sleep(jitter(pause)).await;
        }
    }

    /// One client from birth to its first error. True if the broker had let it in.
    async fn one_link(&self) -> bool {
        let id = format!("headroom-bms-{}", std::process::id());
        let mut options = MqttOptions::new(id, (self.target.host.clone(), self.target.port));
        options.set_keep_alive(KEEP_ALIVE_S).set_clean_session(true);
        options.set_max_packet_size(MOST_PACKET, MOST_PACKET);
        let (client, mut events) = AsyncClient::builder(options).capacity(self.capacity).build();
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        let mut lived = false;
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Incoming::ConnAck(_))) => {
                    lived = true;
                    if let Err(error) = client.try_subscribe(self.filter.clone(), QoS::AtMostOnce) {
                        tracing::warn!(%error, "cannot subscribe");
                        return lived;
                    }
                }
                // Only now can a request be heard, so only now is the state announced.
                Ok(Event::Incoming(Incoming::SubAck(ack))) => {
                    if ack.return_codes.contains(&SubscribeReasonCode::Failure) {
                        tracing::warn!(filter = self.filter, "the broker refuses the subscription");
                    }
                    self.set_client(Some(client.clone()));
                    self.fresh.store(true, Ordering::Release);
                }
                Ok(Event::Incoming(Incoming::Publish(publish))) => {
                    let mut inbox = self.lock_inbox();
                    if inbox.len() >= INBOX {
                        inbox.pop_front();
                    }
                    // A retained request is an old one, whatever its stamp says.
                    if !publish.retain && !self.cut.load(Ordering::Acquire) {
                        inbox.push_back((publish.topic, publish.payload));
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "event bus link lost");
                    return lived;
                }
            }
        }
    }
}

/// Half to all of `pause`, so that many clients do not come back in step.
fn jitter(pause: Duration) -> Duration {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    pause.mul_f64(0.5 + 0.5 * f64::from(nanos % 1000) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_the_way_of_its_link() {
        let mut outbox = Outbox::default();
        outbox.put(SourceLink::default(), "a", b"1", 0);
        outbox.put(SourceLink { loss: 1.0, ..SourceLink::default() }, "b", b"2", 0);
        outbox.put(SourceLink { delay_s: 2.0, ..SourceLink::default() }, "c", b"3", 0);
        let topics = |outbox: &mut Outbox| -> Vec<String> {
            let sent = outbox.batch.take();
            sent.map(|(message, _)| String::from_utf8(message.topic().to_vec()).unwrap()).collect()
        };
        assert_eq!(topics(&mut outbox), ["a"]);
        outbox.arrive(1999);
        assert!(topics(&mut outbox).is_empty());
        outbox.arrive(2000);
        assert_eq!(topics(&mut outbox), ["c"]);
    }

    #[test]
    fn urls() {
        assert_eq!(Target::parse("mqtt://broker:1884"), Ok(Target { host: "broker".into(), port: 1884 }));
        assert_eq!(Target::parse("mqtt://127.0.0.1/"), Ok(Target { host: "127.0.0.1".into(), port: 1883 }));
        for bad in ["broker:1883", "mqtts://broker", "mqtt://", "mqtt://a:b", "mqtt://u@h", "mqtt://h/path"] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }
}
