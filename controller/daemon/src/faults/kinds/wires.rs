//! Rows 14, 15, 16, 27, 30: the ways between controller, BMS and agents.

use super::{Hits, Kind};
use crate::faults::state::{Effect, Way};
use headroom_sim::image::Link;

/// Nothing passes between the controller and these nodes.
fn cut(nodes: Vec<usize>) -> Effect {
    let way = Way { cut: true, ..Way::default() };
    Effect::Nodes { nodes, down: way, up: way }
}

const BUS_CUT: &str = "kind = \"broker-cut\"";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        row: 14,
        name: "broker",
        doc: "the broker is gone: neither BMS nor agents are heard",
        length_s: (5, 180),
        size: None,
        target: Hits::All,
        effects: |_, s| vec![Effect::World(BUS_CUT.to_owned()), cut(s.places.every_node())],
        sign: "nodes are not heard, or a write has failed, or points are not good",
        noticed: |said, _| said.misses_any_node() || said.write_failed() || said.doubts_any_point(),
        counts_from_end: false,
    },
    Kind {
        row: 15,
        name: "slow",
        doc: "everything takes so many seconds through the broker, both ways",
        length_s: (20, 150),
        size: Some((1.0, 70.0)),
        target: Hits::All,
        effects: |f, s| {
            let link = Link { delay_s: f.size, ..Link::default() };
            let way = Way { link, ..Way::default() };
            let event = format!("kind = \"messages\"\nsource = \"all\"\ndelay = \"{:.1} s\"", f.size);
            let nodes = s.places.every_node();
            vec![Effect::World(event), Effect::Bus(link), Effect::Nodes { nodes, down: way, up: way }]
        },
        sign: "nodes are not heard, or points are not good, or clocks are told to be off",
        noticed: |said, _| said.misses_any_node() || said.doubts_any_point() || said.doubts_any_clock(),
        counts_from_end: false,
    },
    Kind {
        row: 16,
        name: "queued",
        doc: "commands to nodes wait for so many seconds",
        length_s: (20, 120),
        size: Some((2.0, 90.0)),
        target: Hits::Nodes,
        effects: |f, s| {
            let down = Way { link: Link { delay_s: f.size, ..Link::default() }, ..Way::default() };
            vec![Effect::Nodes { nodes: s.places.nodes_of(&f.target), down, up: Way::default() }]
        },
        sign: "an agent refuses a command",
        noticed: |said, f| said.refused_by_node(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 16,
        name: "mixed",
        doc: "such a share of commands and reports of nodes is lost, doubled and overtaken",
        length_s: (20, 120),
        size: Some((0.05, 0.6)),
        target: Hits::Nodes,
        effects: |f, s| {
            let link = Link { loss: f.size, duplicate: f.size, reorder: f.size, delay_s: 0.0 };
            let way = Way { link, ..Way::default() };
            vec![Effect::Nodes { nodes: s.places.nodes_of(&f.target), down: way, up: way }]
        },
        sign: "an agent refuses a command, a report was passed over, or a node is not heard",
        noticed: |said, f| {
            said.refused_by_node(&f.target) || said.passed_over() || said.misses_node(&f.target)
        },
        counts_from_end: false,
    },
    Kind {
        row: 16,
        name: "replay",
        doc: "somebody sends so many old commands a second to nodes",
        length_s: (20, 120),
        size: Some((1.0, 20.0)),
        target: Hits::Nodes,
        effects: |f, s| vec![Effect::Replay { nodes: s.places.nodes_of(&f.target), per_s: f.size }],
        sign: "an agent refuses a command",
        noticed: |said, f| said.refused_by_node(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 27,
        name: "bms",
        doc: "the event bus is cut; agents are heard",
        length_s: (5, 180),
        size: None,
        target: Hits::All,
        effects: |_, _| vec![Effect::World(BUS_CUT.to_owned())],
        sign: "a write has failed, or points are not good",
        noticed: |said, _| said.write_failed() || said.doubts_any_point(),
        counts_from_end: false,
    },
    Kind {
        row: 30,
        name: "nodes",
        doc: "some nodes are cut off; the BMS is heard",
        length_s: (5, 150),
        size: None,
        target: Hits::Nodes,
        effects: |f, s| vec![cut(s.places.nodes_of(&f.target))],
        sign: "a node is not heard",
        noticed: |said, f| said.misses_node(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 30,
        name: "down",
        doc: "commands to some nodes are lost, their reports come",
        length_s: (5, 150),
        size: None,
        target: Hits::Nodes,
        effects: |f, s| {
            let down = Way { cut: true, ..Way::default() };
            vec![Effect::Nodes { nodes: s.places.nodes_of(&f.target), down, up: Way::default() }]
        },
        sign: "what a node has carried out is not what was sent",
        noticed: |said, f| said.refused_by_node(&f.target) || said.misses_node(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 30,
        name: "both",
        doc: "some nodes and the event bus are cut off",
        length_s: (5, 150),
        size: None,
        target: Hits::Nodes,
        effects: |f, s| vec![Effect::World(BUS_CUT.to_owned()), cut(s.places.nodes_of(&f.target))],
        sign: "a node is not heard, or a write has failed",
        noticed: |said, f| said.misses_node(&f.target) || said.write_failed(),
        counts_from_end: false,
    },
];
