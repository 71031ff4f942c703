//! Headroom: how far a limit is, in kelvin, watts and seconds, and which limit it is.

use std::fmt;

/// The limit that is nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// Die at its maximum operating temperature: software thermal slowdown.
    SwThermal,
    /// Memory at its maximum operating temperature.
    MemoryThermal,
    /// Nothing is known yet.
    Unknown,
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SwThermal => "die temperature",
            Self::MemoryThermal => "memory temperature",
            Self::Unknown => "unknown",
        })
    }
}

/// How far the limit is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Headroom {
    /// Kelvin to the limit now, less `k` standard deviations.
    pub kelvin: f64,
    /// Kelvin to the limit after long at full load, less `k` standard deviations: what a load step would leave.
    pub kelvin_full_load: f64,
    /// Watts more that could be drawn for long before the limit.
    pub watts: f64,
    /// Seconds until the limit at the present trend; infinite if it does not come nearer.
    pub seconds: f64,
    /// Seconds until the limit after a step to full load now; infinite if it is never reached.
    pub seconds_full_load: f64,
    /// Which limit.
    pub binding: Binding,
}

impl Headroom {
    /// Nothing known: no headroom at all.
    pub const NONE: Self = Self {
        kelvin: 0.0,
        kelvin_full_load: 0.0,
        watts: 0.0,
        seconds: 0.0,
        seconds_full_load: 0.0,
        binding: Binding::Unknown,
    };

    /// The tighter of two, quantity by quantity.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self {
            kelvin: self.kelvin.min(other.kelvin),
            kelvin_full_load: self.kelvin_full_load.min(other.kelvin_full_load),
            watts: self.watts.min(other.watts),
            seconds: self.seconds.min(other.seconds),
            seconds_full_load: self.seconds_full_load.min(other.seconds_full_load),
            binding: if self.kelvin <= other.kelvin { self.binding } else { other.binding },
        }
    }
}

/// What is believed of one GPU, for [`of_gpu`].
#[derive(Debug, Clone, Copy)]
pub struct GpuBelief {
    /// Die temperature and its standard deviation.
    pub die_c: (f64, f64),
    /// Die temperature after long at full load, and its standard deviation.
    pub full_c: (f64, f64),
    /// Trend of the die, K/s.
    pub trend: f64,
    /// Resistance, K/W.
    pub resistance: f64,
    /// Memory temperature reading, degC.
    pub hbm_c: Option<f64>,
    /// Limit of the die, degC.
    pub die_limit_c: f64,
    /// Limit of the memory, degC.
    pub hbm_limit_c: f64,
    /// Time constant of the approach, s.
    pub tau_s: f64,
    /// Number of standard deviations to stand off.
    pub k_sigma: f64,
}

/// Headroom of one GPU.
///
/// After a step to full load the die approaches T_full as T(t) = T_full - (T_full - T) exp(-t/tau); it meets the limit
/// L at t = tau ln((T_full - T) / (T_full - L)), if T_full > L.
#[must_use]
#[inline]
pub fn of_gpu(b: &GpuBelief) -> Headroom {
    let die = b.die_limit_c - b.die_c.0 - b.k_sigma * b.die_c.1;
    let hbm = b.hbm_c.map_or(f64::INFINITY, |t| b.hbm_limit_c - t);
    let (kelvin, binding) = if hbm < die { (hbm, Binding::MemoryThermal) } else { (die, Binding::SwThermal) };
    // The memory rides on the die: a full-load step lifts it as much as the die.
    let lift = (b.full_c.0 - b.die_c.0).max(0.0);
    let full = (b.die_limit_c - b.full_c.0 - b.k_sigma * b.full_c.1).min(hbm - lift);
    let seconds = if b.trend > 1e-6 { (kelvin / b.trend).max(0.0) } else { f64::INFINITY };
    let over = b.full_c.0 - b.die_limit_c;
    let seconds_full_load = if over <= 0.0 {
        f64::INFINITY
    } else {
        (b.tau_s * ((b.full_c.0 - b.die_c.0).max(over) / over).ln()).max(0.0)
    };
    Headroom {
        kelvin,
        kelvin_full_load: full,
        watts: (kelvin / b.resistance).max(0.0),
        seconds,
        seconds_full_load,
        binding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn belief() -> GpuBelief {
        GpuBelief {
            die_c: (60.0, 0.5),
            full_c: (70.0, 1.0),
            trend: 0.0,
            resistance: 0.05,
            hbm_c: Some(66.0),
            die_limit_c: 87.0,
            hbm_limit_c: 95.0,
            tau_s: 6.0,
            k_sigma: 2.0,
        }
    }

    #[test]
    fn cool_gpu_has_room() {
        let h = of_gpu(&belief());
        assert!((h.kelvin - 26.0).abs() < 1e-9);
        assert!((h.kelvin_full_load - 15.0).abs() < 1e-9);
        assert!((h.watts - 520.0).abs() < 1e-9);
        assert!(h.seconds.is_infinite() && h.seconds_full_load.is_infinite());
        assert_eq!(h.binding, Binding::SwThermal);
    }

    #[test]
    fn hot_memory_binds() {
        let h = of_gpu(&GpuBelief { hbm_c: Some(93.0), ..belief() });
        assert_eq!(h.binding, Binding::MemoryThermal);
        assert!((h.kelvin - 2.0).abs() < 1e-9);
    }

    #[test]
    fn time_to_the_limit_after_a_step() {
        let b = GpuBelief { full_c: (97.0, 0.0), ..belief() };
        let h = of_gpu(&b);
        let t = h.seconds_full_load;
        let reached = 97.0 - (97.0 - 60.0) * (-t / 6.0f64).exp();
        assert!((reached - 87.0).abs() < 1e-9);
    }
}
