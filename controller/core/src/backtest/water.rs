//! Loops beside their setpoints: what supply, return, flow and valves would have been.
//!
//! Responsible for: the water that GPUs would have had, and the points around it that no output of the model is. Not for: what
//! setpoints make of the temperatures and pressures that were learned (`belief`, `model`).
//!
//! ```text
//! s    = sqrt(dp' / dp), or ratio of flow or speed       flow over the flow that was; dp ~ flow^2
//! T_r' = T_s' + (T_r - T_s) / s                          the same heat in another flow
//! D    = T_r - T_f                                       what drives heat over the exchanger
//! v'   = v (D / D')^n / sqrt(dp_f' / dp_f)               the valve opens: Q ~ F^(1/n) D, n = 1.6
//! T_s' + (D v^(1/n) - D')                                where it would have to open further than it can
//! ```
//! With n = 1/0.6 an exchanger's conductance goes with flow^0.6 (between laminar and Dittus-Boelter's 0.8; Incropera, ch. 8 and
//! 11). Of a unit without a valve or without both temperatures nothing more is said than that its setpoint is followed.

use super::{Draw, Shift};
use crate::topology::{Topology, is_setpoint};
use crate::words::area;
use headroom_belief::model::Model;
use headroom_site::model::Point;
use headroom_site::{Dimension, PointId, Site};

/// How a valve opens for less temperature across its exchanger.
const VALVE_EXPONENT: f64 = 1.6;
/// Least difference across an exchanger that is reckoned with, K.
const LEAST_K: f64 = 0.2;
/// Flow over the flow that was, least and most.
const SHARE: (f64, f64) = (0.05, 5.0);

/// Water that GPUs have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Water {
    /// Its GPUs.
    pub(super) gpus: Vec<usize>,
    /// How much warmer it would have been, K.
    pub(super) warmer_k: f64,
    /// Flow over the flow that was.
    pub(super) flow: f64,
}

/// A setpoint with what it moves.
#[derive(Debug, Clone, Copy)]
struct Moved {
    actuator: usize,
    measures: Option<PointId>,
    /// Output of the model that it moves.
    output: Option<usize>,
    dimension: Dimension,
}

impl Moved {
    fn new(site: &Site, model: &Model, actuator: usize) -> Self {
        let a = &site.actuators[actuator];
        let id = a.measures.map(|p| site.points[p.index()].id.as_str());
        let output = model.outputs.iter().position(|o| id.is_some_and(|id| o.columns == [id]));
        Self { actuator, measures: a.measures, output, dimension: a.unit.dimension }
    }

    /// What it moved, and by how much more it would have: by the model, else as far as it was asked.
    fn departs(&self, seen: &Seen<'_>) -> Option<(f64, f64)> {
        let by_asking = (seen.asked)(self.actuator).map(|(was, is)| is - was);
        let by = self.output.map(|o| seen.departures[o]).or(by_asking);
        let was = self.measures.and_then(seen.said).or((seen.asked)(self.actuator).map(|(was, _)| was));
        Some((was?, by.unwrap_or(0.0)))
    }

    /// Flow over the flow that was.
    fn share(&self, seen: &Seen<'_>) -> f64 {
        let Some((was, by)) = self.departs(seen).filter(|(was, _)| *was > 0.0) else { return 1.0 };
        let ratio = ((was + by) / was).max(0.0);
        let share = if self.dimension == Dimension::Pressure { ratio.sqrt() } else { ratio };
        share.clamp(SHARE.0, SHARE.1)
    }
}

/// What is looked at.
struct Seen<'a> {
    departures: &'a [f64],
    said: &'a dyn Fn(PointId) -> Option<f64>,
    asked: &'a dyn Fn(usize) -> Option<(f64, f64)>,
}

/// A unit that cools GPUs, with its points.
#[derive(Debug, Clone)]
struct Loop {
    temperature: Option<Moved>,
    flow: Option<Moved>,
    /// What feeds it: its temperature, its pressure.
    feeds: [Option<Moved>; 2],
    supplies: Vec<PointId>,
    returns: Vec<PointId>,
    flows: Vec<PointId>,
    enters: Vec<PointId>,
    valves: Vec<PointId>,
    /// Its own supply and return.
    own: [Option<PointId>; 2],
    gpus: Vec<usize>,
}

/// All of them.
#[derive(Debug, Clone)]
pub(super) struct Loops {
    loops: Vec<Loop>,
    waters: Vec<Water>,
    exponent: f64,
}

impl Loops {
    pub(super) fn new(site: &Site, topology: &Topology, model: &Model, draw: Draw) -> Self {
        let mut units: Vec<&str> = Vec::new();
        for (a, reach) in site.actuators.iter().zip(&topology.reach) {
            if reach.cools && !units.contains(&a.of.as_str()) {
                units.push(&a.of);
            }
        }
        let loops: Vec<Loop> = units.iter().map(|id| Loop::new(site, topology, model, id)).collect();
        let water = |l: &Loop| Water { gpus: l.gpus.clone(), warmer_k: 0.0, flow: 1.0 };
        Self { waters: loops.iter().map(water).collect(), loops, exponent: VALVE_EXPONENT * draw.valve }
    }

    /// The water of each unit that cools GPUs.
    pub(super) fn waters(&self) -> &[Water] {
        &self.waters
    }

    /// Looks at departures of the model's outputs, and shifts the points around them.
    pub(super) fn look(
        &mut self,
        departures: &[f64],
        said: &dyn Fn(PointId) -> Option<f64>,
        asked: &dyn Fn(usize) -> Option<(f64, f64)>,
        shift: &mut [Shift],
    ) {
        let seen = Seen { departures, said, asked };
        for (l, water) in self.loops.iter().zip(&mut self.waters) {
            (water.warmer_k, water.flow) = l.look(&seen, self.exponent, shift);
        }
    }
}

impl Loop {
    fn new(site: &Site, topology: &Topology, model: &Model, id: &str) -> Self {
        let of_unit = |temperature: bool| {
            let fits = |a: &usize| {
                let own = &site.actuators[*a];
                own.of == id && (own.unit.dimension == Dimension::Temperature) == temperature
            };
            (0..site.actuators.len()).find(fits)
        };
        let upstream = |a: Option<usize>| a.and_then(|a| topology.reach[a].upstream.first().copied());
        let moved = |a: Option<usize>| a.map(|a| Moved::new(site, model, a));
        let (temperature, flow) = (of_unit(true), of_unit(false));
        let below = site.downstream(id);
        let air = site.equipment.iter().any(|e| e.id == id && e.kind.starts_with("cra"));
        let first = temperature.or(flow);
        let points = |keep: &dyn Fn(&Point) -> bool| -> Vec<PointId> {
            let all = (0..site.points.len()).filter(|i| keep(&site.points[*i]) && !is_setpoint(site, *i));
            all.map(|i| PointId(i as u32)).collect()
        };
        let medium = |p: &Point| p.kind.contains("Air") == air;
        let secondary =
            |p: &Point| medium(p) && !area(p, "Primary") && (p.of == id || below.contains(p.of.as_str()));
        let is = |p: &Point, d: Dimension| p.unit.dimension == d;
        let supplies = |p: &Point| area(p, "Supply") || p.kind.contains("Supply") || area(p, "ColdAisle");
        let returns = |p: &Point| area(p, "Return") || p.kind.contains("Return") || area(p, "HotAisle");
        let own = |which: &dyn Fn(&Point) -> bool| {
            points(&|p| p.of == id && secondary(p) && is(p, Dimension::Temperature) && which(p))
                .first()
                .copied()
        };
        Self {
            temperature: moved(temperature),
            flow: moved(flow),
            feeds: [moved(upstream(temperature)), moved(upstream(flow))],
            supplies: points(&|p| secondary(p) && is(p, Dimension::Temperature) && supplies(p)),
            returns: points(&|p| secondary(p) && is(p, Dimension::Temperature) && returns(p)),
            flows: points(&|p| secondary(p) && is(p, Dimension::Flow)),
            enters: points(&|p| p.of == id && is(p, Dimension::Flow) && area(p, "Primary")),
            valves: points(&|p| p.of == id && is(p, Dimension::Ratio) && p.kind.contains("Valve")),
            own: [own(&supplies), own(&returns)],
            gpus: first.map_or(Vec::new(), |a| topology.reach[a].gpus.clone()),
        }
    }

    /// How much warmer its water would have been, K, and flow over the flow that was.
    fn look(&self, seen: &Seen<'_>, exponent: f64, shift: &mut [Shift]) -> (f64, f64) {
        let moved = |m: &Option<Moved>| m.as_ref().and_then(|m| m.departs(seen));
        let mut warmer = moved(&self.temperature).map_or(0.0, |(_, by)| by);
        let flow = self.flow.as_ref().map_or(1.0, |m| m.share(seen));
        let own = self.own.map(|p| p.and_then(seen.said));
        let rise = if let [Some(supply), Some(back)] = own { (back - supply).max(0.0) } else { 0.0 };
        let longer = rise * (1.0 / flow - 1.0);
        let fed = moved(&self.feeds[0]);
        if let (Some((feed, feed_by)), [_, Some(back)]) = (fed, own) {
            let drove = (back - feed).max(LEAST_K);
            let pressed = self.feeds[1].as_ref().map_or(1.0, |m| m.share(seen));
            let drives = |warmer: f64| (back + warmer + longer - feed - feed_by).max(LEAST_K);
            let more = (drove / drives(warmer)).powf(exponent) / pressed;
            let widest = self.valves.iter().filter_map(|v| (seen.said)(*v)).fold(0.0, f64::max);
            let may = if widest > 0.0 { widest.recip().max(1.0) } else { f64::INFINITY };
            if more > may {
                warmer += drove * (may * pressed).powf(-1.0 / exponent) - drives(warmer);
            }
            let opens = more.min(may);
            self.valves.iter().chain(&self.enters).for_each(|p| shift[p.index()].times = opens);
        }
        self.supplies.iter().for_each(|p| shift[p.index()].add += warmer);
        self.returns.iter().for_each(|p| shift[p.index()].add += warmer + longer);
        self.flows.iter().for_each(|p| shift[p.index()].times = flow);
        (warmer, flow)
    }
}
