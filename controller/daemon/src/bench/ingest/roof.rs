//! The roofline: how fast this machine streams memory, and how many bytes a tick has to touch.
//!
//! Responsible for: one figure of each. Not for: caches; what fits into them is faster than the roof.

use headroom_core::align::{GpuValue, GpuWindow, PointValue};
use headroom_site::{GpuSample, Reading, Stamp};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

/// Numbers of one of the triad's three arrays: together far larger than any cache's share of a core.
const TRIAD: usize = 8 << 20;
const ROUNDS: usize = 6;

/// Bandwidth of one core in a triad, a = b + s c (McCalpin's STREAM), bytes per ns: the best of a few rounds.
pub(super) fn bandwidth() -> f64 {
    let (mut a, b, c) = (vec![0.0_f64; TRIAD], vec![1.0_f64; TRIAD], vec![2.0_f64; TRIAD]);
    let mut best = 0.0_f64;
    for round in 0..ROUNDS {
        let scale = black_box(round as f64);
        let start = Instant::now();
        for ((a, b), c) in a.iter_mut().zip(&b).zip(&c) {
            *a = b + scale * c;
        }
        black_box(&mut a);
        best = best.max((24 * TRIAD) as f64 / start.elapsed().as_nanos() as f64);
    }
    best
}

/// Bytes that a tick has to touch at least: messages read; rows of reports written and read; windows and values of GPUs
/// read and written by align, once more by the snapshot; readings read, values of points read and written twice.
pub(super) fn bytes(messages: usize, rows: usize, gpus: usize, points: usize) -> f64 {
    let row = size_of::<(Arc<str>, GpuSample)>();
    let gpu = 2 * 2 * size_of::<GpuValue>() + 2 * size_of::<(GpuWindow, Stamp)>();
    let point = size_of::<Reading>() + 2 * 2 * size_of::<PointValue>();
    (messages + 2 * rows * row + gpus * gpu + points * point) as f64
}
