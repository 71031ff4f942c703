//! What was considered, for whoever asks why.
//!
//! Responsible for: the room of all that a setpoint serves, its worth and price, and the bounds of a cap, as of the last
//! decision. Not for: deciding, nor for words.

use super::Line;
use crate::propose::Binds;
use crate::propose::cooling::{Scene, cost_w_per_unit, each_slack, saving_w_per_unit};
use crate::propose::power::CapBounds;
use headroom_guard::CapsVerdict;

/// What was considered of a setpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Considered {
    /// Room of everything that it serves, K or K-equivalent, the least first.
    pub room: Vec<(f64, Binds)>,
    /// Watts that a unit saves at least and at most, the way that it relaxes; infinite where nobody says what it relieves.
    pub saves_w_per_unit: (f64, f64),
    /// Watts of leakage that it costs.
    pub costs_w_per_unit: f64,
}

impl Line {
    /// What was considered of a setpoint that stands somewhere, base unit.
    #[must_use]
    pub fn considered(&self, actuator: usize, stands: f64) -> Considered {
        let scene = self.scene();
        let mut room = Vec::new();
        each_slack(&scene, actuator, |k, by| room.push((k, by)));
        room.sort_by(|a, b| a.0.total_cmp(&b.0));
        Considered {
            room,
            saves_w_per_unit: saving_w_per_unit(&scene, actuator, stands),
            costs_w_per_unit: cost_w_per_unit(&scene, actuator, stands),
        }
    }

    /// What bounds the cap of a GPU.
    #[must_use]
    pub fn cap_bounds(&self, gpu: usize) -> CapBounds {
        self.steady.bounds(&self.topology, &self.wants, self.estimator.last(), gpu)
    }

    /// What the guard made of the last caps.
    pub fn last_caps(&self) -> CapsVerdict {
        self.caps_verdict
    }

    /// What an actuator is asked to hold now, base unit.
    #[must_use]
    pub fn held(&self, actuator: usize) -> Option<f64> {
        self.leases.held(actuator)
    }

    /// Watts that a unit of a setpoint saves at least and at most the way that it relaxes, where it stands so, and those it costs.
    #[must_use]
    pub fn worth(&self, actuator: usize, stands: f64) -> ((f64, f64), f64) {
        let scene = self.scene();
        (saving_w_per_unit(&scene, actuator, stands), cost_w_per_unit(&scene, actuator, stands))
    }

    pub(crate) fn scene(&self) -> Scene<'_> {
        Scene {
            site: &self.site,
            topology: &self.topology,
            wants: &self.wants,
            snapshot: self.align.last(),
            estimate: self.estimator.last(),
            survey: &self.survey,
        }
    }
}
