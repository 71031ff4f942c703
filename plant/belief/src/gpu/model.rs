//! What the observers of a class of GPUs reckon with.
//!
//! Responsible for: priors, bounds, and what they come to for a step. Not for: finding better ones (`learn`).

use super::kernel::{Block, PACKED, STATES, Step, at};
use super::vector::LANES;

/// Time constants, shares and noises of a class; symbols as in the module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GpuModel {
    /// R that the product has, K/W.
    pub resistance: f64,
    /// tau of the slow part, s.
    pub tau_s: f64,
    /// tau_f of the fast part, s.
    pub tau_fast_s: f64,
    /// phi: share of R in the fast part.
    pub fast: f64,
    /// kappa: share of the fast rise that the memory takes part in.
    pub memory: f64,
    /// w_T, K per square root of second.
    pub plate_walk: f64,
    /// w_h, K per square root of second.
    pub memory_walk: f64,
    /// w_R, share of `resistance` per square root of second.
    pub resistance_walk: f64,
    /// w_c, K per square root of second.
    pub offset_walk: f64,
    /// Standard deviation of a die reading, K.
    pub die_noise: f64,
    /// Standard deviation of a memory reading, K.
    pub hbm_noise: f64,
    /// eta: standard deviation of a reading per kelvin that the fast part is still to move.
    pub moving: f64,
}

/// Standard deviations before the first reading: T_p (degC is unknown), h, R as a share, c.
const BEFORE: [f64; STATES] = [100.0, 8.0, 0.3, 2.0];
/// T_p and h before the first reading, degC and K.
const FIRST: [f64; 2] = [40.0, 5.0];
/// Bounds of R, as shares of what the product has.
const RESISTANCE: (f64, f64) = (0.2, 4.0);

/// A figure of the model that is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// tau.
    Tau,
    /// tau_f.
    TauFast,
    /// phi.
    Fast,
    /// kappa.
    Memory,
    /// w_T.
    PlateWalk,
    /// w_h.
    MemoryWalk,
    /// w_R.
    ResistanceWalk,
    /// w_c.
    OffsetWalk,
    /// Noise of the die reading.
    DieNoise,
    /// Noise of the memory reading.
    HbmNoise,
    /// eta.
    Moving,
}

impl Parameter {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Tau,
        Self::Fast,
        Self::PlateWalk,
        Self::DieNoise,
        Self::Moving,
        Self::TauFast,
        Self::MemoryWalk,
        Self::HbmNoise,
        Self::Memory,
        Self::ResistanceWalk,
        Self::OffsetWalk,
    ];

    /// Lowest and highest value: what physics and sensors allow.
    #[must_use]
    pub const fn bounds(self) -> (f64, f64) {
        match self {
            // A cold plate at full flow; a heat sink in slow air.
            Self::Tau => (1.5, 180.0),
            Self::TauFast => (0.1, 6.0),
            Self::Fast => (0.1, 0.95),
            Self::Memory => (0.1, 1.5),
            // Steps of 1 degC under a steady load look like a plant without noise read without any: what is learned must
            // not be surer than the step is wide.
            Self::PlateWalk => (0.1, 3.0),
            Self::MemoryWalk => (0.15, 5.0),
            // A plant that was calm for long says nothing of the day a plate dries out.
            Self::ResistanceWalk => (1e-4, 5e-3),
            Self::OffsetWalk => (2e-3, 0.2),
            Self::DieNoise | Self::HbmNoise => (0.3, 4.0),
            Self::Moving => (0.01, 2.0),
        }
    }
}

impl GpuModel {
    /// A prior for a product under a heat sink, of some resistance, K/W: 30-90 s.
    #[must_use]
    pub const fn in_air(resistance: f64) -> Self {
        Self { tau_s: 45.0, fast: 0.5, ..Self::on_a_plate(resistance) }
    }

    /// A prior for a product under a cold plate, of some resistance, K/W: public step responses, 1 degC readings.
    #[must_use]
    pub const fn on_a_plate(resistance: f64) -> Self {
        Self {
            resistance,
            tau_s: 8.0,
            tau_fast_s: 0.8,
            fast: 0.6,
            memory: 0.6,
            plate_walk: 0.15,
            memory_walk: 0.5,
            resistance_walk: 2e-4,
            offset_walk: 0.005,
            die_noise: 0.4,
            hbm_noise: 0.5,
            moving: 0.3,
        }
    }

    /// The figure of a parameter.
    pub(super) fn figure(&mut self, parameter: Parameter) -> &mut f64 {
        match parameter {
            Parameter::Tau => &mut self.tau_s,
            Parameter::TauFast => &mut self.tau_fast_s,
            Parameter::Fast => &mut self.fast,
            Parameter::Memory => &mut self.memory,
            Parameter::PlateWalk => &mut self.plate_walk,
            Parameter::MemoryWalk => &mut self.memory_walk,
            Parameter::ResistanceWalk => &mut self.resistance_walk,
            Parameter::OffsetWalk => &mut self.offset_walk,
            Parameter::DieNoise => &mut self.die_noise,
            Parameter::HbmNoise => &mut self.hbm_noise,
            Parameter::Moving => &mut self.moving,
        }
    }

    /// The same with one figure times `factor`, within its bounds.
    pub(super) fn with(mut self, parameter: Parameter, factor: f64) -> Self {
        let (low, high) = parameter.bounds();
        let figure = self.figure(parameter);
        *figure = (*figure * factor).clamp(low, high);
        self
    }

    /// The same with all noises times `factor`, within their bounds.
    pub(super) fn noisier(self, factor: f64) -> Self {
        let noises = [
            Parameter::PlateWalk,
            Parameter::MemoryWalk,
            Parameter::ResistanceWalk,
            Parameter::OffsetWalk,
            Parameter::DieNoise,
            Parameter::HbmNoise,
            Parameter::Moving,
        ];
        noises.into_iter().fold(self, |model, noise| model.with(noise, factor))
    }

    /// Variance in which w_T keeps T_p around where it would settle, K^2: that of a first-order lag driven by white noise.
    pub(super) fn wander(&self) -> f64 {
        0.5 * self.plate_walk * self.plate_walk * self.tau_s
    }

    /// What it comes to for a step of `dt_s`.
    pub(super) fn step(&self, dt_s: f64) -> Step {
        let walk = |per_root_s: f64| per_root_s * per_root_s * dt_s;
        let r = self.resistance;
        Step {
            a: 1.0 - (-dt_s / self.tau_s).exp(),
            a_fast: 1.0 - (-dt_s / self.tau_fast_s).exp(),
            fast: self.fast,
            memory: self.memory * self.fast,
            q: [
                walk(self.plate_walk),
                walk(self.memory_walk),
                walk(self.resistance_walk * r),
                walk(self.offset_walk),
            ],
            most: [f64::INFINITY, BEFORE[1].powi(2), (BEFORE[2] * r).powi(2), BEFORE[3].powi(2)],
            r: [self.die_noise.powi(2), self.hbm_noise.powi(2)],
            moving: self.moving,
            wander: self.wander(),
            resistance: (RESISTANCE.0 * r, RESISTANCE.1 * r),
        }
    }

    /// Eight GPUs of which nothing was read.
    pub(super) fn before(&self) -> Block {
        let mut p = [[0.0; LANES]; PACKED];
        let sigma = [BEFORE[0], BEFORE[1], BEFORE[2] * self.resistance, BEFORE[3]];
        (0..STATES).for_each(|i| p[at(i, i)] = [sigma[i] * sigma[i]; LANES]);
        let x = [FIRST[0], FIRST[1], self.resistance, 0.0].map(|x| [x; LANES]);
        Block { x, p, fast_w: [0.0; LANES], nis: [0.0; LANES], wild: [0.0; LANES] }
    }
}
