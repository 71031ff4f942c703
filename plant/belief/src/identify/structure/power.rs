//! Power: what the meters of the whole show.

use super::{Builder, Candidate, Class, OutputPlan, WEATHER_APPROACH_K};
use crate::model::{Role, Term};
use headroom_site::{Dimension, PointId};

/// Power of a pump over its pressure (affinity: P ~ dp Q, Q ~ dp^0.5).
const PUMP_EXPONENT: f64 = 1.5;
/// Fan power over the distance of water from weather: air flow goes with one over it, power with its third power at most.
const FAN_EXPONENTS: [f64; 3] = [-1.0, -2.0, -3.0];
/// Distance of water from weather at which towers are laid out, K.
const REFERENCE_APPROACH_K: f64 = 5.0;

impl Builder<'_> {
    pub(super) fn meters(&mut self) {
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
        for (n, weather) in self.weather.clone().into_iter().enumerate() {
            let (prior, optional) = ((0.0, 0.03 * mean_w), n > 0);
            out.push(Candidate { term: weather, class: Class::Weather, prior, sign: 1.0, optional });
            for a in 0..self.site.actuators.len() {
                if self.is_first(a) {
                    self.lift(a, weather, mean_w, &mut out);
                }
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
        if self.is_first(a) {
            // Machines answer to a move of the first water twice: by what they do to its mass, and by where it then stands.
            out.push(Candidate { term, class: Class::Lift, prior, sign, optional: true });
        }
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
            out.push(Candidate { term, class: Class::Lift, prior, sign: 1.0, optional: true });
            if heat_w > 0.0 {
                let loaded = Term::Product(Box::new(above), Box::new(heat.clone()), heat_w);
                let term = self.term(&format!("{name}, times heat"), loaded);
                out.push(Candidate { term, class: Class::Lift, prior, sign: 1.0, optional: true });
            }
        }
        // Fans: the nearer the water comes to the weather, the more air it takes.
        for exponent in FAN_EXPONENTS {
            let left = Term::Above(Box::new(Term::Signal(own)), Box::new(weather.term.clone()), 0.0);
            let air = Term::Power(Box::new(left), exponent, REFERENCE_APPROACH_K);
            let term = self.term(&format!("air for an approach to {}, {exponent}", weather.name), air);
            let prior = (0.0, 0.3 * mean_w / REFERENCE_APPROACH_K);
            out.push(Candidate { term, class: Class::Lift, prior, sign: 1.0, optional: true });
        }
    }
}
