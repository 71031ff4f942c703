//! Rows 8, 9, 11, 12: what answers for points and setpoints of the plant.

use super::{Hits, Kind};
use crate::faults::fault::Fault;
use crate::faults::state::Effect;
use crate::virtual_plant::Lie;

fn register(what: &str, fault: &Fault) -> Vec<Effect> {
    let event = format!("kind = \"register-fault\"\nsource = \"{}\"\nfault = \"{what}\"", fault.target);
    vec![Effect::World(event)]
}

pub(super) const KINDS: &[Kind] = &[
    Kind {
        row: 8,
        name: "refuses",
        doc: "a device answers each setpoint with an exception",
        length_s: (20, 150),
        size: None,
        target: Hits::RemoteDevice,
        effects: |f, s| s.places.actuators_of(&f.target).map(|a| Effect::Lies(a, Lie::Refuses)).collect(),
        sign: "a write was refused",
        noticed: |said, _| said.write_failed(),
        counts_from_end: false,
    },
    Kind {
        row: 9,
        name: "silent",
        doc: "a device does not answer; its gateway says so",
        length_s: (20, 150),
        size: None,
        target: Hits::Device,
        effects: |f, _| register("silent", f),
        sign: "a point of the device is not good",
        noticed: |said, f| said.doubts_device(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 11,
        name: "words",
        doc: "a device swaps the words of long values",
        length_s: (20, 150),
        size: None,
        target: Hits::Device,
        effects: |f, _| register("word-swap", f),
        sign: "a point of the device is not good",
        noticed: |said, f| said.doubts_device(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 11,
        name: "ones",
        doc: "all registers of a device read 0xFFFF",
        length_s: (20, 150),
        size: None,
        target: Hits::Device,
        effects: |f, _| register("sentinel", f),
        sign: "a point of the device is not good",
        noticed: |said, f| said.doubts_device(&f.target),
        counts_from_end: false,
    },
    Kind {
        row: 12,
        name: "ignores",
        doc: "a setpoint is accepted and not applied",
        length_s: (40, 180),
        size: None,
        target: Hits::Actuator,
        effects: |f, s| {
            s.places.actuator(&f.target).map(|a| Effect::Lies(a, Lie::Ignores)).into_iter().collect()
        },
        sign: "it is held back, a write has failed, or the read-back is in doubt",
        noticed: |said, f| {
            said.holds_back(&f.target) || said.write_failed() || said.doubts_actuator(&f.target)
        },
        counts_from_end: false,
    },
    Kind {
        row: 12,
        name: "stops",
        doc: "a setpoint stops so many units from where it is asked to stand",
        length_s: (40, 180),
        size: Some((-4.0, 4.0)),
        target: Hits::Actuator,
        effects: |f, s| {
            let lie = |a| Effect::Lies(a, Lie::Stops(s.places.base(a, f.size)));
            s.places.actuator(&f.target).map(lie).into_iter().collect()
        },
        sign: "it is held back, a write has failed, or the read-back is in doubt",
        noticed: |said, f| {
            said.holds_back(&f.target) || said.write_failed() || said.doubts_actuator(&f.target)
        },
        counts_from_end: false,
    },
];
