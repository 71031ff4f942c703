//! Racks of one loop against each other, and each against its own power.
//!
//! Responsible for: supply temperatures of one water, pressure differences at one flow, the heat balance. Not for: the
//! pumps ([`super::fluid`]).
//!
//! ```text
//! water       |Ts_i - median(Ts)| <= max(2.5 K, 6 s)             all that is fed by the same CDUs, and their own supply
//! resistance  |x_i - median(x)| <= max(ln 1.5, 6 s)              x = ln(dp / V^2), racks of one build within 20 % of V
//! heat        0.4 P <= rho c V (Tr - Ts) <= 1.2 P                rho c = 3.9 to 4.2 J/(cm3 K): PG25 to water
//! ```
//! with `s` = 1.4826 MAD of the others, at least four of them. 2.5 K: racks of the DSX capture read 0.5 to 1.6 K above
//! their CDU. ln 1.5: four racks of it lie within 3 %, manifolds and hoses of one build differ by tens of percent, the lie
//! is 2.4. The heat balance lets 0.6 K of error between two sensors pass, takes the least and the highest power of the
//! last minutes (heat comes later than power), and leaves 60 % of the heat to the air.
//!
//! Who of V, Ts, Tr and P is odd: Ts is vouched for by its water, V by its resistance, P by the meters that feed the rack
//! or by its GPUs. One that is left is odd; of several, each is uncertain.

use super::court::{Court, with};
use super::lie::Lie;
use super::stat::Peers;
use crate::align::Snapshot;
use crate::words::{Words, area, liquid};
use headroom_site::model::Point;
use headroom_site::{Dimension, PointId, Stamp};
use std::collections::{BTreeMap, BTreeSet};

/// Least number of peers that outvote one.
const VOTES: usize = 4;
/// Deviations of the others.
const SIGMAS: f64 = 6.0;
const WATER_K: f64 = 2.5;
/// ln 1.5.
const RESISTANCE: f64 = 0.405;
const SAME_FLOW: f64 = 0.2;
/// Below these a rack is not compared, L/min, kPa, W.
const FLOWS_LPM: f64 = 5.0;
const PRESSES_KPA: f64 = 1.0;
const DRAWS_W: f64 = 2_000.0;
/// rho c of PG25 and of water, W min/(L K): 3.9 and 4.2 kJ/(L K).
const HEAT_LOW: f64 = 65.0;
const HEAT_HIGH: f64 = 70.0;
/// Error of Tr - Ts, K.
const PAIR_K: f64 = 0.6;
const LEAST_HEAT: f64 = 0.4;
const MOST_HEAT: f64 = 1.2;
/// Time constant with which the highest and the least power are forgotten, s.
const MEMORY_S: f64 = 180.0;
/// What feeds a rack shows its power to this share.
const FED: f64 = 0.2;

/// A rack.
#[derive(Debug, Clone)]
struct Rack {
    supply: Option<PointId>,
    back: Option<PointId>,
    flow: Option<PointId>,
    dp: Option<PointId>,
    power: Option<PointId>,
    /// Meters that feed it and nothing else.
    feeders: Vec<PointId>,
    gpus: Vec<usize>,
    other_w: f64,
    /// Number of nodes and their product: racks of one build resist alike.
    build: (usize, usize),
    /// Least and highest power of the last minutes, W.
    band_w: Option<(f64, f64)>,
}

/// Racks of one water and one build, and the supplies of that water.
#[derive(Debug, Clone, Default)]
struct Group {
    racks: Vec<usize>,
    /// Temperatures of one water, each with the flow that must run for it to count.
    water: Vec<(PointId, Option<PointId>)>,
}

/// What a look has found out about a rack.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// The temperature of its water, degC, if others tell it.
    water_c: Option<f64>,
    supply_fits: bool,
    flow_fits: bool,
    /// Its pressure difference is another than its flow's, peers, and what its peers make of it: kPa and L/min.
    other: Option<(usize, f64, f64)>,
}

/// The rule.
#[derive(Debug, Clone)]
pub(super) struct Racks {
    racks: Vec<Rack>,
    groups: Vec<Group>,
    known: Vec<Known>,
    /// Memory for what the members of one group show.
    waters_c: Vec<Option<f64>>,
    flows: Vec<Option<Hydraulics>>,
    last: Option<Stamp>,
}

/// Pressure difference and flow of a rack in which something flows.
#[derive(Debug, Clone, Copy)]
struct Hydraulics {
    dp_kpa: f64,
    flow_lpm: f64,
    /// ln(dp / V^2).
    ln: f64,
}

impl Racks {
    pub(super) fn new(words: &Words<'_>) -> Self {
        let serving = words.serving("cdu");
        let ids: Vec<&str> = words.racks().into_iter().collect();
        let racks: Vec<Rack> = ids.iter().map(|id| rack(words, id)).collect();
        let mut groups: BTreeMap<&BTreeSet<&str>, Vec<usize>> = BTreeMap::new();
        for (i, id) in ids.iter().enumerate() {
            if let Some(cdus) = serving.get(id) {
                groups.entry(cdus).or_default().push(i);
            }
        }
        let group = |(cdus, racks): (&BTreeSet<&str>, Vec<usize>), all: &[Rack]| {
            let of_rack = |r: &usize| Some((all[*r].supply?, all[*r].flow));
            let mut water: Vec<_> = racks.iter().filter_map(of_rack).collect();
            let secondary = |p: &Point| {
                liquid(p) && !area(p, "Primary") && (area(p, "Supply") || p.kind.contains("Supply"))
            };
            let of_cdu = |c: &&str| Some((words.one(c, Dimension::Temperature, secondary)?, None));
            water.extend(cdus.iter().filter_map(of_cdu));
            Group { racks, water }
        };
        let groups = groups.into_iter().map(|g| group(g, &racks)).collect();
        let known = vec![Known::default(); racks.len()];
        Self { known, racks, groups, waters_c: Vec::new(), flows: Vec::new(), last: None }
    }

    pub(super) fn look(&mut self, snapshot: &Snapshot, court: &mut Court) {
        let Self { racks, groups, known, waters_c, flows, last } = self;
        known.fill(Known::default());
        for g in groups.iter() {
            waters_c.clear();
            waters_c.extend((0..g.water.len()).map(|k| g.water_c(k, snapshot)));
            waters(g, racks, known, waters_c, court);
            flows.clear();
            flows.extend(g.racks.iter().map(|&r| racks[r].hydraulics(snapshot)));
            for k in 0..g.racks.len() {
                resistance(racks, g, k, &mut known[g.racks[k]], flows);
            }
        }
        let dt_s = last.map_or(0.0, |last| snapshot.stamp.since(last).s()).max(0.0);
        *last = Some(snapshot.stamp);
        for (rack, known) in racks.iter_mut().zip(known) {
            rack.follow(snapshot, dt_s);
            if let Some(flow) = rack.flow.filter(|_| known.flow_fits) {
                court.vouch(flow);
            }
            if let Some(power) = rack.power.filter(|_| rack.power_fits(snapshot) == Some(true)) {
                court.vouch(power);
            }
            rack.look(known, snapshot, court);
        }
    }
}

impl Group {
    /// What a supply of its water shows; where nothing flows a sensor shows its room.
    fn water_c(&self, k: usize, snapshot: &Snapshot) -> Option<f64> {
        let (point, flow) = self.water[k];
        let flows = flow.is_none_or(|p| snapshot.good(p).is_none_or(|v| v > FLOWS_LPM));
        snapshot.good(point).filter(|_| flows)
    }
}

/// Temperatures of one water beside each other.
fn waters(g: &Group, racks: &[Rack], known: &mut [Known], shown_c: &[Option<f64>], court: &mut Court) {
    for (k, value_c) in shown_c.iter().enumerate() {
        let Some(value_c) = *value_c else { continue };
        let peers = Peers::beside(k, shown_c.len(), |j| shown_c[j]);
        let count = peers.count();
        if count < VOTES {
            continue;
        }
        let (median_c, sigma) = peers.median();
        let fits = (value_c - median_c).abs() <= WATER_K.max(SIGMAS * sigma);
        let point = g.water[k].0;
        if let Some(rack) = g.racks.iter().find(|r| racks[**r].supply == Some(point)) {
            known[*rack] = Known { water_c: Some(median_c), supply_fits: fits, ..known[*rack] };
        }
        if !fits {
            let lie = Lie::OtherWater { value_c, median_c, peers: count };
            court.odd(point, lie, with(&[g.water.iter().map(|w| w.0).find(|p| *p != point)]));
        }
    }
}

/// The resistance of a rack beside that of its peers at the same flow.
fn resistance(racks: &[Rack], g: &Group, k: usize, known: &mut Known, flows: &[Option<Hydraulics>]) {
    let Some(Hydraulics { dp_kpa, flow_lpm, ln }) = flows[k] else { return };
    let build = racks[g.racks[k]].build;
    let peers = Peers::beside(k, flows.len(), |j| {
        let other = flows[j].filter(|_| racks[g.racks[j]].build == build)?;
        ((other.flow_lpm / flow_lpm - 1.0).abs() <= SAME_FLOW).then_some(other.ln)
    });
    let count = peers.count();
    if count < VOTES {
        return;
    }
    let (median, sigma) = peers.median();
    let off = ln - median;
    known.flow_fits = off.abs() <= RESISTANCE.max(SIGMAS * sigma);
    if !known.flow_fits {
        let (expected_kpa, expected_lpm) =
            (median.exp() * flow_lpm * flow_lpm, (dp_kpa / median.exp()).sqrt());
        known.other = Some((count, expected_kpa, expected_lpm));
    }
}

/// What the heat balance says of a rack.
#[derive(Debug, Clone, Copy)]
enum Balance {
    Fits,
    /// The heat that flow and temperatures carry, W.
    Broken(f64),
}

impl Rack {
    /// Pressure difference and flow, if something flows.
    fn hydraulics(&self, snapshot: &Snapshot) -> Option<Hydraulics> {
        let dp_kpa = self.dp.and_then(|p| snapshot.good(p)).filter(|dp| *dp > PRESSES_KPA)?;
        let flow_lpm = self.flow.and_then(|p| snapshot.good(p)).filter(|v| *v > FLOWS_LPM)?;
        Some(Hydraulics { dp_kpa, flow_lpm, ln: (dp_kpa / (flow_lpm * flow_lpm)).ln() })
    }

    /// Highest and least power of the last minutes: forgotten slowly, followed at once.
    fn follow(&mut self, snapshot: &Snapshot, dt_s: f64) {
        let Some(now) = self.power.and_then(|p| snapshot.good(p)) else { return };
        let x = (dt_s / MEMORY_S).min(1.0);
        let (low, high) = self.band_w.unwrap_or((now, now));
        self.band_w = Some((now.min(low + (now - low) * x), now.max(high + (now - high) * x)));
    }

    fn look(&self, known: &Known, snapshot: &Snapshot, court: &mut Court) {
        let flow = self.flow.and_then(|p| snapshot.good(p));
        if let Some((peers, expected_kpa, expected_lpm)) = known.other
            && let Some(Hydraulics { dp_kpa, flow_lpm, .. }) = self.hydraulics(snapshot)
        {
            let (Some(dp), Some(v)) = (self.dp, self.flow) else { return };
            let by_dp = Lie::Resistance { dp_kpa, expected_kpa, flow_lpm, peers };
            let by_flow = Lie::Conductance { flow_lpm, expected_lpm, peers };
            match (self.balance(flow_lpm, known, snapshot), self.balance(expected_lpm, known, snapshot)) {
                // The heat vouches for the flow.
                (Some(Balance::Fits), _) => court.odd(dp, by_dp, with(&[Some(v), self.back, self.power])),
                (Some(Balance::Broken(_)), Some(Balance::Fits)) => {
                    court.odd(v, by_flow, with(&[Some(dp), self.back, self.power]));
                }
                _ => court.one_of(&[Some(dp), Some(v)], by_dp),
            }
            return;
        }
        let Some(flow_lpm) = flow else { return };
        if let (Some(Balance::Broken(carried_w)), Some((_, drawn_w))) =
            (self.balance(flow_lpm, known, snapshot), self.band_w)
        {
            self.accuse(known, Lie::HeatBalance { carried_w, drawn_w }, snapshot, court);
        }
    }

    /// Does this flow carry the power away? A supply that is known to be odd is replaced by that of its water.
    fn balance(&self, flow_lpm: f64, known: &Known, snapshot: &Snapshot) -> Option<Balance> {
        let good = |p: Option<PointId>| p.and_then(|p| snapshot.good(p));
        let own = good(self.supply).filter(|_| known.supply_fits || known.water_c.is_none());
        let supply = own.or(known.water_c)?;
        let rise = good(self.back)? - supply;
        good(self.power)?;
        let (low_w, high_w) = self.band_w?;
        if high_w < DRAWS_W && HEAT_LOW * flow_lpm * (rise - PAIR_K) < DRAWS_W {
            return None;
        }
        let least = HEAT_LOW * flow_lpm * (rise - PAIR_K);
        let most = HEAT_HIGH * flow_lpm * (rise + PAIR_K);
        let broken = least > MOST_HEAT * high_w + 0.5 * DRAWS_W || most < LEAST_HEAT * low_w;
        Some(if broken { Balance::Broken(0.5 * (least + most)) } else { Balance::Fits })
    }

    /// Is its power that of the meters that feed it, or of its GPUs? `None` if neither says.
    fn power_fits(&self, snapshot: &Snapshot) -> Option<bool> {
        let own = self.power.and_then(|p| snapshot.good(p))?;
        let fed: Option<f64> = self.feeders.iter().map(|p| snapshot.good(*p)).sum();
        if let Some(w) = fed.filter(|_| !self.feeders.is_empty()) {
            return Some((own - w).abs() <= FED * own.max(w));
        }
        let watts = |g: &usize| {
            let gpu = snapshot.gpus.get(*g)?;
            gpu.sample.watts().filter(|_| gpu.vouches()).map(f64::from)
        };
        let gpus: Option<f64> = self.gpus.iter().map(watts).sum();
        // Its other load is known by its nameplate only.
        let w = gpus.filter(|_| !self.gpus.is_empty())?;
        Some(own >= 0.9 * w && own <= 1.2 * w + 2.0 * self.other_w)
    }

    /// Who of the four is not vouched for?
    fn accuse(&self, known: &Known, lie: Lie, snapshot: &Snapshot, court: &mut Court) {
        let all = [self.flow, self.supply, self.back, self.power];
        let fits = self.power_fits(snapshot);
        if let (Some(power), Some(false)) = (self.power, fits) {
            // Heat and meters are against it.
            court.odd(power, lie, with(&[self.flow, self.back, self.feeders.first().copied()]));
            return;
        }
        let still = |p: PointId| snapshot.good(p).is_some_and(|v| v <= FLOWS_LPM);
        if let (Some(flow), Some(true)) = (self.flow.filter(|p| still(*p)), fits)
            && self.dp.and_then(|p| snapshot.good(p)).is_some_and(|dp| dp > PRESSES_KPA)
        {
            // Pressure is across it, and what it draws for minutes is carried away: there is a flow.
            court.odd(flow, lie, with(&[self.dp, self.power, self.back]));
            return;
        }
        let good = |p: Option<PointId>| p.and_then(|p| snapshot.good(p));
        if let (Some(back), Some(water_c)) = (self.back, known.water_c.filter(|_| !known.supply_fits))
            && good(self.back).is_some_and(|c| (c - water_c).abs() <= WATER_K)
        {
            // The supply shows something else and the return shows the supply's water: they are mixed up.
            court.odd(back, lie, with(&[self.supply, self.power]));
            return;
        }
        // A supply that its water has already found odd is no suspect here.
        let vouched = [known.flow_fits, known.water_c.is_some(), false, fits == Some(true)];
        let mut suspects = [None; 4];
        for ((slot, point), vouched) in suspects.iter_mut().zip(all).zip(vouched) {
            *slot = point.filter(|_| !vouched);
        }
        let mut left = suspects.iter().flatten();
        match (left.next(), left.next()) {
            (Some(only), None) => court.odd(*only, lie, with(&all.map(|p| p.filter(|p| p != only)))),
            _ => court.one_of(&suspects, lie),
        }
    }
}

/// A rack's points: by the DSX words, or by area.
fn rack(words: &Words<'_>, id: &str) -> Rack {
    let site = words.site;
    let side = |p: &Point, word: &str| liquid(p) && (area(p, word) || p.kind.contains(word));
    let temperature = |word| words.one(id, Dimension::Temperature, |p| side(p, word));
    let nodes = || site.nodes.iter().filter(|n| n.rack == id);
    let feeds = |e: &&headroom_site::model::Equipment| e.serves.len() == 1 && e.serves[0] == id;
    Rack {
        supply: temperature("Supply"),
        back: temperature("Return"),
        flow: words.one(id, Dimension::Flow, liquid),
        dp: words.one(id, Dimension::Pressure, |p| liquid(p) && p.kind.contains("Differential")),
        power: words.power(id),
        feeders: site.equipment.iter().filter(feeds).filter_map(|e| words.power(&e.id)).collect(),
        gpus: nodes().flat_map(|n| n.gpus.0 as usize..n.gpus.1 as usize).collect(),
        other_w: nodes().map(|n| n.other_w).sum(),
        build: nodes().next().map_or((0, 0), |n| {
            let sku = site.gpus.get(n.gpus.0 as usize).map_or(0, |g| g.sku);
            (nodes().count(), sku)
        }),
        band_w: None,
    }
}
