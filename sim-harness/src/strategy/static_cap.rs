//! One cap for every GPU, worked out once from budgets and nameplates.
//!
//! Responsible for: the highest uniform cap at which no branch of the power tree can exceed its budget, whatever runs.
//! Not for: the cooling plant, which stays on its own BMS.
//!
//! With every GPU at cap `c` and everything else at nameplate:
//!
//! ```text
//! rack     R(c) = nameplate - sum over its GPUs (TDP - min(c, TDP))
//! busway   1.006 sum R(c)                                busway loss at rating
//! UPS      1.050 (sum busways + 0.03 sum nameplate)      its loss at a quarter load; CDU pumps and hall fans
//! feed     1.010 (UPS + mechanical panel)                transformer
//! ```
//! The mechanical panel counts with its budget. While the grid limits the import, the feed's budget is 0.97 of that
//! limit and the panel counts with what its meter shows and a tenth, as nameplates would leave the GPUs nothing.
//! Operators need 20 s to enter a new value.

use super::Strategy;
use super::baseline::{MARGIN, REACTION_S};
use super::meters::{import_cut_w, mechanical_budget_w, rack_nameplates_w, shown_w};
use crate::world::World;
use crate::world::signal::Signal;
use crate::world::tree::{FEED, UPS};

/// Input over output of a busway at its rating.
const BUSWAY: f64 = 1.006;
/// Input over output of a UPS at a quarter load.
const UPS_RATIO: f64 = 1.05;
/// Input over output of a transformer.
const TRANSFORMER: f64 = 1.01;
/// CDU pumps and hall fans over rack nameplates.
const CRITICAL_SHARE: f64 = 0.03;
/// Reserve on the mechanical meter.
const METERED: f64 = 1.10;
/// Halvings of the range of caps: below 0.1 W.
const HALVINGS: usize = 14;

/// The strategy.
#[derive(Debug, Clone, Default)]
pub struct StaticCap {
    /// Cap in force for the limit in force, W.
    cap_w: Option<f64>,
    /// Import limit for which it was worked out, W.
    limit_w: Option<f64>,
    due_s: Option<f64>,
}

/// True if every branch keeps its budget with every GPU at `cap_w`.
fn fits(world: &World, nameplate_w: &[f64], cap_w: f64, feed_w: f64, mechanical_w: f64) -> bool {
    let (tree, places, fleet) = (&world.tree, &world.places, &world.fleet);
    let rack_w = |rack: usize| {
        let below = |g: usize| (fleet.sku(g).tdp_w - cap_w.max(fleet.sku(g).cap_min_w)).max(0.0);
        nameplate_w[rack] - places.gpus_of_rack(rack).map(below).sum::<f64>()
    };
    let mut ups_w = CRITICAL_SHARE * nameplate_w.iter().sum::<f64>();
    for row in 0..places.rows {
        let mut busway_w = 0.0;
        for rack in places.racks_of_row(row) {
            let power_w = rack_w(rack);
            if power_w > tree.branches[tree.rack(rack)].budget_w {
                return false;
            }
            busway_w += BUSWAY * power_w;
        }
        if busway_w > tree.branches[tree.busway(row)].budget_w {
            return false;
        }
        ups_w += busway_w;
    }
    ups_w *= UPS_RATIO;
    ups_w <= tree.branches[UPS].budget_w && TRANSFORMER * (ups_w + mechanical_w) <= feed_w
}

/// The highest cap that fits, W; the least cap there is where none does.
fn highest_cap_w(world: &World, feed_w: f64, mechanical_w: f64) -> f64 {
    let nameplate_w = rack_nameplates_w(world);
    let skus = (0..world.fleet.len()).map(|g| world.fleet.sku(g));
    let (mut low, mut high) = skus
        .fold((f64::INFINITY, 0.0_f64), |(low, high), sku| (low.min(sku.cap_min_w), high.max(sku.cap_max_w)));
    if fits(world, &nameplate_w, high, feed_w, mechanical_w) {
        return high;
    }
    for _ in 0..HALVINGS {
        let mid = 0.5 * (low + high);
        if fits(world, &nameplate_w, mid, feed_w, mechanical_w) { low = mid } else { high = mid }
    }
    low
}

impl StaticCap {
    /// Nothing worked out yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The cap last set, W.
    #[must_use]
    pub fn cap_w(&self) -> Option<f64> {
        self.cap_w
    }

    fn set(&mut self, world: &mut World, limit_w: Option<f64>) {
        let planned_w = mechanical_budget_w(world);
        let (feed_w, mechanical_w) = match limit_w {
            None => (world.tree.branches[FEED].budget_w, planned_w),
            Some(limit_w) => {
                let shown = shown_w(world, Signal::Mechanical);
                (MARGIN * limit_w, shown.map_or(planned_w, |w| (METERED * w).min(planned_w)))
            }
        };
        let cap_w = highest_cap_w(world, feed_w, mechanical_w);
        (self.cap_w, self.limit_w, self.due_s) = (Some(cap_w), limit_w, None);
        (0..world.fleet.len()).for_each(|gpu| world.set_cap(gpu, cap_w));
    }
}

impl Strategy for StaticCap {
    fn name(&self) -> &'static str {
        "static-cap"
    }

    fn act(&mut self, world: &mut World) {
        if self.cap_w.is_none() {
            self.set(world, None);
        }
        if world.curtailment().is_none() && self.limit_w.is_none() {
            self.due_s = None;
            return;
        }
        let limit_w = import_cut_w(world);
        if limit_w == self.limit_w {
            return;
        }
        let now_s = world.elapsed_s();
        let due_s = *self.due_s.get_or_insert(now_s + if limit_w.is_some() { REACTION_S } else { 0.0 });
        if now_s >= due_s {
            self.set(world, limit_w);
        }
    }
}
