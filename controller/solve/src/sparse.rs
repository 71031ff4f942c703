//! The same problem for a solver that knows no stages.
//!
//! ```text
//! min 1/2 z'Hz + g'z + constant   s.t.   l <= Gz <= h
//! ```
//!
//! z holds u_k, s_k and x_{k+1} of stage 0, of stage 1, ..., and last s_N. Rows with l = h are the dynamics; the others are boxes,
//! rates and soft outputs, those of a stage together, without those that are infinite on both sides.
//!
//! Responsible for: a second opinion (tests, the benchmark, solvers of other people). Not for: the solve, which never builds this.

use crate::problem::{Bounds, Problem};
use crate::shape::{Shape, padded};

/// Entries of a sparse matrix as (row, column, value), without those that are zero.
pub type Entries = Vec<(usize, usize, f64)>;

/// A quadratic programme without structure.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sparse {
    /// Entries of z.
    pub columns: usize,
    /// H, both triangles.
    pub hessian: Entries,
    /// g.
    pub gradient: Vec<f64>,
    /// What no move changes.
    pub constant: f64,
    /// G; its rows are as many as `lower` has.
    pub rows: Entries,
    /// l.
    pub lower: Vec<f64>,
    /// h.
    pub upper: Vec<f64>,
}

/// The constraints of a [`Sparse`] with one side each: the first `equalities` rows of Gz = b, the others of Gz <= b.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OneSided {
    /// G.
    pub rows: Entries,
    /// b.
    pub bounds: Vec<f64>,
    /// Rows that hold with equality.
    pub equalities: usize,
}

/// Where the parts of z begin.
#[derive(Debug, Clone, Copy)]
struct Places {
    shape: Shape,
}

impl Places {
    const fn stage(self, k: usize) -> usize {
        k * (self.shape.inputs + self.shape.outputs + self.shape.states)
    }
    const fn u(self, k: usize) -> usize {
        self.stage(k)
    }
    /// Of s_k; those of s_N follow the last stage.
    const fn s(self, k: usize) -> usize {
        if k == self.shape.stages { self.stage(k) } else { self.stage(k) + self.shape.inputs }
    }
    /// Of x_k, k > 0.
    const fn x(self, k: usize) -> usize {
        self.stage(k) - self.shape.states
    }
}

impl Sparse {
    /// Writes a problem down.
    #[must_use]
    pub fn of(problem: &Problem) -> Self {
        let shape = problem.shape;
        let places = Places { shape };
        let columns = places.stage(shape.stages) + shape.outputs;
        let mut sparse = Self { columns, gradient: vec![0.0; columns], ..Self::default() };
        for k in 0..=shape.stages {
            sparse.weights(problem, places, k);
            if k < shape.stages {
                sparse.moves(problem, places, k);
                sparse.dynamics(problem, places, k);
            }
            sparse.outputs(problem, places, k);
        }
        sparse
    }

    /// The constraints as a solver of cones wants them.
    #[must_use]
    pub fn one_sided(&self) -> OneSided {
        let (lower, upper) = (&self.lower, &self.upper);
        let equal = |i: &usize| lower[*i].total_cmp(&upper[*i]).is_eq();
        let mut places = vec![[None; 2]; lower.len()];
        let mut out = OneSided::default();
        for i in (0..lower.len()).filter(equal) {
            places[i][0] = Some(out.bounds.len());
            out.bounds.push(upper[i]);
        }
        out.equalities = out.bounds.len();
        for i in (0..lower.len()).filter(|i| !equal(i)) {
            if upper[i].is_finite() {
                places[i][0] = Some(out.bounds.len());
                out.bounds.push(upper[i]);
            }
            if lower[i].is_finite() {
                places[i][1] = Some(out.bounds.len());
                out.bounds.push(-lower[i]);
            }
        }
        for (i, j, v) in &self.rows {
            out.rows.extend(places[*i][0].map(|row| (row, *j, *v)));
            out.rows.extend(places[*i][1].map(|row| (row, *j, -v)));
        }
        out
    }

    /// u_k of a solution z.
    #[must_use]
    pub fn input<'a>(&self, shape: Shape, z: &'a [f64], k: usize) -> &'a [f64] {
        &z[Places { shape }.u(k)..][..shape.inputs]
    }

    fn weights(&mut self, problem: &Problem, places: Places, k: usize) {
        let Shape { states: n, inputs: m, outputs: p, stages, .. } = problem.shape;
        let rows: Vec<&[f64]> = problem.weight(k).chunks_exact(problem.shape.row()).collect();
        let (q, at_x) = (&problem.q[k * n..(k + 1) * n], problem.shape.x());
        for i in 0..n {
            if k == 0 {
                // x_0 is given.
                let of_x: f64 =
                    rows[at_x + i][at_x..at_x + n].iter().zip(&problem.x0).map(|(w, x)| w * x).sum();
                self.constant += problem.x0[i] * (0.5 * of_x + q[i]);
            } else {
                self.gradient[places.x(k) + i] += q[i];
                self.block(places.x(k) + i, places.x(k), &rows[at_x + i][at_x..at_x + n], 1.0);
            }
        }
        if k < stages {
            for (a, row) in rows[..m].iter().enumerate() {
                self.gradient[places.u(k) + a] += problem.r[k * m + a];
                self.block(places.u(k) + a, places.u(k), &row[..m], 1.0);
            }
        }
        for i in 0..p {
            let at = places.s(k) + i;
            self.gradient[at] += problem.rho1[k * p + i];
            // A slack that costs nothing belongs to an output without limits; it then has some weight of its own.
            let free = problem.rho1[k * p + i] + problem.rho2[k * p + i] == 0.0;
            self.block(at, at, &[if free { 1.0 } else { problem.rho2[k * p + i] }], 1.0);
        }
    }

    /// 1/2 (u_k - u_{k-1})'S (u_k - u_{k-1}).
    fn moves(&mut self, problem: &Problem, places: Places, k: usize) {
        let m = problem.shape.inputs;
        for (a, row) in problem.moves(k).chunks_exact(padded(m)).enumerate() {
            let row = &row[..m];
            self.block(places.u(k) + a, places.u(k), row, 1.0);
            if k > 0 {
                self.block(places.u(k - 1) + a, places.u(k - 1), row, 1.0);
                self.block(places.u(k) + a, places.u(k - 1), row, -1.0);
                self.block(places.u(k - 1) + a, places.u(k), row, -1.0);
            } else {
                let of_before: f64 = row.iter().zip(&problem.u_before).map(|(s, v)| s * v).sum();
                self.gradient[places.u(k) + a] -= of_before;
                self.constant += 0.5 * problem.u_before[a] * of_before;
            }
        }
    }

    fn block(&mut self, row: usize, column: usize, values: &[f64], sign: f64) {
        let some = values.iter().enumerate().filter(|(_, v)| **v != 0.0);
        self.hessian.extend(some.map(|(j, v)| (row, column + j, sign * v)));
    }

    /// A row of G with what it holds of u_k, x_k and more; x_0 and u_{-1} go to the bounds.
    fn row(&mut self, parts: &[(usize, &[f64])], lower: f64, upper: f64) {
        let row = self.lower.len();
        for (column, values) in parts {
            let some = values.iter().enumerate().filter(|(_, v)| **v != 0.0);
            self.rows.extend(some.map(|(j, v)| (row, column + j, *v)));
        }
        self.lower.push(lower);
        self.upper.push(upper);
    }

    fn dynamics(&mut self, problem: &Problem, places: Places, k: usize) {
        let Shape { states: n, inputs: m, .. } = problem.shape;
        let at_x = problem.shape.x();
        for (i, row) in problem.model(k).chunks_exact(problem.shape.row()).take(n).enumerate() {
            let (b, a, c) = (&row[..m], &row[at_x..at_x + n], problem.c[k * n + i]);
            let next = (places.x(k + 1) + i, &[-1.0][..]);
            if k == 0 {
                let of_x: f64 = a.iter().zip(&problem.x0).map(|(a, x)| a * x).sum();
                self.row(&[(places.u(k), b), next], -c - of_x, -c - of_x);
            } else {
                self.row(&[(places.u(k), b), (places.x(k), a), next], -c, -c);
            }
        }
        let there = |bounds: &Bounds, at: usize| bounds.lower[at].is_finite() || bounds.upper[at].is_finite();
        for a in 0..m {
            let at = k * m + a;
            if there(&problem.input, at) {
                self.row(&[(places.u(k) + a, &[1.0])], problem.input.lower[at], problem.input.upper[at]);
            }
            let (lower, upper) = (problem.rate.lower[at], problem.rate.upper[at]);
            match k {
                _ if !there(&problem.rate, at) => {}
                0 => {
                    let before = problem.u_before[a];
                    self.row(&[(places.u(k) + a, &[1.0])], lower + before, upper + before);
                }
                _ => self.row(&[(places.u(k - 1) + a, &[-1.0]), (places.u(k) + a, &[1.0])], lower, upper),
            }
        }
    }

    fn outputs(&mut self, problem: &Problem, places: Places, k: usize) {
        let Shape { states: n, inputs: m, outputs: p, stages, .. } = problem.shape;
        let (rows, at_x) = (problem.model(k).chunks_exact(problem.shape.row()), problem.shape.x());
        for (i, row) in rows.skip(if k < stages { n } else { 0 }).enumerate() {
            let (at, d, c) = (k * p + i, &row[..m], &row[at_x..at_x + n]);
            let mut known = problem.e[at];
            let mut parts: Vec<(usize, &[f64])> = Vec::new();
            if k < stages {
                parts.push((places.u(k), d));
            }
            if k == 0 {
                known += c.iter().zip(&problem.x0).map(|(c, x)| c * x).sum::<f64>();
            } else {
                parts.push((places.x(k), c));
            }
            let slack = places.s(k) + i;
            let limited = problem.rho1[at] + problem.rho2[at] > 0.0;
            let (lower, upper) = (problem.output.lower[at], problem.output.upper[at]);
            if limited && upper.is_finite() {
                parts.push((slack, &[-1.0]));
                self.row(&parts, f64::NEG_INFINITY, upper - known);
                parts.pop();
            }
            if limited && lower.is_finite() {
                parts.push((slack, &[1.0]));
                self.row(&parts, lower - known, f64::INFINITY);
            }
            self.row(&[(slack, &[1.0])], 0.0, f64::INFINITY);
        }
    }
}
