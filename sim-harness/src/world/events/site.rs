//! Events of the whole site: weather, grid, operator, event bus.

use super::bind::{Bind, Class, Device, REJECTION};
use super::{Curtailment, Effect, Entry, WorldError, default, device, optional, required};
use crate::scenario::{Holds, ImportCut, Kind};
use crate::world::points::RequestTarget;
use headroom_truth::weather::Air;

/// Devices that an operator can take.
const LOCAL: [Class; 5] = [
    Class::Cdu,
    Class::Crah,
    Class::One(Device::ChillerPlant, "chiller-plant"),
    Class::One(Device::Tower, "tower"),
    REJECTION,
];

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: Kind {
            name: "curtailment",
            doc: "The grid limits import. Shown at once, binding after the notice; with several limits each holds for \
                  a while, the last one to the end.",
            words: "the grid allows {limit}",
            fields: &[
                required(
                    "limit",
                    Holds::Limits,
                    "\"-12 %\"",
                    "Less than what the site drew when it began, at most so much (`\"420 kW\"`), or at most \
                    a share of what the feed may carry (`\"70 %\"`: the same limit whoever runs the plant); a list \
                    gives limits in turn.",
                ),
                default("each", Holds::Time, "\"15 min\"", "Time for which each limit of a list holds."),
                default("notice", Holds::Time, "\"0 s\"", "Time between showing and binding."),
            ],
            ramps: false,
        },
        bind: curtailment,
    },
    Entry {
        kind: Kind {
            name: "price",
            doc: "Energy has a price; with several each holds for a while, the last one to the end.",
            words: "energy at {per-mwh} per MWh",
            fields: &[
                required("per-mwh", Holds::Series, "[40, 55, 180]", "Price per MWh, or several in turn."),
                default("each", Holds::Time, "\"1 h\"", "Time for which each price of a list holds."),
            ],
            ramps: false,
        },
        bind: price,
    },
    Entry {
        kind: Kind {
            name: "heat-wave",
            doc: "Outdoor air is warmer; moisture comes along (0.4 K of dew point per kelvin).",
            words: "heat wave, {rise}",
            fields: &[required(
                "rise",
                Holds::Quantity("K", -20.0, 20.0),
                "\"6 K\"",
                "Rise of the dry bulb.",
            )],
            ramps: true,
        },
        bind: |bind| {
            let rise_k = bind.number("rise");
            Ok(Effect::degree(move |world, degree| world.events.warmth_k += rise_k * degree))
        },
    },
    Entry {
        kind: Kind {
            name: "wet-bulb-rise",
            doc: "Outdoor air is more humid at the same dry bulb, up to fog; what fog leaves over is warmth.",
            words: "humid air, wet bulb {rise} higher",
            fields: &[required("rise", Holds::Quantity("K", 0.0, 10.0), "\"4 K\"", "Rise of the wet bulb.")],
            ramps: true,
        },
        bind: |bind| {
            let rise_k = bind.number("rise");
            Ok(Effect::degree(move |world, degree| world.events.moisture_k += rise_k * degree))
        },
    },
    Entry {
        kind: Kind {
            name: "operator-local",
            doc: "The operator takes a device from the integration, and may hold its setpoint at a value.",
            words: "the operator has taken {device}[ and holds it at {value}]",
            fields: &[
                device("\"chiller-plant\"", "CDU, CRAH, `chiller-plant` or `tower`."),
                optional(
                    "value",
                    Holds::Number(-50.0, 500.0),
                    "24.0",
                    "Setpoint that the operator holds, in its \
                    unit; absent: the plant's own.",
                ),
                default(
                    "setpoint",
                    Holds::Word(&["temperature", "dp"]),
                    "\"temperature\"",
                    "Which setpoint of a CDU \
                    the value is for.",
                ),
            ],
            ramps: false,
        },
        bind: operator,
    },
    Entry {
        kind: Kind {
            name: "broker-cut",
            doc: "Nothing passes the event bus in or out: neither values nor requests nor heartbeats.",
            words: "the event bus is cut",
            fields: &[],
            ramps: false,
        },
        bind: |_| Ok(Effect::switch(|world, on| world.events.bus_cut |= on)),
    },
];

/// Place in a series that holds after a time.
fn turn(phase_s: f64, each_s: f64, count: usize) -> usize {
    let turn = if each_s > 0.0 { (phase_s / each_s) as usize } else { 0 };
    turn.min(count.saturating_sub(1))
}

fn curtailment(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let limits = bind.event.values.limits("limit").to_vec();
    let (each_s, notice_s) = (bind.number("each"), bind.number("notice"));
    Ok(Effect::new(move |world, moment| {
        if moment.ends {
            (world.events.curtailment, world.events.reference_w) = (None, None);
            return;
        }
        let mean_w = world.mean_import_w;
        let reference_w = *world.events.reference_w.get_or_insert(mean_w);
        let limit_w = match limits[turn(moment.phase_s, each_s, limits.len())] {
            ImportCut::Watts(limit_w) => limit_w,
            ImportCut::Share(share) => (1.0 - share) * reference_w,
            ImportCut::OfFeed(share) => share * world.tree.branches[crate::world::tree::FEED].budget_w,
        };
        world.events.curtailment = Some(Curtailment { limit_w, binding: moment.phase_s >= notice_s });
    }))
}

fn price(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let (prices, each_s) = (bind.event.values.series("per-mwh").to_vec(), bind.number("each"));
    Ok(Effect::new(move |world, moment| {
        if moment.on() {
            world.events.price_per_mwh = prices.get(turn(moment.phase_s, each_s, prices.len())).copied();
        }
    }))
}

fn operator(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let dp = bind.text("setpoint") == "dp";
    let (mut targets, held) = match bind.device("device", &LOCAL)? {
        Device::Cdu(n) if dp => (vec![RequestTarget::CduSupply(n)], RequestTarget::CduDp(n)),
        Device::Cdu(n) => (vec![RequestTarget::CduDp(n)], RequestTarget::CduSupply(n)),
        Device::Crah(n) => (vec![], RequestTarget::CrahSupply(n)),
        Device::Tower => (vec![], RequestTarget::Tower),
        _ => (vec![], RequestTarget::Facility),
    };
    let value = bind.event.values.number("value");
    if value.is_none() {
        targets.push(held);
    }
    Ok(Effect::switch(move |world, on| {
        if on {
            world.take_local(&targets, None);
            if value.is_some() {
                world.take_local(&[held], value);
            }
        }
    }))
}

/// The same air with a wet bulb higher by `rise_k`: more moisture, then warmth once it is saturated.
pub(super) fn moist(air: &Air, rise_k: f64) -> Air {
    let wanted_c = air.wet_bulb_c + rise_k;
    if wanted_c >= air.dry_bulb_c {
        return Air::new(wanted_c, wanted_c, air.pressure_pa);
    }
    // the wet bulb rises with the dew point, so halving finds it
    let (mut low_c, mut high_c) = (air.dew_point_c, air.dry_bulb_c);
    for _ in 0..30 {
        let middle_c = 0.5 * (low_c + high_c);
        let tried = Air::new(air.dry_bulb_c, middle_c, air.pressure_pa);
        if tried.wet_bulb_c < wanted_c { low_c = middle_c } else { high_c = middle_c }
    }
    Air::new(air.dry_bulb_c, 0.5 * (low_c + high_c), air.pressure_pa)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moisture_raises_the_wet_bulb_alone_until_fog() {
        let air = Air::new(32.0, 12.0, 101_325.0);
        let humid = moist(&air, 4.0);
        assert!((humid.wet_bulb_c - air.wet_bulb_c - 4.0).abs() < 0.01, "{humid:?}");
        assert!((humid.dry_bulb_c - 32.0).abs() < 1e-12);
        let fog = moist(&Air::new(15.0, 14.0, 101_325.0), 4.0);
        assert!(fog.rh > 0.999 && fog.dry_bulb_c > 17.0, "{fog:?}");
    }

    #[test]
    fn series_hold_in_turn_and_the_last_to_the_end() {
        assert_eq!([0.0, 899.0, 900.0, 9000.0].map(|t| turn(t, 900.0, 3)), [0, 0, 1, 2]);
        assert_eq!(turn(5.0, 0.0, 3), 0);
    }
}
