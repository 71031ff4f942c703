//! One Newton step of the interior point: a linear-quadratic problem, by the Riccati recursion.
//!
//! With the barrier's weights W the step (du, dx) minimises a quadratic over the linear dynamics, without bounds (Rao, Wright &
//! Rawlings, *Application of interior-point methods to model predictive control*, 1998; Frison & Jorgensen, *HPIPM*, 2020). The
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

use crate::kernels::{add_product, add_scaled, add_transposed, dot, multiply};
use crate::problem::Problem;
use crate::shape::{Shape, padded};
use crate::sound::Reach;

/// Added to the diagonal of G_uu, so that an input that nothing weighs still has one best value.
const REGULAR: f64 = 1e-10;
/// A pivot that is more negative than this share of its diagonal is no rounding error: the problem is not convex.
const NEGATIVE: f64 = 1e-6;

/// Weights of the barrier.
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    /// Of u_k, N m.
    pub(crate) input: Vec<f64>,
    /// Of u_k - u_{k-1}, N m.
    pub(crate) rate: Vec<f64>,
    /// Of y_k, (N + 1) p.
    pub(crate) output: Vec<f64>,
}

/// The linear terms of a step.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    /// Over (u | x), N + 1 padded rows.
    pub(crate) cost: Vec<f64>,
    /// l_input, N m.
    pub(crate) input: Vec<f64>,
    /// l_rate, N m.
    pub(crate) rate: Vec<f64>,
    /// l_y, (N + 1) p.
    pub(crate) output: Vec<f64>,
}

/// A step.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// du, N m.
    pub(crate) input: Vec<f64>,
    /// dx, N + 1 rows of n.
    pub(crate) state: Vec<f64>,
    /// du_k - du_{k-1}, N m.
    pub(crate) rate: Vec<f64>,
    /// dy, (N + 1) p.
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
    /// U of each stage, rows padded; its diagonal holds reciprocals.
    u: Vec<f64>,
    /// Y of each stage.
    y: Vec<f64>,
    /// z of each stage.
    z: Vec<f64>,
    /// P, G and F~: m + n, m + n and m + n + p rows.
    p: Vec<f64>,
    g: Vec<f64>,
    t: Vec<f64>,
    /// p_k and h, one row each.
    vector: Vec<f64>,
    h: Vec<f64>,
}

impl Riccati {
    pub(crate) fn new(shape: Shape) -> Self {
        let Shape { states: n, inputs: m, outputs: p, stages, .. } = shape;
        let ld = shape.row();
        let of = |rows: usize| vec![0.0; rows];
        Self {
            shape,
            u: of(stages * m * padded(m)),
            y: of(stages * m * ld),
            z: of(stages * m),
            p: of((m + n) * ld),
            g: of((m + n) * ld),
            t: of((m + n + p) * ld),
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
    pub(crate) fn factor(&mut self, problem: &Problem, w: &Weights, reach: &Reach) -> Result<(), Indefinite> {
        let Shape { states: n, inputs: m, outputs: p, stages, .. } = self.shape;
        let ld = self.shape.row();
        // P_N = P + C_N'W C_N
        self.p.copy_from_slice(problem.weight(stages));
        let outputs = problem.model(stages);
        weigh(&mut self.t[..p * ld], outputs, &w.output[stages * p..], ld);
        add_product::<false, true>(&mut self.p, outputs, &self.t[..p * ld], ld, m + n);
        mirror(&mut self.p, ld);
        for k in (0..stages).rev() {
            let us = k * m..(k + 1) * m;
            self.hessian(problem, k, w);
            let pinned = if reach.any_pinned { &reach.pinned[us.clone()] } else { &[] };
            self.eliminate(problem.moves(k), &w.rate[us], k, pinned)?;
        }
        Ok(())
    }

    /// G of a stage, from P of the next one; the upper triangle.
    #[inline(always)]
    fn hessian(&mut self, problem: &Problem, k: usize, w: &Weights) {
        let Shape { states: n, inputs: m, outputs: p, .. } = self.shape;
        let (ld, mp) = (self.shape.row(), padded(self.shape.inputs));
        let model = problem.model(k);
        // F~ = P (I 0; B A)
        for (t, from) in self.t.chunks_exact_mut(ld).zip(self.p.chunks_exact(ld)) {
            t[..m].copy_from_slice(&from[..m]);
            t[m..].fill(0.0);
        }
        add_product::<false, false>(&mut self.t, &self.p[m * ld..], &model[..n * ld], ld, m + n);
        weigh(&mut self.t[(m + n) * ld..], &model[n * ld..], &w.output[k * p..(k + 1) * p], ld);
        // G = (R + S + W 0; 0 Q) + (F~_v; 0) + F'F~_x + E'W E
        self.g.copy_from_slice(problem.weight(k));
        for (g, t) in self.g[..m * ld].iter_mut().zip(&self.t) {
            *g += t;
        }
        for (a, s) in problem.moves(k).chunks_exact(mp).enumerate() {
            let row = &mut self.g[a * ld..(a + 1) * ld];
            for (g, s) in row.iter_mut().zip(&s[..m]) {
                *g += s;
            }
            row[a] += w.input[k * m + a] + w.rate[k * m + a] + REGULAR;
        }
        add_product::<false, true>(&mut self.g, model, &self.t[m * ld..], ld, m + n);
    }

    /// U, Y and P of a stage, from G.
    #[inline(always)]
    fn eliminate(&mut self, s: &[f64], rate: &[f64], k: usize, pinned: &[bool]) -> Result<(), Indefinite> {
        let m = self.shape.inputs;
        let (ld, mp) = (self.shape.row(), padded(m));
        let (upper, rest) = self.g.split_at_mut(m * ld);
        let (u, y) = (&mut self.u[k * m * mp..][..m * mp], &mut self.y[k * m * ld..][..m * ld]);
        // V becomes U^-T (-Theta); it starts out in U's place.
        for (a, (u, s)) in u.chunks_exact_mut(mp).zip(s.chunks_exact(mp)).enumerate() {
            for (u, s) in u.iter_mut().zip(s) {
                *u = -s;
            }
            u[a] -= rate[a];
        }
        // P_k begins as (Theta 0; 0 G_xx).
        let (top, bottom) = self.p.split_at_mut(m * ld);
        for (p, u) in top.chunks_exact_mut(ld).zip(u.chunks_exact(mp)) {
            for (p, u) in p[..m].iter_mut().zip(u) {
                *p = -u;
            }
            p[m..].fill(0.0);
        }
        bottom.copy_from_slice(rest);
        for (a, _) in pinned.iter().enumerate().filter(|(_, pinned)| **pinned) {
            pin(upper, u, a, ld, mp);
        }
        for a in 0..m {
            let diagonal = upper[a * ld + a];
            let root = pivot(diagonal, REGULAR).ok_or(Indefinite { stage: k, input: a })?;
            let (done, below) = upper.split_at_mut((a + 1) * ld);
            let row = &mut done[a * ld..];
            let (v_done, v_below) = u.split_at_mut((a + 1) * mp);
            let v = &mut v_done[a * mp..];
            row.iter_mut().for_each(|x| *x *= root);
            v.iter_mut().for_each(|x| *x *= root);
            for (i, (below, v_below)) in below.chunks_exact_mut(ld).zip(v_below.chunks_exact_mut(mp)).enumerate() {
                let by = -row[a + 1 + i];
                add_scaled(below, by, row);
                add_scaled(v_below, by, v);
            }
            // The rows change places: U where -Theta was, and Y = (V | G_ux).
            y[a * ld..][..m].copy_from_slice(&v[..m]);
            y[a * ld + m..(a + 1) * ld].copy_from_slice(&row[m..]);
            v[..m].copy_from_slice(&row[..m]);
            v[a] = root;
        }
        add_product::<true, true>(&mut self.p, y, y, ld, m + self.shape.states);
        mirror(&mut self.p, ld);
        Ok(())
    }

    /// The step for a right-hand side.
    #[inline(always)]
    pub(crate) fn step(&mut self, problem: &Problem, l: &Linear, reach: &Reach, to: &mut Step) {
        self.backward(problem, l, reach);
        self.forward(problem, to);
    }

    #[inline(always)]
    fn backward(&mut self, problem: &Problem, l: &Linear, reach: &Reach) {
        let Shape { states: n, inputs: m, outputs: p, stages, .. } = self.shape;
        let (ld, mp) = (self.shape.row(), padded(m));
        self.vector.copy_from_slice(&l.cost[stages * ld..]);
        add_transposed::<false>(&mut self.vector, problem.model(stages), &l.output[stages * p..]);
        for k in (0..stages).rev() {
            let us = k * m..(k + 1) * m;
            let model = problem.model(k);
            let h = &mut self.h;
            h.copy_from_slice(&l.cost[k * ld..(k + 1) * ld]);
            add_transposed::<false>(h, &model[n * ld..], &l.output[k * p..(k + 1) * p]);
            add_transposed::<false>(h, &model[..n * ld], &self.vector[m..m + n]);
            let (input, rate) = (&l.input[us.clone()], &l.rate[us.clone()]);
            let z = &mut self.z[us.clone()];
            for a in 0..m {
                z[a] = h[a] + self.vector[a] + input[a] + rate[a];
            }
            if reach.any_pinned {
                z.iter_mut().zip(&reach.pinned[us]).filter(|(_, pinned)| **pinned).for_each(|(z, _)| *z = 0.0);
            }
            // z = U^-T h_u
            let u = &self.u[k * m * mp..][..m * mp];
            for a in 0..m {
                let (done, below) = z.split_at_mut(a + 1);
                let row = &u[a * mp..][..m];
                done[a] *= row[a];
                add_scaled(below, -done[a], &row[a + 1..]);
            }
            // p_k = (-l_rate | h_x) - Y'z
            let vector = &mut self.vector;
            for (v, l) in vector.iter_mut().zip(rate) {
                *v = -l;
            }
            vector[m..].copy_from_slice(&h[m..]);
            add_transposed::<true>(vector, &self.y[k * m * ld..][..m * ld], z);
        }
    }

    #[inline(always)]
    fn forward(&mut self, problem: &Problem, to: &mut Step) {
        let Shape { states: n, inputs: m, outputs: p, stages, .. } = self.shape;
        let (ld, mp) = (self.shape.row(), padded(m));
        // (v | x), then (u | x)
        let z = &mut self.vector;
        z.fill(0.0);
        to.state[..n].fill(0.0);
        for k in 0..stages {
            let us = k * m..(k + 1) * m;
            let (u, model) = (&self.u[k * m * mp..][..m * mp], problem.model(k));
            let du = &mut to.input[us.clone()];
            for ((du, y), h) in
                du.iter_mut().zip(self.y[k * m * ld..][..m * ld].chunks_exact(ld)).zip(&self.z[us.clone()])
            {
                *du = -(h + dot(y, z));
            }
            // U du = .
            for a in (0..m).rev() {
                let row = &u[a * mp..][..m];
                let known = row[a + 1..].iter().zip(&du[a + 1..]);
                du[a] = known.fold(du[a], |sum, (u, du)| (-u).mul_add(*du, sum)) * row[a];
            }
            for ((rate, du), v) in to.rate[us].iter_mut().zip(du.iter()).zip(z.iter()) {
                *rate = du - v;
            }
            z[..m].copy_from_slice(du);
            let next = &mut to.state[(k + 1) * n..(k + 2) * n];
            multiply(next, &model[..n * ld], z);
            multiply(&mut to.output[k * p..(k + 1) * p], &model[n * ld..], z);
            z[m..m + n].copy_from_slice(next);
        }
        multiply(&mut to.output[stages * p..], problem.model(stages), z);
    }
}

/// To = diag(w) E.
#[inline(always)]
fn weigh(to: &mut [f64], e: &[f64], w: &[f64], ld: usize) {
    for ((to, e), w) in to.chunks_exact_mut(ld).zip(e.chunks_exact(ld)).zip(w) {
        for (to, e) in to.iter_mut().zip(e) {
            *to = w * e;
        }
    }
}

/// Copies the upper triangle to the lower one.
#[inline(always)]
fn mirror(p: &mut [f64], ld: usize) {
    let rows = p.len() / ld;
    for i in 1..rows {
        let (above, row) = p.split_at_mut(i * ld);
        for (to, from) in row[..i].iter_mut().zip(above.chunks_exact(ld)) {
            *to = from[i];
        }
    }
}

/// Takes input a out of the stage: its row and column of G and its row of Theta say du_a = 0.
#[inline(always)]
fn pin(g: &mut [f64], theta: &mut [f64], a: usize, ld: usize, mp: usize) {
    for row in g[..a * ld].chunks_exact_mut(ld) {
        row[a] = 0.0;
    }
    g[a * ld..(a + 1) * ld].fill(0.0);
    g[a * ld + a] = 1.0;
    theta[a * mp..(a + 1) * mp].fill(0.0);
}

/// The reciprocal root of a pivot. One that rounding has made too small counts as `least`; none if it is truly negative.
#[inline(always)]
fn pivot(value: f64, least: f64) -> Option<f64> {
    if value < -NEGATIVE {
        return None;
    }
    let value = if value < least { least } else { value };
    Some(1.0 / value.sqrt())
}
