//! Events of pumps, valves, exchangers, machines and air.

use super::bind::{Bind, Class, Device, ECONOMISER, FACILITY_WATER, TOWER};
use super::{Effect, Entry, WorldError, device, required};
use crate::scenario::{Holds, Kind};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: Kind {
            name: "pump-failure",
            doc: "A pump of a CDU or of the facility water fails.",
            words: "{device}: pump {pump} has failed",
            fields: &[
                device("\"CDU-02\"", "CDU, or `FWS` for the facility water."),
                required("pump", Holds::Count(1, 2), "1", "Pump."),
            ],
            ramps: false,
        },
        bind: pump_failure,
    },
    Entry {
        kind: Kind {
            name: "valve-stuck",
            doc: "The water valve of a CDU or CRAH does not move.",
            words: "valve of {device} is stuck",
            fields: &[device("\"CDU-03\"", "CDU or CRAH.")],
            ramps: false,
        },
        bind: valve_stuck,
    },
    Entry {
        kind: Kind {
            name: "fouling",
            doc: "An exchanger or the tower loses a share of its conductance.",
            words: "{device} is fouled, -{share}",
            fields: &[
                device("\"HX-01\"", "CDU, CRAH, economiser or tower."),
                required("share", Holds::Share(0.0, 0.9), "\"30 %\"", "Share lost."),
            ],
            ramps: true,
        },
        bind: fouling,
    },
    Entry {
        kind: Kind {
            name: "chiller-trip",
            doc: "A chiller locks out; when it ends the machine may start again after its anti-recycle time.",
            words: "{device} has tripped",
            fields: &[device("\"CH-01\"", "Chiller.")],
            ramps: false,
        },
        bind: chiller_trip,
    },
];

fn pump_failure(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let pump = bind.number("pump") as usize - 1;
    Ok(match bind.device("device", &[Class::Cdu, FACILITY_WATER])? {
        Device::Cdu(n) => Effect::switch(move |world, on| world.facility.cdus[n].pumps[pump].failed = on),
        _ => Effect::switch(move |world, on| world.facility.primary.pumps[pump].failed = on),
    })
}

fn valve_stuck(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    Ok(match bind.device("device", &[Class::Cdu, Class::Crah])? {
        Device::Cdu(n) => Effect::switch(move |world, on| world.facility.cdus[n].valve.stuck = on),
        Device::Crah(n) => Effect::switch(move |world, on| world.facility.hall.crahs[n].valve.stuck = on),
        _ => return Err(bind.missing("such valve", "remove the event")),
    })
}

fn fouling(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let share = bind.number("share");
    Ok(match bind.device("device", &[Class::Cdu, Class::Crah, ECONOMISER, TOWER])? {
        Device::Cdu(n) => {
            Effect::degree(move |world, degree| world.facility.cdus[n].plate.fouling = share * degree)
        }
        Device::Crah(n) => {
            Effect::degree(move |world, degree| world.facility.hall.crahs[n].coil.fouling = share * degree)
        }
        Device::Economiser => {
            Effect::degree(move |world, degree| world.facility.primary.economiser.fouling = share * degree)
        }
        _ => Effect::degree(move |world, degree| world.facility.condenser.tower.fouling = share * degree),
    })
}

fn chiller_trip(bind: &Bind<'_>) -> Result<Effect, WorldError> {
    let Device::Chiller(n) = bind.device("device", &[Class::Chiller])? else {
        return Err(bind.missing("chiller", "remove the event"));
    };
    Ok(Effect::switch(move |world, on| world.facility.primary.chillers[n].tripped = on))
}
