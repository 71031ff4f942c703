//! Where jobs go.
//!
//! Responsible for: which GPUs are free, and which of them a job gets.
//! Not for: when jobs come and go (see `schedule`).

use std::ops::Range;

use super::super::GPUS_PER_NODE;

/// How a job is laid out. Jobs of less than a node share nodes; larger ones have whole nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// Side by side: the smallest gap that holds the job, else the lowest free nodes.
    #[default]
    Packed,
    /// One node in each rack by turn, emptiest racks first.
    Spread,
    /// In as few racks as possible.
    Rack,
    /// In as few cooling loops (CDUs) as possible.
    Cdu,
}

impl Placement {
    /// The policy of a name: `packed`, `spread`, `rack` or `cdu`.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "packed" => Some(Self::Packed),
            "spread" => Some(Self::Spread),
            "rack" => Some(Self::Rack),
            "cdu" => Some(Self::Cdu),
            _ => None,
        }
    }
}

/// How nodes hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Nodes of a rack.
    pub nodes_per_rack: usize,
    /// Racks of a cooling loop.
    pub racks_per_cdu: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Self { nodes_per_rack: 4, racks_per_cdu: 4 }
    }
}

/// The free GPUs of a fleet: one bit per GPU, one byte per node.
#[derive(Debug, Clone)]
pub(super) struct Free {
    nodes: Vec<u8>,
    layout: Layout,
}

impl Free {
    pub(super) fn new(gpus: usize, layout: Layout) -> Self {
        let mask = |node: usize| {
            let there = (gpus - node * GPUS_PER_NODE).min(GPUS_PER_NODE);
            ((1u16 << there) - 1) as u8
        };
        Self { nodes: (0..gpus.div_ceil(GPUS_PER_NODE)).map(mask).collect(), layout }
    }

    pub(super) fn gpus(&self) -> usize {
        self.nodes.iter().map(|mask| mask.count_ones() as usize).sum()
    }

    /// Marks GPUs as free or held.
    pub(super) fn set(&mut self, blocks: &[Range<usize>], free: bool) {
        for gpu in blocks.iter().cloned().flatten() {
            let bit = 1u8 << (gpu % GPUS_PER_NODE);
            let node = &mut self.nodes[gpu / GPUS_PER_NODE];
            *node = if free { *node | bit } else { *node & !bit };
        }
    }

    /// GPUs for a job, now held; `None` if there are not enough.
    pub(super) fn take(&mut self, gpus: usize, placement: Placement) -> Option<Vec<Range<usize>>> {
        let blocks = if gpus < GPUS_PER_NODE {
            vec![self.slot(gpus.next_power_of_two(), gpus, placement)?]
        } else {
            let count = gpus.div_ceil(GPUS_PER_NODE);
            let nodes = match placement {
                Placement::Packed => self.packed(count)?,
                Placement::Spread => self.spread(count)?,
                Placement::Rack => self.domains(count, self.layout.nodes_per_rack)?,
                Placement::Cdu => {
                    self.domains(count, self.layout.nodes_per_rack * self.layout.racks_per_cdu)?
                }
            };
            merge(nodes)
        };
        self.set(&blocks, false);
        Some(blocks)
    }

    /// An aligned slot in a shared node: in the fullest node that has one, or the emptiest for a spread.
    fn slot(&self, width: usize, gpus: usize, placement: Placement) -> Option<Range<usize>> {
        let mask = ((1u16 << width) - 1) as u8;
        let place = |free: u8| (0..GPUS_PER_NODE).step_by(width).find(|at| free >> at & mask == mask);
        let fits = self.nodes.iter().enumerate().filter_map(|(node, free)| {
            place(*free).map(|at| (free.count_ones(), node, node * GPUS_PER_NODE + at))
        });
        let (_, _, start) = match placement {
            Placement::Spread => fits.max_by_key(|(free, node, _)| (*free, usize::MAX - node)),
            _ => fits.min_by_key(|(free, node, _)| (*free, *node)),
        }?;
        Some(start..start + gpus)
    }

    fn empty(&self) -> impl Iterator<Item = usize> + '_ {
        self.nodes.iter().enumerate().filter(|(_, free)| **free == u8::MAX).map(|(node, _)| node)
    }

    fn packed(&self, count: usize) -> Option<Vec<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for node in self.empty() {
            match runs.last_mut() {
                Some(run) if run.end == node => run.end += 1,
                _ => runs.push(node..node + 1),
            }
        }
        let best = runs.iter().filter(|run| run.len() >= count).min_by_key(|run| (run.len(), run.start));
        if let Some(run) = best {
            return Some((run.start..run.start + count).collect());
        }
        let nodes: Vec<usize> = self.empty().take(count).collect();
        (nodes.len() == count).then_some(nodes)
    }

    /// Free nodes by domain of `size` nodes.
    fn by_domain(&self, size: usize) -> Vec<Vec<usize>> {
        let mut domains = vec![Vec::new(); self.nodes.len().div_ceil(size.max(1))];
        for node in self.empty() {
            domains[node / size.max(1)].push(node);
        }
        domains
    }

    fn spread(&self, count: usize) -> Option<Vec<usize>> {
        let mut racks = self.by_domain(self.layout.nodes_per_rack);
        racks.sort_by_key(|nodes| (usize::MAX - nodes.len(), nodes.first().copied()));
        let mut nodes = Vec::with_capacity(count);
        for round in 0..self.layout.nodes_per_rack {
            nodes.extend(racks.iter().filter_map(|rack| rack.get(round)).take(count - nodes.len()));
        }
        (nodes.len() == count).then_some(nodes)
    }

    /// As few domains as possible: the fullest one that holds the job, else the emptiest ones.
    fn domains(&self, count: usize, size: usize) -> Option<Vec<usize>> {
        let mut domains = self.by_domain(size);
        let whole = domains.iter().filter(|nodes| nodes.len() >= count);
        if let Some(nodes) = whole.min_by_key(|nodes| (nodes.len(), nodes.first().copied())) {
            return Some(nodes[..count].to_vec());
        }
        domains.sort_by_key(|nodes| (usize::MAX - nodes.len(), nodes.first().copied()));
        let nodes: Vec<usize> = domains.into_iter().flatten().take(count).collect();
        (nodes.len() == count).then_some(nodes)
    }
}

/// Nodes as disjoint ranges of GPUs, in order.
fn merge(mut nodes: Vec<usize>) -> Vec<Range<usize>> {
    nodes.sort_unstable();
    let mut blocks: Vec<Range<usize>> = Vec::new();
    for node in nodes {
        let gpus = node * GPUS_PER_NODE..(node + 1) * GPUS_PER_NODE;
        match blocks.last_mut() {
            Some(block) if block.end == gpus.start => block.end = gpus.end,
            _ => blocks.push(gpus),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(block: Range<usize>) -> Option<Vec<Range<usize>>> {
        Some(std::iter::once(block).collect())
    }

    #[test]
    fn policies_place_as_they_say() {
        let racks = |blocks: &[Range<usize>]| {
            let mut racks: Vec<usize> = blocks.iter().cloned().flatten().map(|gpu| gpu / 32).collect();
            racks.dedup();
            racks
        };
        let mut free = Free::new(512, Layout::default());
        assert_eq!(free.take(64, Placement::Packed), alone(0..64));
        assert_eq!(racks(&free.take(64, Placement::Spread).unwrap()).len(), 8);
        // Racks 0 and 1 were filled, eight others have a gap.
        let near = free.take(24, Placement::Rack).unwrap();
        assert_eq!(racks(&near), [2], "the fullest rack that holds it");
        let loops = free.take(128, Placement::Cdu).unwrap();
        let cdus: Vec<usize> = racks(&loops).iter().map(|rack| rack / 4).collect();
        assert!(cdus.iter().all(|cdu| *cdu == cdus[0]), "{loops:?}");
        assert_eq!(free.gpus(), 512 - 64 - 64 - 24 - 128);
        assert!(free.take(512, Placement::Packed).is_none());
        free.set(&loops, true);
        assert_eq!(free.take(128, Placement::Cdu), Some(loops));
    }

    #[test]
    fn small_jobs_share_nodes() {
        let mut free = Free::new(20, Layout::default());
        assert_eq!(free.take(2, Placement::Packed), alone(16..18), "the partial node is the fullest");
        assert_eq!(free.take(4, Placement::Packed), alone(0..4));
        assert_eq!(free.take(3, Placement::Packed), alone(4..7));
        assert_eq!(free.take(1, Placement::Spread), alone(8..9));
        assert_eq!(free.take(8, Placement::Packed), None);
        assert_eq!(free.gpus(), 20 - 10);
    }
}
