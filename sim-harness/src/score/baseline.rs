//! The baseline: the plant on its own BMS, GPUs at their default caps, and the runbook for a curtailment.
//!
//! Responsible for: what a site does today when nobody optimises. Not for: anything cleverer.
//!
//! Runbook, once a minute while an import limit below the feed's budget is shown:
//!
//! ```text
//! cap = (0.97 limit - (feed - sum of GPU powers)) / number of GPUs      the same for every GPU
//! ```
//! The margin covers meter error and what the loops do meanwhile. When the limit goes, so do the caps.

use crate::world::World;
use crate::world::signal::Signal;
use crate::world::tree::FEED;

/// Share of the limit that the runbook aims at.
const MARGIN: f64 = 0.97;
/// Time between two looks, s.
const PERIOD_S: f64 = 60.0;
/// Time that operators take to react to a new limit, s.
const REACTION_S: f64 = 20.0;

/// The baseline strategy.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    capped: bool,
    due_s: Option<f64>,
}

impl Baseline {
    /// Nothing capped.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Acts before a step of the world, by what the meters show.
    pub fn act(&mut self, world: &mut World) {
        let shown =
            |world: &World, signal| world.points().find(signal).map(|p| world.image.values[p] * 1000.0);
        if world.curtailment().is_none() && !self.capped && self.due_s.is_none() {
            return;
        }
        let Some(limit_w) = shown(world, Signal::ImportLimit) else { return };
        let Some(feed_w) = shown(world, Signal::Feed) else { return };
        if limit_w > world.tree.branches[FEED].budget_w - 100.0 {
            self.release(world);
            return;
        }
        let now_s = world.elapsed_s();
        let due_s = *self.due_s.get_or_insert(now_s + REACTION_S);
        if now_s < due_s {
            return;
        }
        self.due_s = Some(now_s + PERIOD_S);
        self.capped = true;
        let gpus = world.fleet.len();
        let others_w = feed_w - world.gpu_power_w();
        let cap_w = (MARGIN * limit_w - others_w) / gpus as f64;
        (0..gpus).for_each(|gpu| world.set_cap(gpu, cap_w));
    }

    fn release(&mut self, world: &mut World) {
        self.due_s = None;
        if std::mem::take(&mut self.capped) {
            for gpu in 0..world.fleet.len() {
                let default_w = world.fleet.sku(gpu).tdp_w;
                world.set_cap(gpu, default_w);
            }
        }
    }
}
