//! What is usual of an equation on this site.
//!
//! Responsible for: learning it while nothing is suspected, and how far a number is off it. Not for: what that means.
//!
//! ```text
//! r = theta' phi + e,   phi = [1, phi1 - phi1_0, phi2 - phi2_0]     phi_0: where it was first seen
//! r / r_0 = theta' phi + e,   phi = [1, phi1 / phi1_0 - 1, 0]       where ratios count
//! K = P phi / (phi' P phi + R),   theta += K (r - theta' phi),   P -= K phi' P
//! ```
//!
//! Recursive least squares with a prior (Ljung, *System Identification*, 1999, 11.2). It does not forget: what is usual is
//! what was so in the beginning, or a fouling that takes a season would be learned along.

use super::equation::{MODES, Prior, Seen};
use nalgebra::{Matrix3, Vector3};

/// Looks that one look stands for: they overlap, and what an equation leaves out lasts.
const ALIKE: f64 = 10.0;
/// Looks after which what is usual is known, and how much slower it is learned from then on: a fault that comes within hours is
/// not to be learned along.
const KNOWN: u32 = 60;
const SLOWER: f64 = 8.0;
/// Share of a look in the noise that is learned; its least and most, in floors.
const NOISE_SHARE: f64 = 0.02;
const NOISE: (f64, f64) = (0.3, 2.5);
/// Noise is what changes from one look to the one so many later: these share no value, and a trend hardly counts.
const APART: usize = 5;

/// One curve.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Curve {
    theta: Vector3<f64>,
    p: Matrix3<f64>,
    at: [f64; 2],
    at_r: f64,
    looks: u32,
    /// Numbers of the last looks, less what is usual.
    last: [f64; APART],
}

/// How far a number is off what is usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deviation {
    /// By so much, K or 1.
    pub by: f64,
    /// Standard deviation of that.
    pub sigma: f64,
    /// The same without what is not known of how it is moved: as far as this, and no further, it is learned from.
    pub sure: f64,
}

/// What is usual of one equation.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    curves: [Option<Curve>; MODES],
    prior: Prior,
    noise: f64,
}

impl Baseline {
    /// From what is known beforehand.
    #[must_use]
    pub fn new(prior: Prior) -> Self {
        Self { curves: [None; MODES], prior, noise: (0.5 * prior.floor).powi(2) }
    }

    fn fresh(&self, seen: &Seen) -> Curve {
        let [a, b] = self.prior.phi;
        Curve {
            theta: Vector3::new(self.prior.r.0, a.0, b.0),
            p: Matrix3::from_diagonal(&Vector3::new(self.prior.r.1.powi(2), a.1.powi(2), b.1.powi(2))),
            at: seen.phi,
            at_r: seen.r,
            looks: 0,
            last: [f64::NAN; APART],
        }
    }

    /// How far this is off.
    #[must_use]
    pub fn deviation(&self, seen: &Seen) -> Deviation {
        let curve = self.curves[seen.mode].unwrap_or_else(|| self.fresh(seen));
        let phi = curve.phi(seen);
        let own = self.prior.floor.powi(2) + self.noise;
        let variance = (phi.transpose() * curve.p * phi)[0] + own;
        let by = curve.r(seen) - curve.theta.dot(&phi);
        Deviation { by, sigma: variance.sqrt(), sure: (curve.p[(0, 0)] + own).sqrt() }
    }

    /// Learns that this is usual.
    pub fn learn(&mut self, seen: &Seen) {
        let mut curve = self.curves[seen.mode].unwrap_or_else(|| self.fresh(seen));
        let phi = curve.phi(seen);
        let off = curve.r(seen) - curve.theta.dot(&phi);
        let alike = if curve.looks < KNOWN { ALIKE } else { ALIKE * SLOWER };
        let r = alike * (self.noise + (0.3 * self.prior.floor).powi(2));
        let gain = curve.p * phi / ((phi.transpose() * curve.p * phi)[0] + r);
        curve.theta += gain * off;
        curve.p -= gain * (phi.transpose() * curve.p);
        curve.p = 0.5 * (curve.p + curve.p.transpose());
        let slot = curve.looks as usize % APART;
        curve.looks = curve.looks.saturating_add(1);
        let apart = off - curve.last[slot];
        curve.last[slot] = off;
        if apart.is_finite() {
            let (low, high) = ((NOISE.0 * self.prior.floor).powi(2), (NOISE.1 * self.prior.floor).powi(2));
            let now = 0.5 * apart * apart;
            self.noise = (self.noise + NOISE_SHARE * (now - self.noise)).clamp(low, high);
        }
        self.curves[seen.mode] = Some(curve);
    }

    /// Does it scatter more than anything that is left out would explain? Something moves it that is not known here: a valve
    /// whose opening nobody reads.
    #[must_use]
    pub fn scatters(&self) -> bool {
        self.noise >= 0.99 * (NOISE.1 * self.prior.floor).powi(2)
    }

    /// How often its curve of this mode has been looked at.
    #[must_use]
    pub fn looks(&self, mode: usize) -> u32 {
        self.curves[mode].map_or(0, |c| c.looks)
    }
}

impl Curve {
    fn r(&self, seen: &Seen) -> f64 {
        if seen.relative { seen.r / self.at_r } else { seen.r }
    }

    fn phi(&self, seen: &Seen) -> Vector3<f64> {
        if seen.relative {
            return Vector3::new(1.0, seen.phi[0] / self.at[0] - 1.0, 0.0);
        }
        Vector3::new(1.0, seen.phi[0] - self.at[0], seen.phi[1] - self.at[1])
    }
}
