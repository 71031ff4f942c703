//! Headroom of places: what is left in a rack, a loop, a hall or a feed, and what would be met first.
//!
//! Responsible for: joining the headroom of GPUs with the limits of what serves them (temperatures and valves with limits,
//! flow that racks need, dew point, budgets). Not for: deciding; the loops look at GPUs and points themselves.
//!
//! | limit | kelvin | from |
//! |---|---|---|
//! | GPU | to the limit now, and after long at the highest cap, less k sigma | observers |
//! | point | to its limit; for what is no temperature, in the kelvins that a cooling move would cost | level and trend |
//! | flow | what a rack's flow has over the least it needs, in the same kelvins | minimum-flow table |
//! | dew point | of a liquid supply above the room's dew point and its margin | room sensors |
//! | budget | in watts only | meters and budgets |

use crate::estimate::Estimate;
use crate::line::Line;
use crate::propose::cooling::{FLOW_PER_K, OPENING_PER_K};
use crate::topology::{Topology, is_supply};
use headroom_belief::{Binding, Headroom};
use headroom_site::{Dimension, PointId, Site};

/// Kinds of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A rack.
    Rack,
    /// Equipment that cools: a CDU, an air handler, a loop.
    Cooling,
    /// A branch of the power tree.
    Branch,
}

/// A place and what belongs to it.
#[derive(Debug, Clone)]
struct Place {
    id: String,
    kind: Kind,
    gpus: Vec<usize>,
    limited: Vec<PointId>,
    /// Liquid supplies that must stay above the dew point.
    supplies: Vec<PointId>,
    /// Indices into [`Topology::racks`].
    racks: Vec<usize>,
    branch: Option<usize>,
}

/// What is met first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum First {
    /// A GPU, by index.
    Gpu(usize),
    /// A limited point.
    Point(PointId),
    /// Flow of a rack, by index into [`Topology::racks`].
    Flow(usize),
    /// The dew point, at this supply.
    DewPoint(PointId),
    /// Nothing is known to be near.
    Nothing,
}

/// Headroom of a place.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceHeadroom<'a> {
    /// Its id.
    pub id: &'a str,
    /// What it is.
    pub kind: Kind,
    /// The tightest of everything in it; its watts are those that all its GPUs together may still draw.
    pub headroom: Headroom,
    /// What comes first in kelvin.
    pub first: First,
    /// Is it a budget that comes first in watts?
    pub budget_binds: bool,
}

/// All places of a site.
#[derive(Debug, Clone)]
pub struct Places {
    all: Vec<Place>,
}

impl Places {
    /// Of a site.
    #[must_use]
    pub fn new(site: &Site, topology: &Topology) -> Self {
        let racks = site.places.iter().filter(|(_, (kind, _))| kind == "rack");
        let mut all: Vec<Place> =
            racks.map(|(id, _)| of_equipment(site, topology, id, Kind::Rack)).filter(Place::counts).collect();
        let cooling = site.equipment.iter().filter(|e| !e.serves.is_empty());
        all.extend(cooling.map(|e| of_equipment(site, topology, &e.id, Kind::Cooling)).filter(Place::counts));
        all.extend(site.power.iter().enumerate().map(|(i, branch)| Place {
            id: branch.id.clone(),
            kind: Kind::Branch,
            gpus: topology.gpus_of_branch(i).collect(),
            limited: Vec::new(),
            supplies: Vec::new(),
            racks: Vec::new(),
            branch: Some(i),
        }));
        Self { all }
    }

    /// Headroom of all places after the line's last tick.
    #[must_use]
    pub fn look(&self, line: &Line) -> Vec<PlaceHeadroom<'_>> {
        let e = line.estimate();
        let gpus: Vec<Headroom> = (0..e.gpus.len()).map(|g| of_gpu(e, g)).collect();
        self.all.iter().map(|place| place.look(line, &gpus)).collect()
    }
}

/// A GPU's headroom; seconds only where a limit is within reach in the next minutes, watts up to its cap.
fn of_gpu(e: &Estimate, gpu: usize) -> Headroom {
    let Some([kelvin, kelvin_full_load]) = e.kelvins(gpu) else { return Headroom::NONE };
    let to_cap_w = (e.limits.cap_w[gpu] - e.power_w[gpu]).max(0.0);
    if kelvin_full_load > 0.0 && !e.near[gpu] {
        let far = f64::INFINITY;
        let binding = Binding::SwThermal;
        return Headroom {
            kelvin,
            kelvin_full_load,
            watts: to_cap_w,
            seconds: far,
            seconds_full_load: far,
            binding,
        };
    }
    let h = e.headroom(gpu);
    Headroom { watts: h.watts.min(to_cap_w), ..h }
}

fn of_equipment(site: &Site, topology: &Topology, id: &str, kind: Kind) -> Place {
    let below = site.downstream(id);
    let points = || site.points.iter().enumerate().filter(|(_, p)| below.contains(p.of.as_str()));
    let limited = points().filter(|(_, p)| p.limit_low.is_some() || p.limit_high.is_some());
    let liquid = |i: usize| is_supply(site, i) && !site.points[i].kind.contains("Air");
    let technology = kind == Kind::Rack || site.equipment.iter().any(|e| e.id == id && e.kind == "cdu");
    let supplies = points().filter(|(i, _)| technology && liquid(*i));
    let racks = topology.racks.iter().enumerate().filter(|(_, r)| below.contains(r.id.as_str()));
    let index = |(i, _): (usize, &headroom_site::model::Point)| PointId(i as u32);
    Place {
        id: id.to_owned(),
        kind,
        gpus: site.gpus_of(id).into_iter().map(headroom_site::GpuId::index).collect(),
        limited: limited.map(index).collect(),
        supplies: supplies.map(index).collect(),
        racks: racks.map(|(i, _)| i).collect(),
        branch: None,
    }
}

impl Place {
    fn counts(&self) -> bool {
        !self.gpus.is_empty()
    }

    fn look(&self, line: &Line, gpus: &[Headroom]) -> PlaceHeadroom<'_> {
        let e = line.estimate();
        let mut tightest = Tightest::default();
        let mut watts = 0.0;
        for &g in self.gpus.iter().filter(|&&g| e.gpus.seen(g)) {
            let h = gpus[g];
            watts += h.watts;
            tightest.take(h.kelvin, h.kelvin_full_load, h.seconds, First::Gpu(g));
            tightest.seconds_full_load = tightest.seconds_full_load.min(h.seconds_full_load);
            if tightest.first == First::Gpu(g) {
                tightest.binding = h.binding;
            }
        }
        self.look_at_points(line, &mut tightest);
        let budget_w = self.branch.and_then(|b| {
            let room = line.outlook().budget_w.get(b)? - e.branch_w.get(b)?;
            Some(room).filter(|w| w.is_finite())
        });
        let budget_binds = budget_w.is_some_and(|room| room < watts);
        PlaceHeadroom {
            id: &self.id,
            kind: self.kind,
            headroom: Headroom {
                kelvin: tightest.kelvin,
                kelvin_full_load: tightest.full,
                watts: budget_w.map_or(watts, |room| room.min(watts)).max(0.0),
                seconds: tightest.seconds,
                seconds_full_load: tightest.seconds_full_load,
                binding: tightest.binding,
            },
            first: tightest.first,
            budget_binds,
        }
    }

    fn look_at_points(&self, line: &Line, tightest: &mut Tightest) {
        let (site, e, snapshot) = (line.site(), line.estimate(), line.snapshot());
        for &p in self.limited.iter().filter(|p| snapshot.good(**p).is_some()) {
            let (value, sigma) = e.point(p);
            let trend = e.levels[p.index()].sure_trend();
            let (low, high) = line.wants().point_limits[p.index()];
            let off = line.wants().k_sigma * sigma;
            let per_k = match site.points[p.index()].unit.dimension {
                Dimension::Temperature | Dimension::TemperatureDelta => 1.0,
                Dimension::Ratio => OPENING_PER_K,
                _ => FLOW_PER_K * value.abs().max(1.0),
            };
            for (room, nearer) in
                [(high.map(|h| h - value - off), trend), (low.map(|l| value - l - off), -trend)]
            {
                let Some(room) = room else { continue };
                let seconds = if nearer > 0.0 { (room / nearer).max(0.0) } else { f64::INFINITY };
                tightest.take(room / per_k, room / per_k, seconds, First::Point(p));
            }
        }
        for &p in self.supplies.iter().filter(|p| snapshot.good(**p).is_some()) {
            if let Some(dew_c) = e.dew_point_c {
                let room = e.point(p).0 - dew_c - site.dew_point_margin_k;
                tightest.take(room, room, f64::INFINITY, First::DewPoint(p));
            }
        }
        for &r in &self.racks {
            if let Some(k) = line.flow_k(r) {
                tightest.take(k, k, f64::INFINITY, First::Flow(r));
            }
        }
    }
}

/// The tightest so far.
struct Tightest {
    kelvin: f64,
    full: f64,
    seconds: f64,
    seconds_full_load: f64,
    binding: Binding,
    first: First,
}

impl Default for Tightest {
    fn default() -> Self {
        let far = f64::INFINITY;
        Self {
            kelvin: far,
            full: far,
            seconds: far,
            seconds_full_load: far,
            binding: Binding::Unknown,
            first: First::Nothing,
        }
    }
}

impl Tightest {
    fn take(&mut self, kelvin: f64, full: f64, seconds: f64, what: First) {
        if full < self.full {
            (self.full, self.first) = (full, what);
            self.binding = Binding::Unknown;
        }
        self.kelvin = self.kelvin.min(kelvin);
        self.seconds = self.seconds.min(seconds);
    }
}

#[cfg(test)]
mod tests;
