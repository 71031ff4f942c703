//! A world: truth, BMS, workload, weather and scenario stepped together, sans I/O.
//!
//! Responsible for: one plant of any size on one clock; what the BMS shows ([`World::image`]) and accepts;
//! GPU commands as an agent gives them. Not for: wires, wall-clock time, or judging ([`crate::score`]).
//!
//! One step:
//! ```text
//! events -> weather -> work -> GPUs -> racks -> requests and BMS -> facility -> power tree -> sensors
//! ```
//! Everything is seeded: the same configuration gives the same world bit for bit.

pub mod events;
pub mod it;
pub mod place;
pub mod points;
pub mod registers;
pub mod sensors;
pub mod signal;
pub mod tree;

mod build;
mod control;

use crate::bms::Bms;
use crate::image::{Image, ModbusDevice};
use crate::scenario::Scenario;
use control::Taps;
use events::{Events, WorldError};
use headroom_truth::facility::{Commands, Facility, FacilityInputs, Outdoor, Powers};
use headroom_truth::gpu::sensor::SensorBank;
use headroom_truth::gpu::{Fleet, Sku};
use headroom_truth::network::Network;
use headroom_truth::weather::{Air, Weather};
use headroom_truth::work::{Request, Workload};
use it::{ItSide, Plant};
use place::{GPUS_PER_NODE, Places};
use points::PointList;
use sensors::Sensors;
use tree::{FEED, PowerTree};

/// Longest turn of the BMS's loops, s: its fastest, pump speed on pressure, is stable up to about 5 s.
const CONTROL_STEP_S: f64 = 5.0;
/// Racks that are stepped together: about a thousand GPUs, which fit the second-level cache.
const RACKS_AT_ONCE: usize = 32;
/// Seconds between two looks at the weather.
const WEATHER_PERIOD_S: f64 = 60.0;

/// What a world is built from.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// Number of GPUs, at least 8.
    pub gpus: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Start of the scenario, s since 1 January 00:00 local standard time.
    pub start_s: f64,
    /// Time since the start of the scenario at which this world begins, s: above 0 for a later stretch of a long run.
    pub begin_s: f64,
    /// Step, s.
    pub dt_s: f64,
    /// Seconds that the plant runs before the start, so that it starts warm.
    pub warmup_s: f64,
    /// GPU product.
    pub sku: Sku,
    /// Weather; `None` for the built-in continental climate of the seed.
    pub weather: Option<Weather>,
    /// Requests to serve, repeated; `None` for the built-in day of arrivals.
    pub requests: Option<Vec<Request>>,
    /// Mean offered load of the serving pools: replica-seconds of single requests per replica-second. Above 1
    /// replicas batch; about 15 is the most they can do.
    pub serving_load: f64,
    /// What happens.
    pub scenario: Scenario,
    /// Id of the integration that owns the request points.
    pub integration: String,
}

impl Default for WorldConfig {
    /// 512 GPUs on a hot July noon, nothing happens.
    fn default() -> Self {
        Self {
            gpus: 512,
            seed: 1,
            start_s: (198.0 * 24.0 + 12.0) * 3600.0,
            begin_s: 0.0,
            dt_s: 1.0,
            warmup_s: 1800.0,
            sku: Sku::h100_sxm(),
            weather: None,
            requests: None,
            serving_load: 5.0,
            scenario: Scenario::quiet(),
            integration: "HEADROOM".to_owned(),
        }
    }
}

/// A plant with everything around it.
#[derive(Debug, Clone)]
pub struct World {
    /// What the BMS shows and accepts.
    pub image: Image,
    /// The Modbus devices of the site.
    pub modbus: Vec<ModbusDevice>,
    /// The GPUs.
    pub fleet: Fleet,
    /// The power sensors on the GPUs' boards.
    pub boards: SensorBank,
    /// The jobs.
    pub workload: Workload,
    /// The compute network.
    pub network: Network,
    /// How everything hangs together.
    pub places: Places,
    /// The power tree with budgets and true powers.
    pub tree: PowerTree,
    /// True powers by use, mean over the last step.
    pub powers: Powers,
    config: WorldConfig,
    weather: Weather,
    air: Air,
    weather_due_s: f64,
    facility: Facility,
    bms: Bms,
    commands: Commands,
    taps: Taps,
    it: ItSide,
    list: PointList,
    sensors: Sensors,
    events: Events,
    /// The racks have no supply.
    dark: bool,
    steps: i64,
    site_energy_j: f64,
    /// Taken from the mains, kg.
    water_kg: f64,
    it_energy_j: f64,
    mean_import_w: f64,
}

impl World {
    /// Builds a world and runs it warm.
    ///
    /// # Errors
    /// [`WorldError`]: every event of the scenario that names something that is not there.
    pub fn new(config: WorldConfig) -> Result<Self, Vec<WorldError>> {
        let mut config = config;
        config.gpus = config.scenario.plant.fixed_gpus().unwrap_or(config.gpus);
        if config.gpus < GPUS_PER_NODE || !(0.01..=10.0).contains(&config.dt_s) {
            let message = "a world needs at least 8 GPUs and a step of 0.01 to 10 s";
            return Err(vec![WorldError::Config(message)]);
        }
        let mut world = build::cold(config)?;
        world.events = Events::new(&world.config.scenario, &world)?;
        for gpu in 0..world.fleet.len() {
            world.fleet.activity[gpu] = 0.4;
            world.fleet.memory[gpu] = 0.4;
        }
        world.fleet.settle();
        world.boards = SensorBank::new(&world.fleet, world.config.seed);
        world.steps = world.first_step();
        let begin = world.begin_step();
        let (site_j, it_j, water_kg) = (world.site_energy_j, world.it_energy_j, world.water_kg);
        while world.steps < begin {
            world.step();
        }
        (world.site_energy_j, world.it_energy_j, world.water_kg) = (site_j, it_j, water_kg);
        Ok(world)
    }

    /// Advances the world by one step.
    pub fn step(&mut self) {
        let dt_s = self.config.dt_s;
        self.apply_events();
        self.look_outside();
        self.workload.set_serving_boost(self.events.arrivals);
        self.workload.step(dt_s, self.now_s(), &mut self.fleet);
        self.events.burn(&mut self.fleet);
        self.run_it(dt_s);
        self.workload.set_links(&self.network.link_factor);
        self.powers = Powers::default();
        let parts = (dt_s / CONTROL_STEP_S).ceil().max(1.0);
        for part in 0..parts as usize {
            if part > 0 {
                self.look();
            }
            self.run_facility(dt_s / parts);
            self.powers.add(&self.facility.powers, 1.0 / parts);
        }
        self.tree.update(&self.facility, &self.it.rack_w);
        self.site_energy_j += self.powers.facility_w * dt_s;
        self.water_kg += self.facility.condenser.tower.water_kg_s * dt_s;
        self.it_energy_j += self.powers.it_w * dt_s;
        let import_w = self.tree.branches[FEED].power_w;
        self.mean_import_w += (import_w - self.mean_import_w) * (dt_s / 300.0).min(1.0);
        self.steps += 1;
        self.measure();
    }

    /// One step of GPUs and nodes, a few racks at a time: so their state stays in the cache from the coolant to the meter.
    fn run_it(&mut self, dt_s: f64) {
        self.supply();
        self.network.update(&self.workload.node_traffic, self.facility.hall.cold_c, dt_s);
        let plant = Plant { places: &self.places, facility: &self.facility, network: &self.network };
        self.fleet.begin_step(dt_s);
        self.boards.begin_step(dt_s);
        self.it.begin();
        let racks = self.places.racks;
        for first in (0..racks).step_by(RACKS_AT_ONCE) {
            let some = first..(first + RACKS_AT_ONCE).min(racks);
            let gpus = self.places.gpus_of_rack(some.start).start..self.places.gpus_of_rack(some.end - 1).end;
            self.it.cool(some.clone(), &plant, &mut self.fleet, dt_s);
            self.fleet.step_some(gpus.clone());
            self.boards.step_some(&self.fleet, gpus);
            self.it.gather(some, &plant, &self.fleet);
        }
        self.it.finish(&plant);
    }

    /// Racks without supply are dark; their GPUs start anew when it returns.
    fn supply(&mut self) {
        let dark = !self.facility.power.critical_powered();
        if dark == self.dark {
            return;
        }
        self.dark = dark;
        for gpu in 0..self.fleet.len() {
            if dark {
                self.fleet.tripped[gpu] = true;
            } else {
                self.fleet.power_cycle(gpu);
            }
        }
    }

    /// One turn of BMS and facility, with the IT's heat as it is.
    fn run_facility(&mut self, dt_s: f64) {
        self.control(dt_s);
        let outdoor = Outdoor {
            dry_bulb_c: self.air.dry_bulb_c,
            wet_bulb_c: self.air.wet_bulb_c,
            dew_point_c: self.air.dew_point_c,
        };
        let inputs = FacilityInputs {
            rack_power_w: &self.it.rack_w,
            rack_liquid_w: &self.it.rack_liquid_w,
            rack_air_w: self.it.air_w,
            server_air_m3s: self.it.server_air_m3s,
            outdoor,
            commands: &self.commands,
        };
        self.facility.step(&inputs, dt_s);
    }

    fn look_outside(&mut self) {
        let now_s = self.now_s();
        if now_s < self.weather_due_s {
            return;
        }
        self.weather_due_s = now_s + WEATHER_PERIOD_S;
        let air = self.weather.at(now_s);
        self.air = self.events.outdoor(air);
    }
}

#[cfg(test)]
mod tests;
