//! The owner of one device: it alone talks to it, in the order poll, orders, refresh, heartbeat.

use super::line::Line;
use super::link::Link;
use super::poll::Poller;
use super::status::DeviceStatus;
use super::write::{Outlet, Writer};
use crate::context::{Context, Gauge, Held, Order, lock, receipt_of};
use headroom_site::command::SetpointCommand;
use headroom_site::model::{ModbusSpec, Sink, Source};
use headroom_site::{ActuatorId, Outcome, Site, Span, Stamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Orders that may wait for a device that does not answer.
const ORDERS: usize = 1024;

/// A running device.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) status: Arc<Mutex<DeviceStatus>>,
    pub(crate) task: JoinHandle<()>,
}

/// Starts the device with this index on its line. Without `may_write` there is no writer at all.
pub(crate) fn start(site: &Site, index: usize, line: Arc<Line>, context: Context, may_write: bool) -> Handle {
    let spec = site.modbus[index].clone();
    let mut gauges: BTreeMap<usize, Vec<Gauge>> = BTreeMap::new();
    for (i, point) in site.points.iter().enumerate() {
        if let Source::Modbus { device, register } = point.source
            && device == index
        {
            let mut gauge = Gauge::of(site, i);
            gauge.unit = spec.registers[register].unit.unwrap_or(gauge.unit);
            gauges.entry(register).or_default().push(gauge);
        }
    }
    let outlets: BTreeMap<_, _> = site
        .actuators
        .iter()
        .enumerate()
        .filter_map(|(i, a)| match a.sink {
            Sink::Modbus { device, register } if device == index => {
                Some((ActuatorId(i as u32), Outlet::of(a, register, &spec.registers[register])))
            }
            _ => None,
        })
        .collect();
    let writer = (may_write && !outlets.is_empty())
        .then(|| Writer::new(outlets, spec.remote.clone(), context.beat.mandate().clone()));
    let status = DeviceStatus { id: spec.id.clone(), address: spec.address.clone(), ..Default::default() };
    let status = Arc::new(Mutex::new(status));
    let (orders, inbox) = mpsc::channel(ORDERS);
    let device = Device {
        link: Link::new(&spec, line, context.clock.clone()),
        poller: Poller::new(&spec, gauges),
        spec,
        context,
        writer,
        held: BTreeMap::new(),
        status: Arc::clone(&status),
        mine: lock(&status).clone(),
    };
    Handle { orders, status, task: tokio::spawn(device.run(inbox)) }
}

struct Device {
    spec: ModbusSpec,
    context: Context,
    link: Link,
    poller: Poller,
    writer: Option<Writer>,
    held: BTreeMap<ActuatorId, Held>,
    status: Arc<Mutex<DeviceStatus>>,
    mine: DeviceStatus,
}

/// The next multiple of a period after now: a device that was slow is not asked twice in a row.
fn after(due: Stamp, period: Span, now: Stamp) -> Stamp {
    let next = due + period;
    if next > now { next } else { now + period }
}

impl Device {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let clock = self.context.clock.clone();
        let start = clock.now();
        let (mut poll_at, mut beat_at) = (start, start);
        let beat_period = self.writer.as_ref().and_then(Writer::heartbeat_period);
        loop {
            let mut wake = poll_at.min(self.next_refresh());
            if beat_period.is_some() {
                wake = wake.min(beat_at);
            }
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Set(command, given_ns)) => self.command(&command, given_ns).await,
                    Some(Order::Caps(_)) => {}
                    Some(Order::Release) => self.release().await,
                    Some(Order::Close) | None => {
                        self.release().await;
                        self.publish_status();
                        return;
                    }
                },
                () = clock.sleep_until(wake) => {}
            }
            self.leases().await;
            if let Some(period) = beat_period
                && clock.now() >= beat_at
            {
                beat_at = after(beat_at, period, clock.now());
                if self.context.beat.is_fresh(&clock)
                    && let Some(writer) = self.writer.as_mut()
                {
                    writer.heartbeat(&self.spec, &mut self.link).await;
                }
            }
            if clock.now() >= poll_at {
                poll_at = after(poll_at, self.spec.poll, clock.now());
                if !self.poller.is_idle() {
                    self.poller.round(&self.spec, &mut self.link, &self.context, &mut self.mine).await;
                }
            }
            self.publish_status();
        }
    }

    fn publish_status(&mut self) {
        self.mine.up = self.link.is_up();
        self.mine.connects = self.link.connects();
        self.mine.requests = self.link.requests;
        self.mine.held = self.held.len() as u64;
        if let Some(writer) = &self.writer {
            self.mine.writes = writer.writes;
            self.mine.local = writer.local;
        }
        lock(&self.status).clone_from(&self.mine);
    }

    async fn command(&mut self, command: &SetpointCommand, given_ns: u64) {
        let now = self.context.clock.mono_ns();
        let late = now.saturating_sub(given_ns) > command.ttl_ms.saturating_mul(1_000_000);
        let outcome = match (command.value, self.writer.as_mut()) {
            (_, None) => Outcome::Refused("this field may not write".into()),
            (Some(_), Some(_)) if late => Outcome::Failed("its lease ran out before it could be sent".into()),
            (Some(value), Some(writer)) => {
                let outcome = writer.hold(&self.spec, &mut self.link, command.actuator, value, now).await;
                if let Some(outlet) = writer.outlets.get(&command.actuator)
                    && outcome == Outcome::Applied
                {
                    let held = Held::new(command, value, outlet.refresh, given_ns, now);
                    self.held.insert(command.actuator, held);
                }
                outcome
            }
            (None, Some(writer)) => {
                self.held.remove(&command.actuator);
                let last = self.held.is_empty();
                writer.relinquish(&self.spec, &mut self.link, command.actuator, last).await
            }
        };
        self.context.mailbox.receipt(receipt_of(command, outcome));
    }

    /// When the next lease has to be refreshed or ends, in plant time.
    fn next_refresh(&self) -> Stamp {
        let now = self.context.clock.now();
        let mono = self.context.clock.mono_ns();
        let until = |ns: u64| Span::from_ns(i64::try_from(ns.saturating_sub(mono)).unwrap_or(i64::MAX));
        self.held
            .values()
            .map(|h| now + until(h.expires_ns.min(h.refresh_ns)))
            .min()
            .unwrap_or(Stamp::from_tai_ns(i64::MAX))
    }

    /// Ends leases that ran out and refreshes the others, the latter only while the controller is alive.
    async fn leases(&mut self) {
        // What is held here is another controller's by now.
        if !self.context.leads() {
            self.held.clear();
        }
        let clock = self.context.clock.clone();
        let due: Vec<(ActuatorId, Held)> = self.held.iter().map(|(a, h)| (*a, *h)).collect();
        for (actuator, held) in due {
            let Some(writer) = self.writer.as_mut() else { return };
            let now = clock.mono_ns();
            if now >= held.expires_ns {
                self.held.remove(&actuator);
                let last = self.held.is_empty();
                let _ = writer.relinquish(&self.spec, &mut self.link, actuator, last).await;
            } else if now >= held.refresh_ns {
                let refresh =
                    writer.outlets.get(&actuator).map_or(Span::ZERO, |o| o.refresh).max(Span::from_ms(1));
                if let Some(h) = self.held.get_mut(&actuator) {
                    h.refresh_ns = now.saturating_add(refresh.ns().cast_unsigned());
                }
                if !self.context.beat.is_fresh(&clock) {
                    continue;
                }
                let outcome = writer.hold(&self.spec, &mut self.link, actuator, held.value, now).await;
                if outcome != Outcome::Applied {
                    self.context.mailbox.receipt(held.receipt(actuator, outcome));
                }
            }
        }
    }

    async fn release(&mut self) {
        let held: Vec<_> = std::mem::take(&mut self.held).into_keys().collect();
        if !self.context.leads() {
            return;
        }
        let Some(writer) = self.writer.as_mut() else { return };
        for (i, actuator) in held.iter().enumerate() {
            let last = i + 1 == held.len();
            let _ = writer.relinquish(&self.spec, &mut self.link, *actuator, last).await;
        }
    }
}
