//! The filter of eight GPUs through one step: predict, then one update per reading.
//!
//! Responsible for: the arithmetic, the same for every width of vector. Not for: what the quantities mean (see the
//! module), or which GPU is where.
//!
//! The transition changes only the first state, so F P Fᵀ is a row and a column; a reading is a scalar, so its update is
//! two products and one division (sequential processing of uncorrelated readings, Bierman, *Factorization Methods for
//! Discrete Sequential Estimation*, 1977, II.7): no matrix is built, none is inverted.

use super::vector::{Eight, LANES, Vector};
use pulp::{Simd, WithSimd};

/// States of a GPU.
pub(super) const STATES: usize = 4;
/// Places of the states.
pub(super) const PLATE: usize = 0;
pub(super) const MEMORY: usize = 1;
pub(super) const RESISTANCE: usize = 2;
pub(super) const OFFSET: usize = 3;
/// Entries of a symmetric 4 x 4 matrix: 00 01 02 03 11 12 13 22 23 33.
pub(super) const PACKED: usize = 10;

/// Beliefs of eight GPUs.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(super) struct Block {
    /// T_p, h, R, c.
    pub(super) x: [Eight; STATES],
    /// Their covariance.
    pub(super) p: [Eight; PACKED],
    /// Power that the fast part of the die's rise follows, W.
    pub(super) fast_w: Eight,
    /// Normalised innovation squared, summed over the readings of the last step.
    pub(super) nis: Eight,
    /// How wild the die's last readings were: beyond 1 after three in a row.
    pub(super) wild: Eight,
}

impl Block {
    /// x_i + b R of a GPU and its standard deviation.
    #[inline]
    pub(super) fn sum(&self, lane: usize, i: usize, b: f64) -> (f64, f64) {
        let p = |i, j| self.p[at(i, j)][lane];
        let variance = p(i, i) + b * (2.0 * p(i, RESISTANCE) + b * p(RESISTANCE, RESISTANCE));
        (self.x[i][lane] + b * self.x[RESISTANCE][lane], variance.max(0.0).sqrt())
    }

    /// x_i + h + b R of a GPU and its standard deviation.
    #[inline]
    pub(super) fn sum_with_memory(&self, lane: usize, i: usize, b: f64) -> (f64, f64) {
        let p = |i, j| self.p[at(i, j)][lane];
        let (value, without) = self.sum(lane, i, b);
        let with = p(MEMORY, MEMORY) + 2.0 * (p(i, MEMORY) + b * p(MEMORY, RESISTANCE));
        (value + self.x[MEMORY][lane], (without * without + with).max(0.0).sqrt())
    }
}

/// What eight GPUs show; no number where there is no fresh reading.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(super) struct Shown {
    pub(super) power_w: Eight,
    pub(super) coolant_c: Eight,
    pub(super) psi: Eight,
    pub(super) die_c: Eight,
    pub(super) hbm_c: Eight,
}

impl Default for Shown {
    fn default() -> Self {
        let none = [f64::NAN; LANES];
        Self { power_w: [0.0; LANES], coolant_c: [40.0; LANES], psi: [1.0; LANES], die_c: none, hbm_c: none }
    }
}

/// Variances of the innovations of the last step; 1 where there was no reading.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
pub(super) struct Trace {
    pub(super) die: Eight,
    pub(super) hbm: Eight,
}

/// What a step of some length has in common for all GPUs of a class (symbols as in the module).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    /// a = 1 - exp(-dt/tau).
    pub(super) a: f64,
    /// The same with the time constant of the fast part.
    pub(super) a_fast: f64,
    /// phi.
    pub(super) fast: f64,
    /// kappa phi.
    pub(super) memory: f64,
    /// Variances that T_p, h, R, c gain in the step.
    pub(super) q: [f64; STATES],
    /// Variances of h, R, c beyond which they gain none (of T_p: no bound).
    pub(super) most: [f64; STATES],
    /// Variances of the die's and the memory's reading.
    pub(super) r: [f64; 2],
    /// Standard deviation of a reading per kelvin that the fast part is still to move.
    pub(super) moving: f64,
    /// Variance of T_p around where it would settle, K^2.
    pub(super) wander: f64,
    /// Lowest and highest R.
    pub(super) resistance: (f64, f64),
}

/// Squared standard deviations from which on a reading counts less.
pub(super) const WILD: f64 = 25.0;
/// What one reading adds to how wild they are, as a share, and what it counts with at most: one is no change of the plant,
/// nor are two.
const WILDER: (f64, f64) = (0.4, 1.5);
/// Share of the variance before the first reading that a step gains while readings stay wild, and the variance that T_p
/// gains, K^2: the plant is not what it was.
const SURGE: (f64, f64) = (0.25, 25.0);

/// All blocks of a class through a step.
pub(super) struct Advance<'a> {
    pub(super) blocks: &'a mut [Block],
    pub(super) shown: &'a [Shown],
    pub(super) step: &'a Step,
    /// Where the innovations' variances go, if anybody asks.
    pub(super) trace: Option<&'a mut [Trace]>,
}

impl WithSimd for Advance<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let c = Constants::new(simd, self.step);
        let parts = LANES / S::F64_LANES;
        match self.trace {
            None => {
                for (block, shown) in self.blocks.iter_mut().zip(self.shown) {
                    for part in 0..parts {
                        let _ = advance(simd, &c, block, shown, part);
                    }
                }
            }
            Some(trace) => {
                for ((block, shown), trace) in self.blocks.iter_mut().zip(self.shown).zip(trace) {
                    for part in 0..parts {
                        let [die, hbm] = advance(simd, &c, block, shown, part);
                        die.put(&mut trace.die, part);
                        hbm.put(&mut trace.hbm, part);
                    }
                }
            }
        }
    }
}

/// [`Step`], in all lanes.
struct Constants<S: Simd> {
    a: Vector<S>,
    keep: Vector<S>,
    a_fast: Vector<S>,
    plate: Vector<S>,
    fast: Vector<S>,
    memory: Vector<S>,
    q: [Vector<S>; STATES],
    surge: [Vector<S>; STATES],
    per_most: [Vector<S>; STATES],
    r: [Vector<S>; 2],
    moving: [Vector<S>; 2],
    resistance: [Vector<S>; 2],
    zero: Vector<S>,
    one: Vector<S>,
    wild: Vector<S>,
    wilder: [Vector<S>; 2],
    ten: Vector<S>,
}

impl<S: Simd> Constants<S> {
    #[inline(always)]
    fn new(simd: S, step: &Step) -> Self {
        let all = |value| Vector::all(simd, value);
        Self {
            a: all(step.a),
            keep: all(1.0 - step.a),
            a_fast: all(step.a_fast),
            plate: all(step.a * (1.0 - step.fast)),
            fast: all(step.fast),
            memory: all(step.memory),
            q: step.q.map(all),
            surge: [
                all(SURGE.1),
                all(SURGE.0 * step.most[1]),
                all(SURGE.0 * step.most[2]),
                all(SURGE.0 * step.most[3]),
            ],
            per_most: step.most.map(|most| all(1.0 / most)),
            r: step.r.map(all),
            moving: [all(step.moving * step.fast), all(step.moving * step.memory)],
            resistance: [all(step.resistance.0), all(step.resistance.1)],
            zero: all(0.0),
            one: all(1.0),
            wild: all(WILD),
            wilder: [all(WILDER.0), all(WILDER.1)],
            ten: all(10.0),
        }
    }
}

/// States and covariance in registers.
struct Belief<S: Simd> {
    x: [Vector<S>; STATES],
    p: [Vector<S>; PACKED],
}

/// Where a pair of states stands in the packed covariance.
pub(super) const fn at(i: usize, j: usize) -> usize {
    let (i, j) = if i < j { (i, j) } else { (j, i) };
    i * STATES - i * (i + 1) / 2 + j
}

/// One vector of GPUs; gives the variances of the two innovations.
#[inline(always)]
fn advance<S: Simd>(
    simd: S,
    c: &Constants<S>,
    block: &mut Block,
    shown: &Shown,
    part: usize,
) -> [Vector<S>; 2] {
    let of = |values: &Eight| Vector::of(simd, values, part);
    let (power_w, coolant_c) = (of(&shown.power_w), of(&shown.coolant_c));
    let mut b = Belief { x: block.x.each_ref().map(of), p: block.p.each_ref().map(of) };

    let wild = of(&block.wild);
    // 0 below 1, 1 from 1.1 on.
    let surge = (c.ten * (wild - c.one)).max(c.zero).min(c.one);
    b.predict(c, of(&shown.psi) * power_w, coolant_c, surge);
    let fast_w = of(&block.fast_w);
    let fast_w = fast_w + c.a_fast * (power_w - fast_w);

    // A reading while the power still moves is as uncertain as its time.
    let moving = (power_w - fast_w) * b.x[2];
    let r = |i: usize| {
        let moving = c.moving[i] * moving;
        c.r[i] + moving * moving
    };
    let (nis_die, s_die) = b.update::<false>(c, of(&shown.die_c), c.fast * fast_w, r(0));
    let (nis_hbm, s_hbm) = b.update::<true>(c, of(&shown.hbm_c), c.memory * fast_w, r(1));

    b.x[2] = b.x[2].max(c.resistance[0]).min(c.resistance[1]);
    b.x.into_iter().zip(&mut block.x).for_each(|(v, to)| v.put(to, part));
    b.p.into_iter().zip(&mut block.p).for_each(|(v, to)| v.put(to, part));
    fast_w.put(&mut block.fast_w, part);
    (nis_die + nis_hbm).put(&mut block.nis, part);
    let wilder = (nis_die.over(c.wild).min(c.wilder[1]) - wild).where_number(of(&shown.die_c), c.zero);
    (wild + c.wilder[0] * wilder).put(&mut block.wild, part);
    [s_die, s_hbm]
}

impl<S: Simd> Belief<S> {
    /// x+ = F x + a T_c e_0, P+ = F P Fᵀ + Q, with F = I but for its first row (1 - a, 0, a (1 - phi) psi P, a).
    #[inline(always)]
    fn predict(&mut self, c: &Constants<S>, slow_w: Vector<S>, coolant_c: Vector<S>, surge: Vector<S>) {
        let drive = c.plate * slow_w;
        let x = &mut self.x;
        x[0] = c.keep * x[0] + c.a * (coolant_c + x[3]) + drive * x[2];
        let row = |p: &[Vector<S>; PACKED], j: usize| {
            c.keep * p[at(0, j)] + drive * p[at(2, j)] + c.a * p[at(3, j)]
        };
        let p = &mut self.p;
        let v = [row(p, 0), row(p, 1), row(p, 2), row(p, 3)];
        p[at(0, 0)] = c.keep * v[0] + drive * v[2] + c.a * v[3] + c.q[0] + surge * c.surge[0];
        (1..STATES).for_each(|j| p[at(0, j)] = v[j]);
        // What is as unsure as before the first reading cannot become less sure.
        for j in 1..STATES {
            let d = at(j, j);
            p[d] = p[d] + (c.q[j] + surge * c.surge[j]) * (c.one - p[d] * c.per_most[j]).max(c.zero);
        }
    }

    /// Takes y = T_p + b R (+ h) + v, var v = r; gives the normalised innovation squared and the innovation's variance, or
    /// 0 and 1 without a reading.
    #[inline(always)]
    fn update<const OF_MEMORY: bool>(
        &mut self,
        c: &Constants<S>,
        y: Vector<S>,
        b: Vector<S>,
        r: Vector<S>,
    ) -> (Vector<S>, Vector<S>) {
        let (x, p) = (&mut self.x, &mut self.p);
        let told = |v: [Vector<S>; STATES]| {
            let sum = v[0] + b * v[2];
            if OF_MEMORY { sum + v[1] } else { sum }
        };
        let column =
            |p: &[Vector<S>; PACKED], j: usize| told([p[at(0, j)], p[at(1, j)], p[at(2, j)], p[at(3, j)]]);
        let g = [column(p, 0), column(p, 1), column(p, 2), column(p, 3)];
        let s = told(g) + r;
        let e = (y - told(*x)).where_number(y, c.zero);
        let per_s = c.one.over(s);
        let nis = e * e * per_s;
        // A reading beyond five standard deviations moves as much as one at five (Huber 1964).
        let weight = c.wild.over(nis.max(c.wild)).root();
        let gain = (weight * per_s).where_number(y, c.zero);
        let k = [gain * g[0], gain * g[1], gain * g[2], gain * g[3]];
        (0..STATES).for_each(|i| x[i] = x[i] + k[i] * e);
        for i in 0..STATES {
            for j in i..STATES {
                p[at(i, j)] = p[at(i, j)] - k[i] * g[j];
            }
        }
        (nis, s.where_number(y, c.one))
    }
}
