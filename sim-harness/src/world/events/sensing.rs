//! Events of sensors and of the sources that send what they measure.

use super::bind::Bind;
use super::{Effect, Entry, WorldError, default, required};
use crate::image::{DeviceFault, Link, SourceIndex};
use crate::scenario::{Field, Holds, Kind};
use crate::world::sensors::{SensorFault, SourceFault};

const POINT: Field = required(
    "point",
    Holds::Name,
    "\"CDU-02/secondary/supply/temperature\"",
    "Tag of the point, or an ending of it that only one has.",
);
const SOURCE: Field = required(
    "source",
    Holds::Name,
    "\"CDU-02\"",
    "Object or Modbus device whose values it stamps and sends, or `all` of them.",
);
const SHARE: Holds = Holds::Share(0.0, 1.0);

/// A kind about one sensor.
const fn sensor(
    name: &'static str,
    doc: &'static str,
    words: &'static str,
    fields: &'static [Field],
    bind: fn(&Bind<'_>) -> Result<Effect, WorldError>,
) -> Entry {
    Entry { kind: Kind { name, doc, words, fields, ramps: false }, bind }
}

pub(super) const ENTRIES: &[Entry] = &[
    sensor(
        "sensor-stuck",
        "A sensor measures one value for ever.",
        "sensor {point} is stuck",
        &[POINT],
        |bind| wrong(bind, SensorFault::Stuck(None)),
    ),
    sensor(
        "sensor-bias",
        "A sensor measures too much.",
        "sensor {point} is off by {offset}",
        &[POINT, required("offset", Holds::Number(-1e6, 1e6), "1.5", "How much, in the point's unit.")],
        |bind| wrong(bind, SensorFault::Bias(bind.number("offset"))),
    ),
    sensor(
        "sensor-drift",
        "A sensor measures too much by ever more.",
        "sensor {point} drifts by {per-hour} an hour",
        &[
            POINT,
            required("per-hour", Holds::Number(-1e6, 1e6), "0.5", "Growth in an hour, in the point's unit."),
        ],
        |bind| wrong(bind, SensorFault::Drift { per_hour: bind.number("per-hour") }),
    ),
    sensor(
        "sensor-gain",
        "A sensor measures so many times the value.",
        "sensor {point} shows {factor} times the value",
        &[POINT, required("factor", Holds::Number(-1e3, 1e3), "1.08", "Factor.")],
        |bind| wrong(bind, SensorFault::Gain(bind.number("factor"))),
    ),
    sensor(
        "sensor-noise",
        "A sensor is noisier.",
        "sensor {point} is noisy, {deviation}",
        &[
            POINT,
            required("deviation", Holds::Number(0.0, 1e6), "0.8", "Standard deviation, in the point's unit."),
        ],
        |bind| wrong(bind, SensorFault::Noise(bind.number("deviation"))),
    ),
    sensor(
        "sensor-lies",
        "A point shows a wrong value at good quality, while the local loop measures right.",
        "point {point} shows {value}, whatever is so",
        &[POINT, required("value", Holds::Number(-1e9, 1e9), "0.0", "What it shows, in the point's unit.")],
        |bind| wrong(bind, SensorFault::Shows(bind.number("value"))),
    ),
    sensor(
        "sensor-unit",
        "A point shows degrees Fahrenheit where Celsius is said.",
        "point {point} shows degrees Fahrenheit",
        &[POINT],
        |bind| wrong(bind, SensorFault::Fahrenheit),
    ),
    sensor(
        "sensor-quality",
        "A point shows the right value with another quality.",
        "point {point} shows quality {quality}",
        &[POINT, required("quality", Holds::Number(-9.0, 999.0), "0", "DSX quality; 1 is good.")],
        |bind| wrong(bind, SensorFault::BadQuality(bind.number("quality") as i32)),
    ),
    sensor(
        "sensor-null",
        "A point shows null at good quality.",
        "point {point} shows null",
        &[POINT],
        |bind| wrong(bind, SensorFault::Null),
    ),
    sensor("sensor-dropout", "A point is not heard of.", "point {point} is not heard of", &[POINT], |bind| {
        wrong(bind, SensorFault::Dropout)
    }),
    sensor(
        "sensors-swapped",
        "Two sensors are mixed up.",
        "sensors {point} and {with} are swapped",
        &[
            POINT,
            required("with", Holds::Name, "\"CDU-02/secondary/return/temperature\"", "The other point."),
        ],
        swapped,
    ),
    sensor(
        "clock-step",
        "The clock of a source has jumped.",
        "the clock of {source} is off by {step}",
        &[
            SOURCE,
            required("step", Holds::Quantity("s", -1e8, 1e8), "\"-90 s\"", "Jump, forward if above 0."),
        ],
        |bind| source(bind, SourceFault::ClockStep { step_s: bind.number("step") }),
    ),
    sensor(
        "clock-drift",
        "The clock of a source runs fast from now on.",
        "the clock of {source} drifts by {rate}",
        &[SOURCE, required("rate", Holds::Quantity("ppm", -1e6, 1e6), "\"200 ppm\"", "Rate.")],
        |bind| source(bind, SourceFault::ClockDrift { ppm: bind.number("rate") }),
    ),
    sensor(
        "time-zone",
        "A source says local time for UTC.",
        "{source} says local time, {hours} h off",
        &[SOURCE, required("hours", Holds::Number(-14.0, 14.0), "-6", "Offset, h.")],
        |bind| source(bind, SourceFault::TimeZone { hours: bind.number("hours") as i8 }),
    ),
    sensor(
        "stamp-stuck",
        "All stamps of a source are the one of the beginning.",
        "the stamps of {source} stand",
        &[SOURCE],
        |bind| source(bind, SourceFault::StuckStamp),
    ),
    sensor("source-silent", "A source is not heard of.", "{source} is silent", &[SOURCE], |bind| {
        source(bind, SourceFault::Silent)
    }),
    sensor(
        "gateway-cache",
        "A gateway in front of a source repeats what it last knew, with fresh stamps.",
        "the gateway of {source} repeats old values",
        &[SOURCE],
        |bind| source(bind, SourceFault::Cache),
    ),
    sensor(
        "messages",
        "The link of a source loses, doubles, reorders or delays its messages.",
        "messages of {source}: loss {loss}, doubled {duplicate}, reordered {reorder}, {delay} late",
        &[
            SOURCE,
            default("loss", SHARE, "\"0 %\"", "Share that never arrives."),
            default("duplicate", SHARE, "\"0 %\"", "Share that arrives twice."),
            default("reorder", SHARE, "\"0 %\"", "Share that later ones overtake."),
            default("delay", Holds::Time, "\"0 s\"", "Time that every message takes."),
        ],
        |bind| {
            let link = Link {
                loss: bind.number("loss"),
                duplicate: bind.number("duplicate"),
                reorder: bind.number("reorder"),
                delay_s: bind.number("delay"),
            };
            source(bind, SourceFault::Link(link))
        },
    ),
    sensor(
        "register-fault",
        "A Modbus device answers wrong: 32-bit words swapped, all registers 0xFFFF, or no answer behind its gateway.",
        "registers of {source}: {fault}",
        &[
            SOURCE,
            required(
                "fault",
                Holds::Word(&["word-swap", "sentinel", "silent"]),
                "\"word-swap\"",
                "What is wrong.",
            ),
        ],
        |bind| {
            let fault = match bind.text("fault") {
                "word-swap" => DeviceFault::WordSwap,
                "sentinel" => DeviceFault::Sentinel,
                _ => DeviceFault::Silent,
            };
            source(bind, SourceFault::Device(fault))
        },
    ),
];

/// A fault of the sensor of `point`. A point has one fault at a time: when a later event ends, an earlier one that is
/// still on begins anew.
fn wrong(bind: &Bind<'_>, fault: SensorFault) -> Result<Effect, WorldError> {
    let point = bind.point("point")?;
    Ok(Effect::new(move |world, moment| {
        if moment.ends {
            world.sensors.set_fault(point, None);
        } else if moment.begins || world.sensors.fault(point).is_none() {
            world.sensors.set_fault(point, Some(fault));
        }
    }))
}

fn swapped(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let (one, other) = (bind.point("point")?, bind.point("with")?);
    Ok(Effect::new(move |world, moment| {
        if moment.begins || moment.ends {
            world.sensors.set_fault(one, moment.on().then_some(SensorFault::SwappedWith(other)));
            world.sensors.set_fault(other, moment.on().then_some(SensorFault::SwappedWith(one)));
        }
    }))
}

/// A fault of a source, or of all.
fn source(bind: &Bind<'_>, fault: SourceFault) -> Result<Effect, WorldError> {
    let sources: Vec<SourceIndex> = bind.sources("source")?;
    Ok(Effect::new(move |world, moment| {
        for &source in &sources {
            if moment.ends {
                world.sensors.set_source_fault(source, None);
            } else if moment.begins || world.sensors.source_fault(source).is_none() {
                world.sensors.set_source_fault(source, Some(fault));
            }
        }
    }))
}
