//! Exact allocation of watts on a power tree.
//!
//! ```text
//! min  sum_i w_i/2 (d_i - p_i)^2    s.t.  lo_i <= p_i <= hi_i,   sum_{i in g} p_i <= B_g  for every branch g
//! ```
//!
//! Separable over laminar constraints (Hochbaum and Hong, *Math. Prog.* 69, 1995): with mu_g the least price at which g
//! keeps its budget, given the prices inside it, a GPU pays the highest price above it and the optimum is
//!
//! ```text
//! p_i = clamp(d_i - pi_i/w_i, lo_i, hi_i)        pi_i = max(0, mu_g over the branches g above i)
//! nu_g = pi_g - pi_parent(g) >= 0                the multiplier of g's budget: what a watt more of it is worth
//! ```
//!
//! Responsible for: watts and prices, from the innermost branches outwards, in one walk. Not for: what is wanted, and what
//! room there is (`steady`). Where the floors of a branch alone exceed its budget its GPUs stand at their floors and it is
//! named; the rest of the tree is solved as if its budget were that sum.

mod kernel;
mod meet;
mod shape;

pub use shape::Tree;

use kernel::{Block, Eights};
use meet::{Branch, EXACT};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// One solution; the buffers, and the prices to begin with, are kept between solves.
#[derive(Debug, Clone, Default)]
pub struct Allocation {
    /// Watts of each GPU.
    pub watts: Vec<f64>,
    /// Branches whose floors alone exceed the budget, in order.
    pub infeasible: Vec<usize>,
    /// mu of each branch: the least price at which it fits; the next solve begins there.
    price: Vec<f64>,
    /// The GPUs of branches that did not fit.
    blocks: Vec<Block>,
    /// Price of each block so far: the highest of the branches met; zero where none has been.
    block_price: Vec<f64>,
    /// Watts of each branch at the prices inside it.
    carried_w: Vec<f64>,
    arch: Arch,
}

/// What is asked; all columns are of one length, and finite.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// Wanted power, W.
    pub demand_w: &'a [f64],
    /// Floors, W; where one is above its ceiling, the ceiling counts.
    pub low_w: &'a [f64],
    /// Ceilings, W.
    pub high_w: &'a [f64],
    /// Inverse weights 1/w: the smaller, the dearer a watt short; above zero.
    pub slope: &'a [f64],
}

impl<'a> Problem<'a> {
    /// Its columns: demand, floor, ceiling, slope.
    #[inline(always)]
    fn columns(&self) -> [&'a [f64]; 4] {
        [self.demand_w, self.low_w, self.high_w, self.slope]
    }
}

/// A solve in the widest vectors of the processor.
struct Walk<'a, 'p> {
    allocation: &'a mut Allocation,
    tree: &'a Tree,
    room_w: &'a [f64],
    problem: &'a Problem<'p>,
}

impl WithSimd for Walk<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.allocation.walk(simd, self.tree, self.room_w, self.problem);
        self.allocation.write(simd, self.tree);
    }
}

impl Allocation {
    /// Solves for room `B_g - other_g` of each branch, W (infinite: no limit; not a number: none at all).
    ///
    /// Budgets are met within 1e-12 of themselves. Beginning with the prices of the last solve saves time, and changes
    /// watts by no more than that.
    pub fn solve(&mut self, tree: &Tree, room_w: &[f64], problem: &Problem<'_>) {
        debug_assert!(room_w.len() == tree.branches() && problem.demand_w.len() == tree.gpus());
        self.prepare(tree);
        let arch = self.arch;
        arch.dispatch(Walk { allocation: self, tree, room_w, problem });
        self.infeasible.sort_unstable();
    }

    /// Buffers of a tree's size.
    fn prepare(&mut self, tree: &Tree) {
        let blocks = tree.blocks().len();
        self.watts.resize(tree.gpus(), 0.0);
        self.price.resize(tree.branches(), 0.0);
        self.blocks.resize(blocks, Block::default());
        self.infeasible.clear();
        self.block_price.clear();
        self.block_price.resize(blocks, 0.0);
        self.carried_w.clear();
        self.carried_w.resize(tree.branches(), 0.0);
    }

    /// Forgets the prices: the next solve begins from nothing.
    pub fn forget(&mut self) {
        self.price.fill(0.0);
    }

    /// mu of a branch, in watts times weight: the least price at which it fits, given those inside it.
    #[must_use]
    pub fn price(&self, branch: usize) -> f64 {
        self.price[branch]
    }

    /// The multiplier of a branch's budget: by how much the cost would fall with a watt more of it. Zero where another
    /// branch above it is scarcer, or nothing binds.
    #[must_use]
    pub fn shadow(&self, tree: &Tree, branch: usize) -> f64 {
        let mut above: f64 = 0.0;
        let mut next = tree.parent(branch);
        while let Some(parent) = next {
            above = above.max(self.price[parent]);
            next = tree.parent(parent);
        }
        (self.price[branch] - above).max(0.0)
    }

    /// Meets the branches one by one, each after those inside it. Watts are first looked at where a branch needs them.
    #[inline(always)]
    fn walk<S: Simd>(&mut self, simd: S, tree: &Tree, room_w: &[f64], problem: &Problem<'_>) {
        let mut seen = 0;
        for &branch in tree.order() {
            let spans = tree.blocks_of(branch);
            let end = spans.last().map_or(seen, |span| span.1.max(seen));
            self.look(simd, tree, problem, seen..end);
            seen = end;
            let room_w = room_w[branch];
            if !tree.nested() {
                self.carried_w[branch] = self.now(simd, tree, problem, branch).at(0.0).0;
            }
            let mut carried = self.carried_w[branch];
            if room_w == f64::INFINITY || carried <= room_w + EXACT * room_w.abs() {
                self.price[branch] = 0.0;
            } else {
                let room_w = if room_w.is_finite() { room_w } else { f64::MIN };
                carried = self.meet(simd, tree, problem, branch, room_w);
            }
            if let Some(parent) = tree.parent(branch) {
                self.carried_w[parent] += carried;
            }
        }
        self.look(simd, tree, problem, seen..tree.blocks().len());
    }

    /// Watts of some blocks before any price.
    #[inline(always)]
    fn look<S: Simd>(&mut self, simd: S, tree: &Tree, problem: &Problem<'_>, blocks: Range<usize>) {
        let mut spare = Block::default();
        for block in blocks {
            let (first, count) = tree.blocks()[block];
            let out = &mut self.watts[first..first + count];
            let watts = Eights::of(problem, (first, count), &mut spare).put(simd, 0.0, out);
            if let Some(branch) = tree.over_block(block) {
                self.carried_w[branch] += watts;
            }
        }
    }

    /// A branch as it is, with its GPUs at hand.
    #[inline(always)]
    fn now<'a, S: Simd>(
        &'a mut self,
        simd: S,
        tree: &'a Tree,
        problem: &Problem<'_>,
        branch: usize,
    ) -> Branch<'a, S> {
        let spans = tree.blocks_of(branch);
        for &(a, b) in spans {
            let blocks = self.blocks[a..b].iter_mut().zip(&self.block_price[a..b]).zip(&tree.blocks()[a..b]);
            for ((block, price), gpus) in blocks {
                // what has a price has been taken over
                if *price <= 0.0 {
                    block.take(problem, *gpus);
                }
            }
        }
        Branch { simd, spans, blocks: &self.blocks, own: &self.block_price }
    }

    /// Raises the price of a branch's blocks until they fit. Says the watts there.
    #[inline(always)]
    fn meet<S: Simd>(
        &mut self,
        simd: S,
        tree: &Tree,
        problem: &Problem<'_>,
        branch: usize,
        room_w: f64,
    ) -> f64 {
        let last = self.price[branch];
        let met = self.now(simd, tree, problem, branch).meet(room_w, last);
        self.price[branch] = met.price;
        if met.infeasible {
            self.infeasible.push(branch);
        }
        for &(a, b) in tree.blocks_of(branch) {
            for own in &mut self.block_price[a..b] {
                *own = own.max(met.price);
            }
        }
        met.watts
    }

    /// Watts at the prices found.
    #[inline(always)]
    fn write<S: Simd>(&mut self, simd: S, tree: &Tree) {
        let blocks = tree.blocks().iter().zip(self.blocks.iter().zip(&self.block_price));
        for ((first, count), (block, price)) in blocks {
            if *price > 0.0 {
                block.eights().put(simd, *price, &mut self.watts[*first..first + count]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
