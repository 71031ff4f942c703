//! The bounds, and what the barrier makes of them.
//!
//! A bound is a row g <= 0 with g = sign (value - bound); value is an input, a move or an output. Rows are one of two kinds:
//!
//! ```text
//! hard   g + t = 0,            t, lambda >= 0,         lambda t = tau
//! soft   g - s + t = 0,        s, t, lambda, nu >= 0,  lambda t = tau,  nu s = tau,   rho1 + rho2 s - lambda - nu = 0
//! ```
//!
//! Linearised, each row's slacks and multipliers are eliminated by hand, so that it leaves nothing behind but a weight W and a
//! multiplier aim on its value (Wright, *Primal-dual interior-point methods*, 1997, 11; for soft rows as in HPIPM, 2020):
//!
//! ```text
//! dlambda = aim - lambda + W dg
//! hard   W = lambda / t                       aim = (lambda r + tau - dt dlambda) / t,      r = g + t
//! soft   d = rho2 + nu / s,  w = d / (t d + lambda),  W = lambda w
//!        c = nu s - tau + ds dnu,  b = rho1 + rho2 s - lambda - nu + c / s,                 r = g - s + t
//!        aim = lambda + W (r + b / d) - w (lambda t - tau + dt dlambda)
//!        ds = (dlambda - b) / d,  dnu = -(c + nu ds) / s
//! ```
//!
//! W of a soft row never exceeds d: a soft limit cannot make the step ill-conditioned by itself.
//!
//! Responsible for: rows of eight at a time, the same arithmetic in each lane. Not for: where to start (`start`), or the step of the
//! values (`riccati`). A bound that is infinite keeps its lane with `present` 0 and weighs nothing.

#![allow(clippy::needless_range_loop, reason = "lanes and rows of several arrays go together")]

use crate::kernels::{LANES, across, largest};

type Eight = [f64; LANES];

/// What a step means for the products of slacks and multipliers, and how far it may go.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Effect {
    /// Sum of lambda dt + t dlambda (and of nu ds + s dnu).
    pub(crate) linear: f64,
    /// Sum of dt dlambda (and of ds dnu).
    pub(crate) square: f64,
    /// The largest decrease of a slack or multiplier over its value: a step of 1 / worst meets the border.
    pub(crate) worst: f64,
}

impl Effect {
    pub(crate) fn with(self, other: Self) -> Self {
        let worst = if other.worst > self.worst { other.worst } else { self.worst };
        Self { linear: self.linear + other.linear, square: self.square + other.square, worst }
    }
}

/// Eight hard rows.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Hard {
    pub(crate) bound: Eight,
    pub(crate) present: Eight,
    pub(crate) t: Eight,
    pub(crate) lambda: Eight,
    r: Eight,
    aim: Eight,
    dt: Eight,
    dlambda: Eight,
}

/// Eight soft rows.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Soft {
    pub(crate) bound: Eight,
    pub(crate) present: Eight,
    pub(crate) rho1: Eight,
    pub(crate) rho2: Eight,
    pub(crate) t: Eight,
    pub(crate) s: Eight,
    pub(crate) lambda: Eight,
    pub(crate) nu: Eight,
    r: Eight,
    d: Eight,
    w: Eight,
    b: Eight,
    c: Eight,
    product: Eight,
    aim: Eight,
    dt: Eight,
    ds: Eight,
    dlambda: Eight,
    dnu: Eight,
}

const ZERO: Eight = [0.0; LANES];
const ONE: Eight = [1.0; LANES];

impl Hard {
    /// No bound in any lane.
    pub(crate) const NONE: Self = Self {
        bound: ZERO,
        present: ZERO,
        t: ONE,
        lambda: ZERO,
        r: ZERO,
        aim: ZERO,
        dt: ZERO,
        dlambda: ZERO,
    };
}

impl Soft {
    /// No bound in any lane.
    pub(crate) const NONE: Self = Self {
        bound: ZERO,
        present: ZERO,
        rho1: ZERO,
        rho2: ONE,
        t: ONE,
        s: ONE,
        lambda: ZERO,
        nu: ZERO,
        r: ZERO,
        d: ONE,
        w: ZERO,
        b: ZERO,
        c: ZERO,
        product: ZERO,
        aim: ZERO,
        dt: ZERO,
        ds: ZERO,
        dlambda: ZERO,
        dnu: ZERO,
    };
}

/// Rows of one kind and sign, over all stages.
pub(crate) trait Rows {
    /// Residuals and weights for the values at hand: adds W to `weight`, the products of slacks and multipliers and the penalties to
    /// `sums`.
    fn prepare(&mut self, sign: f64, value: &Eight, weight: &mut Eight, sums: &mut [Eight; 2]);
    /// The multiplier to aim at for products of `tau`; `corrected` by the second-order terms of the last step. Adds it to `linear`.
    fn aim(&mut self, sign: f64, tau: f64, corrected: f64, linear: &mut Eight);
    /// The step of slacks and multipliers that goes with a step of the values.
    fn step(&mut self, sign: f64, dvalue: &Eight, effect: &mut [Eight; 3]);
    /// Goes a share of it.
    fn take(&mut self, alpha: f64);
}

#[inline(always)]
fn more(most: &mut f64, ratio: f64) {
    // What is no number (0 / 0, of an absent row) is not more.
    *most = if ratio > *most { ratio } else { *most };
}

impl Rows for Hard {
    #[inline(always)]
    fn prepare(&mut self, sign: f64, value: &Eight, weight: &mut Eight, sums: &mut [Eight; 2]) {
        for l in 0..LANES {
            self.r[l] = sign * (value[l] - self.bound[l]) + self.t[l];
            weight[l] += self.lambda[l] / self.t[l];
            sums[0][l] += self.lambda[l] * self.t[l];
        }
    }

    #[inline(always)]
    fn aim(&mut self, sign: f64, tau: f64, corrected: f64, linear: &mut Eight) {
        for l in 0..LANES {
            let tau = self.present[l] * tau - corrected * self.dt[l] * self.dlambda[l];
            self.aim[l] = (self.lambda[l] * self.r[l] + tau) / self.t[l];
            linear[l] += sign * self.aim[l];
        }
    }

    #[inline(always)]
    fn step(&mut self, sign: f64, dvalue: &Eight, effect: &mut [Eight; 3]) {
        let [linear, square, worst] = effect;
        for l in 0..LANES {
            let (t, lambda, dg) = (self.t[l], self.lambda[l], sign * dvalue[l]);
            let dt = -self.present[l] * (self.r[l] + dg);
            let dlambda = self.aim[l] - lambda + lambda / t * dg;
            linear[l] += lambda * dt + t * dlambda;
            square[l] += dt * dlambda;
            more(&mut worst[l], -dt / t);
            more(&mut worst[l], -dlambda / lambda);
            (self.dt[l], self.dlambda[l]) = (dt, dlambda);
        }
    }

    #[inline(always)]
    fn take(&mut self, alpha: f64) {
        for l in 0..LANES {
            self.t[l] += alpha * self.dt[l];
            self.lambda[l] += alpha * self.dlambda[l];
        }
    }
}

impl Rows for Soft {
    #[inline(always)]
    fn prepare(&mut self, sign: f64, value: &Eight, weight: &mut Eight, sums: &mut [Eight; 2]) {
        for l in 0..LANES {
            let (t, s, lambda, nu) = (self.t[l], self.s[l], self.lambda[l], self.nu[l]);
            self.r[l] = sign * (value[l] - self.bound[l]) - s + t;
            self.d[l] = self.rho2[l] + nu / s;
            self.w[l] = self.d[l] / (t * self.d[l] + lambda);
            weight[l] += lambda * self.w[l];
            sums[0][l] += lambda * t + nu * s;
            sums[1][l] += self.present[l] * s * (self.rho1[l] + 0.5 * self.rho2[l] * s);
        }
    }

    #[inline(always)]
    fn aim(&mut self, sign: f64, tau: f64, corrected: f64, linear: &mut Eight) {
        for l in 0..LANES {
            let (t, s, lambda, nu) = (self.t[l], self.s[l], self.lambda[l], self.nu[l]);
            let tau = self.present[l] * tau;
            let c = nu * s - tau + corrected * self.ds[l] * self.dnu[l];
            let b = self.rho1[l] + self.rho2[l] * s - lambda - nu + c / s;
            let product = lambda * t - tau + corrected * self.dt[l] * self.dlambda[l];
            let w = self.w[l];
            self.aim[l] = lambda + lambda * w * (self.r[l] + b / self.d[l]) - w * product;
            linear[l] += sign * self.aim[l];
            (self.b[l], self.c[l], self.product[l]) = (b, c, product);
        }
    }

    #[inline(always)]
    fn step(&mut self, sign: f64, dvalue: &Eight, effect: &mut [Eight; 3]) {
        let [linear, square, worst] = effect;
        for l in 0..LANES {
            let (t, s, lambda, nu) = (self.t[l], self.s[l], self.lambda[l], self.nu[l]);
            let (dg, present) = (sign * dvalue[l], self.present[l]);
            let dlambda = self.aim[l] - lambda + lambda * self.w[l] * dg;
            let by_force = (dlambda - self.b[l]) / self.d[l];
            let by_gap = -(self.product[l] + t * dlambda) / lambda;
            let far = lambda > self.d[l] * t;
            let dt = present * if far { by_gap } else { by_force - self.r[l] - dg };
            let ds = present * if far { by_gap + self.r[l] + dg } else { by_force };
            let dnu = -present * (self.c[l] + nu * ds) / s;
            linear[l] += lambda * dt + t * dlambda + nu * ds + s * dnu;
            square[l] += dt * dlambda + ds * dnu;
            more(&mut worst[l], -dt / t);
            more(&mut worst[l], -ds / s);
            more(&mut worst[l], -dlambda / lambda);
            more(&mut worst[l], -dnu / nu);
            (self.dt[l], self.ds[l], self.dlambda[l], self.dnu[l]) = (dt, ds, dlambda, dnu);
        }
    }

    #[inline(always)]
    fn take(&mut self, alpha: f64) {
        for l in 0..LANES {
            self.t[l] += alpha * self.dt[l];
            self.s[l] += alpha * self.ds[l];
            self.lambda[l] += alpha * self.dlambda[l];
            self.nu[l] += alpha * self.dnu[l];
        }
    }
}

/// Lower and upper bounds of one kind of value: blocks of eight rows over all stages.
#[derive(Debug, Clone)]
pub(crate) struct Pair<R> {
    pub(crate) lower: Vec<R>,
    pub(crate) upper: Vec<R>,
}

impl<R: Rows + Copy> Pair<R> {
    pub(crate) fn new(none: R, rows: usize) -> Self {
        let blocks = rows.div_ceil(LANES);
        Self { lower: vec![none; blocks], upper: vec![none; blocks] }
    }

    pub(crate) fn bytes(&self) -> usize {
        2 * self.lower.len() * size_of::<R>()
    }

    /// Gives the sum of the products and the penalties.
    #[inline(always)]
    pub(crate) fn prepare(&mut self, values: &[f64], weights: &mut [f64]) -> (f64, f64) {
        let mut sums = [ZERO; 2];
        weights.fill(0.0);
        for (sign, rows) in [(-1.0, &mut self.lower), (1.0, &mut self.upper)] {
            for ((row, value), weight) in rows.iter_mut().zip(eights(values)).zip(eights_mut(weights)) {
                row.prepare(sign, value, weight, &mut sums);
            }
        }
        (across(sums[0]), across(sums[1]))
    }

    /// Adds to `linear`.
    #[inline(always)]
    pub(crate) fn aim(&mut self, tau: f64, corrected: bool, linear: &mut [f64]) {
        let corrected = if corrected { 1.0 } else { 0.0 };
        for (sign, rows) in [(-1.0, &mut self.lower), (1.0, &mut self.upper)] {
            for (row, linear) in rows.iter_mut().zip(eights_mut(linear)) {
                row.aim(sign, tau, corrected, linear);
            }
        }
    }

    #[inline(always)]
    pub(crate) fn step(&mut self, dvalues: &[f64]) -> Effect {
        let mut effect = [ZERO; 3];
        for (sign, rows) in [(-1.0, &mut self.lower), (1.0, &mut self.upper)] {
            for (row, dvalue) in rows.iter_mut().zip(eights(dvalues)) {
                row.step(sign, dvalue, &mut effect);
            }
        }
        let [linear, square, worst] = effect;
        Effect { linear: across(linear), square: across(square), worst: largest(worst) }
    }

    #[inline(always)]
    pub(crate) fn take(&mut self, alpha: f64) {
        self.lower.iter_mut().chain(&mut self.upper).for_each(|row| row.take(alpha));
    }
}

/// Values in blocks of eight; they are padded to full blocks.
#[inline(always)]
pub(crate) fn eights(values: &[f64]) -> &[Eight] {
    values.as_chunks().0
}

#[inline(always)]
pub(crate) fn eights_mut(values: &mut [f64]) -> &mut [Eight] {
    values.as_chunks_mut().0
}
