//! What was seen of a GPU: the last sample, and windows of one second with least, mean and most of each quantity.

use super::ring::Ring;
use headroom_core::metering::Energy;
use headroom_core::metering::Gain;
use headroom_site::{GpuSample, Stamp};

/// Length of a window, ns.
const WINDOW_NS: i64 = 1_000_000_000;

/// What is kept of a GPU over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    Power,
    Clock,
    Die,
    Memory,
    Cap,
}

impl Quantity {
    /// All of them, in the order of a window.
    pub(crate) const ALL: [Self; 5] = [Self::Power, Self::Clock, Self::Die, Self::Memory, Self::Cap];

    /// Its word on the command line and in pages.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Clock => "clock",
            Self::Die => "die",
            Self::Memory => "hbm",
            Self::Cap => "cap",
        }
    }

    /// Its unit.
    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Power | Self::Cap => "W",
            Self::Clock => "MHz",
            Self::Die | Self::Memory => "degC",
        }
    }

    fn of(self, s: &GpuSample) -> Option<f32> {
        match self {
            Self::Power => s.watts(),
            Self::Clock => s.clock_mhz.get(),
            Self::Die => s.die_c.get(),
            Self::Memory => s.hbm_c.get(),
            Self::Cap => s.enforced_cap_w.get(),
        }
    }
}

/// Least, mean and most of one quantity; of nothing while `count` is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f32,
    pub(crate) mean: f32,
    pub(crate) most: f32,
    pub(crate) count: u16,
}

impl Spread {
    fn take(&mut self, value: f32) {
        if self.count == 0 {
            *self = Self { least: value, mean: value, most: value, count: 1 };
            return;
        }
        self.count = self.count.saturating_add(1);
        self.least = self.least.min(value);
        self.most = self.most.max(value);
        self.mean += (value - self.mean) / f32::from(self.count);
    }
}

/// One second of a GPU.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Window {
    /// Its beginning.
    pub(crate) start: Stamp,
    /// By [`Quantity::ALL`].
    pub(crate) spreads: [Spread; 5],
}

/// One GPU.
#[derive(Debug)]
pub(crate) struct GpuTrack {
    /// The last sample, on our time.
    pub(crate) sample: GpuSample,
    /// Clocks-event reasons that stand, as NVML bits.
    pub(crate) reasons: u32,
    /// Kelvin to the nearer limit, as the line believes it; none before it was seen.
    pub(crate) headroom_k: Option<f32>,
    /// Windows, oldest first.
    pub(crate) windows: Ring<Window>,
    /// Energy since the start.
    pub(crate) energy: Energy,
    /// Gain of its power sensor.
    pub(crate) gain: Gain,
}

impl GpuTrack {
    /// Bytes of one window.
    pub(super) const WINDOW_BYTES: usize = size_of::<Window>();

    pub(super) fn new(windows: usize) -> Self {
        Self {
            sample: GpuSample::default(),
            reasons: 0,
            headroom_k: None,
            windows: Ring::new(windows),
            energy: Energy::default(),
            gain: Gain::PRIOR,
        }
    }

    pub(super) fn take(&mut self, sample: &GpuSample) {
        self.sample = *sample;
        let start = Stamp::from_tai_ns(sample.stamp.tai_ns().div_euclid(WINDOW_NS) * WINDOW_NS);
        if self.windows.last_mut().is_none_or(|w| w.start != start) {
            self.windows.push(Window { start, ..Window::default() });
        }
        let Some(window) = self.windows.last_mut() else { return };
        for (spread, quantity) in window.spreads.iter_mut().zip(Quantity::ALL) {
            if let Some(value) = quantity.of(sample) {
                spread.take(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headroom_site::Offered;

    #[test]
    fn a_second_is_told_by_its_least_mean_and_most() {
        let mut track = GpuTrack::new(2);
        let sample = |ms: i64, power_w| GpuSample {
            stamp: Stamp::from_unix_ms(ms),
            power_w: Offered::new(power_w),
            ..GpuSample::default()
        };
        for (ms, w) in [(0, 1.0), (1000, 300.0), (1100, 400.0), (1900, 500.0), (2000, 7.0)] {
            track.take(&sample(ms, w));
        }
        let kept: Vec<Window> = track.windows.iter().copied().collect();
        let power = kept[0].spreads[0];
        assert_eq!((kept.len(), kept[0].start), (2, Stamp::from_unix_ms(1000)));
        assert_eq!((power.least, power.mean, power.most, power.count), (300.0, 400.0, 500.0, 3));
        assert_eq!(kept[1].spreads[1].count, 0, "no clock was said");
    }
}
