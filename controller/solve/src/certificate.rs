//! Does a point solve a problem?
//!
//! The conditions of Karush, Kuhn and Tucker, reckoned from the problem's data and a point alone, in plain loops that share nothing with
//! the iteration:
//!
//! ```text
//! pi_N = P x_N + q_N + C_N'l_N,    pi_k = Q_k x_k + q_k + C_k'l_k + A_k'pi_{k+1}          l = multipliers of yhi less those of ylo
//! stationarity    R_k u_k + r_k + theta_k - theta_{k+1} + l_u + D_k'l_k + B_k'pi_{k+1}    theta = S (u_k - u_{k-1}) + l_rate
//! dynamics        x_{k+1} - A_k x_k - B_k u_k - c_k
//! bounds          by how much an input or a move is outside of them
//! multipliers     below zero, or a soft one above rho1 + rho2 s,  s = max(0, y - yhi, ylo - y)
//! complementarity sum of multiplier times slack, which bounds cost - best cost
//! ```
//!
//! The multipliers pi of the dynamics are made so that the states are stationary; what is wrong then shows in the inputs. An input that
//! its bounds pin is no unknown and has no stationarity. All figures are relative: to 1 + the largest term of a gradient, the largest
//! state, the largest input, the largest multiplier, and the cost.
//!
//! Responsible for: that verdict. Not for: finding the point.

use crate::problem::{Bounds, Problem};
use crate::shape::{MOST, Shape, padded};
use crate::sound::Reach;
use crate::{Point, Refused};

/// How far a condition is from being met, and where it is met worst.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Residual {
    /// Relative; zero is met. Not a number if something of the point is not.
    pub value: f64,
    /// The stage at which it is worst.
    pub stage: usize,
}

/// The conditions of optimality, each with its residual. No unit: they are relative (see the module).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Certificate {
    /// Of the Lagrangian's gradient by the inputs.
    pub stationarity: Residual,
    /// Of the dynamics, x_0 included.
    pub dynamics: Residual,
    /// Of input and rate bounds.
    pub bounds: Residual,
    /// Of the multipliers' signs.
    pub multipliers: Residual,
    /// Of complementarity; the sum over all stages, with the stage that gives most.
    pub complementarity: Residual,
    /// What is minimised, at this point, with the least slacks that it needs.
    pub cost: f64,
}

impl Certificate {
    /// Reckons it.
    ///
    /// # Errors
    /// Another shape, an unsound problem.
    pub fn of(problem: &Problem, point: &Point) -> Result<Self, Refused> {
        if problem.shape != point.shape {
            return Err(Refused::OtherShape);
        }
        crate::sound::vectors(problem)?;
        let mut reach = Reach::new(point.u.len());
        reach.find(problem)?;
        Ok(Self::reckon(problem, point, &reach))
    }

    /// The largest residual; not a number if one of them is not.
    #[must_use]
    pub fn worst(&self) -> f64 {
        [self.stationarity, self.dynamics, self.bounds, self.multipliers, self.complementarity]
            .iter()
            .fold(0.0, |worst, r| if r.value.is_nan() || r.value > worst { r.value } else { worst })
    }

    pub(crate) fn reckon(problem: &Problem, point: &Point, reach: &Reach) -> Self {
        let mut tally = Tally::default();
        let mut adjoint = Adjoint { pi: [0.0; MOST], theta: [0.0; MOST] };
        for k in (0..=problem.shape.stages).rev() {
            soft_bounds(problem, point, k, &mut tally);
            if k < problem.shape.stages {
                hard_bounds(problem, point, k, &mut tally);
                dynamics(problem, point, k, &mut tally);
            }
            adjoint.back(problem, point, reach, k, &mut tally);
        }
        for (x, given) in point.x.iter().zip(&problem.x0) {
            tally.dynamics.see(x - given, x.abs(), 0);
        }
        tally.certificate()
    }
}

/// The largest of something, and the scale that it is measured by.
#[derive(Debug, Clone, Copy, Default)]
struct Worst {
    value: f64,
    scale: f64,
    stage: usize,
}

impl Worst {
    fn see(&mut self, value: f64, scale: f64, stage: usize) {
        let value = value.abs();
        if value > self.value || value.is_nan() {
            (self.value, self.stage) = (value, stage);
        }
        self.scale = self.scale.max(scale);
    }

    fn residual(self) -> Residual {
        Residual { value: self.value / (1.0 + self.scale), stage: self.stage }
    }
}

#[derive(Debug, Default)]
struct Tally {
    stationarity: Worst,
    dynamics: Worst,
    bounds: Worst,
    multipliers: Worst,
    /// Largest sum of a stage; `gap` is the sum of all.
    products: Worst,
    gap: f64,
    cost: f64,
}

impl Tally {
    fn products(&mut self, sum: f64, stage: usize) {
        self.gap += sum;
        self.products.see(sum, 0.0, stage);
    }

    fn certificate(self) -> Certificate {
        let complementarity =
            Residual { value: self.gap / (1.0 + self.cost.abs()), stage: self.products.stage };
        Certificate {
            stationarity: self.stationarity.residual(),
            dynamics: self.dynamics.residual(),
            bounds: self.bounds.residual(),
            multipliers: self.multipliers.residual(),
            complementarity,
            cost: self.cost,
        }
    }
}

/// pi_{k+1} and theta_{k+1} while k goes down.
struct Adjoint {
    pi: [f64; MOST],
    theta: [f64; MOST],
}

impl Adjoint {
    fn back(&mut self, problem: &Problem, point: &Point, reach: &Reach, k: usize, tally: &mut Tally) {
        let Shape { states: n, inputs: m, outputs: p, stages, .. } = problem.shape;
        let (ld, at_x) = (problem.shape.row(), problem.shape.x());
        let (model, weight) = (problem.model(k), problem.weight(k));
        let inputs = if k < stages { m } else { 0 };
        // The gradient over (u | x), of cost, outputs and the stages that follow.
        let mut gradient = [0.0; 2 * MOST];
        let gradient = &mut gradient[..ld];
        let (u, x) = (&point.u[k * inputs..][..inputs], &point.x[k * n..(k + 1) * n]);
        add(gradient, &weight[..inputs * ld], u);
        add(gradient, &weight[at_x * ld..], x);
        let quadratic: f64 = dot(&gradient[..inputs], u) + dot(&gradient[at_x..at_x + n], x);
        let linear = dot(&problem.q[k * n..(k + 1) * n], x) + dot(&problem.r[k * inputs..][..inputs], u);
        tally.cost += 0.5 * quadratic + linear;
        let of_r = problem.r[k * inputs..][..inputs].iter();
        gradient[..inputs].iter_mut().zip(of_r).for_each(|(g, r)| *g += r);
        gradient[at_x..].iter_mut().zip(&problem.q[k * n..(k + 1) * n]).for_each(|(g, q)| *g += q);
        let mut l = [0.0; MOST];
        for (i, l) in l[..p].iter_mut().enumerate() {
            *l = point.output_upper[k * p + i] - point.output_lower[k * p + i];
        }
        let outputs = if k < stages { &model[n * ld..] } else { model };
        if k < stages {
            add(gradient, &model[..n * ld], &self.pi[..n]);
        }
        add(gradient, outputs, &l[..p]);
        self.pi[..n].copy_from_slice(&gradient[at_x..at_x + n]);
        if k < stages {
            self.inputs(problem, point, reach, k, gradient, tally);
        }
    }

    fn inputs(
        &mut self,
        problem: &Problem,
        point: &Point,
        reach: &Reach,
        k: usize,
        gradient: &[f64],
        tally: &mut Tally,
    ) {
        let m = problem.shape.inputs;
        let mut moves = [0.0; MOST];
        for (a, du) in moves[..m].iter_mut().enumerate() {
            *du = point.u[k * m + a] - before(problem, point, k, a);
        }
        for (a, s) in problem.moves(k).chunks_exact(padded(m)).enumerate() {
            let at = k * m + a;
            let quadratic = dot(&s[..m], &moves[..m]);
            let theta = quadratic + point.rate_upper[at] - point.rate_lower[at];
            let l = point.input_upper[at] - point.input_lower[at];
            let sum = gradient[a] + theta - self.theta[a] + l;
            let scale = gradient[a].abs().max(theta.abs()).max(self.theta[a].abs()).max(l.abs());
            tally.stationarity.see(if reach.pinned[at] { 0.0 } else { sum }, scale, k);
            tally.cost += 0.5 * quadratic * moves[a];
            self.theta[a] = theta;
        }
    }
}

/// u_{k-1}.
fn before(problem: &Problem, point: &Point, k: usize, a: usize) -> f64 {
    let m = problem.shape.inputs;
    if k == 0 { problem.u_before[a] } else { point.u[(k - 1) * m + a] }
}

fn dynamics(problem: &Problem, point: &Point, k: usize, tally: &mut Tally) {
    let Shape { states: n, inputs: m, .. } = problem.shape;
    let (rows, at_x) = (problem.model(k).chunks_exact(problem.shape.row()), problem.shape.x());
    for (i, row) in rows.take(n).enumerate() {
        let of_u = dot(&row[..m], point.input(k));
        let next = problem.c[k * n + i] + of_u + dot(&row[at_x..at_x + n], point.state(k));
        let x = point.x[(k + 1) * n + i];
        tally.dynamics.see(x - next, x.abs(), k);
    }
}

fn hard_bounds(problem: &Problem, point: &Point, k: usize, tally: &mut Tally) {
    let m = problem.shape.inputs;
    let mut products = 0.0;
    for a in 0..m {
        let (at, u) = (k * m + a, point.u[k * m + a]);
        let du = u - before(problem, point, k, a);
        let l = (point.input_lower[at], point.input_upper[at]);
        products += hard(&problem.input, at, u, l, u.abs(), k, tally);
        let l = (point.rate_lower[at], point.rate_upper[at]);
        products += hard(&problem.rate, at, du, l, u.abs(), k, tally);
    }
    tally.products(products, k);
}

fn hard(
    bounds: &Bounds,
    at: usize,
    value: f64,
    l: (f64, f64),
    scale: f64,
    k: usize,
    tally: &mut Tally,
) -> f64 {
    let slacks = (value - bounds.lower[at], bounds.upper[at] - value);
    tally.bounds.see((-slacks.0).max(-slacks.1).max(0.0), scale, k);
    side(slacks.0, l.0, k, tally) + side(slacks.1, l.1, k, tally)
}

/// The product of a slack and its multiplier; a bound that is not there has none.
fn side(slack: f64, l: f64, k: usize, tally: &mut Tally) -> f64 {
    if slack.is_infinite() {
        tally.multipliers.see(l, l.abs(), k);
        return 0.0;
    }
    tally.multipliers.see((-l).max(0.0), l.abs(), k);
    (slack * l).abs()
}

fn soft_bounds(problem: &Problem, point: &Point, k: usize, tally: &mut Tally) {
    let Shape { states: n, inputs: m, outputs: p, stages, .. } = problem.shape;
    let (ld, at_x) = (problem.shape.row(), problem.shape.x());
    let model = problem.model(k);
    let outputs = if k < stages { &model[n * ld..] } else { model };
    let mut products = 0.0;
    for (i, row) in outputs.chunks_exact(ld).enumerate() {
        let at = k * p + i;
        let of_input = if k < stages { dot(&row[..m], point.input(k)) } else { 0.0 };
        let y = problem.e[at] + of_input + dot(&row[at_x..at_x + n], point.state(k));
        let (rho1, rho2) = (problem.rho1[at], problem.rho2[at]);
        let limited = rho1 + rho2 > 0.0;
        for (slack, l) in [
            (y - problem.output.lower[at], point.output_lower[at]),
            (problem.output.upper[at] - y, point.output_upper[at]),
        ] {
            let slack = if limited { slack } else { f64::INFINITY };
            let s = (-slack).max(0.0);
            tally.cost += (rho1 + 0.5 * rho2 * s) * s;
            products += side(slack + s, l, k, tally);
            if slack.is_finite() {
                let nu = rho1 + rho2 * s - l;
                tally.multipliers.see((-nu).max(0.0), l.abs(), k);
                products += (nu * s).abs();
            }
        }
    }
    tally.products(products, k);
}

/// y += M'v.
fn add(y: &mut [f64], m: &[f64], v: &[f64]) {
    for (row, v) in m.chunks_exact(y.len()).zip(v) {
        for (y, m) in y.iter_mut().zip(row) {
            *y += v * m;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
