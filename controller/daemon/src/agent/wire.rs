//! One node's connection to the broker.
//!
//! Responsible for: birth and will on the status topic, orders in, reports out. One connection per node, because a
//! broker's access rules and its will are per connection. A report that cannot go out now is dropped: the next one is
//! newer.
//!
//! Not for: whether an order is to be obeyed (`node`).

use super::worker::Order;
use headroom_drivers::Clock;
use headroom_drivers::mqtt::agents::{Leaf, level, time_topic, topic};
use headroom_drivers::mqtt::client::{Address, Delivery, Event, MqttClient, Refused, UrlError, Will};
use headroom_drivers::node_report::{self, AgentStatus, ReportFormat};
use headroom_site::gpu::Answer;
use headroom_site::{NodeReport, Stamp};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use tokio::sync::mpsc;

/// A node's place on the bus.
pub(super) struct Wire {
    client: MqttClient,
    telemetry: String,
    network: String,
    status: String,
    boot: u64,
    clock: Clock,
    format: ReportFormat,
}

/// Where a node meets the controller, and how it writes there.
pub(super) struct Place<'a> {
    pub(super) broker: &'a Address,
    pub(super) site: &'a str,
    pub(super) boot: u64,
    pub(super) format: ReportFormat,
}

fn status(online: bool, boot: u64) -> Vec<u8> {
    // The encoder's signature has an error that this plain struct cannot raise; an empty status says "unknown".
    node_report::encode_status(&AgentStatus { online, boot }).unwrap_or_default()
}

impl Wire {
    /// Connects, says that the agent of this node is there, and passes its commands on.
    pub(super) fn open(
        place: &Place<'_>,
        node: &Arc<str>,
        index: usize,
        orders: SyncSender<Order>,
        clock: Clock,
    ) -> Result<Self, UrlError> {
        let &Place { broker, site, boot, format } = place;
        let status_topic = topic(site, node, Leaf::Status);
        let will = Will::fixed(status_topic.clone(), status(false, boot));
        let command = topic(site, node, Leaf::Command);
        let id = format!("headroom-agent-{}-{node}", level(site));
        let time = time_topic(site);
        let (client, events) =
            MqttClient::start(broker.clone(), &id, Some(will), vec![command, time.clone()])?;
        if let Err(error) = client.try_publish(&status_topic, status(true, boot), Delivery::State) {
            tracing::warn!(%node, %error, "cannot say that the agent is there");
        }
        let ear = Ear { node: Arc::clone(node), index, time, orders, clock: clock.clone() };
        tokio::spawn(ear.listen(events));
        let (telemetry, network) = (topic(site, node, Leaf::Telemetry), topic(site, node, Leaf::Network));
        Ok(Self { client, telemetry, network, status: status_topic, boot, clock, format })
    }

    /// Sends a report, or drops it.
    pub(super) fn report(&self, mut report: NodeReport) -> Result<(), Refused> {
        report.sent = Some(self.clock.now());
        match node_report::encode(&report, self.format) {
            Ok(payload) => self.client.try_publish(&self.telemetry, payload, Delivery::Telemetry),
            Err(error) => {
                tracing::error!(%error, "a report that cannot be written");
                Ok(())
            }
        }
    }

    /// Sends what the network ports do, or drops it.
    pub(super) fn network(&self, document: Vec<u8>) {
        let _ = self.client.try_publish(&self.network, document, Delivery::Telemetry);
    }

    /// Says goodbye and ends the connection.
    pub(super) async fn close(self) {
        // While down, the will has spoken already.
        let _ = self.client.try_publish(&self.status, status(false, self.boot), Delivery::State);
        self.client.close().await;
    }
}

/// What a node hears.
struct Ear {
    node: Arc<str>,
    index: usize,
    /// Topic of the marks of time.
    time: String,
    orders: SyncSender<Order>,
    clock: Clock,
}

impl Ear {
    async fn listen(self, mut events: mpsc::Receiver<Event>) {
        let node = &self.node;
        let mut was_down = false;
        while let Some(event) = events.recv().await {
            match event {
                Event::Up => {
                    tracing::info!(%node, "on the bus");
                    was_down = false;
                }
                Event::Down(why) => {
                    if !std::mem::replace(&mut was_down, true) {
                        tracing::warn!(%node, %why, "off the bus; a lease that is not renewed will end");
                    }
                }
                Event::Refused(filter) if filter == self.time => {
                    tracing::warn!(%node, %filter, "the broker refuses this subscription: our clock is known less well");
                }
                Event::Refused(filter) => {
                    tracing::error!(%node, %filter, "the broker refuses this subscription: no command will arrive");
                }
                // What waited in the broker is old.
                Event::Message(message) if message.retained => {
                    tracing::warn!(%node, topic = message.topic(), "a retained message was ignored");
                }
                Event::Message(message) if message.topic() == self.time => self.time(&message.payload),
                Event::Message(message) => self.command(&message.payload),
            }
        }
    }

    fn time(&self, payload: &[u8]) {
        let heard = self.clock.now();
        match node_report::decode_time(payload) {
            Ok(mark) => {
                let answer = Answer { sent: Stamp::from_tai_ns(mark.sent_ns), heard };
                drop(self.orders.try_send(Order::Time(self.index, answer)));
            }
            Err(error) => tracing::warn!(node = %self.node, %error, "a mark of time that cannot be read"),
        }
    }

    fn command(&self, payload: &[u8]) {
        match node_report::decode_command(payload) {
            // No room: the thread is behind, and what it has not read would be stale. The sender repeats.
            Ok(command) => {
                drop(self.orders.try_send(Order::Command(self.index, command, self.clock.now())));
            }
            Err(error) => tracing::warn!(node = %self.node, %error, "a command that cannot be read"),
        }
    }
}
