//! From the records of a strategy to its answers: each run beside its twin, in which nothing was moved.
//!
//! Responsible for: which record is held beside which, offsets, and what makes a test fail. Not for: the figures (`response`).
//!
//! Twin and run are the same world, the same work and the same noise, so that weather and jobs cancel in their difference,
//! and what is left is the answer to the step.

use super::response::{Figures, Verdict, figures, mean, noise};
use super::run::{BEFORE, Output, Record, Signal};
use super::steps::Step;
use headroom_sim::score::Violations;
use serde::Serialize;

/// Standard deviations that noise may go.
const SIGMAS: f64 = 3.0;
/// Deadbands that no answer needs to resolve.
const DEADBANDS: f64 = 2.0;

/// The answer of one output to one move.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Answer {
    /// Id of the actuator, or what of the site it is.
    pub(super) of: String,
    #[serde(skip)]
    pub(super) kind: String,
    pub(super) output: Output,
    /// Unit of band, final move, peak and offset.
    pub(super) unit: &'static str,
    #[serde(flatten)]
    pub(super) figures: Figures,
    /// Against its reference, in the last quarter: of what is measured, its setpoint; of a setpoint, what was accepted; of the
    /// headroom, what is wanted. None where there is no reference.
    pub(super) offset: Option<f64>,
    /// Samples that the figures are of, for plots.
    #[serde(skip)]
    pub(super) curve: Vec<f64>,
}

/// One move of a step.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Move {
    /// `away`, `back`, or `none` where nothing was moved.
    pub(super) way: &'static str,
    /// By how much the IT's power moved, against the twin; 0 where nothing was moved.
    pub(super) it_power_move_kw: f64,
    /// By how much the outdoor dry bulb moved, against the twin.
    pub(super) outdoor_move_k: f64,
    /// Headroom of the GPUs that was wanted.
    pub(super) wanted_headroom_k: f64,
    pub(super) answers: Vec<Answer>,
}

/// Everything about a step.
#[derive(Debug, Clone, Serialize)]
pub(super) struct StepAnswers {
    pub(super) step: String,
    pub(super) what: String,
    pub(super) moves: Vec<Move>,
    /// From the first move to the end.
    pub(super) violations: Violations,
    /// The same where nothing was moved.
    pub(super) violations_standing: Violations,
    /// Limits that are passed by more than where nothing was moved.
    pub(super) passed: Vec<&'static str>,
}

/// What the test of a strategy needs beside its records.
pub(super) struct Frame<'a> {
    pub(super) signals: &'a [Signal],
    pub(super) period_s: f64,
    pub(super) watch: usize,
}

/// Answers of a strategy, in the order of the steps.
pub(super) fn answers(frame: &Frame<'_>, records: &[(Step, Record)]) -> Vec<StepAnswers> {
    let of = |step: &Step| records.iter().find(|(s, _)| s == step).map(|(_, record)| record);
    let mut all = Vec::new();
    for (step, record) in records {
        let moves = match (step, step.twin().and_then(|t| of(&t))) {
            (Step::Standing, _) => vec![frame.standing(record)],
            (_, Some(twin)) => vec![frame.moved(record, twin, true), frame.moved(record, twin, false)],
            _ => continue,
        };
        let standing = of(&Step::Standing).map_or_else(Violations::default, |r| r.violations);
        all.push(StepAnswers {
            step: step.name(),
            what: step.what(),
            moves,
            violations: record.violations,
            violations_standing: standing,
            passed: if *step == Step::Standing { Vec::new() } else { passed(&record.violations, &standing) },
        });
    }
    all
}

impl StepAnswers {
    /// Does anything oscillate, or did the step pass a limit?
    pub(super) fn fails(&self) -> bool {
        !self.passed.is_empty() || self.oscillates()
    }

    pub(super) fn oscillates(&self) -> bool {
        self.moves.iter().flat_map(|m| &m.answers).any(|a| a.figures.verdict == Verdict::Oscillates)
    }
}

/// Limits that are passed by more than beside.
fn passed(of: &Violations, beside: &Violations) -> Vec<&'static str> {
    let each = |v: &Violations| {
        [
            ("temperature", v.temperature_k_s),
            ("power budget", v.budget_w_s),
            ("least flow", v.flow_s),
            ("dew point", v.dew_point_s),
            ("rate of change", v.ramp_s),
        ]
    };
    let both = each(of).into_iter().zip(each(beside));
    both.filter(|((_, a), (_, b))| a > b).map(|((name, _), _)| name).collect()
}

impl Frame<'_> {
    /// By how much an input of the plant has moved at the end of a watch.
    fn input(&self, record: &Record, twin: &Record, out: bool, which: usize) -> f64 {
        let difference: Vec<f64> =
            record.inputs.iter().zip(&twin.inputs).map(|(a, b)| a[which] - b[which]).collect();
        let away = BEFORE + self.watch;
        let (from, to) = if out { (BEFORE, away) } else { (away, away + self.watch) };
        let end = |at: usize| difference.get(at.saturating_sub(BEFORE)..at).map_or(f64::NAN, mean);
        end(to) - end(from)
    }

    /// What noise and deadband explain of a signal.
    fn noise_band(&self, signal: &Signal, twin: &[f64], of_two: bool) -> f64 {
        // A read-back has no noise, and whoever steps it every period must not pass for some.
        let sigma = if signal.output == Output::Setpoint { 0.0 } else { noise(twin) };
        let runs: f64 = if of_two { 2.0 } else { 1.0 };
        (DEADBANDS * signal.deadband).max(SIGMAS * runs.sqrt() * sigma)
    }

    /// Answers where nothing is moved: of setpoints as they are, and of what is measured against its setpoint.
    fn standing(&self, record: &Record) -> Move {
        let answer = |(n, signal): (usize, &Signal)| {
            let own = &record.values[n];
            let curve = match signal.output {
                Output::Measured => minus(own, &record.values[self.setpoint_of(signal)?]),
                _ => own.clone(),
            };
            self.answer(signal, &curve, (BEFORE, self.noise_band(signal, own, false)), None)
        };
        let answers = self.signals.iter().enumerate().filter_map(answer).collect();
        let wanted_headroom_k = record.wanted_k[0];
        Move { way: "none", it_power_move_kw: 0.0, outdoor_move_k: 0.0, wanted_headroom_k, answers }
    }

    fn moved(&self, record: &Record, twin: &Record, out: bool) -> Move {
        let wanted_k = record.wanted_k[usize::from(!out)];
        let stretch = |values: &[f64]| -> Vec<f64> {
            // Where it comes from is the end of what was before.
            let from = if out { 0 } else { BEFORE + self.watch - self.quarter() };
            let to = BEFORE + if out { self.watch } else { 2 * self.watch };
            values.get(from..to).unwrap_or_default().to_vec()
        };
        let answer = |(n, signal): (usize, &Signal)| {
            let (own, beside) = (stretch(&record.values[n]), stretch(&twin.values[n]));
            let end = |values: &[f64]| mean(&values[values.len().saturating_sub(self.quarter())..]);
            let reference = match signal.output {
                Output::Measured => self.setpoint_of(signal).map(|s| end(&stretch(&record.values[s]))),
                Output::Setpoint => signal.actuator.and_then(|a| record.accepted[a]).filter(|_| out),
                Output::LeastHeadroom => Some(wanted_k),
            };
            let offset = reference.map(|r| end(&own) - r).filter(|o| o.is_finite());
            let band = self.noise_band(signal, &twin.values[n], true);
            let before = if out { BEFORE } else { self.quarter() };
            self.answer(signal, &minus(&own, &beside), (before, band), offset)
        };
        let way = if out { "away" } else { "back" };
        Move {
            way,
            it_power_move_kw: self.input(record, twin, out, 0),
            outdoor_move_k: self.input(record, twin, out, 1),
            wanted_headroom_k: wanted_k,
            answers: self.signals.iter().enumerate().filter_map(answer).collect(),
        }
    }

    fn answer(
        &self,
        signal: &Signal,
        curve: &[f64],
        (before, band): (usize, f64),
        offset: Option<f64>,
    ) -> Option<Answer> {
        let figures = figures(curve, before, self.period_s, band)?;
        Some(Answer {
            of: signal.name.clone(),
            kind: signal.kind.clone(),
            output: signal.output,
            unit: signal.unit,
            figures,
            offset,
            curve: curve[before..].to_vec(),
        })
    }

    fn quarter(&self) -> usize {
        self.watch / 4
    }

    /// Column of the setpoint that a measured signal follows.
    fn setpoint_of(&self, signal: &Signal) -> Option<usize> {
        let same = |s: &Signal| s.actuator == signal.actuator && s.output == Output::Setpoint;
        self.signals.iter().position(same)
    }
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// Of each kind and output the answer that says most: one that oscillates, else the farthest.
pub(super) fn foremost(answers: &[Answer]) -> Vec<&Answer> {
    let mut most: Vec<&Answer> = Vec::new();
    let rank = |a: &Answer| (a.figures.verdict == Verdict::Oscillates, a.figures.peak.abs());
    for answer in answers {
        match most.iter_mut().find(|m| m.kind == answer.kind && m.output == answer.output) {
            None => most.push(answer),
            Some(m) => {
                if rank(answer) > rank(m) {
                    *m = answer;
                }
            }
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_passed_by_more_is_passed() {
        let standing = Violations { ramp_s: 4.0, ..Violations::default() };
        assert!(passed(&standing, &standing).is_empty());
        let more = Violations { ramp_s: 4.0, dew_point_s: 1.0, ..Violations::default() };
        assert_eq!(passed(&more, &standing), ["dew point"]);
    }

    #[test]
    fn one_that_oscillates_stands_for_its_kind() {
        let answer = |of: &str, curve: &[f64]| Answer {
            of: of.to_owned(),
            kind: "cdu".to_owned(),
            output: Output::Measured,
            unit: "K",
            figures: figures(curve, 4, 30.0, 0.1).unwrap(),
            offset: None,
            curve: Vec::new(),
        };
        let step: Vec<f64> = (0..60).map(|n| if n < 4 { 0.0 } else { 9.0 }).collect();
        let less: Vec<f64> = step.iter().map(|v| v / 2.0).collect();
        let cycle: Vec<f64> = (0..60).map(|n| if n < 4 { 0.0 } else { f64::from((n / 6) % 2) }).collect();
        let all = [answer("less", &less), answer("cycle", &cycle), answer("far", &step)];
        assert_eq!(foremost(&all)[0].of, "cycle");
        assert_eq!(foremost(&[all[0].clone(), all[2].clone()])[0].of, "far");
    }
}
