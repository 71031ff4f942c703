//! The search: starting points, then a pattern search with shrinking steps.
//!
//! Responsible for: which plans are tried, in what order. Not for: what they are worth.

use super::LimitConfig;
use super::plan::{Ask, Axes, Plan};
use super::rollout::{Outcome, Situation};

/// Locks tried for training jobs, and for all, when a curtailment binds: shares of the highest clock.
const LOCKS: [f64; 7] = [0.60, 0.68, 0.75, 0.80, 0.85, 0.90, 0.95];
/// Clock over the highest from which on the voltage falls no further.
const KNEE: f64 = 0.57;
/// Designs to start from: facility water, tower above wet bulb, CRAH supply, CDU supply, CDU dP.
const DESIGNS: [[f64; 5]; 4] = [
    [24.0, 5.0, 26.0, 34.0, 70.0],
    [28.0, 6.0, 29.0, 38.0, 80.0],
    [20.0, 4.0, 24.0, 30.0, 60.0],
    [16.0, 4.0, 22.0, 26.0, 55.0],
];

/// What a move has learnt: which way pays, and at what step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Habit {
    sign: f64,
    scale: f64,
}

impl Habit {
    /// What usually pays: slower clocks, less pressure, warmer water.
    fn first(ask: Ask) -> Self {
        let down = matches!(ask, Ask::Clock(_) | Ask::CduDp(_));
        Self { sign: if down { -1.0 } else { 1.0 }, scale: 1.0 }
    }
}

/// The best so far, and what was spent.
struct Best<'a> {
    situation: &'a Situation<'a>,
    axes: &'a Axes,
    heat: f64,
    plan: Plan,
    outcome: Outcome,
    spent: usize,
}

impl Best<'_> {
    /// Takes a plan if it is better.
    fn offer(&mut self, plan: Plan) -> bool {
        if plan == self.plan {
            return false;
        }
        self.spent += 1;
        let outcome = self.situation.try_out(self.axes, &plan, self.heat, Some(&self.outcome));
        let better = outcome.beats(&self.outcome);
        if better {
            (self.plan, self.outcome) = (plan, outcome);
        }
        better
    }

    /// The plan with a set of coordinates moved by a share of their steps.
    fn moved(&self, set: &[usize], scale: f64) -> Plan {
        let mut plan = self.plan.clone();
        for &n in set {
            let axis = &self.axes.axes[n];
            let from = plan.values[n].unwrap_or_else(|| self.axes.in_force(n, self.situation.world));
            let step = if matches!(axis.ask, Ask::Clock(_)) {
                ((axis.step * scale) / 15.0).round() * 15.0
            } else {
                axis.step * scale
            };
            // below the knee of the voltage a slower clock saves next to nothing, and copies in steps of 10 s take it for free
            let knee = matches!(axis.ask, Ask::Clock(_)) && !self.situation.curtailed;
            let low = if knee { KNEE * axis.high } else { axis.low };
            plan.values[n] = Some((from + step).clamp(low, axis.high));
        }
        plan
    }

    /// Moves in turn, each with a step of its own, until no step pays any more.
    fn descend(&mut self, habits: &mut Vec<Habit>, config: &LimitConfig, most: usize) {
        let moves = self.axes.moves(self.situation.world, self.situation.training);
        if habits.len() != moves.len() {
            *habits = moves.iter().map(|set| Habit::first(self.axes.axes[set[0]].ask)).collect();
        }
        for habit in habits.iter_mut() {
            habit.scale = (2.0 * habit.scale).clamp(2.0 * config.least_scale, 1.0);
        }
        let mut open = true;
        while open && self.spent < most {
            open = false;
            for (habit, set) in habits.iter_mut().zip(&moves) {
                if habit.scale < config.least_scale || self.spent >= most {
                    continue;
                }
                open = true;
                if !self.line(set, habit) {
                    habit.scale *= 0.5;
                }
            }
        }
    }

    /// Tries both directions, the one that paid last first; goes on while it pays.
    fn line(&mut self, set: &[usize], habit: &mut Habit) -> bool {
        for _ in 0..2 {
            let mut stride = habit.scale;
            let mut paid = false;
            while self.offer(self.moved(set, habit.sign * stride)) {
                paid = true;
                stride = (1.5 * stride).min(3.0);
            }
            if paid {
                return true;
            }
            habit.sign = -habit.sign;
        }
        false
    }

    fn starts(&mut self, last: &Plan) {
        let mut last = last.clone();
        last.runbook |= !self.situation.curtailed;
        let free = self.axes.with(&last, |ask| matches!(ask, Ask::Clock(_)).then_some(None));
        // setpoints stay where they are, so that nothing jumps
        let world = self.situation.world;
        let mut held = Plan { runbook: true, ..free.clone() };
        for (n, value) in held.values.iter_mut().enumerate() {
            if !matches!(self.axes.axes[n].ask, Ask::Clock(_)) {
                *value = Some(self.axes.in_force(n, world));
            }
        }
        self.offer(held);
        self.offer(Plan { runbook: true, ..free.clone() });
        self.offer(free);
        self.offer(last.clone());
        let wet_c = world.air().wet_bulb_c;
        for design in DESIGNS {
            let plan = self.axes.with(&self.plan, |ask| match ask {
                Ask::Facility => Some(Some(design[0])),
                Ask::Tower => Some(Some(wet_c + design[1])),
                Ask::Crahs => Some(Some(design[2])),
                Ask::CduSupply(_) => Some(Some(design[3])),
                Ask::CduDp(_) => Some(Some(design[4])),
                Ask::Clock(_) => None,
            });
            self.offer(plan);
        }
        if self.situation.curtailed {
            self.locks(&last);
        } else {
            self.serving();
        }
    }

    /// One clock for all that serves, slower and slower while that pays: step by step it is far from the highest clock to
    /// the one that just keeps up.
    fn serving(&mut self) {
        let world = self.situation.world;
        let mut worked = false;
        for share in LOCKS.into_iter().rev() {
            let plan = self.axes.with(&self.plan, |ask| match ask {
                Ask::Clock(job) if world.workload.jobs[job].training().is_none() => {
                    let axis = self.axes.axes.iter().find(|a| a.ask == Ask::Clock(job));
                    axis.map(|axis| Some((share * axis.high / 15.0).floor() * 15.0))
                }
                _ => None,
            });
            let better = self.offer(plan);
            if worked && !better {
                return;
            }
            worked |= better;
        }
    }

    /// One clock for the training jobs, serving as it was; or, where that is not enough, one for all.
    fn locks(&mut self, last: &Plan) {
        let world = self.situation.world;
        for all in [false, true] {
            let mut worked = false;
            for share in LOCKS {
                let lock = |job: usize| {
                    let axis = self.axes.axes.iter().find(|a| a.ask == Ask::Clock(job));
                    axis.map(|axis| (share * axis.high / 15.0).floor() * 15.0)
                };
                let base = Plan { runbook: false, ..last.clone() };
                let plan = self.axes.with(&base, |ask| match ask {
                    Ask::Clock(job) if all || world.workload.jobs[job].training().is_some() => {
                        Some(lock(job))
                    }
                    _ => None,
                });
                let better = self.offer(plan);
                if worked && !better {
                    break;
                }
                worked |= better;
            }
            if worked {
                return;
            }
        }
    }
}

/// The best plan found from a situation, and the number of plans tried.
pub(super) fn best(
    situation: &Situation<'_>,
    axes: &Axes,
    last: &Plan,
    habits: &mut Vec<Habit>,
    config: &LimitConfig,
) -> (Plan, usize) {
    let plan = axes.own_bms();
    let outcome = situation.try_out(axes, &plan, 0.0, None);
    let heat = outcome.cooling;
    // once more, now that the worth of heat is known
    let outcome = situation.try_out(axes, &plan, heat, None);
    let mut best = Best { situation, axes, heat, plan, outcome, spent: 2 };
    best.starts(last);
    // the first time from afar, and where work is short, more is worth trying
    let most = if habits.is_empty() || situation.curtailed { 3 } else { 1 } * config.evaluations;
    best.descend(habits, config, most);
    (best.plan, best.spent)
}
