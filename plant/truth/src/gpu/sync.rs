//! Boost groups: GPUs that follow the slowest of them.
//!
//! Responsible for: which GPU belongs to which group, and how fast its slowest member could go.
//! Not for: what the firmware makes of it (see `firmware`).
//!
//! Real groups agree over a few tens of milliseconds; here members follow what the slowest could do in the step before.

use std::ops::Range;

/// No group.
const ALONE: u32 = u32::MAX;

/// The groups of a fleet.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    of: Vec<u32>,
    held_ns: Vec<u64>,
    last: Vec<f32>,
    next: Vec<f32>,
}

impl Groups {
    pub(super) fn none(gpus: usize) -> Self {
        Self { of: vec![ALONE; gpus], held_ns: vec![0; gpus], last: Vec::new(), next: Vec::new() }
    }

    pub(super) fn add(&mut self, gpus: Range<usize>) {
        let group = self.next.len() as u32;
        for of in self.of.iter_mut().take(gpus.end).skip(gpus.start) {
            *of = group;
        }
        self.last.push(f32::INFINITY);
        self.next.push(f32::INFINITY);
    }

    /// Begins a step.
    pub(super) fn turn(&mut self) {
        std::mem::swap(&mut self.last, &mut self.next);
        self.next.fill(f32::INFINITY);
    }

    /// What the slowest member could do in the step before, over its maximum clock; infinite without a group.
    #[inline]
    pub(super) fn slowest(&self, gpu: usize) -> f32 {
        self.last.get(self.of[gpu] as usize).copied().unwrap_or(f32::INFINITY)
    }

    /// What a GPU with work could do by itself, and how long its peers held it.
    #[inline]
    pub(super) fn note(&mut self, gpu: usize, own: Option<f32>, held_ns: f64) {
        self.held_ns[gpu] += held_ns as u64;
        if let (Some(own), Some(next)) = (own, self.next.get_mut(self.of[gpu] as usize)) {
            *next = next.min(own);
        }
    }

    pub(super) fn held_ns(&self, gpu: usize) -> u64 {
        self.held_ns[gpu]
    }
}
