//! A small MQTT 3.1.1 broker for the demo and the tests.
//!
//! Responsible for: QoS 0 and 1, `+` and `#` filters, retained messages, last wills, keep alive,
//! bounded queues, and a publish path inside the process. Not for: production, TLS, logins, QoS 2
//! (such a publisher is cut off, a subscriber is granted QoS 1), and sessions that outlive their
//! connection: every session is clean.
//!
//! Why not a crate: rumqttd 0.20 brings a second axum, `config`, a metrics server and an old
//! rustls-webpki; mqtt5 0.49 brings its own codec, WebSocket and TLS stack. The packets here are
//! those of the MQTT client that the workspace already has.

mod connection;
mod hub;
mod message;
mod outbox;

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;

use rumqttc::valid_filter;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) use hub::Inbound;
pub(crate) use message::{Batch, Message};
pub use outbox::QueueLimits;

use hub::{ClientId, Hub};
use outbox::Outbox;

/// What the broker has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BrokerStats {
    /// Clients connected, those inside the process included.
    pub clients: usize,
    /// Retained messages.
    pub retained: usize,
    /// Messages received.
    pub received: u64,
    /// Messages queued for subscribers.
    pub sent: u64,
    /// QoS 0 messages that gave way in full queues.
    pub dropped: u64,
    /// Messages not retained because the table was full.
    pub not_retained: u64,
}

/// How the broker listens and what it bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerConfig {
    /// Address to listen on; loopback unless somebody decides otherwise. Port 0 = any.
    pub bind: SocketAddr,
    /// What may wait for each client.
    pub queue: QueueLimits,
    /// Clients at the same time.
    pub most_clients: usize,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self { bind: SocketAddr::from(([127, 0, 0, 1], 0)), queue: QueueLimits::default(), most_clients: 256 }
    }
}

/// Handle to a broker; clones share it.
#[derive(Debug, Clone)]
pub struct Broker {
    hub: Arc<Hub>,
}

impl Broker {
    /// A broker that nobody can reach yet.
    pub fn new(config: &BrokerConfig) -> Self {
        Self { hub: Arc::new(Hub::new(config.queue, config.most_clients)) }
    }

    /// Opens the listening socket; the address is known before anything is served.
    pub fn bind(config: &BrokerConfig) -> io::Result<(StdListener, SocketAddr)> {
        let listener = StdListener::bind(config.bind)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    /// Serves connections until the future is dropped; then every connection ends with it.
    pub async fn serve(self, listener: StdListener) -> io::Result<()> {
        let listener = TcpListener::from_std(listener)?;
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection::serve(stream, Arc::clone(&self.hub)));
                    }
                    // Out of descriptors or a peer that left already: the next one may fare better.
                    Err(error) => {
                        tracing::warn!(%error, "mqtt accept");
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// Publishes from inside the process, QoS 0, without a socket.
    pub(crate) fn publish(&self, batch: &mut Batch) {
        let inbound = |(message, retain): (Message, bool)| Inbound { message, sure: false, retain };
        self.hub.publish(batch.take().map(inbound));
    }

    /// A subscriber inside the process. `None` if the filter is not valid or the house is full.
    pub(crate) fn local(&self, name: &str, filter: &str) -> Option<LocalClient> {
        if !valid_filter(filter) {
            return None;
        }
        let (id, outbox) = self.hub.join(name)?;
        self.hub.subscribe(id, filter, false);
        Some(LocalClient { hub: Arc::clone(&self.hub), id, outbox })
    }

    /// Cuts the broker off from everybody but a subscriber inside the process, or brings it back.
    pub(crate) fn set_down(&self, down: bool, inside: &LocalClient) {
        self.hub.set_down(down, inside.id);
    }

    /// What it has done.
    pub fn stats(&self) -> BrokerStats {
        self.hub.stats()
    }
}

/// A subscriber inside the process.
#[derive(Debug)]
pub(crate) struct LocalClient {
    hub: Arc<Hub>,
    id: ClientId,
    outbox: Arc<Outbox>,
}

impl LocalClient {
    /// Takes everything that has arrived.
    pub(crate) fn drain(&self) -> Vec<Message> {
        self.outbox.drain()
    }
}

impl Drop for LocalClient {
    fn drop(&mut self) {
        self.hub.leave(self.id);
    }
}
