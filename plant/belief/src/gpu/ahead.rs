//! What follows from the belief about a GPU for later.
//!
//! Responsible for: temperatures after long at a power, the power that keeps a limit, and the course on the way there. Not
//! for: limits themselves (`headroom`).

use super::GpuObservers;
use super::kernel::OFFSET;

/// Which temperature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rise {
    /// Of the die.
    Die = 0,
    /// Of the memory.
    Memory = 1,
}

/// A temperature on its way: now, once the fast part has come to rest, and after long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Course {
    /// Now and its standard deviation, degC.
    pub now: (f64, f64),
    /// What the slow part starts from, degC: now, with the fast part at rest.
    pub soon_c: f64,
    /// After long at the coolant of now, and its standard deviation, degC.
    pub settled: (f64, f64),
}

impl GpuObservers {
    /// Temperature (degC) and its standard deviation after long at a power (W) and coolant temperature (degC), with the
    /// covariance of R, c and h: of the die T_c + c + ((1 - phi) psi + phi) R P, of the memory
    /// T_c + c + ((1 - phi) psi + kappa phi) R P + h.
    #[must_use]
    #[inline]
    pub fn steady(&self, gpu: usize, of: Rise, power_w: f64, coolant_c: f64) -> (f64, f64) {
        self.steady_beside(gpu, of, power_w, coolant_c, 1.0)
    }

    /// The same at so many times the psi of now.
    #[must_use]
    #[inline]
    pub fn steady_beside(
        &self,
        gpu: usize,
        of: Rise,
        power_w: f64,
        coolant_c: f64,
        times_psi: f64,
    ) -> (f64, f64) {
        let (block, lane) = self.home(gpu);
        let (b, block) = (self.share(gpu, of, times_psi) * power_w, &self.blocks[block]);
        let (rise, sigma) = match of {
            Rise::Die => block.sum(lane, OFFSET, b),
            Rise::Memory => block.sum_with_memory(lane, OFFSET, b),
        };
        (coolant_c + rise, (sigma * sigma + self.model(gpu).wander()).sqrt())
    }

    /// Share of R P in a temperature after long.
    #[inline]
    fn share(&self, gpu: usize, of: Rise, times_psi: f64) -> f64 {
        let model = self.model(gpu);
        let (block, lane) = self.home(gpu);
        let slow = (1.0 - model.fast) * self.shown[block].psi[lane] * times_psi;
        match of {
            Rise::Die => slow + model.fast,
            Rise::Memory => slow + model.memory * model.fast,
        }
    }

    /// The course of a temperature if the power steps to `power_w` now and stays there.
    #[must_use]
    pub fn course(&self, gpu: usize, of: Rise, power_w: f64, coolant_c: f64) -> Course {
        let model = self.model(gpu);
        let fast_k = model.fast * (power_w - self.fast_w(gpu)) * self.resistance(gpu).0;
        let now = self.now(gpu, of);
        let share = if of == Rise::Die { 1.0 } else { model.memory };
        Course { now, soon_c: now.0 + share * fast_k, settled: self.steady(gpu, of, power_w, coolant_c) }
    }

    /// Highest power (W) at which a temperature stays `k` standard deviations below a limit (degC) for long; infinite if it
    /// does at any power.
    ///
    /// With d = L - T(0 W) it is the first root of (d - s R P)^2 = k^2 var(T(0 W) + s R P), s the share of R P.
    #[must_use]
    pub fn most_w(&self, gpu: usize, of: Rise, limit_c: f64, coolant_c: f64, k: f64) -> f64 {
        let (idle_c, sigma) = self.steady(gpu, of, 0.0, coolant_c);
        let (one_c, sigma_one) = self.steady(gpu, of, 1.0, coolant_c);
        // Variance is a parabola in P: var(P) = var(0) + 2 cross P + r2 P^2.
        let r = one_c - idle_c;
        let r2 = (self.share(gpu, of, 1.0) * self.resistance(gpu).1).powi(2);
        let cross = 0.5 * (sigma_one * sigma_one - sigma * sigma - r2);
        let (d, k2) = (limit_c - idle_c, k * k);
        let (a, b, c) = (r * r - k2 * r2, d * r + k2 * cross, d * d - k2 * sigma * sigma);
        if d <= 0.0 || c <= 0.0 {
            return 0.0;
        }
        // c / (b + sqrt(b^2 - a c)) is the smaller root without cancellation, for a of either sign.
        let per = b + (b * b - a * c).max(0.0).sqrt();
        if per > 0.0 { c / per } else { f64::INFINITY }
    }
}
