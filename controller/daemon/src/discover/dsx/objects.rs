//! Objects of the bus: racks, equipment, and what serves what.

use super::power::Tree;
use crate::discover::{list, remark, text};
use headroom_drivers::mqtt::dsx::survey::{Said, Survey};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// How an object came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Topics of its own.
    Itself,
    /// Another object says that it serves it.
    Served,
    /// Another object's point is associated with it.
    Associated,
}

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    pub(super) id: String,
    /// The contract's word: Rack, CDU, PowerMeter, ...
    pub(super) kind: String,
    /// What it serves, by id.
    pub(super) serves: Vec<String>,
    pub(super) known: Known,
}

/// All objects.
#[derive(Debug, Default)]
pub(super) struct Objects {
    all: BTreeMap<String, Object>,
    /// Every name of an object, to its id.
    ids: BTreeMap<String, String>,
}

/// The site's word for an object type of the contract.
fn word(kind: &str) -> String {
    match kind {
        "CoolingTower" => "tower".to_owned(),
        "PowerMeter" => "meter".to_owned(),
        "GenericObject" => "other".to_owned(),
        other => other.to_lowercase(),
    }
}

/// The object a topic is of, by its own words.
fn own_id(said: &Said) -> Option<&str> {
    let id = said.object_id.as_deref().or(said.rack_location_id.as_deref());
    id.or(said.object_name.as_deref())
        .or(said.rack_location_name.as_deref())
        .filter(|id| !id.trim().is_empty())
}

impl Objects {
    pub(super) fn new(survey: &Survey) -> Self {
        let mut out = Self::default();
        let said =
            || survey.topics.values().filter_map(|t| t.said.as_ref()).filter(|s| s.object_type != "System");
        for s in said() {
            let Some(id) = own_id(s) else { continue };
            let known = Known::Itself;
            let object = out.all.entry(id.to_owned()).or_insert_with(|| Object {
                id: id.to_owned(),
                kind: s.object_type.clone(),
                serves: Vec::new(),
                known,
            });
            for served in &s.serves_id {
                if !object.serves.contains(served) {
                    object.serves.push(served.clone());
                }
            }
            for name in [&s.object_name, &s.rack_location_name].into_iter().flatten() {
                out.ids.entry(name.clone()).or_insert_with(|| id.to_owned());
            }
        }
        out.name_the_served();
        for s in said() {
            let Some(id) = s.associate_id.as_ref().filter(|_| own_id(s).is_none()) else { continue };
            if out.id_of(id).is_none() {
                out.add(id, "GenericObject", Known::Associated);
            }
        }
        out
    }

    /// What is served has an id of its own on the bus, or is known by being served only.
    fn name_the_served(&mut self) {
        let all: Vec<Object> = self.all.values().cloned().collect();
        for object in all {
            let resolved = |id: &String| self.id_of(id).map_or_else(|| id.clone(), str::to_owned);
            let serves: Vec<String> =
                object.serves.iter().map(resolved).filter(|id| *id != object.id).collect();
            for id in serves.iter().filter(|id| !id.trim().is_empty()) {
                if !self.all.contains_key(id) {
                    // A meter serves branches; what else serves a thing without a topic, cools a rack.
                    let kind = if object.kind == "PowerMeter" { "PowerMeter" } else { "Rack" };
                    self.add(id, kind, Known::Served);
                }
            }
            if let Some(slot) = self.all.get_mut(&object.id) {
                slot.serves = serves.into_iter().filter(|id| !id.trim().is_empty()).collect();
            }
        }
    }

    fn add(&mut self, id: &str, kind: &str, known: Known) {
        let object = Object { id: id.to_owned(), kind: kind.to_owned(), serves: Vec::new(), known };
        self.all.insert(id.to_owned(), object);
    }

    fn id_of(&self, name: &str) -> Option<&str> {
        let own = self.all.get(name).map(|o| o.id.as_str());
        own.or_else(|| self.ids.get(name).map(String::as_str))
    }

    /// The object a topic belongs to.
    pub(super) fn of(&self, said: &Said) -> Option<&str> {
        self.id_of(own_id(said).or(said.associate_id.as_deref())?)
    }

    /// Racks.
    pub(super) fn racks(&self) -> impl Iterator<Item = &Object> {
        self.all.values().filter(|o| o.kind == "Rack")
    }

    /// Power meters.
    pub(super) fn meters(&self) -> impl Iterator<Item = &Object> {
        self.all.values().filter(|o| o.kind == "PowerMeter")
    }

    /// True for what cools air: its requests go by the group `air`.
    pub(super) fn cools_air(&self, id: &str) -> bool {
        self.all.get(id).is_some_and(|o| ["CRAH", "CRAC", "AHU"].contains(&o.kind.as_str()))
    }

    /// True for a rack.
    pub(super) fn is_rack(&self, id: &str) -> bool {
        self.all.get(id).is_some_and(|o| o.kind == "Rack")
    }

    /// Everything that is neither a rack nor a branch of the power tree.
    pub(super) fn equipment<'a>(&'a self, tree: &'a Tree) -> impl Iterator<Item = &'a Object> {
        self.all.values().filter(|o| o.kind != "Rack" && !tree.has(&o.id))
    }

    pub(super) fn write(&self, o: &mut String, tree: &Tree) -> std::fmt::Result {
        writeln!(
            o,
            "# Racks. CONFIRM: their halls and rows (`in`), and that these ids are those of the GPU hosts' inventory."
        )?;
        for rack in self.racks() {
            let note = match rack.known {
                Known::Itself => "",
                _ => "   # CONFIRM: named only by what serves it",
            };
            writeln!(o, "[[place]]\nid = {}{note}\nkind = \"rack\"", text(&rack.id))?;
        }
        writeln!(o, "\n# Equipment, and what it serves downstream.")?;
        let known: BTreeSet<&str> =
            self.equipment(tree).chain(self.racks()).map(|object| object.id.as_str()).collect();
        for object in self.equipment(tree) {
            let note = match object.known {
                Known::Itself => "",
                _ => "   # CONFIRM: named only by its points",
            };
            writeln!(
                o,
                "[[equipment]]\nid = {}{note}\nkind = {}",
                text(&object.id),
                text(&word(&object.kind))
            )?;
            let (served, other): (Vec<&str>, Vec<&str>) =
                object.serves.iter().map(String::as_str).partition(|id| known.contains(id));
            if !served.is_empty() {
                writeln!(o, "serves = {}", list(served))?;
            }
            for id in other {
                writeln!(o, "# it also serves {}, a branch of the power tree", remark(id))?;
            }
        }
        writeln!(o)
    }
}
