//! Rows 17, 28, 29, 33: agents and their GPUs.

use super::{Hits, Kind};
use crate::faults::state::Effect;
use crate::virtual_plant::Presence;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        row: 17,
        name: "dead",
        doc: "agents die, and are started again",
        length_s: (3, 150),
        size: None,
        target: Hits::Nodes,
        effects: |f, s| vec![Effect::Agents(s.places.nodes_of(&f.target), Presence::Dead)],
        sign: "a node is not heard, or its start is new",
        noticed: |said, f| said.misses_node(&f.target) || said.node_is_new(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 17,
        name: "hung",
        doc: "agents stand, and go on with what has waited",
        length_s: (3, 150),
        size: None,
        target: Hits::Nodes,
        effects: |f, s| vec![Effect::Agents(s.places.nodes_of(&f.target), Presence::Hung)],
        sign: "a node is not heard",
        noticed: |said, f| said.misses_node(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 28,
        name: "off-bus",
        doc: "a GPU answers nothing",
        length_s: (5, 150),
        size: None,
        target: Hits::Gpu,
        effects: |f, _| {
            let (node, gpu) = f.target.split_once('/').unwrap_or((&f.target, "0"));
            vec![Effect::World(format!("kind = \"gpu-lost\"\ndevice = \"{node}\"\ngpu = {gpu}"))]
        },
        sign: "the GPU is not heard",
        noticed: |said, f| said.misses_gpu(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 29,
        name: "reset",
        doc: "the driver of a node is loaded anew: caps and locks are gone",
        length_s: (1, 1),
        size: None,
        target: Hits::Node,
        effects: |f, s| vec![Effect::Reload(s.places.nodes_of(&f.target))],
        sign: "the agent says that it set a cap again",
        noticed: |said, _| said.set_again(),
        counts_from_end: false,
    },
    Kind {
        row: 29,
        name: "refused",
        doc: "the driver of a node takes no cap",
        length_s: (20, 150),
        size: None,
        target: Hits::Node,
        effects: |f, s| vec![Effect::WritesFail(s.places.nodes_of(&f.target))],
        sign: "an agent says that a command failed",
        noticed: |said, f| said.refused_by_node(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 33,
        name: "herd",
        doc: "all agents are gone, and return in one instant",
        length_s: (3, 120),
        size: None,
        target: Hits::All,
        effects: |_, s| vec![Effect::Agents(s.places.every_node(), Presence::Dead)],
        sign: "nodes are not heard, or their start is new",
        noticed: |said, _| said.misses_any_node() || said.any_node_is_new(),
        counts_from_end: false,
    },
];
