//! Points: every topic that the BMS publishes, with its unit, its areas, and as much of an address as it needs.
//!
//! A point is found by object, type and areas, as the binding does it; where these are not unique, or one of them is
//! misspelt on the bus, it bears its tag path.

use super::objects::Objects;
use crate::discover::{list, remark, text};
use headroom_drivers::mqtt::dsx::survey::{Said, Survey, Topic, meant, tag_path};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// One point of the draft.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) of: String,
    pub(super) kind: String,
    pub(super) area: Vec<String>,
    pub(super) unit: String,
    pub(super) setpoint: bool,
    pub(super) tag: String,
    /// It takes the tag to find it.
    needs_tag: bool,
    /// Last usable value, in `unit`.
    pub(super) last: Option<f64>,
    notes: Vec<String>,
}

/// The site's unit for a point, and what is to be said about it.
pub(super) fn unit(said: &Said) -> (String, Option<String>) {
    if let Some(unit) = said.unit() {
        return (unit.symbol.to_owned(), None);
    }
    match (&said.eng_unit, said.point_type.as_str()) {
        (Some(other), _) => (
            "count".to_owned(),
            Some(format!("CONFIRM: the bus says {}, which is no unit here", remark(other))),
        ),
        (None, "PowerFactor") => ("1".to_owned(), None),
        (None, _) if !said.state_text.is_empty() => ("state".to_owned(), None),
        (None, _) => ("count".to_owned(), Some("CONFIRM: the bus gives no unit".to_owned())),
    }
}

/// Areas as they were meant, phase included; true if one was misspelt.
pub(super) fn areas(said: &Said) -> (Vec<String>, bool) {
    let typo = said.process_area.iter().any(|a| meant(a).is_some());
    let spelt = said.process_area.iter().map(|a| meant(a).map_or_else(|| a.clone(), str::to_owned));
    (spelt.chain(said.phase_word()).collect(), typo)
}

/// Every topic with metadata that the BMS itself publishes.
pub(super) fn of(survey: &Survey, objects: &Objects) -> Vec<Draft> {
    let mut out = Vec::new();
    let mut taken = BTreeSet::new();
    for (rest, topic) in &survey.topics {
        let Some(said) = topic.said.as_ref().filter(|s| s.object_type != "System" && s.integration.is_none())
        else {
            continue;
        };
        let of = objects.of(said).unwrap_or("site").to_owned();
        let id = name(&of, said, tag_path(rest), &mut taken);
        out.push(draft(id, of, said, topic, tag_path(rest)));
    }
    let mut alike: BTreeMap<(String, String, Vec<String>, bool), usize> = BTreeMap::new();
    for p in &out {
        *alike.entry(key(p)).or_default() += 1;
    }
    for p in &mut out {
        p.needs_tag |= p.of == "site" || alike.get(&key(p)).is_some_and(|n| *n > 1);
    }
    out
}

/// What the binding tells points apart by.
fn key(p: &Draft) -> (String, String, Vec<String>, bool) {
    let mut area: Vec<String> = p.area.iter().map(|a| a.to_lowercase()).collect();
    area.sort();
    // Sensors and setpoints of a generic point are not told apart.
    (p.of.to_lowercase(), p.kind.to_lowercase(), area, p.setpoint && p.kind != "GenericPoint")
}

fn draft(id: String, of: String, said: &Said, topic: &Topic, tag: &str) -> Draft {
    let (unit, note) = unit(said);
    let (area, typo) = areas(said);
    let mut notes: Vec<String> = note.into_iter().collect();
    if typo {
        notes.push(format!("the bus spells its areas {}", remark(&said.process_area.join(", "))));
    }
    if !said.state_text.is_empty() {
        let words: Vec<String> = said.state_text.iter().map(|s| format!("{} {}", s.value, s.text)).collect();
        notes.push(remark(&words.join(", ")));
    }
    match topic.last {
        None => notes.push("CONFIRM: no value was heard".to_owned()),
        Some(l) if l.value.is_none() => notes.push("CONFIRM: its last value was not good".to_owned()),
        Some(_) => {}
    }
    Draft {
        id,
        of,
        kind: said.point_type.clone(),
        area,
        unit,
        setpoint: said.is_setpoint,
        tag: tag.to_owned(),
        needs_tag: typo || (said.point_type.ends_with("Sp") && !said.is_setpoint),
        last: topic.last.and_then(|l| l.value),
        notes,
    }
}

/// An id that nobody has yet: object, then what tells it apart.
pub(super) fn name(of: &str, said: &Said, tag: &str, taken: &mut BTreeSet<String>) -> String {
    let mut words = vec![of.to_owned()];
    words.extend(areas(said).0);
    words.push(said.point_type.clone());
    if said.is_setpoint {
        words.push("setpoint".to_owned());
    }
    let plain: String = words.join(".");
    let id = if taken.contains(&plain) { format!("{plain}@{tag}") } else { plain };
    let mut unique = id.clone();
    let mut number = 2;
    while !taken.insert(unique.clone()) {
        unique = format!("{id}#{number}");
        number += 1;
    }
    unique
}

pub(super) fn write(o: &mut String, points: &[Draft]) -> std::fmt::Result {
    writeln!(
        o,
        "# Points. CONFIRM: limits (`min`, `max`) and physical ranges (`range`), which no bus tells."
    )?;
    for p in points {
        for note in &p.notes {
            writeln!(o, "# {note}")?;
        }
        writeln!(o, "[[point]]\nid = {}\nof = {}\ntype = {}", text(&p.id), text(&p.of), text(&p.kind))?;
        let setpoint = p.setpoint.then_some("Setpoint");
        if !p.area.is_empty() || setpoint.is_some() {
            writeln!(o, "area = {}", list(p.area.iter().map(String::as_str).chain(setpoint)))?;
        }
        writeln!(o, "unit = {}", text(&p.unit))?;
        // The bus says a value on change and every 100 s.
        writeln!(o, "stale-after = \"250 s\"")?;
        let tag = if p.needs_tag { format!(", tag = {}", text(&p.tag)) } else { String::new() };
        writeln!(o, "from = {{ mqtt = \"bms\"{tag} }}\n")?;
    }
    Ok(())
}
