//! The iteration: Mehrotra's predictor and corrector on the central path.
//!
//! ```text
//! repeat   predictor: aim at products 0                  -> step, alpha_aff, mu_aff
//!          sigma = (mu_aff / mu)^3
//!          corrector: aim at sigma mu - second-order terms of the predictor
//!          alpha = min(1, 0.995 / worst decrease), the same for values, slacks and multipliers
//! until    the certificate is within the tolerance, or the iterations are used up
//! ```
//!
//! Mehrotra, *On the implementation of a primal-dual interior point method*, 1992; Wright, *Primal-dual interior-point methods*,
//! 1997, 10. Iterates keep the dynamics from the start, so all residuals but those of the rows vanish by themselves, and one
//! length for all steps keeps the conditions linear.
//!
//! Responsible for: the iterate and its steps. Not for: the linear algebra (`riccati`), the rows, the start.

use crate::kernels::{add_scaled, add_transposed, dot};
use crate::point::Point;
use crate::problem::Problem;
use crate::riccati::{Indefinite, Linear, Riccati, Step, Weights};
use crate::rows::{Effect, Hard, Pair, Soft};
use crate::shape::{Shape, padded};
use crate::solver::Settings;
use crate::sound::Reach;
use crate::{Certificate, start};

/// Share of the way to the border that a step goes at most.
const SHARE: f64 = 0.995;

/// How the iteration ended; whether the problem is solved the certificate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Indefinite(Indefinite),
    NotANumber,
}

/// The values of an iterate; all but the states are padded to full vectors.
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
        let Shape { states: n, inputs: m, outputs: p, stages, .. } = shape;
        let (us, ys) = (stages * m, (stages + 1) * p);
        let inputs = || vec![0.0; padded(us)];
        let outputs = || vec![0.0; padded(ys)];
        let states = || vec![0.0; (stages + 1) * n];
        Self {
            shape,
            at: Values { input: inputs(), rate: inputs(), state: states(), output: outputs() },
            input: Pair::new(Hard::NONE, us),
            rate: Pair::new(Hard::NONE, us),
            output: Pair::new(Soft::NONE, ys),
            products: 0,
            weights: Weights { input: inputs(), rate: inputs(), output: outputs() },
            linear: Linear {
                cost: vec![0.0; (stages + 1) * shape.row()],
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
    pub(crate) fn run(
        &mut self,
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
            let cost = penalties + self.gradient(problem);
            let last = iterations == settings.iterations;
            // Only where it can be within the tolerance is the certificate worth its time.
            if gap <= settings.tolerance * (1.0 + cost.abs()) || last {
                let certificate = self.tell(problem, reach, point);
                if last || certificate.worst() <= settings.tolerance {
                    return (End::Done, iterations, certificate);
                }
            }
            if let Err(at) = self.riccati.factor(problem, &self.weights, reach) {
                break End::Indefinite(at);
            }
            let Some(alpha) = self.direction(problem, reach, gap) else { break End::NotANumber };
            self.take(alpha);
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
    fn gradient(&mut self, problem: &Problem) -> f64 {
        let Shape { states: n, inputs: m, stages, .. } = self.shape;
        let (ld, mp) = (self.shape.row(), padded(m));
        let mut cost = 0.0;
        for k in 0..=stages {
            let inputs = if k < stages { m } else { 0 };
            let gradient = &mut self.linear.cost[k * ld..(k + 1) * ld];
            let (u, x) = (&self.at.input[k * m..k * m + inputs], &self.at.state[k * n..(k + 1) * n]);
            let (r, q) = (&problem.r[k * inputs..][..inputs], &problem.q[k * n..(k + 1) * n]);
            let weight = problem.weight(k);
            gradient.fill(0.0);
            add_transposed::<false>(gradient, &weight[..inputs * ld], u);
            add_transposed::<false>(gradient, &weight[m * ld..], x);
            let (of_u, of_x) = gradient.split_at_mut(m);
            for ((g, x), q) in of_u.iter_mut().zip(u).zip(r).chain(of_x.iter_mut().zip(x).zip(q)) {
                cost += x * (0.5 * *g + q);
                *g += q;
            }
            if k < stages {
                let (theta, du) = (&mut self.moves[k * m..(k + 1) * m], &self.at.rate[k * m..(k + 1) * m]);
                theta.fill(0.0);
                for (s, du) in problem.moves(k).chunks_exact(mp).zip(du) {
                    add_scaled(theta, *du, s);
                }
                cost += 0.5 * theta.iter().zip(du).map(|(theta, du)| theta * du).sum::<f64>();
            }
        }
        cost
    }

    /// Predictor and corrector; gives the length of the step, none if it is no number.
    #[inline(always)]
    fn direction(&mut self, problem: &Problem, reach: &Reach, gap: f64) -> Option<f64> {
        let mut tau = 0.0;
        for corrected in [false, true] {
            let Linear { input, rate, output, .. } = &mut self.linear;
            input.fill(0.0);
            rate.copy_from_slice(&self.moves);
            output.fill(0.0);
            self.input.aim(tau, corrected, input);
            self.rate.aim(tau, corrected, rate);
            self.output.aim(tau, corrected, output);
            self.riccati.step(problem, &self.linear, reach, &mut self.step);
            let effect = self.effect();
            if !dot(&self.step.input, &self.step.input).is_finite() || !effect.linear.is_finite() {
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
    fn take(&mut self, alpha: f64) {
        add_scaled(&mut self.at.input, alpha, &self.step.input);
        add_scaled(&mut self.at.rate, alpha, &self.step.rate);
        add_scaled(&mut self.at.state, alpha, &self.step.state);
        add_scaled(&mut self.at.output, alpha, &self.step.output);
        self.input.take(alpha);
        self.rate.take(alpha);
        self.output.take(alpha);
    }

    /// Writes the iterate down and certifies it. Inputs are brought within their bounds to the last bit (an interior point is
    /// outside by its residual), and the states follow from them.
    fn tell(&self, problem: &Problem, reach: &Reach, point: &mut Point) -> Certificate {
        let us = point.u.len();
        point.u.copy_from_slice(&self.at.input[..us]);
        start::within(problem, reach, &mut point.u);
        start::roll(problem, &point.u, &mut point.x);
        for (to, rows) in [
            (&mut point.input_lower, &self.input.lower),
            (&mut point.input_upper, &self.input.upper),
            (&mut point.rate_lower, &self.rate.lower),
            (&mut point.rate_upper, &self.rate.upper),
        ] {
            to.iter_mut().zip(rows.iter().flat_map(|row| &row.lambda)).for_each(|(to, l)| *to = *l);
        }
        for (to, rows) in
            [(&mut point.output_lower, &self.output.lower), (&mut point.output_upper, &self.output.upper)]
        {
            to.iter_mut().zip(rows.iter().flat_map(|row| &row.lambda)).for_each(|(to, l)| *to = *l);
        }
        Certificate::reckon(problem, point, reach)
    }
}
