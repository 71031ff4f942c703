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

use super::Strategy;
use super::meters::{gpus_w, import_cut_w, release, shown_w};
use crate::world::World;
use crate::world::signal::Signal;

/// Share of a limit that the runbook aims at.
pub(super) const MARGIN: f64 = 0.97;
/// Time between two looks, s.
const PERIOD_S: f64 = 60.0;
/// Time that operators take to react to a new limit, s.
pub(super) const REACTION_S: f64 = 20.0;

/// The baseline strategy.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    capped: bool,
    due_s: Option<f64>,
}

/// The one cap for all GPUs that an operator works out from the meters, W.
pub(super) fn runbook_cap_w(world: &World, limit_w: f64) -> Option<f64> {
    let others_w = shown_w(world, Signal::Feed)? - gpus_w(world);
    Some((MARGIN * limit_w - others_w) / world.fleet.len() as f64)
}

impl Baseline {
    /// Nothing capped.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Acts before a step of the world, by what the meters show.
    pub fn act(&mut self, world: &mut World) {
        if world.curtailment().is_none() && !self.capped && self.due_s.is_none() {
            return;
        }
        let Some(limit_w) = import_cut_w(world) else {
            self.due_s = None;
            if std::mem::take(&mut self.capped) {
                release(world);
            }
            return;
        };
        let now_s = world.elapsed_s();
        let due_s = *self.due_s.get_or_insert(now_s + REACTION_S);
        if now_s < due_s {
            return;
        }
        let Some(cap_w) = runbook_cap_w(world, limit_w) else { return };
        self.due_s = Some(now_s + PERIOD_S);
        self.capped = true;
        (0..world.fleet.len()).for_each(|gpu| world.set_cap(gpu, cap_w));
    }
}

impl Strategy for Baseline {
    fn name(&self) -> &'static str {
        "baseline"
    }

    fn act(&mut self, world: &mut World) {
        Self::act(self, world);
    }
}
