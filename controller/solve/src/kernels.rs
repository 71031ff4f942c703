//! Dense products of small matrices.
//!
//! Responsible for: C ± A'B in register blocks, products of a matrix with a vector, reductions. Not for: what is multiplied, or for
//! choosing the instructions: every function here is inlined into its caller, which `pulp` has compiled for the processor at hand.
//!
//! All matrices are row-major with one row length `ld`, a multiple of [`LANES`]; what pads a row is zero. A tile of W rows by
//! eight columns of C stays in registers while the inner index runs (Goto & van de Geijn 2008; Frison, Kouzoupis, Zanelli, Diehl,
//! *BLASFEO*, 2018: at these sizes there is nothing to pack).
//!
//! Multiplications and additions are fused, always, and added up in one order whatever the width of a vector, so that every
//! processor gives the same bits. One without fused operations emulates them and is slow.

/// Columns that a tile has; the width of every vector divides it.
pub(crate) const LANES: usize = 8;

/// Rows that a tile has: four rows of two AVX2 vectors keep two fused multipliers with four cycles of latency busy.
const TILE: usize = 4;

type Eight = [f64; LANES];

/// The eight numbers from `at` on.
#[inline(always)]
fn eight(row: &[f64], at: usize) -> Eight {
    let mut out = [0.0; LANES];
    out.copy_from_slice(&row[at..at + LANES]);
    out
}

/// C += A'B (MINUS: C -= A'B): C has `rows` rows, A and B have as many rows as they hold. With UPPER, only blocks that hold
/// something on or above C's diagonal.
#[inline(always)]
pub(crate) fn add_product<const MINUS: bool, const UPPER: bool>(
    c: &mut [f64],
    a: &[f64],
    b: &[f64],
    ld: usize,
    rows: usize,
) {
    let mut bands = c[..rows * ld].chunks_exact_mut(TILE * ld);
    let mut r = 0;
    for band in bands.by_ref() {
        tiles::<TILE, MINUS, UPPER>(band, a, b, ld, r);
        r += TILE;
    }
    for row in bands.into_remainder().chunks_exact_mut(ld) {
        tiles::<1, MINUS, UPPER>(row, a, b, ld, r);
        r += 1;
    }
}

/// Rows r to r + W of C.
#[inline(always)]
fn tiles<const W: usize, const MINUS: bool, const UPPER: bool>(
    c: &mut [f64],
    a: &[f64],
    b: &[f64],
    ld: usize,
    r: usize,
) {
    let first = if UPPER { r / LANES * LANES } else { 0 };
    for j in (first..ld).step_by(LANES) {
        let mut sum = [[0.0; LANES]; W];
        for (sum, row) in sum.iter_mut().zip(c.chunks_exact(ld)) {
            *sum = eight(row, j);
        }
        for (a, b) in a.chunks_exact(ld).zip(b.chunks_exact(ld)) {
            let (a, b) = (&a[r..r + W], eight(b, j));
            for (sum, a) in sum.iter_mut().zip(a) {
                let a = if MINUS { -a } else { *a };
                for (sum, b) in sum.iter_mut().zip(b) {
                    *sum = a.mul_add(b, *sum);
                }
            }
        }
        for (sum, row) in sum.iter().zip(c.chunks_exact_mut(ld)) {
            row[j..j + LANES].copy_from_slice(sum);
        }
    }
}

/// y += M'v (MINUS: y -= M'v), v with an entry per row of M.
#[inline(always)]
pub(crate) fn add_transposed<const MINUS: bool>(y: &mut [f64], m: &[f64], v: &[f64]) {
    let ld = y.len();
    for (block, y) in y.chunks_exact_mut(LANES).enumerate() {
        let mut sum = eight(y, 0);
        for (row, v) in m.chunks_exact(ld).zip(v) {
            let (row, v) = (eight(row, block * LANES), if MINUS { -v } else { *v });
            for (sum, m) in sum.iter_mut().zip(row) {
                *sum = v.mul_add(m, *sum);
            }
        }
        y.copy_from_slice(&sum);
    }
}

/// y = M z, an entry per row of M.
#[inline(always)]
pub(crate) fn multiply(y: &mut [f64], m: &[f64], z: &[f64]) {
    for (y, row) in y.iter_mut().zip(m.chunks_exact(z.len())) {
        *y = dot(row, z);
    }
}

/// a'b, of vectors that fill all lanes.
#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = [0.0; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        let (a, b) = (eight(a, 0), eight(b, 0));
        for l in 0..LANES {
            sum[l] = a[l].mul_add(b[l], sum[l]);
        }
    }
    across(sum)
}

/// y += a x.
#[inline(always)]
pub(crate) fn add_scaled(y: &mut [f64], a: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = a.mul_add(*x, *y);
    }
}

/// The sum over the lanes, by halves.
#[inline(always)]
pub(crate) fn across(s: Eight) -> f64 {
    let h = [s[0] + s[4], s[1] + s[5], s[2] + s[6], s[3] + s[7]];
    (h[0] + h[2]) + (h[1] + h[3])
}

/// The largest number of the lanes; 0 is the least that it gives.
#[inline(always)]
pub(crate) fn largest(s: Eight) -> f64 {
    s.into_iter().fold(0.0, |most, s| if s > most { s } else { most })
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn products_are_those_of_the_textbook() {
        for (rows, inner) in [(1, 1), (4, 3), (13, 16), (22, 22), (36, 30)] {
            let ld = rows.div_ceil(LANES) * LANES;
            let (a, b) = (matrix(inner, rows, ld, 1), matrix(inner, rows, ld, 2));
            let before = matrix(rows, rows, ld, 3);
            let (mut all, mut upper) = (before.clone(), before.clone());
            add_product::<false, false>(&mut all, &a, &b, ld, rows);
            add_product::<true, true>(&mut upper, &a, &b, ld, rows);
            for i in 0..rows {
                for j in 0..rows {
                    let product: f64 = (0..inner).map(|k| a[k * ld + i] * b[k * ld + j]).sum();
                    assert!((all[i * ld + j] - before[i * ld + j] - product).abs() < 1e-13);
                    if j >= i {
                        assert!((upper[i * ld + j] - before[i * ld + j] + product).abs() < 1e-13);
                    }
                }
            }
            let (z, v) = (&b[..ld], &matrix(1, inner, inner, 4)[..]);
            let mut y = vec![0.0; inner];
            multiply(&mut y, &a, z);
            let mut t = vec![0.0; ld];
            add_transposed::<false>(&mut t, &a, v);
            for (k, y) in y.iter().enumerate() {
                let expected: f64 = (0..ld).map(|j| a[k * ld + j] * z[j]).sum();
                assert!((y - expected).abs() < 1e-13);
            }
            for (j, t) in t.iter().enumerate() {
                let expected: f64 = (0..inner).map(|k| a[k * ld + j] * v[k]).sum();
                assert!((t - expected).abs() < 1e-13);
            }
        }
    }
}
