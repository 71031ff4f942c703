//! Scan lists: which points the BMS looks at in a step.
//!
//! Responsible for: walking each class's list once per scan period. Not for: what is seen.
//!
//! A scanner reads its list in order, evenly over the period, again and again. Where it stands after a time `t`, in
//! points of a list of `n`:
//! ```text
//! position = floor(n * ((t + J(t)) / P) + 1/2)      J(t) = j * P * sin(2 pi t / (5.618 P))
//! ```
//! `P` is the period and `j` the jitter. `|dJ/dt| < 1.12 j`, so the scanner never goes back for `j < 0.89`, and a point is
//! read every `P * (1 +- 1.12 j)` whatever the step of the world. A step longer than the period reads each point once.

use super::class::SensorClass;
use std::f64::consts::TAU;
use std::ops::Range;

/// Period of the jitter over the scan period: out of step with any of the others.
const WANDER: f64 = 5.618;

/// The list of one class.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    pub(super) class: &'static SensorClass,
    points: Vec<u32>,
    read: f64,
    /// What was found due last: where it stands in the list of all due points.
    pub(super) due: Range<usize>,
    pub(super) pace: Pace,
}

/// What a time between two looks means to a sensor of a class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    between_s: f64,
    /// Share of the way that a lagging sensor has gone.
    pub(super) follow: f64,
    /// What is left of the slow noise.
    pub(super) keep: f64,
    /// What is new of it.
    pub(super) kick: f64,
}

impl Pace {
    fn new(class: &SensorClass, between_s: f64) -> Self {
        let keep = (-between_s / class.slow_s).exp();
        let follow = if class.lag_s > 0.0 { 1.0 - (-between_s / class.lag_s).exp() } else { 1.0 };
        Self { between_s, follow, keep, kick: (1.0 - keep * keep).sqrt() }
    }
}

impl Scan {
    pub(super) fn new(class: &'static SensorClass, points: Vec<u32>) -> Self {
        Self { class, points, read: 0.0, due: 0..0, pace: Pace::new(class, class.scan_s) }
    }

    /// Appends the points that come up until `time_s` after the first look, `elapsed_s` after the last one.
    pub(super) fn advance(&mut self, time_s: f64, elapsed_s: f64, due: &mut Vec<u32>) {
        let (n, period_s) = (self.points.len(), self.class.scan_s);
        let between_s = elapsed_s.max(period_s);
        if (between_s - self.pace.between_s).abs() > 1e-9 {
            self.pace = Pace::new(self.class, between_s);
        }
        let wander_s = self.class.jitter * period_s * (TAU * time_s / (WANDER * period_s)).sin();
        let target = (n as f64 * ((time_s + wander_s) / period_s) + 0.5 + 1e-9).floor();
        let count = (target - self.read).clamp(0.0, n as f64) as usize;
        self.read = self.read.max(target);
        let end = (target % n as f64) as usize;
        let begin = due.len();
        if count > end {
            due.extend_from_slice(&self.points[n + end - count..]);
            due.extend_from_slice(&self.points[..end]);
        } else {
            due.extend_from_slice(&self.points[end - count..end]);
        }
        self.due = begin..due.len();
    }

    /// Appends every point: the first look.
    pub(super) fn all(&mut self, due: &mut Vec<u32>) {
        let begin = due.len();
        due.extend_from_slice(&self.points);
        self.due = begin..due.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: SensorClass = SensorClass { jitter: 0.05, ..SensorClass::ideal(2.0, 0.1) };

    /// Looks at each of seven points in 600 s, and the longest and shortest time between two.
    fn looks(dt_s: f64) -> (Vec<u32>, f64, f64) {
        let mut scan = Scan::new(&CLASS, (0..7).collect());
        let (mut due, mut counts, mut last) = (Vec::new(), vec![0; 7], [0.0; 7]);
        let (mut shortest, mut longest) = (f64::INFINITY, 0.0_f64);
        let steps = (600.0 / dt_s).round() as u32;
        for step in 1..=steps {
            let now_s = f64::from(step) * dt_s;
            due.clear();
            scan.advance(now_s, dt_s, &mut due);
            assert!(due.len() <= 7);
            for &point in &due {
                counts[point as usize] += 1;
                if counts[point as usize] > 1 {
                    shortest = shortest.min(now_s - last[point as usize]);
                    longest = longest.max(now_s - last[point as usize]);
                }
                last[point as usize] = now_s;
            }
        }
        (counts, shortest, longest)
    }

    #[test]
    fn every_point_comes_up_once_per_period_at_any_step() {
        for dt_s in [0.01, 0.1, 0.5, 1.0] {
            let (counts, shortest, longest) = looks(dt_s);
            assert!(counts.iter().all(|c| (299..=301).contains(c)), "{dt_s}: {counts:?}");
            assert!(
                shortest > 2.0 * 0.94 - dt_s - 1e-9 && longest < 2.0 * 1.06 + dt_s + 1e-9,
                "{shortest} {longest}"
            );
        }
        assert!(looks(0.01).2 > 2.05, "there is jitter");
        let (counts, ..) = looks(10.0);
        assert!(counts.iter().all(|c| *c == 60), "a long step reads each point once: {counts:?}");
    }
}
