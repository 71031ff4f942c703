//! What is faster than a minute: the steps of a training job, seen in its power tick by tick.
//!
//! Responsible for: period, size and confidence of the fastest repetition that the ticks can show. Not for: forecasts of
//! minutes (`series`), or what is faster than two ticks: that is folded down and looks slow.

use super::period::{Period, find};
use headroom_site::{Span, Stamp};

/// Values that are kept.
const KEPT: usize = 384;
/// Longest lag that is looked at.
const LAGS: usize = KEPT / 3 + 1;
/// Values must be so near to equidistant: largest over usual distance.
const UNEVEN: f64 = 1.5;

/// The rhythm of a job.
#[derive(Debug, Clone)]
pub struct Rhythm {
    /// Oldest first from `next` on.
    watts: Vec<f64>,
    next: usize,
    last: Option<Stamp>,
    step: Span,
    least: Span,
    straight: Vec<f64>,
    lags: Vec<f64>,
    found: Option<Beat>,
}

/// A repetition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beat {
    /// Its period, s.
    pub period_s: f64,
    /// Standard deviation of the power, W.
    pub rms_w: f64,
    /// Share of the variance that repeats, 0 to 1.
    pub confidence: f64,
}

impl Rhythm {
    /// Values that come faster than `least` are passed over.
    #[must_use]
    pub fn new(least: Span) -> Self {
        Self {
            watts: Vec::with_capacity(KEPT),
            next: 0,
            last: None,
            step: Span::ZERO,
            least,
            straight: Vec::with_capacity(KEPT),
            lags: vec![0.0; LAGS],
            found: None,
        }
    }

    /// Takes a value; after a gap it begins anew.
    pub fn take(&mut self, now: Stamp, watts: f64) {
        let step = self.last.map_or(Span::ZERO, |last| now.since(last));
        if self.last.is_some() && step.ns() * 10 < self.least.ns() * 9 {
            return;
        }
        let usual = self.step.s();
        if usual > 0.0 && !(usual / UNEVEN..=usual * UNEVEN).contains(&step.s()) {
            self.watts.clear();
            (self.next, self.found) = (0, None);
        }
        self.step = step;
        self.last = Some(now);
        if self.watts.len() < KEPT {
            self.watts.push(watts);
        } else {
            self.watts[self.next] = watts;
            self.next = (self.next + 1) % KEPT;
        }
    }

    /// Looks for a period in what was taken.
    pub fn look(&mut self) {
        self.found = None;
        if self.watts.len() < KEPT / 2 || self.step.ns() <= 0 {
            return;
        }
        self.straight.clear();
        self.straight.extend_from_slice(&self.watts[self.next..]);
        self.straight.extend_from_slice(&self.watts[..self.next]);
        let n = self.straight.len() as f64;
        let mean = self.straight.iter().sum::<f64>() / n;
        let variance = self.straight.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        let beat = |p: Period| Beat {
            period_s: p.samples * self.step.s(),
            rms_w: variance.sqrt(),
            confidence: p.confidence,
        };
        self.found = find(&self.straight, &mut self.lags).map(beat);
    }

    /// What was found last.
    #[must_use]
    pub fn beat(&self) -> Option<Beat> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn training_steps_of_seconds_are_seen_and_forgotten() {
        let (mut rhythm, mut dice) = (Rhythm::new(Span::from_ms(1000)), Dice(4));
        for k in 0..600_i64 {
            let busy = (k as f64 / 7.3).fract() < 0.8;
            let watts = if busy { 5_000.0 } else { 2_000.0 } + 200.0 * dice.normal();
            rhythm.take(Stamp::from_tai_ns(k * 1_000_000_000), watts);
        }
        rhythm.look();
        let beat = rhythm.beat().unwrap();
        assert!((beat.period_s - 7.3).abs() < 0.15, "{beat:?}");
        assert!((1_000.0..1_500.0).contains(&beat.rms_w), "{beat:?}");
        // After a gap nothing is known.
        rhythm.take(Stamp::from_tai_ns(700_000_000_000), 1_000.0);
        rhythm.look();
        assert_eq!(rhythm.beat(), None);
    }
}
