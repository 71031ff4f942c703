//! Points of a virtual plant: what the wires would carry, at the cadence at which they would carry it.

use super::engines::Engines;
use headroom_sim::desk::modbus::as_read;
use headroom_sim::desk::transport::Transport;
use headroom_sim::image::{DeviceFault, Encoding, Meaning, Space};
use headroom_sim::world::World;
use headroom_site::model::{EngineQuantity, Source};
use headroom_site::{Inbox, PointId, Quality, Reading, Reason, Site, Span, Stamp};

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
#[derive(Clone)]
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

#[cfg(test)]
mod tests;
