//! What waits for one client: bounded, never in anybody's way.
//!
//! Three queues with different promises. Control packets (acknowledgements) go first. QoS 1 messages are
//! kept until sent; a client that lets them pile up is cut off. QoS 0 messages give way: over the limit
//! the oldest is dropped, because a newer value of the plant is worth more than an older one.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::sync::Notify;

use super::message::Message;

/// Unacknowledged QoS 1 messages per client, as in common clients.
const IN_FLIGHT: usize = 100;
/// Acknowledgements a client may leave unread, bytes.
const CONTROL_LIMIT: usize = 1 << 20;

/// How much may wait for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Messages per quality of service.
    pub messages: usize,
    /// Bytes per quality of service.
    pub bytes: usize,
}

impl Default for QueueLimits {
    /// About five seconds of a large plant, and room for its retained metadata.
    fn default() -> Self {
        Self { messages: 100_000, bytes: 32 << 20 }
    }
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    retain: bool,
}

#[derive(Debug, Default)]
struct Lane {
    items: VecDeque<Waiting>,
    bytes: usize,
}

impl Lane {
    fn push(&mut self, message: Message, retain: bool) {
        self.bytes += message.len();
        self.items.push_back(Waiting { message, retain });
    }

    fn pop(&mut self) -> Option<Waiting> {
        let item = self.items.pop_front()?;
        self.bytes -= item.message.len();
        Some(item)
    }

    fn is_over(&self, limits: QueueLimits) -> bool {
        self.items.len() > limits.messages || self.bytes > limits.bytes
    }
}

#[derive(Debug, Default)]
struct Queue {
    control: BytesMut,
    sure: Lane,
    loose: Lane,
    in_flight: BTreeSet<u16>,
    last_id: u16,
    dropped: u64,
    /// Takes nothing more; what waits is still sent.
    ending: bool,
    /// Sends nothing more.
    closed: bool,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.control.is_empty() && self.sure.items.is_empty() && self.loose.items.is_empty()
    }

    fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if self.in_flight.insert(self.last_id) {
                return self.last_id;
            }
        }
    }
}

/// The outbox of one client.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    wake: Notify,
    limits: QueueLimits,
}

impl Outbox {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        Self { queue: Mutex::default(), wake: Notify::new(), limits }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a message.
    pub(crate) fn push(&self, message: &Message, sure: bool, retain: bool) {
        let mut queue = self.lock();
        let idle = queue.is_empty();
        if queue.closed || queue.ending {
            return;
        }
        if sure {
            queue.sure.push(message.clone(), retain);
            queue.closed = queue.sure.is_over(self.limits);
        } else {
            queue.loose.push(message.clone(), retain);
            while queue.loose.is_over(self.limits) && queue.loose.pop().is_some() {
                queue.dropped += 1;
            }
        }
        let wake = idle || queue.closed || sure;
        drop(queue);
        // A writer at work looks again before it sleeps, so only an idle one needs the call.
        if wake {
            self.wake.notify_one();
        }
    }

    /// Queues a control packet.
    pub(crate) fn control(&self, write: impl FnOnce(&mut BytesMut)) {
        let mut queue = self.lock();
        write(&mut queue.control);
        queue.closed |= queue.control.len() > CONTROL_LIMIT;
        drop(queue);
        self.wake.notify_one();
    }

    /// The client has acknowledged a QoS 1 message.
    pub(crate) fn acknowledged(&self, id: u16) {
        if self.lock().in_flight.remove(&id) {
            self.wake.notify_one();
        }
    }

    /// Takes nothing more and ends the client once everything is sent.
    pub(crate) fn finish(&self) {
        self.lock().ending = true;
        self.wake.notify_one();
    }

    /// Ends the client.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// Waits for something to send and moves about `most` bytes of it into `out`. False = closed.
    pub(crate) async fn fill(&self, out: &mut BytesMut, most: usize) -> bool {
        loop {
            if let Some(open) = self.try_fill(out, most) {
                return open;
            }
            self.wake.notified().await;
        }
    }

    /// `None` = nothing to send now.
    fn try_fill(&self, out: &mut BytesMut, most: usize) -> Option<bool> {
        let mut queue = self.lock();
        if queue.closed {
            return Some(false);
        }
        let control = queue.control.split();
        out.extend_from_slice(&control);
        while out.len() < most && queue.in_flight.len() < IN_FLIGHT {
            let Some(item) = queue.sure.pop() else { break };
            let id = queue.next_id();
            item.message.write_qos1(out, item.retain, id);
        }
        while out.len() < most {
            let Some(item) = queue.loose.pop() else { break };
            item.message.write_qos0(out, item.retain);
        }
        if out.is_empty() { queue.ending.then_some(false) } else { Some(true) }
    }

    /// Takes every waiting message, for a client inside the process.
    pub(crate) fn drain(&self) -> Vec<Message> {
        let mut queue = self.lock();
        let mut all = Vec::with_capacity(queue.sure.items.len() + queue.loose.items.len());
        while let Some(item) = queue.sure.pop() {
            all.push(item.message);
        }
        while let Some(item) = queue.loose.pop() {
            all.push(item.message);
        }
        all
    }

    /// QoS 0 messages that gave way.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }
}
