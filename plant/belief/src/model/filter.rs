//! The filter on top of a model: a Kalman filter with an integrating disturbance on every output.
//!
//! Responsible for: belief from inputs and whatever was measured, and what comes next. Not for: what is done with it.
//!
//! State z = \[x; d\], F = diag(A, I), H = \[C, I\]:
//!
//! ```text
//! predict   z = F z + [B u; 0]           P = F P F' + diag(Q, N)
//! update    e = y_i - (H z + D u + y0)_i     s = H_i P H_i' + R_i     g = P H_i' / s
//!           z += g e                         P -= g g' s              for each output that was measured
//! ahead     y(k+h) = H z(k+h) + D u(k+h) + y0,  var = H P(k+h) H' + R
//! ```
//!
//! Outputs are taken one by one, which is exact as R is diagonal, so any of them may be missing in a period.

use super::Model;
use nalgebra::{DMatrix, DVector};

/// What an output will be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Value, base unit.
    pub value: f64,
    /// Standard deviation, measurement noise included, base unit.
    pub sigma: f64,
}

/// Belief about a plant by its model.
#[derive(Debug, Clone)]
pub struct ModelFilter {
    model: Model,
    /// State and disturbances.
    z: DVector<f64>,
    p: DMatrix<f64>,
    h: DMatrix<f64>,
    d: DMatrix<f64>,
    /// Variance that is gained in a period.
    gained: DVector<f64>,
    /// Inputs of the last period; `None` before the first.
    inputs: Option<DVector<f64>>,
    /// Has an output ever been measured?
    seen: Vec<bool>,
    /// Innovation of each output in the last period, over its standard deviation.
    innovation: Vec<Option<f64>>,
}

impl ModelFilter {
    /// For a model, before anything was measured.
    #[must_use]
    pub fn new(model: &Model) -> Self {
        let (n, p) = (model.states(), model.outputs.len());
        let mut h = DMatrix::zeros(p, n + p);
        h.view_mut((0, 0), (p, n)).copy_from(&model.c.dense());
        (0..p).for_each(|i| h[(i, n + i)] = 1.0);
        let drifts = model.outputs.iter().map(|o| o.drift);
        let gained = DVector::from_iterator(n + p, model.state_noise.iter().copied().chain(drifts));
        Self {
            z: DVector::zeros(n + p),
            p: DMatrix::zeros(n + p, n + p),
            h,
            d: model.d.dense(),
            gained,
            inputs: None,
            seen: vec![false; p],
            innovation: vec![None; p],
            model: model.clone(),
        }
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// One period: inputs by the signals as they are now (a signal that is missing, not a number, stays where it was), and
    /// whatever outputs were measured, base units.
    ///
    /// # Panics
    /// If there are not as many signals and outputs as the model has.
    pub fn step(&mut self, signals: &[f64], measured: &[Option<f64>]) {
        assert_eq!(measured.len(), self.model.outputs.len(), "one measurement, or none, per output");
        let mut now = self.model.inputs_of(signals);
        match self.inputs.take() {
            None => {
                now.iter_mut().filter(|u| !u.is_finite()).for_each(|u| *u = 0.0);
                self.begin(&now);
            }
            Some(last) => {
                now.iter_mut().zip(last.iter()).filter(|(u, _)| !u.is_finite()).for_each(|(u, l)| *u = *l);
                advance(&self.model, &mut self.z, &last);
                widen(&self.model, &mut self.p, &self.gained);
            }
        }
        let through = &self.d * &now;
        for (i, y) in measured.iter().enumerate() {
            self.innovation[i] = y.filter(|y| y.is_finite()).map(|y| self.update(i, y, through[i]));
        }
        self.inputs = Some(now);
    }

    /// At rest under the first inputs.
    fn begin(&mut self, inputs: &DVector<f64>) {
        let b = &self.model.b;
        for state in 0..self.model.states() {
            let drive: f64 = b.row(state).map(|(_, c, v)| v * inputs[*c]).sum();
            let (mut sum, mut own) = (drive, 0.0);
            for (_, c, v) in self.model.a.row(state) {
                if *c == state { own = *v } else { sum += v * self.z[*c] }
            }
            self.z[state] = sum / (1.0 - own);
        }
    }

    /// Takes a measurement; innovation over its standard deviation.
    fn update(&mut self, output: usize, y: f64, through: f64) -> f64 {
        let spec = &self.model.outputs[output];
        let row = self.h.row(output);
        let e = y - (row * &self.z)[0] - through - spec.stood;
        if !self.seen[output] {
            // Nothing is known of a disturbance before: the first measurement says it all.
            let d = self.model.states() + output;
            self.seen[output] = true;
            self.z[d] += e;
            self.p[(d, d)] = spec.noise + spec.drift;
            return 0.0;
        }
        let gain = &self.p * row.transpose();
        let s = (row * &gain)[0] + spec.noise;
        if s <= 0.0 {
            return 0.0;
        }
        self.z.axpy(e / s, &gain, 1.0);
        self.p.ger(-1.0 / s, &gain, &gain, 1.0);
        e / s.sqrt()
    }

    /// What is believed of the outputs now; infinitely wide for one that was never measured.
    #[must_use]
    pub fn now(&self) -> Vec<Forecast> {
        let inputs = self.inputs.clone().unwrap_or_else(|| DVector::zeros(self.model.inputs.len()));
        let values = self.outputs(&self.z, &inputs);
        let sigma = |i: usize| self.sigma(&self.p, i);
        values.into_iter().enumerate().map(|(i, value)| Forecast { value, sigma: sigma(i) }).collect()
    }

    /// Innovation of each output that was measured in the last period, over its standard deviation.
    #[must_use]
    pub fn innovations(&self) -> &[Option<f64>] {
        &self.innovation
    }

    /// Disturbance of each output as believed, base unit: what the plant does beside the model.
    #[must_use]
    pub fn disturbances(&self) -> &[f64] {
        &self.z.as_slice()[self.model.states()..]
    }

    /// What the outputs will be in each of the periods for which signals are given, the next one first. A signal that is not
    /// a number stays where it was.
    #[must_use]
    pub fn ahead(&self, signals: &[Vec<f64>]) -> Vec<Vec<Forecast>> {
        let Some(mut last) = self.inputs.clone() else { return Vec::new() };
        let (mut z, mut p) = (self.z.clone(), self.p.clone());
        let mut out = Vec::with_capacity(signals.len());
        for signals in signals {
            let mut next = self.model.inputs_of(signals);
            next.iter_mut().zip(last.iter()).filter(|(u, _)| !u.is_finite()).for_each(|(u, l)| *u = *l);
            advance(&self.model, &mut z, &last);
            widen(&self.model, &mut p, &self.gained);
            let values = self.outputs(&z, &next).into_iter().enumerate();
            out.push(values.map(|(i, value)| Forecast { value, sigma: self.sigma(&p, i) }).collect());
            last = next;
        }
        out
    }

    fn outputs(&self, z: &DVector<f64>, inputs: &DVector<f64>) -> Vec<f64> {
        let values = &self.h * z + &self.d * inputs;
        values.iter().zip(&self.model.outputs).map(|(v, o)| v + o.stood).collect()
    }

    /// Standard deviation of a measurement.
    fn sigma(&self, p: &DMatrix<f64>, output: usize) -> f64 {
        if !self.seen[output] {
            return f64::INFINITY;
        }
        let own = self.model.states() + output;
        let entries = self.model.c.entries_of(output);
        let row = || entries.iter().map(|(_, s, v)| (*s, *v)).chain([(own, 1.0)]);
        let spread: f64 = row().flat_map(|(i, v)| row().map(move |(j, w)| v * w * p[(i, j)])).sum();
        (spread + self.model.outputs[output].noise).max(0.0).sqrt()
    }
}

/// P = F P F' + diag(Q, N). States only feed later ones, so that rows, and then columns, can be done in place from the last
/// to the first; disturbances keep theirs.
fn widen(model: &Model, p: &mut DMatrix<f64>, gained: &DVector<f64>) {
    let size = p.ncols();
    for state in (0..model.states()).rev() {
        let entries = model.a.entries_of(state);
        for column in 0..size {
            p[(state, column)] = entries.iter().map(|(_, c, v)| v * p[(*c, column)]).sum();
        }
    }
    for state in (0..model.states()).rev() {
        let entries = model.a.entries_of(state);
        for row in 0..size {
            p[(row, state)] = entries.iter().map(|(_, c, v)| v * p[(row, *c)]).sum();
        }
    }
    (0..size).for_each(|i| p[(i, i)] += gained[i]);
}

/// x(k+1) = A x(k) + B u(k); disturbances stay.
fn advance(model: &Model, z: &mut DVector<f64>, inputs: &DVector<f64>) {
    // States only feed later ones: from the last to the first, each still sees what the others were.
    for state in (0..model.states()).rev() {
        let own: f64 = model.a.row(state).map(|(_, c, v)| v * z[*c]).sum();
        let drive: f64 = model.b.row(state).map(|(_, c, v)| v * inputs[*c]).sum();
        z[state] = own + drive;
    }
}
