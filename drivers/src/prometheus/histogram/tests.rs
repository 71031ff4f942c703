//! Differences of buckets against the observations that made them.

use super::*;
use proptest::prelude::*;

const BOUNDS: [f64; 5] = [0.1, 0.25, 0.5, 1.0, f64::INFINITY];

/// A histogram as an engine keeps it.
#[derive(Clone, Default)]
struct Engine {
    counts: [u32; 5],
    sum: f64,
}

impl Engine {
    fn observe(&mut self, seconds: f64) {
        self.sum += seconds;
        for (bound, count) in BOUNDS.iter().zip(&mut self.counts) {
            *count += u32::from(seconds <= *bound);
        }
    }

    fn show(&self, h: &mut Histogram, key: &str) {
        for (bound, count) in BOUNDS.iter().zip(self.counts) {
            h.take(key.to_owned(), Part::Bucket(*bound), f64::from(count));
        }
        h.take(key.to_owned(), Part::Sum, self.sum);
        h.take(key.to_owned(), Part::Count, f64::from(self.counts[4]));
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn only_what_came_since_counts() {
    let (mut h, mut e) = (Histogram::default(), Engine::default());
    (0..1000).for_each(|_| e.observe(0.9));
    e.show(&mut h, "a");
    assert_eq!(h.finish(false).unwrap().statistic(Statistic::P50), None, "the first reading is a beginning");
    // Twenty: ten in (0.1, 0.25], nine in (0.25, 0.5], one in (0.5, 1].
    (0..10).for_each(|_| e.observe(0.2));
    (0..9).for_each(|_| e.observe(0.4));
    e.observe(0.8);
    e.show(&mut h, "a");
    let since = h.finish(false).unwrap();
    assert!(near(since.count(), 20.0));
    let p50 = since.statistic(Statistic::P50).unwrap();
    assert!(near(p50.0, 0.25) && p50.1 == Quality::Good, "the tenth is the last of its bucket: {p50:?}");
    // 95 % of 20 is the 19th, the last of (0.25, 0.5]; with 0.95 * 20 rounded up it would be the 20th.
    assert!(near(since.statistic(Statistic::P95).unwrap().0, 0.5));
    assert!(near(since.statistic(Statistic::Mean).unwrap().0, (2.0 + 3.6 + 0.8) / 20.0));
    e.show(&mut h, "a");
    assert_eq!(h.finish(false).unwrap().statistic(Statistic::P95), None, "nothing came");
}

#[test]
fn a_restart_begins_at_nothing_and_the_others_go_on() {
    let (mut h, mut a, mut b) = (Histogram::default(), Engine::default(), Engine::default());
    (0..50).for_each(|_| a.observe(0.05));
    (0..50).for_each(|_| b.observe(0.05));
    a.show(&mut h, "a");
    b.show(&mut h, "b");
    h.finish(false);
    a = Engine::default();
    (0..3).for_each(|_| a.observe(0.7));
    b.observe(0.7);
    a.show(&mut h, "a");
    b.show(&mut h, "b");
    let since = h.finish(false).unwrap();
    assert!(near(since.count(), 4.0) && near(since.statistic(Statistic::Mean).unwrap().0, 0.7));
    // A restart that has more than before: only the process tells, or the day it was created.
    (0..60).for_each(|_| a.observe(0.2));
    for (created, wanted) in [(Some(7.0), 63.0), (None, 63.0)] {
        let mut h = Histogram::default();
        let mut old = Engine::default();
        (0..9).for_each(|_| old.observe(0.7));
        old.show(&mut h, "a");
        if created.is_some() {
            h.take("a".into(), Part::Created, 1.0);
        }
        h.finish(false);
        let mut new = Engine::default();
        (0..63).for_each(|_| new.observe(0.7));
        new.show(&mut h, "a");
        if let Some(created) = created {
            h.take("a".into(), Part::Created, created);
        }
        assert!(near(h.finish(created.is_none()).unwrap().count(), wanted));
    }
}

#[test]
fn what_lies_beyond_the_last_bound_is_at_least_that() {
    let (mut h, mut e) = (Histogram::default(), Engine::default());
    e.show(&mut h, "a");
    h.finish(false);
    (0..10).for_each(|_| e.observe(30.0));
    e.show(&mut h, "a");
    let since = h.finish(false).unwrap();
    assert_eq!(since.statistic(Statistic::P50), Some((1.0, Quality::Uncertain(Reason::OutOfRange))));
    assert!(near(since.statistic(Statistic::Mean).unwrap().0, 30.0));
    // Only the infinite bucket: the mean, and no quantile.
    let mut h = Histogram::default();
    for (count, sum) in [(0.0, 0.0), (4.0, 2.0)] {
        h.take("a".into(), Part::Bucket(f64::INFINITY), count);
        h.take("a".into(), Part::Sum, sum);
        h.take("a".into(), Part::Count, count);
        let since = h.finish(false).unwrap();
        if count > 0.0 {
            assert_eq!(since.statistic(Statistic::P95), Some((0.0, Quality::Bad(Reason::NotSupported))));
            assert_eq!(since.statistic(Statistic::Mean), Some((0.5, Quality::Good)));
        }
    }
}

#[test]
fn engines_with_other_bounds_meet_where_both_have_one() {
    let mut h = Histogram::default();
    let show = |h: &mut Histogram, key: &str, buckets: &[(f64, f64)]| {
        buckets.iter().for_each(|(bound, n)| h.take(key.to_owned(), Part::Bucket(*bound), *n));
    };
    show(&mut h, "a", &[(0.1, 0.0), (0.5, 0.0), (f64::INFINITY, 0.0)]);
    h.finish(false);
    show(&mut h, "a", &[(0.1, 4.0), (0.5, 8.0), (f64::INFINITY, 8.0)]);
    show(&mut h, "b", &[(0.2, 1.0), (0.5, 2.0), (f64::INFINITY, 2.0)]);
    let since = h.finish(false).unwrap();
    assert_eq!(since.buckets, [(0.5, 10.0), (f64::INFINITY, 10.0)]);
}

#[test]
fn a_restart_is_not_forgotten_where_the_page_has_no_histogram() {
    let (mut h, mut e) = (Histogram::default(), Engine::default());
    (0..5).for_each(|_| e.observe(0.3));
    e.show(&mut h, "a");
    h.finish(false);
    assert_eq!(h.finish(true), None);
    (0..2).for_each(|_| e.observe(0.3));
    e.show(&mut h, "a");
    assert!(near(h.finish(false).unwrap().count(), 7.0));
}

/// A page that says the day of a series as no number: it is as if it did not say it.
#[test]
fn a_day_that_is_no_number_is_no_other_day() {
    let (mut h, mut e) = (Histogram::default(), Engine::default());
    (0..9).for_each(|_| e.observe(0.3));
    for _ in 0..2 {
        e.show(&mut h, "a");
        h.take("a".into(), Part::Created, f64::NAN);
        assert!(near(h.finish(false).unwrap().count(), 0.0), "nobody was served in between");
    }
}

proptest! {
    /// The percentile lies in the bucket of the observation that it is, in every interval, across restarts.
    #[test]
    fn the_bucket_is_the_right_one(
        intervals in prop::collection::vec((prop::collection::vec(0.0..1.5_f64, 0..40), any::<bool>()), 1..8),
    ) {
        let (mut h, mut e, mut had) = (Histogram::default(), Engine::default(), 0);
        e.show(&mut h, "a");
        h.finish(false);
        for (mut seen, restart) in intervals {
            // What restarts and has fewer than it had is found out by itself.
            let found_out = restart && seen.len() < had;
            if found_out {
                e = Engine::default();
            }
            seen.iter().for_each(|s| e.observe(*s));
            had = e.counts[4] as usize;
            e.show(&mut h, "a");
            let since = h.finish(false).unwrap();
            prop_assert!(near(since.count(), seen.len() as f64));
            seen.sort_by(f64::total_cmp);
            for (which, percent) in [(Statistic::P50, 50), (Statistic::P95, 95)] {
                let Some((value, quality)) = since.statistic(which) else {
                    prop_assert!(seen.is_empty());
                    continue;
                };
                let truth = seen[(percent * seen.len()).div_ceil(100).max(1) - 1];
                let i = BOUNDS.iter().position(|b| truth <= *b).unwrap();
                let lower = i.checked_sub(1).map_or(0.0, |i| BOUNDS[i]);
                if BOUNDS[i].is_infinite() {
                    prop_assert_eq!((value, quality), (1.0, Quality::Uncertain(Reason::OutOfRange)));
                } else {
                    prop_assert!(quality == Quality::Good && (lower..=BOUNDS[i]).contains(&value));
                }
            }
        }
    }
}
