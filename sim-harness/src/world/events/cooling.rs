//! Events of pumps, valves, exchangers, machines, coolant and air.

use super::bind::{Bind, Class, Device, ECONOMISER, FACILITY_WATER, REJECTION};
use super::{Effect, Entry, WorldError, default, device, required};
use crate::scenario::{Field, Holds, Kind};
use crate::world::World;
use headroom_truth::facility::pump::Pump;
use headroom_truth::facility::valve::Valve;

const PUMPED: Field = device("\"CDU-02\"", "CDU, or `FWS` for the facility water.");
const PUMP: Field = required("pump", Holds::Count(1, 2), "1", "Pump.");
const VALVED: Field = device("\"CDU-03\"", "CDU or CRAH.");

const fn kind(
    name: &'static str,
    doc: &'static str,
    words: &'static str,
    fields: &'static [Field],
    ramps: bool,
) -> Kind {
    Kind { name, doc, words, fields, ramps }
}

const fn share(max: f64, example: &'static str, doc: &'static str) -> Field {
    required("share", Holds::Share(0.0, max), example, doc)
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: kind(
            "pump-failure",
            "A pump of a CDU or of the facility water fails.",
            "{device}: pump {pump} has failed",
            &[PUMPED, PUMP],
            false,
        ),
        bind: |bind| on_pump(bind, |pump, degree, _| pump.failed = degree > 0.0),
    },
    Entry {
        kind: kind(
            "pump-wear",
            "A pump loses a share of its head.",
            "{device}: pump {pump} is worn, -{share}",
            &[PUMPED, PUMP, share(0.9, "\"20 %\"", "Share of the head lost.")],
            true,
        ),
        bind: |bind| on_pump(bind, |pump, degree, share| pump.wear = share * degree),
    },
    Entry {
        kind: kind(
            "pump-air",
            "Gas at the eye of a pump: head and flow fall.",
            "{device}: {share} of gas in pump {pump}",
            &[PUMPED, PUMP, share(0.3, "\"8 %\"", "Volume share of gas.")],
            true,
        ),
        bind: |bind| on_pump(bind, |pump, degree, share| pump.air = share * degree),
    },
    Entry {
        kind: kind(
            "valve-stuck",
            "The water valve of a CDU or CRAH does not move.",
            "valve of {device} is stuck",
            &[VALVED],
            false,
        ),
        bind: |bind| on_valve(bind, 1.0, |valve, degree| valve.stuck = degree > 0.0),
    },
    Entry {
        kind: kind(
            "valve-stiction",
            "The stem of a water valve sticks and slips: it moves in jumps.",
            "valve of {device} sticks, {deadband}",
            &[
                VALVED,
                required("deadband", Holds::Share(0.0, 0.5), "\"4 %\"", "Static friction, of the stroke."),
            ],
            true,
        ),
        bind: |bind| on_valve(bind, bind.number("deadband"), |valve, value| valve.stiction = value),
    },
    Entry {
        kind: kind(
            "fouling",
            "An exchanger, tower or dry cooler loses a share of its conductance.",
            "{device} is fouled, -{share}",
            &[
                device("\"HX-01\"", "CDU, CRAH, economiser, tower or dry cooler."),
                share(0.9, "\"30 %\"", "Share lost."),
            ],
            true,
        ),
        bind: fouling,
    },
    Entry {
        kind: kind(
            "strainer-clogging",
            "The strainer of a CDU's loop or of the facility water clogs: less flow at the same speed.",
            "strainer of {device} is clogged, {share}",
            &[PUMPED, share(0.95, "\"60 %\"", "Share that is clogged.")],
            true,
        ),
        bind: strainer,
    },
    Entry {
        kind: kind(
            "leak",
            "A rack loses coolant; the loop's reserve makes it up until it is empty.",
            "{device} leaks {rate}",
            &[
                device("\"rack-01\"", "Rack on a coolant loop."),
                required(
                    "rate",
                    Holds::Quantity("L/min", 0.0, 100.0),
                    "\"2 L/min\"",
                    "Leak at filling pressure.",
                ),
            ],
            true,
        ),
        bind: |bind| {
            let (rack, rate) = (liquid_rack(bind)?, bind.number("rate"));
            Ok(Effect::degree(move |world, degree| world.facility.racks[rack].leak_lpm = rate * degree))
        },
    },
    Entry {
        kind: kind(
            "air-pocket",
            "Gas blocks a share of a rack's cold plates.",
            "{share} of the plates of {device} are blocked by gas",
            &[
                device("\"rack-01\"", "Rack on a coolant loop."),
                share(0.9, "\"30 %\"", "Share of the plates."),
            ],
            true,
        ),
        bind: |bind| {
            let (rack, share) = (liquid_rack(bind)?, bind.number("share"));
            Ok(Effect::degree(move |world, degree| world.facility.racks[rack].air = share * degree))
        },
    },
    Entry {
        kind: kind(
            "chiller-trip",
            "A chiller locks out; when it ends, the machine may start after its anti-recycle time.",
            "{device} has tripped",
            &[device("\"CH-01\"", "Chiller.")],
            false,
        ),
        bind: |bind| {
            let Device::Chiller(n) = bind.device("device", &[Class::Chiller])? else {
                return Err(bind.missing("chiller", "remove the event"));
            };
            Ok(Effect::switch(move |world, on| world.facility.primary.chillers[n].tripped = on))
        },
    },
    Entry {
        kind: kind(
            "cell-loss",
            "Cells of the tower or coils of the dry cooler are out of service, with their fans.",
            "{share} of {device} is out of service",
            &[device("\"CT-01\"", "Tower or dry cooler."), share(0.9, "\"25 %\"", "Share of the machine.")],
            false,
        ),
        bind: cell_loss,
    },
    Entry {
        kind: kind(
            "make-up-failure",
            "No make-up water comes to the basin of the tower.",
            "no make-up water at {device}",
            &[device("\"CT-01\"", "Tower.")],
            false,
        ),
        bind: |bind| {
            bind.device("device", &[REJECTION])?;
            Ok(Effect::switch(|world, on| world.facility.condenser.tower.basin.make_up_failed = on))
        },
    },
    Entry {
        kind: kind(
            "fan-failure",
            "Fans of an air handler, tower or dry cooler do no more than a part of what they are asked.",
            "fans of {device} at {left}",
            &[
                device("\"CRAH-01\"", "CRAH, tower or dry cooler."),
                default("left", Holds::Share(0.0, 1.0), "\"0 %\"", "Most they still do."),
            ],
            false,
        ),
        bind: fan_failure,
    },
    Entry {
        kind: kind(
            "crah-failure",
            "An air handler stops: no fan, no water.",
            "{device} has stopped",
            &[device("\"CRAH-01\"", "CRAH.")],
            false,
        ),
        bind: |bind| {
            let n = crah(bind)?;
            Ok(Effect::switch(move |world, on| {
                if on {
                    world.events.holds.push(super::Hold::CrahOff(n));
                }
            }))
        },
    },
    Entry {
        kind: kind(
            "aisle-blocked",
            "Tiles of a row's cold aisle are blocked: its racks breathe their own hot air.",
            "{share} of the tiles of {device} are blocked",
            &[device("\"row-1\"", "Row."), share(0.95, "\"50 %\"", "Share of its tiles.")],
            true,
        ),
        bind: |bind| {
            let Device::Row(row) = bind.device("device", &[Class::Row])? else {
                return Err(bind.missing("such row", "remove the event"));
            };
            let share = bind.number("share");
            Ok(Effect::degree(move |world, degree| world.facility.hall.aisles[row].blocked = share * degree))
        },
    },
    Entry {
        kind: kind(
            "tank",
            "The operator charges or discharges the chilled-water tank.",
            "tank at {flow} of its flow",
            &[required(
                "flow",
                Holds::Share(-1.0, 1.0),
                "\"-60 %\"",
                "Of the pump's design flow: above 0 charges, below discharges.",
            )],
            false,
        ),
        bind: |bind| {
            if bind.world.facility.primary.tank.is_none() {
                return Err(bind.missing("tank", "give it one: `tank = \"60 m3\"` under `[plant]`"));
            }
            let flow = bind.number("flow");
            Ok(Effect::switch(move |world, on| {
                if on {
                    world.events.holds.push(super::Hold::Tank(flow));
                }
            }))
        },
    },
];

/// Something about a pump, by degree and the event's `share`.
fn on_pump(bind: &Bind<'_>, set: fn(&mut Pump, f64, f64)) -> Result<Effect, WorldError> {
    let (pump, share) = (bind.number("pump") as usize - 1, bind.number("share"));
    // what does not come in degrees is there or not
    let all = !bind.event.kind.ramps;
    let device = bind.device("device", &[Class::Cdu, FACILITY_WATER])?;
    Ok(Effect::new(move |world, moment| {
        let degree = if all { f64::from(u8::from(moment.on())) } else { moment.degree };
        let facility = &mut world.facility;
        match device {
            Device::Cdu(n) => set(&mut facility.cdus[n].pumps[pump], degree, share),
            _ => set(&mut facility.primary.pumps[pump], degree, share),
        }
    }))
}

/// Something about the valve of a CDU or CRAH: `value` times the degree.
fn on_valve(bind: &Bind<'_>, value: f64, set: fn(&mut Valve, f64)) -> Result<Effect, WorldError> {
    let device = bind.device("device", &[Class::Cdu, Class::Crah])?;
    Ok(Effect::degree(move |world, degree| match device {
        Device::Cdu(n) => set(&mut world.facility.cdus[n].valve, value * degree),
        Device::Crah(n) => set(&mut world.facility.hall.crahs[n].valve, value * degree),
        _ => {}
    }))
}

fn fouling(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let share = bind.number("share");
    let device = bind.device("device", &[Class::Cdu, Class::Crah, ECONOMISER, REJECTION])?;
    if device == Device::Economiser && !bind.world.facility.primary.has_economiser {
        return Err(bind.missing("economiser", "remove the event"));
    }
    Ok(Effect::degree(move |world, degree| {
        let facility = &mut world.facility;
        match device {
            Device::Cdu(n) => facility.cdus[n].plate.fouling = share * degree,
            Device::Crah(n) => facility.hall.crahs[n].coil.fouling = share * degree,
            Device::Economiser => facility.primary.economiser.fouling = share * degree,
            _ => facility.condenser.tower.fouling = share * degree,
        }
    }))
}

fn strainer(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let share = bind.number("share");
    let device = bind.device("device", &[Class::Cdu, FACILITY_WATER])?;
    Ok(Effect::degree(move |world, degree| match device {
        Device::Cdu(n) => world.facility.cdus[n].clogging = share * degree,
        _ => world.facility.primary.clogging = share * degree,
    }))
}

fn liquid_rack(bind: &Bind<'_>) -> Result<usize, WorldError> {
    match bind.device("device", &[Class::Rack])? {
        Device::Rack(rack) if bind.world.places.rack(rack).cdu.is_some() => Ok(rack),
        _ => Err(bind.missing("coolant in that rack", "name a liquid-cooled one")),
    }
}

fn crah(bind: &Bind<'_>) -> Result<usize, WorldError> {
    match bind.device("device", &[Class::Crah])? {
        Device::Crah(n) => Ok(n),
        _ => Err(bind.missing("such air handler", "remove the event")),
    }
}

fn cell_loss(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    bind.device("device", &[REJECTION])?;
    let share = bind.number("share");
    Ok(Effect::switch(move |world: &mut World, on| {
        world.facility.condenser.tower.fouling = if on { share } else { 0.0 };
        if on {
            world.events.holds.push(super::Hold::TowerFan(1.0 - share));
        }
    }))
}

fn fan_failure(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let left = bind.number("left");
    let hold = match bind.device("device", &[Class::Crah, REJECTION])? {
        Device::Crah(n) => super::Hold::CrahFan(n, left),
        _ => super::Hold::TowerFan(left),
    };
    Ok(Effect::switch(move |world, on| {
        if on {
            world.events.holds.push(hold);
        }
    }))
}
