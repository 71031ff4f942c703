//! The facility as a linear plant with names: what setpoints, heat and weather make of temperatures and powers.
//!
//! Responsible for: the one model type of every site, whatever its structure came from (`identify`), and its file form. Not
//! for: learning it (`identify`) or deciding by it (`core`).
//!
//! ```text
//! s_j        a signal: a column of what is seen (a setpoint's read-back, heat of a group of racks, weather)
//! u_i        an input: a term of signals, less where it stood when the model was learned
//! x(k+1)  =  A x(k) + B u(k) + w          w ~ N(0, Q)
//! y(k)    =  C x(k) + D u(k) + y0 + d + v     v ~ N(0, R)
//! d(k+1)  =  d(k) + n                     n ~ N(0, N), per output
//! ```
//!
//! d takes up whatever the plant does beside the model, so that what is predicted has no steady error (Muske and Badgwell,
//! "Disturbance modeling for offset-free linear model predictive control", J. Process Control 2002). The plant is linear in
//! its inputs; what is not linear stands in their terms ([`Term`]): how far the weather is above a setpoint, the power of a
//! pump over its pressure.
//!
//! Rooms: `sparse` (matrices as they stand in the file), `term` (inputs from signals), `filter` (belief from measurements),
//! `forced` (what moves make of it), `answer` (what would have been, had signals been otherwise).

mod answer;
mod filter;
mod forced;
mod sparse;
mod term;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Misses, NoMisses};
pub use filter::{Forecast, ModelFilter};
pub use forced::Forced;
pub use sparse::Sparse;
pub use term::{Term, wet_bulb_c};

use nalgebra::DVector;
use serde::{Deserialize, Serialize};

/// Version of the file form.
pub const FORMAT: u32 = 1;

/// Periods that a model may have, s: a facility is neither faster nor, an hour ahead, slower.
const PERIODS_S: std::ops::RangeInclusive<f64> = 1.0..=3600.0;

/// What a signal is to the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A setpoint's read-back: the controller moves it.
    Setpoint,
    /// Heat that is measured.
    Heat,
    /// Weather.
    Weather,
    /// Any other measured disturbance.
    Disturbance,
}

/// A column of what is seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Its name: of the actuator, the group, the meter.
    pub name: String,
    /// Columns that are summed: points, or `gpu_power:RACK`.
    pub columns: Vec<String>,
    /// Base unit.
    pub unit: String,
    /// What it is to the controller.
    pub role: Role,
    /// Least and most of what it was while the model was learned, base unit.
    pub range: (f64, f64),
}

/// An input of the plant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// How it comes from the signals.
    pub term: Term,
    /// Where it stood, unit of the term: what the plant sees is the distance from here.
    pub stood: f64,
}

/// What came of predicting an output an hour ahead on data that was held back.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Root mean square error over the mean (ASHRAE Guideline 14), %.
    pub cv_rmse_percent: f64,
    /// Mean error over the mean (ASHRAE Guideline 14), %.
    pub nmbe_percent: f64,
    /// Root mean square error, base unit.
    pub rmse: f64,
    /// Error of what stays as it is ("persistence"), %: what the model must beat.
    pub persistence_percent: f64,
    /// Probability of residuals as coloured as these if they were white (Ljung and Box), 0 to 1; none where too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub white_p: Option<f64>,
    /// Predictions that were compared.
    pub count: usize,
}

/// An output of the plant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Its name: a point, or `meters:facility`, `meters:cooling`, `meters:it`.
    pub name: String,
    /// Columns that are summed.
    pub columns: Vec<String>,
    /// Base unit.
    pub unit: String,
    /// Where it stood, base unit.
    pub stood: f64,
    /// Least and most for which the model was learned, base unit.
    pub range: (f64, f64),
    /// Variance of a measurement (R), base unit squared.
    pub noise: f64,
    /// Variance that the disturbance gains in a period (N), base unit squared.
    pub drift: f64,
    /// How good it was.
    pub evidence: Evidence,
}

/// A model of a facility.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Version of this form, [`FORMAT`].
    pub format: u32,
    /// Site that it is of.
    pub site: String,
    /// From the site's graph ("grey"), or from actuators, outputs and meters alone ("black").
    pub structure: Structure,
    /// Period, s.
    pub period_s: f64,
    /// Unix times of the first and last row that it was learned from, s.
    pub learned_unix_s: (f64, f64),
    /// A, states by states.
    pub a: Sparse,
    /// B, states by inputs.
    pub b: Sparse,
    /// C, outputs by states.
    pub c: Sparse,
    /// D, outputs by inputs.
    pub d: Sparse,
    /// Variance that each state gains in a period (Q, diagonal).
    pub state_noise: Vec<f64>,
    /// Signals.
    pub signals: Vec<Signal>,
    /// Inputs.
    pub inputs: Vec<Input>,
    /// Outputs.
    pub outputs: Vec<Output>,
}

/// Where a model's structure came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Structure {
    /// The site's graph says which input can act on which output.
    Grey,
    /// Nothing is known but actuators, outputs and meters: every input may act on every output.
    Black,
}

/// Why a model cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Of another version.
    #[error("the model is of format {0}, this program reads format {FORMAT}")]
    Format(u32),
    /// Sizes that do not fit each other.
    #[error("the model's {0} does not fit its lists of states, inputs and outputs")]
    Size(&'static str),
    /// A number that is none, or a variance below zero.
    #[error("the model's {0} holds a number that cannot be")]
    Number(&'static str),
    /// A state that grows without bound.
    #[error("state {0} of the model does not settle")]
    Unstable(usize),
    /// A term of a signal that there is not.
    #[error("input {0} of the model names a signal that it has not")]
    Term(usize),
}

impl Model {
    /// Number of states.
    #[must_use]
    pub fn states(&self) -> usize {
        self.state_noise.len()
    }

    /// Is it whole? Asked of every model that comes from a file.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn check(&self) -> Result<(), ModelError> {
        if self.format != FORMAT {
            return Err(ModelError::Format(self.format));
        }
        let (n, m, p) = (self.states(), self.inputs.len(), self.outputs.len());
        let sizes = [("A", &self.a, n, n), ("B", &self.b, n, m), ("C", &self.c, p, n), ("D", &self.d, p, m)];
        for (name, matrix, rows, columns) in sizes {
            if !matrix.fits(rows, columns) {
                return Err(ModelError::Size(name));
            }
            if !matrix.finite() {
                return Err(ModelError::Number(name));
            }
        }
        let good = |x: f64| x.is_finite() && x >= 0.0;
        if !self.state_noise.iter().all(|q| good(*q)) {
            return Err(ModelError::Number("state noise"));
        }
        if !self.outputs.iter().all(|o| good(o.noise) && good(o.drift) && o.stood.is_finite()) {
            return Err(ModelError::Number("list of outputs"));
        }
        if !PERIODS_S.contains(&self.period_s) {
            return Err(ModelError::Number("period"));
        }
        if let Some(i) = self.inputs.iter().position(|i| !i.term.fits(self.signals.len())) {
            return Err(ModelError::Term(i));
        }
        // States only feed later ones, so the diagonal holds the eigenvalues.
        if self.a.entries.iter().any(|(r, c, _)| c > r) {
            return Err(ModelError::Size("A (states may only feed later ones)"));
        }
        let unstable = self.a.entries.iter().find(|(r, c, v)| r == c && v.abs() >= 1.0);
        unstable.map_or(Ok(()), |(state, _, _)| Err(ModelError::Unstable(*state)))
    }

    /// The inputs for signals as they are, base units.
    #[must_use]
    pub fn inputs_of(&self, signals: &[f64]) -> DVector<f64> {
        let of = |input: &Input| input.term.of(signals) - input.stood;
        DVector::from_iterator(self.inputs.len(), self.inputs.iter().map(of))
    }

    /// Index of the signal of a name.
    #[must_use]
    pub fn signal(&self, name: &str) -> Option<usize> {
        self.signals.iter().position(|s| s.name == name)
    }

    /// Index of the output of a name.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|o| o.name == name)
    }

    /// What an output changes by in the end for each unit of an input: D + C (I - A)^-1 B.
    #[must_use]
    pub fn steady_gain(&self, output: usize, input: usize) -> f64 {
        let mut x = vec![0.0; self.states()];
        // A is lower triangular: states are solved for in their order.
        for state in 0..x.len() {
            let mut sum = self.b.at(state, input);
            let mut own = 0.0;
            for (_, c, v) in self.a.row(state) {
                if *c == state { own = *v } else { sum += v * x[*c] }
            }
            x[state] = sum / (1.0 - own);
        }
        self.d.at(output, input) + self.c.row(output).map(|(_, state, v)| v * x[*state]).sum::<f64>()
    }
}
