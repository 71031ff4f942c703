//! The register image of one Modbus device, and the rules by which its setpoints count.
//!
//! Responsible for: what a read answers, what a write may change, and when a written setpoint becomes a
//! request. Not for: framing and sockets (`wires::modbus`).
//!
//! A setpoint counts while every lock that the map has is open:
//!
//! ```text
//!  RemoteEnable = 1  and  heartbeat changed within heartbeat_timeout_s
//!                    and  SetpointTimer > 0  and  Local = 0
//! ```
//!
//! When one closes, the device forgets the setpoints: they read as what is in force locally and must be
//! written again. An old setpoint never comes back by itself.

mod codec;
mod map;
#[cfg(test)]
mod tests;

use std::fmt;

pub use codec::as_read;
pub use map::MapError;

use crate::image::{DeviceFault, Image, Meaning, ModbusDevice, PointIndex, Space};
use map::Cell;

/// Most registers of one read.
const MOST_WORDS: u16 = 125;
/// Most bits of one read.
const MOST_BITS: u16 = 2000;

/// Modbus exception that a device answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exception {
    /// 2: nothing is there, or it cannot be written.
    IllegalAddress,
    /// 3: the count or the value is not acceptable.
    IllegalValue,
    /// 11: the gateway in front of the device has no answer from it.
    NoAnswer,
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IllegalAddress => "illegal data address",
            Self::IllegalValue => "illegal data value",
            Self::NoAnswer => "no answer from the device",
        })
    }
}

/// What clients have written, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BankCounts {
    /// Write requests carried out.
    pub writes: u64,
    /// Write requests refused.
    pub refused: u64,
    /// Setpoints among the values written.
    pub setpoints: u64,
    /// Times remote control was lost while a setpoint stood.
    pub lapses: u64,
}

/// A written setpoint that waits for, or has, the right to count.
#[derive(Debug, Clone, Copy)]
struct Setpoint {
    point: PointIndex,
    written: Option<f64>,
}

/// The locks of the device.
#[derive(Debug, Clone, Copy)]
struct Locks {
    remote: Option<bool>,
    /// Seconds since the heartbeat changed; infinite before the first change.
    heartbeat_age_s: Option<f64>,
    timer_s: Option<f64>,
    local: bool,
}

/// Register image of one device.
#[derive(Debug, Clone)]
pub struct Bank {
    device: ModbusDevice,
    cells: Vec<Cell>,
    setpoints: Vec<Setpoint>,
    locks: Locks,
    heartbeat: f64,
    open: bool,
    counts: BankCounts,
    /// The device among the sources of the image.
    source: Option<usize>,
    fault: Option<DeviceFault>,
}

impl Bank {
    /// Lays out the device over an image. Registers may come in any order.
    pub fn new(device: ModbusDevice, image: &Image) -> Result<Self, MapError> {
        let cells = map::lay_out(&device, image)?;
        let has = |meaning| device.registers.iter().any(|r| r.meaning == meaning);
        let locks = Locks {
            remote: has(Meaning::RemoteEnable).then_some(false),
            heartbeat_age_s: has(Meaning::HeartbeatIn).then_some(f64::INFINITY),
            timer_s: has(Meaning::SetpointTimer).then_some(0.0),
            local: false,
        };
        let setpoints = cells.iter().filter_map(|c| match c.register.meaning {
            Meaning::Setpoint(point) => Some(Setpoint { point, written: None }),
            _ => None,
        });
        let setpoints = setpoints.collect();
        Ok(Self {
            source: image.source(&device.id),
            fault: None,
            device,
            cells,
            setpoints,
            locks,
            heartbeat: 0.0,
            open: false,
            counts: BankCounts::default(),
        })
    }

    /// The device.
    pub fn device(&self) -> &ModbusDevice {
        &self.device
    }

    /// What clients have written.
    pub fn counts(&self) -> BankCounts {
        self.counts
    }

    /// The operator switches the device to local (true) or remote (false).
    pub fn set_local(&mut self, local: bool) {
        self.locks.local = local;
    }

    /// Takes over what is wrong with the device.
    pub fn look(&mut self, image: &Image) {
        self.fault = self.source.and_then(|s| image.device_faults.get(s).copied()).flatten();
    }

    /// A device that is silent answers nothing.
    fn answers(&self) -> Result<(), Exception> {
        if self.fault == Some(DeviceFault::Silent) { Err(Exception::NoAnswer) } else { Ok(()) }
    }

    /// True while setpoints count.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Reads input or holding registers. A block may start on any mapped word and end inside a 32-bit
    /// value; addresses between registers of one block read as 0.
    pub fn read(&self, space: Space, start: u16, count: u16, image: &Image) -> Result<Vec<u16>, Exception> {
        self.answers()?;
        if !matches!(space, Space::Input | Space::Holding) {
            return Err(Exception::IllegalAddress);
        }
        if count == 0 || count > MOST_WORDS {
            return Err(Exception::IllegalValue);
        }
        let mut out = vec![0; usize::from(count)];
        for cell in self.covered(space, start, count)? {
            let value = self.value(cell, image);
            let shows = matches!(cell.register.meaning, Meaning::Value(_) | Meaning::Applied(_));
            let fault = self.fault.filter(|f| shows || *f == DeviceFault::WordSwap);
            let words = codec::show(value, self.scale(cell), cell.register.encoding, fault);
            for (address, word) in (cell.start()..cell.end()).zip(words) {
                if let Some(slot) =
                    address.checked_sub(u32::from(start)).and_then(|i| out.get_mut(i as usize))
                {
                    *slot = word;
                }
            }
        }
        Ok(out)
    }

    /// Reads coils or discrete inputs: true where the value is at least half a count.
    pub fn read_bits(
        &self,
        space: Space,
        start: u16,
        count: u16,
        image: &Image,
    ) -> Result<Vec<bool>, Exception> {
        self.answers()?;
        if !matches!(space, Space::Coil | Space::Discrete) {
            return Err(Exception::IllegalAddress);
        }
        if count == 0 || count > MOST_BITS {
            return Err(Exception::IllegalValue);
        }
        let mut out = vec![false; usize::from(count)];
        for cell in self.covered(space, start, count)? {
            let bit = self.value(cell, image) / self.scale(cell) >= 0.5;
            if let Some(slot) =
                cell.start().checked_sub(u32::from(start)).and_then(|i| out.get_mut(i as usize))
            {
                *slot = bit;
            }
        }
        Ok(out)
    }

    /// Writes holding registers: all of `words`, or nothing.
    pub fn write(&mut self, start: u16, words: &[u16]) -> Result<(), Exception> {
        let decoded = self.decode(Space::Holding, start, words.len(), |cell, offset| {
            let words = words.get(offset..offset + usize::from(cell.words))?;
            let pair = [*words.first()?, words.get(1).copied().unwrap_or(0)];
            let pair = codec::order(pair, cell.register.encoding, self.fault);
            codec::decode(&pair[..words.len()], self.scale(cell), cell.register.encoding)
        });
        self.commit(decoded)
    }

    /// Writes coils: all of `bits`, or nothing.
    pub fn write_bits(&mut self, start: u16, bits: &[bool]) -> Result<(), Exception> {
        let decoded = self.decode(Space::Coil, start, bits.len(), |cell, offset| {
            bits.get(offset).map(|&bit| f64::from(u8::from(bit)) * self.scale(cell))
        });
        self.commit(decoded)
    }

    /// Counts `dt_s` of plant time down and closes the locks that have run out.
    pub fn advance(&mut self, dt_s: f64) {
        if let Some(age_s) = &mut self.locks.heartbeat_age_s {
            *age_s += dt_s;
        }
        if let Some(timer_s) = &mut self.locks.timer_s {
            *timer_s = (*timer_s - dt_s).max(0.0);
        }
        let timeout_s = self.device.heartbeat_timeout_s;
        let open = self.locks.remote != Some(false)
            && self.locks.heartbeat_age_s.is_none_or(|age_s| age_s < timeout_s)
            && self.locks.timer_s.is_none_or(|timer_s| timer_s > 0.0)
            && !self.locks.local;
        if self.open && !open {
            self.counts.lapses += u64::from(self.setpoints.iter().any(|s| s.written.is_some()));
        }
        if self.open && !open || self.locks.local {
            self.setpoints.iter_mut().for_each(|s| s.written = None);
        }
        self.open = open;
    }

    /// The setpoints that count now.
    pub fn asks(&self) -> impl Iterator<Item = (PointIndex, f64)> {
        let open = self.open;
        self.setpoints.iter().filter(move |_| open).filter_map(|s| s.written.map(|v| (s.point, v)))
    }

    /// [`Self::advance`], then writes every setpoint's request: what counts, or `None`. For a device that
    /// alone owns its points; [`super::resolve`] lets devices and the bus share them.
    pub fn step(&mut self, dt_s: f64, image: &mut Image) {
        self.advance(dt_s);
        for setpoint in &self.setpoints {
            if let Some(slot) = image.requests.get_mut(setpoint.point) {
                *slot = setpoint.written.filter(|_| self.open);
            }
        }
    }

    /// Registers that `start..start + count` touches; the range must start on one and stay in its block.
    fn covered(&self, space: Space, start: u16, count: u16) -> Result<&[Cell], Exception> {
        let (from, to) = (u32::from(start), u32::from(start) + u32::from(count));
        let first = self.cells.partition_point(|c| (c.register.space, c.end()) <= (space, from));
        let head = self.cells.get(first).filter(|c| c.register.space == space && c.start() <= from);
        if head.is_none_or(|c| to > c.block_end) {
            return Err(Exception::IllegalAddress);
        }
        let last = self.cells.partition_point(|c| (c.register.space, c.start()) < (space, to));
        self.cells.get(first..last).ok_or(Exception::IllegalAddress)
    }

    /// Values that a write would set. Whole writable registers without gaps, each value acceptable.
    fn decode(
        &self,
        space: Space,
        start: u16,
        count: usize,
        value: impl Fn(&Cell, usize) -> Option<f64>,
    ) -> Result<Vec<(Meaning, f64)>, Exception> {
        self.answers()?;
        let count = u16::try_from(count).ok().filter(|&n| n > 0).ok_or(Exception::IllegalValue)?;
        let mut next = u32::from(start);
        let mut decoded = Vec::new();
        for cell in self.covered(space, start, count)? {
            if cell.start() != next || !map::writable(cell.register.meaning) {
                return Err(Exception::IllegalAddress);
            }
            let offset = (cell.start() - u32::from(start)) as usize;
            let value = value(cell, offset).ok_or(Exception::IllegalValue)?;
            if !acceptable(cell.register.meaning, value) {
                return Err(Exception::IllegalValue);
            }
            decoded.push((cell.register.meaning, value));
            next = cell.end();
        }
        Ok(decoded)
    }

    fn commit(&mut self, decoded: Result<Vec<(Meaning, f64)>, Exception>) -> Result<(), Exception> {
        let decoded = decoded.inspect_err(|_| self.counts.refused += 1)?;
        self.counts.writes += 1;
        for (meaning, value) in decoded {
            self.set(meaning, value);
        }
        Ok(())
    }

    fn set(&mut self, meaning: Meaning, value: f64) {
        match meaning {
            Meaning::RemoteEnable => self.locks.remote = Some(value >= 0.5),
            Meaning::SetpointTimer => self.locks.timer_s = Some(value),
            Meaning::HeartbeatIn => {
                if value.to_bits() != self.heartbeat.to_bits() {
                    self.heartbeat = value;
                    self.locks.heartbeat_age_s = Some(0.0);
                }
            }
            Meaning::Setpoint(point) => {
                self.counts.setpoints += 1;
                if let Some(setpoint) = self.setpoints.iter_mut().find(|s| s.point == point) {
                    setpoint.written = Some(value);
                }
            }
            Meaning::Value(_) | Meaning::Applied(_) | Meaning::HeartbeatOut | Meaning::Local => {}
        }
    }

    /// What a register shows; NaN where the image has no good value.
    fn value(&self, cell: &Cell, image: &Image) -> f64 {
        let shown = |point: PointIndex| {
            let good = image.quality.get(point) == Some(&1) && image.silent.get(point) != Some(&true);
            image.values.get(point).copied().filter(|_| good).unwrap_or(f64::NAN)
        };
        match cell.register.meaning {
            Meaning::Value(point) | Meaning::Applied(point) => shown(point),
            Meaning::Setpoint(point) => {
                let written = self.setpoints.iter().find(|s| s.point == point).and_then(|s| s.written);
                written.unwrap_or_else(|| shown(point))
            }
            Meaning::RemoteEnable => f64::from(u8::from(self.locks.remote == Some(true))),
            Meaning::HeartbeatIn | Meaning::HeartbeatOut => self.heartbeat,
            Meaning::SetpointTimer => self.locks.timer_s.unwrap_or(0.0),
            Meaning::Local => f64::from(u8::from(self.locks.local)),
        }
    }

    /// Flags and counters have no unit, so a scale in the map does not apply to them.
    fn scale(&self, cell: &Cell) -> f64 {
        match cell.register.meaning {
            Meaning::Value(_) | Meaning::Setpoint(_) | Meaning::Applied(_) | Meaning::SetpointTimer => {
                cell.register.scale
            }
            _ => 1.0,
        }
    }
}

fn acceptable(meaning: Meaning, value: f64) -> bool {
    match meaning {
        Meaning::RemoteEnable => [0.0, 1.0].contains(&value),
        Meaning::SetpointTimer => value >= 0.0,
        _ => value.is_finite(),
    }
}
