//! Events of jobs and GPUs.

use super::bind::Bind;
use super::{Effect, Entry, WorldError, device, optional, required};
use crate::scenario::{Holds, Kind};
use crate::world::World;

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
    Entry {
        kind: Kind {
            name: "job-stop",
            doc: "A training job stands and holds its GPUs: a synchronised step down, and one up when it ends.",
            words: "{job} is stopped",
            fields: &[required("job", Holds::Name, "\"train-a\"", "Training job.")],
            ramps: false,
        },
        bind: stop,
    },
    Entry {
        kind: Kind {
            name: "power-brake",
            doc: "The external power brake is asserted: clocks fall at once.",
            words: "power brake on {device}",
            fields: &[device("\"rack-01\"", "Rack, row, node or `site`.")],
            ramps: false,
        },
        bind: |bind| {
            let gpus = bind.gpus("device")?;
            Ok(Effect::switch(move |world, on| world.fleet.brake[gpus.clone()].fill(on)))
        },
    },
    Entry {
        kind: Kind {
            name: "gpu-lost",
            doc: "GPUs fall off the bus: they answer nothing, and a synchronous job on them stands.",
            words: "{device}[ GPU {gpu}] is off the bus",
            fields: &[
                device("\"node-003\"", "Node."),
                optional("gpu", Holds::Count(0, 7), "5", "Which of its GPUs, from 0; absent: all."),
            ],
            ramps: false,
        },
        bind: |bind| {
            let gpus = bind.gpus_of_node()?;
            Ok(Effect::switch(move |world, on| world.fleet.present[gpus.clone()].fill(!on)))
        },
    },
];

fn is_training(world: &World, job: usize) -> bool {
    world.workload.jobs[job].training().is_some()
}

fn stop(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let job = bind.job("job", is_training)?;
    Ok(Effect::switch(move |world, on| {
        world.workload.set_training_active(job, !on);
    }))
}
