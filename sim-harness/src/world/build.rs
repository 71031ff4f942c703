//! Building a world: from its configuration to everything in its place, cold.
//!
//! Responsible for: which equipment, jobs and points a configuration means. Not for: running them.

use super::control::Taps;
use super::events::{Events, WorldError};
use super::it::ItSide;
use super::place::{self, GPUS_PER_NODE, Layout, Places};
use super::points::PointList;
use super::sensors::Sensors;
use super::tree::{FEED, PowerTree};
use super::{World, WorldConfig, registers};
use crate::bms::Bms;
use crate::bms::design::{Design, Sink};
use crate::scenario::plant::{Cooling, HeatRejection as Rejection, PlantSpec, UpsMode};
use headroom_truth::facility::{
    BessSpec, Facility, FacilitySpec, HeatRejection, PowerSpec, Powers, RackSpec,
};
use headroom_truth::gpu::Fleet;
use headroom_truth::gpu::sensor::SensorBank;
use headroom_truth::network::{Network, NetworkSpec};
use headroom_truth::weather::{Climate, Weather};
use headroom_truth::work::{JobSpec, Request, RequestSource, ServingSpec, Task, TrainingSpec, Workload};

/// The jobs of a world: those of the scenario, or half of the GPUs training in two jobs and half serving.
fn jobs(config: &WorldConfig) -> Result<Workload, Vec<WorldError>> {
    let (work, plant) = (&config.scenario.work, &config.scenario.plant);
    match work.build(config.gpus, config.start_s, config.serving_load, plant.racks_per_cdu) {
        Some(spec) => {
            let built = Workload::from_spec(&spec, config.gpus, config.seed);
            built.map_err(|found| found.into_iter().map(WorldError::Work).collect())
        }
        None => Ok(usual_jobs(config)),
    }
}

fn usual_jobs(config: &WorldConfig) -> Workload {
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
        task(quarter).filter(|_| !gpus.is_empty()).map(|task| JobSpec {
            name: names[quarter].to_owned(),
            gpus,
            task,
        })
    });
    Workload::new(specs.collect(), config.gpus, config.seed)
}

/// Length of a trace and arrival time of its request `index`, s.
fn span_of(requests: &[Request], index: usize) -> (f64, f64) {
    let length = requests.last().map_or(1.0, |r| r.arrival_s + 1.0);
    (length, requests.get(index).map_or(0.0, |r| r.arrival_s))
}

/// The facility that a scenario's plant stands for.
fn facility_spec(plant: &PlantSpec, racks: Vec<RackSpec>, seed: u64) -> FacilitySpec {
    FacilitySpec {
        racks,
        chillers: plant.chillers,
        heat_rejection: match plant.heat_rejection {
            Rejection::Tower => HeatRejection::Tower,
            Rejection::DryCooler => HeatRejection::DryCooler,
            Rejection::Adiabatic => HeatRejection::AdiabaticCooler,
        },
        economiser: plant.economiser,
        tank_m3: plant.tank_m3,
        crahs: plant.crahs,
        power: PowerSpec {
            ups_eco: plant.ups == UpsMode::Eco,
            battery_s: plant.battery_s,
            generator_start_s: plant.generator_start_s,
            bess: plant.bess.map(|b| BessSpec { power_w: b.power_w, energy_j: b.energy_j }),
        },
        seed,
    }
}

/// The BMS's design for a facility.
pub(super) fn design(spec: &FacilitySpec) -> Design {
    let sink = match spec.heat_rejection {
        HeatRejection::Tower => Sink::WetBulb,
        HeatRejection::DryCooler | HeatRejection::AdiabaticCooler => Sink::DryBulb,
    };
    Design::of(spec.chillers, spec.has_economiser(), sink)
}

/// A world with everything in its place, at rest.
///
/// # Errors
/// Work that does not fit.
pub(super) fn cold(config: WorldConfig) -> Result<World, Vec<WorldError>> {
    let workload = jobs(&config)?;
    let plant = &config.scenario.plant;
    let groups = plant.groups(config.gpus, &config.sku);
    let layout = Layout { racks_per_cdu: plant.racks_per_cdu, racks_per_row: plant.racks_per_row };
    let stand: Vec<place::Group> =
        groups.iter().map(|g| place::Group { gpus: g.gpus, liquid: g.cooling == Cooling::Liquid }).collect();
    let places = Places::new(&stand, layout);
    let it = ItSide::new(&places, &groups);
    let facility = Facility::new(facility_spec(plant, it.racks(&places), config.seed));
    let weather =
        config.weather.clone().unwrap_or_else(|| Weather::from_climate(&Climate::CONTINENTAL, config.seed));
    let tree = PowerTree::new(&places, &it.peaks_w(&places));
    let list = PointList::new(&places, &tree, &facility.spec);
    let modbus = registers::devices(&list);
    let image = list.image().with_devices(&modbus);
    let taps = Taps::new(&list, &facility);
    let commands = facility.idle_commands();
    let parts: Vec<_> = groups.iter().map(|g| (g.sku.clone(), g.gpus)).collect();
    let fleet = Fleet::new(&parts, config.seed);
    Ok(World {
        modbus,
        boards: SensorBank::new(&fleet, config.seed),
        fleet,
        workload,
        network: Network::new(NetworkSpec::NDR400, places.nodes),
        air: weather.at(config.start_s + config.begin_s - config.warmup_s),
        weather,
        weather_due_s: f64::NEG_INFINITY,
        bms: Bms::new(&commands, &design(&facility.spec)),
        sensors: Sensors::new(&image, &taps.points(), config.seed),
        taps,
        events: Events::none(),
        dark: false,
        steps: 0,
        site_energy_j: 0.0,
        water_kg: 0.0,
        it_energy_j: 0.0,
        mean_import_w: tree.branches[FEED].budget_w,
        powers: Powers::default(),
        it,
        image,
        facility,
        commands,
        list,
        places,
        tree,
        config,
    })
}
