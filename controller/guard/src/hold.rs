//! The hold-safe rule: is it safe to walk away for a minute?
//!
//! Responsible for the one inequality; not for where trend and limit come from.
//!
//! With the watched value `x`, its trend `x'` (per second), its hard limit `L`, the horizon `h` (s), the
//! worst-case gain `g` (rise of `x` per unit of setpoint relaxed) and a relaxing movement `m >= 0`:
//!
//! ```text
//! x + max(x', 0) h + g m <= L        so        m <= (L - x - max(x', 0) h) / g
//! ```
//!
//! A fall is not counted on: only what is measured now, or worse, is. So a crash of everything above the plant
//! costs efficiency until the leases run out, never safety.

/// For how long a setpoint must stay safe with nobody in control, in seconds.
pub const HOLD_S: f64 = 60.0;

/// What must stay under a hard limit while a setpoint is held. For a lower limit, negate value, trend and limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watch {
    /// The worst credible value now.
    pub value: f64,
    /// Its trend, per second.
    pub trend_per_s: f64,
    /// What it must never cross.
    pub hard_limit: f64,
    /// Its worst-case rise per unit of relaxed setpoint, >= 0.
    pub gain: f64,
}

impl Watch {
    /// How far the setpoint may relax and still be hold-safe for [`HOLD_S`], in the setpoint's unit. `None`
    /// when not even what stands is safe, or when something is not a number.
    #[must_use]
    pub fn room(&self) -> Option<f64> {
        let sound = self.gain.is_finite() && self.gain >= 0.0;
        if !sound || !hold_safe(self.trend_per_s, self.value, self.hard_limit, HOLD_S) {
            return None;
        }
        let spare = self.hard_limit - after(self.trend_per_s, self.value, HOLD_S);
        // Zero over zero is no room; anything over zero is all the room there is.
        if spare > 0.0 { Some(spare / self.gain) } else { Some(0.0) }
    }
}

/// Whether `value` stays at or under `hard_limit` for `horizon_s` if its rise goes on.
/// Anything that is not a finite number, or a negative horizon, is not safe.
#[must_use]
pub fn hold_safe(trend_per_s: f64, value: f64, hard_limit: f64, horizon_s: f64) -> bool {
    let known =
        trend_per_s.is_finite() && hard_limit.is_finite() && horizon_s.is_finite() && horizon_s >= 0.0;
    known && value.is_finite() && after(trend_per_s, value, horizon_s) <= hard_limit
}

fn after(trend_per_s: f64, value: f64, horizon_s: f64) -> f64 {
    value + trend_per_s.max(0.0) * horizon_s
}
