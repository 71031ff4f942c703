//! Clocks of the sources that stamp what they send.
//!
//! Responsible for: how far each is from plant time, at rest and with a fault. Not for: who publishes the stamp (desks).
//!
//! A source under NTP keeps a constant offset `c` (asymmetry of its path) and drifts between two corrections:
//! ```text
//! offset(t) = c + d * (((t + p) mod P) - P / 2)      |c| < 40 ms, |d| < 5 ppm, P = 1024 s (RFC 5905, poll 10)
//! ```

use super::fault::SourceFault;
use headroom_truth::rng::Rng;

/// Time between two corrections, s.
const POLL_S: f64 = 1024.0;

/// Clock of one source.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceClock {
    base_ms: f32,
    ppm: f32,
    phase_s: f32,
}

impl SourceClock {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self {
            base_ms: rng.range(-40.0, 40.0) as f32,
            ppm: rng.range(-5.0, 5.0) as f32,
            phase_s: rng.range(0.0, POLL_S) as f32,
        }
    }

    /// Offset from plant time, ms.
    pub(super) fn offset_ms(&self, now_s: f64) -> f64 {
        let since_s = (now_s + f64::from(self.phase_s)).rem_euclid(POLL_S);
        f64::from(self.base_ms) + f64::from(self.ppm) * 1e-3 * (since_s - 0.5 * POLL_S)
    }
}

/// What a fault adds to the offset of a clock, ms.
pub(super) fn fault_ms(fault: SourceFault, since_s: f64, now_s: f64) -> f64 {
    let elapsed_s = now_s - since_s;
    match fault {
        SourceFault::ClockStep { step_s } => 1000.0 * step_s,
        SourceFault::ClockDrift { ppm } => 1e-3 * ppm * elapsed_s,
        SourceFault::TimeZone { hours } => 3.6e6 * f64::from(hours),
        SourceFault::StuckStamp => -1000.0 * elapsed_s,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_clocks_stay_within_fifty_milliseconds_for_a_year() {
        let mut rng = Rng::new(5);
        for _ in 0..100 {
            let clock = SourceClock::draw(&mut rng);
            for step in 0..2000 {
                let offset_ms = clock.offset_ms(f64::from(step) * 15_768.3);
                assert!(offset_ms.abs() < 50.0, "{offset_ms}");
            }
        }
    }

    #[test]
    fn faults_move_the_stamp_as_they_say() {
        let at = |fault, now_s| fault_ms(fault, 100.0, now_s);
        assert!((at(SourceFault::ClockStep { step_s: -3.0 }, 900.0) + 3000.0).abs() < 1e-9);
        assert!((at(SourceFault::TimeZone { hours: 2 }, 900.0) - 7.2e6).abs() < 1e-9);
        assert!((at(SourceFault::ClockDrift { ppm: 100.0 }, 1100.0) - 100.0).abs() < 1e-9);
        // a stuck stamp says the same instant for ever
        assert!((1100.0 * 1e3 + at(SourceFault::StuckStamp, 1100.0) - 100.0 * 1e3).abs() < 1e-6);
    }
}
