//! Thermal-magnetic breaker: where it stands on its trip curve.
//!
//! Responsible for: thermal state, whether the curve is passed. Not for: opening a circuit: the state is
//! reported, and what follows is decided where the plant is scored.
//!
//! ```text
//! dz/dt = (x^2 - z) / tau           z thermal state, x = load / rating
//! trips:  z > 1.2^2,  or at once x > 10
//! ```
//! At constant `x` from cold that is t = tau ln(x^2 / (x^2 - 1.44)). Source: the conventional currents of
//! IEC 60947-2 (1.05 never, 1.30 within two hours) and the thermal model behind long-time curves; tau 300 s
//! gives 12 s at six times the rating.

/// Thermal time constant, s.
pub const TIME_CONSTANT_S: f64 = 300.0;
/// Thermal state at which it trips.
const TRIP_STATE: f64 = 1.44;
/// Load over rating that trips at once.
const MAGNETIC: f64 = 10.0;

/// State of a breaker.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Breaker {
    /// Thermal state: mean square of load over rating.
    pub heat: f64,
    /// True once the curve was passed, until [`Self::reset`].
    pub tripped: bool,
}

/// Share of the way to the new state in a step: the same for all breakers.
#[must_use]
pub fn approach(dt_s: f64) -> f64 {
    1.0 - (-dt_s / TIME_CONSTANT_S).exp()
}

impl Breaker {
    /// Advances by a step of [`approach`] at `load` over rating.
    pub fn step(&mut self, load: f64, approach: f64) {
        self.heat += (load * load - self.heat) * approach;
        self.tripped |= self.heat > TRIP_STATE || load > MAGNETIC;
    }

    /// Thermal state over the one that trips: 1 = trips.
    #[must_use]
    pub fn margin_used(&self) -> f64 {
        self.heat / TRIP_STATE
    }

    /// Time to the trip at a constant load over rating, s; infinite where it never trips.
    #[must_use]
    pub fn time_to_trip_s(&self, load: f64) -> f64 {
        let square = load * load;
        if square <= TRIP_STATE {
            return f64::INFINITY;
        }
        TIME_CONSTANT_S * ((square - self.heat) / (square - TRIP_STATE)).ln().max(0.0)
    }

    /// Closed again by hand.
    pub fn reset(&mut self) {
        self.tripped = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds_to_trip(load: f64, dt_s: f64) -> f64 {
        let mut breaker = Breaker::default();
        let mut time_s = 0.0;
        while !breaker.tripped && time_s < 10_000.0 {
            breaker.step(load, approach(dt_s));
            time_s += dt_s;
        }
        time_s
    }

    #[test]
    fn conventional_currents_of_the_standard() {
        assert!(seconds_to_trip(1.05, 1.0) > 9_999.0, "1.05 never");
        assert!(seconds_to_trip(1.30, 1.0) < 7200.0, "1.30 within two hours");
        assert!((seconds_to_trip(6.0, 0.1) - 12.2).abs() < 0.3);
        assert!(seconds_to_trip(11.0, 1.0) <= 1.0, "at once");
    }

    #[test]
    fn the_step_does_not_matter_and_the_forecast_is_right() {
        assert!((seconds_to_trip(1.5, 0.1) - seconds_to_trip(1.5, 1.0)).abs() <= 1.0);
        let mut breaker = Breaker::default();
        breaker.step(1.0, approach(200.0));
        let forecast = breaker.time_to_trip_s(1.5);
        let mut time_s = 0.0;
        while !breaker.tripped {
            breaker.step(1.5, approach(0.5));
            time_s += 0.5;
        }
        assert!((forecast - time_s).abs() < 1.0, "{forecast} {time_s}");
    }
}
