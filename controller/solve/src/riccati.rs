//! One Newton step of the interior point: a linear-quadratic problem, by the Riccati recursion.
//!
//! With the barrier's weights W the step (du, dx) minimises a quadratic over the linear dynamics, without bounds (Rao, Wright &
//! Rawlings, *Application of interior-point methods to model predictive control*, 1998; Frison & Diehl, *HPIPM*, 2020). The
//! previous input v_k = u_{k-1} is a state that the next stage forgets, so it enters as an identity and costs no product:
//!
//! ```text
//! V_k(v, x) = 1/2 (v|x)' P_k (v|x) + p_k'(v|x),   F = (B A),   E = (D C),   Theta = S + W_rate
//!
//! G     = (R + S + W_input + W_rate  0; 0  Q) + E'W_y E + (I 0)'P_v F~ + F'P_x F~      F~ = (v_{k+1}|x_{k+1}) over (u|x)
//! U'U   = G_uu                                                                        Cholesky
//! Y     = U^-T (-Theta | G_ux)
//! P_k   = (Theta 0; 0 G_xx) - Y'Y
//!
//! h     = g_k + E'l_y + F'p_x + (p_v + l_input + l_rate | 0),   z = U^-T h_u
//! p_k   = (-l_rate | h_x) - Y'z
//! du_k  = -U^-1 (z + Y (dv_k|dx_k)),   dx_{k+1} = F (du_k|dx_k),   dv_{k+1} = du_k
//! ```
//!
//! Only U and Y are kept per stage: iterates keep the dynamics, so the step needs no P_k again.
//!
//! Responsible for: factoring, and one step for a right-hand side. Not for: where weights and right-hand sides come from (`rows`,
//! `interior`).

#![allow(clippy::needless_range_loop, reason = "lanes and rows of several arrays go together")]

use crate::kernels::{add, add_product, add_scaled, add_transposed, multiply, rows, scaled};
use crate::problem::Problem;
use crate::shape::{MOST, Shape, padded};
use crate::sound::Reach;
use pulp::Simd;

/// Added to the diagonal of G_uu, so that an input that nothing weighs still has one best value.
const REGULAR: f64 = 1e-10;
/// A pivot below minus this is no rounding error: the problem is not convex.
const NEGATIVE: f64 = 1e-6;

/// Weights of the barrier; padded rows per stage, as are all vectors here.
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    /// Of u_k.
    pub(crate) input: Vec<f64>,
    /// Of u_k - u_{k-1}.
    pub(crate) rate: Vec<f64>,
    /// Of y_k, N + 1 rows.
    pub(crate) output: Vec<f64>,
}

/// The linear terms of a step.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    /// Over (u | x), N + 1 rows.
    pub(crate) cost: Vec<f64>,
    /// l_input.
    pub(crate) input: Vec<f64>,
    /// l_rate.
    pub(crate) rate: Vec<f64>,
    /// l_y, N + 1 rows.
    pub(crate) output: Vec<f64>,
}

/// A step.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// du.
    pub(crate) input: Vec<f64>,
    /// dx, N + 1 rows.
    pub(crate) state: Vec<f64>,
    /// du_k - du_{k-1}.
    pub(crate) rate: Vec<f64>,
    /// dy, N + 1 rows.
    pub(crate) output: Vec<f64>,
}

/// Where a pivot was negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Indefinite {
    pub(crate) stage: usize,
    pub(crate) input: usize,
}

/// The factors, and room to make them.
#[derive(Debug, Clone)]
pub(crate) struct Riccati {
    shape: Shape,
    /// U of each stage; its diagonal holds reciprocals.
    u: Vec<f64>,
    /// Y of each stage.
    y: Vec<f64>,
    /// z of each stage.
    z: Vec<f64>,
    /// P and G, square.
    p: Vec<f64>,
    g: Vec<f64>,
    /// F~, then W_y E.
    t: Vec<f64>,
    /// p_k and h, one row each.
    vector: Vec<f64>,
    h: Vec<f64>,
}

impl Riccati {
    pub(crate) fn new(shape: Shape) -> Self {
        let Shape { inputs: m, outputs: p, stages, .. } = shape;
        let (ld, mp) = (shape.row(), shape.x());
        let of = |size: usize| vec![0.0; size];
        Self {
            shape,
            u: of(stages * m * mp),
            y: of(stages * m * ld),
            z: of(stages * mp),
            p: of(ld * ld),
            g: of(ld * ld),
            t: of((ld + p) * ld),
            vector: of(ld),
            h: of(ld),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let all = [&self.u, &self.y, &self.z, &self.p, &self.g, &self.t, &self.vector, &self.h];
        8 * all.map(Vec::len).iter().sum::<usize>()
    }

    /// Factors all stages, the last first.
    ///
    /// # Errors
    /// A pivot is negative.
    #[inline(always)]
    pub(crate) fn factor<S: Simd>(
        &mut self,
        simd: S,
        problem: &Problem,
        w: &Weights,
        reach: &Reach,
    ) -> Result<(), Indefinite> {
        let Shape { inputs: m, outputs: p, stages, .. } = self.shape;
        let (ld, mp, pp) = (self.shape.row(), self.shape.x(), self.shape.y());
        // P_N = P + C_N'W C_N
        self.p.copy_from_slice(problem.weight(stages));
        let outputs = problem.model(stages);
        weigh(simd, &mut self.t, outputs, &w.output[stages * pp..], ld);
        add_product::<S, false, true>(simd, &mut self.p, outputs, &self.t, ld, p);
        mirror(&mut self.p, ld);
        for k in (0..stages).rev() {
            self.hessian(simd, problem, k, w);
            let pinned = if reach.any_pinned { &reach.pinned[k * m..(k + 1) * m] } else { &[] };
            self.eliminate(simd, problem.moves(k), &w.rate[k * mp..], k, pinned)?;
        }
        Ok(())
    }

    /// G of a stage, from P of the next one; the upper triangle.
    #[inline(always)]
    fn hessian<S: Simd>(&mut self, simd: S, problem: &Problem, k: usize, w: &Weights) {
        let Shape { states: n, inputs: m, outputs: p, .. } = self.shape;
        let (ld, mp, pp) = (self.shape.row(), self.shape.x(), self.shape.y());
        let model = problem.model(k);
        // F~ = P (I 0; B A)
        keep(simd, &mut self.t, &self.p, ld, mp);
        add_product::<S, false, false>(simd, &mut self.t[..ld * ld], &self.p[mp * ld..], model, ld, n);
        // F~_x and W E are one matrix with as many rows as (F; E).
        let first = (mp + n) * ld;
        weigh(simd, &mut self.t[first..], &model[n * ld..], &w.output[k * pp..(k + 1) * pp], ld);
        // G = (R + S + W 0; 0 Q) + (F~_v; 0) + F'F~_x + E'W E
        self.g.copy_from_slice(problem.weight(k));
        add(simd, &mut self.g[..m * ld], &self.t[..m * ld]);
        for (a, s) in rows(problem.moves(k), mp).enumerate() {
            let row = &mut self.g[a * ld..][..mp];
            add(simd, row, s);
            row[a] += w.input[k * mp + a] + w.rate[k * mp + a] + REGULAR;
        }
        add_product::<S, false, true>(simd, &mut self.g, model, &self.t[mp * ld..], ld, n + p);
    }

    /// U, Y and P of a stage, from G.
    #[inline(always)]
    fn eliminate<S: Simd>(
        &mut self,
        simd: S,
        s: &[f64],
        rate: &[f64],
        k: usize,
        pinned: &[bool],
    ) -> Result<(), Indefinite> {
        let m = self.shape.inputs;
        let (ld, mp) = (self.shape.row(), self.shape.x());
        let (u, y) = (&mut self.u[k * m * mp..][..m * mp], &mut self.y[k * m * ld..][..m * ld]);
        // P_k begins as (Theta 0; 0 G_xx), and -Theta stands in U's place, where it becomes U^-T (-Theta).
        self.p[mp * ld..].copy_from_slice(&self.g[mp * ld..]);
        for a in 0..m {
            let (u, p) = (&mut u[a * mp..][..mp], &mut self.p[a * ld..][..ld]);
            scaled(simd, &mut p[..mp], 1.0, &s[a * mp..][..mp]);
            p[a] += rate[a];
            scaled(simd, u, -1.0, &p[..mp]);
            p[mp..].fill(0.0);
        }
        let g = &mut self.g[..m * ld];
        for (a, _) in pinned.iter().enumerate().filter(|(_, pinned)| **pinned) {
            pin(g, u, a, ld, mp);
        }
        for a in 0..m {
            let root = pivot(g[a * ld + a]).ok_or(Indefinite { stage: k, input: a })?;
            let (done, below) = g.split_at_mut((a + 1) * ld);
            let (v_done, v_below) = u.split_at_mut((a + 1) * mp);
            let (row, v, y) = (&done[a * ld..], &mut v_done[a * mp..], &mut y[a * ld..][..ld]);
            // The rows change places: U where -Theta was, and Y = U^-T (-Theta | G_ux).
            scaled(simd, y, root, row);
            let mut of_u = [0.0; MOST];
            let of_u = &mut of_u[..mp];
            of_u.copy_from_slice(&y[..mp]);
            scaled(simd, &mut y[..mp], root, v);
            for i in 0..m - a - 1 {
                let by = -of_u[a + 1 + i];
                add_scaled(simd, &mut below[i * ld..][..mp], by, of_u);
                add_scaled(simd, &mut below[i * ld + mp..][..ld - mp], by, &y[mp..]);
                add_scaled(simd, &mut v_below[i * mp..][..mp], by, &y[..mp]);
            }
            v.copy_from_slice(of_u);
            v[a] = root;
        }
        add_product::<S, true, true>(simd, &mut self.p, y, y, ld, m);
        mirror(&mut self.p, ld);
        Ok(())
    }

    /// The step for a right-hand side.
    #[inline(always)]
    pub(crate) fn step<S: Simd>(
        &mut self,
        simd: S,
        problem: &Problem,
        l: &Linear,
        reach: &Reach,
        to: &mut Step,
    ) {
        self.backward(simd, problem, l, reach);
        self.forward(simd, problem, to);
    }

    #[inline(always)]
    fn backward<S: Simd>(&mut self, simd: S, problem: &Problem, l: &Linear, reach: &Reach) {
        let Shape { states: n, inputs: m, outputs: p, stages, .. } = self.shape;
        let (ld, mp, pp) = (self.shape.row(), self.shape.x(), self.shape.y());
        let (vector, h) = (&mut self.vector[..ld], &mut self.h[..ld]);
        vector.copy_from_slice(&l.cost[stages * ld..]);
        add_transposed::<S, false>(simd, vector, problem.model(stages), &l.output[stages * pp..][..p]);
        for k in (0..stages).rev() {
            let model = problem.model(k);
            scaled(simd, h, 1.0, &l.cost[k * ld..][..ld]);
            add_transposed::<S, false>(simd, h, &model[n * ld..], &l.output[k * pp..][..p]);
            add_transposed::<S, false>(simd, h, model, &vector[mp..mp + n]);
            let (input, rate) = (&l.input[k * mp..][..mp], &l.rate[k * mp..][..mp]);
            add(simd, &mut h[..mp], &vector[..mp]);
            add(simd, &mut h[..mp], input);
            add(simd, &mut h[..mp], rate);
            if reach.any_pinned {
                let pinned = &reach.pinned[k * m..(k + 1) * m];
                h.iter_mut().zip(pinned).filter(|(_, pinned)| **pinned).for_each(|(h, _)| *h = 0.0);
            }
            // z = U^-T h_u, in h's place
            let u = &self.u[k * m * mp..][..m * mp];
            let z = &mut self.z[k * mp..][..mp];
            for a in 0..m {
                z[a] = h[a] * u[a * mp + a];
                add_scaled(simd, &mut h[..mp], -z[a], &u[a * mp..][..mp]);
            }
            // p_k = (-l_rate | h_x) - Y'z
            scaled(simd, &mut vector[..mp], -1.0, rate);
            scaled(simd, &mut vector[mp..], 1.0, &h[mp..]);
            add_transposed::<S, true>(simd, vector, &self.y[k * m * ld..], &z[..m]);
        }
    }

    #[inline(always)]
    fn forward<S: Simd>(&mut self, simd: S, problem: &Problem, to: &mut Step) {
        let Shape { states: n, inputs: m, outputs: p, stages, .. } = self.shape;
        let (ld, mp, pp, np) = (self.shape.row(), self.shape.x(), self.shape.y(), padded(self.shape.states));
        // (v | x), then (u | x)
        let z = &mut self.vector[..ld];
        z.fill(0.0);
        to.state[..np].fill(0.0);
        for k in 0..stages {
            let (u, model) = (&self.u[k * m * mp..][..m * mp], problem.model(k));
            let du = &mut to.input[k * mp..][..mp];
            multiply(simd, &mut du[..m], &self.y[k * m * ld..], z);
            add(simd, du, &self.z[k * mp..][..mp]);
            // U (-du) = .
            for a in (0..m).rev() {
                let row = &u[a * mp..][..m];
                let known = row[a + 1..].iter().zip(&du[a + 1..]);
                du[a] = known.fold(du[a], |sum, (u, du)| (-u).mul_add(*du, sum)) * row[a];
            }
            let (rate, v) = (&mut to.rate[k * mp..][..mp], &mut z[..mp]);
            for ((rate, du), v) in rate.iter_mut().zip(du).zip(v) {
                *du = -*du;
                *rate = *du - *v;
                *v = *du;
            }
            let next = &mut to.state[(k + 1) * np..][..np];
            multiply(simd, &mut next[..n], model, z);
            multiply(simd, &mut to.output[k * pp..][..p], &model[n * ld..], z);
            scaled(simd, &mut z[mp..], 1.0, next);
        }
        multiply(simd, &mut to.output[stages * pp..][..p], problem.model(stages), z);
    }
}

/// To = diag(w) E.
#[inline(always)]
fn weigh<S: Simd>(simd: S, to: &mut [f64], e: &[f64], w: &[f64], ld: usize) {
    for (i, (e, w)) in rows(e, ld).zip(w).enumerate() {
        scaled(simd, &mut to[i * ld..][..ld], *w, e);
    }
}

/// To = the first columns of P, zero beyond.
#[inline(always)]
fn keep<S: Simd>(simd: S, to: &mut [f64], p: &[f64], ld: usize, columns: usize) {
    for (i, p) in rows(p, ld).enumerate() {
        let (first, rest) = to[i * ld..][..ld].split_at_mut(columns);
        scaled(simd, first, 1.0, &p[..columns]);
        scaled(simd, rest, 0.0, &p[columns..]);
    }
}

/// Copies the upper triangle to the lower one.
#[inline(always)]
fn mirror(p: &mut [f64], ld: usize) {
    for i in 1..ld {
        let (above, row) = p.split_at_mut(i * ld);
        for (to, from) in row[..i].iter_mut().zip(rows(above, ld)) {
            *to = from[i];
        }
    }
}

/// Takes input a out of the stage: its row and column of G and its row of Theta say du_a = 0.
#[inline(always)]
fn pin(g: &mut [f64], theta: &mut [f64], a: usize, ld: usize, mp: usize) {
    for i in 0..a {
        g[i * ld + a] = 0.0;
    }
    g[a * ld..(a + 1) * ld].fill(0.0);
    g[a * ld + a] = 1.0;
    theta[a * mp..(a + 1) * mp].fill(0.0);
}

/// The reciprocal root of a pivot. One that rounding has made too small counts as the least; none if it is truly negative.
#[inline(always)]
fn pivot(value: f64) -> Option<f64> {
    if value < -NEGATIVE {
        return None;
    }
    let value = if value < REGULAR { REGULAR } else { value };
    Some(1.0 / value.sqrt())
}
