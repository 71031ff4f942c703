//! What the filters are measured on: GPUs of one product with their own resistance, power that steps, readings in degrees.

use headroom_belief::GpuModel;
use headroom_belief::gpu::{Batch, GpuInput, Textbook};

/// Ticks of inputs, which go round.
const TICKS: usize = 6;

/// Inputs of all GPUs for some ticks of a second.
pub(super) struct Case {
    pub(super) gpus: usize,
    pub(super) inputs: Vec<Vec<GpuInput>>,
    model: GpuModel,
}

impl Case {
    pub(super) fn new(gpus: usize) -> Self {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = || {
            // xorshift64 (Marsaglia 2003)
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 11) as f64 / (1_u64 << 53) as f64
        };
        let boards: Vec<(f64, f64)> =
            (0..gpus).map(|_| (0.04 + 0.02 * draw(), 200.0 + 400.0 * draw())).collect();
        let tick = |_| {
            let gpu = |&(r, power_w): &(f64, f64)| {
                let power_w = power_w + 30.0 * draw();
                let die_c = (30.0 + r * power_w + draw()).round();
                let hbm_c = Some((die_c + 4.0 + draw()).round());
                GpuInput { power_w, coolant_c: 30.0, psi: 1.0, die_c: Some(die_c), hbm_c }
            };
            boards.iter().map(gpu).collect()
        };
        let inputs = (0..TICKS).map(tick).collect();
        Self { gpus, inputs, model: GpuModel::on_a_plate(0.05) }
    }

    pub(super) fn batch(&self) -> Batch {
        Batch::new(&self.model, self.gpus, 1.0)
    }

    pub(super) fn textbook(&self) -> Textbook {
        Textbook::new(&self.model, 1.0)
    }

    /// Ours of the first GPUs after some rounds.
    pub(super) fn after(&self, rounds: usize, gpus: usize) -> Vec<([f64; 4], [f64; 10])> {
        let mut batch = Batch::new(&self.model, gpus, 1.0);
        for inputs in (0..rounds).flat_map(|_| &self.inputs) {
            inputs[..gpus].iter().enumerate().for_each(|(g, u)| batch.show(g, u));
            batch.advance();
        }
        (0..gpus).map(|g| batch.belief(g)).collect()
    }
}
