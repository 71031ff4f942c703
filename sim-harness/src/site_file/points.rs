//! Points: everything the plant shows, with the ranges and limits that a facility engineer would write beside it.

use super::{SiteSource, list, point_id, power::branch_id, wires::register_name};
use crate::image::{ImagePoint, Meaning};
use crate::score::SITE_AIR_C;
use crate::world::place::HALL;
use headroom_truth::work::JobKind;
use std::fmt::{self, Write};

/// The Modbus register that shows a point, if a device does.
fn register_of(s: &SiteSource<'_>, point: usize) -> Option<String> {
    s.modbus.iter().find_map(|d| {
        let r = d.registers.iter().find(|r| r.meaning == Meaning::Value(point))?;
        Some(format!("{{ modbus = \"{}\", register = \"{}\" }}", d.id, register_name(s.image, &r.meaning)))
    })
}

pub(super) fn write_points(o: &mut String, s: &SiteSource<'_>) -> fmt::Result {
    for (i, p) in s.image.points.iter().enumerate().filter(|(_, p)| !p.request) {
        let unit = match p.unit {
            None => "state",
            Some(unit) => unit,
        };
        let of = if s.tree.branches.iter().any(|b| *b.name == *p.object_id) {
            branch_id(&p.object_id)
        } else {
            p.object_id.to_string()
        };
        let of = of.strip_prefix("PWR-").unwrap_or(&of);
        // What a meter shows belongs to the machine it measures, what an aisle's sensor shows to the hall.
        let metered = of.strip_prefix("M-").filter(|m| s.image.points.iter().any(|q| *q.object_id == **m));
        let of =
            if p.process_area.iter().any(|a| a.ends_with("Aisle")) { HALL } else { metered.unwrap_or(of) };
        writeln!(o, "[[point]]\nid = \"{}\"\nof = \"{of}\"\ntype = \"{}\"", point_id(p), p.point_type)?;
        writeln!(o, "area = {}\nunit = \"{unit}\"", list(p.process_area.iter().map(ToString::to_string)))?;
        writeln!(o, "stale-after = \"250 s\"")?;
        if unit == "m3" {
            writeln!(o, "counter = true")?;
        }
        if let Some((low, high)) = plausible(p) {
            writeln!(o, "range = [\"{low} {unit}\", \"{high} {unit}\"]")?;
        }
        if let Some(max) = limit(p) {
            writeln!(o, "max = \"{max} {unit}\"")?;
        }
        // What a device shows by register is read there; the rest comes over the bus.
        let from = register_of(s, i).unwrap_or_else(|| format!("{{ mqtt = \"bms\", tag = \"{}\" }}", p.tag));
        writeln!(o, "from = {from}")?;
    }
    // what an engine serves has its points from the engine's page
    for job in s.jobs.iter().filter(|job| job.kind == JobKind::Training) {
        writeln!(
            o,
            "[[point]]\nid = \"tokens/{0}\"\nof = \"site\"\ntype = \"Tokens\"\nunit = \"tokens\"\ncounter = true",
            job.name
        )?;
        writeln!(
            o,
            "from = {{ prometheus = \"engines\", metric = \"vllm:generation_tokens_total\", labels = {{ job = \"{}\" }} }}",
            job.name
        )?;
    }
    for d in s.modbus {
        for r in &d.registers {
            if let Meaning::Applied(p) = r.meaning {
                let (id, of) = (register_name(s.image, &r.meaning), &s.image.points[p].object_id);
                writeln!(o, "[[point]]\nid = \"{id}\"\nof = \"{of}\"\ntype = \"Setpoint\"\nunit = \"degC\"")?;
                writeln!(o, "from = {{ modbus = \"{}\", register = \"{id}\" }}", d.id)?;
            }
        }
    }
    writeln!(o)
}

/// What a sensor of this kind can physically show.
fn plausible(p: &ImagePoint) -> Option<(f64, f64)> {
    match p.unit? {
        "C" if p.point_type.starts_with("Air") => Some((-40.0, 70.0)),
        "C" => Some((-5.0, 95.0)),
        "%" | "%RH" => Some((-1.0, 110.0)),
        "kPa" => Some((-50.0, 1000.0)),
        _ => None,
    }
}

/// Limits that are never crossed.
fn limit(p: &ImagePoint) -> Option<f64> {
    match (p.object_type, p.point_type) {
        // S45: the IT's highest supply temperature.
        ("Rack", "RackLiquidSupplyTemperature") => Some(45.0),
        // A valve that is open has no authority left.
        ("CDU" | "CRAH", "ValvePosition") => Some(98.0),
        ("Sensor", "AirTemperature") if p.process_area.contains(&"ColdAisle") => Some(SITE_AIR_C),
        _ => None,
    }
}
