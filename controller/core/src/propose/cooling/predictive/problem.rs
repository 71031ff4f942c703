//! The plan as a problem for the solver.
//!
//! Responsible for: dynamics, prices and bounds of every stage, from members, forced and free answers. Not for: who the members
//! are, or the solution.

use super::{HORIZON_S, MOVE, Member, RHO, RHO_VALVES, STAGE_S};
use crate::propose::cooling::Scene;
use crate::propose::cooling::swing::Swing;
use headroom_belief::model::{Forced, Forecast};
use headroom_solve::{Outputs, Problem, Refused, Stage};
use nalgebra::DMatrix;

/// Quarter of an hour, over which a swing counts, s.
const SWING_S: f64 = 900.0;
/// By when a plan that comes otherwise has been put right, s: doubt that grows later is none of this plan's. (The covariance of
/// a plan that is never made anew would be far too much: Oldewurtel et al. 2013.)
const RECOURSE_S: f64 = 300.0;
/// Share of what valves downstream lack that one plan makes good: they close again in minutes.
const VALVES_LACK: f64 = 0.3;
/// Curvature of an input, per unit of worth: so small that it decides nothing, and the optimum is one point.
const FLAT: f64 = 1e-4;

/// How the hour is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sizes {
    /// Periods of the model in a stage.
    pub(super) periods: usize,
    /// Length of a stage, s.
    pub(super) stage_s: f64,
    /// Stages.
    pub(super) stages: usize,
}

impl Sizes {
    pub(super) fn of(period_s: f64) -> Self {
        let periods = (STAGE_S / period_s).ceil().max(1.0) as usize;
        let stage_s = periods as f64 * period_s;
        Self { periods, stage_s, stages: ((HORIZON_S / stage_s).round() as usize).max(2) }
    }

    /// Periods of the model that are looked at: the last stage's output is felt at its end.
    pub(super) const fn all(&self) -> usize {
        self.stages * self.periods + 1
    }
}

/// Puts everything into the problem.
pub(super) fn pose(
    problem: &mut Problem,
    scene: &Scene<'_>,
    members: &[Member],
    forced: &Forced,
    sizes: &Sizes,
    free: &[Vec<Forecast>],
    now: impl Fn(usize) -> Forecast,
) -> Result<(), Refused> {
    let (n, m) = (problem.shape().states, members.len());
    let padded = |matrix: &DMatrix<f64>, rows: usize, cols: usize| row_major(matrix, rows, cols);
    let c = padded(&forced.c, m, n);
    problem.set_model(0, &padded(&forced.a, n, n), &padded(&forced.b, n, m), &c, &padded(&forced.d, m, m))?;
    problem.set_terminal_output(&c)?;
    let diagonal = |of: &dyn Fn(usize) -> f64| {
        row_major(&DMatrix::from_fn(m, m, |i, j| if i == j { of(i) } else { 0.0 }), m, m)
    };
    // What is worth less moves no slower: its moves cost less, too.
    let worth = |i: usize| members[i].worth.filter(|w| *w > 0.0).unwrap_or(1.0);
    problem.set_weights(0, &vec![0.0; n * n], &diagonal(&|_| FLAT), &diagonal(&|i| MOVE * worth(i)))?;
    let before: Vec<f64> = members.iter().map(|m| m.from).collect();
    problem.set_start(&vec![0.0; n], &before)?;
    let soon = (RECOURSE_S / sizes.stage_s).round().max(1.0) as usize;
    let unsure = |m: &Member, k: usize| {
        let then = free[k.min(soon) * sizes.periods][m.output].sigma;
        (then - now(m.output).sigma).max(0.0)
    };
    for k in 0..sizes.stages {
        let at = &free[k * sizes.periods];
        let mut stage = problem.stage_mut(k);
        for (i, member) in members.iter().enumerate() {
            stage.r[i] = -member.worth.unwrap_or(0.0);
            bounds(scene, member, i, k, sizes, &mut stage);
            let unsure = unsure(member, k);
            limit(scene, member, i, (at[member.output], now(member.output), unsure), &mut stage.outputs);
        }
    }
    let at = &free[sizes.stages * sizes.periods];
    let mut terminal = problem.terminal_mut();
    for (i, member) in members.iter().enumerate() {
        let unsure = unsure(member, sizes.stages);
        limit(scene, member, i, (at[member.output], now(member.output), unsure), &mut terminal.outputs);
    }
    Ok(())
}

/// Range, swing, step and ramp of an input in a stage, K-equivalent from where it stands.
fn bounds(scene: &Scene<'_>, m: &Member, i: usize, k: usize, sizes: &Sizes, stage: &mut Stage<'_>) {
    let actuator = &scene.site.actuators[m.actuator];
    if m.worth.is_none() {
        (stage.lower[i], stage.upper[i]) = (m.from, m.from);
        (stage.rate_lower[i], stage.rate_upper[i]) = (f64::NEG_INFINITY, f64::INFINITY);
        return;
    }
    let (low, high) = scene.wants.actuator_range[m.actuator];
    let of = |value: f64| m.toward * (value - m.stands) / m.unit;
    let (a, b) = (of(low).min(of(high)), of(low).max(of(high)));
    // Within a quarter of an hour it may relax by what its swing leaves; then by as much again in each.
    let quarters = k as f64 * sizes.stage_s / SWING_S;
    let room = |swing: &Swing| {
        let (left, whole) = swing.room(m.stands, m.toward);
        left.max(0.0) + whole * (quarters - 1.0).max(0.0)
    };
    let swing = scene.survey.swing(m.actuator).map_or(f64::INFINITY, |s| room(s) / m.unit);
    let relaxed = if m.relaxes { b.min(swing) } else { 0.0 };
    // Where it stands, and is on its way to, is always allowed: others bring it back into its range.
    stage.lower[i] = a.min(0.0).min(m.from);
    stage.upper[i] = relaxed.max(0.0).max(m.from);
    let rate = actuator.step.min(scene.wants.actuator_ramp_per_s[m.actuator] * sizes.stage_s) / m.unit;
    (stage.rate_lower[i], stage.rate_upper[i]) = (-rate, rate);
}

/// The soft limit of an output in a stage: the room that is there now, less what is not known by then.
fn limit(
    scene: &Scene<'_>,
    m: &Member,
    i: usize,
    (then, now, unsure): (Forecast, Forecast, f64),
    to: &mut Outputs<'_>,
) {
    to.e[i] = m.toward * (then.value - now.value) / m.unit;
    let unsure = scene.wants.k_sigma * unsure / m.unit;
    // Doubt keeps from relaxing; it does not tighten what has room.
    let lack = if m.by_valves { VALVES_LACK } else { 1.0 };
    to.upper[i] = if m.slack_k > 0.0 { (m.slack_k - unsure).max(0.0) } else { m.slack_k * lack };
    to.lower[i] = f64::NEG_INFINITY;
    let cost = if m.by_valves { RHO_VALVES } else { RHO };
    (to.rho1[i], to.rho2[i]) = (cost[0], cost[1]);
}

/// Row by row, padded with zeros to a size: a system without a state has one that nothing moves.
fn row_major(matrix: &DMatrix<f64>, rows: usize, cols: usize) -> Vec<f64> {
    let of = |i: usize| {
        let (r, c) = (i / cols, i % cols);
        if r < matrix.nrows() && c < matrix.ncols() { matrix[(r, c)] } else { 0.0 }
    };
    (0..rows * cols).map(of).collect()
}
