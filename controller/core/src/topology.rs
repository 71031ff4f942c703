//! The site's graph resolved once into the indices that the line walks every tick.

use headroom_guard::Branch;
use headroom_site::model::{Actuator, Point, RegisterSpace, Source};
use headroom_site::{Dimension, PointId, Site};

/// Where a GPU's coolant temperature is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Topology {
    /// For each GPU the points that give its coolant (or inlet air) temperature, best first.
    pub coolant: Vec<Vec<PointId>>,
    /// For each branch of the power tree its spans of GPUs: (first, count) into `spans`.
    pub branch_spans: Vec<(usize, usize)>,
    /// Spans of GPUs.
    pub spans: Vec<(usize, usize)>,
    /// For each branch the non-GPU power of its nodes by the file, W.
    pub branch_other_w: Vec<f64>,
    /// For each actuator: GPUs, points with limits, racks' flow points downstream of it.
    pub reach: Vec<Reach>,
    /// For each rack with a flow point: that point, its supply temperature point, its GPUs' span list, its power point.
    pub racks: Vec<Rack>,
}

/// What an actuator acts upon.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reach {
    /// GPUs downstream.
    pub gpus: Vec<usize>,
    /// Its equipment is what cools them: no equipment nearer to them has a setpoint of its own.
    pub cools: bool,
    /// Actuators of the same kind further upstream, which relax first.
    pub upstream: Vec<usize>,
    /// Actuators of temperatures right downstream of its own, which must be able to hold them.
    pub holds: Vec<usize>,
    /// Points with a limit downstream.
    pub limited: Vec<PointId>,
    /// Those of them for which no actuator of the same kind nearer to them answers.
    pub answers: Vec<PointId>,
    /// Valves of its own equipment with a limit: what its setpoint is held with.
    pub means: Vec<PointId>,
    /// Indices into [`Topology::racks`].
    pub racks: Vec<usize>,
    /// Meters of what draws less when it relaxes, and what they are of.
    pub relief: Vec<(PointId, Machine)>,
    /// It moves liquid that GPUs or racks downstream touch (so the dew point binds it).
    pub technology: bool,
}

/// What draws less when water gets warmer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// A chiller, or anything else that is not known better.
    Chiller,
    /// A tower or dry cooler.
    Rejection,
}

/// A rack as the flow rule sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rack {
    /// Its id.
    pub id: String,
    /// Flow through it.
    pub flow: PointId,
    /// Its supply temperature.
    pub supply: Option<PointId>,
    /// Its electric power, if metered.
    pub power: Option<PointId>,
    /// Its GPUs.
    pub gpus: Vec<usize>,
    /// Non-GPU power of its nodes by the file, W.
    pub other_w: f64,
}

impl Topology {
    /// Resolves a site.
    #[must_use]
    pub fn new(site: &Site) -> Self {
        let racks = racks(site);
        let coolant = coolant(site);
        let mut reach: Vec<Reach> =
            (0..site.actuators.len()).map(|a| reach(site, a, &racks, &coolant)).collect();
        let answers: Vec<Vec<PointId>> = (0..reach.len()).map(|a| answers(site, &reach, a)).collect();
        for (r, answers) in reach.iter_mut().zip(answers) {
            r.answers = answers;
        }
        for (a, actuator) in site.actuators.iter().enumerate() {
            if actuator.unit.dimension == Dimension::Temperature {
                reach[a].holds = (0..reach.len()).filter(|&o| reach[o].upstream.contains(&a)).collect();
            }
        }
        let mut spans = Vec::new();
        let mut branch_spans = Vec::new();
        let mut branch_other_w = Vec::new();
        for i in 0..site.power.len() {
            let first = spans.len();
            let below = branch_racks(site, i);
            let mut other = 0.0;
            for node in site.nodes.iter().filter(|n| below.contains(&n.rack.as_str())) {
                other += node.other_w;
                push_span(&mut spans, first, (node.gpus.0 as usize, node.gpus.1 as usize));
            }
            branch_spans.push((first, spans.len() - first));
            branch_other_w.push(other);
        }
        Self { coolant, branch_spans, spans, branch_other_w, reach, racks }
    }

    /// The GPUs of a branch.
    pub fn gpus_of_branch(&self, branch: usize) -> impl Iterator<Item = usize> + '_ {
        let (first, count) = self.branch_spans[branch];
        self.spans[first..first + count].iter().flat_map(|&(a, b)| a..b)
    }

    /// The spans of a branch's GPUs.
    pub fn spans_of_branch(&self, branch: usize) -> &[(usize, usize)] {
        let (first, count) = self.branch_spans[branch];
        &self.spans[first..first + count]
    }

    /// Guard branches, leaves first, with budgets and other loads filled by the caller's closures.
    pub fn guard_branches(
        &self,
        budget_w: impl Fn(usize) -> f64,
        other_w: impl Fn(usize) -> f64,
    ) -> Vec<Branch> {
        (0..self.branch_spans.len())
            .rev()
            .filter(|&i| self.branch_spans[i].1 > 0)
            .map(|i| Branch {
                budget_w: budget_w(i),
                other_w: other_w(i),
                first_span: self.branch_spans[i].0,
                spans: self.branch_spans[i].1,
            })
            .collect()
    }
}

/// Appends a span, joined to the last one of this branch where they touch.
pub(crate) fn push_span(spans: &mut Vec<(usize, usize)>, first: usize, span: (usize, usize)) {
    if span.0 == span.1 {
        return;
    }
    let own = spans.len() > first;
    match spans.last_mut() {
        Some(last) if own && last.1 == span.0 => last.1 = span.1,
        _ => spans.push(span),
    }
}

/// Meters that are right above GPUs: of each GPU the one with the fewest others below it.
pub(crate) struct NearestMeters {
    /// Meter and its GPUs; a meter that is the nearest of some of its GPUs only is left out.
    pub(crate) meters: Vec<(PointId, Vec<usize>)>,
    /// Branch of each of them.
    pub(crate) branches: Vec<usize>,
    /// Meter of each GPU, and its place below it.
    pub(crate) of_gpu: Vec<Option<(u32, u32)>>,
}

pub(crate) fn nearest_meters(site: &Site) -> NearestMeters {
    let below = |branch: usize| -> Vec<usize> {
        let racks = branch_racks(site, branch);
        let nodes = site.nodes.iter().filter(|n| racks.contains(&n.rack.as_str()));
        nodes.flat_map(|n| n.gpus.0 as usize..n.gpus.1 as usize).collect()
    };
    let mut metered: Vec<(usize, PointId, Vec<usize>)> = Vec::new();
    for (i, branch) in site.power.iter().enumerate() {
        if let Some(meter) = branch.meter {
            metered.push((i, meter, below(i)));
        }
    }
    metered.retain(|(_, _, gpus)| !gpus.is_empty());
    metered.sort_by_key(|(_, _, gpus)| gpus.len());
    let mut nearest = vec![None; site.gpus.len()];
    for (branch, _, gpus) in &metered {
        gpus.iter().for_each(|&g| nearest[g] = nearest[g].or(Some(*branch)));
    }
    metered.retain(|(branch, _, gpus)| gpus.iter().all(|&g| nearest[g] == Some(*branch)));
    let mut of_gpu = vec![None; site.gpus.len()];
    for (m, (_, _, gpus)) in metered.iter().enumerate() {
        gpus.iter().enumerate().for_each(|(k, &g)| of_gpu[g] = Some((m as u32, k as u32)));
    }
    let branches = metered.iter().map(|m| m.0).collect();
    NearestMeters {
        meters: metered.into_iter().map(|(_, meter, gpus)| (meter, gpus)).collect(),
        branches,
        of_gpu,
    }
}

fn branch_racks(site: &Site, branch: usize) -> Vec<&str> {
    let mut racks: Vec<&str> = site.power[branch].racks.iter().map(String::as_str).collect();
    for (i, p) in site.power.iter().enumerate() {
        if p.parent.is_some_and(|up| up.index() == branch) {
            racks.extend(branch_racks(site, i));
        }
    }
    racks
}

/// A temperature of the supply side: by process area, or by the DSX rack words.
pub(crate) fn is_supply(site: &Site, i: usize) -> bool {
    let p = &site.points[i];
    p.unit.dimension == Dimension::Temperature
        && !is_setpoint(site, i)
        && (p.kind.contains("Supply") || p.area.iter().any(|a| a == "Supply"))
        && !p.area.iter().any(|a| a == "Primary")
}

/// Points that show a setpoint say nothing about the water.
pub(crate) fn is_setpoint(site: &Site, i: usize) -> bool {
    let p = &site.points[i];
    let read_back = site.actuators.iter().any(|a| a.readback == Some(PointId(i as u32)));
    let holding = match p.source {
        Source::Modbus { device, register } => site
            .modbus
            .get(device)
            .and_then(|d| d.registers.get(register))
            .is_some_and(|r| r.space == RegisterSpace::Coil),
        _ => false,
    };
    let said = p.kind.contains("Setpoint") || p.kind.contains("SpRequest") || p.kind.ends_with("Sp");
    read_back || holding || said || p.area.iter().any(|a| a == "Setpoint")
}

/// Coolant points of each GPU: its rack's liquid supply, its CDU's secondary supply, its rack's inlet air.
fn coolant(site: &Site) -> Vec<Vec<PointId>> {
    let mut by_rack: std::collections::BTreeMap<&str, Vec<PointId>> = std::collections::BTreeMap::new();
    for node in &site.nodes {
        by_rack.entry(node.rack.as_str()).or_insert_with(|| coolant_of_rack(site, &node.rack));
    }
    site.gpus.iter().map(|g| by_rack[site.nodes[g.node.index()].rack.as_str()].clone()).collect()
}

fn coolant_of_rack(site: &Site, rack: &str) -> Vec<PointId> {
    let all = |keep: &dyn Fn(usize) -> bool| -> Vec<PointId> {
        (0..site.points.len()).filter(|&i| keep(i)).map(|i| PointId(i as u32)).collect()
    };
    let mut out =
        all(&|i| site.points[i].of == rack && is_supply(site, i) && !site.points[i].kind.contains("Air"));
    for e in site.equipment.iter().filter(|e| e.kind == "cdu" && site.downstream(&e.id).contains(rack)) {
        out.extend(all(&|i| site.points[i].of == e.id && is_supply(site, i)));
    }
    out.extend(all(&|i| {
        let p = &site.points[i];
        p.of == rack && p.unit.dimension == Dimension::Temperature && p.kind.contains("Air")
    }));
    out
}

fn racks(site: &Site) -> Vec<Rack> {
    let mut out = Vec::new();
    for (id, (kind, _)) in &site.places {
        if kind != "rack" {
            continue;
        }
        let find = |dimension: Dimension, word: &str| {
            (0..site.points.len())
                .find(|&i| {
                    let p = &site.points[i];
                    p.of == *id
                        && p.unit.dimension == dimension
                        && p.kind.contains(word)
                        && !is_setpoint(site, i)
                })
                .map(|i| PointId(i as u32))
        };
        let Some(flow) = find(Dimension::Flow, "") else { continue };
        let nodes = site.nodes.iter().filter(|n| n.rack == *id);
        out.push(Rack {
            id: id.clone(),
            flow,
            supply: find(Dimension::Temperature, "Supply"),
            power: find(Dimension::Power, ""),
            gpus: nodes.clone().flat_map(|n| n.gpus.0 as usize..n.gpus.1 as usize).collect(),
            other_w: nodes.map(|n| n.other_w).sum(),
        });
    }
    out
}

fn reach(site: &Site, actuator: usize, racks: &[Rack], coolant: &[Vec<PointId>]) -> Reach {
    let own = &site.actuators[actuator];
    let below = site.downstream(&own.of);
    let limited = site
        .points
        .iter()
        .enumerate()
        .filter(|(_, p)| {
            // The opening of its own valve is how a setpoint is held, and opens the further the tighter it is held:
            // that limit binds who feeds the valve, not who moves it.
            let own_means = p.of == own.of && p.unit.dimension != own.unit.dimension;
            (p.limit_low.is_some() || p.limit_high.is_some())
                && !own_means
                && (below.contains(p.of.as_str())
                    || site.nodes.iter().any(|n| n.id == p.of && below.contains(n.rack.as_str())))
        })
        .map(|(i, _)| PointId(i as u32))
        .collect();
    let opening = |p: &Point| {
        let limited = p.unit.dimension == Dimension::Ratio && p.limit_high.is_some();
        p.of == own.of && p.kind.contains("Valve") && limited
    };
    let valves = (0..site.points.len()).filter(|&i| opening(&site.points[i]) && !is_setpoint(site, i));
    let means = valves.map(|i| PointId(i as u32)).collect();
    let gpus: Vec<usize> = site.gpus_of(&own.of).into_iter().map(headroom_site::GpuId::index).collect();
    let technology =
        site.equipment.iter().any(|e| e.id == own.of && (e.kind == "cdu" || e.kind == "rack-manifold"));
    let upstream = (0..site.actuators.len())
        .filter(|&u| {
            let a = &site.actuators[u];
            a.of != own.of
                && a.unit.dimension == own.unit.dimension
                && site.equipment.iter().any(|e| e.id == a.of && e.serves.contains(&own.of))
        })
        .collect();
    Reach {
        cools: cools(site, own, &gpus, coolant),
        relief: own.unloads.iter().map(|p| (*p, machine(site, *p))).collect(),
        gpus,
        upstream,
        holds: Vec::new(),
        limited,
        answers: Vec::new(),
        means,
        racks: racks
            .iter()
            .enumerate()
            .filter(|(_, r)| below.contains(r.id.as_str()))
            .map(|(i, _)| i)
            .collect(),
        technology,
    }
}

/// Limited points of an actuator's reach for which nobody downstream of it with a setpoint of the same kind answers.
fn answers(site: &Site, reach: &[Reach], actuator: usize) -> Vec<PointId> {
    let own = &site.actuators[actuator];
    let below = site.downstream(&own.of);
    let nearer: Vec<usize> = (0..reach.len())
        .filter(|&b| {
            let a = &site.actuators[b];
            a.of != own.of && a.unit.dimension == own.unit.dimension && below.contains(a.of.as_str())
        })
        .collect();
    let free = |p: &PointId| !nearer.iter().any(|&b| reach[b].limited.contains(p));
    reach[actuator].limited.iter().copied().filter(free).collect()
}

/// What a meter is of.
fn machine(site: &Site, meter: PointId) -> Machine {
    let of = &site.points[meter.index()].of;
    let kind = site.equipment.iter().find(|e| e.id == *of).map_or("", |e| e.kind.as_str());
    match kind {
        "tower" | "dry-cooler" | "cooling-tower" => Machine::Rejection,
        _ => Machine::Chiller,
    }
}

/// Does this actuator's equipment cool these GPUs itself? Yes if their coolant is read there; also if no equipment at
/// which their coolant is read has an actuator, so that somebody feels responsible.
fn cools(site: &Site, own: &Actuator, gpus: &[usize], coolant: &[Vec<PointId>]) -> bool {
    let Some(&first) = gpus.first() else { return false };
    let read_at = |of: &str| coolant[first].iter().any(|p| site.points[p.index()].of == of);
    read_at(&own.of) || !site.actuators.iter().any(|a| read_at(&a.of))
}
