//! Setpoints of a virtual plant: what the controller asks of it, by the bus and by registers.
//!
//! Responsible for: the messages of the event bus with their way, the registers of a device, heartbeats, and what went wrong
//! with either. Not for: whether a request counts (the desks).

use headroom_sim::desk::dsx::{DsxDesk, Taken};
use headroom_sim::desk::modbus::Bank;
use headroom_sim::desk::transport::Transport;
use headroom_sim::image::{Encoding, Link, Meaning, ModbusDevice, Register};
use headroom_sim::world::World;
use headroom_site::command::SetpointCommand;
use headroom_site::model::Sink;
use headroom_site::{Outcome, Receipt, Site, Span, Stamp, Target};

/// A setpoint that a desk or a device has taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Taking {
    /// Index of the actuator.
    pub(crate) actuator: usize,
    /// Who asked, and which time.
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    /// When it was taken.
    pub(crate) at: Stamp,
    /// How old it may be.
    pub(crate) life: Span,
}

/// What is wrong with what answers for a setpoint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Lie {
    /// It says yes and does nothing.
    Ignores,
    /// It stops so far from where it is asked to stand, base unit.
    Stops(f64),
    /// It answers with an exception.
    Refuses,
}

/// A message on its way over the bus, and the command in it.
#[derive(Debug, Clone)]
struct Message {
    topic: String,
    payload: String,
    command: Option<(usize, u64, u64, u64)>,
}

/// What the plant can be asked.
#[derive(Debug, Clone)]
pub(super) struct Asks {
    sinks: Vec<Option<Ask>>,
    heartbeat_topic: Option<String>,
    heartbeat_sent: Option<Stamp>,
    devices: Vec<Device>,
    /// Nothing passes the event bus.
    cut: bool,
    link: Link,
    way: Transport<Message>,
    /// Image points of the setpoints.
    points: Vec<Option<usize>>,
    /// How far the controller's clock is ahead of the plant's.
    pub(super) skew: Span,
    /// By actuator.
    pub(super) lies: Vec<Option<Lie>>,
    /// What was taken since the last step began.
    pub(super) taken: Vec<Taking>,
}

#[derive(Debug, Clone)]
enum Ask {
    /// Topic and unit scale.
    Dsx(String, f64, f64),
    /// Index of the device.
    Modbus(usize),
}

/// A device with its remote-control registers.
#[derive(Debug, Clone)]
pub(super) struct Device {
    enable: Option<u16>,
    heartbeat: Option<u16>,
    timer: Option<(u16, f64)>,
    setpoint: Option<(u16, f64, Encoding)>,
    count: u16,
    held: bool,
}

impl Asks {
    pub(super) fn new(site: &Site, world: &World, dsx: &DsxDesk) -> Self {
        let own = format!("BMS/v1/{}/Value/", world.config().integration);
        let heartbeat_topic = dsx
            .metadata()
            .map(|(topic, _)| topic)
            .find(|t| t.contains("/System/HeartbeatTimestampIntegration/"))
            .map(|t| t.replacen("BMS/v1/PUB/Metadata/", &own, 1));
        let sinks = site
            .actuators
            .iter()
            .map(|a| match &a.sink {
                Sink::Dsx { tag, .. } => {
                    let p = world.image.points.iter().find(|p| Some(&p.tag) == tag.as_ref() && p.request)?;
                    let topic = format!("{own}{}/{}/{}", p.object_type, p.point_type, p.tag);
                    Some(Ask::Dsx(topic, a.unit.scale, a.unit.offset))
                }
                Sink::Modbus { device, .. } => {
                    let id = &site.modbus[*device].id;
                    world.modbus.iter().position(|d| d.id == *id).map(Ask::Modbus)
                }
                Sink::Json { .. } | Sink::Sparkplug { .. } => None,
            })
            .collect();
        let hold = |id: &str| {
            let spec = site.modbus.iter().find(|d| d.id == id);
            spec.and_then(|d| d.remote.timer).map_or(90.0, |(_, hold)| hold.s())
        };
        let devices = world.modbus.iter().map(|d| Device::new(d, hold(&d.id))).collect();
        Self {
            sinks,
            heartbeat_topic,
            heartbeat_sent: None,
            devices,
            cut: false,
            link: Link::default(),
            way: Transport::new(world.config().seed ^ 0x6173_6b73),
            points: site.actuators.iter().map(|a| point_of(site, world, &a.sink)).collect(),
            skew: Span::ZERO,
            lies: vec![None; site.actuators.len()],
            taken: Vec::new(),
        }
    }

    /// Cuts the event bus or brings it back.
    pub(super) fn set_bus_cut(&mut self, cut: bool) {
        self.cut = cut;
    }

    /// What the way of our messages to the event bus does to them.
    pub(super) fn set_link(&mut self, link: Link) {
        self.link = link;
    }

    /// Image point of a setpoint.
    pub(super) fn point(&self, actuator: usize) -> Option<usize> {
        self.points.get(actuator).copied().flatten()
    }

    pub(super) fn send(
        &mut self,
        now: Stamp,
        c: &SetpointCommand,
        dsx: &mut DsxDesk,
        banks: &mut [Bank],
    ) -> Receipt {
        let index = c.actuator.index();
        let lie = self.lies.get(index).copied().flatten();
        let value = match lie {
            Some(Lie::Stops(by)) => c.value.map(|v| v + by),
            _ => c.value,
        };
        let outcome = match (self.sinks.get(index).and_then(Option::as_ref), lie) {
            (None, _) => Outcome::Failed("the plant has no such setpoint".to_owned()),
            (Some(Ask::Dsx(..)), _) if self.cut => Outcome::Failed("no link to the event bus".to_owned()),
            // the bus has no answer: what is ignored or refused shows in the read-back alone
            (Some(Ask::Dsx(..)), Some(Lie::Ignores | Lie::Refuses)) => Outcome::Sent,
            (Some(Ask::Modbus(_)), Some(Lie::Ignores)) => Outcome::Applied,
            (Some(Ask::Modbus(_)), Some(Lie::Refuses)) => Outcome::Refused("device failure".to_owned()),
            (Some(Ask::Dsx(topic, scale, offset)), _) => {
                let value = value.map_or("null".to_owned(), |v| format!("{}", (v - offset) / scale));
                let stamp = c.stamp.unix_ms();
                let payload = format!("{{\"value\":{value},\"timestamp\":{stamp},\"quality\":1}}");
                let command = c.value.map(|_| asked(c));
                self.publish(now, Message { topic: topic.clone(), payload, command }, dsx)
            }
            (Some(Ask::Modbus(device)), _) => {
                let outcome = self.devices[*device].write(value, &mut banks[*device]);
                if let (Outcome::Applied, true) = (&outcome, c.value.is_some()) {
                    self.taken.push(taking(now, asked(c)));
                }
                outcome
            }
        };
        Receipt { target: Target::Actuator(c.actuator), epoch: c.epoch, sequence: c.sequence, outcome }
    }

    /// Sends a message over the bus. Over a way that takes no time the desk answers; else nobody does.
    fn publish(&mut self, now: Stamp, message: Message, dsx: &mut DsxDesk) -> Outcome {
        let mut outcome = Outcome::Sent;
        let Self { way, taken, link, .. } = self;
        way.carry(now.unix_ms(), link, message, &mut |m| outcome = hand_over(now, &m, dsx, taken));
        outcome
    }

    /// Hands over what has arrived by now. A way that is free again brings all that has waited, in its order.
    pub(super) fn arrive(&mut self, now: Stamp, dsx: &mut DsxDesk) {
        let Self { way, taken, link, .. } = self;
        let by_ms = if link.is_ideal() { i64::MAX } else { now.unix_ms() };
        way.arrive(by_ms, &mut |m| drop(hand_over(now, &m, dsx, taken)));
    }

    /// Heartbeats, while the controller's ticks go well.
    pub(super) fn heartbeat(&mut self, now: Stamp, alive: bool, dsx: &mut DsxDesk, banks: &mut [Bank]) {
        let due = self.heartbeat_sent.is_none_or(|at| now.since(at) >= Span::from_ms(10_000));
        if !alive {
            return;
        }
        if due
            && !self.cut
            && let Some(topic) = self.heartbeat_topic.clone()
        {
            let ms = (now + self.skew).unix_ms();
            let payload = format!("{{\"value\":{ms},\"timestamp\":{ms},\"quality\":1}}");
            // A refused heartbeat is counted by the desk.
            let _ = self.publish(now, Message { topic, payload, command: None }, dsx);
            self.heartbeat_sent = Some(now);
        }
        if now.unix_ms() / 1000 % 5 == 0 {
            for (device, bank) in self.devices.iter_mut().zip(banks) {
                device.beat(bank);
            }
        }
    }

    pub(super) fn release(&mut self, now: Stamp, dsx: &mut DsxDesk, banks: &mut [Bank]) {
        let stamp = (now + self.skew).unix_ms();
        for at in 0..self.sinks.len() {
            if let Some(Ask::Dsx(topic, ..)) = &self.sinks[at]
                && !self.cut
            {
                let payload = format!("{{\"value\":null,\"timestamp\":{stamp},\"quality\":1}}");
                let _ = self.publish(now, Message { topic: topic.clone(), payload, command: None }, dsx);
            }
        }
        for (device, bank) in self.devices.iter_mut().zip(banks) {
            let _ = device.write(None, bank);
        }
    }
}

/// Image point of a setpoint.
fn point_of(site: &Site, world: &World, sink: &Sink) -> Option<usize> {
    match sink {
        Sink::Dsx { tag, .. } => {
            world.image.points.iter().position(|p| Some(&p.tag) == tag.as_ref() && p.request)
        }
        Sink::Modbus { device, .. } => {
            let spec = world.modbus.iter().find(|d| d.id == site.modbus[*device].id)?;
            spec.registers.iter().find_map(|r| match r.meaning {
                Meaning::Setpoint(point) => Some(point),
                _ => None,
            })
        }
        Sink::Json { .. } | Sink::Sparkplug { .. } => None,
    }
}

/// Whose command it is, and how old it may be \[ms\].
fn asked(c: &SetpointCommand) -> (usize, u64, u64, u64) {
    (c.actuator.index(), c.epoch, c.sequence, c.ttl_ms)
}

fn taking(at: Stamp, (actuator, epoch, sequence, ttl_ms): (usize, u64, u64, u64)) -> Taking {
    Taking { actuator, epoch, sequence, at, life: Span::from_ms(ttl_ms as i64) }
}

/// Gives a message to the desk, and notes a setpoint that it took.
fn hand_over(now: Stamp, m: &Message, dsx: &mut DsxDesk, taken: &mut Vec<Taking>) -> Outcome {
    match dsx.receive(now.unix_ms(), &m.topic, m.payload.as_bytes()) {
        Ok(Taken::Request { .. }) => {
            taken.extend(m.command.map(|command| taking(now, command)));
            Outcome::Sent
        }
        Ok(_) => Outcome::Sent,
        // taking a request back is answered by its absence
        Err(_) if m.command.is_none() => Outcome::Sent,
        Err(refusal) => Outcome::Refused(refusal.to_string()),
    }
}

impl Device {
    pub(super) fn new(spec: &ModbusDevice, hold_s: f64) -> Self {
        let at = |wanted: fn(&Meaning) -> bool| -> Option<&Register> {
            spec.registers.iter().find(|r| wanted(&r.meaning))
        };
        Self {
            enable: at(|m| *m == Meaning::RemoteEnable).map(|r| r.address),
            heartbeat: at(|m| *m == Meaning::HeartbeatIn).map(|r| r.address),
            timer: at(|m| *m == Meaning::SetpointTimer).map(|r| (r.address, hold_s)),
            setpoint: at(|m| matches!(m, Meaning::Setpoint(_))).map(|r| (r.address, r.scale, r.encoding)),
            count: 0,
            held: false,
        }
    }

    pub(super) fn beat(&mut self, bank: &mut Bank) {
        if let Some(address) = self.heartbeat.filter(|_| self.held) {
            // 1 to 32767, as the driver counts: 0 and 0xFFFF mean "no value" to many devices.
            self.count = self.count % 32_767 + 1;
            // A device that refuses its heartbeat lets its setpoint go: that is its answer.
            let _ = bank.write(address, &[self.count]);
        }
    }

    pub(super) fn write(&mut self, value: Option<f64>, bank: &mut Bank) -> Outcome {
        let refused = |e: headroom_sim::desk::modbus::Exception| Outcome::Refused(format!("{e:?}"));
        let Some((address, scale, _)) = self.setpoint else {
            return Outcome::Failed("no setpoint register".to_owned());
        };
        let Some(value) = value else {
            self.held = false;
            let off = self.enable.map_or(Ok(()), |a| bank.write_bits(a, &[false]));
            return off.map_or_else(refused, |()| Outcome::Sent);
        };
        if !self.held {
            self.held = true;
            if let Some(Err(e)) = self.enable.map(|a| bank.write_bits(a, &[true])) {
                return refused(e);
            }
            self.beat(bank);
        }
        if let Some(Err(e)) = self.timer.map(|(a, hold)| bank.write(a, &[hold.round() as u16])) {
            return refused(e);
        }
        let raw = (value / scale).round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16;
        bank.write(address, &[raw as u16]).map_or_else(refused, |()| Outcome::Applied)
    }
}
