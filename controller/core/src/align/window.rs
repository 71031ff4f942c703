//! What a GPU did between two ticks.
//!
//! Responsible for: least, most and mean of power and clock, and the union of clocks-event reasons, over the samples since
//! the last tick: an agent sends several per tick, and the snapshot keeps the newest. Not for: decisions, which read the
//! snapshot.

use headroom_site::{GpuSample, Stamp};

/// Least, most and mean of a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    least: f32,
    most: f32,
    count: u32,
    sum: f64,
}

impl Spread {
    #[inline(always)]
    fn take(&mut self, value: Option<f32>) {
        let Some(value) = value else { return };
        if self.count == 0 {
            (self.least, self.most) = (value, value);
        } else {
            (self.least, self.most) = (self.least.min(value), self.most.max(value));
        }
        self.sum += f64::from(value);
        self.count += 1;
    }

    /// Least and most; `None` without a value.
    #[must_use]
    pub fn range(&self) -> Option<(f32, f32)> {
        (self.count > 0).then_some((self.least, self.most))
    }

    /// Mean; `None` without a value.
    #[must_use]
    pub fn mean(&self) -> Option<f32> {
        (self.count > 0).then(|| (self.sum / f64::from(self.count)) as f32)
    }
}

/// The samples of one GPU since the last tick. One cache line.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GpuWindow {
    /// Power now, W.
    pub power_w: Spread,
    /// SM clock, MHz.
    pub clock_mhz: Spread,
    /// Every clocks-event reason that any of them named.
    pub reasons: u32,
    /// How many there were.
    pub samples: u32,
}

impl GpuWindow {
    #[inline(always)]
    pub(super) fn take(&mut self, sample: &GpuSample) {
        self.power_w.take(sample.watts());
        self.clock_mhz.take(sample.clock_mhz.get());
        self.reasons |= sample.reasons;
        self.samples += 1;
    }
}

/// The windows of all GPUs.
#[derive(Debug, Clone)]
pub(super) struct Windows {
    /// By GPU: the window, and the newest sample of the one before.
    pub(super) open: Vec<(GpuWindow, Stamp)>,
}

impl Windows {
    pub(super) fn new(gpus: usize) -> Self {
        Self { open: vec![(GpuWindow::default(), Stamp::from_tai_ns(i64::MIN)); gpus] }
    }

    /// A sample, its stamp on our time. One that an earlier window had is left out.
    #[inline(always)]
    pub(super) fn take(&mut self, gpu: usize, stamp: Stamp, sample: &GpuSample) {
        let (window, after) = &mut self.open[gpu];
        if stamp > *after {
            window.take(sample);
        }
    }

    /// Begins anew after this sample.
    #[inline]
    pub(super) fn close(&mut self, gpu: usize, newest: Stamp) {
        if self.open[gpu].0.samples > 0 {
            self.open[gpu] = (GpuWindow::default(), newest);
        }
    }
}
