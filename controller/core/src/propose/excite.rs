//! Excitation: moves setpoints a little and independently of each other, so that the site's model can be learned.
//!
//! Responsible for: what is proposed while an experiment runs, when it waits and when it breaks off. Not for: limits of
//! actuators, ramps and leases: what is proposed here goes through the same guard and lease as everything else.
//!
//! Actuator i moves around its base value b by a multisine over the length T of the experiment
//!
//! ```text
//! u_i(t) = b + sum over m of  A_m sin(2 pi h_m t / T + phi)      h_m = 2 + i mod S + m S,   m = 0, 1, 2
//! A_m    = min(A / 3, 0.7 ramp T / (2 pi h_m)),  of which the unused part goes to the slower ones
//! ```
//!
//! Sines of different whole numbers of periods are orthogonal over T whatever a linear plant makes of them (Pintelon and
//! Schoukens, *System Identification*, 2012, chapter 2), so all actuators can move at once. Harmonics reach from half the
//! experiment down to [`SHORTEST_S`].
//!
//! ```text
//!            room for it              time is over
//! Waiting ----------------> Moving ------------------> Done
//!                             |
//!                             | less than the floor left of what it serves
//!                             v
//!                         Returning (to its base) ----> Done
//! ```
//!
//! Waiting and done, an actuator is moved by [`least_headroom`]: an experiment does not take the safety of the loop away.

use super::Why;
use super::cooling::{Scene, SetpointProposal, least_headroom, slack};
use headroom_site::model::Actuator;
use headroom_site::{Dimension, Span, Stamp};

/// Longest experiment.
pub const LONGEST: Span = Span::from_ms(3 * 3_600_000);
/// Largest move of a temperature either way, K.
const MOST_K: f64 = 2.0;
/// Largest move of a pressure either way, of its base: a tenth is a twentieth of flow.
const MOST_PRESSURE: f64 = 0.10;
/// Largest move of anything else either way, of its base.
const MOST_SHARE: f64 = 0.05;
/// Share of the ramp that a move may use: what lags behind its own sine teaches less.
const RAMP_SHARE: f64 = 0.7;
/// Shortest period worth moving with, s.
const SHORTEST_S: f64 = 360.0;
/// Sets of harmonics.
const SETS: usize = 10;
/// Harmonics of an actuator.
const HARMONICS: usize = 3;
/// Slack that must be there to begin, K-equivalent: an experiment takes some of it.
const BEGIN_K: f64 = 0.5;
/// Slack below which an actuator returns to its base, K-equivalent: a part of the wanted margin is used up.
const FLOOR_K: f64 = -1.0;
/// For so long an actuator that broke off stays at its base, as the ramp allows.
const RETURN: Span = Span::from_ms(1_200_000);

/// Where an actuator is in the experiment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// For room to move.
    Waiting,
    /// Around a base since the experiment began.
    Moving {
        /// Where it stood.
        base: f64,
    },
    /// Broke off, back to where it stood.
    Returning {
        /// Where it stood.
        base: f64,
        /// Until it is there.
        until: Stamp,
    },
    /// No more to do: time is over, or it broke off.
    Done,
}

/// An experiment on all actuators that may be moved.
#[derive(Debug, Clone)]
pub struct Excitation {
    length: Span,
    began: Option<Stamp>,
    stages: Vec<Stage>,
    broke_off: Vec<bool>,
}

impl Excitation {
    /// For so many actuators; longer than [`LONGEST`] is cut.
    #[must_use]
    pub fn new(actuators: usize, length: Span) -> Self {
        Self {
            length: length.min(LONGEST),
            began: None,
            stages: vec![Stage::Waiting; actuators],
            broke_off: vec![false; actuators],
        }
    }

    /// How far it is, 0 to 1.
    #[must_use]
    pub fn progress(&self, now: Stamp) -> f64 {
        self.began.map_or(0.0, |began| (now.since(began).s() / self.length.s()).clamp(0.0, 1.0))
    }

    /// Stage of an actuator.
    #[must_use]
    pub fn stage(&self, actuator: usize) -> Stage {
        self.stages[actuator]
    }

    /// Actuators that broke off.
    pub fn broke_off(&self) -> impl Iterator<Item = usize> + '_ {
        self.broke_off.iter().enumerate().filter(|(_, broke)| **broke).map(|(i, _)| i)
    }

    /// Proposes a value for an actuator that stands at `stands` and is on its way to `from`.
    #[must_use]
    pub fn propose(&mut self, scene: &Scene<'_>, index: usize, stands: f64, from: f64) -> SetpointProposal {
        let now = scene.snapshot.stamp;
        let began = *self.began.get_or_insert(now);
        let left = self.length.s() - now.since(began).s();
        let (slack_k, by) = slack(scene, index);
        self.stages[index] = match self.stages[index] {
            Stage::Waiting | Stage::Moving { .. } if left <= 0.0 => Stage::Done,
            Stage::Waiting if slack_k >= BEGIN_K => Stage::Moving { base: stands },
            Stage::Moving { base } if slack_k < FLOOR_K => {
                self.broke_off[index] = true;
                Stage::Returning { base, until: now + RETURN }
            }
            Stage::Returning { until, .. } if now >= until => Stage::Done,
            other => other,
        };
        let actuator = &scene.site.actuators[index];
        let (low, high) = scene.wants.actuator_range[index];
        match self.stages[index] {
            Stage::Waiting | Stage::Done => least_headroom(scene, index, stands, from),
            Stage::Returning { base, .. } => {
                let value = toward(from, base, actuator.step).clamp(low, high);
                SetpointProposal { stands, value, why: Why::BrokeOff { slack_k, by } }
            }
            Stage::Moving { base } => {
                let most = amplitude(actuator, base);
                // Near an end of its range it moves around the nearest value that leaves room on both sides.
                let room = most.min(0.5 * (high - low));
                let base = base.clamp(low + room, high - room);
                let offset = multisine(actuator, index, most, now.since(began).s(), self.length.s());
                let value = toward(from, base + offset, actuator.step).clamp(low, high);
                SetpointProposal { stands, value, why: Why::Excite { offset, left_s: left } }
            }
        }
    }
}

/// One step from a value to another.
fn toward(from: f64, to: f64, step: f64) -> f64 {
    from + (to - from).clamp(-step, step)
}

/// Largest move either way.
fn amplitude(actuator: &Actuator, base: f64) -> f64 {
    match actuator.unit.dimension {
        Dimension::Temperature | Dimension::TemperatureDelta => MOST_K,
        Dimension::Pressure => MOST_PRESSURE * base.abs(),
        _ => MOST_SHARE * base.abs(),
    }
}

/// The move of an actuator at a time of an experiment.
fn multisine(actuator: &Actuator, index: usize, most: f64, at_s: f64, length_s: f64) -> f64 {
    let fastest = (length_s / SHORTEST_S).max(2.0);
    let harmonic = |m: usize| ((2 + index % SETS + m * SETS) as f64).min(fastest);
    // What the ramp takes from the fast ones, the slow ones get.
    let mut left = most;
    let mut sum = 0.0;
    for m in (0..HARMONICS).rev() {
        let rate = 2.0 * std::f64::consts::PI * harmonic(m) / length_s;
        let a = (left / (m + 1) as f64).min(RAMP_SHARE / HARMONICS as f64 * actuator.ramp_per_s / rate);
        left -= a;
        // Actuators that share harmonics begin apart; those of one actuator do not add up at once.
        let phase = 2.399 * (index / SETS) as f64 + 1.1 * m as f64;
        sum += a * (rate * at_s + phase).sin() - a * phase.sin() * (1.0 - at_s / 600.0).max(0.0);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{CDU_SUPPLY, site};

    fn actuator() -> Actuator {
        site().actuators[CDU_SUPPLY].clone()
    }

    #[test]
    fn moves_keep_their_amplitude_and_the_ramp() {
        let a = actuator();
        let t = LONGEST.s();
        for index in 0..24 {
            let mut last = multisine(&a, index, 2.0, 0.0, t);
            assert!(last.abs() < 1e-9, "it begins where it stood: {last}");
            for k in 1..(t / 30.0) as usize {
                let now = multisine(&a, index, 2.0, 30.0 * k as f64, t);
                assert!(now.abs() <= 4.0 && (now - last).abs() <= 30.0 * a.ramp_per_s, "{index} {k}: {now} {last}");
                last = now;
            }
        }
    }

    #[test]
    fn moves_of_different_actuators_are_orthogonal() {
        let a = actuator();
        let t = LONGEST.s();
        let series = |index: usize| -> Vec<f64> {
            (20..(t / 30.0) as usize).map(|k| multisine(&a, index, 2.0, 30.0 * k as f64, t)).collect()
        };
        for (i, j) in [(0, 1), (2, 7), (3, 9)] {
            let (x, y) = (series(i), series(j));
            let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(a, b)| a * b).sum::<f64>();
            let correlation = dot(&x, &y) / (dot(&x, &x) * dot(&y, &y)).sqrt();
            assert!(correlation.abs() < 0.2, "{i} {j}: {correlation}");
        }
    }
}
