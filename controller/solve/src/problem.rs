//! The problem: what is minimised, over which dynamics, within which bounds.
//!
//! ```text
//! min  sum_{k<N} [ 1/2 x_k'Q_k x_k + q_k'x_k + 1/2 u_k'R_k u_k + r_k'u_k + 1/2 (u_k - u_{k-1})'S_k (u_k - u_{k-1}) ]
//!      + 1/2 x_N'P x_N + q_N'x_N  +  sum_{k<=N} [ rho1_k's_k + 1/2 s_k'diag(rho2_k) s_k ]
//! s.t. x_{k+1} = A_k x_k + B_k u_k + c_k,          x_0 and u_{-1} given
//!      lo_k <= u_k <= hi_k,   dlo_k <= u_k - u_{k-1} <= dhi_k                       (hard)
//!      y_k = C_k x_k + D_k u_k + e_k,   y_N = C_N x_N + e_N
//!      ylo_k - s_k <= y_k <= yhi_k + s_k,   s_k >= 0                                (soft)
//! ```
//!
//! With rho1 above the multiplier that the limit would have were it hard, a soft limit is broken only where it has to be: the
//! penalty is exact (Kerrigan & Maciejowski, *Soft constraints and exact penalty functions in model predictive control*, 2000).
//!
//! Responsible for: holding the data in the layout that the recursion reads, changed in place. Not for: whether it is sound
//! (`sound`), or solving it. Units are the caller's; they should be per unit of a span, so that all figures are of order one.

use crate::Refused;
use crate::shape::{Shape, padded};

/// A problem of fixed size. Made once with every matrix and vector zero and every bound infinite, then changed in place.
#[derive(Debug, Clone)]
pub struct Problem {
    pub(crate) shape: Shape,
    /// Per set: n rows (B | A), p rows (D | C).
    models: Vec<f64>,
    /// p rows (0 | C_N).
    terminal_model: Vec<f64>,
    /// Per set: (R 0; 0 Q), square.
    weights: Vec<f64>,
    /// (0 0; 0 P), square.
    terminal_weight: Vec<f64>,
    /// Per set: S, rows padded.
    moves: Vec<f64>,
    pub(crate) x0: Vec<f64>,
    pub(crate) u_before: Vec<f64>,
    pub(crate) q: Vec<f64>,
    pub(crate) r: Vec<f64>,
    pub(crate) c: Vec<f64>,
    pub(crate) input: Bounds,
    pub(crate) rate: Bounds,
    pub(crate) output: Bounds,
    pub(crate) e: Vec<f64>,
    pub(crate) rho1: Vec<f64>,
    pub(crate) rho2: Vec<f64>,
}

/// Lower and upper bounds, stage after stage.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    pub(crate) lower: Vec<f64>,
    pub(crate) upper: Vec<f64>,
}

impl Bounds {
    fn none(rows: usize) -> Self {
        Self { lower: vec![f64::NEG_INFINITY; rows], upper: vec![f64::INFINITY; rows] }
    }
}

/// The vectors of a stage k < N, to be changed in place.
#[derive(Debug)]
pub struct Stage<'a> {
    /// q_k, n.
    pub q: &'a mut [f64],
    /// r_k, m.
    pub r: &'a mut [f64],
    /// c_k, n.
    pub c: &'a mut [f64],
    /// lo_k, m; -inf for none.
    pub lower: &'a mut [f64],
    /// hi_k, m; +inf for none.
    pub upper: &'a mut [f64],
    /// The least u_k - u_{k-1}, m (0 or less where the input may stay); -inf for none.
    pub rate_lower: &'a mut [f64],
    /// The most u_k - u_{k-1}, m.
    pub rate_upper: &'a mut [f64],
    /// The soft outputs.
    pub outputs: Outputs<'a>,
}

/// The vectors of the terminal stage N, to be changed in place.
#[derive(Debug)]
pub struct Terminal<'a> {
    /// q_N, n.
    pub q: &'a mut [f64],
    /// The soft outputs of x_N.
    pub outputs: Outputs<'a>,
}

/// The soft outputs of a stage, p entries each.
#[derive(Debug)]
pub struct Outputs<'a> {
    /// e_k.
    pub e: &'a mut [f64],
    /// ylo_k; -inf for none.
    pub lower: &'a mut [f64],
    /// yhi_k; +inf for none.
    pub upper: &'a mut [f64],
    /// rho1_k, cost per unit of violation.
    pub rho1: &'a mut [f64],
    /// rho2_k, cost per unit of violation squared (halved). With both zero, the output has no limits.
    pub rho2: &'a mut [f64],
}

/// A matrix as the caller has it: row-major, without padding.
fn given<'a>(
    what: &'static str,
    set: usize,
    data: &'a [f64],
    rows: usize,
    cols: usize,
) -> Result<&'a [f64], Refused> {
    if data.len() != rows * cols {
        return Err(Refused::Length { what, expected: rows * cols, given: data.len() });
    }
    match data.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(Refused::NotFinite { what, stage: set, row: at / cols }),
        None => Ok(data),
    }
}

/// A weight as the caller has it: symmetric, no diagonal entry below zero.
fn given_weight<'a>(
    what: &'static str,
    set: usize,
    data: &'a [f64],
    size: usize,
) -> Result<&'a [f64], Refused> {
    let data = given(what, set, data, size, size)?;
    for row in 0..size {
        if data[row * size + row] < 0.0 {
            return Err(Refused::Negative { what, stage: set, row });
        }
        for column in 0..row {
            let (a, b) = (data[row * size + column], data[column * size + row]);
            if (a - b).abs() > 1e-9 * (a.abs() + b.abs()) + 1e-300 {
                return Err(Refused::NotSymmetric { what, set, row, column });
            }
        }
    }
    Ok(data)
}

/// Puts an unpadded matrix at a place of a padded one.
fn put(to: &mut [f64], ld: usize, at: (usize, usize), data: &[f64], cols: usize) {
    if cols > 0 {
        for (to, row) in to.chunks_exact_mut(ld).skip(at.0).zip(data.chunks_exact(cols)) {
            to[at.1..at.1 + cols].copy_from_slice(row);
        }
    }
}

impl Problem {
    /// A problem with nothing in it. All memory that it will ever have is taken here.
    ///
    /// # Errors
    /// Sizes that cannot be.
    pub fn new(shape: Shape) -> Result<Self, Refused> {
        shape.check()?;
        let Shape { states: n, inputs: m, outputs: p, stages, models, weights } = shape;
        let ld = shape.row();
        let of = |rows: usize| vec![0.0; rows];
        Ok(Self {
            shape,
            models: of(models * (n + p) * ld),
            terminal_model: of(p * ld),
            weights: of(weights * ld * ld),
            terminal_weight: of(ld * ld),
            moves: of(weights * m * padded(m)),
            x0: of(n),
            u_before: of(m),
            q: of((stages + 1) * n),
            r: of(stages * m),
            c: of(stages * n),
            input: Bounds::none(stages * m),
            rate: Bounds::none(stages * m),
            output: Bounds::none((stages + 1) * p),
            e: of((stages + 1) * p),
            rho1: of((stages + 1) * p),
            rho2: of((stages + 1) * p),
        })
    }

    /// Its size.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Sets A (n x n), B (n x m), C (p x n) and D (p x m) of a set, each row-major.
    ///
    /// # Errors
    /// A wrong length, a number that is none, no such set.
    pub fn set_model(
        &mut self,
        set: usize,
        a: &[f64],
        b: &[f64],
        c: &[f64],
        d: &[f64],
    ) -> Result<(), Refused> {
        let Shape { states: n, inputs: m, outputs: p, models, .. } = self.shape;
        let at_x = self.shape.x();
        if set >= models {
            return Err(Refused::NoSet { what: "models", set });
        }
        let (a, b) = (given("A", set, a, n, n)?, given("B", set, b, n, m)?);
        let (c, d) = (given("C", set, c, p, n)?, given("D", set, d, p, m)?);
        let ld = self.shape.row();
        let to = &mut self.models[set * (n + p) * ld..][..(n + p) * ld];
        put(to, ld, (0, 0), b, m);
        put(to, ld, (0, at_x), a, n);
        put(to, ld, (n, 0), d, m);
        put(to, ld, (n, at_x), c, n);
        Ok(())
    }

    /// Sets C_N (p x n), row-major.
    ///
    /// # Errors
    /// A wrong length, a number that is none.
    pub fn set_terminal_output(&mut self, c: &[f64]) -> Result<(), Refused> {
        let Shape { states: n, outputs: p, .. } = self.shape;
        let c = given("C_N", 0, c, p, n)?;
        put(&mut self.terminal_model, self.shape.row(), (0, self.shape.x()), c, n);
        Ok(())
    }

    /// Sets Q (n x n), R (m x m) and S (m x m) of a set: symmetric and positive semidefinite.
    ///
    /// # Errors
    /// A wrong length, a number that is none, no symmetry, a negative diagonal, no such set. That a weight is positive
    /// semidefinite beyond its diagonal shows when the problem is solved ([`crate::Status::NotConvex`]).
    pub fn set_weights(&mut self, set: usize, q: &[f64], r: &[f64], s: &[f64]) -> Result<(), Refused> {
        let Shape { states: n, inputs: m, weights, .. } = self.shape;
        if set >= weights {
            return Err(Refused::NoSet { what: "weights", set });
        }
        let (q, r, s) =
            (given_weight("Q", set, q, n)?, given_weight("R", set, r, m)?, given_weight("S", set, s, m)?);
        let ld = self.shape.row();
        let (to, at_x) = (&mut self.weights[set * ld * ld..][..ld * ld], self.shape.x());
        put(to, ld, (0, 0), r, m);
        put(to, ld, (at_x, at_x), q, n);
        put(&mut self.moves[set * m * padded(m)..], padded(m), (0, 0), s, m);
        Ok(())
    }

    /// Sets P (n x n): symmetric and positive semidefinite.
    ///
    /// # Errors
    /// As [`Self::set_weights`].
    pub fn set_terminal_weight(&mut self, p: &[f64]) -> Result<(), Refused> {
        let (n, at_x) = (self.shape.states, self.shape.x());
        let p = given_weight("P", 0, p, n)?;
        put(&mut self.terminal_weight, self.shape.row(), (at_x, at_x), p, n);
        Ok(())
    }

    /// Sets x_0 (n) and u_{-1} (m).
    ///
    /// # Errors
    /// A wrong length, a number that is none.
    pub fn set_start(&mut self, x0: &[f64], u_before: &[f64]) -> Result<(), Refused> {
        let Shape { states: n, inputs: m, .. } = self.shape;
        self.x0.copy_from_slice(given("x_0", 0, x0, n, 1)?);
        self.u_before.copy_from_slice(given("u_-1", 0, u_before, m, 1)?);
        Ok(())
    }

    /// The vectors of stage k < N.
    ///
    /// # Panics
    /// There is no such stage.
    pub fn stage_mut(&mut self, k: usize) -> Stage<'_> {
        let Shape { states: n, inputs: m, .. } = self.shape;
        let (xs, us) = (k * n..(k + 1) * n, k * m..(k + 1) * m);
        let outputs =
            Self::outputs(self.shape, k, &mut self.e, &mut self.output, &mut self.rho1, &mut self.rho2);
        Stage {
            q: &mut self.q[xs.clone()],
            r: &mut self.r[us.clone()],
            c: &mut self.c[xs],
            lower: &mut self.input.lower[us.clone()],
            upper: &mut self.input.upper[us.clone()],
            rate_lower: &mut self.rate.lower[us.clone()],
            rate_upper: &mut self.rate.upper[us],
            outputs,
        }
    }

    /// The vectors of the terminal stage.
    pub fn terminal_mut(&mut self) -> Terminal<'_> {
        let Shape { states: n, stages, .. } = self.shape;
        let outputs =
            Self::outputs(self.shape, stages, &mut self.e, &mut self.output, &mut self.rho1, &mut self.rho2);
        Terminal { q: &mut self.q[stages * n..], outputs }
    }

    fn outputs<'a>(
        shape: Shape,
        k: usize,
        e: &'a mut [f64],
        bounds: &'a mut Bounds,
        rho1: &'a mut [f64],
        rho2: &'a mut [f64],
    ) -> Outputs<'a> {
        let ys = k * shape.outputs..(k + 1) * shape.outputs;
        Outputs {
            e: &mut e[ys.clone()],
            lower: &mut bounds.lower[ys.clone()],
            upper: &mut bounds.upper[ys.clone()],
            rho1: &mut rho1[ys.clone()],
            rho2: &mut rho2[ys],
        }
    }

    /// (B | A) over (D | C) of a stage; of the last one, (0 | C_N) alone.
    #[inline(always)]
    pub(crate) fn model(&self, stage: usize) -> &[f64] {
        let size = (self.shape.states + self.shape.outputs) * self.shape.row();
        if stage == self.shape.stages {
            &self.terminal_model
        } else {
            &self.models[self.shape.model_of(stage) * size..][..size]
        }
    }

    /// (R 0; 0 Q) of a stage; of the last one, (0 0; 0 P).
    #[inline(always)]
    pub(crate) fn weight(&self, stage: usize) -> &[f64] {
        let size = self.shape.row() * self.shape.row();
        if stage == self.shape.stages {
            &self.terminal_weight
        } else {
            &self.weights[self.shape.weights_of(stage) * size..][..size]
        }
    }

    /// S of a stage, rows padded.
    #[inline(always)]
    pub(crate) fn moves(&self, stage: usize) -> &[f64] {
        let size = self.shape.inputs * padded(self.shape.inputs);
        &self.moves[self.shape.weights_of(stage) * size..][..size]
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let bounds = [&self.input, &self.rate, &self.output].map(|b| b.lower.len() + b.upper.len());
        let matrices =
            [&self.models, &self.terminal_model, &self.weights, &self.terminal_weight, &self.moves];
        let vectors = [&self.x0, &self.u_before, &self.q, &self.r, &self.c, &self.e, &self.rho1, &self.rho2];
        8 * (bounds.iter().sum::<usize>() + matrices.iter().chain(&vectors).map(|v| v.len()).sum::<usize>())
    }
}
