//! What a class of sensors is: how often it is read, in which steps it shows, how noisy and how wrong it is.
//!
//! Responsible for: the words. Not for: the figures (the table beside), or which point is of which class
//! ([`crate::world::points`]).

pub use super::table::*;
use crate::image::ImagePoint;

/// An amount that grows with the value: `absolute + share * |value|`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// In the point's unit.
    pub absolute: f64,
    /// Of the value.
    pub share: f64,
}

impl Spread {
    /// None at all.
    pub const ZERO: Self = Self { absolute: 0.0, share: 0.0 };

    pub(super) const fn absolute(absolute: f64) -> Self {
        Self { absolute, share: 0.0 }
    }

    pub(super) const fn share(share: f64) -> Self {
        Self { absolute: 0.0, share }
    }

    /// The amount at a value.
    #[must_use]
    pub fn at(&self, value: f64) -> f64 {
        self.absolute + self.share * value.abs()
    }

    /// True if there is none whatever the value.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

/// A class of sensors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SensorClass {
    /// Name.
    pub name: &'static str,
    /// Seconds between two looks of the BMS at the sensor.
    pub scan_s: f64,
    /// How far looks are early or late, as a share of `scan_s`.
    pub jitter: f64,
    /// Share of looks that come to nothing because the field bus is busy.
    pub missed: f64,
    /// How far the value must be from the one shown before it is shown again within 100 s, in the point's unit.
    pub deadband: f64,
    /// Step of the display, in the point's unit; 0 = continuous.
    pub quantum: f64,
    /// White noise, standard deviation.
    pub white: Spread,
    /// Slow noise, standard deviation.
    pub slow: Spread,
    /// Correlation time of the slow noise, s.
    pub slow_s: f64,
    /// Limit of the bias.
    pub bias: Spread,
    /// First-order lag of the sensor in its well, s.
    pub lag_s: f64,
    /// What the transmitter can show at all.
    pub range: (f64, f64),
    /// True if all sensors of an object share one bias, as the registers of a meter do.
    pub one_instrument: bool,
    /// Where the figures are from.
    pub source: &'static str,
}

impl SensorClass {
    /// Least time between two changes of what is shown, s.
    #[must_use]
    pub fn gap_s(&self) -> f64 {
        self.scan_s * (1.0 - self.jitter).max(0.0)
    }

    /// A class for tests: read every `scan_s`, shown in steps, otherwise perfect.
    #[must_use]
    pub const fn ideal(scan_s: f64, quantum: f64) -> Self {
        Self { name: "ideal", scan_s, quantum, source: "definition", ..EXACT }
    }
}

/// Class of a point.
#[must_use]
pub fn class_of(point: &ImagePoint) -> &'static SensorClass {
    point.class
}
