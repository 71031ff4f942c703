//! Demand: what a GPU would draw if nobody held it, and how its power follows its clock.
//!
//! Power against clock (facts of public fits on A100 and H100: voltage flat up to about 0.57 of the highest clock,
//! then rising linearly to 1.4 times):
//!
//! ```text
//! P(f) = P0 + c g(f),   g(f) = (V(f)/Vmax)^2 f/fmax,   V(f)/Vmax = max(1, 1 + 0.4 (x - 0.57)/0.43) / 1.4, x = f/fmax
//! ```
//!
//! The load c (W) is what the reading says: c = (P - P0) / g(f). A held GPU is censored: its draw says what it was
//! allowed, not what it wanted; c carries over to the clock it would have run. Work comes in phases (prefill,
//! collectives, checkpoints), so demand is the recent peak, which falls slowly.

/// Share of the highest clock up to which the voltage is flat.
const KNEE: f64 = 0.57;
/// Voltage above the knee, relative to the flat one, per share of the highest clock.
const RISE: f64 = 0.4 / 0.43;
/// Voltage at the highest clock, relative to the flat one.
const TOP: f64 = 1.4;
/// The lowest clock that is told apart, as a share of the highest.
const LEAST: f64 = 0.05;

/// Relative power of a clock, g(f) above; 1 at the highest clock.
#[must_use]
#[inline]
pub fn relative_power(clock_mhz: f64, max_mhz: f64) -> f64 {
    let x = (clock_mhz / max_mhz).clamp(LEAST, 1.0);
    let v = if x > KNEE { (1.0 + RISE * (x - KNEE)) / TOP } else { 1.0 / TOP };
    v * v * x
}

/// Highest clock whose relative power does not exceed `g` (inverse of [`relative_power`]), MHz.
#[must_use]
#[inline]
pub fn clock_of(g: f64, max_mhz: f64) -> f64 {
    if g >= 1.0 {
        return max_mhz;
    }
    let flat = g * (TOP * TOP);
    if flat <= KNEE {
        return flat.max(LEAST) * max_mhz;
    }
    // g is convex and rises: Newton's steps come from above and never pass the clock. Six leave rounding.
    let mut x = 1.0;
    for _ in 0..6 {
        let v = (1.0 + RISE * (x - KNEE)) / TOP;
        x -= (v * v * x - g) / (v * (v + 2.0 * x * RISE / TOP));
    }
    x * max_mhz
}

/// Demand of all GPUs.
#[derive(Debug, Clone)]
pub struct Demand {
    gpus: Vec<One>,
}

/// Demand of one GPU: all that is asked of it lies together.
#[derive(Debug, Clone, Copy)]
struct One {
    /// Power at no work, W.
    idle_w: f64,
    max_mhz: f64,
    last_mhz: f64,
    /// Relative power of the last clock: most clocks stay where they are.
    last_g: f64,
    /// Peak of the load c, W at the highest clock above idle, falling with `decay`.
    peak_w: f64,
}

/// Below this share of the highest clock a GPU is parked, and its power says nothing of its load.
const LOW_CLOCK: f64 = 0.3;
/// Time constant with which a peak is forgotten, s: longer than the phases of a training step and of prefill,
/// shorter than a job.
const PEAK_TAU_S: f64 = 120.0;

impl Demand {
    /// For GPUs with idle powers (W) and highest clocks (MHz).
    #[must_use]
    pub fn new(idle_w: &[f64], max_mhz: &[f64]) -> Self {
        let one = |(&idle_w, &max_mhz): (&f64, &f64)| {
            let last_g = relative_power(0.0, max_mhz);
            One { idle_w, max_mhz, last_mhz: 0.0, last_g, peak_w: 0.0 }
        };
        Self { gpus: idle_w.iter().zip(max_mhz).map(one).collect() }
    }

    /// Takes a reading: power (W) at a clock (MHz). A clock that moves does not belong to the power of the same
    /// reading (both are means, over different windows), so only two readings at about the same clock tell the load.
    #[inline(always)]
    pub fn update(&mut self, i: usize, power_w: f64, clock_mhz: f64, decay: f64) {
        let one = &mut self.gpus[i];
        let moved_mhz = clock_mhz - one.last_mhz;
        let steady = moved_mhz.abs() <= 0.04 * one.max_mhz;
        if moved_mhz != 0.0 {
            one.last_mhz = clock_mhz;
            one.last_g = relative_power(clock_mhz, one.max_mhz);
        }
        if !steady || clock_mhz < LOW_CLOCK * one.max_mhz {
            one.peak_w *= decay;
            return;
        }
        let load = ((power_w - one.idle_w) / one.last_g).max(0.0);
        one.peak_w = if load > one.peak_w { load } else { load + (one.peak_w - load) * decay };
    }

    /// The share of a peak that is left after `dt_s`.
    #[must_use]
    pub fn decay(dt_s: f64) -> f64 {
        (-dt_s / PEAK_TAU_S).exp()
    }

    /// What the GPU would draw at its highest clock at its recent peak load, W.
    #[must_use]
    #[inline(always)]
    pub fn peak_power(&self, i: usize) -> f64 {
        let one = &self.gpus[i];
        one.idle_w + one.peak_w
    }

    /// Power at a clock at the recent peak load, W.
    #[must_use]
    #[inline]
    pub fn power_at(&self, i: usize, clock_mhz: f64) -> f64 {
        let one = &self.gpus[i];
        one.idle_w + one.peak_w * relative_power(clock_mhz, one.max_mhz)
    }

    /// Does a power carry the GPU at its recent peak load at a clock?
    #[must_use]
    #[inline]
    pub fn carries(&self, i: usize, power_w: f64, clock_mhz: f64) -> bool {
        self.gpus[i].peak_w < 1.0 || self.power_at(i, clock_mhz) <= power_w
    }

    /// Highest clock, MHz.
    #[must_use]
    pub fn max_clock(&self, i: usize) -> f64 {
        self.gpus[i].max_mhz
    }

    /// Highest clock at which the GPU at its recent peak load stays below a power, MHz.
    #[must_use]
    #[inline]
    pub fn clock_for(&self, i: usize, power_w: f64) -> f64 {
        let one = &self.gpus[i];
        if one.peak_w < 1.0 {
            return one.max_mhz;
        }
        clock_of((power_w - one.idle_w) / one.peak_w, one.max_mhz)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_and_power_are_inverse() {
        for f in (300..1980).step_by(60) {
            let g = relative_power(f64::from(f), 1980.0);
            assert!((clock_of(g, 1980.0) - f64::from(f)).abs() < 1e-9, "{f}");
        }
        assert!((relative_power(1980.0, 1980.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_cut_of_clock_saves_more_power_than_speed() {
        // Public A100 fits: -14 % clock saves about 30 % of the power.
        let saved = 1.0 - relative_power(0.86 * 1410.0, 1410.0);
        assert!((0.22..0.36).contains(&saved), "{saved}");
    }

    #[test]
    fn a_held_gpu_keeps_its_demand() {
        let mut d = Demand::new(&[75.0], &[1980.0]);
        let decay = Demand::decay(1.0);
        for _ in 0..3 {
            d.update(0, 75.0 + 600.0, 1980.0, decay);
        }
        let free = d.peak_power(0);
        for _ in 0..200 {
            let power = 75.0 + 600.0 * relative_power(1400.0, 1980.0);
            d.update(0, power, 1400.0, decay);
        }
        assert!((d.peak_power(0) - free).abs() < 1.0);
        assert!((d.clock_for(0, d.power_at(0, 1500.0)) - 1500.0).abs() < 0.1);
    }
}
