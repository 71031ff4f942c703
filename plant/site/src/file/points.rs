//! Equipment, points and actuators of the site file.

use super::Names;
use super::modbus::unwritable;
use super::place::Places;
use super::wires::Wires;
use crate::doc::{At, Doc, Table, suggest};
use crate::model::{Actuator, Equipment, Point, PointId, RegisterSpec, Saves, Sink, Source};
use crate::quantity::{Dimension, Unit};
use crate::time::Span;
use std::collections::BTreeMap;

pub(super) struct Points {
    pub(super) points: Vec<Point>,
    pub(super) names: Names,
    owners: Vec<At<String>>,
}

/// Reads `[[equipment]]`, with the span of each id.
pub(super) fn read_equipment(root: &Table<'_>, places: &Places) -> Vec<(Equipment, At<String>)> {
    let doc = root.doc();
    let mut names = Names::new("piece of equipment");
    let mut serves: Vec<At<String>> = Vec::new();
    let mut out: Vec<(Equipment, At<String>)> = Vec::new();
    root.tables("equipment", |t| {
        let id = t.need_at::<String>("id");
        let kind = t.need::<String>("kind");
        let served = t.strings("serves");
        let (Some(id), Some(kind)) = (id, kind) else { return };
        names.add(doc, &id, out.len());
        if places.names.ids.contains_key(&id.value) {
            doc.find(
                id.span.clone(),
                format!("duplicate id `{}`: a place has this name", id.value),
                "rename one of them",
            );
        }
        let list = served.iter().map(|s| s.value.clone()).collect();
        serves.extend(served);
        out.push((Equipment { id: id.value.clone(), kind, serves: list }, id));
    });
    for s in serves {
        if !names.ids.contains_key(&s.value) && !places.places.contains_key(&s.value) {
            let known = names.ids.keys().chain(places.places.keys()).map(String::as_str);
            let remedy = suggest(&s.value, known)
                .map_or("define it as [[equipment]] or [[place]]".into(), |n| format!("did you mean `{n}`?"));
            doc.find(s.span, format!("serves unknown `{}`", s.value), remedy);
        }
    }
    out
}

impl Points {
    /// Every point and actuator belongs to something that exists.
    pub(super) fn check_owners(
        &self,
        doc: &Doc,
        equipment: &[(Equipment, At<String>)],
        places: &Places,
        power: &Names,
    ) {
        for owner in &self.owners {
            check_owner(doc, owner, equipment, places, Some(power));
        }
    }
}

fn check_owner(
    doc: &Doc,
    owner: &At<String>,
    equipment: &[(Equipment, At<String>)],
    places: &Places,
    power: Option<&Names>,
) {
    let known = equipment.iter().any(|(e, _)| e.id == owner.value)
        || places.places.contains_key(&owner.value)
        || places.node_names.ids.contains_key(&owner.value)
        || power.is_some_and(|p| p.ids.contains_key(&owner.value))
        || owner.value == "site";
    if !known {
        let names =
            equipment.iter().map(|(e, _)| e.id.as_str()).chain(places.places.keys().map(String::as_str));
        let remedy = suggest(&owner.value, names)
            .map_or("name a piece of equipment, place, node, power branch, or \"site\"".into(), |n| {
                format!("did you mean `{n}`?")
            });
        doc.find(owner.span.clone(), format!("`of` names unknown `{}`", owner.value), remedy);
    }
}

/// The unit a point or actuator is in.
fn unit(t: &Table<'_>) -> Option<Unit> {
    if !t.has("unit") {
        let remedy = "add unit = \"degC\" (or K, kW, kPa, L/min, %, A, V, MHz, J, kWh, s, count, state)";
        t.doc().find(t.span(), "missing unit: every point and actuator says what it is measured in", remedy);
        let _ = t.get::<String>("unit");
        return None;
    }
    unit_of(t.doc(), &t.at::<String>("unit")?)
}

/// The unit with a symbol; an unknown one is a finding.
pub(super) fn unit_of(doc: &Doc, symbol: &At<String>) -> Option<Unit> {
    let found = Unit::of(&symbol.value);
    if found.is_none() {
        let known = crate::quantity::UNITS.iter().map(|u| u.symbol);
        let remedy = suggest(&symbol.value, known)
            .map_or("use a unit like degC, kW, kPa, L/min, %".into(), |n| format!("did you mean `{n}`?"));
        doc.find(symbol.span.clone(), format!("unknown unit `{}`", symbol.value), remedy);
    }
    found
}

/// A register that says its unit measures what its user measures.
fn check_unit(t: &Table<'_>, register: &RegisterSpec, unit: Option<Unit>) {
    let (Some(own), Some(unit)) = (register.unit, unit) else { return };
    if own.dimension != unit.dimension {
        let what = format!(
            "register `{}` is in {}, a {}, and this in {}, a {}",
            register.name, own.symbol, own.dimension, unit.symbol, unit.dimension
        );
        t.doc().find(
            t.span_of("register"),
            what,
            "correct `unit` here or in the register, or name another register",
        );
    }
}

pub(super) fn read_points(root: &Table<'_>, wires: &Wires) -> Points {
    let doc = root.doc();
    let mut out = Points { points: Vec::new(), names: Names::new("point"), owners: Vec::new() };
    root.tables("point", |t| {
        let id = t.need_at::<String>("id");
        let unit = unit(t);
        let d = unit.map_or(Dimension::Count, |u| u.dimension);
        let of = t.need_at::<String>("of");
        let kind = t.or("type", "GenericPoint".to_owned());
        let area = t.strings("area").into_iter().map(|a| a.value).collect();
        let range = t.range("range", d);
        let (limit_low, limit_high) = (t.quantity("min", d), t.quantity("max", d));
        if let (Some(low), Some(high)) = (limit_low, limit_high)
            && low > high
        {
            doc.find(t.span_of("min"), "`min` is above `max`", "exchange them");
        }
        let stale_after = t.or("stale-after", Span::from_s(120.0));
        let counter = t.or("counter", false);
        let source = if t.has("from") { t.table("from", |f| source(f, wires, unit)).flatten() } else { None };
        if !t.has("from") {
            doc.find(t.span(), "the point has no `from`", "add from = { mqtt = \"...\" }, { modbus = \"...\", register = \"...\" } or { prometheus = \"...\", metric = \"...\" }");
        }
        let (Some(id), Some(of)) = (id, of) else { return };
        out.names.add(doc, &id, out.points.len());
        out.owners.push(of.clone());
        out.points.push(Point {
            id: id.value,
            of: of.value,
            kind,
            area,
            unit: unit.unwrap_or(crate::quantity::UNITS[0]),
            range,
            limit_low,
            limit_high,
            stale_after,
            counter,
            source: source.unwrap_or(Source::Modbus { device: 0, register: 0 }),
        });
    });
    out
}

fn source(t: &Table<'_>, wires: &Wires, unit: Option<Unit>) -> Option<Source> {
    let doc = t.doc();
    if let Some(name) = t.at::<String>("mqtt") {
        let connection = wires.mqtt_names.find(doc, &name)?;
        return super::mqtt::source(t, connection, wires.mqtt[connection].dialect);
    }
    if t.has("modbus") {
        let (device, register) = register(t, wires)?;
        check_unit(t, &wires.modbus[device].registers[register], unit);
        return Some(Source::Modbus { device, register });
    }
    if let Some(name) = t.at::<String>("prometheus") {
        let page = wires.prometheus_names.find(doc, &name)?;
        let metric = t.need::<String>("metric");
        let labels: BTreeMap<String, String> = t
            .table("labels", |l| l.entries::<String>().into_iter().map(|(k, v)| (k.value, v)).collect())
            .unwrap_or_default();
        return Some(Source::Prometheus { page, metric: metric?, labels });
    }
    doc.find(t.span(), "no source", "name one of mqtt, modbus or prometheus");
    None
}

fn register(t: &Table<'_>, wires: &Wires) -> Option<(usize, usize)> {
    let name = t.at::<String>("modbus");
    let register = t.need_at::<String>("register");
    let device = wires.modbus_names.find(t.doc(), &name?)?;
    Some((device, wires.register_names[device].find(t.doc(), &register?)?))
}

pub(super) fn read_actuators(
    root: &Table<'_>,
    wires: &Wires,
    points: &Points,
    equipment: &[(Equipment, At<String>)],
) -> Vec<Actuator> {
    let mut names = Names::new("actuator");
    let mut out = Vec::new();
    root.tables("actuator", |t| {
        let id = t.need_at::<String>("id");
        if let Some(id) = &id {
            names.add(t.doc(), id, out.len());
        }
        if let Some(actuator) = read_actuator(t, id, wires, points, equipment) {
            out.push(actuator);
        }
    });
    out
}

fn read_actuator(
    t: &Table<'_>,
    id: Option<At<String>>,
    wires: &Wires,
    points: &Points,
    equipment: &[(Equipment, At<String>)],
) -> Option<Actuator> {
    let doc = t.doc();
    let of = t.need_at::<String>("of");
    let unit = unit(t);
    let d = unit.map_or(Dimension::Count, |u| u.dimension);
    let needed = |key: &str, example: &str| {
        if !t.has(key) {
            doc.find(t.span(), format!("the actuator has no `{key}`"), format!("add {key} = {example}"));
        }
    };
    needed("range", "[\"18 degC\", \"45 degC\"]");
    needed("ramp", "\"1 K/5min\"");
    needed("fallback", "\"30 degC\"");
    needed("to", "{ mqtt = \"...\" } or { modbus = \"...\", register = \"...\" }");
    let range = t.range("range", d);
    let ramp = t.rate("ramp", d).filter(|r| above_zero(t, "ramp", r.per_s));
    let fallback = t.quantity("fallback", d);
    let span = range.map_or(1.0, |(a, b)| b - a);
    let (step, deadband) = (step(t, d).unwrap_or(span / 20.0), deadband(t, d).unwrap_or(span / 500.0));
    let point =
        |key: &str| t.at::<String>(key).and_then(|n| points.names.find(doc, &n)).map(|i| PointId(i as u32));
    let (readback, measures) = (point("readback"), point("measures"));
    let found = |n: &At<String>| points.names.find(doc, n).map(|i| PointId(i as u32));
    let unloads: Vec<PointId> = t.strings("unloads").iter().filter_map(found).collect();
    let (settle, interlock) = (settle(t), interlock(t, points));
    let saves = saves(t, d);
    let kind = t.or("type", "GenericPoint".to_owned());
    let area = t.strings("area").into_iter().map(|a| a.value).collect();
    let group = t.get::<String>("group");
    let refresh = t.or("refresh", Span::from_s(30.0));
    let sink = t.table("to", |s| sink(s, wires, unit)).flatten();
    let of = of?;
    let owner = owner(doc, &of, equipment);
    let (range, fallback) = (range?, fallback?);
    if !(range.0..=range.1).contains(&fallback) {
        doc.find(t.span_of("fallback"), "`fallback` lies outside `range`", "move it inside");
    }
    Some(Actuator {
        id: id?.value,
        group: group.unwrap_or_else(|| owner.map_or(String::new(), |e| e.kind.clone())),
        of: of.value,
        kind,
        area,
        unit: unit?,
        range,
        ramp_per_s: ramp?.per_s,
        step,
        deadband,
        refresh,
        fallback,
        readback,
        settle,
        measures,
        interlock,
        unloads,
        saves,
        sink: sink?,
    })
}

fn step(t: &Table<'_>, d: Dimension) -> Option<f64> {
    t.quantity("step", d.of_difference()).filter(|x| above_zero(t, "step", *x))
}

/// How soon a read-back shows what was asked.
fn settle(t: &Table<'_>) -> Option<Span> {
    let settle = t.get::<Span>("settle")?;
    let fits = settle > Span::ZERO && settle <= Span::from_s(3600.0);
    if !fits {
        let remedy = "say how soon the read-back shows a request, from 1 ms to 1 h, or leave it out";
        t.doc().find(t.span_of("settle"), "`settle` is no time in which a setpoint settles", remedy);
    }
    if !t.has("readback") {
        let remedy = "name the point that shows the setpoint in force, or leave `settle` out";
        t.doc().find(t.span_of("settle"), "`settle` without a `readback`", remedy);
    }
    Some(settle).filter(|_| fits)
}

/// Points that say that a trip or an interlock stands.
fn interlock(t: &Table<'_>, points: &Points) -> Vec<PointId> {
    let mut out = Vec::new();
    for name in t.strings("interlock") {
        let Some(i) = points.names.find(t.doc(), &name) else { continue };
        let (unit, counter) = points.points.get(i).map_or((None, false), |p| (Some(p.unit), p.counter));
        if unit.is_some_and(|u| u.dimension != Dimension::Count) || counter {
            t.doc().find(
                name.span.clone(),
                format!("`{}` cannot say that an interlock stands: it is no state", name.value),
                "name a point with unit = \"state\" that is 0 while nothing stands against the setpoint",
            );
        }
        out.push(PointId(i as u32));
    }
    out
}

/// None at all is a deadband too.
fn deadband(t: &Table<'_>, d: Dimension) -> Option<f64> {
    t.quantity("deadband", d.of_difference()).filter(|x| *x == 0.0 || above_zero(t, "deadband", *x))
}

/// True for an amount above zero; another is a finding.
fn above_zero(t: &Table<'_>, key: &str, amount: f64) -> bool {
    let above = amount > 0.0;
    if !above {
        t.doc().find(t.span_of(key), format!("`{key}` is not above zero"), "give an amount above zero");
    }
    above
}

/// The equipment an actuator belongs to.
fn owner<'e>(doc: &Doc, of: &At<String>, equipment: &'e [(Equipment, At<String>)]) -> Option<&'e Equipment> {
    let found = equipment.iter().map(|(e, _)| e).find(|e| e.id == of.value);
    if found.is_none() {
        let near = suggest(&of.value, equipment.iter().map(|(e, _)| e.id.as_str()));
        let remedy = near.map_or("name a piece of [[equipment]]".into(), |n| format!("did you mean `{n}`?"));
        doc.find(of.span.clone(), format!("`of` names unknown equipment `{}`", of.value), remedy);
    }
    found
}

/// Which way saves: said, or by custom (warmer water and air; less flow, pressure and speed).
fn saves(t: &Table<'_>, dimension: Dimension) -> Saves {
    let custom = if dimension == Dimension::Temperature { Saves::Up } else { Saves::Down };
    let Some(at) = t.at::<String>("saves") else { return custom };
    match at.value.as_str() {
        "up" => Saves::Up,
        "down" => Saves::Down,
        other => {
            t.doc().find(at.span, format!("`saves` cannot be `{other}`"), "use \"up\" or \"down\"");
            custom
        }
    }
}

fn sink(t: &Table<'_>, wires: &Wires, unit: Option<Unit>) -> Option<Sink> {
    let doc = t.doc();
    if let Some(name) = t.at::<String>("mqtt") {
        let connection = wires.mqtt_names.find(doc, &name)?;
        return super::mqtt::sink(t, connection, wires.mqtt[connection].dialect);
    }
    if t.has("modbus") {
        let (device, register) = register(t, wires)?;
        let spec = &wires.modbus[device];
        check_unit(t, &spec.registers[register], unit);
        if let Some((what, remedy)) = unwritable(&spec.registers[register], spec.write) {
            doc.find(t.span_of("register"), what, remedy);
        }
        return Some(Sink::Modbus { device, register });
    }
    doc.find(t.span(), "no target", "name mqtt or modbus");
    None
}
