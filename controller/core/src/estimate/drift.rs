//! Where GPUs are heading: what load does not explain.
//!
//! Responsible for: the recent peak of each GPU's power, and the trend of the temperature that it would come to at its
//! highest cap. That temperature does not move with the load, only with what cools the GPU: coolant that warms, flow that
//! fades, a plate that dries out. Not for: limits (`headroom`), or who is told (`warn`).

use headroom_belief::Level;
use headroom_site::{Span, Stamp};
use std::ops::Range;

/// Time between two looks.
const PERIOD: Span = Span::from_ms(5_000);
/// Length of the two stretches over which peaks of power are kept: longer than the pauses of a job (checkpoints, gaps
/// between requests), shorter than jobs.
const STRETCH: Span = Span::from_ms(150_000);
/// Noise of the temperature at the highest cap, K, and the change of its trend to reckon with, K/min per minute: cooling
/// that is lost warms water by some K/min.
const NOISE_K: f64 = 0.4;
const TREND_CHANGE: f64 = 1.5;
/// Standard deviation of that temperature beyond which its moves are of learning, K.
const KNOWN_K: f64 = 2.5;
/// Distance of that temperature from its limit beyond which only the coolant is looked at, K.
const FAR_K: f64 = 20.0;

/// What is kept of all GPUs.
#[derive(Debug, Clone)]
pub(super) struct Drifts {
    levels: Vec<Settled>,
    looked: Option<Stamp>,
    /// Peaks of this stretch and of the one before, W.
    peaks_w: Vec<[f64; 2]>,
    stretch: Option<Stamp>,
}

impl Drifts {
    pub(super) fn new(gpus: usize) -> Self {
        let settled = Settled(Level::new(NOISE_K, TREND_CHANGE));
        Self { levels: vec![settled; gpus], looked: None, peaks_w: vec![[0.0; 2]; gpus], stretch: None }
    }

    /// Peaks of powers over the last stretches, W, after one more reading.
    #[inline(always)]
    pub(super) fn peaks(&mut self, power_w: &[f64], peak_w: &mut [f64]) {
        for ((kept, power_w), peak_w) in self.peaks_w.iter_mut().zip(power_w).zip(peak_w) {
            kept[0] = if *power_w > kept[0] { *power_w } else { kept[0] };
            *peak_w = if kept[0] > kept[1] { kept[0] } else { kept[1] };
        }
    }

    /// Is it time for a look?
    pub(super) fn due(&mut self, now: Stamp) -> bool {
        if self.stretch.is_none_or(|at| now.since(at) >= STRETCH) {
            self.stretch = Some(now);
            self.peaks_w.iter_mut().for_each(|[this, before]| *before = std::mem::take(this));
        }
        let due = self.looked.is_none_or(|at| now.since(at) >= PERIOD);
        if due {
            self.looked = Some(now);
        }
        due
    }

    /// What is kept of GPUs side by side.
    pub(super) fn levels(&mut self, gpus: Range<usize>) -> &mut [Settled] {
        &mut self.levels[gpus]
    }
}

/// The temperature that a GPU would come to at its highest cap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled(Level);

impl Settled {
    /// Trend of a GPU, K/s, given its temperature at the highest cap (degC, with its standard deviation), the limit, and the
    /// trend of its coolant. Coolant that warms is the surer sign of the two; the other tells what the coolant does not show.
    #[inline(always)]
    pub(super) fn take(&mut self, now: Stamp, full_c: (f64, f64), limit_c: f64, coolant_trend: f64) -> f64 {
        let Self(level) = self;
        if full_c.1 > KNOWN_K || full_c.0 < limit_c - FAR_K {
            if level.seen() {
                *level = Level::new(NOISE_K, TREND_CHANGE);
            }
            return coolant_trend;
        }
        level.take_unsure(now.tai_ns(), full_c.0, full_c.1);
        level.sure_trend().max(coolant_trend)
    }
}
