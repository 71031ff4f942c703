//! Violations: how much, for how long, a limit was crossed.
//!
//! Responsible for: limits on temperature, power, flow, dew point and rate of change, on the truth.
//! Not for: deciding what a strategy may do.
//!
//! | field | limit |
//! | --- | --- |
//! | `temperature_k_s` | die and HBM over their maximum, rack coolant above 45 C, rack air above 32 C (ASHRAE A1) |
//! | `budget_w_s` | any branch of the power tree over its budget, the feed over a binding import limit; means of 5 s (of a step where steps are longer) |
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
/// Hottest cold aisle that the operator wants, C: the limit in the site file that the controller is given. ASHRAE TC 9.9
/// recommends 27; the rest up to the allowable is for minutes without fans, so crossing it is no violation, but nobody who
/// keeps to the site file runs there.
pub const SITE_AIR_C: f64 = 28.0;
/// Least distance of technology supply over the hall's dew point, K.
const DEW_POINT_K: f64 = 1.0;
/// Largest change within the window, K.
const RAMP_K: f64 = 5.0;
/// Window of the rate of change, min.
const RAMP_MIN: usize = 15;
/// Window of a budget, s.
const BUDGET_S: f64 = 5.0;
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
    low: f64,
    high: f64,
}

impl Range {
    fn new(value: f64) -> Self {
        Self { minutes: [value; RAMP_MIN], next: 0, low: value, high: value }
    }

    fn keep(&mut self, value: f64) {
        self.minutes[self.next] = value;
        self.next = (self.next + 1) % RAMP_MIN;
        self.low = self.minutes.iter().copied().fold(f64::INFINITY, f64::min);
        self.high = self.minutes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    }

    fn exceeds(&self, value: f64) -> bool {
        value - self.low > RAMP_K || self.high - value > RAMP_K
    }
}

/// Means of branch powers over the budget window, for steps of any length.
#[derive(Debug, Clone)]
struct Means {
    /// One row of powers per step of the window.
    rows: Vec<f64>,
    /// Sum of the rows.
    sums: Vec<f64>,
    steps: usize,
    row: usize,
    dt_s: f64,
}

impl Means {
    /// A window full of the present powers.
    fn new(world: &World, dt_s: f64) -> Self {
        let steps = (BUDGET_S / dt_s).round().max(1.0) as usize;
        let now: Vec<f64> = world.tree.branches.iter().map(|b| b.power_w).collect();
        let sums = now.iter().map(|w| w * steps as f64).collect();
        Self { rows: now.repeat(steps), sums, steps, row: 0, dt_s }
    }

    /// Takes the powers of a step.
    fn push(&mut self, world: &World, dt_s: f64) {
        if dt_s.to_bits() != self.dt_s.to_bits() {
            *self = Self::new(world, dt_s);
        }
        let n = self.sums.len();
        let row = &mut self.rows[self.row * n..(self.row + 1) * n];
        for ((old, sum), branch) in row.iter_mut().zip(&mut self.sums).zip(&world.tree.branches) {
            *sum += branch.power_w - *old;
            *old = branch.power_w;
        }
        self.row = (self.row + 1) % self.steps;
        if self.row == 0 {
            // sums anew, so that rounding does not add up
            for (branch, sum) in self.sums.iter_mut().enumerate() {
                *sum = self.rows.iter().skip(branch).step_by(n).sum();
            }
        }
    }

    fn mean_w(&self, branch: usize) -> f64 {
        self.sums[branch] / self.steps as f64
    }
}

/// What is needed to judge a step.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Violations since the start.
    pub violations: Violations,
    /// Kelvin-seconds of the cold aisle over the operator's own limit.
    pub over_site_air_k_s: f64,
    means: Means,
    ranges: Vec<Range>,
    minute_s: f64,
    /// Limits of GPUs with the same ones, in order: end of the range, die, HBM.
    limits: Vec<(usize, f32, f32)>,
}

fn ramped(world: &World) -> impl Iterator<Item = f64> + '_ {
    world.facility().cdus.iter().map(|c| c.supply_c()).chain([world.facility().hall.cold_c])
}

/// Runs of GPUs with equal limits.
fn limits(world: &World) -> Vec<(usize, f32, f32)> {
    let mut runs: Vec<(usize, f32, f32)> = Vec::new();
    for gpu in 0..world.fleet.len() {
        let sku = world.fleet.sku(gpu);
        let (die, hbm) = (sku.max_operating_c as f32, sku.hbm_max_c as f32);
        match runs.last_mut() {
            Some(last) if last.1.to_bits() == die.to_bits() && last.2.to_bits() == hbm.to_bits() => {
                last.0 = gpu + 1;
            }
            _ => runs.push((gpu + 1, die, hbm)),
        }
    }
    runs
}

/// Sum of what exceeds a limit, in lanes, so that it costs a fraction of a nanosecond per GPU.
fn excess(values: &[f32], limit: f32) -> f64 {
    let mut lanes = [0.0_f32; 8];
    let (blocks, rest) = values.as_chunks::<8>();
    for block in blocks {
        for (lane, value) in lanes.iter_mut().zip(block) {
            *lane += (value - limit).max(0.0);
        }
    }
    let rest: f32 = rest.iter().map(|value| (value - limit).max(0.0)).sum();
    f64::from(lanes.iter().sum::<f32>() + rest)
}

impl Watch {
    /// Judges a world from now on.
    #[must_use]
    pub fn new(world: &World) -> Self {
        Self {
            violations: Violations::default(),
            over_site_air_k_s: 0.0,
            means: Means::new(world, world.config().dt_s),
            ranges: ramped(world).map(Range::new).collect(),
            minute_s: 0.0,
            limits: limits(world),
        }
    }

    /// Takes a step of so many seconds that the world has just made.
    pub fn observe(&mut self, world: &World, dt_s: f64) {
        self.temperatures(world, dt_s);
        self.budgets(world, dt_s);
        self.water(world, dt_s);
        self.ramps(world, dt_s);
    }

    fn temperatures(&mut self, world: &World, dt_s: f64) {
        let (mut over, mut start) = (0.0, 0);
        let fleet = &world.fleet;
        for &(end, die_max, hbm_max) in &self.limits {
            over += excess(&fleet.die_c[start..end], die_max) + excess(&fleet.hbm_c[start..end], hbm_max);
            start = end;
        }
        let cold_c = world.facility().hall.cold_c;
        self.over_site_air_k_s += (cold_c - SITE_AIR_C).max(0.0) * dt_s;
        let air = cold_c - RACK_AIR_C;
        let racks: f64 = (0..world.places.racks)
            .map(|r| (world.facility().rack(r).supply_c() - RACK_COOLANT_C).max(0.0))
            .sum();
        self.violations.temperature_k_s += (over + air.max(0.0) + racks) * dt_s;
    }

    fn budgets(&mut self, world: &World, dt_s: f64) {
        self.means.push(world, dt_s);
        let binding = world.curtailment().filter(|c| c.binding).map(|c| c.limit_w);
        for (n, branch) in world.tree.branches.iter().enumerate() {
            let limit_w = match binding {
                Some(limit_w) if n == FEED => limit_w.min(branch.budget_w),
                _ => branch.budget_w,
            };
            self.violations.budget_w_s += (self.means.mean_w(n) - limit_w).max(0.0) * dt_s;
        }
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
