//! How much a temperature has moved within the last quarter of an hour.
//!
//! Responsible for: least and most of it, minute by minute, and how far a setpoint may follow. Not for: limits.
//!
//! Racks and their liquid may change by 5 K in 15 min (ASHRAE TC 9.9, 2021). A setpoint that is relaxed uses no more than
//! [`OWN_K`] of that, counted from the coldest of those minutes; the rest is for the load, which may double within one of them.

use headroom_site::Stamp;

/// Minutes of the window.
pub const MINUTES: usize = 15;
/// The most of the change that a setpoint itself may cause, K.
pub const OWN_K: f64 = 3.0;

/// Least and most of a temperature in each of the last minutes, degC.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Swing {
    minutes: [(f64, f64); MINUTES],
    minute: Option<i64>,
}

impl Default for Swing {
    fn default() -> Self {
        Self { minutes: [NOTHING; MINUTES], minute: None }
    }
}

/// A minute without a value.
const NOTHING: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

impl Swing {
    /// Takes a value.
    pub(super) fn take(&mut self, now: Stamp, value: f64) {
        let minute = now.unix_ms().div_euclid(60_000);
        let last = *self.minute.get_or_insert(minute);
        // a clock that was set back, or long silence: begin anew
        let passed = usize::try_from(minute - last).map_or(MINUTES, |n| n.min(MINUTES));
        (0..passed).for_each(|k| self.minutes[place(minute - k as i64)] = NOTHING);
        self.minute = Some(minute);
        let (low, high) = &mut self.minutes[place(minute)];
        (*low, *high) = (low.min(value), high.max(value));
    }

    fn range(&self) -> (f64, f64) {
        self.minutes.iter().fold(NOTHING, |(low, high), m| (low.min(m.0), high.max(m.1)))
    }

    /// By how much it has moved, K.
    pub(super) fn by_k(&self) -> f64 {
        let (low, high) = self.range();
        (high - low).max(0.0)
    }

    /// How much further a setpoint may go, up or down, and how much in a quarter of an hour, K; the first may be below zero.
    pub(super) fn room(&self, setpoint: f64, toward: f64) -> (f64, f64) {
        let (low, high) = self.range();
        (if toward > 0.0 { low + OWN_K - setpoint } else { setpoint - (high - OWN_K) }, OWN_K)
    }

    /// Would a setpoint, moved up or down, use more than its share of the change?
    pub(super) fn reached(&self, setpoint: f64, toward: f64) -> bool {
        let (low, high) = self.range();
        if toward > 0.0 { setpoint > low + OWN_K } else { setpoint < high - OWN_K }
    }
}

fn place(minute: i64) -> usize {
    minute.rem_euclid(MINUTES as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(min: i64) -> Stamp {
        Stamp::from_unix_ms(1_700_000_000_000 + min * 60_000)
    }

    #[test]
    fn a_setpoint_waits_until_the_cold_minutes_are_past() {
        let mut swing = Swing::default();
        assert!(!swing.reached(40.0, 1.0), "nothing is known yet");
        for minute in 0..5 {
            swing.take(at(minute), 28.0);
        }
        for minute in 5..18 {
            swing.take(at(minute), 31.0);
        }
        assert!(swing.reached(31.1, 1.0) && !swing.reached(30.9, 1.0), "28 degC is 14 min ago");
        assert!((swing.by_k() - 3.0).abs() < 1e-12);
        swing.take(at(19), 31.0);
        assert!(!swing.reached(33.9, 1.0) && swing.reached(34.1, 1.0), "and now it is past");
        assert!(swing.reached(27.9, -1.0) && !swing.reached(28.1, -1.0));
    }

    #[test]
    fn a_clock_that_is_set_back_begins_anew() {
        let mut swing = Swing::default();
        swing.take(at(100), 20.0);
        swing.take(at(10), 30.0);
        assert!(swing.by_k() < 1e-12 && !swing.reached(32.0, 1.0));
    }
}
