//! Events of jobs and GPUs.

use super::bind::Bind;
use super::{Effect, Entry, WorldError, default, device, optional, required};
use crate::scenario::{Field, Holds, Kind};
use crate::world::World;
use headroom_truth::work::{BurnSpec, JobKind, Use};
use std::ops::Range;

/// Compute activity of dense work that never waits.
const DENSE: f32 = 0.62;

const GPUS: Field = device("\"rack-01\"", "Rack, row, node or `site`.");
const NODE: Field = device("\"node-003\"", "Node.");
const GPU: Field = optional("gpu", Holds::Count(0, 7), "5", "Which of its GPUs, from 0; absent: all.");
const JOB: Field = required("job", Holds::Name, "\"train-a\"", "Training or burn job.");

/// A kind that is there or not.
const fn plain(
    name: &'static str,
    doc: &'static str,
    words: &'static str,
    fields: &'static [Field],
    bind: fn(&Bind<'_>) -> Result<Effect, WorldError>,
) -> Entry {
    Entry { kind: Kind { name, doc, words, fields, ramps: false }, bind }
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: Kind {
            name: "load-step",
            doc: "Arrivals of serving jobs are multiplied.",
            words: "burst of requests, x{factor}",
            fields: &[required("factor", Holds::Number(0.0, 100.0), "1.5", "Factor on arrivals.")],
            ramps: true,
        },
        bind: |bind| {
            let factor = bind.number("factor");
            Ok(Effect::degree(move |world, degree| {
                world.events.arrivals *= 1.0 + (factor - 1.0) * degree;
            }))
        },
    },
    plain(
        "load-square",
        "GPUs leave their jobs and burn in step between two loads: a synchronised square wave of power. Training on \
         them stands.",
        "{device} burns between {low} and {high}, every {period}",
        &[
            GPUS,
            default("low", Holds::Share(0.0, 1.0), "\"20 %\"", "Lower load, of dense work."),
            default("high", Holds::Share(0.0, 1.0), "\"100 %\"", "Upper load."),
            default("period", Holds::Time, "\"120 s\"", "Length of a cycle."),
            default("duty", Holds::Share(0.0, 1.0), "\"50 %\"", "Share of the cycle at the upper load."),
        ],
        square,
    ),
    plain(
        "job-stop",
        "A synchronous job stands and holds its GPUs: a step down of all of them, and one up when it ends.",
        "{job} is stopped",
        &[JOB],
        |bind| {
            let name = bind.job("job", &[JobKind::Training])?;
            Ok(Effect::switch(move |world, on| hold(world, &name, on)))
        },
    ),
    plain(
        "job-start",
        "A synchronous job that stood until now runs for as long as the event: a step up of all its GPUs.",
        "{job} runs",
        &[JOB],
        |bind| {
            let name = bind.job("job", &[JobKind::Training])?;
            Ok(Effect::new(move |world, moment| hold(world, &name, moment.ends)).undone_always())
        },
    ),
    plain(
        "job-failure",
        "A training job fails and restarts from its last checkpoint.",
        "{job} has failed and restarts",
        &[required("job", Holds::Name, "\"train-a\"", "Training job.")],
        |bind| {
            let name = bind.job("job", &[JobKind::Training])?;
            Ok(Effect::new(move |world, moment| {
                if moment.begins {
                    running(world, &name).map(|job| world.workload.fail_training(job));
                }
            }))
        },
    ),
    plain(
        "straggler",
        "GPUs are slow at the clock they have; whatever waits for them is slow with them.",
        "{device}[ GPU {gpu}] runs at {speed}",
        &[
            NODE,
            GPU,
            required("speed", Holds::Share(0.01, 1.0), "\"60 %\"", "Speed over that of a sound GPU."),
        ],
        |bind| {
            let (gpus, speed) = (bind.gpus_of_node()?, bind.number("speed") as f32);
            Ok(Effect::switch(move |world, on| {
                let factor = if on { speed } else { 1.0 };
                gpus.clone().for_each(|gpu| world.workload.set_gpu_speed(gpu, factor));
            }))
        },
    ),
    plain(
        "gpu-hot",
        "The thermal interface of GPUs is worse: a dried-out or badly seated plate.",
        "{device}[ GPU {gpu}] cools badly, x{factor}",
        &[
            NODE,
            GPU,
            required(
                "factor",
                Holds::Number(0.2, 10.0),
                "1.6",
                "Factor on the resistance from die to plate.",
            ),
        ],
        hot,
    ),
    plain(
        "gpu-lost",
        "GPUs fall off the bus: they answer nothing, and a synchronous job on them stands.",
        "{device}[ GPU {gpu}] is off the bus",
        &[NODE, GPU],
        |bind| {
            let gpus = bind.gpus_of_node()?;
            Ok(Effect::switch(move |world, on| world.fleet.present[gpus.clone()].fill(!on)))
        },
    ),
    plain(
        "power-brake",
        "The external power brake is asserted: clocks fall at once.",
        "power brake on {device}",
        &[GPUS],
        |bind| {
            let gpus = bind.gpus("device")?;
            Ok(Effect::switch(move |world, on| world.fleet.brake[gpus.clone()].fill(on)))
        },
    ),
];

/// The job of a name that runs now.
fn running(world: &World, name: &str) -> Option<usize> {
    world.workload.jobs.iter().position(|job| job.name == name && job.ended_s.is_none())
}

fn hold(world: &mut World, name: &str, stand: bool) {
    if let Some(job) = running(world, name) {
        world.workload.set_training_active(job, !stand);
    }
}

fn square(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let gpus = bind.gpus("device")?;
    let level = |share: f64| {
        let compute = DENSE * share as f32;
        Use { compute, memory: 0.8 * compute }
    };
    let wave = BurnSpec {
        period_s: bind.number("period"),
        duty: bind.number("duty"),
        phase_s: 0.0,
        high: level(bind.number("high")),
        low: level(bind.number("low")),
    };
    Ok(Effect::new(move |world, moment| {
        if moment.begins || moment.ends {
            stand_on(world, &gpus, !moment.ends);
        }
        if moment.on() {
            let load = wave.mean(world.config.dt_s, moment.phase_s);
            world.events.burns.push((gpus.start, gpus.end, load));
        }
    }))
}

/// Lets synchronous jobs that hold any of the GPUs stand, or go on.
fn stand_on(world: &mut World, gpus: &Range<usize>, stand: bool) {
    for job in 0..world.workload.jobs.len() {
        let held = &world.workload.jobs[job].blocks;
        if held.iter().any(|block| block.start < gpus.end && gpus.start < block.end) {
            world.workload.set_training_active(job, !stand);
        }
    }
}

fn hot(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let (gpus, factor) = (bind.gpus_of_node()?, bind.number("factor"));
    Ok(Effect::new(move |world, moment| {
        let factor = match (moment.begins, moment.ends) {
            (true, _) => factor,
            (_, true) => 1.0 / factor,
            _ => return,
        };
        gpus.clone().for_each(|gpu| world.fleet.scale_thermal_resistance(gpu, factor));
    }))
}
