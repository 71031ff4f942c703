//! What every loop asks of every GPU in every tick: its temperatures now, and their rise over the coolant after long at its
//! highest power; eight GPUs at a time, once.
//!
//! Responsible for: those figures and their standard deviations. Not for: other powers (`ahead`), or limits.
//!
//! With b the weight of R (symbols as in the module), for the die and, with h, for the memory:
//!
//! ```text
//! now    T_p (+ h) + b R,  b = phi P_f (kappa)                          variance with (eta phi R (P - P_f) (kappa))^2
//! full   c (+ h) + b R,    b = ((1 - phi) psi + phi (kappa)) P_most     variance with w_T^2 tau / 2
//! ```

use super::kernel::{Block, OFFSET, PLATE, RESISTANCE, Shown, Step, at};
use super::vector::{Eight, LANES, Vector};
use pulp::{Simd, WithSimd};

/// Figures of eight GPUs; die first, then memory.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
pub(super) struct Figures {
    pub(super) now: [Eight; 2],
    pub(super) now_sigma: [Eight; 2],
    pub(super) full: [Eight; 2],
    pub(super) full_sigma: [Eight; 2],
}

/// A look at all blocks of a class.
pub(super) struct Look<'a> {
    pub(super) blocks: &'a [Block],
    pub(super) shown: &'a [Shown],
    /// Highest powers, W.
    pub(super) most_w: &'a [Eight],
    pub(super) step: &'a Step,
    pub(super) figures: &'a mut [Figures],
}

impl WithSimd for Look<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let blocks = self.blocks.iter().zip(self.shown).zip(self.most_w).zip(self.figures);
        for (((block, shown), most_w), figures) in blocks {
            for part in 0..LANES / S::F64_LANES {
                look(simd, self.step, block, shown, most_w, figures, part);
            }
        }
    }
}

#[inline(always)]
fn look<S: Simd>(
    simd: S,
    step: &Step,
    block: &Block,
    shown: &Shown,
    most_w: &Eight,
    figures: &mut Figures,
    part: usize,
) {
    let of = |values: &Eight| Vector::of(simd, values, part);
    let all = |value| Vector::all(simd, value);
    let (power_w, most_w, fast_w) = (of(&shown.power_w), of(most_w), of(&block.fast_w));
    let slow = all(1.0 - step.fast) * of(&shown.psi);
    let to_go = all(step.moving) * of(&block.x[RESISTANCE]) * (power_w - fast_w);
    for (which, share) in [step.fast, step.memory].into_iter().enumerate() {
        let memory = which == 1;
        let now = sum(simd, block, part, PLATE, all(share) * fast_w, memory);
        let moving = all(share) * to_go;
        now.0.put(&mut figures.now[which], part);
        (now.1 + moving * moving).root().put(&mut figures.now_sigma[which], part);
        let full = sum(simd, block, part, OFFSET, (slow + all(share)) * most_w, memory);
        full.0.put(&mut figures.full[which], part);
        (full.1 + all(step.wander)).root().put(&mut figures.full_sigma[which], part);
    }
}

/// x_i + b R (+ h), and its variance.
#[inline(always)]
fn sum<S: Simd>(
    simd: S,
    block: &Block,
    part: usize,
    i: usize,
    b: Vector<S>,
    memory: bool,
) -> (Vector<S>, Vector<S>) {
    const MEMORY: usize = super::kernel::MEMORY;
    let x = |i: usize| Vector::of(simd, &block.x[i], part);
    let p = |i: usize, j: usize| Vector::of(simd, &block.p[at(i, j)], part);
    let two = Vector::all(simd, 2.0);
    let value = x(i) + b * x(RESISTANCE);
    let variance = p(i, i) + b * (two * p(i, RESISTANCE) + b * p(RESISTANCE, RESISTANCE));
    if !memory {
        return (value, variance);
    }
    let with = p(MEMORY, MEMORY) + two * (p(i, MEMORY) + b * p(MEMORY, RESISTANCE));
    (value + x(MEMORY), variance + with)
}
