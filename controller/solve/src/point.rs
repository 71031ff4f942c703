//! A solution as the caller reads it.
//!
//! Responsible for: moves, states and multipliers in plain vectors, stage after stage. Not for: whether they solve anything
//! (`certificate`).

use crate::shape::Shape;

/// Moves, states and multipliers of a problem. Multipliers are zero or more; that of a bound which does not bind is zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub(crate) shape: Shape,
    /// x_0 to x_N, n each.
    pub x: Vec<f64>,
    /// u_0 to u_{N-1}, m each.
    pub u: Vec<f64>,
    /// Of lo, m per stage.
    pub input_lower: Vec<f64>,
    /// Of hi, m per stage.
    pub input_upper: Vec<f64>,
    /// Of the least move, m per stage.
    pub rate_lower: Vec<f64>,
    /// Of the largest move, m per stage.
    pub rate_upper: Vec<f64>,
    /// Of ylo, p per stage, N + 1 stages.
    pub output_lower: Vec<f64>,
    /// Of yhi, p per stage, N + 1 stages.
    pub output_upper: Vec<f64>,
}

impl Point {
    /// All zero.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let Shape { states: n, inputs: m, outputs: p, stages, .. } = shape;
        let of = |rows: usize| vec![0.0; rows];
        Self {
            shape,
            x: of((stages + 1) * n),
            u: of(stages * m),
            input_lower: of(stages * m),
            input_upper: of(stages * m),
            rate_lower: of(stages * m),
            rate_upper: of(stages * m),
            output_lower: of((stages + 1) * p),
            output_upper: of((stages + 1) * p),
        }
    }

    /// u_k.
    ///
    /// # Panics
    /// There is no such stage.
    #[must_use]
    pub fn input(&self, k: usize) -> &[f64] {
        &self.u[k * self.shape.inputs..(k + 1) * self.shape.inputs]
    }

    /// x_k.
    ///
    /// # Panics
    /// There is no such stage.
    #[must_use]
    pub fn state(&self, k: usize) -> &[f64] {
        &self.x[k * self.shape.states..(k + 1) * self.shape.states]
    }

    /// Everything one stage earlier: what was planned for stage k + 1 stands at stage k, and the last stage twice.
    pub(crate) fn shift(&mut self) {
        let Shape { states: n, inputs: m, outputs: p, .. } = self.shape;
        self.x.copy_within(n.., 0);
        for vector in [
            &mut self.u,
            &mut self.input_lower,
            &mut self.input_upper,
            &mut self.rate_lower,
            &mut self.rate_upper,
        ] {
            vector.copy_within(m.., 0);
        }
        for vector in [&mut self.output_lower, &mut self.output_upper] {
            vector.copy_within(p.., 0);
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        8 * (self.x.len() + 5 * self.u.len() + 2 * self.output_lower.len())
    }
}
