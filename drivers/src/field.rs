//! The live field: every connection of a site behind [`headroom_site::Field`].
//!
//! Responsible for: starting a task per connection (MQTT connections of one address share one), routing commands
//! to it, and showing how each of them does. Not for: deciding anything.
//!
//! Periods, leases and heartbeats are plant time; deadlines of a request, pauses between requests and waits before a
//! reconnect are wall time, since they belong to wires and devices.
//!
//! Without [`FieldOptions::writes_allowed`] the writing parts are not built: there is nothing in the process that
//! could publish a request, a heartbeat or a register, and [`FieldStatus::writes`] stays 0.

use crate::Mandate;
use crate::clock::Clock;
use crate::context::{Beat, Context, Mailbox, Order, lock, receipt_of};
use crate::dcgm::{self, DcgmStatus};
use crate::modbus::{self, DeviceStatus};
use crate::mqtt::client::UrlError;
use crate::mqtt::{self, BusStatus};
use crate::prometheus::{self, PageStatus};
use headroom_site::command::{Command, Receipt};
use headroom_site::model::Sink;
use headroom_site::{Field, Inbox, Outcome, Site, Span, Target};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinHandle;

/// Heartbeats stop when no tick verified for this many cooling periods.
pub const BEAT_PERIODS: i64 = 3;
/// How long the parts may take to let go and end.
const GOODBYE: Duration = Duration::from_secs(5);

/// How a field is to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FieldOptions {
    /// False for shadow and advisory: nothing is ever written.
    pub writes_allowed: bool,
}

/// What can be seen of a field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldStatus {
    /// MQTT connections, one per address.
    pub mqtt: Vec<BusStatus>,
    /// Modbus devices.
    pub modbus: Vec<DeviceStatus>,
    /// Pages of metrics.
    pub prometheus: Vec<PageStatus>,
    /// Pages of DCGM exporters.
    pub dcgm: Vec<DcgmStatus>,
    /// Readings and reports dropped because nobody drained the field.
    pub dropped: u64,
}

impl FieldStatus {
    /// Everything ever written toward the plant: requests, heartbeats, registers, caps.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.mqtt.iter().map(BusStatus::writes).sum::<u64>()
            + self.modbus.iter().map(|d| d.writes).sum::<u64>()
    }

    /// Points and actuators without a topic, registers out of service and metrics that a page lacks, each with the reason.
    #[must_use]
    pub fn unbound(&self) -> Vec<String> {
        let dsx = self.mqtt.iter().flat_map(|m| &m.dsx).flat_map(|d| d.unbound.iter().cloned());
        let registers = self
            .modbus
            .iter()
            .flat_map(|d| d.out_of_service.iter().map(move |r| format!("device `{}`: register {r}", d.id)));
        let sparkplug = self.mqtt.iter().flat_map(|m| &m.sparkplug).flat_map(|s| s.unbound.iter().cloned());
        let pages =
            self.prometheus.iter().flat_map(|p| p.missing.iter().map(|m| format!("page `{}`: {m}", p.id)));
        let dcgm = self.dcgm.iter().flat_map(|p| p.missing.iter().map(|m| format!("page `{}`: {m}", p.id)));
        dsx.chain(sparkplug).chain(registers).chain(pages).chain(dcgm).collect()
    }

    /// Connections that are down now, each with the reason.
    #[must_use]
    pub fn down(&self) -> Vec<String> {
        let line = |name: &str, up: bool, why: &Option<String>| {
            (!up).then(|| format!("{name}: {}", why.as_deref().unwrap_or("not connected yet")))
        };
        let mqtt = self.mqtt.iter().filter_map(|m| line(&m.url, m.up, &m.trouble));
        let modbus = self.modbus.iter().filter_map(|d| line(&d.id, d.up, &d.trouble));
        let pages = self.prometheus.iter().filter_map(|p| line(&p.id, p.up, &p.trouble));
        let dcgm = self.dcgm.iter().filter_map(|p| line(&p.id, p.up, &p.trouble));
        mqtt.chain(modbus).chain(pages).chain(dcgm).collect()
    }
}

/// Where an actuator's orders go.
#[derive(Debug, Clone, Copy)]
enum Route {
    Bus(usize),
    Device(usize),
}

/// The live field of a site.
#[derive(Debug)]
pub struct LiveField {
    context: Context,
    buses: Vec<mqtt::Handle>,
    /// Buses on which agents meet.
    agent_buses: Vec<usize>,
    devices: Vec<modbus::Handle>,
    pages: Vec<prometheus::Handle>,
    dcgm: Vec<dcgm::Handle>,
    routes: Vec<Option<Route>>,
}

/// A name for this start of the controller, for brokers that allow one connection per name.
fn client_id(site: &Site, bus: usize) -> String {
    let start = std::time::UNIX_EPOCH.elapsed().map_or(0, |d| d.as_micros() as u64);
    format!(
        "headroom-{}-{bus}-{:x}-{:x}",
        mqtt::agents::level(&site.name),
        std::process::id(),
        start & 0xFFFF_FFFF
    )
}

impl LiveField {
    /// Starts every connection of the site, inside a tokio runtime. Returns at once; what cannot be reached is
    /// tried again for ever.
    ///
    /// # Errors
    /// An MQTT address is not one.
    pub fn start(site: &Site, clock: Clock, options: FieldOptions) -> Result<Self, UrlError> {
        Self::start_under(site, clock, options, Mandate::unbounded())
    }

    /// The same, where something is written only while a mandate holds. Once it has ended everything held is forgotten, and
    /// nothing relinquished: it is somebody else's.
    ///
    /// # Errors
    /// An MQTT address is not one.
    pub fn start_under(
        site: &Site,
        clock: Clock,
        options: FieldOptions,
        mandate: Mandate,
    ) -> Result<Self, UrlError> {
        let window = Span::from_ns(site.cooling_period.ns().saturating_mul(BEAT_PERIODS));
        let context = Context {
            clock,
            mailbox: Arc::new(Mailbox::of(site)),
            beat: Arc::new(Beat::new(window, mandate)),
        };
        let may_write = options.writes_allowed;
        let groups = same_address(site);
        let mut buses = Vec::new();
        for (i, group) in groups.iter().enumerate() {
            buses.push(mqtt::start(site, group, &client_id(site, i), context.clone(), may_write)?);
        }
        let bus_of = |connection: usize| groups.iter().position(|g| g.contains(&connection));
        let route = |sink: &Sink| match sink {
            Sink::Dsx { connection, .. }
            | Sink::Json { connection, .. }
            | Sink::Sparkplug { connection, .. } => bus_of(*connection).map(Route::Bus),
            Sink::Modbus { device, .. } => Some(Route::Device(*device)),
        };
        let has_agents = |group: &Vec<usize>| group.iter().any(|i| site.mqtt[*i].agents);
        Ok(Self {
            routes: site.actuators.iter().map(|a| route(&a.sink)).collect(),
            agent_buses: (0..groups.len()).filter(|i| has_agents(&groups[*i])).collect(),
            buses,
            devices: modbus::lines(site)
                .into_iter()
                .enumerate()
                .map(|(i, line)| modbus::start(site, i, line, context.clone(), may_write))
                .collect(),
            pages: (0..site.prometheus.len()).map(|i| prometheus::start(site, i, context.clone())).collect(),
            dcgm: (0..site.dcgm.len()).map(|i| dcgm::start(site, i, context.clone())).collect(),
            context,
        })
    }

    /// The state of every connection.
    #[must_use]
    pub fn status(&self) -> FieldStatus {
        FieldStatus {
            mqtt: self.buses.iter().map(|b| lock(&b.status).clone()).collect(),
            modbus: self.devices.iter().map(|d| lock(&d.status).clone()).collect(),
            prometheus: self.pages.iter().map(|p| lock(&p.status).clone()).collect(),
            dcgm: self.dcgm.iter().map(|p| lock(&p.status).clone()).collect(),
            dropped: self.context.mailbox.dropped(),
        }
    }

    /// Returns when a limit of the power tree has fallen since the last return: the next tick should not be waited for.
    pub async fn urgent(&self) {
        self.context.mailbox.urgent().await;
    }

    /// Empties an inbox that has been read, and takes the memory of its reports for the next ones.
    pub fn take_back(&self, inbox: &mut Inbox) {
        self.context.mailbox.take_back(&mut inbox.nodes);
        inbox.clear();
    }

    /// Relinquishes everything, says goodbye and ends every task, within a few seconds.
    pub async fn close(self) {
        let all = self.orders();
        let mut tasks: Vec<JoinHandle<()>> = self.buses.into_iter().map(|b| b.task).collect();
        tasks.extend(self.devices.into_iter().map(|d| d.task));
        self.pages.into_iter().for_each(|p| p.task.abort());
        self.dcgm.into_iter().for_each(|p| p.task.abort());
        let goodbye = async {
            for orders in all {
                let _ = orders.send(Order::Close).await;
            }
            for task in &mut tasks {
                let _ = task.await;
            }
        };
        if tokio::time::timeout(GOODBYE, goodbye).await.is_err() {
            tracing::warn!("a connection did not end in time and was cut");
            tasks.iter().for_each(JoinHandle::abort);
        }
    }

    fn orders(&self) -> Vec<Sender<Order>> {
        let buses = self.buses.iter().map(|b| b.orders.clone());
        buses.chain(self.devices.iter().map(|d| d.orders.clone())).collect()
    }

    /// Gives an order; an owner that is behind makes it a failed receipt, never a wait.
    fn give(&self, to: &Sender<Order>, order: Order, receipt: impl FnOnce(Outcome) -> Receipt) {
        if let Err(e) = to.try_send(order) {
            let why = match e {
                TrySendError::Full(_) => "its driver is behind",
                TrySendError::Closed(_) => "its driver has ended",
            };
            self.context.mailbox.receipt(receipt(Outcome::Failed(why.into())));
        }
    }
}

/// MQTT connections by address, each group in file order.
fn same_address(site: &Site) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (i, spec) in site.mqtt.iter().enumerate() {
        match groups
            .iter_mut()
            .find(|g| g.iter().any(|&j| site.mqtt[j].url == spec.url && site.mqtt[j].tls == spec.tls))
        {
            Some(group) => group.push(i),
            None => groups.push(vec![i]),
        }
    }
    groups
}

impl Field for LiveField {
    fn drain(&mut self, inbox: &mut Inbox) {
        self.context.mailbox.drain(inbox);
    }

    fn send(&mut self, command: &Command) {
        match command {
            Command::Setpoint(setpoint) => {
                let order = Order::Set(setpoint.clone(), self.context.clock.mono_ns());
                let receipt = |outcome| receipt_of(setpoint, outcome);
                match self.routes.get(setpoint.actuator.index()).copied().flatten() {
                    Some(Route::Bus(i)) => self.give(&self.buses[i].orders, order, receipt),
                    Some(Route::Device(i)) => self.give(&self.devices[i].orders, order, receipt),
                    None => {
                        self.context.mailbox.receipt(receipt(Outcome::Refused("no such actuator".into())));
                    }
                }
            }
            Command::Caps(caps) => {
                let receipt = |outcome| {
                    let target = Target::Node(caps.node.to_string());
                    Receipt { target, epoch: caps.epoch, sequence: caps.sequence, outcome }
                };
                if self.agent_buses.is_empty() {
                    let why = "no connection of the site says `agents = true`";
                    self.context.mailbox.receipt(receipt(Outcome::Refused(why.into())));
                }
                for &i in &self.agent_buses {
                    self.give(&self.buses[i].orders, Order::Caps(caps.clone()), receipt);
                }
            }
        }
    }

    fn beat(&mut self) {
        self.context.beat.now(&self.context.clock);
    }

    fn release(&mut self) {
        for orders in self.orders() {
            // A release is never lost to a full queue.
            if let Err(TrySendError::Full(order)) = orders.try_send(Order::Release) {
                tokio::spawn(async move {
                    let _ = orders.send(order).await;
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
