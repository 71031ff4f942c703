//! The agent's own check of one GPU: its cap and its clock lock.
//!
//! Responsible for the device's range and the rise from the read-back. Not for budgets: see [`crate::caps()`].
//! Lowering is never rate-limited: a cap must be able to come down at once.

use crate::{Reason, Verdict};

/// The limits of one GPU's power cap, in watts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CapLimits {
    /// The least the device or the site allows.
    pub min_w: f64,
    /// The most the device or the site allows.
    pub max_w: f64,
    /// The most it may rise per command above what stands.
    pub max_rise_w: f64,
}

/// Checks a cap for one GPU. `applied_w` is what was read back from the device.
pub fn cap(limits: &CapLimits, applied_w: Option<f64>, requested_w: f64) -> Verdict {
    let sound = limits.min_w.is_finite() && limits.max_w.is_finite() && limits.max_rise_w.is_finite();
    if !sound || !requested_w.is_finite() {
        return Verdict::Refuse(Reason::NotANumber);
    }
    if limits.min_w > limits.max_w || limits.min_w < 0.0 || limits.max_rise_w < 0.0 {
        return Verdict::Refuse(Reason::Envelope);
    }
    let Some(applied) = applied_w.filter(|w| w.is_finite()) else {
        return Verdict::Refuse(Reason::NoReadBack);
    };
    if requested_w < limits.min_w {
        return Verdict::Narrow(limits.min_w, Reason::Low);
    }
    let reach = applied + limits.max_rise_w;
    if reach < requested_w && reach < limits.max_w {
        // What stands may be under the range; the device takes nothing less than its least.
        return Verdict::Narrow(reach.max(limits.min_w), Reason::Ramp);
    }
    if requested_w > limits.max_w {
        return Verdict::Narrow(limits.max_w, Reason::High);
    }
    Verdict::Allow(requested_w)
}

/// The range of one GPU's clock lock, in MHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockLimits {
    /// The lowest clock the site allows.
    pub min_mhz: u32,
    /// The highest clock the device or the site allows.
    pub max_mhz: u32,
}

/// A clock lock: the GPU stays between these two clocks, in MHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Lower end.
    pub low_mhz: u32,
    /// Upper end.
    pub high_mhz: u32,
}

/// Checks a clock lock for one GPU.
pub fn lock(limits: &LockLimits, requested: Clock) -> Verdict<Clock> {
    if limits.min_mhz > limits.max_mhz || requested.low_mhz > requested.high_mhz {
        return Verdict::Refuse(Reason::Envelope);
    }
    let inside = Clock {
        low_mhz: requested.low_mhz.clamp(limits.min_mhz, limits.max_mhz),
        high_mhz: requested.high_mhz.clamp(limits.min_mhz, limits.max_mhz),
    };
    if inside == requested {
        Verdict::Allow(inside)
    } else if requested.high_mhz > limits.max_mhz {
        Verdict::Narrow(inside, Reason::High)
    } else {
        Verdict::Narrow(inside, Reason::Low)
    }
}
