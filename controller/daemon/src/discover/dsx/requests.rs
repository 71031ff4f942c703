//! Requests: what the BMS lets an integration ask for. Ours become actuators, narrow around where they stand; those of
//! others are named in comments.

use super::objects::Objects;
use super::points::{Draft, areas, name, unit};
use crate::discover::{list, remark, text};
use headroom_drivers::mqtt::dsx::survey::{Survey, tag_path};
use headroom_site::Dimension;
use headroom_site::quantity::Unit;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    id: String,
    of: Option<String>,
    kind: String,
    area: Vec<String>,
    unit: String,
    tag: String,
    owner: String,
    ours: bool,
    air: bool,
    readback: Option<Draft>,
    measures: Option<String>,
}

/// How far and how fast a draft lets a setpoint move: (either way, at most per step, ramp).
fn manners(dimension: Dimension, stands: f64) -> Option<(f64, f64, &'static str)> {
    match dimension {
        Dimension::Temperature => Some((2.0, 0.5, "1 K/10min")),
        Dimension::Pressure => Some((0.1 * stands.abs(), 0.02 * stands.abs(), "2 kPa/10min")),
        Dimension::Flow => Some((0.1 * stands.abs(), 0.02 * stands.abs(), "1 L/min/10min")),
        Dimension::Ratio => Some((5.0, 1.0, "1 %/10min")),
        _ => None,
    }
}

impl Request {
    /// Where it stands by its read-back, in its own unit, with its manners.
    fn stands(&self) -> Option<(f64, (f64, f64, &'static str))> {
        let readback = self.readback.as_ref().filter(|r| r.unit == self.unit)?;
        let stands = readback.last?;
        let manners = manners(Unit::of(&self.unit)?.dimension, stands)?;
        (manners.0 > 0.0).then_some((stands, manners))
    }

    /// Ours, and enough is known to draft it.
    pub(super) fn is_ready(&self) -> bool {
        self.ours && self.of.is_some() && self.stands().is_some()
    }
}

/// All topics whose metadata names an integration, heartbeats aside.
pub(super) fn of(survey: &Survey, objects: &Objects, points: &[Draft], integration: &str) -> Vec<Request> {
    let mut taken: BTreeSet<String> = points.iter().map(|p| p.id.clone()).collect();
    let mut out = Vec::new();
    for (rest, topic) in &survey.topics {
        let Some(said) = topic.said.as_ref().filter(|s| s.object_type != "System") else { continue };
        let Some(owner) = said.integration.clone() else { continue };
        // An actuator belongs to equipment, not to a rack.
        let of = objects.of(said).map(str::to_owned);
        let tag = tag_path(rest);
        let id = name(of.as_deref().unwrap_or("site"), said, tag, &mut taken);
        let mut request = Request {
            id,
            of: of.filter(|id| !objects.is_rack(id) && !objects.meters().any(|m| m.id == *id)),
            kind: said.point_type.clone(),
            area: areas(said).0,
            unit: unit(said).0,
            tag: tag.to_owned(),
            ours: owner == integration,
            air: objects.of(said).is_some_and(|id| objects.cools_air(id)),
            owner,
            readback: None,
            measures: None,
        };
        request.readback = readback(&request, points).cloned();
        request.measures = measures(&request, points).map(|p| p.id.clone());
        out.push(request);
    }
    out
}

/// A tag path without its last words, down to what stands beside `request`.
fn beside(tag: &str) -> &str {
    let end = tag
        .split('/')
        .position(|w| w.to_lowercase().contains("request") || w.to_lowercase().contains("setpoint"));
    let words = end.unwrap_or(0);
    let length = tag.split('/').take(words).map(|w| w.len() + 1).sum::<usize>();
    tag.get(..length.saturating_sub(1)).unwrap_or_default()
}

/// The setpoint in force: of the same object and unit, beside the request on the bus, or the only one of the same areas.
fn readback<'a>(r: &Request, points: &'a [Draft]) -> Option<&'a Draft> {
    let of = r.of.as_deref()?;
    let mine = |p: &&'a Draft| p.setpoint && p.of == of && p.unit == r.unit;
    let near = beside(&r.tag);
    let only = |found: Vec<&'a Draft>| if let [one] = found.as_slice() { Some(*one) } else { None };
    let close = points.iter().filter(mine).filter(|p| !near.is_empty() && beside(&p.tag) == near).collect();
    only(close).or_else(|| only(points.iter().filter(mine).filter(|p| p.area == r.area).collect()))
}

/// The sensor that the setpoint is to move: the only one of the same object, unit and areas.
fn measures<'a>(r: &Request, points: &'a [Draft]) -> Option<&'a Draft> {
    let of = r.of.as_deref()?;
    let mut mine = points
        .iter()
        .filter(|p| !p.setpoint && p.of == of && p.unit == r.unit && p.area == r.area && !r.area.is_empty());
    let found = mine.next()?;
    mine.next().is_none().then_some(found)
}

pub(super) fn write(o: &mut String, requests: &[Request]) -> std::fmt::Result {
    let ours = requests.iter().filter(|r| r.ours).count();
    writeln!(
        o,
        "# Requests that name us: {ours}. Ranges are narrow around what was in force; nothing moves before a policy says so."
    )?;
    for r in requests.iter().filter(|r| r.ours) {
        match r.stands() {
            Some((stands, manners)) if r.of.is_some() => write_ready(o, r, stands, manners)?,
            _ => {
                let of = r.of.as_deref().unwrap_or("?");
                writeln!(
                    o,
                    "# CONFIRM: {} of {}, tag {}: no setpoint in force was",
                    remark(&r.kind),
                    remark(of),
                    remark(&r.tag)
                )?;
                writeln!(
                    o,
                    "# heard beside it, so its range, ramp and fallback are yours to write as an [[actuator]].\n"
                )?;
            }
        }
    }
    for r in requests.iter().filter(|r| !r.ours) {
        writeln!(o, "# {} ({}) belongs to {}", remark(&r.id), remark(&r.tag), remark(&r.owner))?;
    }
    writeln!(o)
}

fn write_ready(
    o: &mut String,
    r: &Request,
    stands: f64,
    (way, step, ramp): (f64, f64, &str),
) -> std::fmt::Result {
    let unit = &r.unit;
    let round = |x: f64| (x * 1e3).round() / 1e3;
    let step_unit = if unit == "degC" { "K" } else { unit };
    writeln!(
        o,
        "# CONFIRM: range, ramp, step, deadband and fallback; which point unloads what (`unloads`)."
    )?;
    writeln!(o, "[[actuator]]\nid = {}\nof = {}", text(&r.id), text(r.of.as_deref().unwrap_or_default()))?;
    writeln!(o, "type = {}", text(&r.kind))?;
    if !r.area.is_empty() {
        writeln!(o, "area = {}", list(r.area.iter().map(String::as_str)))?;
    }
    if r.air {
        writeln!(o, "group = \"air\"")?;
    }
    writeln!(o, "unit = {}", text(unit))?;
    writeln!(o, "range = [\"{} {unit}\", \"{} {unit}\"]", round(stands - way), round(stands + way))?;
    writeln!(o, "ramp = \"{ramp}\"\nstep = \"{} {step_unit}\"", round(step))?;
    writeln!(o, "deadband = \"{} {step_unit}\"", round(step / 5.0))?;
    writeln!(o, "fallback = \"{} {unit}\"   # what was in force", round(stands))?;
    if let Some(readback) = &r.readback {
        writeln!(o, "readback = {}", text(&readback.id))?;
    }
    if let Some(measures) = &r.measures {
        writeln!(o, "measures = {}", text(measures))?;
    }
    writeln!(o, "to = {{ mqtt = \"bms\", tag = {} }}\n", text(&r.tag))
}
