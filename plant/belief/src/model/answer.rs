//! What a plant would have shown, had signals been otherwise: the answer of a model to the difference.
//!
//! Responsible for: departures of outputs from what was measured, for departures of signals. Not for: what the plant did by
//! itself, which was measured, nor for how wrong a model may be ([`Misses`] says so).
//!
//! The model is linear in its inputs and these are terms of signals ([`super::Term`]), so that what was measured y, disturbances and
//! noise included, stands, and only the difference between the signals s that were and s' that would have been goes through
//! the model, exactly:
//!
//! ```text
//! du    = g (T(s'_in) - T(s)) + g h (T(s') - T(s'_in))      s'_in: s' within the range that was learned
//! dx(k+1) = A dx(k) + B du(k)       y'(k) = y(k) + C dx(k) + D du(k)        dx(0) = 0
//! ```
//!
//! g is what an answer may be off by, per output and input, and h what it may be off by more beyond what was learned: a gain
//! around 25 degC says less of 32 degC. A signal that is missing makes no difference for as long.

use super::{Model, Sparse};

/// What a model may be off by.
pub trait Misses {
    /// Factor on the answer of an output to an input.
    fn gain(&mut self, output: usize, input: usize) -> f64;
    /// Further factor on what lies beyond the range that the model was learned in.
    fn beyond(&mut self, output: usize, input: usize) -> f64;
}

/// A model that is right everywhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMisses;

impl Misses for NoMisses {
    fn gain(&mut self, _: usize, _: usize) -> f64 {
        1.0
    }

    fn beyond(&mut self, _: usize, _: usize) -> f64 {
        1.0
    }
}

/// B and D with what they may be off by.
#[derive(Debug, Clone)]
struct Ways {
    b: Sparse,
    d: Sparse,
}

/// The answer of a model to a course of signals that departs from another.
#[derive(Debug, Clone)]
pub struct Answer {
    a: Sparse,
    c: Sparse,
    inside: Ways,
    beyond: Ways,
    x: Vec<f64>,
    y: Vec<f64>,
    /// Share of the last difference, by magnitude, that lies beyond what was learned: 0 to 1.
    share_beyond: f64,
}

impl Answer {
    /// Of a model that may be off.
    #[must_use]
    pub fn new(model: &Model, misses: &mut impl Misses) -> Self {
        let owner = owners(model);
        let (mut inside, mut beyond) = (ways(model), ways(model));
        let mut known = std::collections::BTreeMap::new();
        let mut of = |output: usize, input: usize| {
            *known.entry((output, input)).or_insert_with(|| {
                let g = misses.gain(output, input);
                (g, g * misses.beyond(output, input))
            })
        };
        let mut scale = |inside: &mut Sparse, beyond: &mut Sparse, output: &dyn Fn(usize) -> usize| {
            for (near, far) in inside.entries.iter_mut().zip(&mut beyond.entries) {
                let (g, gh) = of(output(near.0), near.1);
                (near.2, far.2) = (near.2 * g, far.2 * gh);
            }
        };
        scale(&mut inside.b, &mut beyond.b, &|state| owner[state]);
        scale(&mut inside.d, &mut beyond.d, &|output| output);
        Self {
            a: model.a.clone(),
            c: model.c.clone(),
            inside,
            beyond,
            x: vec![0.0; model.states()],
            y: vec![0.0; model.outputs.len()],
            share_beyond: 0.0,
        }
    }

    /// A period in which signals were `was` and would have been `is`, base units: departures of the outputs, base units.
    pub fn step(&mut self, model: &Model, was: &[f64], is: &[f64]) -> &[f64] {
        let inside: Vec<f64> = model
            .signals
            .iter()
            .zip(was.iter().zip(is))
            .map(|(s, (was, is))| is.clamp(s.range.0.min(*was), s.range.1.max(*was)))
            .collect();
        let (mut near, mut far) = (Vec::with_capacity(model.inputs.len()), Vec::new());
        for input in &model.inputs {
            let (stood, edge, goes) = (input.term.of(was), input.term.of(&inside), input.term.of(is));
            let known = |x: f64| if x.is_finite() { x } else { 0.0 };
            near.push(known(edge - stood));
            far.push(known(goes - edge));
        }
        let size = |of: &[f64]| of.iter().map(|x| x.abs()).sum::<f64>();
        let whole = size(&near) + size(&far);
        self.share_beyond = if whole > 0.0 { size(&far) / whole } else { 0.0 };
        self.y.fill(0.0);
        add(&self.c, &self.x, &mut self.y);
        add(&self.inside.d, &near, &mut self.y);
        add(&self.beyond.d, &far, &mut self.y);
        let mut next = vec![0.0; self.x.len()];
        add(&self.a, &self.x, &mut next);
        add(&self.inside.b, &near, &mut next);
        add(&self.beyond.b, &far, &mut next);
        self.x = next;
        &self.y
    }

    /// Departures of the last period.
    #[must_use]
    pub fn departures(&self) -> &[f64] {
        &self.y
    }

    /// Share of the last difference of inputs, by magnitude, that lay beyond what was learned: 0 to 1.
    #[must_use]
    pub const fn share_beyond(&self) -> f64 {
        self.share_beyond
    }
}

fn ways(model: &Model) -> Ways {
    Ways { b: model.b.clone(), d: model.d.clone() }
}

fn add(matrix: &Sparse, x: &[f64], y: &mut [f64]) {
    for (row, column, v) in &matrix.entries {
        y[*row] += v * x[*column];
    }
}

/// The output that feels each state, itself or through later ones; states only feed later ones.
fn owners(model: &Model) -> Vec<usize> {
    let n = model.states();
    let mut owner: Vec<Option<usize>> = vec![None; n];
    for (output, state, _) in &model.c.entries {
        owner[*state].get_or_insert(*output);
    }
    for later in (0..n).rev() {
        let of = owner[later];
        for (_, state, _) in model.a.row(later).filter(|(_, state, _)| *state < later) {
            owner[*state] = owner[*state].or(of);
        }
    }
    // A state that nobody feels has no effect, whoever has it.
    owner.into_iter().map(|o| o.unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ModelFilter;
    use crate::model::tests::two_loops;

    /// What the model says of the plant with other signals, less what it says of the plant as it is.
    #[test]
    fn the_answer_is_the_difference_of_two_courses() {
        let model = two_loops();
        let n = model.signals.len();
        let course =
            |k: usize| (0..n).map(|i| 20.0 + ((k * (i + 2)) as f64 * 0.3).sin()).collect::<Vec<f64>>();
        let other = |k: usize| {
            let mut s = course(k);
            s[0] += 0.4 * k as f64;
            s[1] += if k > 3 { 6.0 } else { 0.0 };
            s
        };
        let measured: Vec<Option<f64>> = vec![None; model.outputs.len()];
        let (mut was, mut is) = (ModelFilter::new(&model), ModelFilter::new(&model));
        let mut answer = Answer::new(&model, &mut NoMisses);
        for k in 0..40 {
            was.step(&course(k), &measured);
            is.step(&other(k), &measured);
            let told: Vec<f64> = answer.step(&model, &course(k), &other(k)).to_vec();
            for (o, told) in told.iter().enumerate() {
                let came = is.now()[o].value - was.now()[o].value;
                assert!((came - told).abs() < 1e-9, "period {k}, output {o}: {told} against {came}");
            }
        }
    }

    struct Off;

    impl Misses for Off {
        fn gain(&mut self, output: usize, input: usize) -> f64 {
            if (output, input) == (1, 1) { 1.5 } else { 1.0 }
        }

        fn beyond(&mut self, _: usize, _: usize) -> f64 {
            2.0
        }
    }

    #[test]
    fn one_answer_is_off_and_more_so_beyond_what_was_learned() {
        let mut model = two_loops();
        model.signals.iter_mut().for_each(|s| s.range = (19.0, 21.0));
        let at = vec![20.0; model.signals.len()];
        let end = |second: f64, misses: &mut dyn FnMut(&Model) -> Answer| {
            let mut answer = misses(&model);
            let mut is = at.clone();
            is[1] = second;
            (0..200).for_each(|_| {
                answer.step(&model, &at, &is);
            });
            (answer.departures()[1], answer.share_beyond())
        };
        let right = |m: &Model| Answer::new(m, &mut NoMisses);
        let off = |m: &Model| Answer::new(m, &mut Off);
        let ((one, none), (same, _)) = (end(21.0, &mut right.clone()), end(21.0, &mut off.clone()));
        assert!(none == 0.0 && one.abs() > 0.1, "{one} {none}");
        // Its own answer is half as much again; the lift's, another input, is as it was.
        let own = model.steady_gain(1, 1);
        assert!((same - one - 0.5 * own).abs() < 1e-9, "{same} {one} {own}");
        let ((three, share), (far, _)) = (end(23.0, &mut right.clone()), end(23.0, &mut off.clone()));
        assert!(share > 0.5 && (three - 3.0 * one).abs() < 1e-9, "{share} {three} {one}");
        assert!(far.abs() > three.abs() * 1.5, "{far} {three}");
    }

    #[test]
    fn what_is_missing_makes_no_difference() {
        let model = two_loops();
        let was = vec![f64::NAN; model.signals.len()];
        let mut answer = Answer::new(&model, &mut NoMisses);
        assert!(answer.step(&model, &was, &was).iter().all(|y| *y == 0.0));
    }
}
