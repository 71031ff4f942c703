//! From fits of single outputs to one state-space.
//!
//! A delay is a line of states, a pole is a state; a sum of inputs with their gains goes in, an output comes out. An answer
//! without delay passes the input through at once (D), since a row holds means of one and the same period:
//!
//! ```text
//! pole   s(k+1) = a s(k) + (1 - a) u(k)       out(k) = a s(k) + (1 - a) u(k)
//! delay  s(k+1) = u(k)                        out(k) = s(k)
//! ```
//!
//! Noise: lambda fixes R over N, N = (1-lambda)^2 s^2 and R = lambda s^2 of an innovation variance s^2 (local level, Harvey,
//! *Forecasting, Structural Time Series Models and the Kalman Filter*, 1989), and s^2 is such that an hour ahead it foresees
//! the error that was found there.

use super::fit::Fitted;
use super::lag::Shape;
use super::structure::{Candidate, Class};
use crate::model::Sparse;

/// What is put together.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    a: Vec<(usize, usize, f64)>,
    b: Vec<(usize, usize, f64)>,
    c: Vec<(usize, usize, f64)>,
    d: Vec<(usize, usize, f64)>,
    states: usize,
    outputs: usize,
}

/// A signal inside: weights of states and of inputs.
#[derive(Debug, Clone, Default)]
struct Node {
    states: Vec<(usize, f64)>,
    inputs: Vec<(usize, f64)>,
}

impl Node {
    fn scaled(&self, factor: f64) -> Self {
        let times = |list: &[(usize, f64)]| list.iter().map(|(i, v)| (*i, v * factor)).collect();
        Self { states: times(&self.states), inputs: times(&self.inputs) }
    }
}

impl Parts {
    /// Adds an output; `inputs` gives the model's input of each term.
    pub(super) fn add(
        &mut self,
        fitted: &Fitted,
        candidates: &[Candidate],
        inputs: &[Option<usize>],
        period_s: f64,
    ) {
        let mut through: Vec<(usize, f64)> = Vec::new();
        for class in Class::ALL {
            let mut node = Node::default();
            for (&j, gain) in fitted.choice.active.iter().zip(&fitted.gains) {
                let candidate = &candidates[j];
                if let Some(input) =
                    inputs[candidate.term].filter(|_| candidate.class == class && *gain != 0.0)
                {
                    node.inputs.push((input, *gain));
                }
            }
            if node.inputs.is_empty() {
                continue;
            }
            let node = self.answer(node, fitted.choice.shape(class), period_s);
            self.c.extend(node.states.iter().map(|(s, v)| (self.outputs, *s, *v)));
            through.extend(node.inputs);
        }
        self.d.extend(through.into_iter().map(|(i, v)| (self.outputs, i, v)));
        self.outputs += 1;
    }

    fn answer(&mut self, mut node: Node, shape: Shape, period_s: f64) -> Node {
        for _ in 0..shape.delay {
            let state = self.state(&node, 0.0);
            node = Node { states: vec![(state, 1.0)], inputs: Vec::new() };
        }
        let (a1, a2) = shape.poles(period_s);
        for pole in [a1, a2].into_iter().filter(|a| *a > 0.0) {
            let mut out = node.scaled(1.0 - pole);
            let state = self.state(&out, pole);
            out.states.push((state, pole));
            node = out;
        }
        node
    }

    /// A state that keeps a share of itself and takes up a node.
    fn state(&mut self, from: &Node, keeps: f64) -> usize {
        let state = self.states;
        self.states += 1;
        self.a.extend(from.states.iter().map(|(s, v)| (state, *s, *v)));
        self.a.push((state, state, keeps));
        self.b.extend(from.inputs.iter().map(|(i, v)| (state, *i, *v)));
        state
    }

    /// A, B, C, D and the number of states, for so many inputs.
    pub(super) fn matrices(self, inputs: usize) -> ([Sparse; 4], usize) {
        let (n, p) = (self.states, self.outputs);
        let whole = |mut entries: Vec<(usize, usize, f64)>, rows: usize, columns: usize| {
            entries.sort_by_key(|(r, c, _)| (*r, *c));
            let mut out = Sparse::zero(rows, columns);
            for (r, c, v) in entries {
                match out.entries.last_mut() {
                    // Two paths of one input to one place add up.
                    Some(last) if (last.0, last.1) == (r, c) => last.2 += v,
                    _ => out.push(r, c, v),
                }
            }
            out
        };
        ([whole(self.a, n, n), whole(self.b, n, inputs), whole(self.c, p, n), whole(self.d, p, inputs)], n)
    }
}

/// R and N of an output whose error some periods ahead has a variance.
pub(super) fn noises(lambda: f64, variance: f64, periods: usize) -> (f64, f64) {
    let kept = 1.0 - lambda;
    let ahead = lambda * kept + periods as f64 * kept * kept + lambda;
    let innovation = variance / ahead.max(1e-12);
    (lambda * innovation, kept * kept * innovation)
}
