//! The least price at which a branch keeps its budget.
//!
//! ```text
//! S(price) = sum_i p_i(max(price, own_i))       own_i: highest price of the branches inside this one
//! price+   = price + (S(price) - B)/S'          where that lies between the prices known to be too low and too high
//! ```
//!
//! S falls and is piecewise linear, so Newton's step is exact as soon as it stays on one piece. Where nothing falls (all at
//! a bound, or at higher prices of their own) the next price is the one where something begins to; where a step leaves the
//! bracket, that is halved.
//!
//! Responsible for: the price of one branch, given those inside it. Not for: the order of branches.

use super::kernel::{Block, Sums};
use pulp::Simd;

/// How near a budget is met, relative to it: far above the rounding of a sum, far below what anyone can meter.
pub(super) const EXACT: f64 = 1e-12;
/// Steps of a search; halving alone ends within them.
const STEPS: usize = 120;
/// Steps after which every second one halves the bracket.
const PATIENCE: usize = 16;
/// One block in so many is asked first, in branches of so many squared.
const SAMPLED: usize = 16;
/// Steps with these.
const SAMPLE_STEPS: usize = 4;
/// More than rounding takes away.
const HAIR: f64 = 1.0 + 4.0 * f64::EPSILON;

/// Where a branch ends up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Met {
    pub(super) price: f64,
    pub(super) watts: f64,
    /// All at their floors, and still over the budget.
    pub(super) infeasible: bool,
}

/// A branch whose GPUs want more than its budget.
pub(super) struct Branch<'a, S> {
    pub(super) simd: S,
    /// Spans of its blocks.
    pub(super) spans: &'a [(usize, usize)],
    pub(super) blocks: &'a [Block],
    /// Price of each block so far.
    pub(super) own: &'a [f64],
}

impl<S: Simd> Branch<'_, S> {
    /// Watts at a price, and how fast they fall with it.
    #[inline(always)]
    pub(super) fn at(&self, price: f64) -> (f64, f64) {
        let mut sums = Sums::zero(self.simd);
        for &(a, b) in self.spans {
            for (block, own) in self.blocks[a..b].iter().zip(&self.own[a..b]) {
                sums.add(block, *own, price);
            }
        }
        sums.fold()
    }

    /// The least price at which the branch fits, sought from its last one; it does not fit as it is.
    #[inline(always)]
    pub(super) fn meet(&self, room_w: f64, last: f64) -> Met {
        let enough = EXACT * room_w.abs();
        let (mut low, mut high, mut fits) = (0.0, f64::INFINITY, None);
        let mut price = if last > 0.0 { last } else { self.guess(room_w) };
        for step in 0..STEPS {
            let (watts, falls) = self.at(price);
            let over = watts - room_w;
            if over.abs() <= enough {
                return Met { price, watts, infeasible: false };
            }
            if over > 0.0 {
                low = price;
            } else {
                (high, fits) = (price, Some(Met { price, watts, infeasible: false }));
            }
            let newton = price + over / falls;
            let impatient = step > PATIENCE && step % 2 == 0 && high.is_finite();
            if newton > low && newton < high && !impatient {
                price = newton;
                continue;
            }
            if high.is_infinite() {
                let floor = self.floor();
                let (spare, fits_there) = (floor.watts < room_w - enough, floor.watts <= room_w + enough);
                if !spare || floor.price.is_infinite() {
                    return Met { infeasible: !fits_there, ..floor };
                }
                (high, fits) = (floor.price, Some(floor));
            }
            let half = 0.5 * (low + high);
            if half <= low || half >= high {
                break;
            }
            let begins = if falls > 0.0 || impatient { half } else { self.begins(low) };
            price = if begins > low && begins < high { begins } else { half };
        }
        fits.unwrap_or_else(|| self.floor())
    }

    /// Where to begin if nothing is known: at the mean of the prices inside; where that would be far off for many, some of them
    /// say how far.
    #[inline(always)]
    fn guess(&self, room_w: f64) -> f64 {
        let sum: f64 = self.spans.iter().map(|&(a, b)| self.own[a..b].iter().sum::<f64>()).sum();
        let count: usize = self.spans.iter().map(|(a, b)| b - a).sum();
        let mut price = sum / count.max(1) as f64;
        if count < SAMPLED * SAMPLED {
            return price;
        }
        for _ in 0..SAMPLE_STEPS {
            let (mut sums, mut some) = (Sums::zero(self.simd), 0);
            for &(a, b) in self.spans {
                for block in (a..b).step_by(SAMPLED) {
                    sums.add(&self.blocks[block], self.own[block], price);
                    some += 1;
                }
            }
            let (watts, falls) = sums.fold();
            let next = price + (watts - room_w * some as f64 / count as f64) / falls;
            if !next.is_finite() || next < 0.0 {
                break;
            }
            price = next;
        }
        price
    }

    /// Its GPUs as (own price, demand, floor, ceiling, slope).
    fn gpus(&self) -> impl Iterator<Item = [f64; 5]> + '_ {
        let blocks = self.spans.iter().flat_map(|&(a, b)| self.blocks[a..b].iter().zip(&self.own[a..b]));
        blocks.flat_map(|(block, own)| {
            (0..block.demand.len())
                .map(|k| [*own, block.demand[k], block.low[k], block.high[k], block.slope[k]])
        })
    }

    /// Everyone at the floor, and the least price that brings them there; a hair more, so that rounding leaves nobody above.
    #[cold]
    fn floor(&self) -> Met {
        let mut floor = Met { price: 0.0, watts: 0.0, infeasible: false };
        for [own, demand, low, high, slope] in self.gpus() {
            let low = low.min(high);
            floor.watts += low;
            let there = if demand > low { (demand - low) / slope * HAIR } else { 0.0 };
            floor.price = floor.price.max(own).max(there);
        }
        floor
    }

    /// The next price above one at which some GPU begins to give way; a hair above, so that it does.
    #[cold]
    fn begins(&self, above: f64) -> f64 {
        let begin = |[own, demand, _, high, slope]: [f64; 5]| ((demand - high) / slope).max(own);
        let next = self.gpus().map(begin).filter(|begin| *begin > above).fold(f64::INFINITY, f64::min);
        next * HAIR
    }
}
