//! What moves of some signals make of some outputs, from rest: the part of a model that they reach.
//!
//! Responsible for: the smallest linear system between signals that are moved and outputs that are looked at. Not for: what
//! the plant does by itself, which the filter foresees ([`super::ModelFilter::ahead`]).
//!
//! The plant is linear in its inputs, and these are terms of signals, so that around signals s the answer to moves ds is
//!
//! ```text
//! dx(k+1) = A dx(k) + B J ds(k)      dy(k) = C dx(k) + D J ds(k)      J = d(inputs)/d(signals) at s,  dx(0) = 0
//! ```
//!
//! States that no move reaches, or that no such output feels, are left out: what remains is exact. A stage may last several
//! periods, over which a move is held: A^n, and B + A B + ... + A^(n-1) B.

use super::Model;
use nalgebra::DMatrix;

/// Half the difference that a slope is taken over, base units of the signal: a kink of a term closer than that counts by halves.
const HALF_STEP: f64 = 0.25;

/// A linear system from rest; matrices row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Forced {
    /// Number of states.
    pub states: usize,
    /// A, states by states, over one stage.
    pub a: DMatrix<f64>,
    /// B, states by moved signals, over one stage.
    pub b: DMatrix<f64>,
    /// C, outputs by states.
    pub c: DMatrix<f64>,
    /// D, outputs by moved signals.
    pub d: DMatrix<f64>,
}

impl Forced {
    /// The answer of outputs `seen` to moves of signals `moved`, around signals as they are (`at`, base units), in stages of
    /// so many periods.
    ///
    /// # Panics
    /// If an index is not one of the model's, or a stage has no period.
    #[must_use]
    pub fn new(model: &Model, moved: &[usize], seen: &[usize], at: &[f64], periods: usize) -> Self {
        assert!(periods > 0, "a stage lasts a period at least");
        let slopes = slopes(model, moved, at);
        let (b, c) = (model.b.dense() * &slopes, rows(&model.c.dense(), seen));
        let d = rows(&model.d.dense(), seen) * &slopes;
        let kept = kept(model, &b, &c);
        let full = model.a.dense();
        let a = DMatrix::from_fn(kept.len(), kept.len(), |i, j| full[(kept[i], kept[j])]);
        let b = rows(&b, &kept);
        let c = DMatrix::from_fn(seen.len(), kept.len(), |i, j| c[(i, kept[j])]);
        let (mut over, mut held) = (a.clone(), b.clone());
        for _ in 1..periods {
            held = &a * held + &b;
            over = &a * over;
        }
        Self { states: kept.len(), a: over, b: held, c, d }
    }

    /// What a lasting move makes of an output in the end: D + C (I - A)^-1 B.
    #[must_use]
    pub fn gain(&self, output: usize, moved: usize) -> f64 {
        let rest = DMatrix::identity(self.states, self.states) - &self.a;
        let end = rest.lu().solve(&self.b.column(moved).into_owned());
        let through = end.map_or(f64::NAN, |x| (self.c.row(output) * x)[0]);
        self.d[(output, moved)] + if self.states == 0 { 0.0 } else { through }
    }
}

/// d(inputs)/d(signals): how fast each input goes with each moved signal.
fn slopes(model: &Model, moved: &[usize], at: &[f64]) -> DMatrix<f64> {
    let mut signals = at.to_vec();
    DMatrix::from_fn(model.inputs.len(), moved.len(), |input, k| {
        let (term, s) = (&model.inputs[input].term, moved[k]);
        if !term.uses(s) {
            return 0.0;
        }
        let mut of = |value: f64| {
            signals[s] = value;
            let x = term.of(&signals);
            signals[s] = at[s];
            x
        };
        let slope = (of(at[s] + HALF_STEP) - of(at[s] - HALF_STEP)) / (2.0 * HALF_STEP);
        if slope.is_finite() { slope } else { 0.0 }
    })
}

fn rows(of: &DMatrix<f64>, which: &[usize]) -> DMatrix<f64> {
    DMatrix::from_fn(which.len(), of.ncols(), |i, j| of[(which[i], j)])
}

/// States that a move reaches and that an output feels. States only feed later ones, so one walk each way finds them all.
fn kept(model: &Model, b: &DMatrix<f64>, c: &DMatrix<f64>) -> Vec<usize> {
    let n = model.states();
    let mut reached = vec![false; n];
    for i in 0..n {
        let driven = b.row(i).iter().any(|x| *x != 0.0);
        reached[i] = driven || model.a.row(i).any(|(_, j, v)| *j < i && *v != 0.0 && reached[*j]);
    }
    let mut felt: Vec<bool> = (0..n).map(|j| c.column(j).iter().any(|x| *x != 0.0)).collect();
    for i in (0..n).rev().filter(|i| reached[*i]) {
        if felt[i] {
            model.a.row(i).filter(|(_, j, v)| *j < i && *v != 0.0).for_each(|(_, j, _)| felt[*j] = true);
        }
    }
    (0..n).filter(|i| reached[*i] && felt[*i]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::two_loops;
    use crate::model::{ModelFilter, Role};

    /// The filter's own look ahead, with signals moved and without, differs by what is said here.
    #[test]
    fn it_says_what_the_model_does() {
        let model = two_loops();
        let n = model.signals.len();
        let at: Vec<f64> = (0..n).map(|i| 20.0 + i as f64).collect();
        let mut filter = ModelFilter::new(&model);
        let measured: Vec<Option<f64>> = model.outputs.iter().map(|o| Some(o.stood)).collect();
        filter.step(&at, &measured);
        let moved: Vec<usize> = (0..n).filter(|i| model.signals[*i].role == Role::Setpoint).collect();
        let seen: Vec<usize> = (0..model.outputs.len()).collect();
        assert!(!moved.is_empty() && !seen.is_empty());
        for periods in [1, 3] {
            let forced = Forced::new(&model, &moved, &seen, &at, periods);
            let stages = 5;
            let stay = filter.ahead(&vec![at.clone(); stages * periods]);
            let mut other = at.clone();
            moved.iter().enumerate().for_each(|(k, s)| other[*s] += 0.1 * (k + 1) as f64);
            // The move is there from the next period on: stage k begins k * periods after that.
            let go = filter.ahead(&vec![other.clone(); stages * periods]);
            let ds = nalgebra::DVector::from_fn(moved.len(), |k, _| 0.1 * (k + 1) as f64);
            let mut x = nalgebra::DVector::zeros(forced.states);
            for k in 0..stages {
                let y = &forced.c * &x + &forced.d * &ds;
                for (i, o) in seen.iter().enumerate() {
                    let told = go[k * periods][*o].value - stay[k * periods][*o].value;
                    assert!((y[i] - told).abs() < 1e-9, "stage {k}, output {o}: {} against {told}", y[i]);
                }
                x = &forced.a * x + &forced.b * &ds;
            }
        }
    }

    #[test]
    fn what_no_move_reaches_is_left_out() {
        let model = two_loops();
        let at = vec![20.0; model.signals.len()];
        let first = model.signals.iter().position(|s| s.role == Role::Setpoint).unwrap();
        let all: Vec<usize> = (0..model.outputs.len()).collect();
        let forced = Forced::new(&model, &[first], &all, &at, 1);
        assert!(forced.states > 0 && forced.states < model.states(), "{} states", forced.states);
        let gains: Vec<f64> = all.iter().map(|o| forced.gain(*o, 0)).collect();
        assert!(gains.iter().any(|g| g.abs() > 0.1) && gains.iter().all(|g| g.is_finite()), "{gains:?}");
    }
}
