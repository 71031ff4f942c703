//! Lanes of f64 whose equations read like those on paper.
//!
//! Responsible for: arithmetic of a vector of whatever width the processor has. Not for: what is reckoned (`kernel`).
//!
//! Products and sums are rounded one by one and never fused, so that every width, and a plain scalar, gives the same bits:
//! a journal replays on another machine.

use pulp::Simd;
use std::ops::{Add, Mul, Sub};

/// Lanes that a block of GPUs has; every width of vector divides it.
pub(super) const LANES: usize = 8;

/// Eight values of one quantity.
pub(super) type Eight = [f64; LANES];

/// A vector of `S`'s width.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vector<S: Simd> {
    simd: S,
    lanes: S::f64s,
}

impl<S: Simd> Vector<S> {
    /// The same in all lanes.
    #[inline(always)]
    pub(super) fn all(simd: S, value: f64) -> Self {
        Self { simd, lanes: simd.splat_f64s(value) }
    }

    /// The `part`-th vector of eight values.
    #[inline(always)]
    pub(super) fn of(simd: S, values: &Eight, part: usize) -> Self {
        Self { simd, lanes: S::as_simd_f64s(values).0[part] }
    }

    /// Puts it back.
    #[inline(always)]
    pub(super) fn put(self, values: &mut Eight, part: usize) {
        S::as_mut_simd_f64s(values).0[part] = self.lanes;
    }

    #[inline(always)]
    pub(super) fn max(self, other: Self) -> Self {
        Self { lanes: self.simd.max_f64s(self.lanes, other.lanes), ..self }
    }

    #[inline(always)]
    pub(super) fn min(self, other: Self) -> Self {
        Self { lanes: self.simd.min_f64s(self.lanes, other.lanes), ..self }
    }

    #[inline(always)]
    pub(super) fn over(self, other: Self) -> Self {
        Self { lanes: self.simd.div_f64s(self.lanes, other.lanes), ..self }
    }

    /// Square root; 0 of what rounding has made negative.
    #[inline(always)]
    pub(super) fn root(self) -> Self {
        let positive = self.max(Self::all(self.simd, 0.0));
        Self { lanes: self.simd.sqrt_f64s(positive.lanes), ..self }
    }

    /// Itself where `sign` is a number, `other` where it is not.
    #[inline(always)]
    pub(super) fn where_number(self, sign: Self, other: Self) -> Self {
        let number = self.simd.equal_f64s(sign.lanes, sign.lanes);
        Self { lanes: self.simd.select_f64s(number, self.lanes, other.lanes), ..self }
    }
}

impl<S: Simd> Add for Vector<S> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { lanes: self.simd.add_f64s(self.lanes, other.lanes), ..self }
    }
}

impl<S: Simd> Sub for Vector<S> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { lanes: self.simd.sub_f64s(self.lanes, other.lanes), ..self }
    }
}

impl<S: Simd> Mul for Vector<S> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self { lanes: self.simd.mul_f64s(self.lanes, other.lanes), ..self }
    }
}
