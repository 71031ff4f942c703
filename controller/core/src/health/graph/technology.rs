//! A CDU and the racks on its loop.

use super::super::finding::{Ailment, Whose};
use super::facility::{inlets, mixes, supply_of};
use super::{Builder, Loop};
use crate::topology::Topology;
use crate::words::{Words, area, liquid};
use headroom_belief::loops::{Equation, Side};
use headroom_site::Dimension::{Flow, Pressure, Ratio, Temperature};
use headroom_site::PointId;
use headroom_site::model::Point;

/// Least share of conductance, head and plates worth a word, as a logarithm.
const FOULED: f64 = 0.12;
const WORN: f64 = 0.10;
const BLOCKED: f64 = 0.10;
/// Power that pumps draw less by for the head that they lose, as logarithms: a worn wheel moves less water against less, a
/// clogged strainer costs head that is still made (affinity laws; `plant/belief`, `loops`).
const POWER_OF_WEAR: f64 = 0.7;
const POWER_OF_CLOGGING: f64 = 0.05;

/// Points of a rack on a loop.
struct Rack<'a> {
    id: &'a str,
    power: Option<PointId>,
    supply: Option<PointId>,
    back: Option<PointId>,
    flow: Option<PointId>,
    dp: Option<PointId>,
    valve: Option<PointId>,
}

/// Points of a unit.
struct Unit {
    supply: Option<PointId>,
    back: Option<PointId>,
    inlet: Option<PointId>,
    outlet: Option<PointId>,
    flow: Option<PointId>,
    primary: Option<PointId>,
    dp: Option<PointId>,
    speeds: Vec<PointId>,
    power: Option<PointId>,
}

pub(super) fn supplies(p: &Point) -> bool {
    area(p, "Supply") || p.kind.contains("Supply")
}

fn returns(p: &Point) -> bool {
    area(p, "Return") || p.kind.contains("Return")
}

pub(super) fn side(p: &Point, primary: bool) -> bool {
    liquid(p) && area(p, "Primary") == primary
}

impl<'a> Rack<'a> {
    fn new(words: &Words<'_>, id: &'a str) -> Self {
        Self {
            id,
            power: words.only_power(id),
            supply: words.only(id, Temperature, |p| liquid(p) && supplies(p)),
            back: words.only(id, Temperature, |p| liquid(p) && returns(p)),
            flow: words.only(id, Flow, liquid),
            dp: words.only(id, Pressure, liquid),
            valve: words.only(id, Ratio, |p| p.kind.contains("Valve")),
        }
    }

    /// Its flow; one that nobody meters counts where its heat is known.
    fn flow_var(&self, b: &mut Builder<'_>) -> Option<usize> {
        let heats = self.back.is_some() && self.power.is_some();
        let known = self.flow.is_some() || heats;
        known.then(|| b.flow(self.flow, || format!("flow of {}", self.id)))
    }
}

impl Unit {
    fn new(words: &Words<'_>, id: &str) -> Self {
        // Where the sides are named, a point of neither side is of neither.
        let named = words.site.points.iter().any(|p| p.of == id && area(p, "Secondary"));
        let second = |p: &Point| if named { liquid(p) && area(p, "Secondary") } else { side(p, false) };
        let enters = |p: &Point| side(p, true) && (area(p, "Inlet") || supplies(p));
        let leaves = |p: &Point| side(p, true) && (area(p, "Outlet") || returns(p));
        Self {
            supply: words.only(id, Temperature, |p| second(p) && supplies(p)),
            back: words.only(id, Temperature, |p| second(p) && returns(p)),
            inlet: words.only(id, Temperature, enters),
            outlet: words.only(id, Temperature, leaves),
            flow: words.only(id, Flow, second),
            primary: words.only(id, Flow, |p| side(p, true)),
            dp: words.only(id, Pressure, |p| second(p) && p.kind.contains("Differential")),
            speeds: words.all(id, Ratio, |p| second(p) && p.kind.contains("PumpSpeed")),
            power: words.only_power(id),
        }
    }
}

/// Where facility water enters a CDU.
pub(super) fn inlet(words: &Words<'_>, id: &str) -> Option<PointId> {
    Unit::new(words, id).inlet
}

/// Kinds of what may stand between a CDU and its racks without taking flow of its own.
const BETWEEN: [&str; 6] = ["rack", "rack-manifold", "manifold", "valve", "meter", "sensor"];

pub(super) fn loops(words: &Words<'_>, topology: &Topology) -> Vec<Loop> {
    let serving = words.serving("cdu");
    let all = words.racks();
    let one = |e: usize| {
        let id = &words.site.equipment[e].id;
        let below = words.site.downstream(id);
        let served: Vec<&str> = all.iter().copied().filter(|r| below.contains(r)).collect();
        let alone = |r: &&str| serving.get(*r).is_some_and(|by| by.len() == 1);
        let racks: Vec<Rack<'_>> =
            served.iter().copied().filter(alone).map(|id| Rack::new(words, id)).collect();
        let mut b = Builder::new(words.site);
        let unit = Unit::new(words, id);
        of_racks(&mut b, topology, &unit, &racks);
        // A rack that others feed too, or another load, and the parts are not the whole.
        let others = words.site.equipment.iter().filter(|o| o.id != *id && below.contains(o.id.as_str()));
        if racks.len() == served.len() && others.into_iter().all(|o| BETWEEN.contains(&o.kind.as_str())) {
            together(&mut b, &unit, &racks, id);
        }
        exchanger(&mut b, words, &unit, e);
        pumps(&mut b, &unit, e);
        swaps(&mut b, &unit, &racks);
        b.finish()
    };
    words.equipment("cdu").filter_map(one).collect()
}

/// Each rack: its water, its heat, its resistance, its branch.
fn of_racks(b: &mut Builder<'_>, topology: &Topology, unit: &Unit, racks: &[Rack<'_>]) {
    for rack in racks {
        if let (Some(one), Some(other)) = (rack.supply, unit.supply) {
            let water = Equation::SameWater { a: b.var(one), b: b.var(other) };
            b.equation(rack.id, water);
        }
        let Some(flow) = rack.flow_var(b) else { continue };
        if let (Some(supply), Some(back), Some(power)) = (rack.supply.or(unit.supply), rack.back, rack.power)
        {
            let heat = Equation::Heat { flow, supply: b.var(supply), back: b.var(back), power: b.var(power) };
            b.equation(rack.id, heat);
        }
        // Pressure and flow, or they tell nothing of each other.
        let Some(dp) = rack.dp.or(unit.dp).filter(|_| rack.flow.is_some()).map(|p| b.var(p)) else {
            continue;
        };
        let valve = rack.valve.map(|p| b.var(p));
        let mut moves = vec![(b.equation(rack.id, Equation::Resistance { dp, flow, valve }), 1.0)];
        if let (Some(_), Some(header)) = (rack.dp, unit.dp) {
            let header = b.var(header);
            moves.push((b.equation(rack.id, Equation::Branch { dp, header, flow }), 0.1));
        }
        let place = topology.racks.iter().position(|r| r.id == rack.id).map(Whose::Rack);
        let equipment = || b.site.equipment.iter().position(|e| e.id == rack.id).map(Whose::Equipment);
        if let Some(whose) = place.or_else(equipment) {
            b.fault(Ailment::Air, whose, moves, BLOCKED, 0.0);
        }
    }
}

/// What comes back together, and what goes out.
fn together(b: &mut Builder<'_>, unit: &Unit, racks: &[Rack<'_>], owner: &str) {
    let flows: Option<Vec<usize>> = racks.iter().map(|r| r.flow_var(b)).collect();
    let backs: Option<Vec<PointId>> = racks.iter().map(|r| r.back).collect();
    let Some(flows) = flows.filter(|f| !f.is_empty()) else { return };
    if let (Some(back), Some(backs)) = (unit.back, backs) {
        let parts = flows.iter().copied().zip(b.vars(&backs)).collect();
        let mixing = Equation::Mixing { back: b.var(back), parts };
        b.equation(owner, mixing);
    }
    // Without heat or a flow of the unit nobody tells of it.
    if unit.flow.is_some() || unit.back.is_some() {
        let whole = b.flow(unit.flow, || format!("secondary flow of {owner}"));
        b.equation(owner, Equation::Mass { whole, parts: flows });
    }
}

/// The plate exchanger, and the water that comes to it.
fn exchanger(b: &mut Builder<'_>, words: &Words<'_>, unit: &Unit, e: usize) {
    let id = &words.site.equipment[e].id;
    let feeding = words.site.equipment.iter().find(|f| f.serves.contains(id));
    let feeds = feeding.filter(|f| !mixes(words, &f.id)).and_then(|f| supply_of(words, &f.id));
    if let (Some(inlet), Some(feeds)) = (unit.inlet, feeds) {
        let water = Equation::SameWater { a: b.var(inlet), b: b.var(feeds) };
        b.equation(id, water);
        // Where several units hang on that water, its own loop hears all of them.
        if feeding.is_some_and(|f| inlets(words, f).len() > 1) {
            b.silent(feeds);
        }
    }
    let (Some(supply), Some(back), Some(inlet), Some(outlet)) =
        (unit.supply, unit.back, unit.inlet, unit.outlet)
    else {
        return;
    };
    let flow = b.flow(unit.flow, || format!("secondary flow of {id}"));
    let primary = b.flow(unit.primary, || format!("primary flow of {id}"));
    let hot = Side { flow, enters: b.var(back), leaves: b.var(supply) };
    let cold = Side { flow: primary, enters: b.var(inlet), leaves: b.var(outlet) };
    b.equation(id, Equation::Exchange { hot, cold });
    let ua = b.equation(id, Equation::Conductance { hot, cold });
    b.fault(Ailment::Fouling, Whose::Equipment(e), vec![(ua, -1.0)], FOULED, 0.0);
}

/// The pumps of a unit against its header.
fn pumps(b: &mut Builder<'_>, unit: &Unit, e: usize) {
    let (Some(dp), Some(flow)) = (unit.dp, unit.flow) else { return };
    if unit.speeds.is_empty() {
        return;
    }
    let speeds = b.vars(&unit.speeds);
    head(b, e, (dp, flow), speeds, unit.power);
}

/// Head and power of pumps, and what may ail them.
pub(super) fn head(
    b: &mut Builder<'_>,
    e: usize,
    (dp, flow): (PointId, PointId),
    speeds: Vec<usize>,
    power: Option<PointId>,
) {
    let owner = b.site.equipment[e].id.clone();
    b.heads.push((e, dp));
    let (dp, flow) = (b.var(dp), b.var(flow));
    let head = b.equation(&owner, Equation::Head { dp, flow, speeds: speeds.clone() });
    let (mut wear, mut clogging) = (vec![(head, -1.0)], vec![(head, -1.0)]);
    if let Some(power) = power {
        let power = b.var(power);
        let drawn = b.equation(&owner, Equation::PumpPower { power, flow, speeds });
        wear.push((drawn, -POWER_OF_WEAR));
        clogging.push((drawn, -POWER_OF_CLOGGING));
    }
    b.fault(Ailment::PumpWear, Whose::Equipment(e), wear, WORN, 0.0);
    b.fault(Ailment::Clogging, Whose::Equipment(e), clogging, WORN, 1.0);
}

/// Sensors that may have been mixed up: of one unit or rack, and of one kind on two racks.
fn swaps(b: &mut Builder<'_>, unit: &Unit, racks: &[Rack<'_>]) {
    let mut pairs = vec![
        (unit.supply, unit.back),
        (unit.inlet, unit.outlet),
        (unit.supply, unit.inlet),
        (unit.back, unit.outlet),
        (unit.flow, unit.primary),
    ];
    for (i, r) in racks.iter().enumerate() {
        pairs.push((r.supply, r.back));
        for other in &racks[i + 1..] {
            pairs.extend([
                (r.back, other.back),
                (r.flow, other.flow),
                (r.power, other.power),
                (r.dp, other.dp),
            ]);
        }
    }
    for (one, other) in pairs {
        if let (Some(one), Some(other)) = (one, other) {
            b.swap(one, other);
        }
    }
}
