//! Control valves: motion and flow characteristic.
//!
//! Responsible for: stroke time, sticking, conductance against position. Not for: who moves it.
//!
//! Equal-percentage characteristic with rangeability `R` and shut-off below 1 % (IEC 60534-2-4):
//!
//! ```text
//! g(x) = g_max R^(x - 1),   dp = (Q / g)^2
//! ```

/// A motorised two-way valve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Valve {
    /// Position, 0 closed to 1 open.
    pub position: f64,
    /// Time for the full stroke, s.
    pub stroke_s: f64,
    /// Conductance when open, (L/min)/kPa^0.5.
    pub open_conductance: f64,
    /// True while the stem does not move (fault).
    pub stuck: bool,
}

/// Ratio of largest to smallest controllable flow.
const RANGEABILITY: f64 = 30.0;

impl Valve {
    /// A valve that passes `flow_lpm` at `dp_kpa` when open.
    #[must_use]
    pub fn sized(flow_lpm: f64, dp_kpa: f64, stroke_s: f64) -> Self {
        Self { position: 0.5, stroke_s, open_conductance: flow_lpm / dp_kpa.sqrt(), stuck: false }
    }

    /// Moves toward `command` (0..1) at the speed of the motor.
    pub fn step(&mut self, command: f64, dt_s: f64) {
        if !self.stuck {
            let target = command.clamp(0.0, 1.0);
            self.position = super::fluid::slew(self.position, target, dt_s / self.stroke_s);
        }
    }

    /// Conductance at the present position, (L/min)/kPa^0.5.
    #[must_use]
    pub fn conductance(&self) -> f64 {
        let seat = (self.position / 0.01).min(1.0);
        self.open_conductance * seat * RANGEABILITY.powf(self.position - 1.0)
    }
}

/// Conductance of two restrictions in series.
#[must_use]
pub fn in_series(a: f64, b: f64) -> f64 {
    if a <= 0.0 || b <= 0.0 { 0.0 } else { (a.powi(-2) + b.powi(-2)).powf(-0.5) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stroke_takes_its_time_and_a_stuck_stem_stays() {
        let mut valve = Valve::sized(100.0, 50.0, 60.0);
        for _ in 0..15 {
            valve.step(1.0, 1.0);
        }
        assert!((valve.position - 0.75).abs() < 1e-9);
        valve.stuck = true;
        valve.step(0.0, 1.0);
        assert!((valve.position - 0.75).abs() < 1e-9);
    }

    #[test]
    fn open_valve_passes_the_rated_flow() {
        let mut valve = Valve::sized(100.0, 50.0, 60.0);
        valve.position = 1.0;
        assert!((valve.conductance() * 50.0_f64.sqrt() - 100.0).abs() < 1e-9);
        valve.position = 0.0;
        assert!(valve.conductance() < 1e-12);
    }
}
