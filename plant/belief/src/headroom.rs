//! Headroom: how far a limit is, in kelvin, watts and seconds, and which limit it is.
//!
//! Responsible for: one GPU's distance to its limits, die and memory, with the stand-off that doubt asks for. Not for: what
//! is believed of it (`gpu`), or which GPUs belong together.
//!
//! A step of power moves a temperature by its fast part at once (about a second) and then by its slow part; coolant that
//! drifts by rho K/s is followed tau later. From T_0, with the fast part at rest, and T_1 after long:
//!
//! ```text
//! T(t) = T_1 + rho (t - tau) + (T_0 - T_1 + rho tau) exp(-t/tau)
//! ```
//!
//! (the response of a first-order lag to a step and a ramp); the time to the limit is the first at which
//! T(t) + k sigma meets it.

use crate::gpu::Course;
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
    /// Seconds until the limit at the present power and trend of the coolant; infinite beyond [`HORIZON_S`].
    pub seconds: f64,
    /// The same after a step to full load now.
    pub seconds_full_load: f64,
    /// Which limit.
    pub binding: Binding,
}

/// How far ahead a limit is looked for, s: no trend of the coolant says anything about longer.
pub const HORIZON_S: f64 = 3_600.0;

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

/// What is believed of one temperature, for [`of_temperature`].
#[derive(Debug, Clone, Copy)]
pub struct Approach {
    /// At the present power.
    pub present: Course,
    /// At full load from now on.
    pub full: Course,
    /// Trend of the coolant, K/s.
    pub drift: f64,
    /// tau, s.
    pub tau_s: f64,
    /// Time in which the fast part of a step comes to rest, s.
    pub fast_s: f64,
    /// Watts more that keep the limit for long.
    pub watts: f64,
    /// Limit, degC.
    pub limit_c: f64,
    /// Number of standard deviations to stand off.
    pub k_sigma: f64,
}

/// Headroom of one temperature of a GPU.
#[must_use]
#[inline]
pub fn of_temperature(a: &Approach, binding: Binding) -> Headroom {
    let off = |(c, sigma): (f64, f64)| a.limit_c - c - a.k_sigma * sigma;
    let kelvin = off(a.present.now);
    let seconds = |course: &Course| {
        let sigma = a.k_sigma * course.now.1.max(course.settled.1);
        let (start, end) = (course.soon_c + sigma, course.settled.0 + sigma);
        if course.now.0 + a.k_sigma * course.now.1 >= a.limit_c {
            return 0.0;
        }
        let slow = first_crossing(start, end, a.drift, a.tau_s, a.limit_c);
        // The slow part starts once the fast one is at rest, if that does not meet the limit already.
        if slow > 0.0 { slow } else { a.fast_s }
    };
    Headroom {
        kelvin,
        kelvin_full_load: off(a.full.settled),
        watts: a.watts.max(0.0),
        seconds: seconds(&a.present),
        seconds_full_load: seconds(&a.full),
        binding,
    }
}

/// Time (s) at which T(t) of the module first meets `limit`; infinite if it does not within [`HORIZON_S`].
#[must_use]
pub fn first_crossing(start: f64, end: f64, drift: f64, tau_s: f64, limit: f64) -> f64 {
    if start >= limit {
        return 0.0;
    }
    let lag = start - end + drift * tau_s;
    let at = |t: f64| end + drift * (t - tau_s) + lag * (-t / tau_s).exp() - limit;
    // Where it turns: dT/dt = rho - lag/tau exp(-t/tau). A valley comes before a rise, a summit before a fall.
    let turn = lag / (drift * tau_s);
    let turn_s = if turn > 1.0 { tau_s * turn.ln() } else { 0.0 };
    let (mut low, mut high) = match (turn_s > 0.0, lag < 0.0) {
        (true, true) => (0.0, turn_s.min(HORIZON_S)),
        (true, false) => (turn_s.min(HORIZON_S), HORIZON_S),
        (false, _) => (0.0, HORIZON_S),
    };
    if at(high) < 0.0 {
        return f64::INFINITY;
    }
    while high - low > 0.05 {
        let middle = 0.5 * (low + high);
        if at(middle) < 0.0 { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(now: f64, soon: f64, settled: f64) -> Course {
        Course { now: (now, 0.5), soon_c: soon, settled: (settled, 1.0) }
    }

    fn approach() -> Approach {
        Approach {
            present: course(60.0, 60.0, 60.0),
            full: course(60.0, 66.0, 70.0),
            drift: 0.0,
            tau_s: 8.0,
            fast_s: 1.0,
            watts: 520.0,
            limit_c: 87.0,
            k_sigma: 2.0,
        }
    }

    #[test]
    fn a_cool_gpu_has_room() {
        let h = of_temperature(&approach(), Binding::SwThermal);
        assert!((h.kelvin - 26.0).abs() < 1e-9);
        assert!((h.kelvin_full_load - 15.0).abs() < 1e-9);
        assert!(h.seconds.is_infinite() && h.seconds_full_load.is_infinite());
        assert_eq!(h.binding, Binding::SwThermal);
    }

    #[test]
    fn the_nearest_binds() {
        let hot = Approach { present: course(86.0, 86.0, 86.0), ..approach() };
        let (die, hbm) =
            (of_temperature(&approach(), Binding::SwThermal), of_temperature(&hot, Binding::MemoryThermal));
        let h = die.min(hbm);
        assert_eq!((h.binding, h.kelvin), (Binding::MemoryThermal, 0.0));
    }

    #[test]
    fn seconds_to_the_limit_after_a_step() {
        // 66 degC at once, then to 97: with 2 K of doubt it meets 87 after tau ln(31/12).
        let h =
            of_temperature(&Approach { full: course(60.0, 66.0, 97.0), ..approach() }, Binding::SwThermal);
        assert!((h.seconds_full_load - 8.0 * (31.0_f64 / 12.0).ln()).abs() < 0.1, "{h:?}");
        // And if the fast part alone meets it, that is the time.
        let h =
            of_temperature(&Approach { full: course(60.0, 90.0, 97.0), ..approach() }, Binding::SwThermal);
        assert!((h.seconds_full_load - 1.0).abs() < 1e-9);
    }

    #[test]
    fn seconds_to_the_limit_while_the_coolant_warms() {
        // 25 K away, 0.05 K/s: 500 s, and tau more.
        let h = of_temperature(&Approach { drift: 0.05, ..approach() }, Binding::SwThermal);
        assert!((h.seconds - 508.0).abs() < 0.2, "{h:?}");
    }

    /// Against the answer by brute force.
    #[test]
    fn crossings_are_the_first() {
        let mut dice = crate::dice::Dice(11);
        for _ in 0..2_000 {
            let (start, end) = (dice.range(40.0, 100.0), dice.range(40.0, 100.0));
            let (drift, tau) = (dice.range(-0.1, 0.1), dice.range(2.0, 60.0));
            let t = |s: f64| end + drift * (s - tau) + (start - end + drift * tau) * (-s / tau).exp();
            let brute = (0..36_000).map(|k| f64::from(k) * 0.1).find(|s| t(*s) >= 87.0);
            let ours = first_crossing(start, end, drift, tau, 87.0);
            match brute {
                Some(s) => assert!((ours - s).abs() < 0.25, "{ours} {s}: {start} {end} {drift} {tau}"),
                None => assert!(ours > 3_599.0, "{ours}: {start} {end} {drift} {tau}"),
            }
        }
    }
}
