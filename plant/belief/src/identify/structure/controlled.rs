//! Outputs that setpoints move: temperatures and pressures.

use super::{Builder, Candidate, Class, OutputPlan, WEATHER_APPROACH_K};
use crate::model::Term;
use headroom_site::Dimension;
use std::collections::BTreeSet;

/// What stands between two loops at least, K.
const LOOP_APPROACH_K: [f64; 3] = [2.0, 4.0, 7.0];

impl Builder<'_> {
    /// Outputs that actuators are to move.
    pub(super) fn controlled(&mut self) {
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
        let below: BTreeSet<String> = self.site.downstream(&own.of).into_iter().map(str::to_owned).collect();
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
        for (n, weather) in self.weather.clone().into_iter().enumerate().filter(|_| temperature) {
            let optional = n > 0;
            out.push(Candidate {
                term: weather,
                class: Class::Weather,
                prior: (0.0, 0.3),
                sign: 1.0,
                optional,
            });
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
                let distance =
                    Term::Above(Box::new(Term::Signal(signal)), Box::new(Term::Signal(above)), approach);
                let name = format!("{} above what is asked, {approach} K", self.plan.signals[signal].name);
                let term = self.term(&name, distance);
                out.push(Candidate {
                    term,
                    class: Class::Setpoints,
                    prior: (0.5, 0.5),
                    sign: 1.0,
                    optional: true,
                });
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
            out.push(Candidate { term, class: Class::Lift, prior: (0.5, 0.5), sign: 1.0, optional: true });
        }
    }

    /// Is nothing of the same kind upstream of this actuator?
    pub(super) fn is_first(&self, a: usize) -> bool {
        let own = &self.site.actuators[a];
        let upstream = |b: &headroom_site::model::Actuator| {
            b.of != own.of
                && b.unit.dimension == own.unit.dimension
                && self.site.downstream(&b.of).contains(own.of.as_str())
        };
        own.unit.dimension == Dimension::Temperature && !self.site.actuators.iter().any(upstream)
    }

    /// Machines that were started or stopped; a start is worth `most` units of the output at most.
    pub(super) fn started(&mut self, dimension: Dimension, most: f64, out: &mut Vec<Candidate>) {
        for (signal, steps) in self.machines.clone() {
            let term = self.of_signal(signal);
            let sign = if dimension == Dimension::Power { 1.0 } else { 0.0 };
            // A start is so rare that no unseen block of time speaks for it: where physics knows its sign it is always taken.
            let optional = sign == 0.0;
            out.push(Candidate { term, class: Class::Machines, prior: (0.0, most / steps), sign, optional });
        }
    }
}
