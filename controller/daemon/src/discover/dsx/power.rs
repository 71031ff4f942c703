//! The power tree: meters that say what they serve.

use super::objects::{Known, Objects};
use super::points::Draft;
use crate::discover::{list, remark, text};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One branch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Branch {
    pub(super) id: String,
    /// Racks and branches that hang on it.
    serves: Vec<String>,
    /// What hangs on another branch already: a second feed.
    second: Vec<(String, String)>,
    said_by_others: bool,
}

/// All branches.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) branches: Vec<Branch>,
}

impl Tree {
    /// Of meters that serve something or are served. Each thing hangs on one branch: the first in the order of names.
    pub(super) fn new(objects: &Objects) -> Self {
        let served: Vec<&String> = objects.meters().flat_map(|m| &m.serves).collect();
        let is_branch = |id: &String| {
            objects.meters().any(|m| m.id == *id && (!m.serves.is_empty() || served.contains(&id)))
        };
        let mut parent: BTreeMap<String, String> = BTreeMap::new();
        let mut branches = Vec::new();
        for meter in objects.meters().filter(|m| is_branch(&m.id)) {
            let (mut serves, mut second) = (Vec::new(), Vec::new());
            for id in &meter.serves {
                if !objects.is_rack(id) && !is_branch(id) {
                    continue;
                }
                // A branch that would feed itself through others is a mistake of the bus.
                match parent.get(id) {
                    Some(other) => second.push((id.clone(), other.clone())),
                    None if above(&parent, &meter.id).any(|up| up == *id) => {}
                    None => {
                        parent.insert(id.clone(), meter.id.clone());
                        serves.push(id.clone());
                    }
                }
            }
            let said_by_others = meter.known != Known::Itself;
            branches.push(Branch { id: meter.id.clone(), serves, second, said_by_others });
        }
        Self { branches }
    }

    /// Is this a branch?
    pub(super) fn has(&self, id: &str) -> bool {
        self.branches.iter().any(|b| b.id == id)
    }

    pub(super) fn write(&self, o: &mut String, points: &[Draft]) -> std::fmt::Result {
        if self.branches.is_empty() {
            return writeln!(o, "# No meter says what it serves. CONFIRM: the power tree and its budgets.\n");
        }
        writeln!(
            o,
            "# The power tree as meters say it. CONFIRM: every budget; without one a branch limits nothing."
        )?;
        for branch in &self.branches {
            let note = if branch.said_by_others { "   # CONFIRM: it has no points of its own" } else { "" };
            writeln!(o, "[[power]]\nid = {}{note}", text(&branch.id))?;
            if !branch.serves.is_empty() {
                writeln!(o, "serves = {}", list(branch.serves.iter().map(String::as_str)))?;
            }
            for (id, other) in &branch.second {
                writeln!(
                    o,
                    "# it also feeds {}, which hangs on {}: a second feed is a redundancy",
                    remark(id),
                    remark(other)
                )?;
            }
            let mine = |p: &&Draft| p.of == branch.id && p.kind == "ActivePower" && !p.setpoint;
            match points.iter().filter(mine).collect::<Vec<_>>().as_slice() {
                [] => {}
                [meter] => writeln!(o, "meter = {}", text(&meter.id))?,
                many => {
                    let ids: Vec<&str> = many.iter().map(|p| p.id.as_str()).collect();
                    writeln!(o, "# meter = one of {}   # CONFIRM", remark(&list(ids)))?;
                }
            }
            let limit = points.iter().find(|p| p.of == branch.id && p.kind == "CurrentLimit");
            if let Some(limit) = limit {
                let said = limit.last.map_or(String::new(), |v| format!(" (it says {v} {})", limit.unit));
                writeln!(
                    o,
                    "# budget = \"... kW\"   # CONFIRM: {} limits its current{said}",
                    remark(&limit.id)
                )?;
            } else {
                writeln!(o, "# budget = \"... kW\"   # CONFIRM")?;
            }
        }
        writeln!(o)
    }
}

/// A branch and those above it.
fn above<'a>(parent: &'a BTreeMap<String, String>, id: &'a str) -> impl Iterator<Item = &'a str> {
    std::iter::successors(Some(id), |at| parent.get(*at).map(String::as_str)).take(parent.len() + 1)
}
