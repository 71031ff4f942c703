//! The site file: TOML to [`Site`], with every finding at once.
//!
//! Responsible for: the keys a site file may have, their units, that every name refers to something, that ids
//! are unique, that ranges and the power tree make sense. Rooms: `disk` (files within a limit), `wires` (connections), `modbus` (devices),
//! `registers` (register maps), `place` (places, nodes, jobs), `engines` (what serves a job), `power`, `points` (points and
//! actuators).

mod disk;
mod engines;
mod modbus;
mod mqtt;
mod place;
mod points;
mod power;
mod registers;
mod tls;
mod wires;

use crate::Dimension;
use crate::doc::{At, Doc, Finding, Table, suggest};
use crate::model::{Meters, PointId, Site};
use crate::time::Span;
use std::collections::BTreeMap;
use std::path::Path;

pub use disk::{FileError, read_bytes, read_text};
pub use registers::read_register_map;

/// Reads and checks a site file. `base` is where relative names of map files start from.
///
/// # Errors
/// Every finding, in order of place.
pub fn read_site(file: &str, text: &str, base: &Path) -> Result<Site, Vec<Finding>> {
    match draft_site(file, text, base) {
        (Some(site), findings) if findings.is_empty() => Ok(site),
        (_, findings) => Err(findings),
    }
}

/// What a site file with findings still says, for checking other files against it; nothing may run on a draft. What was
/// wrong is left out or stands at its default.
#[must_use]
pub fn draft_site(file: &str, text: &str, base: &Path) -> (Option<Site>, Vec<Finding>) {
    let doc = Doc::new(file, text);
    let site = doc.read(|root| site(root, base)).flatten();
    (site, doc.findings())
}

/// Names of one kind, to find and to suggest.
struct Names {
    kind: &'static str,
    ids: BTreeMap<String, usize>,
}

impl Names {
    fn new(kind: &'static str) -> Self {
        Self { kind, ids: BTreeMap::new() }
    }

    /// Takes an id; a second one of the same name is a finding.
    fn add(&mut self, doc: &Doc, id: &At<String>, index: usize) {
        if id.value.trim().is_empty() {
            doc.find(id.span.clone(), format!("the id of a {} is empty", self.kind), "give it a name");
        }
        if self.ids.insert(id.value.clone(), index).is_some() {
            doc.find(
                id.span.clone(),
                format!("duplicate id `{}`: there is another {} of this name", id.value, self.kind),
                "rename one of them, or remove it",
            );
        }
    }

    /// Index of a name; an unknown one is a finding.
    fn find(&self, doc: &Doc, name: &At<String>) -> Option<usize> {
        if let Some(i) = self.ids.get(&name.value) {
            return Some(*i);
        }
        let remedy = match suggest(&name.value, self.ids.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.ids.is_empty() => format!("the file has no {}; add one", self.kind),
            None => format!("define a {} with this id, or correct the name", self.kind),
        };
        doc.find(name.span.clone(), format!("unknown {} `{}`", self.kind, name.value), remedy);
        None
    }
}

fn site(root: &Table<'_>, base: &Path) -> Option<Site> {
    let doc = root.doc();
    if let Some(format) = root.need_at::<i64>("format")
        && format.value != 1
    {
        doc.find(format.span, format!("format {} is not known", format.value), "write `format = 1`");
    }
    let name = root.table("site", |t| t.need::<String>("name")).flatten();
    if !root.has("site") {
        doc.find(root.span_of("format"), "`[site]` is missing", "add [site] with name = \"...\"");
    }
    let [power_period, cooling_period, agent_period, lease, report_period] = periods(root);

    let wires = wires::read(root, base);
    let places = place::read(root, &wires);
    let mut points = points::read_points(root, &wires);
    let power = power::read(root, &places, &points.names);
    let equipment = points::read_equipment(root, &places);
    points.check_owners(doc, &equipment, &places, &power.names);
    let actuators = points::read_actuators(root, &wires, &points, &equipment);
    let jobs = place::read_jobs(root, &places, &wires, &mut points);
    let meters = root.table("meters", |t| meters(t, &points)).unwrap_or_default();
    let min_flow = min_flow(root);
    let dew_point_margin_k = root
        .get::<crate::TemperatureDelta>("dew-point-margin")
        .map_or(2.0, crate::TemperatureDelta::as_kelvin);

    Some(Site {
        name: name?,
        power_period,
        cooling_period,
        agent_period,
        report_period,
        lease,
        places: places.places,
        skus: places.skus,
        nodes: places.nodes,
        gpus: places.gpus,
        jobs,
        power: power.nodes,
        equipment: equipment.into_iter().map(|(e, _)| e).collect(),
        points: points.points,
        actuators,
        mqtt: wires.mqtt,
        modbus: wires.modbus,
        prometheus: wires.prometheus,
        dcgm: wires.dcgm,
        meters,
        min_flow,
        dew_point_margin_k,
        plausibility_hold: plausibility_hold(root),
    })
}

/// How long a contradiction lasts before it is believed. The default is longer than the 100 s after which a DSX bus shows
/// an unchanged value again: every value has been said anew since the contradiction began, or is stale.
fn plausibility_hold(root: &Table<'_>) -> Span {
    let default = Span::from_s(120.0);
    let hold = root.table("plausibility", |t| {
        let hold = t.at::<Span>("hold")?;
        if hold.value.ns() == 0 || hold.value > Span::from_s(3600.0) {
            t.doc().find(
                hold.span,
                "`plausibility.hold` is not above zero and at most an hour",
                "write a time like \"2 min\": longer than unchanged values take to be shown again",
            );
        }
        Some(hold.value)
    });
    hold.flatten().unwrap_or(default)
}

/// Longer ones are mistakes, and products of them are no times any more.
const LONGEST_PERIOD: Span = Span::from_ms(86_400_000);

fn periods(root: &Table<'_>) -> [Span; 5] {
    let defaults =
        [Span::from_s(1.0), Span::from_s(30.0), Span::from_ms(100), Span::from_s(30.0), Span::ZERO];
    let told = root.table("periods", |t| {
        let keys = ["power", "cooling", "agent", "lease", "report"];
        let mut out = defaults;
        for (slot, key) in out.iter_mut().zip(keys) {
            if let Some(span) = t.at::<Span>(key) {
                if span.value.ns() == 0 || span.value > LONGEST_PERIOD {
                    let what = format!("`periods.{key}` is not above zero and at most a day");
                    t.doc().find(span.span, what, "give a time like \"1 s\"");
                    continue;
                }
                *slot = span.value;
            }
        }
        if out[4] != Span::ZERO && out[4] < out[2] {
            t.doc().find(
                t.span_of("report"),
                "agents cannot report more often than they look",
                "make `report` at least as long as `agent`",
            );
        }
        if out[3].ns() < 3 * out[0].ns() {
            t.doc().find(
                t.span_of("lease"),
                "a lease shorter than three power periods would expire between commands",
                "make `lease` at least three times `power`",
            );
        }
        out
    });
    let mut periods = told.unwrap_or(defaults);
    // Unless it is said otherwise, agents report each look.
    periods[4] = periods[4].max(periods[2]);
    periods
}

fn meters(t: &Table<'_>, points: &points::Points) -> Meters {
    let of = |name: &At<String>, wanted: &[Dimension]| {
        let i = points.names.find(t.doc(), name)?;
        let unit = points.points[i].unit;
        if !wanted.is_empty() && !wanted.contains(&unit.dimension) {
            let kinds: Vec<String> = wanted.iter().map(ToString::to_string).collect();
            t.doc().find(
                name.span.clone(),
                format!("`{}` is in {}, which is no {}", name.value, unit.symbol, kinds.join(" or ")),
                format!(
                    "name a point in {}",
                    wanted.iter().flat_map(|d| d.symbols()).collect::<Vec<_>>().join(", ")
                ),
            );
        }
        Some(PointId(i as u32))
    };
    let one = |key: &str, wanted: &[Dimension]| of(&t.at::<String>(key)?, wanted);
    let many = |key: &str, wanted: &[Dimension]| {
        t.strings(key).iter().filter_map(|name| of(name, wanted)).collect::<Vec<_>>()
    };
    let power = [Dimension::Power];
    Meters {
        facility: one("facility", &power),
        it: one("it", &power),
        cooling: many("cooling", &power),
        water: many("water", &[Dimension::Flow, Dimension::Volume]),
        reused_heat: many("reused-heat", &[Dimension::Power, Dimension::Energy]),
        outdoor: one("outdoor", &[]),
        room_temperature: many("room-temperature", &[]),
        room_humidity: many("room-humidity", &[]),
    }
}

fn min_flow(root: &Table<'_>) -> Vec<(f64, f64)> {
    let rows = root.tables("min-flow", |t| {
        let supply = t.need::<crate::Temperature>("supply")?.as_celsius();
        let flow = t.quantity("flow", Dimension::SpecificFlow);
        if !t.has("flow") {
            t.doc().find(t.span(), "`min-flow.flow` is missing", "add flow = \"1.2 L/min/kW\"");
        }
        Some((supply, flow?))
    });
    let rows: Vec<_> = rows.into_iter().flatten().collect();
    if rows.windows(2).any(|w| w[0].0 >= w[1].0) {
        root.doc().find(
            root.span_of("min-flow"),
            "the rows of [[min-flow]] do not rise in supply temperature",
            "order them by `supply`, each once",
        );
    }
    rows
}

#[cfg(test)]
mod tests;
