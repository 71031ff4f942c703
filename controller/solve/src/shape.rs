//! How large a problem is.
//!
//! Responsible for: the numbers of states, inputs, outputs and stages, and the padded row length that follows. Not for: any data.

use crate::Refused;
use crate::kernels::LANES;

/// Most of anything but stages, so that sizes cannot overflow.
pub(crate) const MOST: usize = 256;
/// Most stages.
const MOST_STAGES: usize = 4096;

/// The size of a problem, fixed when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// n, entries of x_k.
    pub states: usize,
    /// m, entries of u_k.
    pub inputs: usize,
    /// p, entries of y_k; 0 for none.
    pub outputs: usize,
    /// N, moves that are decided.
    pub stages: usize,
    /// Sets of (A, B, C, D), 1 to N: stage k has set k, and every stage after the last set shares it. 1 is time-invariant.
    pub models: usize,
    /// Sets of (Q, R, S), 1 to N, shared in the same way.
    pub weights: usize,
}

impl Shape {
    /// One model and one set of weights for all stages.
    #[must_use]
    pub const fn invariant(states: usize, inputs: usize, outputs: usize, stages: usize) -> Self {
        Self { states, inputs, outputs, stages, models: 1, weights: 1 }
    }

    /// A model for each stage, one set of weights for all.
    #[must_use]
    pub const fn varying(states: usize, inputs: usize, outputs: usize, stages: usize) -> Self {
        Self { states, inputs, outputs, stages, models: stages, weights: 1 }
    }

    /// Row length of every matrix over (u | x) or (v | x): both parts padded to full vectors, x from [`Self::x`] on.
    pub(crate) const fn row(&self) -> usize {
        padded(self.inputs) + padded(self.states)
    }

    /// Where x begins in such a row: entries that a stage's inputs take, padded.
    pub(crate) const fn x(&self) -> usize {
        padded(self.inputs)
    }

    /// Entries that a stage's outputs take, padded.
    pub(crate) const fn y(&self) -> usize {
        padded(self.outputs)
    }

    pub(crate) const fn model_of(&self, stage: usize) -> usize {
        if stage < self.models { stage } else { self.models - 1 }
    }

    pub(crate) const fn weights_of(&self, stage: usize) -> usize {
        if stage < self.weights { stage } else { self.weights - 1 }
    }

    pub(crate) fn check(&self) -> Result<(), Refused> {
        let Self { states, inputs, outputs, stages, models, weights } = *self;
        if !(1..=MOST).contains(&states) {
            return Err(Refused::Shape("states: give 1 to 256"));
        }
        if !(1..=MOST).contains(&inputs) {
            return Err(Refused::Shape("inputs: give 1 to 256"));
        }
        if outputs > MOST {
            return Err(Refused::Shape("outputs: give up to 256"));
        }
        if !(1..=MOST_STAGES).contains(&stages) {
            return Err(Refused::Shape("stages: give 1 to 4096"));
        }
        if !(1..=stages).contains(&models) || !(1..=stages).contains(&weights) {
            return Err(Refused::Shape("models and weights: give 1 to the number of stages"));
        }
        Ok(())
    }
}

/// The next multiple of a vector's lanes.
pub(crate) const fn padded(count: usize) -> usize {
    count.div_ceil(LANES) * LANES
}
