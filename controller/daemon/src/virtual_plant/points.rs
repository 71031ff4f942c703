//! Points and setpoints of a virtual plant: what the wires would carry, at the cadence at which they would carry it.

use super::engines::Engines;
use headroom_sim::desk::dsx::DsxDesk;
use headroom_sim::desk::modbus::{Bank, as_read};
use headroom_sim::desk::transport::Transport;
use headroom_sim::image::{DeviceFault, Encoding, Meaning, ModbusDevice, Register, Space};
use headroom_sim::world::World;
use headroom_site::command::SetpointCommand;
use headroom_site::model::{EngineQuantity, Sink, Source};
use headroom_site::{Inbox, Outcome, PointId, Quality, Reading, Reason, Receipt, Site, Span, Stamp, Target};

/// Unchanged values are shown again after this long (DSX: every 100 s).
const REPEAT: Span = Span::from_ms(100_000);
/// How sure a stamp is.
const UNCERTAINTY: Span = Span::from_ms(500);

#[derive(Debug, Clone, Copy)]
enum From {
    Image(usize),
    /// Index of a polled register.
    Register(usize),
    Tokens(usize),
    /// Place on the engines' page, and what of it.
    Engine(usize, EngineQuantity),
}

/// A register of a device that is polled.
#[derive(Debug, Clone)]
struct Polled {
    /// Image point behind it.
    image: usize,
    /// The device among the sources of the image.
    source: Option<usize>,
    encoding: Encoding,
    scale: f64,
    invalid: Vec<u64>,
    /// The device has enough of them that all ones in each are no coincidence, as the driver has it.
    of_many: bool,
}

/// Registers of a device from which on that is so.
const MANY: usize = 3;

#[derive(Debug, Clone, Copy)]
struct Shown {
    point: PointId,
    from: From,
    scale: f64,
    offset: f64,
    period: Span,
    /// When, what, and of which quality.
    last: Option<(Stamp, f64, i32)>,
}

/// What the plant shows.
pub(super) struct Shows {
    shown: Vec<Shown>,
    polled: Vec<Polled>,
    engines: Engines,
    way: Transport<Reading>,
}

impl Shows {
    pub(super) fn new(site: &Site, world: &World) -> Self {
        let mut shows = Self {
            shown: Vec::new(),
            polled: Vec::new(),
            engines: Engines::default(),
            way: Transport::new(world.config().seed),
        };
        for (i, p) in site.points.iter().enumerate() {
            let Some((from, period)) = shows.find(site, world, &p.source) else { continue };
            let (point, scale, offset) = (PointId(i as u32), p.unit.scale, p.unit.offset);
            shows.shown.push(Shown { point, from, scale, offset, period, last: None });
        }
        shows
    }

    pub(super) fn drain(&mut self, now: Stamp, world: &World, inbox: &mut Inbox) {
        let readings = &mut inbox.readings;
        self.way.arrive(now.unix_ms(), &mut |r| readings.push(heard(r, now)));
        let cut = world.bus_cut();
        self.engines.poll(now, world);
        for s in &mut self.shown {
            if cut && matches!(s.from, From::Image(_)) {
                // a link that comes back shows everything anew
                s.last = None;
                continue;
            }
            if s.last.is_some_and(|(at, ..)| now.since(at) < s.period) {
                continue;
            }
            let image = &world.image;
            let Some(seen) = look(s.from, now, world, &self.polled, &self.engines) else { continue };
            let repeated = |(at, v, q): (Stamp, f64, i32)| {
                v.to_bits() == seen.value.to_bits() && q == seen.flag && now.since(at) < REPEAT
            };
            if matches!(s.from, From::Image(_)) && s.last.is_some_and(repeated) {
                continue;
            }
            s.last = Some((now, seen.value, seen.flag));
            let value = seen.value * s.scale + s.offset;
            let reading = Reading::new(s.point, seen.stamp, UNCERTAINTY, value, seen.quality);
            let own_clock = matches!(s.from, From::Image(_));
            let reading = if own_clock { reading.arrived(now) } else { reading };
            let link = seen.source.and_then(|n| image.links.get(n)).copied().unwrap_or_default();
            self.way.carry(now.unix_ms(), &link, reading, &mut |r| readings.push(heard(r, now)));
        }
    }

    fn find(&mut self, site: &Site, world: &World, source: &Source) -> Option<(From, Span)> {
        match source {
            Source::Dsx { tag, .. } => {
                let p = world.image.points.iter().position(|p| Some(&p.tag) == tag.as_ref())?;
                Some((From::Image(p), Span::from_s(world.image.points[p].class.gap_s())))
            }
            Source::Modbus { device: index, register } => {
                let spec = &site.modbus[*index];
                let same =
                    |source: &Source| matches!(source, Source::Modbus { device, .. } if device == index);
                let of_many = site.points.iter().filter(|p| same(&p.source)).count() >= MANY;
                let device = world.modbus.iter().find(|d| d.id == spec.id)?;
                let register = &spec.registers[*register];
                let found = device.registers.iter().find(|r| {
                    r.address == register.address && space_word(r.space) == format!("{:?}", register.space)
                })?;
                let (Meaning::Value(image) | Meaning::Applied(image)) = found.meaning else { return None };
                self.polled.push(Polled {
                    image,
                    source: world.image.source(&device.id),
                    encoding: found.encoding,
                    scale: found.scale,
                    invalid: register.invalid.clone(),
                    of_many,
                });
                Some((From::Register(self.polled.len() - 1), spec.poll))
            }
            Source::Prometheus { page, labels, .. } => {
                let job = world.workload.jobs.iter().position(|j| Some(&j.name) == labels.get("job"))?;
                Some((From::Tokens(job), site.prometheus[*page].poll))
            }
            Source::Engine { page, quantity, labels } => {
                let job = world.workload.jobs.iter().position(|j| Some(&j.name) == labels.get("job"))?;
                let place = self.engines.place_of(job, site.prometheus[*page].poll);
                // it is the page that is read each so long
                Some((From::Engine(place, *quantity), Span::ZERO))
            }
            Source::Json { .. } | Source::Sparkplug { .. } => None,
        }
    }
}

/// What a reader would get of a point.
struct Seen {
    value: f64,
    /// Quality as the source says it.
    flag: i32,
    quality: Quality,
    stamp: Stamp,
    source: Option<usize>,
}

/// Looks at the plant; `None` if nothing is heard.
fn look(from: From, now: Stamp, world: &World, polled: &[Polled], engines: &Engines) -> Option<Seen> {
    let image = &world.image;
    match from {
        From::Image(p) => {
            if image.silent[p] {
                return None;
            }
            let (value, flag) = (image.values[p], image.quality[p]);
            let quality = if flag == 1 { Quality::Good } else { Quality::Bad(Reason::SourceSaysBad) };
            // the contract carries whole milliseconds
            let stamp = now + Span::from_ms(image.stamp_ms(p, now.unix_ms()) - now.unix_ms());
            Some(Seen { value, flag, quality, stamp, source: image.source_of(p) })
        }
        From::Register(k) => {
            let register = &polled[k];
            let fault = register.source.and_then(|s| image.device_faults.get(s).copied()).flatten();
            let (p, source) = (register.image, register.source);
            let seen = |value, quality| Seen { value, flag: 1, quality, stamp: now, source };
            if fault == Some(DeviceFault::Silent) {
                return Some(seen(0.0, Quality::Bad(Reason::NoCommunication)));
            }
            let sound = image.quality[p] == 1 && !image.silent[p];
            let value = if sound { image.values[p] } else { f64::NAN };
            let (raw, value) = as_read(value, register.scale, register.encoding, fault);
            let ones = register.of_many && fault == Some(DeviceFault::Sentinel);
            let no_sensor = ones || register.invalid.contains(&raw);
            Some(seen(value, if no_sensor { Quality::Bad(Reason::Sentinel) } else { Quality::Good }))
        }
        From::Engine(place, what) => {
            let (value, quality) = engines.value(place, what, now, world)?;
            Some(Seen { value, flag: 1, quality, stamp: now, source: None })
        }
        From::Tokens(job) => {
            let value = world.workload.jobs[job].stats.tokens;
            Some(Seen { value, flag: 1, quality: Quality::Good, stamp: now, source: None })
        }
    }
}

/// A reading as it arrives: one with a clock of its own comes with the time of arrival beside its stamp.
fn heard(reading: Reading, now: Stamp) -> Reading {
    if reading.arrival.is_some() { reading.arrived(now) } else { reading }
}

fn space_word(space: Space) -> String {
    format!("{space:?}")
}

/// What the plant can be asked.
pub(super) struct Asks {
    sinks: Vec<Option<Ask>>,
    heartbeat_topic: Option<String>,
    heartbeat_sent: Option<Stamp>,
    devices: Vec<Device>,
    /// Nothing passes the event bus.
    cut: bool,
}

enum Ask {
    /// Topic and unit scale.
    Dsx(String, f64, f64),
    /// Index of the device.
    Modbus(usize),
}

/// A device with its remote-control registers.
struct Device {
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
        Self { sinks, heartbeat_topic, heartbeat_sent: None, devices, cut: false }
    }

    /// Cuts the event bus or brings it back.
    pub(super) fn set_bus_cut(&mut self, cut: bool) {
        self.cut = cut;
    }

    pub(super) fn send(
        &mut self,
        now: Stamp,
        c: &SetpointCommand,
        dsx: &mut DsxDesk,
        banks: &mut [Bank],
    ) -> Receipt {
        let outcome = match self.sinks.get(c.actuator.index()).and_then(Option::as_ref) {
            None => Outcome::Failed("the plant has no such setpoint".to_owned()),
            Some(Ask::Dsx(..)) if self.cut => Outcome::Failed("no link to the event bus".to_owned()),
            Some(Ask::Dsx(topic, scale, offset)) => {
                let value = c.value.map_or("null".to_owned(), |v| format!("{}", (v - offset) / scale));
                let payload = format!("{{\"value\":{value},\"timestamp\":{},\"quality\":1}}", now.unix_ms());
                match dsx.receive(now.unix_ms(), topic, payload.as_bytes()) {
                    Ok(_) => Outcome::Sent,
                    Err(_) if c.value.is_none() => Outcome::Sent,
                    Err(refusal) => Outcome::Refused(refusal.to_string()),
                }
            }
            Some(Ask::Modbus(device)) => self.devices[*device].write(c.value, &mut banks[*device]),
        };
        Receipt { target: Target::Actuator(c.actuator), epoch: c.epoch, sequence: c.sequence, outcome }
    }

    /// Heartbeats, while the controller's ticks go well.
    pub(super) fn heartbeat(&mut self, now: Stamp, alive: bool, dsx: &mut DsxDesk, banks: &mut [Bank]) {
        let due = self.heartbeat_sent.is_none_or(|at| now.since(at) >= Span::from_ms(10_000));
        if !alive {
            return;
        }
        if due
            && !self.cut
            && let Some(topic) = &self.heartbeat_topic
        {
            let ms = now.unix_ms();
            let payload = format!("{{\"value\":{ms},\"timestamp\":{ms},\"quality\":1}}");
            // A refused heartbeat is counted by the desk.
            let _ = dsx.receive(ms, topic, payload.as_bytes());
            self.heartbeat_sent = Some(now);
        }
        if now.unix_ms() / 1000 % 5 == 0 {
            for (device, bank) in self.devices.iter_mut().zip(banks) {
                device.beat(bank);
            }
        }
    }

    pub(super) fn release(&mut self, now: Stamp, dsx: &mut DsxDesk, banks: &mut [Bank]) {
        for ask in self.sinks.iter().flatten() {
            if let Ask::Dsx(topic, ..) = ask
                && !self.cut
            {
                let payload = format!("{{\"value\":null,\"timestamp\":{},\"quality\":1}}", now.unix_ms());
                let _ = dsx.receive(now.unix_ms(), topic, payload.as_bytes());
            }
        }
        for (device, bank) in self.devices.iter_mut().zip(banks) {
            let _ = device.write(None, bank);
        }
    }
}

impl Device {
    fn new(spec: &ModbusDevice, hold_s: f64) -> Self {
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

    fn beat(&mut self, bank: &mut Bank) {
        if let Some(address) = self.heartbeat.filter(|_| self.held) {
            // 1 to 32767, as the driver counts: 0 and 0xFFFF mean "no value" to many devices.
            self.count = self.count % 32_767 + 1;
            // A device that refuses its heartbeat lets its setpoint go: that is its answer.
            let _ = bank.write(address, &[self.count]);
        }
    }

    fn write(&mut self, value: Option<f64>, bank: &mut Bank) -> Outcome {
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

#[cfg(test)]
mod tests;
