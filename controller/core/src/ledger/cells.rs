//! Sums of throttled time by reason and cause.
//!
//! Responsible for: dense sums of fixed size, so that a tick allocates nothing, and rows of what is not nothing. Not for: what a
//! cause is (`cause`).

use super::cause::Cause;
use super::rows::Cell;
use headroom_site::gpu::ThrottleReason;

const REASONS: usize = ThrottleReason::ALL.len();
const CAUSES: usize = Cause::ALL.len();

/// Sums by reason and cause: GPU-seconds, those lost, operations, tokens.
#[derive(Debug, Clone)]
pub(super) struct Cells([[[f64; 4]; CAUSES]; REASONS]);

impl Cells {
    pub(super) const EMPTY: Self = Self([[[0.0; 4]; CAUSES]; REASONS]);

    pub(super) fn add(&mut self, reason: usize, cause: Cause, by: [f64; 4]) {
        let cell = &mut self.0[reason][cause as usize];
        cell.iter_mut().zip(by).for_each(|(sum, by)| *sum += by);
    }

    /// What is not nothing.
    pub(super) fn rows(&self) -> Vec<Cell> {
        let mut rows = Vec::new();
        for (causes, reason) in self.0.iter().zip(ThrottleReason::ALL) {
            for (&[gpu_s, lost_gpu_s, lost_flop, lost_tokens], cause) in causes.iter().zip(Cause::ALL) {
                if gpu_s > 0.0 {
                    rows.push(Cell { reason, cause, gpu_s, lost_gpu_s, lost_flop, lost_tokens });
                }
            }
        }
        rows
    }
}
