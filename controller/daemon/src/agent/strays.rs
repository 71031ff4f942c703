//! GPUs that a former life held and that no node holds now: gone at this start, or no longer in the site file.
//!
//! Responsible for: putting back what was found on them as soon as they answer. Not for: the GPUs of the nodes (`node`),
//! which are restored with their lease.

use super::gpu::{Gpu, Range, Tools};
use super::node::{Node, restore};
use headroom_drivers::nvml::persist::Ownership;

/// They are looked for this often, ns: asking a driver for a GPU it has not may take long.
pub(super) const PERIOD_NS: u64 = 10_000_000_000;

/// What is noted on disk beside the GPUs of the nodes.
pub(super) struct Strays {
    gpus: Vec<Gpu>,
    sought_ns: Option<u64>,
}

impl Strays {
    /// What is noted and in none of these nodes.
    pub(super) fn of(owner: &Ownership, nodes: &[Node]) -> Self {
        let held = |uuid: &&str| nodes.iter().any(|node| node.has(uuid));
        let gpus = owner.owned().filter(|uuid| !held(uuid));
        Self {
            gpus: gpus.map(|uuid| Gpu::new(uuid, usize::MAX, Range::default())).collect(),
            sought_ns: None,
        }
    }

    /// Puts back what was found on those that are there.
    pub(super) fn tend(&mut self, now_ns: u64, tools: &mut Tools<'_>) {
        let wait = self.sought_ns.is_some_and(|at| now_ns.saturating_sub(at) < PERIOD_NS);
        if self.gpus.is_empty() || wait {
            return;
        }
        self.sought_ns = Some(now_ns);
        for gpu in &self.gpus {
            tools.host.meet(&gpu.uuid);
        }
        if let Err(fault) = restore(&mut self.gpus, |_, _| true, tools) {
            tracing::warn!(%fault, "the limits found on GPUs that no node holds are not back yet");
        }
        self.gpus.retain(|gpu| tools.owner.found(&gpu.uuid).is_some());
    }
}
