//! Samples between two snapshots, for those who need every one of them.
//!
//! Responsible for: handing them on as they are aligned. Not for: what comes of them (`propose/power/swing`, `estimate`).

use crate::align::Witness;
use crate::estimate::Estimator;
use crate::propose::power::Steady;
use headroom_site::{GpuSample, Reading, Stamp};

/// Those who hear, and a witness who sees the same.
pub(super) struct Hearing<'a, W> {
    pub(super) steady: &'a mut Steady,
    pub(super) estimator: &'a mut Estimator,
    pub(super) witness: &'a mut W,
}

impl<W: Witness> Witness for Hearing<'_, W> {
    fn reading(&mut self, reading: &Reading) {
        self.witness.reading(reading);
    }

    fn sample(&mut self, gpu: usize, sample: &GpuSample, arrival: Option<Stamp>) {
        self.steady.hear(gpu, sample);
        self.estimator.hear(gpu, sample);
        self.witness.sample(gpu, sample, arrival);
    }
}
