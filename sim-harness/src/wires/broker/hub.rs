//! Who gets what: clients, filters, retained messages.
//!
//! One short lock around tables; nothing is written to a socket under it. The routes of a topic are
//! kept until a subscription changes, so a steady stream costs one look-up per message.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rumqttc::{QoS, matches};

use super::BrokerStats;
use super::message::Message;
use super::outbox::{Outbox, QueueLimits};

/// Topics whose routes are kept; beyond that the table starts anew.
const MOST_ROUTES: usize = 200_000;
/// Retained messages kept; a publisher beyond that is heard but not retained.
const MOST_RETAINED: usize = 200_000;

/// Number of a connection, never used twice.
pub(crate) type ClientId = u64;

/// A message on its way in.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) message: Message,
    pub(crate) sure: bool,
    pub(crate) retain: bool,
}

#[derive(Debug)]
struct Client {
    name: String,
    outbox: Arc<Outbox>,
    filters: Vec<(String, bool)>,
}

#[derive(Debug, Clone)]
struct Route {
    outbox: Arc<Outbox>,
    sure: bool,
}

#[derive(Debug)]
struct Retained {
    message: Message,
    sure: bool,
}

#[derive(Debug, Default)]
struct Tables {
    clients: BTreeMap<ClientId, Client>,
    retained: BTreeMap<Vec<u8>, Retained>,
    routes: HashMap<Vec<u8>, Arc<[Route]>>,
    last_id: ClientId,
    stats: BrokerStats,
    down: bool,
}

/// The hub. Shared by connections and by publishers inside the process.
#[derive(Debug)]
pub(crate) struct Hub {
    tables: Mutex<Tables>,
    limits: QueueLimits,
    most_clients: usize,
}

impl Hub {
    pub(crate) fn new(limits: QueueLimits, most_clients: usize) -> Self {
        Self { tables: Mutex::default(), limits, most_clients }
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a client in; one of the same name is cut off, as MQTT asks. `None` = house full.
    pub(crate) fn join(&self, name: &str) -> Option<(ClientId, Arc<Outbox>)> {
        let mut tables = self.lock();
        let old = tables.clients.iter().find(|(_, c)| c.name == name).map(|(&id, _)| id);
        if let Some(id) = old {
            tables.leave(id);
        }
        if tables.down || tables.clients.len() >= self.most_clients {
            return None;
        }
        tables.last_id += 1;
        let id = tables.last_id;
        let outbox = Arc::new(Outbox::new(self.limits));
        let client = Client { name: name.to_owned(), outbox: Arc::clone(&outbox), filters: Vec::new() };
        tables.clients.insert(id, client);
        Some((id, outbox))
    }

    /// Cuts the broker off or brings it back. Cut off, every client but `keep` is dropped, nobody is let in and
    /// nothing is passed on; what is retained stays.
    pub(crate) fn set_down(&self, down: bool, keep: ClientId) {
        let mut tables = self.lock();
        tables.down = down;
        if down {
            let others: Vec<ClientId> = tables.clients.keys().copied().filter(|id| *id != keep).collect();
            others.into_iter().for_each(|id| tables.leave(id));
        }
    }

    /// Lets a client go.
    pub(crate) fn leave(&self, id: ClientId) {
        self.lock().leave(id);
    }

    /// Adds or replaces a filter and sends what is retained under it.
    pub(crate) fn subscribe(&self, id: ClientId, filter: &str, sure: bool) {
        let mut tables = self.lock();
        let Some(client) = tables.clients.get_mut(&id) else { return };
        client.filters.retain(|(f, _)| f != filter);
        client.filters.push((filter.to_owned(), sure));
        let outbox = Arc::clone(&client.outbox);
        tables.routes.clear();
        for (topic, kept) in &tables.retained {
            if matches(as_text(topic), filter) {
                outbox.push(&kept.message, sure && kept.sure, true);
            }
        }
    }

    /// Takes a filter away.
    pub(crate) fn unsubscribe(&self, id: ClientId, filter: &str) {
        let mut tables = self.lock();
        if let Some(client) = tables.clients.get_mut(&id) {
            client.filters.retain(|(f, _)| f != filter);
        }
        tables.routes.clear();
    }

    /// Hands messages to everybody whose filters match.
    pub(crate) fn publish(&self, messages: impl Iterator<Item = Inbound>) {
        let mut tables = self.lock();
        if tables.down {
            return;
        }
        for inbound in messages {
            tables.stats.received += 1;
            if inbound.retain {
                tables.retain(&inbound);
            }
            let routes = tables.routes_of(inbound.message.topic());
            for route in routes.iter() {
                route.outbox.push(&inbound.message, inbound.sure && route.sure, false);
            }
            tables.stats.sent += routes.len() as u64;
        }
    }

    /// Counters so far.
    pub(crate) fn stats(&self) -> BrokerStats {
        let tables = self.lock();
        let waiting: u64 = tables.clients.values().map(|c| c.outbox.dropped()).sum();
        BrokerStats {
            clients: tables.clients.len(),
            retained: tables.retained.len(),
            dropped: tables.stats.dropped + waiting,
            ..tables.stats
        }
    }
}

impl Tables {
    fn leave(&mut self, id: ClientId) {
        if let Some(client) = self.clients.remove(&id) {
            client.outbox.close();
            self.stats.dropped += client.outbox.dropped();
            self.routes.clear();
        }
    }

    /// An empty payload clears, as MQTT says.
    fn retain(&mut self, inbound: &Inbound) {
        let topic = inbound.message.topic();
        if inbound.message.payload().is_empty() {
            self.retained.remove(topic);
            return;
        }
        let full = self.retained.len() >= MOST_RETAINED;
        match self.retained.get_mut(topic) {
            // Metadata is repeated for ever; the copy at hand will do.
            Some(kept) if kept.message.payload() == inbound.message.payload() => kept.sure = inbound.sure,
            Some(kept) => *kept = Retained { message: inbound.message.detached(), sure: inbound.sure },
            None if full => self.stats.not_retained += 1,
            None => {
                let kept = Retained { message: inbound.message.detached(), sure: inbound.sure };
                self.retained.insert(topic.to_vec(), kept);
            }
        }
    }

    fn routes_of(&mut self, topic: &[u8]) -> Arc<[Route]> {
        if let Some(routes) = self.routes.get(topic) {
            return Arc::clone(routes);
        }
        let text = as_text(topic);
        let best = |client: &Client| {
            let hits = client.filters.iter().filter(|(filter, _)| matches(text, filter));
            hits.map(|&(_, sure)| sure).max()
        };
        let routes: Arc<[Route]> = self
            .clients
            .values()
            .filter_map(|c| best(c).map(|sure| Route { outbox: Arc::clone(&c.outbox), sure }))
            .collect();
        if self.routes.len() >= MOST_ROUTES {
            self.routes.clear();
        }
        self.routes.insert(topic.to_vec(), Arc::clone(&routes));
        routes
    }
}

/// Topics are checked to be UTF-8 when they come in.
fn as_text(topic: &[u8]) -> &str {
    std::str::from_utf8(topic).unwrap_or_default()
}

/// True for quality of service 1.
pub(crate) fn is_sure(qos: QoS) -> bool {
    qos != QoS::AtMostOnce
}
