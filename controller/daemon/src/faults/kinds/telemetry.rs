//! Rows 1 to 5: what the plant says is wrong, late, or not said.

use super::{Hits, Kind};
use crate::faults::fault::Fault;
use crate::faults::stage::Start;
use crate::faults::state::Effect;

fn point(kind: &str, more: &str, fault: &Fault, start: &Start) -> Vec<Effect> {
    let tag = start.places.tag(&fault.target);
    vec![Effect::World(format!("kind = \"{kind}\"\npoint = \"{tag}\"\n{more}"))]
}

fn messages(what: &str, fault: &Fault) -> Vec<Effect> {
    vec![Effect::World(format!("kind = \"messages\"\nsource = \"{}\"\n{what}", fault.target))]
}

fn percent(share: f64) -> String {
    format!("\"{:.1} %\"", 100.0 * share)
}

pub(super) const KINDS: &[Kind] = &[
    Kind {
        row: 1,
        name: "stuck",
        doc: "a sensor shows one value from now on",
        length_s: (30, 240),
        size: None,
        target: Hits::Point,
        effects: |f, s| point("sensor-stuck", "", f, s),
        sign: "the point is not good, or in doubt, or ails",
        noticed: |said, f| said.doubts_point(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 2,
        name: "null",
        doc: "a sensor shows no number at good quality",
        length_s: (10, 60),
        size: None,
        target: Hits::Point,
        effects: |f, s| point("sensor-null", "", f, s),
        sign: "the point is not good",
        noticed: |said, f| said.doubts_point(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 2,
        name: "absurd",
        doc: "a sensor shows so many millions",
        length_s: (10, 60),
        size: Some((-9.0, 9.0)),
        target: Hits::Point,
        effects: |f, s| {
            let size = if f.size.abs() < 1.0 { 1.0 } else { f.size };
            point("sensor-lies", &format!("value = {:.1}\n", 1e6 * size), f, s)
        },
        sign: "the point is not good",
        noticed: |said, f| said.doubts_point(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 3,
        name: "bias",
        doc: "a temperature is off by so many kelvin",
        length_s: (60, 300),
        size: Some((-5.0, 5.0)),
        target: Hits::Temperature,
        effects: |f, s| point("sensor-bias", &format!("offset = {:.3}\n", f.size), f, s),
        sign: "the point is not good, or in doubt, or ails",
        noticed: |said, f| said.doubts_point(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 3,
        name: "drift",
        doc: "a temperature drifts by so many kelvin an hour",
        length_s: (120, 300),
        size: Some((-60.0, 60.0)),
        target: Hits::Temperature,
        effects: |f, s| point("sensor-drift", &format!("per-hour = {:.3}\n", f.size), f, s),
        sign: "the point is not good, or in doubt, or ails",
        noticed: |said, f| said.doubts_point(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 4,
        name: "missing",
        doc: "a point is not heard of",
        length_s: (15, 240),
        size: None,
        target: Hits::Point,
        effects: |f, s| point("sensor-dropout", "", f, s),
        sign: "the point is not good",
        noticed: |said, f| said.doubts_point(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 4,
        name: "silent",
        doc: "a source is not heard of",
        length_s: (15, 240),
        size: None,
        target: Hits::Source,
        effects: |f, _| vec![Effect::World(format!("kind = \"source-silent\"\nsource = \"{}\"", f.target))],
        sign: "a point of the source is not good",
        noticed: |said, f| said.doubts_source(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 4,
        name: "late",
        doc: "all messages of a source take so many seconds",
        length_s: (15, 120),
        size: Some((1.0, 40.0)),
        target: Hits::Source,
        effects: |f, _| messages(&format!("delay = \"{:.1} s\"", f.size), f),
        sign: "a point of the source is not good, or its clock is told to be off",
        noticed: |said, f| said.doubts_source(&f.target) || said.doubts_clock(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 4,
        name: "loss",
        doc: "a source loses such a share of its messages",
        length_s: (15, 120),
        size: Some((0.05, 0.9)),
        target: Hits::Source,
        effects: |f, _| messages(&format!("loss = {}", percent(f.size)), f),
        sign: "a point of the source is not good",
        noticed: |said, f| said.doubts_source(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 5,
        name: "reorder",
        doc: "such a share of a source's messages comes behind later ones",
        length_s: (15, 120),
        size: Some((0.05, 0.5)),
        target: Hits::Source,
        effects: |f, _| messages(&format!("reorder = {}", percent(f.size)), f),
        sign: "a reading older than a known one was passed over",
        noticed: |said, _| said.passed_over(),
        counts_from_end: false,
    },
    Kind {
        row: 5,
        name: "double",
        doc: "such a share of a source's messages comes twice",
        length_s: (15, 120),
        size: Some((0.05, 0.5)),
        target: Hits::Source,
        effects: |f, _| messages(&format!("duplicate = {}", percent(f.size)), f),
        sign: "a reading older than a known one was passed over",
        noticed: |said, _| said.passed_over(),
        counts_from_end: false,
    },
];
