//! Events of the compute network.

use super::bind::{Bind, Class, Device};
use super::{Effect, Entry, WorldError, device, required};
use crate::scenario::{Holds, Kind};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: Kind {
            name: "fabric-congestion",
            doc: "All links are slower than those of a quiet fabric: collectives take longer.",
            words: "the fabric is congested, links at {speed}",
            fields: &[required(
                "speed",
                Holds::Share(0.01, 1.0),
                "\"40 %\"",
                "Speed over that of a quiet fabric.",
            )],
            ramps: true,
        },
        bind: |bind| {
            let speed = bind.number("speed");
            Ok(Effect::degree(move |world, degree| world.network.congest(1.0 - (1.0 - speed) * degree)))
        },
    },
    Entry {
        kind: Kind {
            name: "link-down",
            doc: "The links of a node are slow or down; what waits for them waits.",
            words: "links of {device} at {speed}",
            fields: &[
                device("\"node-003\"", "Node."),
                required(
                    "speed",
                    Holds::Share(0.0, 1.0),
                    "\"0 %\"",
                    "What is left of their speed; 0 % is down.",
                ),
            ],
            ramps: false,
        },
        bind: link_down,
    },
    Entry {
        kind: Kind {
            name: "switch-down",
            doc: "A switch is out of service; its peers carry its traffic as far as they can.",
            words: "{device} is down",
            fields: &[device("\"leaf-01\"", "Switch.")],
            ramps: false,
        },
        bind: |bind| {
            let n = switch(bind)?;
            Ok(Effect::switch(move |world, on| world.network.switches[n].up = !on))
        },
    },
    Entry {
        kind: Kind {
            name: "switch-hot",
            doc: "A switch cools badly, as after the loss of a fan; too hot, it shuts its ports.",
            words: "{device} cools badly, x{factor}",
            fields: &[
                device("\"leaf-01\"", "Switch."),
                required("factor", Holds::Number(0.2, 10.0), "1.8", "Factor on its thermal resistance."),
            ],
            ramps: true,
        },
        bind: |bind| {
            let (n, factor) = (switch(bind)?, bind.number("factor"));
            Ok(Effect::degree(move |world, degree| {
                world.network.switches[n].resistance = 1.0 + (factor - 1.0) * degree;
            }))
        },
    },
];

fn switch(bind: &Bind<'_>) -> Result<usize, WorldError> {
    match bind.device("device", &[Class::Switch])? {
        Device::Switch(n) => Ok(n),
        _ => Err(bind.missing("such switch", "remove the event")),
    }
}

fn link_down(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let Device::Node(node) = bind.device("device", &[Class::Node])? else {
        return Err(bind.missing("such node", "remove the event"));
    };
    let speed = bind.number("speed");
    Ok(Effect::switch(move |world, on| world.network.links[node].health = if on { speed } else { 1.0 }))
}
