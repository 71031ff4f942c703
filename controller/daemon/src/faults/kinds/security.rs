//! Rows 31 and 32: nodes that lie or flood.

use super::{Hits, Kind};
use crate::faults::state::{Effect, Rogue};

pub(super) const KINDS: &[Kind] = &[
    Kind {
        row: 31,
        name: "cold",
        doc: "a node reports cold GPUs that draw next to nothing",
        length_s: (20, 180),
        size: None,
        target: Hits::Node,
        effects: |f, s| vec![Effect::Rogue(s.places.nodes_of(&f.target), Rogue::Cold)],
        sign: "a GPU of the node ails, or the meter above it is in doubt",
        noticed: |said, _| said.doubts_any_point() || said.anything_ails(),
        counts_from_end: false,
    },
    Kind {
        row: 31,
        name: "hot",
        doc: "a node reports GPUs that burn",
        length_s: (20, 180),
        size: None,
        target: Hits::Node,
        effects: |f, s| vec![Effect::Rogue(s.places.nodes_of(&f.target), Rogue::Hot)],
        sign: "a GPU of the node ails, or the meter above it is in doubt",
        noticed: |said, _| said.doubts_any_point() || said.anything_ails(),
        counts_from_end: false,
    },
    Kind {
        row: 31,
        name: "null",
        doc: "a node reports nothing but numbers that are none",
        length_s: (20, 180),
        size: None,
        target: Hits::Node,
        effects: |f, s| vec![Effect::Rogue(s.places.nodes_of(&f.target), Rogue::Null)],
        sign: "a GPU of the node ails, or the meter above it is in doubt",
        noticed: |said, _| said.doubts_any_point() || said.anything_ails(),
        counts_from_end: false,
    },
    Kind {
        row: 32,
        name: "flood",
        doc: "a node sends so many of its reports a second, and others under a name that nobody knows",
        length_s: (10, 60),
        size: Some((10.0, 200.0)),
        target: Hits::Node,
        effects: |f, s| vec![Effect::Flood(s.places.nodes_of(&f.target), f.size as usize)],
        sign: "reports were passed over, or are of nobody that is known",
        noticed: |said, _| said.passed_over(),
        counts_from_end: false,
    },
];
