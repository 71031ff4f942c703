//! Faults of sensors and of those who send what sensors measure.
//!
//! Responsible for: the words, and what a wrong sensor measures. Not for: when they begin and end (the scenario).

use crate::image::{DeviceFault, Link};
use headroom_truth::rng::Rng;

/// What is wrong with one sensor.
///
/// Faults of the sensor itself ([`SensorFault::Stuck`] to [`SensorFault::SwappedWith`]) mislead the local loop as well as
/// the bus; the others are faults of what is shown, while the local loop measures right. None of them changes the quality
/// flag except [`SensorFault::BadQuality`]: a wrong value at quality 1 is what real sources show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SensorFault {
    /// Measures one value for ever; `None`: the one of the first step of the fault.
    Stuck(Option<f64>),
    /// Measures too much by this, in the point's unit.
    Bias(f64),
    /// Measures this many times the value.
    Gain(f64),
    /// Measures too much by this more every hour.
    Drift {
        /// Growth, point's unit per hour.
        per_hour: f64,
    },
    /// Measures with this much more noise: standard deviation, in the point's unit.
    Noise(f64),
    /// Measures what another point should: two sensors are mixed up. Set it on both of them.
    SwappedWith(usize),
    /// Shows this whatever is so, at quality 1: flow 0 while the pump runs, 0 V at full current.
    Shows(f64),
    /// Shows the right temperature in degrees Fahrenheit.
    Fahrenheit,
    /// Shows the right value with this quality.
    BadQuality(i32),
    /// Shows null at quality 1.
    Null,
    /// Is not heard of.
    Dropout,
}

/// What is wrong with a source: an object that stamps and sends its own values, or a Modbus device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SourceFault {
    /// Its clock has jumped forward by this, s; back if negative.
    ClockStep {
        /// Size of the jump, s.
        step_s: f64,
    },
    /// Its clock has lost its reference and runs fast by this from now on, ppm.
    ClockDrift {
        /// Rate, ppm.
        ppm: f64,
    },
    /// It says local time for UTC.
    TimeZone {
        /// Offset, h.
        hours: i8,
    },
    /// All its stamps are the one of the beginning of the fault.
    StuckStamp,
    /// It is not heard of.
    Silent,
    /// A gateway in front of it repeats what it last knew, with fresh stamps.
    Cache,
    /// Its link loses, doubles, reorders or delays.
    Link(Link),
    /// Its Modbus registers are wrong.
    Device(DeviceFault),
}

/// A sensor fault that is in force.
#[derive(Debug, Clone, Copy)]
pub(super) struct Active {
    pub(super) point: usize,
    pub(super) fault: SensorFault,
    pub(super) since_s: f64,
}

impl Active {
    /// What the sensor measures instead of `value`.
    pub(super) fn measures(&mut self, value: f64, now_s: f64, rng: &mut Rng) -> f64 {
        match &mut self.fault {
            SensorFault::Stuck(held) => *held.get_or_insert(value),
            SensorFault::Bias(offset) => value + *offset,
            SensorFault::Gain(factor) => value * *factor,
            SensorFault::Drift { per_hour } => value + *per_hour * (now_s - self.since_s) / 3600.0,
            SensorFault::Noise(sigma) => value + *sigma * rng.normal(),
            _ => value,
        }
    }

    /// What is shown instead of `value`, and with which quality.
    pub(super) fn shows(&self, value: f64) -> (f64, i32) {
        match self.fault {
            SensorFault::Shows(wrong) => (wrong, 1),
            SensorFault::Fahrenheit => (1.8 * value + 32.0, 1),
            SensorFault::BadQuality(quality) => (value, quality),
            SensorFault::Null => (f64::NAN, 1),
            _ => (value, 1),
        }
    }

    /// True if neither noise nor lag of the sensor shows through.
    pub(super) fn is_rigid(&self) -> bool {
        matches!(self.fault, SensorFault::Stuck(_))
    }
}
