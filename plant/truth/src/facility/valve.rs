//! Control valves: motion and flow characteristic.
//!
//! Responsible for: stroke time, sticking, conductance against position. Not for: who moves it.
//!
//! Equal-percentage characteristic with rangeability `R` and shut-off below 1 % (IEC 60534-2-4):
//!
//! ```text
//! g(x) = g_max R^(x - 1),   dp = (Q / g)^2
//! ```
//!
//! Stiction by the two-parameter model of He, Wang, Pottmann and Qin (*Control Engineering Practice* 15, 2007):
//! the stem rests until the drive is away from it by more than the static friction `f_s`, then it slips to
//! within the dynamic friction `f_d` of the drive:
//!
//! ```text
//! e = u - x;   |e| > f_s :  x' = u - sign(e) f_d;   otherwise  x' = x          u drive, x stem
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
    /// Static friction as a share of the stroke (fault), 0 = free: the stem moves in jumps.
    pub stiction: f64,
    /// Position of the drive; the stem follows it unless it sticks.
    pub drive: f64,
}

/// Dynamic over static friction of a sticking stem.
const SLIP_RATIO: f64 = 0.5;

/// Logarithm of the ratio of largest to smallest controllable flow, which is 30.
const LN_RANGEABILITY: f64 = 3.401_197_381_662_155_5;

impl Valve {
    /// A valve that passes `flow_lpm` at `dp_kpa` when open.
    #[must_use]
    pub fn sized(flow_lpm: f64, dp_kpa: f64, stroke_s: f64) -> Self {
        let open_conductance = flow_lpm / dp_kpa.sqrt();
        Self { position: 0.5, stroke_s, open_conductance, stuck: false, stiction: 0.0, drive: 0.5 }
    }

    /// Moves toward `command` (0..1) at the speed of the motor.
    pub fn step(&mut self, command: f64, dt_s: f64) {
        if self.stuck {
            return;
        }
        let target = command.clamp(0.0, 1.0);
        let from = if self.stiction > 0.0 { self.drive } else { self.position };
        self.drive = super::fluid::slew(from, target, dt_s / self.stroke_s);
        let away = self.drive - self.position;
        if self.stiction <= 0.0 {
            self.position = self.drive;
        } else if away.abs() > self.stiction {
            let rest = away.signum() * SLIP_RATIO * self.stiction;
            self.position = (self.drive - rest).clamp(0.0, 1.0);
        }
    }

    /// Conductance at the present position, (L/min)/kPa^0.5.
    #[must_use]
    pub fn conductance(&self) -> f64 {
        let seat = (self.position / 0.01).min(1.0);
        self.open_conductance * seat * ((self.position - 1.0) * LN_RANGEABILITY).exp()
    }
}

/// Conductance of two restrictions in series.
#[must_use]
pub fn in_series(a: f64, b: f64) -> f64 {
    if a <= 0.0 || b <= 0.0 { 0.0 } else { a * b / (a * a + b * b).sqrt() }
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
    fn a_sticking_stem_rests_and_then_jumps() {
        let mut valve = Valve { stiction: 0.05, ..Valve::sized(100.0, 50.0, 60.0) };
        for _ in 0..10 {
            valve.step(0.54, 1.0);
        }
        assert!((valve.position - 0.5).abs() < 1e-12, "inside the band it rests");
        for _ in 0..10 {
            valve.step(0.56, 1.0);
        }
        let jumped = valve.position;
        assert!((0.525..0.54).contains(&jumped), "{jumped}");
        for _ in 0..10 {
            valve.step(0.5, 1.0);
        }
        assert!((valve.position - jumped).abs() < 1e-12, "and rests on the way back");
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
