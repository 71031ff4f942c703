//! Dense products of small matrices.
//!
//! Responsible for: C + A'B in register blocks, products of a matrix with a vector. Not for: what is multiplied, or for choosing the
//! instructions: every function here is inlined into its caller, which `pulp` has compiled for the processor at hand.
//!
//! All matrices are row-major with one row length `ld`, a multiple of [`LANES`]; what pads a row is zero. A tile of four rows by one
//! to three vectors of C stays in registers while the inner index runs (Goto & van de Geijn 2008; Frison, Kouzoupis, Zanelli & Diehl,
//! *BLASFEO*, 2018: at these sizes there is nothing to pack).
//!
//! Multiplications and additions are fused, always, and added up in one order whatever the width of a vector, so that every
//! processor gives the same bits. One without fused operations emulates them and is slow. No closure holds vector arithmetic: it would
//! be compiled for the plainest processor and called.

#![allow(clippy::needless_range_loop, reason = "lanes and rows of several arrays go together")]

use pulp::Simd;

/// Entries that rows are padded to; the width of every vector divides it.
pub(crate) const LANES: usize = 8;

/// Rows that a tile has: with three AVX2 vectors each they fill twelve of sixteen registers, and keep two fused multipliers with four
/// cycles of latency busy.
const TILE: usize = 4;

/// The rows of a matrix, without the division that `chunks_exact` begins with.
#[derive(Debug, Clone)]
pub(crate) struct Rows<'a, T> {
    rest: &'a [T],
    ld: usize,
}

#[inline(always)]
pub(crate) const fn rows<T>(data: &[T], ld: usize) -> Rows<'_, T> {
    Rows { rest: data, ld }
}

impl<'a, T> Iterator for Rows<'a, T> {
    type Item = &'a [T];
    #[inline(always)]
    fn next(&mut self) -> Option<&'a [T]> {
        let (row, rest) = self.rest.split_at_checked(self.ld)?;
        self.rest = rest;
        Some(row)
    }
}

/// C += A'B (MINUS: C -= A'B); C is `ld` x `ld`, A and B have `inner` rows. With UPPER, only blocks of eight columns that hold
/// something on or above C's diagonal.
#[inline(always)]
pub(crate) fn add_product<S: Simd, const MINUS: bool, const UPPER: bool>(
    simd: S,
    c: &mut [f64],
    a: &[f64],
    b: &[f64],
    ld: usize,
    inner: usize,
) {
    let (c, b, lv) = (S::as_mut_simd_f64s(c).0, &S::as_simd_f64s(b).0, ld / S::F64_LANES);
    let (a, b) = (&a[..inner * ld], &b[..inner * lv]);
    for r in (0..ld).step_by(TILE) {
        let band = &mut c[r * lv..][..TILE * lv];
        let mut j = if UPPER { r / LANES * (LANES / S::F64_LANES) } else { 0 };
        while j < lv {
            // Threes, but no one left alone.
            j += match lv - j {
                1 => tile::<S, 1, MINUS>(simd, band, a, b, ld, (r, j)),
                2 | 4 => tile::<S, 2, MINUS>(simd, band, a, b, ld, (r, j)),
                _ => tile::<S, 3, MINUS>(simd, band, a, b, ld, (r, j)),
            };
        }
    }
}

/// Rows r to r + 4 of C, `c`, by V vectors from j on; gives V.
#[inline(always)]
fn tile<S: Simd, const V: usize, const MINUS: bool>(
    simd: S,
    c: &mut [S::f64s],
    a: &[f64],
    b: &[S::f64s],
    ld: usize,
    (r, j): (usize, usize),
) -> usize {
    let lv = ld / S::F64_LANES;
    let mut sum = [[simd.splat_f64s(0.0); V]; TILE];
    for (sum, row) in sum.iter_mut().zip(rows(c, lv)) {
        sum.copy_from_slice(&row[j..j + V]);
    }
    for (a, b) in rows(a, ld).zip(rows(b, lv)) {
        let (a, b) = (&a[r..r + TILE], &b[j..j + V]);
        for (sum, a) in sum.iter_mut().zip(a) {
            let a = simd.splat_f64s(if MINUS { -a } else { *a });
            for v in 0..V {
                sum[v] = simd.mul_add_f64s(a, b[v], sum[v]);
            }
        }
    }
    for (i, sum) in sum.iter().enumerate() {
        c[i * lv + j..][..V].copy_from_slice(sum);
    }
    V
}

/// y += M'v (MINUS: y -= M'v), with an entry of v per row of M.
#[inline(always)]
pub(crate) fn add_transposed<S: Simd, const MINUS: bool>(simd: S, y: &mut [f64], m: &[f64], v: &[f64]) {
    if v.is_empty() {
        return;
    }
    let (y, m) = (S::as_mut_simd_f64s(y).0, S::as_simd_f64s(m).0);
    let lv = y.len();
    let mut j = 0;
    while j + 2 <= lv {
        column::<S, 2, MINUS>(simd, &mut y[j..], &m[j..], v, lv);
        j += 2;
    }
    if j < lv {
        column::<S, 1, MINUS>(simd, &mut y[j..], &m[j..], v, lv);
    }
}

/// V vectors of y.
#[inline(always)]
fn column<S: Simd, const V: usize, const MINUS: bool>(
    simd: S,
    y: &mut [S::f64s],
    m: &[S::f64s],
    v: &[f64],
    lv: usize,
) {
    let y = &mut y[..V];
    let mut sum = [simd.splat_f64s(0.0); V];
    sum.copy_from_slice(y);
    for (k, v) in v.iter().enumerate() {
        let (m, v) = (&m[k * lv..][..V], simd.splat_f64s(if MINUS { -v } else { *v }));
        for i in 0..V {
            sum[i] = simd.mul_add_f64s(v, m[i], sum[i]);
        }
    }
    y.copy_from_slice(&sum);
}

/// y = M z, with an entry of y per row of M.
#[inline(always)]
pub(crate) fn multiply<S: Simd>(simd: S, y: &mut [f64], m: &[f64], z: &[f64]) {
    for (y, row) in y.iter_mut().zip(rows(m, z.len())) {
        *y = dot(simd, row, z);
    }
}

/// a'b, of vectors that fill all lanes.
#[inline(always)]
pub(crate) fn dot<S: Simd>(simd: S, a: &[f64], b: &[f64]) -> f64 {
    let (a8, b8) = (a.as_chunks::<LANES>().0, b.as_chunks::<LANES>().0);
    let mut sum = [0.0; LANES];
    let parts = LANES / S::F64_LANES;
    // Of vectors this wide, the lanes are added up by halves, as `across` does it.
    if parts <= 2 {
        let (a, b) = (S::as_simd_f64s(a).0, S::as_simd_f64s(b).0);
        let mut of = [simd.splat_f64s(0.0); 2];
        for i in (0..a.len().min(b.len())).step_by(parts) {
            of[0] = simd.mul_add_f64s(a[i], b[i], of[0]);
            if parts == 2 {
                of[1] = simd.mul_add_f64s(a[i + 1], b[i + 1], of[1]);
            }
        }
        return simd.reduce_sum_f64s(if parts == 2 { simd.add_f64s(of[0], of[1]) } else { of[0] });
    }
    for (a, b) in a8.iter().zip(b8) {
        for l in 0..LANES {
            sum[l] = a[l].mul_add(b[l], sum[l]);
        }
    }
    across(sum)
}

/// y += a x.
#[inline(always)]
pub(crate) fn add_scaled<S: Simd>(simd: S, y: &mut [f64], a: f64, x: &[f64]) {
    let by = simd.splat_f64s(a);
    for (y, x) in S::as_mut_simd_f64s(y).0.iter_mut().zip(S::as_simd_f64s(x).0) {
        *y = simd.mul_add_f64s(by, *x, *y);
    }
}

/// y += x.
#[inline(always)]
pub(crate) fn add<S: Simd>(simd: S, y: &mut [f64], x: &[f64]) {
    for (y, x) in S::as_mut_simd_f64s(y).0.iter_mut().zip(S::as_simd_f64s(x).0) {
        *y = simd.add_f64s(*y, *x);
    }
}

/// y = a x.
#[inline(always)]
pub(crate) fn scaled<S: Simd>(simd: S, y: &mut [f64], a: f64, x: &[f64]) {
    let by = simd.splat_f64s(a);
    for (y, x) in S::as_mut_simd_f64s(y).0.iter_mut().zip(S::as_simd_f64s(x).0) {
        *y = simd.mul_f64s(by, *x);
    }
}

/// The sum over the lanes, by halves.
#[inline(always)]
pub(crate) fn across(s: [f64; LANES]) -> f64 {
    let h = [s[0] + s[4], s[1] + s[5], s[2] + s[6], s[3] + s[7]];
    (h[0] + h[2]) + (h[1] + h[3])
}

/// The largest number of the lanes; 0 is the least that it gives.
#[inline(always)]
pub(crate) fn largest(s: [f64; LANES]) -> f64 {
    s.into_iter().fold(0.0, |most, s| if s > most { s } else { most })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, Scalar, WithSimd};

    fn matrix(rows: usize, cols: usize, ld: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        let mut out = vec![0.0; rows * ld];
        for row in out.chunks_exact_mut(ld) {
            for x in &mut row[..cols] {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *x = (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
            }
        }
        out
    }

    /// All kernels on matrices of one size.
    struct All {
        ld: usize,
        inner: usize,
    }

    impl WithSimd for All {
        type Output = [Vec<f64>; 4];
        fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
            let Self { ld, inner } = self;
            let (a, b) = (matrix(inner, ld, ld, 1), matrix(inner, ld, ld, 2));
            let (mut all, mut upper) = (matrix(ld, ld, ld, 3), matrix(ld, ld, ld, 3));
            add_product::<S, false, false>(simd, &mut all, &a, &b, ld, inner);
            add_product::<S, true, true>(simd, &mut upper, &a, &b, ld, inner);
            let (mut y, mut t) = (vec![0.0; inner], vec![0.0; ld]);
            multiply(simd, &mut y, &a, &b[..ld]);
            add_transposed::<S, false>(simd, &mut t, &a, &matrix(1, inner, inner, 4));
            add_scaled(simd, &mut t, 0.3, &b);
            [all, upper, y, t]
        }
    }

    #[test]
    fn products_are_those_of_the_textbook() {
        for (ld, inner) in [(8, 1), (16, 3), (24, 22), (40, 36)] {
            let (a, b) = (matrix(inner, ld, ld, 1), matrix(inner, ld, ld, 2));
            let (before, v) = (matrix(ld, ld, ld, 3), matrix(1, inner, inner, 4));
            let [all, upper, y, t] = Arch::new().dispatch(All { ld, inner });
            for i in 0..ld {
                for j in 0..ld {
                    let product: f64 = (0..inner).map(|k| a[k * ld + i] * b[k * ld + j]).sum();
                    assert!((all[i * ld + j] - before[i * ld + j] - product).abs() < 1e-13);
                    assert!(j < i || (upper[i * ld + j] - before[i * ld + j] + product).abs() < 1e-13);
                }
                let expected: f64 = (0..inner).map(|k| a[k * ld + i] * v[k]).sum();
                assert!((t[i] - expected - 0.3 * b[i]).abs() < 1e-13);
            }
            for (k, y) in y.iter().enumerate() {
                let expected: f64 = (0..ld).map(|j| a[k * ld + j] * b[j]).sum();
                assert!((y - expected).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn every_width_gives_the_same_bits() {
        for (ld, inner) in [(8, 2), (24, 22), (40, 36)] {
            let (wide, narrow) =
                (Arch::new().dispatch(All { ld, inner }), All { ld, inner }.with_simd(Scalar::new()));
            assert_eq!(wide, narrow);
        }
    }
}
