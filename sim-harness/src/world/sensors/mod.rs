//! Sensors as they are: from true values to what the BMS shows.
//!
//! Responsible for: who is looked at when (`scan`), noise, bias, lag, steps (`class`), faults (`fault`), the clocks
//! of those who stamp (`clock`). Not for: what is measured (`super::signal`), how it travels (`desk`).
//!
//! One step:
//! ```text
//! due -> the world looks at those signals -> put -> field -> publish -> image
//! ```
//! Only points that the BMS's own loops read (taps) and those that its scanners come by are looked at. `field` is what the
//! local loop's own input is: true value, bias and the sensor's own faults, without noise, lag and steps. The image is what
//! the bus shows: changed by at least the deadband, or shown again after 100 s. Nothing here allocates after construction
//! but the list of faults.

pub mod capture;
pub mod class;
mod clock;
pub mod fault;
mod scan;
mod table;
#[cfg(test)]
mod tests;
mod unit;

pub use class::{SensorClass, class_of};
pub use fault::{SensorFault, SourceFault};

use super::World;
use crate::image::{Image, Link, SourceIndex};
use clock::SourceClock;
use fault::Active;
use headroom_truth::rng::Rng;
use pulp::{Arch, Simd, WithSimd};
use scan::{Pace, Scan};
use std::sync::Arc;
use unit::Unit;

/// A value that does not change is shown again after this long, s.
const REPEAT_S: f64 = 100.0;
/// Time between two looks at the clocks while none is faulty, s.
const CLOCKS_S: f64 = 10.0;

/// The point has a fault of its own.
const FAULTY: u8 = 1;
/// Its source, or itself, is not heard of.
const SILENT: u8 = 2;
/// A gateway shows an old value for it.
const CACHED: u8 = 4;
/// It has been shown once.
const SHOWN: u8 = 8;
/// It is shown in the next step whatever the scanners do.
const TOUCHED: u8 = 16;

/// A source fault that is in force.
#[derive(Debug, Clone, Copy)]
struct ActiveSource {
    source: SourceIndex,
    fault: SourceFault,
    since_s: f64,
}

/// All sensors of a plant.
#[derive(Debug, Clone)]
pub struct Sensors {
    /// Field value of each point when it was last looked at, in its unit.
    pub field: Vec<f64>,
    units: Vec<Unit>,
    scans: Vec<Scan>,
    taps: Vec<u32>,
    due: Vec<u32>,
    /// Points whose fault has begun or ended: shown at once.
    touched: Vec<u32>,
    faults: Vec<Active>,
    source_faults: Vec<ActiveSource>,
    /// Source faults have changed.
    news: bool,
    clocks: Vec<SourceClock>,
    clocks_due_s: f64,
    source_of: Arc<Vec<u32>>,
    rng: Rng,
    first_s: Option<f64>,
    now_s: f64,
}

impl Sensors {
    /// Sensors for the points of an image. `taps` are the points that the BMS's own loops read in every step.
    #[must_use]
    pub fn new(image: &Image, taps: &[usize], seed: u64) -> Self {
        let points = &image.points;
        let unit = |point: &crate::image::ImagePoint| {
            let key = if point.class.one_instrument { &*point.object_id } else { point.tag.as_str() };
            let bias = draw(seed, key, 0x6269_6173).trimmed_normal(0.5) as f32;
            Unit { class: point.class, bias, slow: 0.0, lagged: 0.0, shown_s: 0.0, flags: 0 }
        };
        let mut scans: Vec<(&'static SensorClass, Vec<u32>)> = Vec::new();
        for (index, point) in points.iter().enumerate() {
            match scans.iter_mut().find(|(class, _)| *class == point.class) {
                Some((_, list)) => list.push(index as u32),
                None => scans.push((point.class, vec![index as u32])),
            }
        }
        let mut taps: Vec<u32> = taps.iter().map(|&p| p as u32).collect();
        taps.sort_unstable();
        taps.dedup();
        Self {
            field: vec![0.0; points.len()],
            units: points.iter().map(unit).collect(),
            scans: scans.into_iter().map(|(class, list)| Scan::new(class, list)).collect(),
            due: Vec::with_capacity(2 * points.len() + taps.len()),
            taps,
            touched: Vec::with_capacity(points.len()),
            faults: Vec::new(),
            source_faults: Vec::new(),
            news: false,
            clocks: image
                .sources
                .iter()
                .map(|s| SourceClock::draw(&mut draw(seed, s, 0x636c_6f63)))
                .collect(),
            clocks_due_s: f64::NEG_INFINITY,
            source_of: Arc::clone(&image.source_of),
            rng: Rng::stream(seed, 0x7365_6e73),
            first_s: None,
            now_s: 0.0,
        }
    }

    /// Sets or clears the fault of a point. A point has one at a time.
    pub fn set_fault(&mut self, point: usize, fault: Option<SensorFault>) {
        let Some(unit) = self.units.get_mut(point) else { return };
        unit.flags = if fault.is_some() { unit.flags | FAULTY } else { unit.flags & !FAULTY };
        self.faults.retain(|active| active.point != point);
        self.faults.extend(fault.map(|fault| Active { point, fault, since_s: self.now_s }));
        self.touch(point);
    }

    /// Sets or clears the fault of a source ([`Image::source`]). A source has one at a time.
    pub fn set_source_fault(&mut self, source: SourceIndex, fault: Option<SourceFault>) {
        self.source_faults.retain(|active| active.source != source);
        self.source_faults.extend(fault.map(|fault| ActiveSource { source, fault, since_s: self.now_s }));
        self.news = true;
        for point in 0..self.units.len() {
            if self.source_of.get(point).is_some_and(|&s| s as usize == source) {
                self.touch(point);
            }
        }
    }

    /// The fault of a point.
    #[must_use]
    pub fn fault(&self, point: usize) -> Option<SensorFault> {
        self.faults.iter().find(|active| active.point == point).map(|active| active.fault)
    }

    /// The fault of a source.
    #[must_use]
    pub fn source_fault(&self, source: SourceIndex) -> Option<SourceFault> {
        self.source_faults.iter().find(|active| active.source == source).map(|active| active.fault)
    }

    /// How much too much a sound sensor of this point measures at a true value, in its unit.
    #[must_use]
    pub fn bias(&self, point: usize, value: f64) -> f64 {
        self.units.get(point).map_or(0.0, |unit| f64::from(unit.bias) * unit.class.bias.at(value))
    }

    /// Brings flags up to date and has the point shown in the next step.
    fn touch(&mut self, point: usize) {
        let dropout = matches!(self.fault(point), Some(SensorFault::Dropout));
        let of_source = self.source_of.get(point).and_then(|&s| self.source_fault(s as usize));
        let unit = &mut self.units[point];
        let mut set = |flag: u8, on| unit.flags = if on { unit.flags | flag } else { unit.flags & !flag };
        set(SILENT, dropout || of_source == Some(SourceFault::Silent));
        set(CACHED, of_source == Some(SourceFault::Cache));
        if unit.flags & TOUCHED == 0 {
            unit.flags |= TOUCHED;
            self.touched.push(point as u32);
        }
    }

    /// The points to look at in the step that ends at `now_s`; what they are about is [`Self::sees`].
    pub fn due(&mut self, now_s: f64) -> &[u32] {
        let elapsed_s = (now_s - self.now_s).max(0.0);
        self.due.clear();
        self.due.extend_from_slice(&self.taps);
        match self.first_s {
            None => {
                self.first_s = Some(now_s);
                self.scans.iter_mut().for_each(|scan| scan.all(&mut self.due));
            }
            Some(first_s) => {
                for scan in &mut self.scans {
                    scan.advance(now_s - first_s, elapsed_s, &mut self.due);
                }
            }
        }
        self.due.extend_from_slice(&self.touched);
        self.now_s = now_s;
        &self.due
    }

    /// The point at place `k` of what is due, and the point whose signal its sensor sees.
    #[must_use]
    pub fn sees(&self, k: usize) -> (usize, usize) {
        self.sees_of(self.due[k] as usize)
    }

    /// The point itself, and the one whose true value it sees.
    fn sees_of(&self, point: usize) -> (usize, usize) {
        if self.units[point].flags & FAULTY != 0
            && let Some(SensorFault::SwappedWith(other)) = self.fault(point)
            && other < self.units.len()
        {
            return (point, other);
        }
        (point, point)
    }

    /// Takes the true value that the sensor of a point sees.
    pub fn put(&mut self, point: usize, value: f64) {
        let unit = &self.units[point];
        let mut measured = value + f64::from(unit.bias) * unit.class.bias.at(value);
        if unit.flags & FAULTY != 0
            && let Some(active) = self.faults.iter_mut().find(|active| active.point == point)
        {
            measured = active.measures(measured, self.now_s, &mut self.rng);
        }
        self.field[point] = measured;
    }

    /// Shows what was due.
    pub fn publish(&mut self, image: &mut Image) {
        Arch::new().dispatch(Publish { sensors: self, image });
        self.tell_sources(image);
    }

    #[inline(always)]
    fn show_due(&mut self, image: &mut Image) {
        let due = std::mem::take(&mut self.due);
        for n in 0..self.scans.len() {
            let Scan { due: range, pace, .. } = &self.scans[n];
            let (range, pace) = (range.clone(), *pace);
            for &point in &due[range] {
                self.show(point as usize, Some(&pace), image);
            }
        }
        self.due = due;
        let mut touched = std::mem::take(&mut self.touched);
        for &point in &touched {
            self.units[point as usize].flags &= !TOUCHED;
            self.show(point as usize, None, image);
        }
        touched.clear();
        self.touched = touched;
    }

    /// Shows one point; without a pace it is shown at once, whatever has changed.
    #[inline(always)]
    fn show(&mut self, point: usize, pace: Option<&Pace>, image: &mut Image) {
        let unit = &mut self.units[point];
        let (class, field) = (unit.class, self.field[point]);
        let first = unit.flags & SHOWN == 0;
        let draw = self.rng.next_u64();
        if class.missed > 0.0
            && pace.is_some()
            && !first
            && ((draw & 0xFFFF) as f64) < class.missed * 65_536.0
        {
            return;
        }
        let fault = if unit.flags & FAULTY == 0 {
            None
        } else {
            self.faults.iter().find(|active| active.point == point)
        };
        let mut value = if fault.is_some_and(Active::is_rigid) {
            unit.lagged = field;
            field
        } else {
            unit.reads(field, pace, first, &mut self.rng)
        };
        unit.flags |= SHOWN;
        let mut quality = 1;
        if let Some(fault) = fault {
            (value, quality) = fault.shows(value);
        }
        image.silent[point] = unit.flags & SILENT != 0;
        if unit.flags & (SILENT | CACHED) != 0 && !first {
            return;
        }
        let (value, shown) = unit.display(value);
        let moved = (value - image.values[point]).abs();
        let small = moved < 0.999 * class.deadband && image.quality[point] == quality;
        if !small || pace.is_none() || self.now_s - unit.shown_s >= REPEAT_S {
            image.values[point] = shown;
            image.quality[point] = quality;
            unit.shown_s = self.now_s;
        }
    }

    /// Brings clocks, links and registers up to date.
    fn tell_sources(&mut self, image: &mut Image) {
        let clock = |a: &ActiveSource| !matches!(a.fault, SourceFault::Link(_) | SourceFault::Device(_));
        if self.now_s >= self.clocks_due_s || self.news || self.source_faults.iter().any(clock) {
            self.clocks_due_s = self.now_s + CLOCKS_S;
            for (offset, clock) in image.offset_ms.iter_mut().zip(&self.clocks) {
                *offset = clock.offset_ms(self.now_s).round() as i64;
            }
            for active in &self.source_faults {
                if let Some(offset) = image.offset_ms.get_mut(active.source) {
                    *offset += clock::fault_ms(active.fault, active.since_s, self.now_s).round() as i64;
                }
            }
        }
        if std::mem::take(&mut self.news) {
            image.links.fill(Link::default());
            image.device_faults.fill(None);
            for active in &self.source_faults {
                match active.fault {
                    SourceFault::Link(link) => set(&mut image.links, active.source, link),
                    SourceFault::Device(fault) => set(&mut image.device_faults, active.source, Some(fault)),
                    SourceFault::Silent => {
                        set(&mut image.device_faults, active.source, Some(crate::image::DeviceFault::Silent));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// What was due, shown by a loop that is compiled for each kind of processor: much of it is rounding.
struct Publish<'a> {
    sensors: &'a mut Sensors,
    image: &'a mut Image,
}

impl WithSimd for Publish<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.sensors.show_due(self.image);
    }
}

fn set<T>(list: &mut [T], at: usize, value: T) {
    if let Some(slot) = list.get_mut(at) {
        *slot = value;
    }
}

/// Generator of one thing, by its name, so that a new sensor does not change the others (FNV-1a, 64 bit).
fn draw(seed: u64, name: &str, stream: u64) -> Rng {
    let eat = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    Rng::stream(name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed.rotate_left(32), eat), stream)
}

impl World {
    /// The sensors.
    #[must_use]
    pub fn sensors(&self) -> &Sensors {
        &self.sensors
    }

    /// The sensors, to set faults on them.
    pub fn sensors_mut(&mut self) -> &mut Sensors {
        &mut self.sensors
    }

    /// Takes anew what the BMS's own inputs see, between two steps' showings.
    pub(super) fn look(&mut self) {
        for k in 0..self.sensors.taps.len() {
            let (point, seen) = self.sensors.sees_of(self.sensors.taps[k] as usize);
            let value = self.signal(self.list.signals[seen]);
            self.sensors.put(point, value);
        }
    }

    /// Looks at what is due and shows it.
    pub(super) fn measure(&mut self) {
        let now_s = self.elapsed_s() + self.config.warmup_s;
        for k in 0..self.sensors.due(now_s).len() {
            let (point, seen) = self.sensors.sees(k);
            let value = self.signal(self.list.signals[seen]);
            self.sensors.put(point, value);
        }
        self.sensors.publish(&mut self.image);
    }
}
