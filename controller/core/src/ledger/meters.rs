//! Meters to energies: each while it was good, and two together while both were.
//!
//! Responsible for: integration, coverage, what holding a reading costs in certainty, and the category of the IT meter. Not
//! for: whether a reading is good (`align`).
//!
//! ```text
//! E = sum v_k dt_k                       v_k: the last good reading as of tick k
//! u^2(E) = (class E / sqrt 3)^2 + sum ((v_n - v_n-1) h_n)^2 / 12      h_n: time between readings n-1 and n, at most 60 s
//! ```
//! Between two readings a value may have been anywhere between them: held, it is off by a rectangular share of their distance.
//! Time in which a meter is not good is not filled: it is missing from `s`.

use super::rows::{Both, BranchRow, Energy, Hour};
use super::uses::Uses;
use crate::align::Snapshot;
use headroom_site::{PointId, Site, Stamp};

/// Readings further apart say no more of what lies between them.
const APART_S: f64 = 60.0;

/// One meter.
#[derive(Debug, Clone)]
pub(super) struct Integral {
    point: PointId,
    pub(super) energy: Energy,
    before: Option<(Stamp, f64)>,
    /// What it shows now, if it is good, W.
    pub(super) now_w: Option<f64>,
}

impl Integral {
    pub(super) fn new(point: PointId) -> Self {
        Self { point, energy: Energy::default(), before: None, now_w: None }
    }

    pub(super) fn take(&mut self, snapshot: &Snapshot, dt_s: f64) {
        let p = &snapshot.points[self.point.index()];
        self.now_w = p.quality.is_good().then_some(p.value);
        let Some(watts) = self.now_w else {
            self.before = None;
            return;
        };
        if let Some((at, before)) = self.before.filter(|(at, _)| p.stamp > *at) {
            let moved = (watts - before) * p.stamp.since(at).s().min(APART_S);
            self.energy.sampling_j2 += moved * moved / 12.0;
        }
        if self.before.is_none_or(|(at, _)| p.stamp > at) {
            self.before = Some((p.stamp, watts));
        }
        self.energy.j += watts * dt_s;
        self.energy.s += dt_s;
    }
}

/// A branch with its meter, and the metered ones right below it.
#[derive(Debug, Clone)]
struct Branch {
    power: usize,
    meter: Integral,
    /// All that it feeds has a meter: indices into the branches.
    below: Vec<usize>,
    over_below: Both,
}

/// All meters.
#[derive(Debug, Clone)]
pub(super) struct Meters {
    facility: Option<Integral>,
    it: Option<Integral>,
    cooling: Vec<Integral>,
    /// By rack of the ledger.
    racks: Vec<Option<Integral>>,
    branches: Vec<Branch>,
    uses: Uses,
    category: Option<u8>,
}

impl Meters {
    /// For a site whose racks are these.
    pub(super) fn new(site: &Site, racks: &[String]) -> Self {
        let own =
            |rack: &String| site.power.iter().find(|b| b.racks.len() == 1 && b.racks[0] == *rack)?.meter;
        let metered: Vec<usize> = (0..site.power.len()).filter(|&b| site.power[b].meter.is_some()).collect();
        let below = |b: usize| -> Vec<usize> {
            let children =
                (0..site.power.len()).filter(|&c| site.power[c].parent.is_some_and(|p| p.index() == b));
            let all: Option<Vec<usize>> = children.map(|c| metered.iter().position(|&m| m == c)).collect();
            all.filter(|_| site.power[b].racks.is_empty()).unwrap_or_default()
        };
        let branch = |&b: &usize| {
            let meter = Integral::new(site.power[b].meter?);
            Some(Branch { power: b, meter, below: below(b), over_below: Both::default() })
        };
        Self {
            facility: site.meters.facility.map(Integral::new),
            it: site.meters.it.map(Integral::new),
            cooling: site.meters.cooling.iter().map(|p| Integral::new(*p)).collect(),
            racks: racks.iter().map(|r| own(r).map(Integral::new)).collect(),
            branches: metered.iter().filter_map(branch).collect(),
            uses: Uses::new(site),
            category: category(site),
        }
    }

    /// What the IT draws now, W, if it is known.
    pub(super) fn it_w(&self) -> Option<f64> {
        self.it.as_ref()?.now_w
    }

    /// What the cooling draws now, W, if all of it is known.
    pub(super) fn cooling_w(&self) -> Option<f64> {
        sum(self.cooling.iter().map(|m| m.now_w))
    }

    /// Takes a stretch.
    pub(super) fn take(&mut self, snapshot: &Snapshot, dt_s: f64, hour: &mut Hour) {
        let Self { facility, it, cooling, racks, branches, .. } = self;
        let singles = facility.iter_mut().chain(it.iter_mut()).chain(cooling.iter_mut());
        singles.chain(racks.iter_mut().flatten()).for_each(|m| m.take(snapshot, dt_s));
        branches.iter_mut().for_each(|b| b.meter.take(snapshot, dt_s));
        let (facility_w, it_w) = (facility.as_ref().and_then(|m| m.now_w), self.it_w());
        let cooling_w = self.cooling_w();
        let racks_w = sum(self.racks.iter().map(|m| m.as_ref().and_then(|m| m.now_w)));
        self.uses.take(snapshot, dt_s, it_w, hour);
        let s = &mut hour.site;
        both(&mut s.facility_over_it, facility_w, it_w, dt_s);
        both(&mut s.it_over_racks, it_w, racks_w, dt_s);
        both(&mut s.cooled_over_it, it_w.zip(cooling_w).map(|(i, c)| i + c), it_w, dt_s);
        for b in 0..self.branches.len() {
            let below = &self.branches[b].below;
            if below.is_empty() {
                continue;
            }
            let below_w = sum(below.iter().map(|&c| self.branches[c].meter.now_w));
            let own_w = self.branches[b].meter.now_w;
            both(&mut self.branches[b].over_below, own_w, below_w, dt_s);
        }
    }

    /// Writes what was metered into an hour.
    pub(super) fn write(&self, site: &Site, hour: &mut Hour, held_gpu_s: &[f64]) {
        let of = |m: &Option<Integral>| m.as_ref().map_or(Energy::default(), |m| m.energy);
        hour.pue_category = self.category;
        hour.site.facility = of(&self.facility);
        hour.site.it = of(&self.it);
        hour.site.cooling = together(self.cooling.iter().map(|m| &m.energy));
        hour.site.racks = together(self.racks.iter().flatten().map(|m| &m.energy));
        for (row, meter) in hour.racks.iter_mut().zip(&self.racks) {
            row.meter = of(meter);
        }
        let row = |b: &Branch| BranchRow {
            id: site.power[b.power].id.clone(),
            kind: site.power[b.power].kind.clone(),
            meter: b.meter.energy,
            over_below: b.over_below,
            held_gpu_s: held_gpu_s.get(b.power).copied().unwrap_or(0.0),
        };
        hour.branches = self.branches.iter().map(row).collect();
    }

    /// Begins another hour.
    pub(super) fn clear(&mut self) {
        let Self { facility, it, cooling, racks, branches, .. } = self;
        let singles = facility.iter_mut().chain(it.iter_mut()).chain(cooling.iter_mut());
        singles.chain(racks.iter_mut().flatten()).for_each(|m| m.energy = Energy::default());
        for b in branches {
            (b.meter.energy, b.over_below) = (Energy::default(), Both::default());
        }
    }
}

/// Meters of which a whole is made: their energies, and the time that the least sure of them was good.
fn together<'a>(parts: impl Iterator<Item = &'a Energy>) -> Energy {
    let mut whole: Option<Energy> = None;
    for part in parts {
        let sum = whole.get_or_insert(Energy { s: part.s, ..Energy::default() });
        sum.j += part.j;
        sum.s = sum.s.min(part.s);
        sum.sampling_j2 += part.sampling_j2;
    }
    whole.unwrap_or_default()
}

/// The sum, if there are any and all are known.
fn sum(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut whole = None;
    for value in values {
        whole = Some(whole.unwrap_or(0.0) + value?);
    }
    whole
}

fn both(to: &mut Both, over_w: Option<f64>, under_w: Option<f64>, dt_s: f64) {
    if let (Some(over), Some(under)) = (over_w, under_w) {
        to.over_j += over * dt_s;
        to.under_j += under * dt_s;
        to.s += dt_s;
    }
}

/// ISO/IEC 30134-2: IT is metered at the output of the UPS (1), of the PDUs (2), or at the input of the IT (3).
fn category(site: &Site) -> Option<u8> {
    let it = site.meters.it?;
    if let Some(branch) = site.power.iter().find(|b| b.meter == Some(it)) {
        return match branch.kind.as_str() {
            "ups" => Some(1),
            "pdu" | "rpp" | "busway" | "rack" => Some(2),
            _ => None,
        };
    }
    // A meter of its own that serves nodes meters their inputs; one that serves racks, what the PDUs give to them.
    let of = &site.points[it.index()].of;
    let serves = &site.equipment.iter().find(|e| e.id == *of)?.serves;
    let all = |is: &dyn Fn(&str) -> bool| !serves.is_empty() && serves.iter().all(|s| is(s));
    if all(&|s| site.nodes.iter().any(|n| n.id == s)) {
        return Some(3);
    }
    all(&|s| site.places.get(s).is_some_and(|(kind, _)| kind == "rack")).then_some(2)
}
