//! Estimate: one step of the GPU observers on one core, beside the roofline and the same filter elsewhere.
//!
//! Responsible for: ns per GPU with the state in the cache and out of it, the memory-bandwidth roofline in the same two ways,
//! a textbook filter in nalgebra, on request numpy and filterpy, and how far all of them are from ours. Not for: the rest
//! of the estimate (`headroom bench truth` and `ingest` have the plant and the way in).

mod case;
mod peers;

use super::{alloc, at};
use anyhow::Result;
use case::Case;
use headroom_belief::gpu::{Batch, Textbook};
use serde::Serialize;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

/// Times the roofline that a step may take.
const ROOFS: f64 = 2.0;
/// Numbers that are written between two steps to have the caches full of something else: 128 MiB.
const FLUSH: usize = 16 << 20;
/// Fewest steps of a median.
const LEAST_STEPS: usize = 15;
/// GPUs that are compared.
const COMPARED: usize = 8;
/// Rounds of the inputs that numpy takes.
const NUMPY_ROUNDS: usize = 2;

/// Somebody else's filter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Other {
    name: String,
    ns_per_gpu: f64,
    /// How many times ours it takes, both with their state in the cache.
    times_ours: f64,
    /// Largest difference from ours, relative to the value or its standard deviation.
    difference: f64,
}

/// What came of one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figures {
    bench: &'static str,
    gpus: usize,
    states: usize,
    /// From memory: between two steps the caches are filled with something else, as they are by the rest of a tick.
    ns_per_gpu_median: f64,
    ns_per_gpu_p99: f64,
    /// With the state in whatever cache holds it.
    cached_ns_per_gpu_median: f64,
    cached_scalar_ns_per_gpu_median: f64,
    roofline_ns_per_gpu: f64,
    cached_roofline_ns_per_gpu: f64,
    bytes_per_gpu: f64,
    limit_ns_per_gpu: f64,
    allocations_per_tick: f64,
    others: Vec<Other>,
}

/// Times of steps, ns per GPU, in order.
fn times(gpus: usize, wall_s: f64, mut before: impl FnMut(usize), mut step: impl FnMut()) -> Vec<f64> {
    let end = Instant::now() + Duration::from_secs_f64(wall_s);
    let mut all = Vec::with_capacity(1 << 16);
    while all.len() < LEAST_STEPS || (Instant::now() < end && all.len() < all.capacity()) {
        before(all.len());
        let start = Instant::now();
        step();
        all.push(start.elapsed().as_nanos() as f64 / gpus as f64);
    }
    all.sort_by(f64::total_cmp);
    all
}

/// Measures one size.
///
/// # Errors
/// The interpreter asked for cannot be run or lacks numpy.
pub(super) fn measure(gpus: usize, wall_s: f64, python: Option<&Path>) -> Result<Figures> {
    let case = Case::new(gpus);
    let mut flush = vec![0.0_f64; FLUSH];
    let share_s = wall_s / 6.0;

    let calls = alloc::calls();
    let (hot, scalar) = (ours(&case, share_s, Batch::advance), ours(&case, share_s, Batch::advance_scalar));
    let allocations = alloc::calls() - calls;
    let mut batch = case.batch();
    let cold = times(gpus, share_s, |_| disturb(&mut flush), || batch.advance());

    // The same bytes, each number read and written once: an update in place is all that a filter could be.
    let mut plain = vec![1.0_f64; gpus * Batch::bytes_per_gpu() / 16];
    let update = |plain: &mut Vec<f64>| {
        let by = black_box(0.999);
        plain.iter_mut().for_each(|x| *x *= by);
        black_box(plain);
    };
    let roof = times(gpus, share_s, |_| (), || update(&mut plain));
    let cold_roof = times(gpus, share_s, |_| disturb(&mut flush), || update(&mut plain));

    let mut figures = Figures {
        bench: "estimate",
        gpus,
        states: 4,
        ns_per_gpu_median: at(&cold, 0.5),
        ns_per_gpu_p99: at(&cold, 0.99),
        cached_ns_per_gpu_median: at(&hot, 0.5),
        cached_scalar_ns_per_gpu_median: at(&scalar, 0.5),
        roofline_ns_per_gpu: at(&cold_roof, 0.5),
        cached_roofline_ns_per_gpu: at(&roof, 0.5),
        bytes_per_gpu: Batch::bytes_per_gpu() as f64,
        limit_ns_per_gpu: ROOFS * at(&cold_roof, 0.5),
        // Two lists of times, and two batches of two arrays.
        allocations_per_tick: allocations.saturating_sub(6) as f64 / (hot.len() + scalar.len()) as f64,
        others: Vec::new(),
    };
    figures.others.push(textbook(&case, share_s, figures.cached_ns_per_gpu_median));
    if let Some(python) = python {
        for (name, peer) in peers::run(python, &case, NUMPY_ROUNDS)? {
            let ours = case.after(peer.rounds, COMPARED.min(peer.x.len()));
            let each = ours.iter().zip(peer.x.iter().zip(&peer.p));
            figures.others.push(Other {
                name: format!("{name} {}", peer.version),
                ns_per_gpu: peer.ns,
                times_ours: peer.ns / figures.cached_ns_per_gpu_median,
                difference: each
                    .map(|(ours, (x, p))| difference(ours, x, |i, j| p[i][j]))
                    .fold(0.0, f64::max),
            });
        }
    }
    Ok(figures)
}

/// Steps of a batch, with new readings before each.
fn ours(case: &Case, wall_s: f64, step: fn(&mut Batch)) -> Vec<f64> {
    let batch = std::cell::RefCell::new(case.batch());
    let show = |n: usize| {
        let inputs = &case.inputs[n % case.inputs.len()];
        inputs.iter().enumerate().for_each(|(g, u)| batch.borrow_mut().show(g, u));
    };
    times(case.gpus, wall_s, show, || step(&mut batch.borrow_mut()))
}

fn disturb(flush: &mut [f64]) {
    flush.iter_mut().for_each(|x| *x += 1.0);
    black_box(flush);
}

/// A filter per GPU in nalgebra.
fn textbook(case: &Case, wall_s: f64, ours_ns: f64) -> Other {
    let filters = std::cell::RefCell::new(vec![case.textbook(); case.gpus]);
    let turn = std::cell::Cell::new(0);
    let step = || {
        let inputs = &case.inputs[turn.get()];
        filters.borrow_mut().iter_mut().zip(inputs).for_each(|(filter, u)| filter.step(u));
    };
    let sorted = times(case.gpus, wall_s, |n| turn.set(n % case.inputs.len()), step);
    let ns = at(&sorted, 0.5);
    let mut first: Vec<Textbook> = vec![case.textbook(); COMPARED.min(case.gpus)];
    for inputs in (0..NUMPY_ROUNDS).flat_map(|_| &case.inputs) {
        first.iter_mut().zip(inputs).for_each(|(filter, u)| filter.step(u));
    }
    let ours = case.after(NUMPY_ROUNDS, first.len());
    let each = ours.iter().zip(&first);
    Other {
        name: "nalgebra".into(),
        ns_per_gpu: ns,
        times_ours: ns / ours_ns,
        difference: each
            .map(|(ours, book)| difference(ours, book.x.as_slice(), |i, j| book.p[(i, j)]))
            .fold(0.0, f64::max),
    }
}

/// Largest relative difference of a state (or, near zero, in its standard deviations) and of a covariance (in those of its
/// two states).
fn difference(ours: &([f64; 4], [f64; 10]), x: &[f64], p: impl Fn(usize, usize) -> f64) -> f64 {
    let sigma = |i: usize| p(i, i).sqrt();
    let states = (0..4).map(|i| (ours.0[i] - x[i]).abs() / x[i].abs().max(sigma(i)));
    let pairs = (0..4).flat_map(|i| (i..4).map(move |j| (i, j)));
    let covariances = pairs.zip(ours.1).map(|((i, j), ours)| (ours - p(i, j)).abs() / (sigma(i) * sigma(j)));
    states.chain(covariances).fold(0.0, f64::max)
}

/// The figures as a person reads them.
pub(super) fn table(all: &[Figures]) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for f in all {
        // Writing into a String cannot fail.
        let _ = writeln!(
            out,
            "{} GPUs, {} states each, {} bytes a step, one core:",
            f.gpus, f.states, f.bytes_per_gpu
        );
        let (ns, roof) = (f.ns_per_gpu_median, f.roofline_ns_per_gpu);
        let _ = writeln!(
            out,
            "  {:<22} {ns:>9.2} ns/GPU   {:>5.2} x the roofline of {roof:.2} ns (limit {ROOFS})",
            "step, from memory",
            ns / roof
        );
        let (ns, roof) = (f.cached_ns_per_gpu_median, f.cached_roofline_ns_per_gpu);
        let _ = writeln!(
            out,
            "  {:<22} {ns:>9.2} ns/GPU   {:>5.2} x that of the cache, {roof:.2} ns",
            "step, in the cache",
            ns / roof
        );
        let _ =
            writeln!(out, "  {:<22} {:>9.2} ns/GPU", "  in plain scalars", f.cached_scalar_ns_per_gpu_median);
        for other in &f.others {
            let _ = writeln!(
                out,
                "  {:<22} {:>9.2} ns/GPU   {:>5.1} x ours, {:.0e} away from it",
                other.name, other.ns_per_gpu, other.times_ours, other.difference
            );
        }
    }
    out
}
