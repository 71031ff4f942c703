//! Is the problem fit to be solved?
//!
//! Responsible for: numbers that are none, bounds that contradict each other, and per input the interval that box and rates
//! together leave at each stage. Not for: the shapes of matrices, which are checked when they are set.
//!
//! Box and rate bounds are a chain per input, so whether any moves keep them can be told exactly, before anything is solved:
//!
//! ```text
//! forwards   a_k = max(lo_k, a_{k-1} + dlo_k),   b_k = min(hi_k, b_{k-1} + dhi_k),   a_{-1} = b_{-1} = u_{-1}
//! backwards  a_k = max(a_k, a_{k+1} - dhi_{k+1}),   b_k = min(b_k, b_{k+1} - dlo_{k+1})
//! ```
//!
//! There are such moves if and only if a_k <= b_k throughout; then every value between a_k and b_k belongs to some. Where the two
//! coincide the input is pinned and is no unknown.

#![allow(clippy::needless_range_loop, reason = "lanes and rows of several arrays go together")]

use crate::Refused;
use crate::problem::{Bounds, Problem};

/// Widest interval of an input that counts as a point. Of order 1e-9 of a span, since problems are per unit.
pub(crate) const PINNED: f64 = 1e-9;

/// What box and rates leave, and which inputs that pins.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub(crate) lower: Vec<f64>,
    pub(crate) upper: Vec<f64>,
    pub(crate) pinned: Vec<bool>,
    pub(crate) any_pinned: bool,
}

impl Reach {
    pub(crate) fn new(rows: usize) -> Self {
        Self { lower: vec![0.0; rows], upper: vec![0.0; rows], pinned: vec![false; rows], any_pinned: false }
    }

    /// Finds it.
    ///
    /// # Errors
    /// There are no moves that keep box and rates.
    pub(crate) fn find(&mut self, problem: &Problem) -> Result<(), Refused> {
        let (m, rows) = (problem.shape.inputs, self.lower.len());
        let (input, rate) = (&problem.input, &problem.rate);
        for at in 0..rows {
            let before = if at < m {
                (problem.u_before[at], problem.u_before[at])
            } else {
                (self.lower[at - m], self.upper[at - m])
            };
            let reach = (before.0 + rate.lower[at], before.1 + rate.upper[at]);
            let allowed = (input.lower[at], input.upper[at]);
            (self.lower[at], self.upper[at]) = (reach.0.max(allowed.0), reach.1.min(allowed.1));
            // What rounding alone keeps apart is a point.
            let gap = self.lower[at] - self.upper[at];
            if gap > PINNED {
                return Err(Refused::Unreachable { stage: at / m, input: at % m, reach, allowed });
            }
            if gap > 0.0 {
                self.lower[at] = self.upper[at];
            }
        }
        for at in (0..rows - m).rev() {
            let next = at + m;
            self.lower[at] = self.lower[at].max(self.lower[next] - rate.upper[next]).min(self.upper[at]);
            self.upper[at] = self.upper[at].min(self.upper[next] - rate.lower[next]).max(self.lower[at]);
        }
        for at in 0..rows {
            self.pinned[at] = self.upper[at] - self.lower[at] <= PINNED;
        }
        self.any_pinned = self.pinned.iter().any(|pinned| *pinned);
        Ok(())
    }
}

/// Looks at every vector of a problem.
///
/// # Errors
/// The first that is unsound.
pub(crate) fn vectors(problem: &Problem) -> Result<(), Refused> {
    let shape = problem.shape;
    let (n, m, p) = (shape.states, shape.inputs, shape.outputs);
    for (what, data, rows) in [
        ("q", &problem.q, n),
        ("r", &problem.r, m),
        ("c", &problem.c, n),
        ("e", &problem.e, p),
        ("rho1", &problem.rho1, p),
        ("rho2", &problem.rho2, p),
    ] {
        if let Some(at) = data.iter().position(|x| !x.is_finite()) {
            return Err(Refused::NotFinite { what, stage: at / rows, row: at % rows });
        }
    }
    for (what, data) in [("rho1", &problem.rho1), ("rho2", &problem.rho2)] {
        if let Some(at) = data.iter().position(|x| *x < 0.0) {
            return Err(Refused::Negative { what, stage: at / p, row: at % p });
        }
    }
    bounds("input", &problem.input, m)?;
    bounds("rate", &problem.rate, m)?;
    bounds("output", &problem.output, p)
}

fn bounds(what: &'static str, bounds: &Bounds, rows: usize) -> Result<(), Refused> {
    let wrong = |(&lower, &upper): (&f64, &f64)| {
        let kept = lower <= upper && lower < f64::INFINITY && upper > f64::NEG_INFINITY;
        !kept
    };
    match bounds.lower.iter().zip(&bounds.upper).position(wrong) {
        None => Ok(()),
        Some(at) => {
            let (lower, upper, stage, row) = (bounds.lower[at], bounds.upper[at], at / rows, at % rows);
            if lower.is_nan() || upper.is_nan() {
                return Err(Refused::NotFinite { what, stage, row });
            }
            Err(Refused::Contradiction { what, stage, row, lower, upper })
        }
    }
}
