//! The structure: signals, inputs, outputs, and which input may act on which output, with what physics says beforehand.
//!
//! Responsible for: reading the site's graph (grey), or letting everything act on everything where there is none (black).
//! Not for: numbers from data (`fit`).
//!
//! Rooms: `controlled` (what setpoints move), `power` (meters). What is known beforehand, whatever the site:
//!
//! ```text
//! supply temperature   follows its own setpoint, gain 1; rises with what is upstream, with heat and with weather, if at all;
//!                      cannot go below what is upstream by less than an approach
//! pressure             follows its own setpoint, gain 1
//! IT power             a bit more than the GPUs' power
//! facility power       IT power and a tenth to a half on top; cooling power rises with heat, weather and pressure
//! ```

mod controlled;
mod power;

use super::table::Table;
use crate::model::{Role, Signal, Structure, Term};
use headroom_site::{Dimension, PointId, Site};
use std::collections::BTreeMap;

/// Inputs of an output that share the shape of their answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The setpoint that is to move this output.
    Own,
    /// Other setpoints.
    Setpoints,
    /// Heat.
    Heat,
    /// Weather.
    Weather,
    /// How far weather stands in the way of what is asked.
    Lift,
    /// Machines that others start and stop.
    Machines,
}

impl Class {
    /// Longest time constant that is tried, s: a machine that is started draws its power within minutes.
    pub(super) const fn longest_s(self) -> f64 {
        match self {
            Self::Machines => 300.0,
            Self::Own | Self::Setpoints | Self::Heat | Self::Weather | Self::Lift => 4.0 * 3600.0,
        }
    }

    pub(super) const ALL: [Self; 6] =
        [Self::Own, Self::Setpoints, Self::Heat, Self::Weather, Self::Lift, Self::Machines];
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

/// Builds a plan step by step.
struct Builder<'a> {
    site: &'a Site,
    table: &'a Table,
    black: bool,
    plan: Plan,
    /// Heat signals with the racks they belong to, and their mean, W.
    heat: Vec<(usize, Vec<String>, f64)>,
    /// Terms of the weather, what matters most first.
    weather: Vec<usize>,
    machines: Vec<(usize, f64)>,
}

impl Plan {
    /// The plan of a site for a table.
    #[must_use]
    pub fn new(site: &Site, table: &Table) -> Self {
        let black = site.equipment.iter().all(|e| e.serves.is_empty());
        let structure = if black { Structure::Black } else { Structure::Grey };
        let plan = Self { structure, signals: vec![], terms: vec![], outputs: vec![], setpoints: vec![] };
        let mut b = Builder { site, table, black, plan, heat: vec![], weather: vec![], machines: vec![] };
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
        if let Some(h) = humid {
            let rh = self.signal(&h, vec![h.clone()], "1", Role::Weather);
            let wet = self.term("outdoor wet bulb", Term::WetBulb(t, rh));
            self.weather.push(wet);
        }
        let dry = self.of_signal(t);
        self.weather.push(dry);
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
}
