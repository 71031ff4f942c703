//! Events of the power path.

use super::bind::Bind;
use super::{Effect, Entry, Hold, WorldError, default, required};
use crate::scenario::{Holds, Kind};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: Kind {
            name: "feed-loss",
            doc: "The utility fails; the UPS carries the racks until the generator has started. The site returns to the \
                  feed once it has been good for a while.",
            words: "the utility feed is lost, the generator {generator}",
            fields: &[
                default(
                    "generator",
                    Holds::Word(&["starts", "late", "fails"]),
                    "\"starts\"",
                    "What the generator does.",
                ),
                default("late-by", Holds::Time, "\"60 s\"", "How late it is, where it is late."),
            ],
            ramps: false,
        },
        bind: feed_loss,
    },
    Entry {
        kind: Kind {
            name: "ups-battery-weak",
            doc: "The UPS battery holds a part of what it should.",
            words: "the UPS battery holds {share}",
            fields: &[required("share", Holds::Share(0.01, 1.0), "\"50 %\"", "What is left of its energy.")],
            ramps: false,
        },
        bind: battery_weak,
    },
    Entry {
        kind: Kind {
            name: "bess",
            doc: "The battery for the grid is dispatched.",
            words: "the battery gives {power}",
            fields: &[required(
                "power",
                Holds::Quantity("W", -1e9, 1e9),
                "\"100 kW\"",
                "To the panel; below 0 it charges.",
            )],
            ramps: true,
        },
        bind: |bind| {
            has_bess(bind)?;
            let power_w = bind.number("power");
            Ok(Effect::new(move |world, moment| {
                if moment.on() {
                    world.events.holds.push(Hold::Bess(power_w * moment.degree));
                }
            }))
        },
    },
    Entry {
        kind: Kind {
            name: "bess-failure",
            doc: "The battery for the grid is out of service.",
            words: "the battery is out of service",
            fields: &[],
            ramps: false,
        },
        bind: |bind| {
            has_bess(bind)?;
            Ok(Effect::switch(|world, on| {
                if let Some(bess) = &mut world.facility.power.bess {
                    bess.failed = on;
                }
            }))
        },
    },
];

fn has_bess(bind: &Bind<'_>) -> Result<(), WorldError> {
    let remedy = "give it one: `bess = { power = \"500 kW\", energy = \"250 kWh\" }` under `[plant]`";
    bind.world
        .facility
        .power
        .bess
        .as_ref()
        .map(|_| ())
        .ok_or_else(|| bind.missing("battery for the grid", remedy))
}

fn feed_loss(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let fails = bind.text("generator") == "fails";
    let late_s = if bind.text("generator") == "late" { bind.number("late-by") } else { 0.0 };
    Ok(Effect::new(move |world, moment| {
        let power = &mut world.facility.power;
        power.feed_lost = moment.on();
        power.generator.failed = fails && moment.on();
        if moment.begins {
            power.generator.start_s += late_s;
        } else if moment.ends {
            power.generator.start_s -= late_s;
        }
    }))
}

fn battery_weak(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let share = bind.number("share");
    Ok(Effect::new(move |world, moment| {
        let ups = &mut world.facility.power.ups;
        if moment.begins {
            ups.capacity_j *= share;
            ups.energy_j = ups.energy_j.min(ups.capacity_j);
        } else if moment.ends {
            // an exchanged battery comes as full as the old one was
            ups.capacity_j /= share;
            ups.energy_j = (ups.energy_j / share).min(ups.capacity_j);
        }
    }))
}
