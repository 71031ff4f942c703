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

/// Direction in which a setpoint asks for more cooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tighter {
    /// Colder: temperatures.
    Lower,
    /// More flow: pressures.
    Higher,
}

/// A setpoint that moves at a limited rate between the BMS's own value and a request.
///
/// When a request ends, the way back to the BMS's own value takes one step where that means more cooling, and keeps to
/// the rate where it means less: nobody is left to answer for a setpoint that is looser than the BMS's own.
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
    /// Direction of more cooling.
    pub tighter: Tighter,
    asked: bool,
}

impl Ramped {
    /// A setpoint at rest at `value`, that nobody has asked anything of.
    #[must_use]
    pub fn new(value: f64, (min, max): (f64, f64), rate_per_s: f64, tighter: Tighter) -> Self {
        Self { value, min, max, rate_per_s, tighter, asked: false }
    }

    /// Advances by `dt_s` toward the request (clamped), or toward the BMS's own value where nobody asks.
    pub fn step(&mut self, request: Option<f64>, own: f64, dt_s: f64) -> f64 {
        let request = request.filter(|value| value.is_finite());
        let ended = std::mem::replace(&mut self.asked, request.is_some()) && !self.asked;
        let step = self.rate_per_s * dt_s;
        match request {
            Some(value) => self.value += (value.clamp(self.min, self.max) - self.value).clamp(-step, step),
            None if ended && self.tightens(own) => self.value = own,
            None => self.value += (own - self.value).clamp(-step, step),
        }
        self.value
    }

    fn tightens(&self, to: f64) -> bool {
        match self.tighter {
            Tighter::Lower => to < self.value,
            Tighter::Higher => to > self.value,
        }
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
    fn a_request_is_clamped_and_ramped() {
        let mut setpoint = Ramped::new(30.0, (20.0, 45.0), 0.1, Tighter::Lower);
        assert!((setpoint.step(Some(99.0), 30.0, 1.0) - 30.1).abs() < 1e-12);
        for _ in 0..1000 {
            setpoint.step(Some(99.0), 30.0, 1.0);
        }
        assert!((setpoint.value - 45.0).abs() < 1e-12);
        assert!(
            (setpoint.step(Some(-99.0), 30.0, 1.0) - 44.9).abs() < 1e-12,
            "a request tightens at the rate"
        );
    }

    #[test]
    fn a_request_that_ends_tightens_at_once_and_loosens_at_the_rate() {
        let after = |from: f64, own: f64, tighter: Tighter, expected: [f64; 2]| {
            let mut setpoint = Ramped::new(from, (0.0, 200.0), 0.1, tighter);
            setpoint.step(Some(from), own, 1.0);
            for (own, expected) in [own, own - 1.0].into_iter().zip(expected) {
                let value = setpoint.step(None, own, 1.0);
                assert!((value - expected).abs() < 1e-9, "{from} {tighter:?}: {value}, not {expected}");
            }
        };
        // The second step is a reset of the BMS's own, which goes at the rate.
        after(40.0, 30.0, Tighter::Lower, [30.0, 29.9]);
        after(25.0, 30.0, Tighter::Lower, [25.1, 25.2]);
        after(60.0, 90.0, Tighter::Higher, [90.0, 89.9]);
        after(110.0, 90.0, Tighter::Higher, [109.9, 109.8]);
        let mut setpoint = Ramped::new(40.0, (20.0, 45.0), 0.1, Tighter::Lower);
        setpoint.step(Some(40.0), 30.0, 1.0);
        assert!(
            (setpoint.step(Some(f64::NAN), 30.0, 1.0) - 30.0).abs() < 1e-12,
            "not a number is no request"
        );
    }
}
