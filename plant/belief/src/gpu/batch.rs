//! The arithmetic of the observers alone, to be measured and compared.
//!
//! Responsible for: what [`super::GpuObservers::advance`] does for one class, without learning. Not for: running a site.

use super::kernel::{Advance, Block, PACKED, Shown, Step};
use super::vector::LANES;
use super::{GpuInput, GpuModel};
use pulp::{Arch, Scalar, WithSimd};

/// Independent filters of one model, at steps of one length.
#[derive(Debug, Clone)]
pub struct Batch {
    arch: Arch,
    blocks: Vec<Block>,
    shown: Vec<Shown>,
    step: Step,
}

impl Batch {
    /// Filters of GPUs of one model, for steps of `dt_s`.
    #[must_use]
    pub fn new(model: &GpuModel, gpus: usize, dt_s: f64) -> Self {
        let blocks = gpus.div_ceil(LANES);
        Self {
            arch: Arch::new(),
            blocks: vec![model.before(); blocks],
            shown: vec![Shown::default(); blocks],
            step: model.step(dt_s),
        }
    }

    /// Says what a GPU shows.
    pub fn show(&mut self, gpu: usize, input: &GpuInput) {
        let (shown, lane) = (&mut self.shown[gpu / LANES], gpu % LANES);
        shown.power_w[lane] = input.power_w;
        shown.coolant_c[lane] = input.coolant_c;
        shown.psi[lane] = input.psi;
        shown.die_c[lane] = input.die_c.unwrap_or(f64::NAN);
        shown.hbm_c[lane] = input.hbm_c.unwrap_or(f64::NAN);
    }

    /// One step.
    pub fn advance(&mut self) {
        let Self { arch, blocks, shown, step } = self;
        arch.dispatch(Advance { blocks, shown, step, trace: None });
    }

    /// One step, lane by lane in plain scalars.
    pub fn advance_scalar(&mut self) {
        let Self { blocks, shown, step, .. } = self;
        Advance { blocks, shown, step, trace: None }.with_simd(Scalar::new());
    }

    /// State and packed covariance (00 01 02 03 11 12 13 22 23 33) of a GPU.
    #[must_use]
    pub fn belief(&self, gpu: usize) -> ([f64; 4], [f64; PACKED]) {
        let (block, lane) = (&self.blocks[gpu / LANES], gpu % LANES);
        (block.x.map(|x| x[lane]), block.p.map(|p| p[lane]))
    }

    /// Bytes that a step must read and write per GPU: state, covariance, fast power, wildness and innovation both ways but for the
    /// last, and what is shown.
    #[must_use]
    pub const fn bytes_per_gpu() -> usize {
        8 * (2 * (4 + PACKED + 2) + 1 + 5)
    }
}
