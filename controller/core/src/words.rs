//! Who is what: points by owner, dimension, point type and process area, as the site file says them.
//!
//! Responsible for: looking once, when the rules are built. No name of a point or of a piece of equipment means anything
//! here; kinds, point types, areas and `serves` do. Not for: the rules.

use crate::topology::is_setpoint;
use headroom_site::model::Point;
use headroom_site::{Dimension, PointId, Site};
use std::collections::{BTreeMap, BTreeSet};

/// The site, asked for points.
pub(crate) struct Words<'a> {
    pub(crate) site: &'a Site,
    /// Measured points of each thing, in order.
    of: BTreeMap<&'a str, Vec<usize>>,
}

/// Has it this process area?
pub(crate) fn area(p: &Point, word: &str) -> bool {
    p.area.iter().any(|a| a.eq_ignore_ascii_case(word))
}

/// Is it measured in liquid?
pub(crate) fn liquid(p: &Point) -> bool {
    !p.kind.contains("Air")
}

fn active(p: &Point) -> bool {
    !p.kind.contains("Apparent") && p.unit.symbol != "kVA"
}

impl<'a> Words<'a> {
    /// Sorts the points of a site by their owners.
    pub(crate) fn new(site: &'a Site) -> Self {
        let mut of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, p) in site.points.iter().enumerate() {
            if !p.counter && !is_setpoint(site, i) {
                of.entry(p.of.as_str()).or_default().push(i);
            }
        }
        Self { site, of }
    }

    /// Whoever has points.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &'a str> {
        self.of.keys().copied()
    }

    /// Measured points of a thing with a dimension.
    pub(crate) fn all(&self, of: &str, dimension: Dimension, keep: impl Fn(&Point) -> bool) -> Vec<PointId> {
        let points = self.of.get(of).into_iter().flatten();
        let fits = |i: &&usize| {
            let p = &self.site.points[**i];
            p.unit.dimension == dimension && keep(p)
        };
        points.filter(fits).map(|i| PointId(*i as u32)).collect()
    }

    /// The first of them.
    pub(crate) fn one(
        &self,
        of: &str,
        dimension: Dimension,
        keep: impl Fn(&Point) -> bool,
    ) -> Option<PointId> {
        self.all(of, dimension, keep).first().copied()
    }

    /// The one of them; none where several fit, since nobody knows which is meant. A setpoint that nothing but its name tells
    /// from what it is for does not count.
    pub(crate) fn only(
        &self,
        of: &str,
        dimension: Dimension,
        keep: impl Fn(&Point) -> bool,
    ) -> Option<PointId> {
        let asked = |p: &Point| p.id.to_ascii_lowercase().contains("setpoint");
        match self.all(of, dimension, |p| keep(p) && !asked(p))[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Active power of a thing, where a single point shows it.
    pub(crate) fn only_power(&self, of: &str) -> Option<PointId> {
        self.only(of, Dimension::Power, active)
    }

    /// Active power of a thing.
    pub(crate) fn power(&self, of: &str) -> Option<PointId> {
        self.one(of, Dimension::Power, active)
    }

    /// Pieces of equipment of a kind.
    pub(crate) fn equipment(&self, kind: &str) -> impl Iterator<Item = usize> + 'a {
        let kind = kind.to_owned();
        let site = self.site;
        (0..site.equipment.len()).filter(move |&e| site.equipment[e].kind.eq_ignore_ascii_case(&kind))
    }

    /// Racks: places and equipment of that kind, in order of id.
    pub(crate) fn racks(&self) -> BTreeSet<&'a str> {
        let places =
            self.site.places.iter().filter(|(_, (kind, _))| kind == "rack").map(|(id, _)| id.as_str());
        let equipment = self.equipment("rack").map(|e| self.site.equipment[e].id.as_str());
        places.chain(equipment).collect()
    }

    /// For each rack the pieces of equipment of a kind that lead to it.
    pub(crate) fn serving(&self, kind: &str) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let mut out: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for e in self.equipment(kind) {
            let id = self.site.equipment[e].id.as_str();
            for below in self.site.downstream(id) {
                out.entry(below).or_default().insert(id);
            }
        }
        out
    }
}
