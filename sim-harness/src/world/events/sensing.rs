//! Events of sensors and of the sources that carry their values.

use super::{Effect, Entry, required};
use crate::scenario::{Field, Holds, Kind};
use crate::world::sensors::SensorFault;

const POINT: Field = required(
    "point",
    Holds::Name,
    "\"CDU-02/secondary/supply/temperature\"",
    "Tag of the point, or an ending of it that only one has.",
);

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: Kind {
            name: "sensor-stuck",
            doc: "A sensor shows one value for ever.",
            words: "sensor {point} is stuck",
            fields: &[POINT],
            ramps: false,
        },
        bind: |bind| {
            let point = bind.point("point")?;
            Ok(Effect::new(move |world, moment| {
                if moment.begins || moment.ends {
                    world.sensors.set_fault(point, moment.on().then_some(SensorFault::Stuck(None)));
                }
            }))
        },
    },
    Entry {
        kind: Kind {
            name: "sensor-bias",
            doc: "A sensor shows too much.",
            words: "sensor {point} is off by {offset}",
            fields: &[
                POINT,
                required("offset", Holds::Number(-1e6, 1e6), "1.5", "How much, in the point's unit."),
            ],
            ramps: true,
        },
        bind: |bind| {
            let (point, offset) = (bind.point("point")?, bind.number("offset"));
            Ok(Effect::new(move |world, moment| {
                let fault = moment.on().then_some(SensorFault::Bias(offset * moment.degree));
                world.sensors.set_fault(point, fault);
            }))
        },
    },
];
