//! The clocks of a set of GPUs, seen in one pass.
//!
//! Responsible for: the slowest GPU, the spread of clocks, and whether a cap holds them.
//! Not for: what follows from it (see `training` and `serving`).

use std::ops::Range;

use super::{JobStats, Plant};
use crate::gpu::reason;

/// Clocks of some GPUs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Survey {
    /// Lowest speed: clock over maximum, times the GPU's own speed; 0 if one is off the bus or has switched itself off.
    pub slowest: f32,
    /// 1 if a power cap holds the clock of any, else 0.
    pub held: f32,
    low: f32,
    high: f32,
    sum: f64,
    squares: f64,
    count: usize,
}

impl Default for Survey {
    fn default() -> Self {
        Self {
            slowest: f32::INFINITY,
            held: 0.0,
            low: f32::INFINITY,
            high: 0.0,
            sum: 0.0,
            squares: 0.0,
            count: 0,
        }
    }
}

impl Survey {
    #[inline(always)]
    pub(super) fn of(plant: &Plant<'_>, gpus: Range<usize>) -> Self {
        let fleet = &*plant.fleet;
        let mut out = Self { count: gpus.len(), ..Self::default() };
        let mut bits = 0;
        let clocks = fleet.clock_mhz[gpus.clone()].iter().zip(&fleet.clock_max_mhz[gpus.clone()]);
        let there = fleet.present[gpus.clone()].iter().zip(&fleet.tripped[gpus.clone()]);
        let own = plant.gpu_speed[gpus.clone()].iter().zip(&fleet.reasons[gpus]);
        for (((&clock, &max), (&present, &tripped)), (&speed, &reasons)) in clocks.zip(there).zip(own) {
            let relative = if present && !tripped { clock / max * speed } else { 0.0 };
            // all of these are numbers: what `min` does with others would only cost time
            out.slowest = if relative < out.slowest { relative } else { out.slowest };
            out.low = if clock < out.low { clock } else { out.low };
            out.high = if clock > out.high { clock } else { out.high };
            bits |= reasons;
            let clock = f64::from(clock);
            out.sum += clock;
            out.squares += clock * clock;
        }
        out.held = if bits & reason::SW_POWER_CAP != 0 { 1.0 } else { 0.0 };
        out
    }

    #[inline]
    pub(super) fn add(&mut self, other: &Self) {
        self.slowest = self.slowest.min(other.slowest);
        self.held = self.held.max(other.held);
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
        self.sum += other.sum;
        self.squares += other.squares;
        self.count += other.count;
    }

    /// Mean, lowest and spread of clocks.
    pub(super) fn show(&self, stats: &mut JobStats) {
        let n = self.count.max(1) as f64;
        let mean = self.sum / n;
        stats.clock_mean_mhz = mean;
        stats.clock_min_mhz = if self.count == 0 { 0.0 } else { f64::from(self.low) };
        stats.clock_spread_mhz = (f64::from(self.high) - stats.clock_min_mhz).max(0.0);
        stats.clock_cv =
            if mean > 0.0 { (self.squares / n - mean * mean).max(0.0).sqrt() / mean } else { 0.0 };
    }
}
