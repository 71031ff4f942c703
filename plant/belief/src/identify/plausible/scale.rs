//! Units: a column's mean against what surrounds it, and the unit that would explain the difference.
//!
//! ```text
//! temperature of a liquid   water that flows is above 0 and, at a cooled machine, below 60 degC
//! what a setpoint moves     stands near its setpoint
//! a meter above GPUs        shows their power, and at most four times as much
//! facility power            is at least the IT's; cooling is a part of it
//! ```
//!
//! A value that is out of its bounds is taken for one of another unit only where that unit brings it in.

use super::{gpu_power, in_doubt, mean, values};
use crate::identify::finding::{Finding, Slip};
use crate::identify::table::Table;
use headroom_site::quantity::{UNITS, Unit};
use headroom_site::{Dimension, PointId, Site};
use std::collections::BTreeSet;

/// Temperatures of cooling liquids, degC.
const LIQUID_C: (f64, f64) = (0.5, 60.0);
/// Power of a GPU over its idle power at least, over its highest cap at most.
const GPU: (f64, f64) = (0.2, 1.2);
/// A meter over the GPUs below it.
const METER: (f64, f64) = (0.9, 4.0);
/// Facility power over IT power.
const FACILITY: (f64, f64) = (0.97, 3.5);
/// Cooling power over facility power.
const COOLING: (f64, f64) = (2e-3, 0.7);
/// How far what a setpoint moves may be from it: K, and share of other quantities.
const NEAR: (f64, f64) = (8.0, 0.5);

pub(super) fn look(site: &Site, table: &Table) -> Vec<Finding> {
    let mut findings = liquids(site, table);
    setpoints(site, table, &mut findings);
    meters(site, table, &mut findings);
    findings
}

/// The unit that brings the mean of a column into its bounds; the one nearest to their middle. That it does not come in a
/// unit can only be where the site file or the table declares that unit.
pub(super) fn slip(site: &Site, table: &Table, id: &str, mean: f64, bounds: (f64, f64)) -> Option<Slip> {
    let point = site.point(id).map(|p| site.points[p.index()].unit);
    let dimension = point.map_or(Dimension::Power, |u| u.dimension);
    let column = table.column(id).and_then(|c| Unit::of(&c.unit));
    // A flowing liquid below freezing was converted by somebody, whoever it was.
    let frozen = dimension == Dimension::Temperature && bounds == LIQUID_C && mean < LIQUID_C.0;
    let is_declared = |u: &Unit| frozen || [point, column].iter().flatten().any(|d| d.symbol == u.symbol);
    let inside = |x: f64| x >= bounds.0 && x <= bounds.1;
    if inside(mean) {
        return None;
    }
    let middle = 0.5 * (bounds.0 + bounds.1);
    let base = dimension.base();
    // Of several names of one unit the first counts, unless another is the declared one. No machine is metered in mW.
    let mut seen: Vec<(f64, f64)> = Vec::new();
    let mut best: Option<(f64, Slip)> = None;
    for unit in UNITS.iter().filter(|u| u.dimension == dimension && u.symbol != base && u.symbol != "mW") {
        if (seen.contains(&(unit.scale, unit.offset)) && !is_declared(unit))
            || (unit.scale, unit.offset) == (1.0, 0.0)
        {
            continue;
        }
        seen.push((unit.scale, unit.offset));
        for (x, slip) in candidates(mean, unit) {
            let far = (x - middle).abs();
            if matches!(slip, Slip::DeclaredAs(_)) && !is_declared(unit) {
                continue;
            }
            if inside(x) && best.is_none_or(|(b, _)| far < b) {
                best = Some((far, slip));
            }
        }
    }
    best.map(|(_, slip)| slip)
}

fn candidates(mean: f64, unit: &Unit) -> [(f64, Slip); 2] {
    [
        (unit.to_base(mean), Slip::NumbersAre(unit.symbol)),
        (unit.from_base(mean), Slip::DeclaredAs(unit.symbol)),
    ]
}

pub(super) fn finding(table: &Table, point: &str, slip: Slip, mean: f64, against: String) -> Finding {
    let declared = table.column(point).map_or_else(String::new, |c| c.unit.clone());
    Finding::Unit { point: point.to_owned(), declared, slip, mean, against }
}

/// Is this a temperature of a liquid?
fn is_liquid(site: &Site, p: usize) -> bool {
    let point = &site.points[p];
    let air =
        point.kind.contains("Air") || point.area.iter().any(|a| a.contains("Air") || a.contains("Aisle"));
    let cools = ["cdu", "rack-manifold", "facility-loop", "chiller", "hx", "tank"];
    let of = site.equipment.iter().find(|e| e.id == point.of).map_or("", |e| e.kind.as_str());
    let liquid = point.kind.contains("Liquid") || point.kind.contains("Water") || cools.contains(&of);
    point.unit.dimension == Dimension::Temperature && liquid && !air
}

fn liquids(site: &Site, table: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    for p in (0..site.points.len()).filter(|p| is_liquid(site, *p)) {
        let id = &site.points[p].id;
        let Some(mean) = values(site, table, PointId(p as u32)).and_then(mean) else { continue };
        if let Some(slip) = slip(site, table, id, mean, LIQUID_C) {
            let against = format!("degC it is none of cooling water ({} to {} degC)", LIQUID_C.0, LIQUID_C.1);
            findings.push(finding(table, id, slip, mean, against));
        }
    }
    findings
}

/// What a setpoint moves stands near it, and both in the actuator's range.
fn setpoints(site: &Site, table: &Table, findings: &mut Vec<Finding>) {
    for actuator in &site.actuators {
        let (Some(measures), Some(readback)) = (actuator.measures, actuator.readback) else { continue };
        let dimension = actuator.unit.dimension;
        if site.dimension(measures) != dimension || site.dimension(readback) != dimension {
            continue;
        }
        let both =
            values(site, table, measures).and_then(mean).zip(values(site, table, readback).and_then(mean));
        let Some((measured, asked)) = both else { continue };
        let width = |x: f64| if dimension == Dimension::Temperature { NEAR.0 } else { NEAR.1 * x.abs() };
        let near = |x: f64| (x - width(x), x + width(x));
        let (low, high) = actuator.range;
        // The one that is out of the actuator's own range is the one to doubt.
        let asked_fits = asked >= low - width(low) && asked <= high + width(high);
        let (point, mean, bounds) =
            if asked_fits { (measures, measured, near(asked)) } else { (readback, asked, near(measured)) };
        let id = &site.points[point.index()].id;
        if in_doubt(findings, id) {
            continue;
        }
        if let Some(slip) = slip(site, table, id, mean, bounds) {
            let base = dimension.base();
            let against = format!(
                "{base} it is far from the {:.4} {base} beside it ({})",
                0.5 * (bounds.0 + bounds.1),
                actuator.id
            );
            findings.push(finding(table, id, slip, mean, against));
        }
    }
}

/// Meters against the GPUs below them, and against each other.
fn meters(site: &Site, table: &Table, findings: &mut Vec<Finding>) {
    if gpus(site, table, findings) {
        return;
    }
    let checked = gpu_meters(site, table);
    let wrong: Vec<_> = checked
        .iter()
        .filter_map(|(id, mean, gpus)| {
            let slip = slip(site, table, id, *mean, (METER.0 * gpus, METER.1 * gpus))?;
            Some((id, *mean, *gpus, slip))
        })
        .collect();
    for (id, mean, gpus, slip) in wrong {
        if in_doubt(findings, id) {
            continue;
        }
        findings.push(finding(
            table,
            id,
            slip,
            mean,
            format!("W it cannot be above GPUs that draw {gpus:.4} W"),
        ));
    }
    totals(site, table, findings);
}

/// Power of each rack's GPUs against what its GPUs can draw; true where one of them does not fit.
fn gpus(site: &Site, table: &Table, findings: &mut Vec<Finding>) -> bool {
    let before = findings.len();
    for (rack, _) in site.places.iter().filter(|(_, (kind, _))| kind == "rack") {
        let id = format!("gpu_power:{rack}");
        let Some(mean) = table.column(&id).and_then(|c| mean(&c.values)) else { continue };
        let nodes = site.nodes.iter().filter(|n| n.rack == *rack);
        let skus = nodes.flat_map(|n| n.gpus.0..n.gpus.1).map(|g| &site.skus[site.gpus[g as usize].sku]);
        let bounds =
            skus.fold((0.0, 0.0), |(low, high), s| (low + GPU.0 * s.idle_w, high + GPU.1 * s.max_cap_w));
        if let Some(slip) = slip(site, table, &id, mean, bounds) {
            let against =
                format!("W it is nothing that its GPUs can draw ({:.4} to {:.4} W)", bounds.0, bounds.1);
            findings.push(finding(table, &id, slip, mean, against));
        }
    }
    findings.len() > before
}

/// Meters with their means and the mean power of the GPUs below them.
fn gpu_meters(site: &Site, table: &Table) -> Vec<(String, f64, f64)> {
    let mut out: Vec<(String, f64, f64)> = Vec::new();
    let mut take = |meter: PointId, racks: &BTreeSet<&str>| {
        let gpus = gpu_power(table, racks.iter().copied()).as_deref().and_then(mean);
        let id = &site.points[meter.index()].id;
        if let (Some(mean), Some(gpus)) =
            (values(site, table, meter).and_then(mean), gpus.filter(|w| *w > 0.0))
            && out.iter().all(|(known, _, _)| known != id)
        {
            out.push((id.clone(), mean, gpus));
        }
    };
    for (i, branch) in site.power.iter().enumerate() {
        if let Some(meter) = branch.meter {
            take(meter, &racks_below(site, i));
        }
    }
    let all: BTreeSet<&str> = site.nodes.iter().map(|n| n.rack.as_str()).collect();
    for meter in site.meters.it.into_iter().chain(site.meters.facility) {
        take(meter, &all);
    }
    out
}

fn racks_below(site: &Site, branch: usize) -> BTreeSet<&str> {
    let mut racks: BTreeSet<&str> = site.power[branch].racks.iter().map(String::as_str).collect();
    for (i, p) in site.power.iter().enumerate() {
        if p.parent.is_some_and(|up| up.index() == branch) {
            racks.extend(racks_below(site, i));
        }
    }
    racks
}

/// Facility against IT, cooling against facility.
fn totals(site: &Site, table: &Table, findings: &mut Vec<Finding>) {
    let of = |p: PointId| Some((site.points[p.index()].id.clone(), values(site, table, p).and_then(mean)?));
    let facility = site.meters.facility.and_then(of).filter(|(id, _)| !in_doubt(findings, id));
    let it = site.meters.it.and_then(of).filter(|(id, _)| !in_doubt(findings, id));
    let Some((facility, whole)) = facility else { return };
    if let Some((_, it_w)) = it {
        let bounds = (FACILITY.0 * it_w, FACILITY.1 * it_w);
        if let Some(slip) = slip(site, table, &facility, whole, bounds) {
            findings.push(finding(
                table,
                &facility,
                slip,
                whole,
                format!("W it does not fit an IT of {it_w:.4} W"),
            ));
            return;
        }
    }
    let cooling: Vec<(String, f64)> = site.meters.cooling.iter().filter_map(|p| of(*p)).collect();
    let sum: f64 = cooling.iter().map(|c| c.1).sum();
    if cooling.is_empty() || (COOLING.0 * whole..=COOLING.1 * whole).contains(&sum) {
        return;
    }
    for (id, mean) in &cooling {
        if in_doubt(findings, id) {
            continue;
        }
        let others = sum - mean;
        let bounds = ((COOLING.0 * whole - others).max(COOLING.0 * whole), COOLING.1 * whole - others);
        if let Some(slip) = slip(site, table, id, *mean, bounds) {
            findings.push(finding(
                table,
                id,
                slip,
                *mean,
                format!("W it is no part of cooling for {whole:.4} W"),
            ));
        }
    }
}
