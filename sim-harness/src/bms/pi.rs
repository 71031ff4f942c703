//! PI controller and rate-limited setpoint: the two tools every loop of a BMS is made of.
//!
//! ```text
//! u = K e + I,   dI/dt = K e / Ti,   I held so that u stays in range (anti-windup)
//! ```

/// A PI controller with output limits. Positive error raises the output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pi {
    /// Gain, output per unit of error.
    pub gain: f64,
    /// Reset time, s.
    pub reset_s: f64,
    /// Least output.
    pub min: f64,
    /// Greatest output.
    pub max: f64,
    integral: f64,
}

impl Pi {
    /// A controller that rests at `output`.
    #[must_use]
    pub fn new(gain: f64, reset_s: f64, min: f64, max: f64, output: f64) -> Self {
        Self { gain, reset_s, min, max, integral: output.clamp(min, max) }
    }

    /// Advances by `dt_s` and returns the output.
    pub fn step(&mut self, error: f64, dt_s: f64) -> f64 {
        if !error.is_finite() {
            return self.integral.clamp(self.min, self.max);
        }
        let proportional = self.gain * error;
        self.integral += proportional * dt_s / self.reset_s;
        let output = (proportional + self.integral).clamp(self.min, self.max);
        self.integral =
            self.integral.clamp(self.min - proportional.max(0.0), self.max - proportional.min(0.0));
        output
    }

    /// Takes over at `output` without a bump, the error being `error`.
    pub fn preset(&mut self, output: f64, error: f64) {
        self.integral = output - self.gain * error;
    }
}

/// A setpoint that moves at a limited rate between the BMS's own value and a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ramped {
    /// Value in force.
    pub value: f64,
    /// Least value accepted.
    pub min: f64,
    /// Greatest value accepted.
    pub max: f64,
    /// Greatest rate of change, per s.
    pub rate_per_s: f64,
}

impl Ramped {
    /// Advances by `dt_s` toward the request (clamped), or toward the BMS's own value where nobody asks.
    pub fn step(&mut self, request: Option<f64>, own: f64, dt_s: f64) -> f64 {
        let target = match request {
            Some(value) if value.is_finite() => value.clamp(self.min, self.max),
            _ => own,
        };
        let step = self.rate_per_s * dt_s;
        self.value += (target - self.value).clamp(-step, step);
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn does_not_wind_up() {
        let mut pi = Pi::new(0.1, 10.0, 0.0, 1.0, 0.5);
        for _ in 0..1000 {
            pi.step(5.0, 1.0);
        }
        let mut seconds = 0;
        while pi.step(-1.0, 1.0) > 0.5 {
            seconds += 1;
            assert!(seconds < 120, "wound up");
        }
    }

    #[test]
    fn a_request_is_clamped_ramped_and_released() {
        let mut setpoint = Ramped { value: 30.0, min: 20.0, max: 45.0, rate_per_s: 0.1 };
        assert!((setpoint.step(Some(99.0), 30.0, 1.0) - 30.1).abs() < 1e-12);
        for _ in 0..1000 {
            setpoint.step(Some(99.0), 30.0, 1.0);
        }
        assert!((setpoint.value - 45.0).abs() < 1e-12);
        assert!((setpoint.step(None, 30.0, 1.0) - 44.9).abs() < 1e-12);
        setpoint.step(Some(f64::NAN), 30.0, 1.0);
        assert!((setpoint.value - 44.8).abs() < 1e-9, "not a number is no request");
    }
}
