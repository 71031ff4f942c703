//! Scores: what a strategy cost, what it delivered, what it violated. All on the truth, none on sensors.
//!
//! Responsible for: accumulating over a run and the score file's fields. Not for: running strategies.
//!
//! Energies are integrals of true powers. `loss_kwh` is everything that is neither IT nor cooling: power path,
//! lights, controls. Clock consistency is the coefficient of variation of the SM clock over the GPUs of a job,
//! averaged over jobs and time: training jobs while they compute, serving jobs always. `floor_kwh` is the physical
//! floor under the loads of the run ([`Floor`]); goodput is tokens less those that restarts threw away.
//!
//! Observing a step costs well below 10 ns per GPU, and means the same for steps from 0.01 s to 10 s.

mod floor;
mod join;
mod violations;

pub use crate::strategy::Baseline;
pub use floor::{Floor, FloorPower};
pub use violations::{SITE_AIR_C, Violations, Watch};

use crate::world::World;
use headroom_truth::gpu::Throttle;
use headroom_truth::work::Phase;
use serde::{Deserialize, Serialize};

/// Prices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prices {
    /// Electricity, per kWh.
    pub electricity_per_kwh: f64,
    /// Water evaporated, per m3.
    pub water_per_m3: f64,
    /// Revenue of a million tokens; lowers the cost.
    pub tokens_per_million: f64,
}

impl Default for Prices {
    /// Electricity and water as a large user pays them; tokens are not priced.
    fn default() -> Self {
        Self { electricity_per_kwh: 0.09, water_per_m3: 2.5, tokens_per_million: 0.0 }
    }
}

/// Throttled time by reason, GPU-seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Throttled {
    /// Software power cap.
    pub sw_power_cap: f64,
    /// Software thermal slowdown.
    pub sw_thermal: f64,
    /// Hardware thermal slowdown.
    pub hw_thermal: f64,
    /// Power brake.
    pub power_brake: f64,
    /// Hardware slowdown of any kind.
    pub hw_slowdown: f64,
}

/// Score of one strategy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StrategyScore {
    /// Energy of the whole site, kWh.
    pub facility_kwh: f64,
    /// Energy of the racks, kWh.
    pub it_kwh: f64,
    /// Energy of compressors, pumps and fans, kWh.
    pub cooling_kwh: f64,
    /// Energy of everything else, kWh.
    pub loss_kwh: f64,
    /// Facility energy over IT energy.
    pub pue: f64,
    /// Tokens learnt and generated.
    pub tokens: f64,
    /// Facility energy per token, J.
    pub joules_per_token: f64,
    /// Mean coefficient of variation of the SM clock inside a job.
    pub clock_cv_in_job: f64,
    /// Throttled time by reason.
    pub throttled_gpu_s: Throttled,
    /// Violations.
    pub violations: Violations,
    /// Mean technology supply temperature over time and CDUs, C.
    pub supply_temperature_mean_degc: f64,
    /// Movement of all temperature setpoints in force, K.
    pub setpoint_travel: f64,
    /// Cost at the prices given.
    pub cost: f64,
    /// Water evaporated, m3.
    #[serde(default)]
    pub water_m3: f64,
    /// Carbon of the electricity, kg, where its intensity was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carbon_kg: Option<f64>,
    /// Physical floor of the facility energy under this run's loads, kWh.
    #[serde(default)]
    pub floor_kwh: f64,
    /// Tokens less those thrown away by restarts, per s.
    #[serde(default)]
    pub goodput_tokens_per_s: f64,
    /// Mean time to the first token over all requests started, s; absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_mean_s: Option<f64>,
    /// Requests refused because queues were full.
    #[serde(default)]
    pub requests_refused: u64,
}

/// Work done so far.
#[derive(Debug, Clone, Copy, Default)]
struct Work {
    tokens: f64,
    lost: f64,
    started: u64,
    first_token_s: f64,
    refused: u64,
}

impl Work {
    fn of(world: &World) -> Self {
        let mut work = Self::default();
        // A job without GPUs has no figure.
        for job in world.workload.jobs.iter().filter(|job| !job.gpus.is_empty()) {
            work.tokens += job.stats.tokens;
            work.lost += job.training().map_or(0.0, |t| t.lost_tokens);
            work.started += job.stats.serving.started;
            work.first_token_s += job.stats.serving.first_token_s;
            work.refused += job.stats.serving.refused;
        }
        work
    }

    fn since(&self, start: &Self) -> Self {
        Self {
            tokens: self.tokens - start.tokens,
            lost: self.lost - start.lost,
            started: self.started.saturating_sub(start.started),
            first_token_s: self.first_token_s - start.first_token_s,
            refused: self.refused.saturating_sub(start.refused),
        }
    }
}

/// Accumulator of a run.
#[derive(Debug, Clone)]
pub struct Score {
    prices: Prices,
    seconds: f64,
    facility_j: f64,
    it_j: f64,
    cooling_j: f64,
    water_kg: f64,
    supply_c_s: f64,
    cv_sum: f64,
    cv_count: f64,
    travel_k: f64,
    setpoints_c: Vec<f64>,
    start: Work,
    floor: Floor,
    floor_j: f64,
    carbon_kg_per_kwh: Option<f64>,
    throttle_start_ns: [f64; Throttle::COUNT],
    watch: Watch,
}

fn throttle_ns(world: &World) -> [f64; Throttle::COUNT] {
    std::array::from_fn(|n| world.fleet.throttle_ns[n].iter().map(|ns| *ns as f64).sum())
}

impl Score {
    /// Starts scoring a world from now.
    #[must_use]
    pub fn new(world: &World, prices: Prices) -> Self {
        let mut score = Self {
            prices,
            seconds: 0.0,
            facility_j: 0.0,
            it_j: 0.0,
            cooling_j: 0.0,
            water_kg: 0.0,
            supply_c_s: 0.0,
            cv_sum: 0.0,
            cv_count: 0.0,
            travel_k: 0.0,
            setpoints_c: Vec::new(),
            start: Work::of(world),
            floor: Floor::new(world),
            floor_j: 0.0,
            carbon_kg_per_kwh: None,
            throttle_start_ns: throttle_ns(world),
            watch: Watch::new(world),
        };
        score.setpoints_c = setpoints(world).collect();
        score
    }

    /// Counts the carbon of the electricity, kg per kWh.
    #[must_use]
    pub fn with_carbon(mut self, kg_per_kwh: f64) -> Self {
        self.carbon_kg_per_kwh = Some(kg_per_kwh);
        self
    }

    /// Takes the step that the world has just made.
    pub fn observe(&mut self, world: &World) {
        let dt_s = world.config().dt_s;
        let (facility, powers) = (world.facility(), &world.powers);
        self.seconds += dt_s;
        self.facility_j += powers.facility_w * dt_s;
        self.it_j += powers.it_w * dt_s;
        self.cooling_j += powers.cooling_w() * dt_s;
        self.floor_j += self.floor.power(world).total_w() * dt_s;
        self.water_kg += facility.condenser.tower.evaporation_kg_s * dt_s;
        let supply: f64 = facility.cdus.iter().map(|c| c.supply_c()).sum();
        self.supply_c_s += supply / facility.cdus.len().max(1) as f64 * dt_s;
        for job in &world.workload.jobs {
            let counts = job.training().is_none_or(|t| t.active && t.phase == Phase::Compute);
            if counts && job.stats.clock_mean_mhz > 0.0 {
                self.cv_sum += job.stats.clock_cv * dt_s;
                self.cv_count += dt_s;
            }
        }
        for (last, now) in self.setpoints_c.iter_mut().zip(setpoints(world)) {
            self.travel_k += (now - *last).abs();
            *last = now;
        }
        self.watch.observe(world, dt_s);
    }

    /// The score so far.
    #[must_use]
    pub fn finish(&self, world: &World) -> StrategyScore {
        let kwh = |joules: f64| joules / 3.6e6;
        let per = |value: f64, by: f64| if by > 0.0 { value / by } else { 0.0 };
        let work = Work::of(world).since(&self.start);
        let tokens = work.tokens;
        let now = throttle_ns(world);
        let since = |t: Throttle| (now[t as usize] - self.throttle_start_ns[t as usize]) / 1e9;
        let facility_kwh = kwh(self.facility_j);
        StrategyScore {
            facility_kwh,
            it_kwh: kwh(self.it_j),
            cooling_kwh: kwh(self.cooling_j),
            loss_kwh: kwh(self.facility_j - self.it_j - self.cooling_j),
            pue: per(self.facility_j, self.it_j),
            tokens,
            joules_per_token: per(self.facility_j, tokens),
            clock_cv_in_job: per(self.cv_sum, self.cv_count),
            throttled_gpu_s: Throttled {
                sw_power_cap: since(Throttle::SwPowerCap),
                sw_thermal: since(Throttle::SwThermal),
                hw_thermal: since(Throttle::HwThermal),
                power_brake: since(Throttle::PowerBrake),
                hw_slowdown: since(Throttle::HwSlowdown),
            },
            violations: self.watch.violations,
            supply_temperature_mean_degc: per(self.supply_c_s, self.seconds),
            setpoint_travel: self.travel_k,
            cost: facility_kwh * self.prices.electricity_per_kwh
                + self.water_kg / 1000.0 * self.prices.water_per_m3
                - tokens / 1e6 * self.prices.tokens_per_million,
            water_m3: self.water_kg / 1000.0,
            carbon_kg: self.carbon_kg_per_kwh.map(|kg| kg * facility_kwh),
            floor_kwh: kwh(self.floor_j),
            goodput_tokens_per_s: per(tokens - work.lost, self.seconds),
            first_token_mean_s: (work.started > 0).then(|| work.first_token_s / work.started as f64),
            requests_refused: work.refused,
        }
    }

    /// Mean cost rate so far at the score's prices, per h.
    #[must_use]
    pub fn cost_per_h(&self, world: &World) -> f64 {
        if self.seconds > 0.0 { self.finish(world).cost / self.seconds * 3600.0 } else { 0.0 }
    }
}

/// Temperature setpoints in force: CDUs, CRAHs, facility water, tower.
fn setpoints(world: &World) -> impl Iterator<Item = f64> + '_ {
    let (bms, facility) = (world.bms(), world.facility());
    let cdus = (0..facility.cdus.len()).map(|c| bms.cdu_setpoints(c).supply_c);
    let crahs = (0..facility.hall.crahs.len()).map(|n| bms.crah_setpoint_c(n));
    cdus.chain(crahs).chain([bms.facility_setpoint_c(), bms.tower_setpoint_c()])
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
