//! Rows 6 and 7: clocks of others, and our own.

use super::{Hits, Kind};
use crate::faults::state::Effect;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        row: 6,
        name: "step",
        doc: "the clock of a source jumps by so many seconds",
        length_s: (20, 180),
        size: Some((-7200.0, 7200.0)),
        target: Hits::Source,
        effects: |f, _| {
            let event =
                format!("kind = \"clock-step\"\nsource = \"{}\"\nstep = \"{:.1} s\"", f.target, f.size);
            vec![Effect::World(event)]
        },
        sign: "the clock is told to be off, or a point of the source is not good",
        noticed: |said, f| said.doubts_clock(&f.target) || said.doubts_source(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 6,
        name: "drift",
        doc: "the clock of a source drifts by so many parts per million",
        length_s: (60, 240),
        size: Some((-50_000.0, 50_000.0)),
        target: Hits::Source,
        effects: |f, _| {
            let event =
                format!("kind = \"clock-drift\"\nsource = \"{}\"\nrate = \"{:.0} ppm\"", f.target, f.size);
            vec![Effect::World(event)]
        },
        sign: "the clock is told to be off, or a point of the source is not good",
        noticed: |said, f| said.doubts_clock(&f.target) || said.doubts_source(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 6,
        name: "stands",
        doc: "the stamps of a source stand",
        length_s: (20, 180),
        size: None,
        target: Hits::Source,
        effects: |f, _| vec![Effect::World(format!("kind = \"stamp-stuck\"\nsource = \"{}\"", f.target))],
        sign: "the clock is told to stand, or a point of the source is not good",
        noticed: |said, f| said.doubts_clock(&f.target) || said.doubts_source(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 7,
        name: "ahead",
        doc: "the controller's clock is set ahead by so many seconds",
        length_s: (20, 180),
        size: Some((2.0, 3600.0)),
        target: Hits::All,
        effects: |f, _| vec![Effect::OurClock(f.size)],
        sign: "clocks of others are told to be off, or points are not good",
        noticed: |said, _| said.doubts_any_clock() || said.doubts_any_point(),
        counts_from_end: false,
    },
    Kind {
        row: 7,
        name: "back",
        doc: "the controller's clock is set back by so many seconds",
        length_s: (20, 180),
        size: Some((2.0, 3600.0)),
        target: Hits::All,
        effects: |f, _| vec![Effect::OurClock(-f.size)],
        sign: "the controller says so, lets go and ends, or clocks of others are told to be off",
        noticed: |said, _| said.has_ended() || said.doubts_any_clock(),
        counts_from_end: false,
    },
];
