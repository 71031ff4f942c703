//! The iteration: Mehrotra's predictor and corrector on the central path.
//!
//! ```text
//! repeat   predictor: aim at products 0                  -> step, alpha_aff, mu_aff
//!          sigma = (mu_aff / mu)^3
//!          corrector: aim at sigma mu - second-order terms of the predictor
//!          alpha = min(1, 0.999 / worst decrease), the same for values, slacks and multipliers
//! until    the certificate is within the tolerance, or the iterations are used up
//! ```
//!
//! Mehrotra, *On the implementation of a primal-dual interior point method*, 1992; Wright, *Primal-dual interior-point methods*,
//! 1997, 10. Iterates keep the dynamics from the start, so all residuals but those of the rows vanish by themselves, and one
//! length for all steps keeps the conditions linear.
//!
//! Responsible for: the iterate and its steps. Not for: the linear algebra (`riccati`), the rows, the start.

use crate::kernels::{LANES, add_scaled, add_transposed, dot};
use crate::point::Point;
use crate::problem::Problem;
use crate::riccati::{Indefinite, Linear, Riccati, Step, Weights};
use crate::rows::{Effect, Hard, Pair, Soft};
use crate::shape::{Shape, padded};
use crate::solver::Settings;
use crate::sound::Reach;
use crate::{Certificate, start};
use pulp::Simd;

/// Share of the way to the border that a step goes at most.
const SHARE: f64 = 0.999;

/// How the iteration ended; whether the problem is solved the certificate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Indefinite(Indefinite),
    NotANumber,
}

/// The values of an iterate, padded rows per stage.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    pub(crate) input: Vec<f64>,
    pub(crate) rate: Vec<f64>,
    pub(crate) state: Vec<f64>,
    pub(crate) output: Vec<f64>,
}

/// The iterate, and all that a step needs.
#[derive(Debug, Clone)]
pub(crate) struct Interior {
    pub(crate) shape: Shape,
    pub(crate) at: Values,
    pub(crate) input: Pair<Hard>,
    pub(crate) rate: Pair<Hard>,
    pub(crate) output: Pair<Soft>,
    /// Products that there are.
    pub(crate) products: usize,
    weights: Weights,
    linear: Linear,
    /// S (u_k - u_{k-1}).
    moves: Vec<f64>,
    step: Step,
    riccati: Riccati,
}

impl Interior {
    pub(crate) fn new(shape: Shape) -> Self {
        let (us, ys) = (shape.stages * shape.x(), (shape.stages + 1) * shape.y());
        let inputs = || vec![0.0; us];
        let outputs = || vec![0.0; ys];
        let states = || vec![0.0; (shape.stages + 1) * padded(shape.states)];
        Self {
            shape,
            at: Values { input: inputs(), rate: inputs(), state: states(), output: outputs() },
            input: Pair::new(Hard::NONE, us),
            rate: Pair::new(Hard::NONE, us),
            output: Pair::new(Soft::NONE, ys),
            products: 0,
            weights: Weights { input: inputs(), rate: inputs(), output: outputs() },
            linear: Linear {
                cost: vec![0.0; (shape.stages + 1) * shape.row()],
                input: inputs(),
                rate: inputs(),
                output: outputs(),
            },
            moves: inputs(),
            step: Step { input: inputs(), rate: inputs(), state: states(), output: outputs() },
            riccati: Riccati::new(shape),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let vectors = 9 * self.at.input.len() + 4 * self.at.output.len() + 2 * self.at.state.len();
        8 * (vectors + self.linear.cost.len())
            + self.input.bytes()
            + self.rate.bytes()
            + self.output.bytes()
            + self.riccati.bytes()
    }

    /// From a start to a point with its certificate.
    #[inline(always)]
    pub(crate) fn run<S: Simd>(
        &mut self,
        simd: S,
        problem: &Problem,
        reach: &Reach,
        point: &mut Point,
        settings: &Settings,
        warm: bool,
    ) -> (End, u32, Certificate) {
        start::begin(self, problem, reach, point, warm);
        let mut iterations = 0;
        let end = loop {
            let (gap, penalties) = self.prepare();
            let cost = penalties + self.gradient(simd, problem);
            let last = iterations == settings.iterations;
            // Only where it can be within the tolerance is the certificate worth its time.
            if gap <= settings.tolerance * (1.0 + cost.abs()) || last {
                let certificate = self.tell(problem, reach, point);
                if last || certificate.worst() <= settings.tolerance {
                    return (End::Done, iterations, certificate);
                }
            }
            if let Err(at) = self.riccati.factor(simd, problem, &self.weights, reach) {
                break End::Indefinite(at);
            }
            let Some(alpha) = self.direction(simd, problem, reach, gap) else { break End::NotANumber };
            self.take(simd, alpha);
            iterations += 1;
        };
        (end, iterations, self.tell(problem, reach, point))
    }

    /// Weights of the barrier; gives the sum of all products, and the penalties.
    #[inline(always)]
    fn prepare(&mut self) -> (f64, f64) {
        let input = self.input.prepare(&self.at.input, &mut self.weights.input);
        let rate = self.rate.prepare(&self.at.rate, &mut self.weights.rate);
        let output = self.output.prepare(&self.at.output, &mut self.weights.output);
        (input.0 + rate.0 + output.0, output.1)
    }

    /// The gradient of the cost without penalties; gives that cost.
    #[inline(always)]
    fn gradient<S: Simd>(&mut self, simd: S, problem: &Problem) -> f64 {
        let Shape { states: n, inputs: m, stages, .. } = self.shape;
        let (ld, mp, np) = (self.shape.row(), self.shape.x(), padded(self.shape.states));
        let mut cost = 0.0;
        for k in 0..=stages {
            let inputs = if k < stages { m } else { 0 };
            let gradient = &mut self.linear.cost[k * ld..][..ld];
            let (u, x) = (&self.at.input[k.min(stages - 1) * mp..][..inputs], &self.at.state[k * np..][..n]);
            let (r, q) = (&problem.r[k * inputs..][..inputs], &problem.q[k * n..][..n]);
            let weight = problem.weight(k);
            gradient.fill(0.0);
            add_transposed::<S, false>(simd, gradient, weight, u);
            add_transposed::<S, false>(simd, gradient, &weight[mp * ld..], x);
            let (of_u, of_x) = gradient.split_at_mut(mp);
            for ((g, x), q) in of_u.iter_mut().zip(u).zip(r).chain(of_x.iter_mut().zip(x).zip(q)) {
                cost += x * (0.5 * *g + q);
                *g += q;
            }
            if k < stages {
                let (theta, du) = (&mut self.moves[k * mp..][..mp], &self.at.rate[k * mp..][..mp]);
                theta.fill(0.0);
                add_transposed::<S, false>(simd, theta, problem.moves(k), &du[..m]);
                cost += 0.5 * dot(simd, theta, du);
            }
        }
        cost
    }

    /// Predictor and corrector; gives the length of the step, none if it is no number.
    #[inline(always)]
    fn direction<S: Simd>(&mut self, simd: S, problem: &Problem, reach: &Reach, gap: f64) -> Option<f64> {
        let mut tau = 0.0;
        for corrected in [false, true] {
            let Linear { input, rate, output, .. } = &mut self.linear;
            input.fill(0.0);
            rate.copy_from_slice(&self.moves);
            output.fill(0.0);
            self.input.aim(tau, corrected, input);
            self.rate.aim(tau, corrected, rate);
            self.output.aim(tau, corrected, output);
            self.riccati.step(simd, problem, &self.linear, reach, &mut self.step);
            let effect = self.effect();
            if !dot(simd, &self.step.input, &self.step.input).is_finite() || !effect.linear.is_finite() {
                return None;
            }
            if corrected || self.products == 0 {
                return Some((SHARE / effect.worst).min(1.0));
            }
            let alpha = (1.0 / effect.worst).min(1.0);
            let after = (gap + alpha * (effect.linear + alpha * effect.square)).max(0.0);
            let sigma = (after / gap).min(1.0).powi(3);
            tau = sigma * gap / self.products as f64;
        }
        None
    }

    /// What the step does to the rows.
    #[inline(always)]
    fn effect(&mut self) -> Effect {
        let input = self.input.step(&self.step.input);
        let rate = self.rate.step(&self.step.rate);
        let output = self.output.step(&self.step.output);
        input.with(rate).with(output)
    }

    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, alpha: f64) {
        add_scaled(simd, &mut self.at.input, alpha, &self.step.input);
        add_scaled(simd, &mut self.at.rate, alpha, &self.step.rate);
        add_scaled(simd, &mut self.at.state, alpha, &self.step.state);
        add_scaled(simd, &mut self.at.output, alpha, &self.step.output);
        self.input.take(alpha);
        self.rate.take(alpha);
        self.output.take(alpha);
    }

    /// Writes the iterate down and certifies it. Inputs are brought within their bounds to the last bit (an interior point is
    /// outside by its residual), and the states follow from them.
    fn tell(&self, problem: &Problem, reach: &Reach, point: &mut Point) -> Certificate {
        let Shape { inputs: m, outputs: p, .. } = self.shape;
        unpad(&mut point.u, m, &self.at.input, self.shape.x());
        start::within(problem, reach, &mut point.u);
        start::roll(problem, &point.u, &mut point.x);
        for (to, rows) in [
            (&mut point.input_lower, &self.input.lower),
            (&mut point.input_upper, &self.input.upper),
            (&mut point.rate_lower, &self.rate.lower),
            (&mut point.rate_upper, &self.rate.upper),
        ] {
            pick(to, m, rows, |row| &row.lambda);
        }
        pick(&mut point.output_lower, p, &self.output.lower, |row| &row.lambda);
        pick(&mut point.output_upper, p, &self.output.upper, |row| &row.lambda);
        Certificate::reckon(problem, point, reach)
    }
}

/// Padded rows become rows of `width`.
fn unpad(to: &mut [f64], width: usize, from: &[f64], ld: usize) {
    for (to, from) in to.chunks_exact_mut(width).zip(from.chunks_exact(ld)) {
        to.copy_from_slice(&from[..width]);
    }
}

/// A figure of blocks of rows, as rows of `width`.
fn pick<R>(to: &mut [f64], width: usize, blocks: &[R], of: impl Fn(&R) -> &[f64; LANES]) {
    if width == 0 {
        return;
    }
    let per_stage = width.div_ceil(LANES);
    for (to, blocks) in to.chunks_exact_mut(width).zip(blocks.chunks_exact(per_stage)) {
        for (to, block) in to.chunks_mut(LANES).zip(blocks) {
            to.copy_from_slice(&of(block)[..to.len()]);
        }
    }
}
