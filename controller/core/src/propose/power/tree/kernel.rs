//! Eight GPUs at a time: their watts at a price, and how fast these fall with it.
//!
//! ```text
//! p(price) = min(max(d - price s, lo), hi)       s = 1/w
//! it falls by s  where lo <= d - price s <= hi
//! ```
//!
//! Responsible for: sums over blocks of eight GPUs. Not for: which price is sought (`meet`).
//!
//! Sums are taken in eight lanes and these folded in one order, products and sums are never fused: every width of vector
//! gives the same bits. What is not a number gets the floor, and so does everyone at an infinite price.

use super::Problem;
use pulp::Simd;

/// GPUs of a block; every width of vector divides it.
pub(super) const LANES: usize = 8;

/// Eight values of one column.
type Eight = [f64; LANES];

/// Eight GPUs; a line of the cache for each column. Lanes to spare draw nothing.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
pub(super) struct Block {
    pub(super) demand: Eight,
    pub(super) low: Eight,
    pub(super) high: Eight,
    pub(super) slope: Eight,
}

impl Block {
    /// Takes over up to eight GPUs of a problem.
    #[inline(always)]
    pub(super) fn take(&mut self, problem: &Problem<'_>, (first, count): (usize, usize)) {
        let all = first..first + count;
        let wide = [&mut self.demand, &mut self.low, &mut self.high, &mut self.slope];
        for (eight, column) in wide.into_iter().zip(problem.columns()) {
            match column[all.clone()].first_chunk::<LANES>() {
                Some(column) => *eight = *column,
                None => {
                    *eight = [0.0; LANES];
                    eight[..count].copy_from_slice(&column[all.clone()]);
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn eights(&self) -> Eights<'_> {
        Eights { demand: &self.demand, low: &self.low, high: &self.high, slope: &self.slope }
    }
}

/// Eight GPUs, wherever they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eights<'a> {
    demand: &'a Eight,
    low: &'a Eight,
    high: &'a Eight,
    slope: &'a Eight,
}

impl<'a> Eights<'a> {
    /// Those of a problem, or by way of `spare` where they are fewer.
    #[inline(always)]
    pub(super) fn of(problem: &Problem<'a>, gpus: (usize, usize), spare: &'a mut Block) -> Self {
        let (first, end) = (gpus.0, gpus.0 + gpus.1);
        let all = problem.columns().map(|column| column[first..end].first_chunk::<LANES>());
        let [Some(demand), Some(low), Some(high), Some(slope)] = all else {
            spare.take(problem, gpus);
            return spare.eights();
        };
        Self { demand, low, high, slope }
    }

    /// Writes the watts at a price. Says their sum.
    #[inline(always)]
    pub(super) fn put<S: Simd>(self, simd: S, price: f64, out: &mut [f64]) -> f64 {
        if let Some(eight) = out.first_chunk_mut::<LANES>() {
            return self.put_eight(simd, price, eight);
        }
        let (mut eight, count) = ([0.0; LANES], out.len());
        let sum = self.put_eight(simd, price, &mut eight);
        out.copy_from_slice(&eight[..count]);
        sum
    }

    #[inline(always)]
    fn put_eight<S: Simd>(self, simd: S, price: f64, out: &mut Eight) -> f64 {
        let price = simd.splat_f64s(price);
        let mut sum = [simd.splat_f64s(0.0); LANES];
        let out = S::as_mut_simd_f64s(out).0;
        for part in 0..LANES / S::F64_LANES {
            sum[part] = self.part(simd, part, price).0;
            out[part] = sum[part];
        }
        fold::<S>(&sum)
    }

    /// Watts of a part of them at a price, and where they fall.
    #[inline(always)]
    fn part<S: Simd>(&self, simd: S, part: usize, price: S::f64s) -> (S::f64s, S::f64s) {
        let of = |column| S::as_simd_f64s(column).0[part];
        let (low, high, slope) = (of(self.low), of(self.high), of(self.slope));
        let p = simd.sub_f64s(of(self.demand), simd.mul_f64s(price, slope));
        let watts = simd.min_f64s(simd.max_f64s(p, low), high);
        let falls = simd.select_f64s(simd.equal_f64s(watts, p), slope, simd.splat_f64s(0.0));
        (watts, falls)
    }
}

/// Sums in lanes: as many vectors of `S` as hold eight.
#[derive(Clone, Copy)]
pub(super) struct Sums<S: Simd> {
    simd: S,
    watts: [S::f64s; LANES],
    falls: [S::f64s; LANES],
}

impl<S: Simd> Sums<S> {
    #[inline(always)]
    pub(super) fn zero(simd: S) -> Self {
        let zero = [simd.splat_f64s(0.0); LANES];
        Self { simd, watts: zero, falls: zero }
    }

    /// Adds a block at a price, or at its own if that is higher: then a price does not move it.
    #[inline(always)]
    pub(super) fn add(&mut self, block: &Block, own: f64, price: f64) {
        let simd = self.simd;
        let (own, price) = (simd.splat_f64s(own), simd.splat_f64s(price));
        let moves = simd.less_than_or_equal_f64s(own, price);
        let counts = simd.select_f64s(moves, simd.splat_f64s(1.0), simd.splat_f64s(0.0));
        let paid = simd.max_f64s(own, price);
        for part in 0..LANES / S::F64_LANES {
            let (watts, falls) = block.eights().part(simd, part, paid);
            self.watts[part] = simd.add_f64s(self.watts[part], watts);
            self.falls[part] = simd.add_f64s(self.falls[part], simd.mul_f64s(counts, falls));
        }
    }

    /// Watts, and how fast they fall.
    #[inline(always)]
    pub(super) fn fold(&self) -> (f64, f64) {
        (fold::<S>(&self.watts), fold::<S>(&self.falls))
    }
}

/// Vectors that hold eight lanes, folded by halves.
#[inline(always)]
fn fold<S: Simd>(parts: &[S::f64s; LANES]) -> f64 {
    let mut eight = [0.0; LANES];
    let out = S::as_mut_simd_f64s(&mut eight).0;
    out.iter_mut().zip(parts).for_each(|(out, part)| *out = *part);
    let four = [eight[0] + eight[4], eight[1] + eight[5], eight[2] + eight[6], eight[3] + eight[7]];
    (four[0] + four[2]) + (four[1] + four[3])
}
