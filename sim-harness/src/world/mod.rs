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

mod control;

use crate::bms::Bms;
use crate::image::{Image, ModbusDevice};
use crate::scenario::Scenario;
use control::Taps;
use events::{Events, WorldError};
use headroom_truth::facility::{Commands, Facility, FacilityInputs, FacilitySpec, Outdoor};
use headroom_truth::gpu::{Fleet, Sku};
use headroom_truth::network::{Network, NetworkSpec};
use headroom_truth::weather::{Air, Climate, Weather};
use headroom_truth::work::{JobSpec, Request, RequestSource, ServingSpec, Task, TrainingSpec, Workload};
use it::ItSide;
use place::{GPUS_PER_NODE, Places, RACKS_PER_CDU, RACKS_PER_ROW};
use points::PointList;
use sensors::Sensors;
use tree::{FEED, PowerTree};

/// Seconds between two looks at the weather.
const WEATHER_PERIOD_S: f64 = 60.0;

/// What a world is built from.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// Number of GPUs, at least 8.
    pub gpus: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Start, s since 1 January 00:00 local standard time.
    pub start_s: f64,
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
    /// The jobs.
    pub workload: Workload,
    /// The compute network.
    pub network: Network,
    /// How everything hangs together.
    pub places: Places,
    /// The power tree with budgets and true powers.
    pub tree: PowerTree,
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
    steps: i64,
    site_energy_j: f64,
    it_energy_j: f64,
    mean_import_w: f64,
}

/// The jobs of a world: half of the GPUs train in two jobs, half serve.
fn jobs(config: &WorldConfig) -> Workload {
    let Some(requests) = &config.requests else {
        return Workload::half_and_half(config.gpus, config.serving_load, config.seed);
    };
    let nodes = config.gpus / GPUS_PER_NODE;
    let edge = |quarter: usize| nodes * quarter / 4 * GPUS_PER_NODE;
    let spec = ServingSpec::default();
    let second = TrainingSpec { compute_s: 5.3, communicate_s: 1.1, ..TrainingSpec::default() };
    let names = ["train-a", "train-b", "serve-a", "serve-b"];
    let task = |quarter: usize| match quarter {
        0 => Some(Task::Training(TrainingSpec::default())),
        1 => Some(Task::Training(second)),
        _ => {
            let replicas = (edge(quarter + 1) - edge(quarter)) / spec.gpus_per_replica;
            // both pools read the same trace, half of it apart
            let mut own = requests.clone();
            let half = (quarter - 2) * own.len() / 2;
            let (length, shift) = span_of(&own, half);
            own.rotate_left(half);
            own.iter_mut().for_each(|r| r.arrival_s = (r.arrival_s - shift).rem_euclid(length));
            own.sort_by(|a, b| a.arrival_s.total_cmp(&b.arrival_s));
            let source = RequestSource::trace(own)?;
            Some(Task::Serving(spec, source.scaled_to(config.serving_load, replicas, &spec)))
        }
    };
    let specs = (0..4).filter_map(|quarter| {
        let gpus = edge(quarter)..edge(quarter + 1);
        task(quarter).map(|task| JobSpec { name: names[quarter].to_owned(), gpus, task })
    });
    Workload::new(specs.collect(), config.gpus, config.seed)
}

/// Length of a trace and arrival time of its request `index`, s.
fn span_of(requests: &[Request], index: usize) -> (f64, f64) {
    let length = requests.last().map_or(1.0, |r| r.arrival_s + 1.0);
    (length, requests.get(index).map_or(0.0, |r| r.arrival_s))
}

impl World {
    /// Builds a world and runs it warm.
    ///
    /// # Errors
    /// [`WorldError`]: every event of the scenario that names something that is not there.
    pub fn new(config: WorldConfig) -> Result<Self, Vec<WorldError>> {
        if config.gpus < GPUS_PER_NODE || config.dt_s <= 0.0 {
            return Err(vec![WorldError::Config("a world needs at least 8 GPUs and a step above 0 s")]);
        }
        let mut world = Self::cold(config);
        world.events = Events::new(&world.config.scenario, &world)?;
        for gpu in 0..world.fleet.len() {
            world.fleet.activity[gpu] = 0.4;
            world.fleet.memory[gpu] = 0.4;
        }
        world.fleet.settle();
        world.steps = -(world.config.warmup_s / world.config.dt_s).round() as i64;
        let (site_j, it_j) = (world.site_energy_j, world.it_energy_j);
        while world.steps < 0 {
            world.step();
        }
        (world.site_energy_j, world.it_energy_j) = (site_j, it_j);
        Ok(world)
    }

    fn cold(config: WorldConfig) -> Self {
        let places = Places::new(config.gpus);
        let (rack_peak_w, liquid_share) = ItSide::rack_peak(&config.sku);
        let facility = Facility::new(FacilitySpec::uniform(
            places.racks,
            RACKS_PER_CDU,
            RACKS_PER_ROW,
            rack_peak_w,
            liquid_share,
            config.seed,
        ));
        let weather = config
            .weather
            .clone()
            .unwrap_or_else(|| Weather::from_climate(&Climate::CONTINENTAL, config.seed));
        let tree = PowerTree::new(&places, &ItSide::peaks_w(&places, &config.sku));
        let list = PointList::new(&places, &tree);
        let modbus = registers::devices(&list);
        let image = list.image().with_devices(&modbus);
        let taps = Taps::new(&list, &facility);
        let commands = facility.idle_commands();
        Self {
            modbus,
            fleet: Fleet::new(&[(config.sku.clone(), config.gpus)], config.seed),
            workload: jobs(&config),
            network: Network::new(NetworkSpec::NDR400, places.nodes),
            air: weather.at(config.start_s - config.warmup_s),
            weather,
            weather_due_s: f64::NEG_INFINITY,
            bms: Bms::new(&commands),
            it: ItSide::new(&places, &config.sku),
            sensors: Sensors::new(&image, &taps.points(), config.seed),
            taps,
            events: Events { arrivals: 1.0, ..Events::default() },
            steps: 0,
            site_energy_j: 0.0,
            it_energy_j: 0.0,
            mean_import_w: tree.branches[FEED].budget_w,
            image,
            facility,
            commands,
            list,
            places,
            tree,
            config,
        }
    }

    /// Advances the world by one step.
    pub fn step(&mut self) {
        let dt_s = self.config.dt_s;
        self.apply_events();
        self.look_outside();
        self.workload.set_serving_boost(self.events.arrivals);
        self.workload.step(dt_s, self.now_s(), &mut self.fleet);
        self.it.cool(&self.places, &self.facility, &mut self.fleet, dt_s);
        self.fleet.step(dt_s);
        let inlet_c = self.facility.hall.cold_c;
        self.it.gather(&self.places, &self.fleet, &mut self.network, &self.workload, inlet_c);
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
        self.tree.update(&self.facility, &self.it.rack_w);
        self.site_energy_j += self.facility.powers.facility_w * dt_s;
        self.it_energy_j += self.facility.powers.it_w * dt_s;
        let import_w = self.tree.branches[FEED].power_w;
        self.mean_import_w += (import_w - self.mean_import_w) * (dt_s / 300.0).min(1.0);
        self.steps += 1;
        self.measure();
    }

    fn look_outside(&mut self) {
        let now_s = self.now_s();
        if now_s < self.weather_due_s {
            return;
        }
        self.weather_due_s = now_s + WEATHER_PERIOD_S;
        let air = self.weather.at(now_s);
        let warmth_k = self.events.warmth_k;
        // a heat wave brings moisture along
        self.air = Air::new(air.dry_bulb_c + warmth_k, air.dew_point_c + 0.4 * warmth_k, air.pressure_pa);
    }
}

#[cfg(test)]
mod tests;
