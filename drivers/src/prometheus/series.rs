//! Counters by series: what has been counted, whatever became of those who counted.
//!
//! Responsible for: one total that only rises. Not for: rates (that is the estimator's).
//!
//! A sum of counters must not be looked at as one: when one of ten engines restarts, the sum falls by what that engine had,
//! and whoever takes a fall for a reset books the other nine anew.
//!
//! ```text
//! T += sum over series s of   v_s - v_s'   if v_s >= v_s' and its process is the same
//!                             v_s          if it fell, or is new since the last reading: it began at 0
//! ```
//! At the first reading T is the sum of what is there. What a process counted between our last reading of it and its end is
//! lost; nobody knows it.

use super::text::Sample;
use std::collections::BTreeMap;

/// Readings after which a series that is not there any more is forgotten.
pub(super) const FORGET: u64 = 1000;

/// A series as its labels tell it from others, without `le`. The order on a page does not matter.
pub(super) fn key(sample: &Sample<'_>) -> String {
    let mut labels: Vec<_> = sample.labels.iter().filter(|(name, _)| *name != "le").collect();
    labels.sort_unstable_by(|a, b| a.0.cmp(b.0));
    let mut key = String::with_capacity(64);
    for (name, value) in labels {
        key.push_str(name);
        key.push('\u{1}');
        key.push_str(value);
        key.push('\u{2}');
    }
    key
}

/// A counter of one series.
#[derive(Debug, Clone, Copy)]
struct Seen {
    value: f64,
    at: u64,
}

/// The counters of a point.
#[derive(Debug, Default)]
pub(super) struct Counter {
    total: f64,
    series: BTreeMap<String, Seen>,
    /// Values of this reading.
    now: BTreeMap<String, f64>,
    readings: u64,
}

impl Counter {
    pub(super) fn take(&mut self, key: String, value: f64) {
        // A series that stands there twice counts once, by the larger of them; what is no number stays none.
        let seen = self.now.entry(key).or_insert(value);
        *seen = if seen.is_nan() || value.is_nan() { f64::NAN } else { seen.max(value) };
    }

    /// Drops what was taken in this reading.
    pub(super) fn clear(&mut self) {
        self.now.clear();
    }

    /// Ends a reading; `restarted` if the page's process is another one. Gives the total; not a number where one of the
    /// series is none, is below zero or leads beyond all numbers; `None` without series.
    pub(super) fn finish(&mut self, restarted: bool) -> Option<f64> {
        // Also those that the page does not have now: what bears their names later is another.
        if restarted {
            self.series.clear();
        }
        if self.now.is_empty() {
            return None;
        }
        let now = std::mem::take(&mut self.now);
        let more = |(key, value): (&String, &f64)| {
            let before = self.series.get(key).map(|seen| seen.value);
            value - before.filter(|before| value >= before).unwrap_or(0.0)
        };
        let total = self.total + now.iter().map(more).sum::<f64>();
        if !total.is_finite() || now.values().any(|value| *value < 0.0) {
            return Some(f64::NAN);
        }
        self.total = total;
        self.readings += 1;
        let at = self.readings;
        self.series.extend(now.into_iter().map(|(key, value)| (key, Seen { value, at })));
        if at.is_multiple_of(FORGET) {
            self.series.retain(|_, seen| at - seen.at < FORGET);
        }
        Some(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(counter: &mut Counter, series: &[(&str, f64)], restarted: bool) -> Option<f64> {
        series.iter().for_each(|(key, value)| counter.take((*key).to_owned(), *value));
        counter.finish(restarted)
    }

    #[test]
    fn one_of_two_engines_restarts_and_the_other_is_not_counted_again() {
        let mut c = Counter::default();
        assert_eq!(read(&mut c, &[("a", 1000.0), ("b", 500.0)], false), Some(1500.0));
        assert_eq!(read(&mut c, &[("a", 1010.0), ("b", 20.0)], false), Some(1530.0));
        // One is away, and comes back where it was; a third begins.
        assert_eq!(read(&mut c, &[("b", 25.0)], false), Some(1535.0));
        assert_eq!(read(&mut c, &[("a", 1011.0), ("b", 25.0), ("c", 7.0)], false), Some(1543.0));
        assert_eq!(read(&mut c, &[], false), None);
        assert!(read(&mut c, &[("a", f64::NAN), ("b", 30.0)], false).is_some_and(f64::is_nan));
        assert_eq!(read(&mut c, &[("a", 1012.0), ("b", 30.0)], false), Some(1549.0));
        // Restarted and beyond what it had: only its process tells.
        assert_eq!(read(&mut c, &[("a", 2000.0), ("b", 31.0)], true), Some(3580.0));
    }

    #[test]
    fn a_series_twice_counts_once_and_what_cannot_be_counted_changes_nothing() {
        let mut c = Counter::default();
        for _ in 0..3 {
            assert_eq!(read(&mut c, &[("a", 10.0), ("a", 5.0)], false), Some(10.0));
            assert_eq!(read(&mut c, &[("a", 5.0), ("a", 10.0)], false), Some(10.0));
        }
        for wrong in [-5.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(read(&mut c, &[("a", 11.0), ("b", wrong)], false).is_some_and(f64::is_nan), "{wrong}");
        }
        // Each of them is a number, and their sum is none.
        assert!(read(&mut c, &[("b", f64::MAX), ("c", f64::MAX)], false).is_some_and(f64::is_nan));
        assert_eq!(read(&mut c, &[("a", 12.0), ("b", 1.0)], false), Some(13.0));
    }

    #[test]
    fn a_restart_is_not_forgotten_where_the_page_has_no_number() {
        for first in [vec![], vec![("a", f64::NAN)], vec![("b", 1.0)]] {
            let mut c = Counter::default();
            assert_eq!(read(&mut c, &[("a", 10.0), ("b", 0.0)], false), Some(10.0));
            let _ = read(&mut c, &first, true);
            let total = read(&mut c, &[("a", 12.0), ("b", 1.0)], false);
            assert_eq!(total, Some(23.0), "{first:?}");
        }
    }

    #[test]
    fn labels_make_a_key_in_any_order() {
        let line = |l| key(&super::super::text::sample(l).unwrap());
        assert_eq!(line("m{a=\"1\",b=\"2\"} 1"), line("m{b=\"2\",le=\"0.5\",a=\"1\"} 1"));
        assert_ne!(line("m{a=\"1\"} 1"), line("m{a=\"2\"} 1"));
    }

    proptest! {
        /// Whatever restarts when, the total is what was counted and seen, and never falls.
        #[test]
        fn the_total_is_what_was_counted(steps in prop::collection::vec((0..3_usize, 0..100_u32, any::<bool>()), 1..60)) {
            let (mut c, mut values, mut counted) = (Counter::default(), [10.0_f64, 20.0, 30.0], 60.0);
            let keys = ["a", "b", "c"];
            let all = |v: &[f64; 3]| keys.iter().copied().zip(*v).collect::<Vec<_>>();
            prop_assert_eq!(read(&mut c, &all(&values), false), Some(60.0));
            for (i, by, restart) in steps {
                let by = f64::from(by);
                // A restart that is seen: what it counted since is less than what it had.
                let fell = restart && by < values[i];
                values[i] = if fell { by } else { values[i] + by };
                counted += by;
                prop_assert_eq!(read(&mut c, &all(&values), false), Some(counted));
            }
        }
    }
}
