//! The governor of plant time: as fast as asked for, as slow as the slowest needs.
//!
//! ```text
//!  limit of plant time = the earliest tick that somebody still owes + GRACE of a period
//!
//!             plant time reaches the limit
//!   [runs] --------------------------------------------------> [stands]
//!      ^     the limit moves: that tick was done, or             |
//!      +---- was waited for in vain -----------------------------+
//! ```
//!
//! The limit stands in the clock page, so plant time waits by itself for whoever is late, this thread included: that
//! is what keeps ticks from being missed on a machine with better things to do. The speed in between is learnt so that plant time rarely has to
//! stand: down by a tenth where it stood for a quarter of the time, down by a third where a tick was missed, up by a
//! twentieth where it hardly stood, but slowly near the speed at which a tick was missed last, and at most to what was
//! asked for.

use super::parties::Parties;
use headroom_drivers::clock::{Clock, ClockPage, PageError};
use headroom_site::{Span, Stamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Share of a period by which somebody may be overdue.
const GRACE: f64 = 0.5;
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(1);
/// Time over which a speed is judged, s.
const WINDOW_S: f64 = 0.25;
/// Longest wait for anybody but the world: a sign that was lost on its way never comes.
const PATIENCE: Duration = Duration::from_millis(500);
/// Speed to begin with, plant seconds per second.
const FIRST: f64 = 60.0;
/// Slowest speed, plant seconds per second.
const SLOWEST: f64 = 1.0;

/// The speed, learnt.
#[derive(Debug, Clone)]
struct Speed {
    /// Highest speed allowed.
    most: f64,
    /// Speed while time runs.
    rate: f64,
    /// Speed at which a tick was missed last.
    too_fast: f64,
    window_s: f64,
    stood_s: f64,
    missed: u64,
}

impl Speed {
    fn new(most: f64) -> Self {
        Self { most, rate: most.min(FIRST), too_fast: f64::INFINITY, window_s: 0.0, stood_s: 0.0, missed: 0 }
    }

    /// Allows another speed; if it is a higher one, it is tried at once.
    fn allow(&mut self, most: f64) {
        if most > self.most {
            self.rate = self.rate.max(most.min(FIRST));
        }
        self.most = most;
        self.rate = self.rate.min(most);
    }

    /// Takes `dt_s` of wall time in which plant time stood or ran, and the ticks missed so far.
    fn learn(&mut self, dt_s: f64, stood: bool, missed: u64) {
        self.window_s += dt_s;
        self.stood_s += if stood { dt_s } else { 0.0 };
        if self.window_s < WINDOW_S {
            return;
        }
        let share = self.stood_s / self.window_s;
        if missed > self.missed {
            self.too_fast = self.rate;
            self.rate = (self.rate * 0.7).max(SLOWEST);
        } else if share > 0.25 {
            self.rate = (self.rate * 0.9).max(SLOWEST);
        } else if share < 0.1 {
            let growth = if self.rate < 0.9 * self.too_fast { 1.05 } else { 1.003 };
            self.rate = (self.rate * growth).min(self.most);
        }
        (self.window_s, self.stood_s, self.missed) = (0.0, 0.0, missed);
    }
}

/// What the governor shares with the rest of the demo.
#[derive(Debug, Default)]
pub(super) struct Dial {
    /// Highest speed allowed, as bits of an f64.
    most: AtomicU64,
    stop: AtomicBool,
    /// Times that somebody was waited for in vain.
    given_up: AtomicU64,
}

impl Dial {
    pub(super) fn new(most: f64) -> Self {
        Self { most: AtomicU64::new(most.to_bits()), ..Self::default() }
    }

    /// Allows another speed from now on.
    pub(super) fn allow(&self, most: f64) {
        self.most.store(most.to_bits(), Relaxed);
    }

    /// Ends the governor; time goes on at the last speed.
    pub(super) fn end(&self) {
        self.stop.store(true, Relaxed);
    }

    /// Times that somebody was waited for in vain.
    pub(super) fn given_up(&self) -> u64 {
        self.given_up.load(Relaxed)
    }

    fn most(&self) -> f64 {
        f64::from_bits(self.most.load(Relaxed))
    }
}

/// The governor's thread.
pub(super) struct Governor {
    pub(super) page: ClockPage,
    pub(super) clock: Clock,
    pub(super) period: Span,
    pub(super) parties: Arc<Parties>,
    pub(super) dial: Arc<Dial>,
}

impl Governor {
    /// Runs until the dial says so.
    ///
    /// # Errors
    /// The clock page refuses a speed.
    pub(super) fn run(mut self) -> Result<(), PageError> {
        let mut speed = Speed::new(self.dial.most());
        let mut in_force = f64::NAN;
        let (mut last, mut stands_since) = (Instant::now(), None::<Instant>);
        let mut limit = None;
        while !self.dial.stop.load(Relaxed) {
            speed.allow(self.dial.most());
            let stands = limit.is_some_and(|limit| self.clock.now() >= limit);
            stands_since = if stands { stands_since.or_else(|| Some(Instant::now())) } else { None };
            if stands_since.is_some_and(|since| since.elapsed() > PATIENCE) {
                self.give_up();
                stands_since = None;
            }
            let next = self.limit();
            if next != limit {
                self.page.set_limit(next);
                limit = next;
            }
            if speed.rate.to_bits() != in_force.to_bits() {
                self.page.set_rate(speed.rate)?;
                in_force = speed.rate;
            }
            let dt = last.elapsed();
            last += dt;
            speed.learn(dt.as_secs_f64(), stands, self.parties.missed());
            std::thread::sleep(LOOK);
        }
        self.page.set_limit(None);
        Ok(())
    }

    /// Plant time may go on to here.
    fn limit(&self) -> Option<Stamp> {
        let grace = Span::from_ns((self.period.ns() as f64 * GRACE) as i64);
        self.parties.all().filter_map(|p| p.last()).min().map(|last| last + self.period + grace)
    }

    /// Time goes on without those who are overdue.
    fn give_up(&self) {
        let now = self.clock.now();
        for party in self.parties.guests() {
            if party.last().is_some_and(|last| now.since(last) > self.period) {
                party.excuse();
                self.dial.given_up.fetch_add(1, Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_follows_what_is_borne() {
        let mut speed = Speed::new(60.0);
        (0..100).for_each(|_| speed.learn(0.05, true, 0));
        assert!(speed.rate < 10.0, "{speed:?}");
        (0..1000).for_each(|_| speed.learn(0.05, false, 0));
        assert!((speed.rate - 60.0).abs() < 1e-9, "back at what was asked for: {speed:?}");
        speed.learn(0.3, false, 1);
        assert!(speed.rate < 60.0, "a missed tick: {speed:?}");
        (0..1000).for_each(|_| speed.learn(0.25, false, 1));
        assert!((speed.rate - 60.0).abs() < 1e-9);
        (0..10_000).for_each(|_| speed.learn(0.25, true, 1));
        assert!(speed.rate >= SLOWEST);
    }
}
