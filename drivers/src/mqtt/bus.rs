//! The owner of one MQTT connection and of the dialects spoken on it.

use super::agents::{Agents, AgentsStatus};
use super::client::{Address, Counts, Event, Message, MqttClient, Refused, UrlError};
use super::dsx::{Dsx, DsxStatus};
use super::hold::Tick;
use super::json::{Json, JsonStatus};
use super::outgoing::Outgoing;
use super::sparkplug::host::Host;
use super::sparkplug::{Sparkplug, SparkplugStatus};
use super::topic::is_filter;
use crate::context::{Context, NO_MANDATE, Order, lock, receipt_of};
use headroom_site::command::{Receipt, SetpointCommand};
use headroom_site::model::{Dialect, Sink};
use headroom_site::{CapCommand, NodeReport, Outcome, Reading, Site, Stamp, Target};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Orders that may wait.
const ORDERS: usize = 65_536;
/// Messages taken at once.
const BATCH: usize = 1024;
/// How often leases and heartbeats are looked at, wall time.
const LOOK: Duration = Duration::from_millis(20);
/// Metadata has come to rest when nothing new came for this long, or keeps coming for the other.
const QUIET: Duration = Duration::from_millis(200);
const RESTLESS: Duration = Duration::from_secs(2);
/// How often the status is copied out.
const STATUS: Duration = Duration::from_millis(200);

/// State of one MQTT connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BusStatus {
    /// Address.
    pub url: String,
    /// True while connected.
    pub up: bool,
    /// Why it is not, or was not last.
    pub trouble: Option<String>,
    /// Filters that the broker refused, or that are none.
    pub refused: Vec<String>,
    /// What the client counted.
    pub counts: Counts,
    /// DSX buses.
    pub dsx: Vec<DsxStatus>,
    /// JSON connections.
    pub json: Vec<JsonStatus>,
    /// Sparkplug connections.
    pub sparkplug: Vec<SparkplugStatus>,
    /// True if another host application speaks under our Sparkplug host id.
    pub other_host: bool,
    /// Agents, if they meet here.
    pub agents: Option<AgentsStatus>,
}

impl BusStatus {
    /// Since when a BMS on it is silent.
    #[must_use]
    pub fn bms_silent(&self) -> Option<Stamp> {
        self.dsx.iter().filter_map(|d| d.bms_silent).min()
    }

    /// What is odd and goes on all the same, in words.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        let mut out: Vec<_> =
            self.refused.iter().map(|f| format!("the broker refuses the subscription `{f}`")).collect();
        out.extend(self.dsx.iter().flat_map(|d| d.findings.iter().cloned()));
        out.extend(self.sparkplug.iter().flat_map(|s| s.findings.iter().cloned()));
        if self.other_host {
            out.push("another application speaks under our Sparkplug host id".to_owned());
        }
        let doubled = self.agents.iter().flat_map(|a| &a.doubled);
        out.extend(doubled.map(|node| format!("two agents speak as node `{node}`")));
        out
    }

    /// Everything published toward the plant.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.dsx.iter().map(|d| d.writes).sum::<u64>()
            + self.json.iter().map(|j| j.writes).sum::<u64>()
            + self.sparkplug.iter().map(|s| s.writes).sum::<u64>()
            + self.agents.as_ref().map_or(0, |a| a.writes)
    }
}

/// A running bus.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) status: Arc<Mutex<BusStatus>>,
    pub(crate) task: JoinHandle<()>,
}

struct Bus {
    url: String,
    client: MqttClient,
    context: Context,
    /// By index into the site's MQTT connections.
    dsx: BTreeMap<usize, Dsx>,
    json: BTreeMap<usize, Json>,
    sparkplug: BTreeMap<usize, Sparkplug>,
    /// Who we are on it, if Sparkplug is spoken.
    host: Option<Host>,
    agents: Option<Agents>,
    sinks: Vec<Option<usize>>,
    readings: Vec<Reading>,
    reports: Vec<NodeReport>,
    out: Vec<Outgoing>,
    /// When unbound metadata came first and last.
    unrest: Option<(Instant, Instant)>,
    trouble: Option<String>,
    refused: Vec<String>,
    /// Filters that no broker would take.
    unusable: Vec<String>,
    status: Arc<Mutex<BusStatus>>,
    status_at: Instant,
}

/// Starts the connection that all site connections of `indices` (same address) share.
pub(crate) fn start(
    site: &Site,
    indices: &[usize],
    client_id: &str,
    context: Context,
    may_write: bool,
) -> Result<Handle, UrlError> {
    let broker = indices.first().map_or_else(|| Address::from(""), |i| Address::from(&site.mqtt[*i]));
    let url = broker.url.clone();
    let of = |dialect| indices.iter().copied().filter(move |i| site.mqtt[*i].dialect == dialect);
    let dsx: BTreeMap<_, _> = of(Dialect::Dsx).map(|i| (i, Dsx::new(site, i, may_write))).collect();
    let json: BTreeMap<_, _> = of(Dialect::Json).map(|i| (i, Json::new(site, i, may_write))).collect();
    let sparkplug: BTreeMap<_, _> =
        of(Dialect::Sparkplug).map(|i| (i, Sparkplug::new(site, i, may_write))).collect();
    let host = of(Dialect::Sparkplug).next().map(|i| Host::new(&site.mqtt[i].sparkplug.host));
    let agents = indices.iter().any(|i| site.mqtt[*i].agents).then(|| Agents::new(site, may_write));
    let mut filters: Vec<String> = dsx.values().flat_map(Dsx::subscriptions).collect();
    filters.extend(json.values().flat_map(Json::subscriptions));
    filters.extend(sparkplug.values().flat_map(Sparkplug::subscriptions));
    filters.extend(host.iter().map(|h| h.topic().to_owned()));
    filters.extend(agents.iter().flat_map(Agents::subscriptions));
    filters.sort();
    filters.dedup();
    // A word of the site file that is no topic level would end the connection; it is shown instead.
    let (filters, refused) = filters.into_iter().partition(|f| is_filter(f));
    let clock = context.clock.clone();
    let will = host.as_ref().map(|h| h.will(move || clock.now()));
    let (client, events) = MqttClient::start(broker, client_id, will, filters)?;
    let status = Arc::new(Mutex::new(BusStatus::default()));
    let sink = |a: &headroom_site::model::Actuator| match a.sink {
        Sink::Dsx { connection, .. } | Sink::Json { connection, .. } | Sink::Sparkplug { connection, .. } => {
            Some(connection)
        }
        Sink::Modbus { .. } => None,
    };
    let now = Instant::now();
    let bus = Bus {
        url,
        client,
        context,
        dsx,
        json,
        sparkplug,
        host,
        agents,
        sinks: site.actuators.iter().map(sink).collect(),
        readings: Vec::new(),
        reports: Vec::new(),
        out: Vec::new(),
        unrest: None,
        trouble: None,
        unusable: Vec::clone(&refused),
        refused,
        status: Arc::clone(&status),
        status_at: now,
    };
    bus.copy_status();
    let (orders, inbox) = mpsc::channel(ORDERS);
    Ok(Handle { orders, status, task: tokio::spawn(bus.run(events, inbox)) })
}

impl Bus {
    async fn run(mut self, mut events: mpsc::Receiver<Event>, mut orders: mpsc::Receiver<Order>) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(Order::Set(command, given_ns)) => self.command(&command, given_ns),
                    Some(Order::Caps(command)) => self.caps(&command),
                    Some(Order::Release) => self.release(),
                    Some(Order::Close) | None => break,
                },
                _ = look.tick() => self.look(),
                count = events.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        break;
                    }
                    self.events(&mut batch);
                }
            }
            self.post();
        }
        self.release();
        let now = self.context.clock.now();
        self.out.extend(self.host.as_ref().map(|h| h.death(now)));
        self.post();
        self.copy_status();
        self.client.close().await;
        lock(&self.status).up = false;
    }

    fn events(&mut self, batch: &mut Vec<Event>) {
        let arrival = self.context.clock.now();
        if let Some(agents) = &mut self.agents {
            self.context.mailbox.spare(&mut self.reports);
            agents.take_back(&mut self.reports);
        }
        for event in batch.drain(..) {
            match event {
                Event::Up => self.up(arrival),
                Event::Down(why) => self.down(why),
                Event::Refused(filter) => {
                    tracing::warn!(url = self.url, filter, "subscription refused by the broker");
                    self.refused.push(filter);
                }
                Event::Message(m) => self.message(&m, arrival),
            }
        }
        self.context.mailbox.readings(&mut self.readings);
        self.context.mailbox.nodes(&mut self.reports);
        if self.dsx.values().any(Dsx::is_dirty) {
            let now = Instant::now();
            self.unrest = Some((self.unrest.map_or(now, |(first, _)| first), now));
        }
    }

    fn up(&mut self, now: Stamp) {
        self.trouble = None;
        self.refused.clone_from(&self.unusable);
        self.sparkplug.values_mut().for_each(|s| s.up(now));
        self.out.extend(self.host.as_mut().map(|h| h.birth(now)));
    }

    fn down(&mut self, why: String) {
        if self.trouble.is_none() {
            tracing::warn!(url = self.url, why, "mqtt connection lost");
        }
        self.trouble = Some(why);
        self.sparkplug.values_mut().for_each(Sparkplug::down);
    }

    /// One message may concern several dialects of one broker.
    fn message(&mut self, m: &Message, arrival: Stamp) {
        let (topic, payload) = (m.topic(), m.payload.as_ref());
        if let Some(report) = self.agents.as_mut().and_then(|a| a.message(topic, payload)) {
            let report = report.map(|r| NodeReport { arrival: Some(arrival), ..r });
            self.reports.extend(report);
            return;
        }
        let state = self.host.as_mut().and_then(|h| h.message(topic, payload, m.retained, arrival));
        if let Some(again) = state {
            self.out.extend(again);
            return;
        }
        for dsx in self.dsx.values_mut() {
            dsx.message(topic, payload, arrival, &mut self.readings, &mut self.out);
        }
        for json in self.json.values_mut() {
            json.message(topic, payload, arrival, &mut self.readings);
        }
        for sparkplug in self.sparkplug.values_mut() {
            sparkplug.message(topic, &m.payload, m.retained, arrival, &mut self.readings, &mut self.out);
        }
    }

    fn look(&mut self) {
        if let Some((first, last)) = self.unrest
            && (last.elapsed() >= QUIET || first.elapsed() >= RESTLESS)
        {
            self.unrest = None;
            for dsx in self.dsx.values_mut().filter(|d| d.is_dirty()) {
                dsx.settle(&mut self.readings);
            }
            self.context.mailbox.readings(&mut self.readings);
        }
        let clock = &self.context.clock;
        let (now, mono_ns) = (clock.now(), clock.mono_ns());
        let (alive, leads) = (self.context.beat.is_fresh(clock), self.context.leads());
        let tick = Tick { mono_ns, alive, leads };
        if self.client.is_up() {
            self.dsx.values_mut().for_each(|d| d.tick(now, tick, &mut self.out));
            self.json.values_mut().for_each(|j| j.tick(now, tick, &mut self.out));
            for sparkplug in self.sparkplug.values_mut() {
                sparkplug.tick(now, tick, &mut self.readings, &mut self.out);
            }
            self.context.mailbox.readings(&mut self.readings);
            self.out.extend(self.host.as_mut().and_then(|h| h.due(now)));
            self.out.extend(self.agents.as_mut().and_then(|a| a.time(now)));
        }
        if self.status_at.elapsed() >= STATUS {
            self.status_at = Instant::now();
            let error = self.context.clock.uncertainty();
            self.dsx.values_mut().for_each(|d| d.set_clock_error(error));
            self.copy_status();
        }
    }

    fn copy_status(&self) {
        *lock(&self.status) = BusStatus {
            url: self.url.clone(),
            up: self.client.is_up(),
            trouble: self.trouble.clone(),
            refused: self.refused.clone(),
            counts: self.client.counts(),
            dsx: self.dsx.values().map(Dsx::status).collect(),
            json: self.json.values().map(Json::status).collect(),
            sparkplug: self.sparkplug.values().map(Sparkplug::status).collect(),
            other_host: self.host.as_ref().is_some_and(|h| h.other),
            agents: self.agents.as_ref().map(Agents::status),
        };
    }

    fn command(&mut self, command: &SetpointCommand, given_ns: u64) {
        let now = (self.context.clock.now(), self.context.clock.mono_ns());
        let connection = self.sinks.get(command.actuator.index()).copied().flatten();
        let down = !self.client.is_up();
        let receipt = if !self.context.leads() {
            receipt_of(command, Outcome::Failed(NO_MANDATE.into()))
        } else if down && command.value.is_some() {
            receipt_of(command, Outcome::Failed(Refused::Down.to_string()))
        } else if let Some(dsx) = connection.and_then(|c| self.dsx.get_mut(&c)) {
            dsx.command(command, given_ns, now, &mut self.out)
        } else if let Some(json) = connection.and_then(|c| self.json.get_mut(&c)) {
            json.command(command, given_ns, now, &mut self.out)
        } else if let Some(sparkplug) = connection.and_then(|c| self.sparkplug.get_mut(&c)) {
            sparkplug.command(command, given_ns, now, &mut self.out)
        } else {
            receipt_of(command, Outcome::Refused("this bus has no such actuator".into()))
        };
        // What is relinquished while down is forgotten here, though the plant cannot be told.
        let outcome = match receipt.outcome {
            Outcome::Sent if down => Outcome::Failed(Refused::Down.to_string()),
            other => other,
        };
        let receipt = Receipt { outcome, ..receipt };
        self.context.mailbox.receipt(receipt);
    }

    fn caps(&mut self, command: &CapCommand) {
        let Some(agents) = self.agents.as_mut() else { return };
        let receipt = |outcome| {
            let target = Target::Node(command.node.to_string());
            Receipt { target, epoch: command.epoch, sequence: command.sequence, outcome }
        };
        let receipt = match agents.command(command, self.context.clock.now()) {
            Err(refused) => refused,
            Ok(_) if !self.context.leads() => receipt(Outcome::Failed(NO_MANDATE.into())),
            Ok(m) => match self.client.try_publish(&m.topic, m.payload, m.delivery) {
                Ok(()) => receipt(Outcome::Sent),
                Err(why) => receipt(Outcome::Failed(why.to_string())),
            },
        };
        self.context.mailbox.receipt(receipt);
    }

    fn release(&mut self) {
        // What another controller holds is not let go here.
        if !self.context.leads() {
            return;
        }
        let now = self.context.clock.now();
        self.dsx.values_mut().for_each(|d| d.release(now, &mut self.out));
        self.json.values_mut().for_each(|j| j.release(now, &mut self.out));
        self.sparkplug.values_mut().for_each(|s| s.release(now, &mut self.out));
    }

    /// Publishes what the dialects want said. What the broker cannot take now is gone, and counted there; it
    /// is said again at its next refresh.
    fn post(&mut self) {
        if self.out.is_empty() {
            return;
        }
        let alive = self.context.beat.is_fresh(&self.context.clock);
        for m in self.out.drain(..) {
            if alive || !m.while_alive {
                let _ = self.client.try_publish_beside(&m.topic, m.slot, m.payload, m.delivery);
            }
        }
    }
}
