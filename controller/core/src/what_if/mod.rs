//! What would be if one thing were otherwise, by the belief of now.
//!
//! Responsible for: the effect of another setpoint, of less flow, or of fewer watts, on headroom, power and jobs. Nothing is
//! moved, and nothing of it enters a decision. Rooms: `heat` (GPUs beside other water or less of it), `watts` (the allocation
//! under another budget).
//!
//! ```text
//! T_i    = T_c + dT_c + c + ((1 - phi) psi s^-0.7 + phi) R P     observers; s: flow over the flow of now (`estimate/flow`)
//! room   = T_lim - T_i - k sigma                                 at the recent peak power, and at the highest cap
//! saved  = 0 to w x units                                        temperatures: w, W per unit, the most (`worth`)
//!        = (1 +- 0.4) w |stands| / 1.5 (1 - s^3)                 flow: P ~ s^3 (pump affinity), w = 1.5 P / |stands|
//! y      = the model's output in an hour, with and without       where the site has a learned model
//! ```
//!
//! What is downstream of another loop feels its temperature only where the valves between have no room left, K for K then.

mod heat;
mod watts;

pub use heat::{Heat, Room};
pub use watts::{JobEffect, Watts};

use crate::line::Line;
use crate::site_filter::AHEAD_S;
use headroom_belief::model::Forecast;

/// One thing that is otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// A setpoint stands elsewhere, base unit.
    Setpoint {
        /// Index of the actuator.
        actuator: usize,
        /// Where.
        value: f64,
    },
    /// Another flow through everything that an equipment cools.
    Flow {
        /// Index of the equipment.
        equipment: usize,
        /// Flow over the flow of now.
        share: f64,
    },
    /// A branch of the power tree may draw less.
    Budget {
        /// Index of the branch.
        branch: usize,
        /// What it may draw, W.
        watts: f64,
    },
}

/// An output of the site's model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutputEffect {
    /// Index of the output in the model.
    pub output: usize,
    /// What it will come to within an hour as things are, base unit.
    pub stays: Forecast,
    /// What it would come to.
    pub goes: Forecast,
}

/// What would be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Effect {
    /// GPUs beside other water, or less of it.
    pub heat: Option<Heat>,
    /// Power of the facility beside its IT, least and most, W more; by priors. None: nobody meters what is saved.
    pub facility_w: Option<(f64, f64)>,
    /// Leakage of the GPUs, W more.
    pub leakage_w: Option<f64>,
    /// By the model of the site, where there is one: outputs that move.
    pub outputs: Vec<OutputEffect>,
    /// Watts and jobs under another budget.
    pub watts: Option<Watts>,
}

/// What the law of pumps is off by, relative: efficiency of pump and drive, and the heat of both.
const AFFINITY_OFF: f64 = 0.4;
/// Movement of an output below which it does not move, in standard deviations.
const MOVES: f64 = 0.02;

impl Line {
    /// What would be if one thing were otherwise. Indices are those of the site. `None` where a setpoint's own place is not
    /// known, or an equipment cools nothing by itself.
    ///
    /// # Panics
    /// If there is no such actuator, equipment or branch.
    #[must_use]
    pub fn what_if(&self, change: Change) -> Option<Effect> {
        match change {
            Change::Setpoint { actuator, value } => self.other_setpoint(actuator, value),
            Change::Flow { equipment, share } => {
                let heat = heat::beside_flow(&self.scene(), equipment, share)?;
                Some(Effect { heat: Some(heat), ..Effect::default() })
            }
            Change::Budget { branch, watts } => {
                Some(Effect { watts: Some(watts::under(self, branch, watts)), ..Effect::default() })
            }
        }
    }

    fn other_setpoint(&self, actuator: usize, value: f64) -> Option<Effect> {
        let (scene, a) = (self.scene(), &self.site().actuators[actuator]);
        let stands = self.stands(actuator)?;
        let units = a.saves.sign() * (value - stands);
        let ((_, most), costs) = self.worth(actuator, stands);
        let (one, other) = match heat::flow_share(a, stands, value) {
            Some(share) => {
                let by_affinity = -most * stands.abs() / 1.5 * (1.0 - share.powi(3));
                (by_affinity * (1.0 - AFFINITY_OFF), by_affinity * (1.0 + AFFINITY_OFF))
            }
            // Valves that open for it, pumps that follow and machines that stay as they are may eat all of it.
            None => (0.0, -most * units),
        };
        Some(Effect {
            heat: Some(heat::beside_setpoint(&scene, actuator, (stands, value))),
            facility_w: (one.is_finite() && other.is_finite()).then(|| (one.min(other), one.max(other))),
            leakage_w: Some(costs * units),
            outputs: self.by_model(actuator, value),
            watts: None,
        })
    }

    /// Where a setpoint stands, base unit: as the plant reads it back, else as it was asked last, else its fallback where nobody
    /// could say.
    #[must_use]
    pub fn stands(&self, actuator: usize) -> Option<f64> {
        let a = &self.site().actuators[actuator];
        match a.readback {
            Some(point) => self.snapshot().good(point).or_else(|| self.held(actuator)),
            None => Some(self.held(actuator).unwrap_or(a.fallback)),
        }
    }

    /// Outputs of the site's model in an hour, if a setpoint stands elsewhere from now on.
    fn by_model(&self, actuator: usize, value: f64) -> Vec<OutputEffect> {
        let id = &self.site().actuators[actuator].id;
        let Some(model) = self.foresight().filter(|m| m.periods() > 0) else { return Vec::new() };
        let Some(signal) = model.model().signal(id) else { return Vec::new() };
        let periods = (AHEAD_S[AHEAD_S.len() - 1] / model.model().period_s).round().max(1.0) as usize;
        let stay = vec![f64::NAN; model.signals().len()];
        let mut go = stay.clone();
        go[signal] = value;
        let last = |row: Vec<f64>| model.ahead(&vec![row; periods]).pop().unwrap_or_default();
        let both = last(stay).into_iter().zip(last(go)).enumerate();
        let effects = both.map(|(output, (stays, goes))| OutputEffect { output, stays, goes });
        effects.filter(|o| (o.goes.value - o.stays.value).abs() > MOVES * o.stays.sigma).collect()
    }
}

#[cfg(test)]
mod tests;
