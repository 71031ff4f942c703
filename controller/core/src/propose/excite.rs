//! Excitation: moves setpoints a little and independently of each other, so that the site's model can be learned.
//!
//! Responsible for: what is proposed while an experiment runs, when it waits and when it breaks off. Not for: limits of
//! actuators, ramps and leases: what is proposed here goes through the same guard and lease as everything else.
//!
//! Actuator i moves around its base value b by a multisine over the length T of the experiment
//!
//! ```text
//! u_i(t) = b + A_1 sin(2 pi h t / T) + A_2 sin(2 pi (h + S) t / T)          h = 1 + r_i mod S,  S <= 12
//! A_1    = min(0.7 A, 0.6 ramp T / (2 pi h))       A_2 = min(0.3 A, 0.2 ramp T / (2 pi (h + S)))
//! ```
//!
//! r_i ranks actuators by how long their ramp takes for their amplitude: the slowest get the slowest sines. Sines of
//! different whole numbers of periods are orthogonal over T whatever a linear plant makes of them (Pintelon and Schoukens,
//! *System Identification*, 2012, chapter 2), so all actuators can move at once.
//!
//! ```text
//!            room for it              time is over
//! Waiting ----------------> Moving ------------------> Done
//!                             |
//!                             | less than the floor left of what it serves, or what it moves is not seen
//!                             v
//!                         Returning (to its base, as far as there is room) ----> Done
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
/// Shares of the amplitude and of the ramp for the slow and the fast sine: what lags behind its own sine teaches less.
const SLOW: (f64, f64) = (0.7, 0.6);
const FAST: (f64, f64) = (0.3, 0.2);
/// Most sets of harmonics; actuators beyond share them a quarter of a period apart. Beyond two for each set moves are opposite
/// to others: what several of them act upon cannot be told apart then.
const SETS: usize = 12;
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
    sines: Vec<Sines>,
}

/// Which sines an actuator gets.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sines {
    /// Periods in an experiment.
    harmonics: (f64, f64),
    /// Angle at the start.
    phase: f64,
}

impl Excitation {
    /// For these actuators; longer than [`LONGEST`] is cut.
    #[must_use]
    pub fn new(actuators: &[Actuator], length: Span) -> Self {
        Self {
            length: length.min(LONGEST),
            began: None,
            stages: vec![Stage::Waiting; actuators.len()],
            broke_off: vec![false; actuators.len()],
            sines: sines(actuators),
        }
    }

    /// How far it is, 0 to 1.
    #[must_use]
    pub fn progress(&self, now: Stamp) -> f64 {
        self.began.map_or(0.0, |began| (now.since(began).s() / self.length.s()).clamp(0.0, 1.0))
    }

    /// Is its time over?
    #[must_use]
    pub fn is_over(&self, now: Stamp) -> bool {
        self.began.is_some_and(|began| now.since(began) >= self.length)
    }

    /// Actuators that move now.
    #[must_use]
    pub fn moving(&self) -> usize {
        self.stages.iter().filter(|s| matches!(s, Stage::Moving { .. })).count()
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
        // Whoever cannot see what it moves does not move it for the sake of learning.
        let blind = scene.site.actuators[index].measures.is_some_and(|p| scene.snapshot.good(p).is_none());
        self.stages[index] = match self.stages[index] {
            Stage::Waiting | Stage::Moving { .. } if left <= 0.0 => Stage::Done,
            Stage::Waiting if slack_k >= BEGIN_K && !blind => Stage::Moving { base: stands },
            Stage::Moving { base } if slack_k < FLOOR_K || blind => {
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
            // While room is short the loop has the first word; back at its base it may be shorter still.
            Stage::Returning { .. } if slack_k < 0.0 => least_headroom(scene, index, stands, from),
            Stage::Returning { base, .. } => {
                let value = toward(from, base, actuator.step).clamp(low, high);
                SetpointProposal { stands, value, why: Why::BrokeOff { slack_k, by } }
            }
            Stage::Moving { base } => {
                let most = amplitude(actuator, base);
                // Near an end of its range it moves around the nearest value that leaves room on both sides.
                let room = most.min(0.5 * (high - low));
                let base = base.max(low + room).min(high - room);
                let offset =
                    multisine(actuator, self.sines[index], most, now.since(began).s(), self.length.s());
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

/// Sines for all actuators, the slowest for those whose ramp takes longest.
fn sines(actuators: &[Actuator]) -> Vec<Sines> {
    let takes = |a: &Actuator| amplitude(a, a.fallback) / a.ramp_per_s.max(1e-12);
    let mut order: Vec<usize> = (0..actuators.len()).collect();
    order.sort_by(|a, b| takes(&actuators[*b]).total_cmp(&takes(&actuators[*a])));
    let sets = actuators.len().clamp(1, SETS);
    let mut out = vec![Sines { harmonics: (1.0, 2.0), phase: 0.0 }; actuators.len()];
    for (rank, actuator) in order.into_iter().enumerate() {
        let slow = 1 + rank % sets;
        let phase = 0.5 * std::f64::consts::PI * (rank / sets) as f64;
        out[actuator] = Sines { harmonics: (slow as f64, (slow + sets) as f64), phase };
    }
    out
}

/// The move of an actuator at a time of an experiment.
fn multisine(actuator: &Actuator, sines: Sines, most: f64, at_s: f64, length_s: f64) -> f64 {
    let Sines { harmonics, phase } = sines;
    let sine = |harmonic: f64, (share, ramp): (f64, f64)| {
        let rate = 2.0 * std::f64::consts::PI * harmonic / length_s;
        let a = (share * most).min(ramp * actuator.ramp_per_s / rate);
        // It begins where it stood, and comes to its own middle in a quarter of an hour.
        a * (rate * at_s + phase).sin() - a * phase.sin() * (1.0 - at_s / 900.0).max(0.0)
    };
    sine(harmonics.0, SLOW) + sine(harmonics.1, FAST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::site;

    /// Actuators of the small plant, four times.
    fn actuators() -> Vec<Actuator> {
        let own = site().actuators;
        own.iter().cycle().take(4 * own.len()).cloned().collect()
    }

    #[test]
    fn moves_keep_their_amplitude_and_the_ramp() {
        let (all, t) = (actuators(), LONGEST.s());
        for (a, sines) in all.iter().zip(sines(&all)) {
            let most = amplitude(a, a.fallback);
            let mut last = multisine(a, sines, most, 0.0, t);
            assert!(last.abs() < 1e-9, "it begins where it stood: {last}");
            let mut reached = 0.0_f64;
            for k in 1..(t / 30.0) as usize {
                let now = multisine(a, sines, most, 30.0 * k as f64, t);
                assert!(
                    now.abs() <= 2.0 * most && (now - last).abs() <= 30.0 * a.ramp_per_s,
                    "{k}: {now} {last}"
                );
                last = now;
                reached = reached.max(now.abs());
            }
            assert!(reached > 0.1 * most, "{} reaches {reached} of {most}", a.id);
        }
    }

    #[test]
    fn moves_of_different_actuators_are_orthogonal() {
        let (all, t) = (actuators(), LONGEST.s());
        let sines = sines(&all);
        let series = |i: usize| -> Vec<f64> {
            (40..(t / 30.0) as usize).map(|k| multisine(&all[i], sines[i], 1.0, 30.0 * k as f64, t)).collect()
        };
        let all: Vec<Vec<f64>> = (0..all.len()).map(series).collect();
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(a, b)| a * b).sum::<f64>();
        for (i, x) in all.iter().enumerate() {
            for (j, y) in all.iter().enumerate().take(i) {
                let correlation = dot(x, y) / (dot(x, x) * dot(y, y)).sqrt();
                assert!(correlation.abs() < 0.35, "{i} {j}: {correlation}");
            }
        }
    }
}
