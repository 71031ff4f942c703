//! Actuators: what may be asked of CDUs, CRAHs and the facility water, within which bounds and where to.

use super::{SiteSource, list, wires::register_name};
use crate::image::{ImagePoint, Meaning};
use crate::world::place::cdu_name;
use std::fmt::{self, Write};

/// One actuator of the demo plant.
struct Asked<'a> {
    id: String,
    of: &'a str,
    group: &'a str,
    kind: &'a str,
    area: Vec<&'a str>,
    unit: &'a str,
    range: (f64, f64),
    step: f64,
    ramp: &'a str,
    deadband: f64,
    fallback: f64,
    readback: String,
    measures: Option<String>,
    unloads: Vec<String>,
    to: String,
}

pub(super) fn write_actuators(o: &mut String, s: &SiteSource<'_>) -> fmt::Result {
    for c in 0..s.places.cdus {
        write_cdu_actuators(o, s, &cdu_name(c))?;
    }
    for crah in s.image.points.iter().filter(|p| p.object_type == "CRAH" && p.request) {
        write_crah_actuator(o, s, crah)?;
    }
    write_plant_actuators(o, s)
}

/// Machines that warmer water relieves.
/// Meters of what works less when water gets warmer.
fn machines(s: &SiteSource<'_>) -> Vec<String> {
    let makes_cold = |p: &&ImagePoint| matches!(p.object_type, "Chiller" | "CoolingTower");
    let mut ids: Vec<&str> = s.image.points.iter().filter(makes_cold).map(|p| &*p.object_id).collect();
    ids.dedup();
    ids.into_iter().map(|id| format!("{id}/meter/power")).collect()
}

fn write_cdu_actuators(o: &mut String, s: &SiteSource<'_>, id: &str) -> fmt::Result {
    let meter = format!("{id}/meter/power");
    let tag = |t: &str| format!("{{ mqtt = \"bms\", tag = \"hall-1/{id}/{t}\" }}");
    write_actuator(
        o,
        &Asked {
            id: format!("{id}/supply-temperature"),
            of: id,
            group: "cdu",
            kind: "LiquidTemperatureSpRequest",
            area: vec!["Secondary", "Supply"],
            unit: "C",
            range: (20.0, 43.0),
            step: 0.5,
            ramp: "1 K/5min",
            deadband: 0.1,
            fallback: s.design.cdu_supply_c,
            readback: format!("{id}/temperature/finalSetpoint"),
            measures: Some(format!("{id}/secondary/supply/temperature")),
            unloads: machines(s),
            to: tag("temperature/request"),
        },
    )?;
    write_actuator(
        o,
        &Asked {
            id: format!("{id}/differential-pressure"),
            of: id,
            group: "cdu",
            kind: "GenericPoint",
            area: vec!["Secondary", "DifferentialPressure"],
            unit: "kPa",
            range: (40.0, 120.0),
            step: 3.0,
            ramp: "2 kPa/min",
            deadband: 0.5,
            fallback: s.design.cdu_dp_kpa,
            readback: format!("{id}/dp/finalSetpoint"),
            measures: Some(format!("{id}/secondary/dp")),
            unloads: vec![meter],
            to: tag("dp/request"),
        },
    )
}

fn write_crah_actuator(o: &mut String, s: &SiteSource<'_>, crah: &ImagePoint) -> fmt::Result {
    let id = &*crah.object_id;
    write_actuator(
        o,
        &Asked {
            id: format!("{id}/supply-temperature"),
            of: id,
            group: "air",
            kind: crah.point_type,
            area: crah.process_area.clone(),
            unit: "C",
            range: (18.0, 30.0),
            step: 0.5,
            ramp: "0.5 K/5min",
            deadband: 0.1,
            fallback: s.design.crah_supply_c,
            readback: format!("{id}/supply/finalSetpoint"),
            measures: Some(format!("{id}/supply/temperature")),
            unloads: machines(s),
            to: format!("{{ mqtt = \"bms\", tag = \"{}\" }}", crah.tag),
        },
    )
}

fn write_plant_actuators(o: &mut String, s: &SiteSource<'_>) -> fmt::Result {
    for d in s.modbus {
        for r in &d.registers {
            let Meaning::Setpoint(p) = r.meaning else { continue };
            let point = &s.image.points[p];
            if *point.object_id != *"FWS" {
                continue;
            }
            let applied = register_name(s.image, &Meaning::Applied(p));
            write_actuator(
                o,
                &Asked {
                    id: "facility-water/supply-temperature".to_owned(),
                    of: "FWS",
                    group: "chiller",
                    kind: point.point_type,
                    area: point.process_area.clone(),
                    unit: "C",
                    range: (s.design.facility_range_c.0 + 2.0, s.design.facility_range_c.1),
                    step: 0.5,
                    ramp: "1 K/5min",
                    deadband: 0.1,
                    fallback: 0.5 * (s.design.coldest_c + s.design.warmest_c),
                    readback: applied,
                    measures: Some("facility-water/supply/temperature".to_owned()),
                    unloads: machines(s),
                    to: format!(
                        "{{ modbus = \"{}\", register = \"{}\" }}",
                        d.id,
                        register_name(s.image, &r.meaning)
                    ),
                },
            )?;
        }
    }
    writeln!(o)
}

fn write_actuator(o: &mut String, a: &Asked<'_>) -> fmt::Result {
    let difference = if a.unit == "C" { "K" } else { a.unit };
    writeln!(
        o,
        "[[actuator]]\nid = \"{}\"\nof = \"{}\"\ngroup = \"{}\"\ntype = \"{}\"",
        a.id, a.of, a.group, a.kind
    )?;
    writeln!(o, "area = {}\nunit = \"{}\"", list(a.area.iter().map(ToString::to_string)), a.unit)?;
    writeln!(o, "range = [\"{} {u}\", \"{} {u}\"]\nramp = \"{}\"", a.range.0, a.range.1, a.ramp, u = a.unit)?;
    writeln!(o, "step = \"{} {difference}\"\ndeadband = \"{} {difference}\"", a.step, a.deadband)?;
    writeln!(
        o,
        "fallback = \"{} {}\"\nrefresh = \"30 s\"\nreadback = \"{}\"",
        a.fallback, a.unit, a.readback
    )?;
    if let Some(m) = &a.measures {
        writeln!(o, "measures = \"{m}\"")?;
    }
    writeln!(o, "unloads = {}\nto = {}", list(a.unloads.iter().cloned()), a.to)
}
