//! The shape of a power tree: which GPUs stand under which branches.
//!
//! Responsible for: blocks of GPUs that share all their branches, the order in which branches are met, who is whose parent.
//! Not for: watts.

use super::kernel::LANES;
use std::cmp::Reverse;

/// A span of indices: first, end.
type Span = (usize, usize);

/// A power tree as the allocation walks it: built once, then only read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    gpus: usize,
    /// Blocks of up to eight GPUs under the same branches: first, count. In order; together all GPUs.
    blocks: Vec<(usize, usize)>,
    /// Innermost branch of each block.
    over_block: Vec<Option<usize>>,
    /// Spans of blocks of each branch: a span of `spans`.
    of_branch: Vec<Span>,
    spans: Vec<Span>,
    parent: Vec<Option<usize>>,
    /// Branches, each after all that are inside it, and neighbours soon after one another, while their GPUs are in the cache.
    order: Vec<usize>,
    /// Any two branches are apart or one inside the other.
    nested: bool,
}

impl Tree {
    /// A tree over `gpus` GPUs from the spans (first, end) of each branch, in any order of branches. A branch with the
    /// same GPUs as another is inside it if it comes later.
    ///
    /// Branches should be apart or one inside the other; where they are not, budgets are kept, but not at the least cost.
    #[must_use]
    pub fn new<'a>(gpus: usize, branches: impl IntoIterator<Item = &'a [Span]>) -> Self {
        let wanted: Vec<Vec<Span>> = branches.into_iter().map(|spans| joined(spans, gpus)).collect();
        let mut tree = Self { gpus, blocks: blocks(gpus, &wanted), nested: true, ..Self::default() };
        for spans in &wanted {
            let first = tree.spans.len();
            let at = |gpu| tree.blocks.partition_point(|block| block.0 < gpu);
            tree.spans.extend(spans.iter().map(|&(a, b)| (at(a), at(b))));
            tree.of_branch.push((first, tree.spans.len()));
        }
        let size: Vec<usize> = wanted.iter().map(|spans| spans.iter().map(|(a, b)| b - a).sum()).collect();
        tree.find_parents(&size);
        tree.order = (0..size.len()).collect();
        let end = |branch: usize| wanted[branch].last().map_or(0, |span| span.1);
        tree.order.sort_unstable_by_key(|&branch| (end(branch), size[branch], Reverse(branch)));
        tree
    }

    /// From the largest branch to the smallest each one takes its blocks over; whose they were is its parent.
    fn find_parents(&mut self, size: &[usize]) {
        self.over_block = vec![None; self.blocks.len()];
        self.parent = vec![None; size.len()];
        let mut falling: Vec<usize> = (0..size.len()).collect();
        falling.sort_by_key(|&branch| Reverse(size[branch]));
        for branch in falling {
            let (first, end) = self.of_branch[branch];
            let mut owners = self.spans[first..end].iter().flat_map(|&(a, b)| &self.over_block[a..b]);
            let parent = owners.next().copied().flatten();
            self.nested &= owners.all(|other| *other == parent);
            self.parent[branch] = parent;
            for &(a, b) in &self.spans[first..end] {
                self.over_block[a..b].fill(Some(branch));
            }
        }
    }

    /// Number of GPUs.
    #[must_use]
    pub fn gpus(&self) -> usize {
        self.gpus
    }

    /// Number of branches.
    #[must_use]
    pub fn branches(&self) -> usize {
        self.parent.len()
    }

    /// Any two branches are apart or one inside the other.
    #[must_use]
    pub fn nested(&self) -> bool {
        self.nested
    }

    /// The smallest branch around a branch.
    #[must_use]
    pub fn parent(&self, branch: usize) -> Option<usize> {
        self.parent[branch]
    }

    /// The smallest branch around a GPU.
    #[must_use]
    pub fn over_gpu(&self, gpu: usize) -> Option<usize> {
        self.over_block[self.blocks.partition_point(|(first, count)| first + count <= gpu)]
    }

    /// Branches in the order in which they are met.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Blocks of GPUs: first, count.
    pub(super) fn blocks(&self) -> &[(usize, usize)] {
        &self.blocks
    }

    /// Innermost branch of a block.
    pub(super) fn over_block(&self, block: usize) -> Option<usize> {
        self.over_block[block]
    }

    /// Spans of the blocks of a branch.
    pub(super) fn blocks_of(&self, branch: usize) -> &[Span] {
        let (first, end) = self.of_branch[branch];
        &self.spans[first..end]
    }
}

/// Cuts GPUs wherever a branch begins or ends, and into eights between.
fn blocks(gpus: usize, branches: &[Vec<Span>]) -> Vec<(usize, usize)> {
    let mut cuts: Vec<usize> =
        branches.iter().flatten().flat_map(|&(a, b)| [a, b]).chain([0, gpus]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let runs = cuts.windows(2).map(|cut| (cut[0], cut[1]));
    runs.flat_map(|(a, b)| (a..b).step_by(LANES).map(move |first| (first, LANES.min(b - first)))).collect()
}

/// Spans in order, those that touch or overlap joined.
fn joined(spans: &[Span], gpus: usize) -> Vec<Span> {
    let mut sorted: Vec<Span> = spans.iter().map(|&(a, b)| (a, b.min(gpus))).filter(|(a, b)| a < b).collect();
    sorted.sort_unstable();
    let mut out: Vec<Span> = Vec::with_capacity(sorted.len());
    for (a, b) in sorted {
        match out.last_mut() {
            Some(last) if a <= last.1 => last.1 = last.1.max(b),
            _ => out.push((a, b)),
        }
    }
    out
}
