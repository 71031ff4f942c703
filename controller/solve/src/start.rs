//! Where the iteration begins.
//!
//! Cold, the previous input is held as far as its bounds let it. Warm, the moves and multipliers of the last solution are taken over.
//! Both would lie on the border, where an interior point cannot move; so each slack and its multiplier are put on the hyperbola
//! t lambda = mu0, with their difference kept (the smoothing function of Chen & Harker 1993 and Kanzow 1996):
//!
//! ```text
//! t - lambda = t_0 - lambda_0,  t lambda = mu0:     t = (d + sqrt(d^2 + 4 mu0)) / 2,   d = t_0 - lambda_0,   lambda = mu0 / t
//! ```
//!
//! What then does not fit together is a residual of the rows, of the order of sqrt(mu0), which the steps take away.
//!
//! Responsible for: the first iterate, and moves that keep bounds and dynamics. Not for: any step.

#![allow(clippy::needless_range_loop, reason = "lanes and rows of several arrays go together")]

use crate::Certificate;
use crate::interior::Interior;
use crate::kernels::LANES;
use crate::point::Point;
use crate::problem::Problem;
use crate::rows::{Hard, Soft, eights};
use crate::shape::{Shape, padded};
use crate::sound::Reach;

/// Products at a cold start. Problems are per unit, so that these are of the order of its figures.
const COLD: f64 = 5.0;
/// Products at a warm start: the least, and per residual of the old solution in the new problem. The less it fits, the farther from the
/// border the iteration has to begin.
const WARM: f64 = 1e-3;
const WARM_PER_RESIDUAL: f64 = 0.05;

/// Puts the first iterate into place.
#[inline(always)]
pub(crate) fn begin(at: &mut Interior, problem: &Problem, reach: &Reach, point: &mut Point, warm: bool) {
    let m = at.shape.inputs;
    if !warm {
        for u in point.u.chunks_exact_mut(m) {
            u.copy_from_slice(&problem.u_before);
        }
    }
    within(problem, reach, &mut point.u);
    roll(problem, &point.u, &mut point.x);
    values(at, problem, point);
    let mu = if warm { warm_products(&Certificate::reckon(problem, point, reach)) } else { COLD };
    let free = |i: usize| !reach.pinned[i];
    let free_move = |i: usize| !(reach.pinned[i] && (i < m || reach.pinned[i - m]));
    let last = |l| if warm { Some(l) } else { None };
    let mut count = 0;
    let (u, du, y) = (&at.at.input, &at.at.rate, &at.at.output);
    let (input, rate, output) = (&problem.input, &problem.rate, &problem.output);
    count += hard(&mut at.input.lower, -1.0, m, u, &input.lower, free, last(&point.input_lower), mu);
    count += hard(&mut at.input.upper, 1.0, m, u, &input.upper, free, last(&point.input_upper), mu);
    count += hard(&mut at.rate.lower, -1.0, m, du, &rate.lower, free_move, last(&point.rate_lower), mu);
    count += hard(&mut at.rate.upper, 1.0, m, du, &rate.upper, free_move, last(&point.rate_upper), mu);
    count += soft(&mut at.output.lower, -1.0, y, problem, &output.lower, last(&point.output_lower), mu);
    count += soft(&mut at.output.upper, 1.0, y, problem, &output.upper, last(&point.output_upper), mu);
    at.products = count;
}

/// The products at a warm start; those of a cold one where the old solution is far off or no number.
fn warm_products(certificate: &Certificate) -> f64 {
    let misfit = WARM_PER_RESIDUAL * certificate.worst();
    if misfit < COLD { misfit.max(WARM) } else { COLD }
}

/// The values of an iterate from moves and states.
fn values(at: &mut Interior, problem: &Problem, point: &Point) {
    let Shape { states: n, inputs: m, outputs: p, stages, .. } = at.shape;
    let (mp, np, pp) = (at.shape.x(), padded(n), at.shape.y());
    for k in 0..=stages {
        at.at.state[k * np..][..n].copy_from_slice(point.state(k));
        if k < stages {
            at.at.input[k * mp..][..m].copy_from_slice(point.input(k));
            let before = if k == 0 { &problem.u_before } else { point.input(k - 1) };
            for (a, (u, v)) in point.input(k).iter().zip(before).enumerate() {
                at.at.rate[k * mp + a] = u - v;
            }
        }
        for i in 0..p {
            at.at.output[k * pp + i] = output(problem, point, k, i);
        }
    }
}

/// Brings moves within box and rates, forwards, each as near as it can be to where it was.
pub(crate) fn within(problem: &Problem, reach: &Reach, u: &mut [f64]) {
    let m = problem.shape.inputs;
    for i in 0..u.len() {
        let before = if i < m { problem.u_before[i] } else { u[i - m] };
        let lower = reach.lower[i].max(before + problem.rate.lower[i]);
        let upper = reach.upper[i].min(before + problem.rate.upper[i]);
        u[i] = u[i].max(lower).min(upper);
    }
}

/// The states that follow from moves.
pub(crate) fn roll(problem: &Problem, u: &[f64], x: &mut [f64]) {
    let Shape { states: n, inputs: m, stages, .. } = problem.shape;
    let at_x = problem.shape.x();
    x[..n].copy_from_slice(&problem.x0);
    for k in 0..stages {
        let (past, next) = x[k * n..].split_at_mut(n);
        let rows = problem.model(k).chunks_exact(problem.shape.row());
        for ((next, row), c) in next.iter_mut().zip(rows).zip(&problem.c[k * n..]).take(n) {
            *next = c + product(&row[..m], &u[k * m..]) + product(&row[at_x..at_x + n], past);
        }
    }
}

/// y_k = C_k x_k + D_k u_k + e_k, row i.
fn output(problem: &Problem, point: &Point, k: usize, i: usize) -> f64 {
    let Shape { states: n, inputs: m, outputs: p, stages, .. } = problem.shape;
    let (ld, at_x) = (problem.shape.row(), problem.shape.x());
    let first = if k < stages { n } else { 0 };
    let row = &problem.model(k)[(first + i) * ld..][..ld];
    let of_input = if k < stages { product(&row[..m], point.input(k)) } else { 0.0 };
    problem.e[k * p + i] + of_input + product(&row[at_x..at_x + n], point.state(k))
}

#[inline(always)]
fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The point of t lambda = mu with the difference d.
#[inline(always)]
fn smooth(d: f64, mu: f64) -> (f64, f64) {
    // Of the two roots, the one without cancellation first.
    let larger = 0.5 * (d.abs() + (d * d + 4.0 * mu).sqrt());
    if d >= 0.0 { (larger, mu / larger) } else { (mu / larger, larger) }
}

/// Where an entry of a block stands among rows of `width`; nowhere if it pads.
#[inline(always)]
fn place(block: usize, lane: usize, width: usize) -> Option<usize> {
    let per_stage = width.div_ceil(LANES);
    let (stage, row) = (block / per_stage, block % per_stage * LANES + lane);
    if row < width { Some(stage * width + row) } else { None }
}

#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the six groups of rows differ in all of these")]
fn hard(
    rows: &mut [Hard],
    sign: f64,
    width: usize,
    values: &[f64],
    bounds: &[f64],
    free: impl Fn(usize) -> bool,
    last: Option<&Vec<f64>>,
    mu: f64,
) -> usize {
    let mut count = 0;
    for (block, (row, value)) in rows.iter_mut().zip(eights(values)).enumerate() {
        *row = Hard::NONE;
        for l in 0..LANES {
            let Some(i) = place(block, l, width) else { break };
            if bounds[i].is_finite() && free(i) {
                let slack = -sign * (value[l] - bounds[i]);
                (row.bound[l], row.present[l]) = (bounds[i], 1.0);
                (row.t[l], row.lambda[l]) = smooth(slack - last.map_or(0.0, |l| l[i]), mu);
                count += 1;
            }
        }
    }
    count
}

#[inline(always)]
fn soft(
    rows: &mut [Soft],
    sign: f64,
    values: &[f64],
    problem: &Problem,
    bounds: &[f64],
    last: Option<&Vec<f64>>,
    mu: f64,
) -> usize {
    let mut count = 0;
    for (block, (row, value)) in rows.iter_mut().zip(eights(values)).enumerate() {
        *row = Soft::NONE;
        for l in 0..LANES {
            let Some(i) = place(block, l, problem.shape.outputs) else { break };
            if !bounds[i].is_finite() || problem.rho1[i] + problem.rho2[i] == 0.0 {
                continue;
            }
            let (rho1, rho2) = (problem.rho1[i], problem.rho2[i]);
            let slack = -sign * (value[l] - bounds[i]);
            let s = (-slack).max(0.0);
            let force = rho1 + rho2 * s;
            let lambda = last.map_or(if slack < 0.0 { force } else { 0.0 }, |l| l[i]);
            (row.bound[l], row.present[l], row.rho1[l], row.rho2[l]) = (bounds[i], 1.0, rho1, rho2);
            (row.t[l], row.lambda[l]) = smooth(slack + s - lambda, mu);
            (row.s[l], row.nu[l]) = smooth(s - (force - lambda).max(0.0), mu);
            count += 2;
        }
    }
    count
}
