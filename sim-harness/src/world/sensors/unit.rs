//! One sensor: lag, noise, range and steps.
//!
//! Responsible for: what a sound sensor makes of what it measures. Not for: when it is looked at, or faults.

use super::class::{SensorClass, Spread};
use super::scan::Pace;
use headroom_truth::rng::Rng;

/// One sensor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub(super) class: &'static SensorClass,
    /// Bias over its limit.
    pub(super) bias: f32,
    /// Slow noise over its deviation.
    pub(super) slow: f32,
    pub(super) lagged: f64,
    pub(super) shown_s: f64,
    pub(super) flags: u8,
}

impl Unit {
    /// A field value through the lag and the noise of the sensor.
    #[inline(always)]
    pub(super) fn reads(&mut self, field: f64, pace: Option<&Pace>, first: bool, rng: &mut Rng) -> f64 {
        let class = self.class;
        let slow = !class.slow.is_zero();
        match pace {
            _ if first => {
                self.lagged = field;
                self.slow = if slow { normal(rng) as f32 } else { 0.0 };
            }
            Some(pace) => {
                self.lagged += (field - self.lagged) * pace.follow;
                if slow {
                    self.slow = (f64::from(self.slow) * pace.keep + pace.kick * normal(rng)) as f32;
                }
            }
            None => self.lagged = field,
        }
        let mut value = if class.lag_s > 0.0 { self.lagged } else { field };
        let noise = |spread: &Spread, unit: f64| if spread.is_zero() { 0.0 } else { spread.at(value) * unit };
        let mut error = noise(&class.slow, f64::from(self.slow));
        if !class.white.is_zero() {
            error += noise(&class.white, normal(rng));
        }
        value += error;
        value
    }

    /// A value within the range of the transmitter, as it is and in steps.
    #[inline(always)]
    pub(super) fn display(&self, value: f64) -> (f64, f64) {
        let (low, high) = self.class.range;
        let quantum = self.class.quantum;
        let within = if value.is_nan() { value } else { value.max(low).min(high) };
        (within, if quantum > 0.0 { (within / quantum).round() * quantum } else { within })
    }
}

/// A standard normal deviate: the sum of four uniform 16-bit words (Irwin and Hall, 1927), cut at 3.46 deviations. One
/// draw instead of a logarithm and a cosine; sensors are trimmed lots anyway.
#[inline(always)]
fn normal(rng: &mut Rng) -> f64 {
    let word = rng.next_u64();
    let sum = (word & 0xFFFF) + ((word >> 16) & 0xFFFF) + ((word >> 32) & 0xFFFF) + (word >> 48);
    // variance of a sum of four uniform words: 4 (2^32 - 1) / 12
    (sum as f64 - 131_070.0) * (1.0 / 37_837.227)
}
