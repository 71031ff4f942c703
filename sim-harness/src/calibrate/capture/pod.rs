//! The plant configured like the pod of the capture.
//!
//! Responsible for: a world of five loaded racks at steady load, and what its image shows. Not for: comparing.
//!
//! No job runs: every GPU is held at one activity, so that only sensors and loops move. Arrivals are changes of the
//! image, seen at every step, as the bus would carry them.

use super::figures::{Pod, Rack, Series, WINDOW_S, figures, mean, pod};
use super::{Class, DataError};
use crate::world::points::RequestTarget;
use crate::world::signal::Signal;
use crate::world::{World, WorldConfig};
use headroom_truth::work::Workload;

/// GPUs of five full racks.
const GPUS: usize = 160;
/// Activity that brings a rack near 45 kW.
const ACTIVITY: f32 = 0.8;
/// Time for the loops to settle at that load, s.
const SETTLE_S: usize = 3600;
/// Windows that are looked at.
const WINDOWS: usize = 12;

/// Class of a signal.
fn class_of(signal: Signal) -> Option<Class> {
    match signal {
        Signal::RackFlow(_) => Some(Class::RackFlow),
        Signal::RackDp(_) => Some(Class::RackDp),
        Signal::RackSupply(_) => Some(Class::RackSupply),
        Signal::RackReturn(_) => Some(Class::RackReturn),
        Signal::RackPower(_) => Some(Class::RackPower),
        Signal::Busway(_) => Some(Class::BuswayPower),
        Signal::BuswayCurrent(_) => Some(Class::BuswayCurrent),
        Signal::CduDp(_) => Some(Class::CduDp),
        Signal::CduSupply(_) => Some(Class::CduSupply),
        Signal::ColdAisle | Signal::HotAisle => Some(Class::AisleTemperature),
        Signal::HallHumidity => Some(Class::AisleHumidity),
        _ => None,
    }
}

/// A world at steady load.
///
/// # Errors
/// [`DataError::World`] if it cannot be built.
fn world() -> Result<World, DataError> {
    let config = WorldConfig { gpus: GPUS, dt_s: 1.0, warmup_s: 60.0, ..WorldConfig::default() };
    let mut world = World::new(config)
        .map_err(|errors| DataError::World(errors.iter().map(ToString::to_string).collect()))?;
    world.workload = Workload::new(Vec::new(), GPUS, 1);
    // the jobs that were there let go of their GPUs
    world.step();
    world.fleet.activity.fill(ACTIVITY);
    world.fleet.memory.fill(0.5);
    world.fleet.context.fill(true);
    (0..SETTLE_S).for_each(|_| world.step());
    Ok(world)
}

/// Runs the pod and takes its figures.
///
/// # Errors
/// [`DataError::World`] if its world cannot be built.
pub fn run() -> Result<Pod, DataError> {
    let mut world = world()?;
    let points: Vec<(usize, Signal)> = world.points().signals.iter().copied().enumerate().collect();
    let watched: Vec<(usize, Class)> =
        points.iter().filter_map(|(index, signal)| class_of(*signal).map(|class| (*index, class))).collect();
    let mut classes: Vec<(Class, Vec<Series>)> = Class::ALL.map(|class| (class, Vec::new())).to_vec();
    let mut means = vec![0.0; points.len()];
    let steps = WINDOW_S as usize;
    for _ in 0..WINDOWS {
        let mut window = vec![Series::default(); watched.len()];
        for step in 0..steps {
            world.step();
            for ((index, _), series) in watched.iter().zip(&mut window) {
                let value = world.image.values[*index];
                if series.values.last().is_none_or(|last| last.to_bits() != value.to_bits()) {
                    series.times_s.push(step as f64);
                    series.values.push(value);
                }
            }
            let share = 1.0 / (steps * WINDOWS) as f64;
            means.iter_mut().zip(&world.image.values).for_each(|(m, value)| *m += share * value);
        }
        for ((_, class), series) in watched.iter().zip(window) {
            if let Some((_, all)) = classes.iter_mut().find(|(c, _)| c == class) {
                all.push(series);
            }
        }
    }
    let at = |wanted: Signal| {
        points.iter().find(|(_, signal)| *signal == wanted).map_or(f64::NAN, |(index, _)| means[*index])
    };
    let header: Vec<f64> = (0..world.places.cdus).map(|c| at(Signal::CduDp(c))).collect();
    let racks: Vec<Rack> =
        (0..world.places.racks).map(|r| rack(r, world.rack_liquid_w(r) / 1000.0, &at)).collect();
    let exponent = exponent(&mut world);
    let figured = classes.into_iter().map(|(class, series)| (class, figures(&series))).collect();
    Ok(Pod { exponent, ..pod(figured, &racks, mean(&header)) })
}

/// Exponent of the first rack's pressure over its flow, as shown, while its CDU is asked for less pressure.
fn exponent(world: &mut World) -> f64 {
    let list = world.points();
    let points = [Signal::RackFlow(0), Signal::RackDp(0)].map(|signal| list.find(signal).unwrap_or_default());
    let Some(request) = list.request(RequestTarget::CduDp(0)) else { return f64::NAN };
    let mut seen = Vec::new();
    for asked_kpa in [90.0, 75.0, 60.0] {
        world.image.requests[request] = Some(asked_kpa);
        // the loop settles; then noise is averaged out
        (0..SETTLE_S / 4).for_each(|_| world.step());
        let mut sums = [0.0; 2];
        for _ in 0..SETTLE_S / 4 {
            world.step();
            sums.iter_mut().zip(points).for_each(|(sum, point)| *sum += world.image.values[point]);
        }
        seen.push(sums.map(f64::ln));
    }
    match (seen.first(), seen.last()) {
        (Some(first), Some(last)) => (first[1] - last[1]) / (first[0] - last[0]),
        _ => f64::NAN,
    }
}

/// Mean values of a rack.
fn rack(r: usize, liquid_kw: f64, at: &dyn Fn(Signal) -> f64) -> Rack {
    Rack {
        flow_lpm: at(Signal::RackFlow(r)),
        dp_kpa: at(Signal::RackDp(r)),
        supply_c: at(Signal::RackSupply(r)),
        return_c: at(Signal::RackReturn(r)),
        power_kw: at(Signal::RackPower(r)),
        valve: at(Signal::RackValve(r)),
        liquid_kw,
    }
}
