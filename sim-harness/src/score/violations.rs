//! Violations: how much, for how long, a limit was crossed.
//!
//! Responsible for: limits on temperature, power, flow, dew point and rate of change, on the truth.
//! Not for: deciding what a strategy may do.
//!
//! | field | limit |
//! | --- | --- |
//! | `temperature_k_s` | die and HBM over their maximum, rack coolant above 45 C, rack air above 32 C (ASHRAE A1) |
//! | `budget_w_s` | any branch of the power tree over its budget, the feed over a binding import limit; means of 5 s |
//! | `flow_s` | a powered rack below the minimum-flow table, rack-seconds |
//! | `dew_point_s` | technology supply below hall dew point + 1 K, CDU-seconds |
//! | `ramp_s` | technology supply or rack air moving more than 5 K within 15 min (ASHRAE TC 9.9), seconds each |

use crate::world::World;
use crate::world::tree::FEED;
use headroom_truth::facility::spec::min_flow_lpm;
use serde::{Deserialize, Serialize};

/// Hottest rack coolant, C.
const RACK_COOLANT_C: f64 = 45.0;
/// Hottest rack inlet air, C.
const RACK_AIR_C: f64 = 32.0;
/// Least distance of technology supply over the hall's dew point, K.
const DEW_POINT_K: f64 = 1.0;
/// Largest change within the window, K.
const RAMP_K: f64 = 5.0;
/// Window of the rate of change, min.
const RAMP_MIN: usize = 15;
/// Window of a budget, s.
const BUDGET_S: usize = 5;
/// A rack below this share of its nameplate is not loaded.
const POWERED_SHARE: f64 = 0.2;

/// Violations of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Violations {
    /// Kelvin-seconds over temperature limits.
    pub temperature_k_s: f64,
    /// Watt-seconds over budgets.
    pub budget_w_s: f64,
    /// Rack-seconds below the minimum flow.
    pub flow_s: f64,
    /// CDU-seconds too close to the dew point.
    pub dew_point_s: f64,
    /// Seconds of too fast a change.
    pub ramp_s: f64,
}

/// Minutes of a temperature, for its range within the window.
#[derive(Debug, Clone)]
struct Range {
    minutes: [f64; RAMP_MIN],
    next: usize,
}

impl Range {
    fn new(value: f64) -> Self {
        Self { minutes: [value; RAMP_MIN], next: 0 }
    }

    fn keep(&mut self, value: f64) {
        self.minutes[self.next] = value;
        self.next = (self.next + 1) % RAMP_MIN;
    }

    fn exceeds(&self, value: f64) -> bool {
        self.minutes.iter().any(|m| (value - m).abs() > RAMP_K)
    }
}

/// What is needed to judge a step.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    pub violations: Violations,
    /// Last powers of each branch, one column per step of the budget window.
    powers: Vec<[f64; BUDGET_S]>,
    column: usize,
    ranges: Vec<Range>,
    minute_s: f64,
    /// Limits of every GPU: die, HBM.
    limits: Vec<(f32, f32)>,
}

fn ramped(world: &World) -> impl Iterator<Item = f64> + '_ {
    world.facility().cdus.iter().map(|c| c.supply_c()).chain([world.facility().hall.cold_c])
}

impl Watch {
    pub(super) fn new(world: &World) -> Self {
        let limit = |gpu| {
            let sku = world.fleet.sku(gpu);
            (sku.max_operating_c as f32, sku.hbm_max_c as f32)
        };
        Self {
            violations: Violations::default(),
            powers: world.tree.branches.iter().map(|b| [b.power_w; BUDGET_S]).collect(),
            column: 0,
            ranges: ramped(world).map(Range::new).collect(),
            minute_s: 0.0,
            limits: (0..world.fleet.len()).map(limit).collect(),
        }
    }

    pub(super) fn observe(&mut self, world: &World, dt_s: f64) {
        self.temperatures(world, dt_s);
        self.budgets(world, dt_s);
        self.water(world, dt_s);
        self.ramps(world, dt_s);
    }

    fn temperatures(&mut self, world: &World, dt_s: f64) {
        let mut over = 0.0_f32;
        let fleet = &world.fleet;
        for ((die, hbm), (die_max, hbm_max)) in fleet.die_c.iter().zip(&fleet.hbm_c).zip(&self.limits) {
            over += (die - die_max).max(0.0) + (hbm - hbm_max).max(0.0);
        }
        let air = world.facility().hall.cold_c - RACK_AIR_C;
        let racks: f64 = (0..world.places.racks)
            .map(|r| (world.facility().rack(r).supply_c() - RACK_COOLANT_C).max(0.0))
            .sum();
        self.violations.temperature_k_s += (f64::from(over) + air.max(0.0) + racks) * dt_s;
    }

    fn budgets(&mut self, world: &World, dt_s: f64) {
        let binding = world.curtailment().filter(|c| c.binding).map(|c| c.limit_w);
        for (n, (branch, window)) in world.tree.branches.iter().zip(&mut self.powers).enumerate() {
            window[self.column] = branch.power_w;
            let mean_w = window.iter().sum::<f64>() / BUDGET_S as f64;
            let limit_w = match binding {
                Some(limit_w) if n == FEED => limit_w.min(branch.budget_w),
                _ => branch.budget_w,
            };
            self.violations.budget_w_s += (mean_w - limit_w).max(0.0) * dt_s;
        }
        self.column = (self.column + 1) % BUDGET_S;
    }

    fn water(&mut self, world: &World, dt_s: f64) {
        let facility = world.facility();
        for rack in 0..world.places.racks {
            let water = facility.rack(rack);
            let powered_w = POWERED_SHARE * facility.spec.racks[rack].peak_w;
            let needed = min_flow_lpm(water.supply_c(), world.rack_liquid_w(rack) / 1000.0);
            if world.rack_power_w(rack) > powered_w && water.flow_lpm < needed {
                self.violations.flow_s += dt_s;
            }
        }
        let least_c = facility.hall.dew_point_c + DEW_POINT_K;
        let wet = facility.cdus.iter().filter(|c| c.supply_c() < least_c).count();
        self.violations.dew_point_s += wet as f64 * dt_s;
    }

    fn ramps(&mut self, world: &World, dt_s: f64) {
        self.minute_s += dt_s;
        let keep = self.minute_s >= 60.0;
        if keep {
            self.minute_s -= 60.0;
        }
        for (range, value) in self.ranges.iter_mut().zip(ramped(world)) {
            if range.exceeds(value) {
                self.violations.ramp_s += dt_s;
            }
            if keep {
                range.keep(value);
            }
        }
    }
}
