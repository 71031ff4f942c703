//! One MQTT connection that looks after itself; this room is the only one that knows the MQTT library.
//!
//! Responsible for: connecting, keeping alive, reconnecting with back-off and jitter, subscribing on every
//! ConnAck, handing what arrives to its owner, and publishing without ever blocking the caller.
//! Not for: what topics and payloads mean.
//!
//! ```text
//!            ConnAck                   error, silence
//!  [down] ----------> [up] ------------------------------> [down], wait 0.2 s .. 30 s, new client
//! ```
//!
//! The library keeps requests over a reconnect and may send old ones again. An old order must not look
//! fresh, so client **and** event loop are dropped on every error and built new, sessions are clean, and what
//! waited when the link fell is gone. Only [`Delivery::State`] is said again, with its latest value, on each
//! ConnAck: it is a state, not an order.

mod options;

pub use options::{Address, UrlError, Will};

use super::outbox::{Outbox, Waiting};
use crate::backoff::Backoff;
use bytes::Bytes;
use options::Options;
use rumqttc::{AsyncClient, EventLoop, Incoming, PublishOptions, QoS, SubscribeFilter, SubscribeReasonCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

/// Messages that may wait for the owner.
const INBOX: usize = 65_536;
/// Requests that may wait inside the library; what waits longer waits in our outbox, latest value first.
const IN_LIBRARY: usize = 256;
/// Filters in one SUBSCRIBE packet: together they stay far below the packet limit.
const FILTERS: usize = 256;
/// How long the connection waits for an owner that does not keep up, before it drops.
const OWNER_GRACE: Duration = Duration::from_millis(100);
/// A connection that lived this long was a good one: back-off starts anew.
const PROVEN: Duration = Duration::from_secs(5);

/// What the connection tells its owner.
#[derive(Debug)]
pub enum Event {
    /// Connected and subscriptions sent.
    Up,
    /// Not connected any more, or not yet, and why. Comes once per attempt.
    Down(String),
    /// The broker refused a subscription (access rules): nothing will arrive on this filter.
    Refused(String),
    /// A message.
    Message(Message),
}

/// A message as it arrived.
#[derive(Debug, Clone)]
pub struct Message {
    topic: Bytes,
    /// Payload.
    pub payload: Bytes,
    /// True if the broker had kept it from before we subscribed.
    pub retained: bool,
}

impl Message {
    /// Topic; empty if it is not UTF-8, which MQTT forbids.
    #[must_use]
    pub fn topic(&self) -> &str {
        std::str::from_utf8(&self.topic).unwrap_or_default()
    }
}

/// How a message is to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// QoS 0, latest value per topic, dropped while down.
    Telemetry,
    /// QoS 1, never retained, dropped while down.
    Command,
    /// QoS 1, retained, said again on every ConnAck.
    State,
    /// QoS 1, retained, of this connection only: dropped while down.
    Session,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no connection now.
    #[error("not connected")]
    Down,
    /// Too many topics wait.
    #[error("too many messages wait")]
    Full,
    /// A topic to publish on must not be empty nor hold `+`, `#` or NUL.
    #[error("not a topic to publish on")]
    Topic,
}

/// What was counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Connections made.
    pub connects: u64,
    /// Messages handed to the owner.
    pub received: u64,
    /// Messages dropped because the owner did not keep up.
    pub overrun: u64,
    /// Messages given to the connection.
    pub published: u64,
    /// Messages refused, overtaken by a newer one of their topic, or lost with a link.
    pub dropped: u64,
}

#[derive(Debug, Default)]
struct Shared {
    outbox: Outbox,
    wake: Notify,
    up: AtomicBool,
    closing: AtomicBool,
    connects: AtomicU64,
    received: AtomicU64,
    overrun: AtomicU64,
    published: AtomicU64,
}

/// A handle to a connection. Cheap to clone; the connection ends with the last of them.
#[derive(Debug, Clone)]
pub struct MqttClient {
    shared: Arc<Shared>,
    task: Arc<Task>,
}

#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl MqttClient {
    /// Starts a connection in a task of its own (inside a tokio runtime). Messages of `subscriptions` (QoS 0
    /// telemetry arrives as published; orders arrive with QoS 1) come through the receiver.
    ///
    /// # Errors
    /// The address is not one.
    pub fn start(
        broker: impl Into<Address>,
        client_id: &str,
        will: Option<Will>,
        subscriptions: Vec<String>,
    ) -> Result<(Self, mpsc::Receiver<Event>), UrlError> {
        let options = Options::new(broker.into(), client_id, will)?;
        let (events, receiver) = mpsc::channel(INBOX);
        let shared = Arc::new(Shared::default());
        let link = Link { options, subscriptions, events, shared: Arc::clone(&shared), stuck: false };
        let task = Arc::new(Task(tokio::spawn(link.run())));
        Ok((Self { shared, task }, receiver))
    }

    /// Publishes without blocking: the message waits in a slot of its topic, where a newer one replaces it.
    ///
    /// # Errors
    /// Not connected (except [`Delivery::State`], which is kept), too many topics waiting, or not a topic.
    pub fn try_publish(
        &self,
        topic: &str,
        payload: impl Into<Bytes>,
        delivery: Delivery,
    ) -> Result<(), Refused> {
        self.try_publish_beside(topic, 0, payload, delivery)
    }

    /// As [`Self::try_publish`], in a slot of its own beside others of the topic: for messages of one topic that do
    /// not replace each other.
    ///
    /// # Errors
    /// As there.
    pub fn try_publish_beside(
        &self,
        topic: &str,
        slot: u64,
        payload: impl Into<Bytes>,
        delivery: Delivery,
    ) -> Result<(), Refused> {
        let up = self.is_up();
        self.shared.outbox.put(topic, slot, payload.into(), delivery, up)?;
        self.shared.wake.notify_one();
        Ok(())
    }

    /// True between ConnAck and the next error.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.shared.up.load(Ordering::Acquire)
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let get = |x: &AtomicU64| x.load(Ordering::Relaxed);
        Counts {
            connects: get(&self.shared.connects),
            received: get(&self.shared.received),
            overrun: get(&self.shared.overrun),
            published: get(&self.shared.published),
            dropped: self.shared.outbox.dropped(),
        }
    }

    /// Sends what waits, says goodbye (so that the will stays unsaid) and ends, within a second.
    pub async fn close(self) {
        self.shared.closing.store(true, Ordering::Release);
        self.shared.wake.notify_one();
        let start = Instant::now();
        while !self.task.0.is_finished() && start.elapsed() < Duration::from_secs(1) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The task behind a connection.
struct Link {
    options: Options,
    subscriptions: Vec<String>,
    events: mpsc::Sender<Event>,
    shared: Arc<Shared>,
    /// The owner did not keep up last time: drop at once until there is room again.
    stuck: bool,
}

impl Link {
    async fn run(mut self) {
        let mut backoff = Backoff::new();
        while !self.closing() && !self.events.is_closed() {
            let options = match self.options.for_a_connection() {
                Ok(options) => options,
                // A certificate may be there by the next time.
                Err(e) => {
                    self.hand_over(Event::Down(e.to_string())).await;
                    tokio::time::sleep(backoff.next_wait()).await;
                    continue;
                }
            };
            let built = AsyncClient::builder(options).capacity(IN_LIBRARY).try_build();
            let (client, mut events) = match built {
                Ok(pair) => pair,
                Err(e) => {
                    self.hand_over(Event::Down(format!("these options cannot work: {e}"))).await;
                    return;
                }
            };
            let mut network = events.network_options();
            network.set_tcp_nodelay(true);
            events.set_network_options(network);
            let pump = AbortOnDrop(tokio::spawn(pump(client.clone(), Arc::clone(&self.shared))));
            let (why, lived) = self.serve(&client, &mut events).await;
            drop(pump);
            self.shared.up.store(false, Ordering::Release);
            self.shared.outbox.link_lost();
            if self.closing() {
                break;
            }
            self.hand_over(Event::Down(why)).await;
            if lived >= PROVEN {
                backoff.reset();
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    fn closing(&self) -> bool {
        self.shared.closing.load(Ordering::Acquire)
    }

    /// Lives through one connection; says why it ended and how long it lived.
    async fn serve(&mut self, client: &AsyncClient, events: &mut EventLoop) -> (String, Duration) {
        let mut since: Option<Instant> = None;
        let mut acknowledged = 0;
        loop {
            let event = match events.poll().await {
                Ok(event) => event,
                Err(e) => return (e.to_string(), since.map_or(Duration::ZERO, |s| s.elapsed())),
            };
            match event {
                rumqttc::Event::Incoming(Incoming::ConnAck(_)) => {
                    if let Err(e) = self.subscribe(client) {
                        return (format!("cannot subscribe: {e}"), Duration::ZERO);
                    }
                    since = Some(Instant::now());
                    self.shared.connects.fetch_add(1, Ordering::Relaxed);
                    self.shared.outbox.link_made();
                    self.shared.up.store(true, Ordering::Release);
                    self.shared.wake.notify_one();
                    self.hand_over(Event::Up).await;
                }
                rumqttc::Event::Incoming(Incoming::Publish(p)) => {
                    let message = Message { topic: p.topic, payload: p.payload, retained: p.retain };
                    self.hand_over(Event::Message(message)).await;
                }
                rumqttc::Event::Incoming(Incoming::SubAck(ack)) => {
                    // Acknowledged in the order they were sent.
                    for code in ack.return_codes {
                        let filter = self.subscriptions.get(acknowledged).cloned();
                        acknowledged += 1;
                        if let (SubscribeReasonCode::Failure, Some(filter)) = (code, filter) {
                            self.hand_over(Event::Refused(filter)).await;
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn subscribe(&self, client: &AsyncClient) -> Result<(), rumqttc::ClientError> {
        for some in self.subscriptions.chunks(FILTERS) {
            let filters = some.iter().map(|f| SubscribeFilter::new(f.clone(), QoS::AtLeastOnce));
            client.try_subscribe_many(filters)?;
        }
        Ok(())
    }

    /// Gives an event to the owner; waits a moment if the owner is behind, then drops.
    async fn hand_over(&mut self, event: Event) {
        let is_message = matches!(event, Event::Message(_));
        let sent = match self.events.try_send(event) {
            Err(mpsc::error::TrySendError::Full(event)) if !self.stuck => {
                tokio::time::timeout(OWNER_GRACE, self.events.send(event)).await.is_ok_and(|r| r.is_ok())
            }
            other => other.is_ok(),
        };
        self.stuck = !sent;
        if is_message {
            let count = if sent { &self.shared.received } else { &self.shared.overrun };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Moves what waits in the outbox into the library while the link is up. It may wait for room there; nobody
/// else waits for it.
async fn pump(client: AsyncClient, shared: Arc<Shared>) {
    loop {
        while shared.up.load(Ordering::Acquire)
            && let Some(Waiting { topic, payload, delivery }) = shared.outbox.take()
        {
            let options = match delivery {
                Delivery::Telemetry => PublishOptions::at_most_once(),
                Delivery::Command => PublishOptions::at_least_once(),
                Delivery::State | Delivery::Session => PublishOptions::at_least_once().retained(),
            };
            if client.publish(topic, payload, options).await.is_err() {
                return;
            }
            shared.published.fetch_add(1, Ordering::Relaxed);
        }
        if shared.closing.load(Ordering::Acquire) {
            let _ = client.disconnect_with_timeout(Duration::from_millis(500)).await;
            return;
        }
        shared.wake.notified().await;
    }
}

#[cfg(test)]
mod tests;
