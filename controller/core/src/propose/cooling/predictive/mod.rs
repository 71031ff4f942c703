//! Cooling, predictive: the moves of the next hour, planned on the model of the site.
//!
//! What each setpoint is to do (relax, tighten, wait, go home) and how much room it has is the same as in
//! [`super::least_headroom`]; here the moves of those that relax or tighten are planned together, on what the site's own model
//! says they do, when, and to whom, beside what load and weather will do by themselves. So a loop that answers late is not
//! moved ten times for one slack, a move that is under way counts, and a limit that a load will reach is met before.
//!
//! For actuator i let r_i be how far it is relaxed from where it stands, and w_i how far what it moves is relaxed from what is
//! measured now, both in K or K-equivalents of its kind (`unit_per_kelvin`). With the model's free answer w0 (its filter's look
//! ahead with load and weather of the outlook, offset-free) and its forced answer (`headroom-belief`, `Forced`):
//!
//! ```text
//! min   sum_k  -g'r(k) + 1/2 dr(k)' S dr(k) + rho1's(k) + 1/2 rho2 s(k)'s(k)           g: net worth, per unit of the largest
//! s.t.  x(k+1) = A x(k) + B r(k),   w(k) = w0(k) + C x(k) + D r(k)
//!       w_i(k) <= slack_i - kappa (sigma_i(k) - sigma_i(0)) + s_i(k)                   soft, exact
//!       range, step and ramp of each actuator, what it may swing in a quarter of an hour  hard
//! ```
//!
//! With 1 K of room, a worth g and S the best plan takes about sqrt(S/g) stages (minutes) to use it: `MOVE` makes that ten,
//! and a violation, at `RHO` times the worth, is gone in a few. The plan is made anew each cooling period and its first
//! move is taken. It counts only with its certificate; without one, or without a model, the proposals stand as they were.
//!
//! Responsible for: the problem, and the first move of its solution. Not for: the solver (`headroom-solve`), what is wished
//! (the module above), the look ahead of load and weather (`futures`), or safety (the guard).

mod futures;
mod problem;
#[cfg(test)]
mod tests;

use super::{Scene, SetpointProposal, slack, toward, unit_per_kelvin};
use crate::outlook::Futures;
use crate::propose::{Binds, Why};
use crate::site_filter::SiteFilter;
use headroom_belief::model::{Forced, Forecast};
use headroom_solve::{Problem, Report, Settings, Shape, Solver, Start, Status};
use problem::Sizes;
use std::fmt;

/// Length of a stage, s, at least; a stage is a whole number of the model's periods.
const STAGE_S: f64 = 60.0;
/// How far is planned, s.
pub const HORIZON_S: f64 = 3600.0;
/// Gain of what an actuator moves below which its model says nothing.
const FOLLOWS: f64 = 0.3;
/// Most actuators that are planned together; beyond, the work would grow with their cube.
const MOST: usize = 48;
/// Weight of a move by 1 K-equivalent in a stage, per unit of worth.
const MOVE: f64 = 100.0;
/// Cost of 1 K-equivalent beyond a limit for a stage, linear and squared, per unit of worth.
const RHO: [f64; 2] = [5.0, 10.0];
/// The same where valves downstream are short of cold: they close again in minutes, and to follow each of their moves would be
/// to hunt.
const RHO_VALVES: [f64; 2] = [2.0, 0.5];
/// Worth of everything downstream of a setpoint that is planned, too, over its own.
const DOWNSTREAM: f64 = 0.3;
/// Iterations that a plan may take: the deadline.
const ITERATIONS: u32 = 40;

/// An actuator whose moves are planned.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Member {
    actuator: usize,
    signal: usize,
    output: usize,
    toward: f64,
    /// Base units of the actuator per K-equivalent.
    unit: f64,
    /// Room now, K-equivalent, and what binds.
    slack_k: f64,
    by: Binds,
    /// What binds is a valve downstream.
    by_valves: bool,
    /// Worth of a K-equivalent, of the largest; none where its move is decided already.
    worth: Option<f64>,
    /// It may be relaxed at all now.
    relaxes: bool,
    /// Where it stands, base unit.
    stands: f64,
    /// Where it is on its way to, K-equivalent from where it stands.
    from: f64,
}

/// What came of planning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// Nothing was there to plan.
    Nothing,
    /// No model of this site, or too little of it is known.
    NoModel,
    /// More actuators than are planned together.
    TooMany(usize),
    /// Moves with a certificate.
    Planned(Report),
    /// No certificate: the proposals stand as they were.
    NotSolved(Report),
    /// The problem was refused.
    Refused,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |f: &mut fmt::Formatter<'_>, r: &Report| {
            write!(f, "residual {:.0e} after {} iterations", r.certificate.worst(), r.iterations)
        };
        match self {
            Self::Nothing => f.write_str("nothing to move"),
            Self::NoModel => f.write_str("the model says nothing of what may move: least headroom"),
            Self::TooMany(n) => {
                write!(f, "{n} setpoints, {MOST} are planned together at most: least headroom")
            }
            Self::Planned(report) => {
                f.write_str("certified, ")?;
                told(f, report)
            }
            Self::NotSolved(report) => {
                f.write_str("not certified, ")?;
                told(f, report)?;
                f.write_str(": least headroom")
            }
            Self::Refused => f.write_str("the problem was refused: least headroom"),
        }
    }
}

/// Plans, and keeps the last plan to start from.
#[derive(Debug, Clone)]
pub struct Predictive {
    built: Option<(Problem, Solver)>,
    outcome: Outcome,
}

impl Default for Predictive {
    fn default() -> Self {
        Self { built: None, outcome: Outcome::NoModel }
    }
}

impl Predictive {
    /// What came of the last plan.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Plans the moves of those proposals that relax or tighten, and takes the first. Beside each proposal stands where its
    /// setpoint is on its way to.
    pub fn plan(
        &mut self,
        scene: &Scene<'_>,
        model: Option<&SiteFilter>,
        futures: &Futures,
        proposals: &mut [Option<(f64, SetpointProposal)>],
    ) -> Outcome {
        self.outcome = match model.filter(|m| m.periods() > 0) {
            Some(model) => self.plan_on(scene, model, futures, proposals),
            None => Outcome::NoModel,
        };
        self.outcome
    }

    fn plan_on(
        &mut self,
        scene: &Scene<'_>,
        model: &SiteFilter,
        futures: &Futures,
        proposals: &mut [Option<(f64, SetpointProposal)>],
    ) -> Outcome {
        let mut members = members(scene, model, proposals);
        if members.iter().all(|m| m.worth.is_none()) {
            return Outcome::Nothing;
        }
        let sizes = Sizes::of(model.model().period_s);
        let forced = forced(model, &mut members, sizes.periods);
        if members.iter().all(|m| m.worth.is_none()) {
            return Outcome::NoModel;
        }
        if members.len() > MOST {
            return Outcome::TooMany(members.len());
        }
        let free = model.ahead(&futures::signals(scene.site, model, futures, sizes.all()));
        let Some(built) = self.problem(forced.states.max(1), members.len(), sizes.stages) else {
            return Outcome::Refused;
        };
        let (problem, solver) = built;
        let posed = problem::pose(problem, scene, &members, &forced, &sizes, &free, now(model));
        let settings = Settings { iterations: ITERATIONS, start: Start::Shifted, ..Settings::default() };
        let Some(report) = posed.ok().and_then(|()| solver.solve(problem, &settings).ok()) else {
            return Outcome::Refused;
        };
        if report.status != Status::Solved {
            return Outcome::NotSolved(report);
        }
        let (first, last) = (solver.point().input(0), solver.point().input(sizes.stages - 1));
        for (i, m) in members.iter().enumerate().filter(|(_, m)| m.worth.is_some()) {
            let Some((_, proposal)) = &mut proposals[m.actuator] else { continue };
            take(scene, m, (first[i], last[i]), proposal);
        }
        Outcome::Planned(report)
    }

    /// Problem and solver of a shape, kept as long as it is the same.
    fn problem(&mut self, states: usize, members: usize, stages: usize) -> Option<&mut (Problem, Solver)> {
        let shape = Shape::invariant(states, members, members, stages);
        if self.built.as_ref().is_none_or(|(problem, _)| problem.shape() != shape) {
            self.built = Some((Problem::new(shape).ok()?, Solver::new(shape).ok()?));
        }
        self.built.as_mut()
    }
}

/// What the model believes of its outputs now.
fn now(model: &SiteFilter) -> impl Fn(usize) -> Forecast + '_ {
    |output| model.foreseen()[output].now
}

/// The actuators that the model knows and that are asked for: those whose moves are planned, and those whose moves are decided
/// but felt by others.
fn members(
    scene: &Scene<'_>,
    model: &SiteFilter,
    proposals: &[Option<(f64, SetpointProposal)>],
) -> Vec<Member> {
    let Scene { site, snapshot, .. } = *scene;
    let known = |i: usize| {
        let a = &site.actuators[i];
        let point = &site.points[a.measures.filter(|p| snapshot.good(*p).is_some())?.index()];
        let (signal, output) = (model.model().signal(&a.id)?, model.model().output(&point.id)?);
        model.signals()[signal].is_finite().then_some((signal, output))
    };
    let mut members = Vec::new();
    for (i, proposal) in proposals.iter().enumerate() {
        let (Some((from, p)), Some((signal, output))) = (proposal, known(i)) else { continue };
        let actuator = &site.actuators[i];
        let (toward, unit) = (toward(actuator), unit_per_kelvin(actuator));
        let (slack_k, by) = slack(scene, i);
        // What tightens is worth as much: it goes no further than it has to, and what is worth less goes first.
        let worth = || Some(super::saving_w_per_unit(scene, i, p.stands).1 * unit);
        let (worth, relaxes) = match p.why {
            Why::Relax { .. } | Why::Rests { .. } | Why::Underway { .. } | Why::Tighten { .. } => {
                (worth(), true)
            }
            Why::Swings { .. } => (worth(), false),
            _ => (None, false),
        };
        // What is decided already is held as it is decided.
        let from = toward * (if worth.is_some() { *from } else { p.value } - p.stands) / unit;
        let by_valves = !scene.topology.reach[i].cools && super::is_of_valves(site, by);
        members.push(Member {
            actuator: i,
            signal,
            output,
            toward,
            unit,
            slack_k,
            by,
            by_valves,
            worth,
            relaxes,
            stands: p.stands,
            from,
        });
    }
    compare(scene, &mut members);
    members
}

/// Worths, of the largest. What saves by what it leaves to a setpoint upstream is worth less than that one, all of it together:
/// else a plan would cool upstream so that all downstream may relax, and call it a saving.
fn compare(scene: &Scene<'_>, members: &mut [Member]) {
    let largest = members.iter().filter_map(|m| m.worth).filter(|w| w.is_finite()).fold(0.0, f64::max);
    let led = |m: &Member| {
        let upstream = &scene.topology.reach[m.actuator].upstream;
        m.worth.is_some()
            && upstream.iter().any(|u| members.iter().any(|o| o.actuator == *u && o.worth.is_some()))
    };
    let led: Vec<bool> = members.iter().map(led).collect();
    let share = DOWNSTREAM / led.iter().filter(|l| **l).count().max(1) as f64;
    for (m, led) in members.iter_mut().zip(led) {
        let Some(worth) = m.worth.as_mut().filter(|w| **w > 0.0) else { continue };
        // Nobody says what it saves: it is worth moving by custom.
        *worth = if worth.is_finite() && largest > 0.0 { (*worth / largest).clamp(0.1, 1.0) } else { 1.0 };
        if led {
            *worth = worth.min(share);
        }
    }
}

/// The forced answer of the members' outputs to their moves, in K-equivalents, relaxing counted up. A member whose output does
/// not follow it by the model is decided as it was.
fn forced(model: &SiteFilter, members: &mut [Member], periods: usize) -> Forced {
    let signals: Vec<usize> = members.iter().map(|m| m.signal).collect();
    let outputs: Vec<usize> = members.iter().map(|m| m.output).collect();
    let mut forced = Forced::new(model.model(), &signals, &outputs, model.signals(), periods);
    for (i, m) in members.iter_mut().enumerate() {
        if forced.gain(i, i) < FOLLOWS {
            m.worth = None;
            m.from = 0.0;
        }
        forced.b.column_mut(i).scale_mut(m.toward * m.unit);
        forced.d.column_mut(i).scale_mut(m.toward * m.unit);
        forced.c.row_mut(i).scale_mut(m.toward / m.unit);
        forced.d.row_mut(i).scale_mut(m.toward / m.unit);
    }
    forced
}

/// Takes the first move of a plan.
fn take(scene: &Scene<'_>, m: &Member, (first, last): (f64, f64), proposal: &mut SetpointProposal) {
    let actuator = &scene.site.actuators[m.actuator];
    let (low, high) = scene.wants.actuator_range[m.actuator];
    let moved = (first - m.from) * m.toward * m.unit;
    let from = proposal.stands + m.from * m.toward * m.unit;
    proposal.value = (from + moved.clamp(-actuator.step, actuator.step)).clamp(low, high);
    let hour = last * m.toward * m.unit;
    proposal.why = Why::Plan { slack_k: m.slack_k, by: m.by, hour };
}
