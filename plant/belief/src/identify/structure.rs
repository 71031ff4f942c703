//! The structure: signals, inputs, outputs, and which input may act on which output, with what physics says beforehand.
//!
//! Responsible for: reading the site's graph (grey), or letting everything act on everything where there is none (black).
//! Not for: numbers from data (`fit`).
//!
//! What is known beforehand, whatever the site:
//!
//! ```text
//! supply temperature   follows its own setpoint, gain 1; rises with what is upstream, with heat and with weather, if at all;
//!                      cannot go below what is upstream by less than an approach
//! pressure             follows its own setpoint, gain 1
//! IT power             a bit more than the GPUs' power
//! facility power       IT power and a tenth to a half on top; cooling power rises with heat, weather and pressure
//! ```

use super::table::Table;
use crate::model::{Role, Signal, Structure, Term};
use headroom_site::{Dimension, PointId, Site};
use std::collections::{BTreeMap, BTreeSet};

/// Inputs of an output that share the shape of their answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The setpoint that is to move this output.
    Own,
    /// Other setpoints.
    Setpoints,
    /// Heat.
    Heat,
    /// Weather, and how far it stands in the way.
    Weather,
    /// Machines that others start and stop.
    Machines,
}

impl Class {
    pub(super) const ALL: [Self; 5] = [Self::Own, Self::Setpoints, Self::Heat, Self::Weather, Self::Machines];
}

/// An input that may act on an output.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Index into [`Plan::terms`].
    pub term: usize,
    /// With whom it shares its shape.
    pub class: Class,
    /// Gain beforehand and its standard deviation, units of the output per unit of the input.
    pub prior: (f64, f64),
    /// Sign of the gain where physics knows it, else zero.
    pub sign: f64,
    /// Taken only where it makes predictions better.
    pub optional: bool,
}

/// An output and what may act on it.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputPlan {
    /// Name.
    pub name: String,
    /// Columns that are summed.
    pub columns: Vec<String>,
    /// Its dimension.
    pub dimension: Dimension,
    /// Actuator that is to move it.
    pub own: Option<usize>,
    /// What may act.
    pub candidates: Vec<Candidate>,
}

/// A named term.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Name.
    pub name: String,
    /// Term of the signals.
    pub term: Term,
}

/// Signals, terms, outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Grey or black.
    pub structure: Structure,
    /// Signals; their ranges are not known yet.
    pub signals: Vec<Signal>,
    /// Terms.
    pub terms: Vec<Named>,
    /// Outputs.
    pub outputs: Vec<OutputPlan>,
    /// Signal of each actuator's setpoint; none where it is not in the table.
    pub setpoints: Vec<Option<usize>>,
}

/// What stands between weather and water at least, K: tried, and taken where it predicts better.
const WEATHER_APPROACH_K: [f64; 4] = [1.0, 4.0, 7.0, 11.0];
/// What stands between two loops at least, K.
const LOOP_APPROACH_K: [f64; 3] = [2.0, 4.0, 7.0];
/// Power of a pump over its pressure (affinity: P ~ dp Q, Q ~ dp^0.5).
const PUMP_EXPONENT: f64 = 1.5;

/// Builds a plan step by step.
struct Builder<'a> {
    site: &'a Site,
    table: &'a Table,
    black: bool,
    plan: Plan,
    /// Heat signals with the racks they belong to, and their mean, W.
    heat: Vec<(usize, Vec<String>, f64)>,
    /// Term of the weather, if any.
    weather: Option<usize>,
    machines: Vec<(usize, f64)>,
}

impl Plan {
    /// The plan of a site for a table.
    #[must_use]
    pub fn new(site: &Site, table: &Table) -> Self {
        let black = site.equipment.iter().all(|e| e.serves.is_empty());
        let structure = if black { Structure::Black } else { Structure::Grey };
        let plan =
            Self { structure, signals: vec![], terms: vec![], outputs: vec![], setpoints: vec![] };
        let mut b =
            Builder { site, table, black, plan, heat: vec![], weather: None, machines: vec![] };
        b.setpoints();
        b.heat();
        b.weather();
        b.machines();
        b.controlled();
        b.meters();
        b.plan
    }
}

impl Builder<'_> {
    fn id(&self, point: PointId) -> &str {
        &self.site.points[point.index()].id
    }

    fn signal(&mut self, name: &str, columns: Vec<String>, unit: &str, role: Role) -> usize {
        let (name, unit) = (name.to_owned(), unit.to_owned());
        self.plan.signals.push(Signal { name, columns, unit, role, range: (0.0, 0.0) });
        self.plan.signals.len() - 1
    }

    /// Index of a term, added if it is new.
    fn term(&mut self, name: &str, term: Term) -> usize {
        if let Some(there) = self.plan.terms.iter().position(|t| t.term == term) {
            return there;
        }
        self.plan.terms.push(Named { name: name.to_owned(), term });
        self.plan.terms.len() - 1
    }

    fn of_signal(&mut self, signal: usize) -> usize {
        let name = self.plan.signals[signal].name.clone();
        self.term(&name, Term::Signal(signal))
    }

    fn mean(&self, columns: &[String]) -> f64 {
        let Some(sum) = self.table.sum(columns) else { return 0.0 };
        let (s, n) = sum.iter().filter(|v| v.is_finite()).fold((0.0, 0_u32), |(s, n), v| (s + v, n + 1));
        s / f64::from(n.max(1))
    }

    fn setpoints(&mut self) {
        for actuator in &self.site.actuators {
            let column = actuator.readback.map(|p| self.id(p).to_owned());
            let there = column.filter(|c| self.table.column(c).is_some());
            let unit = actuator.unit.dimension.base();
            let signal = there.map(|c| self.signal(&actuator.id, vec![c], unit, Role::Setpoint));
            self.plan.setpoints.push(signal);
        }
    }

    /// Heat by groups of racks that the same actuators reach; where no GPUs are seen, what racks or the IT draw.
    fn heat(&mut self) {
        let mut groups: BTreeMap<Vec<usize>, Vec<(String, String)>> = BTreeMap::new();
        for (id, (kind, _)) in &self.site.places {
            if kind != "rack" {
                continue;
            }
            let meter = self.site.power.iter().find(|p| p.racks == [id.clone()]).and_then(|p| p.meter);
            let metered = meter.map(|m| self.id(m).to_owned());
            let columns = [Some(format!("gpu_power:{id}")), metered];
            let Some(column) = columns.into_iter().flatten().find(|c| self.table.column(c).is_some()) else {
                continue;
            };
            let reached = (0..self.site.actuators.len())
                .filter(|&a| self.site.downstream(&self.site.actuators[a].of).contains(id.as_str()));
            groups.entry(reached.collect()).or_default().push((id.clone(), column));
        }
        for racks in groups.into_values() {
            let (ids, columns): (Vec<String>, Vec<String>) = racks.into_iter().unzip();
            let name = if ids.len() == 1 {
                format!("heat of {}", ids[0])
            } else {
                format!("heat of {} to {}", ids[0], ids[ids.len() - 1])
            };
            let mean = self.mean(&columns);
            let signal = self.signal(&name, columns, "W", Role::Heat);
            self.heat.push((signal, ids, mean));
        }
        let it = self.site.meters.it.map(|p| self.id(p).to_owned());
        if let (true, Some(it)) = (self.heat.is_empty(), it.filter(|c| self.table.column(c).is_some())) {
            let mean = self.mean(std::slice::from_ref(&it));
            let signal = self.signal("heat of the IT", vec![it], "W", Role::Heat);
            let all = self.site.places.keys().cloned().collect();
            self.heat.push((signal, all, mean));
        }
    }

    fn weather(&mut self) {
        let Some(outdoor) = self.site.meters.outdoor else { return };
        let (id, of) = (self.id(outdoor).to_owned(), self.site.points[outdoor.index()].of.clone());
        if self.table.column(&id).is_none() {
            return;
        }
        let t = self.signal(&id, vec![id.clone()], "degC", Role::Weather);
        let humid = self.site.points.iter().find(|p| p.of == of && p.unit.dimension == Dimension::Ratio);
        let humid = humid.filter(|p| self.table.column(&p.id).is_some()).map(|p| p.id.clone());
        self.weather = Some(match humid {
            Some(h) => {
                let rh = self.signal(&h, vec![h.clone()], "1", Role::Weather);
                self.term("outdoor wet bulb", Term::WetBulb(t, rh))
            }
            None => self.of_signal(t),
        });
    }

    /// Machines that were started or stopped while the table was written.
    fn machines(&mut self) {
        let state = |p: &&headroom_site::model::Point| {
            p.unit.dimension == Dimension::Count && !p.counter && p.kind.contains("Status")
        };
        let states: Vec<String> = self.site.points.iter().filter(state).map(|p| p.id.clone()).collect();
        for id in states {
            let Some(column) = self.table.column(&id) else { continue };
            let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
            for v in column.values.iter().filter(|v| v.is_finite()) {
                (low, high) = (low.min(*v), high.max(*v));
            }
            if high > low {
                let signal = self.signal(&id, vec![id.clone()], "1", Role::Disturbance);
                self.machines.push((signal, high - low));
            }
        }
    }

    /// Outputs that actuators are to move.
    fn controlled(&mut self) {
        for a in 0..self.site.actuators.len() {
            let Some(point) = self.site.actuators[a].measures else { continue };
            let name = self.id(point).to_owned();
            if self.table.column(&name).is_none() || self.plan.outputs.iter().any(|o| o.name == name) {
                continue;
            }
            let dimension = self.site.points[point.index()].unit.dimension;
            let candidates = self.for_controlled(a, dimension);
            self.plan.outputs.push(OutputPlan {
                columns: vec![name.clone()],
                name,
                dimension,
                own: Some(a),
                candidates,
            });
        }
    }

    fn for_controlled(&mut self, a: usize, dimension: Dimension) -> Vec<Candidate> {
        let mut out = Vec::new();
        let own = &self.site.actuators[a];
        let temperature = dimension == Dimension::Temperature;
        if let Some(signal) = self.plan.setpoints[a] {
            let term = self.of_signal(signal);
            // How well a setpoint is held is not certain; that it is not held backwards is.
            let same = own.unit.dimension == dimension;
            let prior = if same { (1.0, 0.2) } else { (0.0, self.scale(a, dimension)) };
            out.push(Candidate { term, class: Class::Own, prior, sign: 1.0, optional: false });
        }
        if !temperature && !self.black {
            return out;
        }
        let below: BTreeSet<String> =
            self.site.downstream(&own.of).into_iter().map(str::to_owned).collect();
        for b in (0..self.site.actuators.len()).filter(|&b| b != a) {
            self.other_setpoint(a, b, dimension, &mut out);
        }
        for (signal, racks, mean) in self.heat.clone() {
            if self.black || racks.iter().any(|r| below.contains(r)) {
                let term = self.of_signal(signal);
                // All heat of the group is not worth more than some kelvin of a controlled temperature.
                let prior = (0.0, if temperature { 5.0 } else { 20.0 } / mean.abs().max(1e3));
                let sign = if temperature { 1.0 } else { 0.0 };
                out.push(Candidate { term, class: Class::Heat, prior, sign, optional: false });
            }
        }
        if let Some(weather) = self.weather.filter(|_| temperature) {
            out.push(Candidate { term: weather, class: Class::Weather, prior: (0.0, 0.3), sign: 1.0, optional: false });
            self.attainable(a, weather, &mut out);
        }
        self.started(dimension, 1.0, &mut out);
        out
    }

    /// Another setpoint: one upstream, or of the same equipment.
    fn other_setpoint(&mut self, a: usize, b: usize, dimension: Dimension, out: &mut Vec<Candidate>) {
        let (own, other) = (&self.site.actuators[a], &self.site.actuators[b]);
        let upstream = self.site.downstream(&other.of).contains(own.of.as_str());
        let Some(signal) = self.plan.setpoints[b].filter(|_| upstream || self.black) else { return };
        let same = other.unit.dimension == dimension;
        let term = self.of_signal(signal);
        let (sigma, sign) = match (same, dimension) {
            (true, Dimension::Temperature) => (0.3, if self.black { 0.0 } else { 1.0 }),
            _ => (self.scale(b, dimension), 0.0),
        };
        out.push(Candidate { term, class: Class::Setpoints, prior: (0.0, sigma), sign, optional: false });
        if same && dimension == Dimension::Temperature && own.of != other.of {
            let own = self.plan.setpoints[a];
            for (above, approach) in own.iter().flat_map(|o| LOOP_APPROACH_K.map(|k| (*o, k))) {
                let distance = Term::Above(Box::new(Term::Signal(signal)), Box::new(Term::Signal(above)), approach);
                let name = format!("{} above what is asked, {approach} K", self.plan.signals[signal].name);
                let term = self.term(&name, distance);
                out.push(Candidate { term, class: Class::Setpoints, prior: (0.5, 0.5), sign: 1.0, optional: true });
            }
        }
    }

    /// Change of an output of a dimension that a tenth of an actuator's range may make.
    fn scale(&self, a: usize, dimension: Dimension) -> f64 {
        let (low, high) = self.site.actuators[a].range;
        let change = match dimension {
            Dimension::Temperature | Dimension::TemperatureDelta => 0.5,
            Dimension::Ratio => 0.05,
            _ => 5.0,
        };
        change / (0.1 * (high - low)).max(1e-9)
    }

    /// The supply cannot be colder than the weather and an approach.
    fn attainable(&mut self, a: usize, weather: usize, out: &mut Vec<Candidate>) {
        let Some(own) = self.plan.setpoints[a].filter(|_| self.is_first(a)) else { return };
        let weather = self.plan.terms[weather].clone();
        for approach in WEATHER_APPROACH_K {
            let above = Term::Above(Box::new(weather.term.clone()), Box::new(Term::Signal(own)), approach);
            let term = self.term(&format!("{} above what is asked, {approach} K", weather.name), above);
            out.push(Candidate { term, class: Class::Weather, prior: (0.5, 0.5), sign: 1.0, optional: true });
        }
    }

    /// Is nothing of the same kind upstream of this actuator?
    fn is_first(&self, a: usize) -> bool {
        let own = &self.site.actuators[a];
        let upstream = |b: &headroom_site::model::Actuator| {
            b.of != own.of
                && b.unit.dimension == own.unit.dimension
                && self.site.downstream(&b.of).contains(own.of.as_str())
        };
        own.unit.dimension == Dimension::Temperature && !self.site.actuators.iter().any(upstream)
    }

    /// Machines that were started or stopped; a start is worth `most` units of the output at most.
    fn started(&mut self, dimension: Dimension, most: f64, out: &mut Vec<Candidate>) {
        for (signal, steps) in self.machines.clone() {
            let term = self.of_signal(signal);
            let sign = if dimension == Dimension::Power { 1.0 } else { 0.0 };
            out.push(Candidate { term, class: Class::Machines, prior: (0.0, most / steps), sign, optional: true });
        }
    }

    fn meters(&mut self) {
        let ids = |points: &[PointId]| points.iter().map(|p| self.id(*p).to_owned()).collect::<Vec<_>>();
        let meters = self.site.meters.clone();
        let all = [
            ("meters:facility", ids(meters.facility.as_slice()), 1.2),
            ("meters:it", ids(meters.it.as_slice()), 1.1),
            ("meters:cooling", ids(&meters.cooling), 0.1),
        ];
        for (name, columns, heat_gain) in all {
            if columns.is_empty() || columns.iter().any(|c| self.table.column(c).is_none()) {
                continue;
            }
            // What is an input already is not predicted.
            if self.plan.signals.iter().any(|s| s.role == Role::Heat && s.columns == columns) {
                continue;
            }
            let candidates = self.for_power(self.mean(&columns), heat_gain);
            self.plan.outputs.push(OutputPlan {
                name: name.to_owned(),
                columns,
                dimension: Dimension::Power,
                own: None,
                candidates,
            });
        }
    }

    fn for_power(&mut self, mean_w: f64, heat_gain: f64) -> Vec<Candidate> {
        let mut out = Vec::new();
        let mean_w = mean_w.abs().max(1.0);
        for (signal, _, _) in self.heat.clone() {
            let term = self.of_signal(signal);
            let prior = (heat_gain, 0.15 + 0.3 * heat_gain);
            out.push(Candidate { term, class: Class::Heat, prior, sign: 1.0, optional: false });
        }
        for a in 0..self.site.actuators.len() {
            let Some(signal) = self.plan.setpoints[a] else { continue };
            self.setpoint_power(a, signal, mean_w, &mut out);
        }
        let Some(weather) = self.weather else {
            self.started(Dimension::Power, mean_w, &mut out);
            return out;
        };
        let prior = (0.0, 0.03 * mean_w);
        out.push(Candidate { term: weather, class: Class::Weather, prior, sign: 1.0, optional: false });
        for a in 0..self.site.actuators.len() {
            if self.is_first(a) && self.plan.setpoints[a].is_some() {
                self.lift(a, weather, mean_w, &mut out);
            }
        }
        self.started(Dimension::Power, mean_w, &mut out);
        out
    }

    fn setpoint_power(&mut self, a: usize, signal: usize, mean_w: f64, out: &mut Vec<Candidate>) {
        let actuator = &self.site.actuators[a];
        let (low, high) = actuator.range;
        let (term, prior, sign) = match actuator.unit.dimension {
            Dimension::Temperature => (Term::Signal(signal), (0.0, 0.03 * mean_w), 0.0),
            dimension => {
                let middle = 0.5 * (low + high);
                let exponent = if dimension == Dimension::Pressure { PUMP_EXPONENT } else { 3.0 };
                let term = Term::Power(Box::new(Term::Signal(signal)), exponent, middle.abs().max(1e-9));
                (term, (0.0, 0.3 * mean_w / middle.abs().max(1e-9)), 0.0)
            }
        };
        let name = match term {
            Term::Power(_, n, _) => format!("{} to the {n}", actuator.id),
            _ => actuator.id.clone(),
        };
        let term = self.term(&name, term);
        out.push(Candidate { term, class: Class::Setpoints, prior, sign, optional: false });
    }

    /// Machines work for what the weather does not do; more for more heat.
    fn lift(&mut self, a: usize, weather: usize, mean_w: f64, out: &mut Vec<Candidate>) {
        let Some(own) = self.plan.setpoints[a] else { return };
        let weather = self.plan.terms[weather].clone();
        let heat_w: f64 = self.heat.iter().map(|h| h.2).sum();
        let heat = Term::Sum(self.heat.iter().map(|h| Term::Signal(h.0)).collect());
        for approach in WEATHER_APPROACH_K {
            let above = Term::Above(Box::new(weather.term.clone()), Box::new(Term::Signal(own)), approach);
            let name = format!("{} above what is asked, {approach} K", weather.name);
            let prior = (0.0, 0.05 * mean_w);
            let term = self.term(&name, above.clone());
            out.push(Candidate { term, class: Class::Weather, prior, sign: 1.0, optional: true });
            if heat_w > 0.0 {
                let loaded = Term::Product(Box::new(above), Box::new(heat.clone()), heat_w);
                let term = self.term(&format!("{name}, times heat"), loaded);
                out.push(Candidate { term, class: Class::Weather, prior, sign: 1.0, optional: true });
            }
        }
    }
}
