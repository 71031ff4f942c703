//! The BMS image: every value the plant shows and every request it accepts, as one table.
//!
//! The world's sensors fill [`Image::values`] at their own cadence. The desks resolve what integrations ask for (with
//! heartbeats, timers and remote-enable already taken into account) into [`Image::requests`]. The
//! wires only ever read the one and feed the other, so they know nothing about the plant.

use crate::world::sensors::class::SensorClass;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Index of a point in the image.
pub type PointIndex = usize;

/// Index of a source: who stamps and sends a value.
pub type SourceIndex = usize;

/// One value that the BMS shows, or one request that it accepts.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagePoint {
    /// DSX object type, for example `CDU`.
    pub object_type: &'static str,
    /// Unique id of the equipment, for example `CDU-01`. Also used as its name.
    pub object_id: Arc<str>,
    /// DSX point type, for example `LiquidTemperature`.
    pub point_type: &'static str,
    /// DSX process areas, for example `["Secondary", "Supply"]`.
    pub process_area: Vec<&'static str>,
    /// DSX engineering unit (`C`, `kPa`, `LPM`, `kW`, `A`, `V`, `%`, `kWh`); `None` for state points.
    pub unit: Option<&'static str>,
    /// States of a state point, value and text.
    pub state_text: Vec<(i64, &'static str)>,
    /// Tag path, unique, free of `.`, space, `+`, `#`.
    pub tag: String,
    /// Ids of the objects this object serves.
    pub serves: Arc<[String]>,
    /// Cadence, step, noise and error of the sensor.
    pub class: &'static SensorClass,
    /// True for a setpoint rather than a sensor.
    pub is_setpoint: bool,
    /// True if an integration (not the BMS) owns this value: a request point.
    pub request: bool,
}

/// What a source's link does to its messages. The default carries each once, at once and in order.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Link {
    /// Share of messages that never arrive.
    pub loss: f64,
    /// Share that arrive twice.
    pub duplicate: f64,
    /// Share that are held back so that later ones overtake them.
    pub reorder: f64,
    /// Time every message takes, s; held-back and second ones take up to three times as long, at least 2 s.
    pub delay_s: f64,
}

impl Link {
    /// True if it changes nothing.
    #[must_use]
    pub fn is_ideal(&self) -> bool {
        *self == Self::default()
    }
}

/// What is wrong with the registers of a Modbus device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceFault {
    /// A firmware update has changed the word order of 32-bit values.
    WordSwap,
    /// Every value register reads 0xFFFF: the device has lost its sensors.
    Sentinel,
    /// The device does not answer; its gateway does, with exception 11.
    Silent,
}

/// The whole image.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// What the points are. Never changes after the world is built; copies of an image share it.
    pub points: Arc<Vec<ImagePoint>>,
    /// Sensor values as the BMS sees them (noise and quantum applied), in the point's unit; NaN = null. For
    /// request points: the value the BMS last accepted.
    pub values: Vec<f64>,
    /// DSX quality, 1 = good. What the source says, not what is so.
    pub quality: Vec<i32>,
    /// Points of which nothing is heard.
    pub silent: Vec<bool>,
    /// For request points: what an integration asks for now; `None` when nobody does, when its heartbeat
    /// is silent, or when the operator has taken the point. Written by the desks, read by the BMS.
    pub requests: Vec<Option<f64>>,
    /// Names of the sources: the objects of the points, then the Modbus devices.
    pub sources: Arc<Vec<Arc<str>>>,
    /// Source of each point.
    pub source_of: Arc<Vec<u32>>,
    /// How far the clock of each source is ahead of plant time, ms.
    pub offset_ms: Vec<i64>,
    /// Link of each source.
    pub links: Vec<Link>,
    /// Register fault of each source that is a Modbus device.
    pub device_faults: Vec<Option<DeviceFault>>,
}

impl Image {
    /// An image of these points, all values unknown; every object is a source.
    #[must_use]
    pub fn of(points: impl Into<Arc<Vec<ImagePoint>>>) -> Self {
        let points = points.into();
        let mut index = BTreeMap::new();
        let (mut sources, mut source_of) = (Vec::new(), Vec::with_capacity(points.len()));
        for point in points.iter() {
            let at = *index.entry(Arc::clone(&point.object_id)).or_insert_with(|| {
                sources.push(Arc::clone(&point.object_id));
                sources.len() as u32 - 1
            });
            source_of.push(at);
        }
        let (n, m) = (points.len(), sources.len());
        Self {
            values: vec![f64::NAN; n],
            quality: vec![1; n],
            silent: vec![false; n],
            requests: vec![None; n],
            sources: Arc::new(sources),
            source_of: Arc::new(source_of),
            offset_ms: vec![0; m],
            links: vec![Link::default(); m],
            device_faults: vec![None; m],
            points,
        }
    }

    /// The same image with the Modbus devices among its sources.
    #[must_use]
    pub fn with_devices(mut self, devices: &[ModbusDevice]) -> Self {
        let sources = Arc::make_mut(&mut self.sources);
        sources.extend(devices.iter().map(|d| Arc::from(d.id.as_str())));
        let m = sources.len();
        self.offset_ms.resize(m, 0);
        self.links.resize(m, Link::default());
        self.device_faults.resize(m, None);
        self
    }

    /// Index of a source by the id of its object or device.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<SourceIndex> {
        self.sources.iter().position(|s| **s == *name)
    }

    /// Source of a point.
    #[must_use]
    pub fn source_of(&self, point: PointIndex) -> Option<SourceIndex> {
        self.source_of.get(point).map(|&s| s as usize)
    }

    /// The stamp that the source of a point gives to plant time `now_ms`.
    #[must_use]
    pub fn stamp_ms(&self, point: PointIndex, now_ms: i64) -> i64 {
        let offset_ms = self.source_of(point).and_then(|s| self.offset_ms.get(s));
        now_ms.saturating_add(offset_ms.copied().unwrap_or(0))
    }

    /// Takes over everything that another image of the same points shows; requests stay.
    pub fn show(&mut self, from: &Self) {
        self.values.clone_from(&from.values);
        self.quality.clone_from(&from.quality);
        self.silent.clone_from(&from.silent);
        self.offset_ms.clone_from(&from.offset_ms);
        self.links.clone_from(&from.links);
        self.device_faults.clone_from(&from.device_faults);
    }
}

/// Register space of a Modbus device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// FC1/5/15.
    Coil,
    /// FC2.
    Discrete,
    /// FC4.
    Input,
    /// FC3/6/16.
    Holding,
}

/// How a value stands in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Unsigned 16 bit.
    U16,
    /// Signed 16 bit.
    I16,
    /// Unsigned 32 bit, high word first.
    U32,
    /// IEEE 754 single, high word first (ABCD).
    F32,
    /// IEEE 754 single, low word first (CDAB).
    F32Swapped,
}

/// What a register stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A value the device shows: `raw = value / scale`.
    Value(PointIndex),
    /// A setpoint the device accepts for a request point.
    Setpoint(PointIndex),
    /// The setpoint now in force, read only.
    Applied(PointIndex),
    /// 1 = remote control enabled; setpoints count only then.
    RemoteEnable,
    /// Counter or toggle the integration must keep changing.
    HeartbeatIn,
    /// The device's echo of the heartbeat.
    HeartbeatOut,
    /// Seconds left before the local setpoint returns; written by the integration, counts down.
    SetpointTimer,
    /// 1 = the operator has switched the device to local.
    Local,
}

/// One logical register (one or two words).
#[derive(Debug, Clone, PartialEq)]
pub struct Register {
    /// Space.
    pub space: Space,
    /// PDU address (zero based).
    pub address: u16,
    /// Encoding.
    pub encoding: Encoding,
    /// Engineering value of one count.
    pub scale: f64,
    /// What it stands for.
    pub meaning: Meaning,
}

/// One Modbus device that the harness serves on its own TCP port.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusDevice {
    /// Id, for example `chiller-plant`.
    pub id: String,
    /// Unit id it answers to.
    pub unit: u8,
    /// Registers, sorted by space and address.
    pub registers: Vec<Register>,
    /// Seconds without a heartbeat change after which remote control is dropped.
    pub heartbeat_timeout_s: f64,
}
