//! What Headroom itself says at an instant.
//!
//! Responsible for: reading qualities, doubts, findings, clocks, receipts and modes as an operator could. Not for: which of it
//! is the sign of which fault ([`super::kinds`]). Nothing here looks at the truth.

use crate::virtual_plant::VirtualPlant;
use headroom_core::Line;
use headroom_core::align::ClockView;
use headroom_core::health::Whose;
use headroom_site::model::Source;
use headroom_site::{Outcome, Site};

/// What a node's start was, and what was passed over, when a run began.
#[derive(Debug, Clone, Default)]
pub(super) struct Before {
    boots: Vec<Option<u64>>,
    passed_over: u64,
    set_again: u64,
}

impl Before {
    pub(super) fn new(line: &Line, plant: &VirtualPlant) -> Self {
        Self {
            boots: line.snapshot().nodes.iter().map(|n| n.boot).collect(),
            passed_over: line.passed_over(),
            set_again: plant.set_again(),
        }
    }
}

/// What the house itself has said in this second.
#[derive(Debug, Clone, Default)]
pub(super) struct House {
    pub(super) refused_policy: bool,
    pub(super) ended: bool,
    /// Outcomes of writes.
    pub(super) outcomes: Vec<Outcome>,
    /// Epoch of a controller that has said that it was succeeded.
    pub(super) succeeded: bool,
}

/// What there is to read.
pub(super) struct Said<'a> {
    pub(super) site: &'a Site,
    /// The controller that has run longest.
    pub(super) line: Option<&'a Line>,
    pub(super) before: &'a Before,
    pub(super) house: &'a House,
    pub(super) plant: &'a VirtualPlant,
}

impl Said<'_> {
    fn point_is(&self, index: usize) -> bool {
        let Some(line) = self.line else { return false };
        let bad = line.snapshot().points.get(index).is_some_and(|p| !p.quality.is_good());
        let is = |p: headroom_site::PointId| p.index() == index;
        bad || line.plausible().doubts().iter().any(|d| is(d.point))
            || line.health().findings().iter().any(|f| match f.whose {
                Whose::Point(p) => is(p),
                Whose::Points(p, q) => is(p) || is(q),
                _ => false,
            })
    }

    pub(super) fn doubts_point(&self, id: &str) -> bool {
        self.site.point(id).is_some_and(|p| self.point_is(p.index()))
    }

    pub(super) fn doubts_source(&self, source: &str) -> bool {
        (0..self.site.points.len()).any(|i| self.site.points[i].of == *source && self.point_is(i))
    }

    pub(super) fn doubts_device(&self, device: &str) -> bool {
        (0..self.site.points.len()).any(|i| {
            let Source::Modbus { device: d, .. } = &self.site.points[i].source else { return false };
            self.site.modbus[*d].id == *device && self.point_is(i)
        })
    }

    pub(super) fn doubts_any_point(&self) -> bool {
        (0..self.site.points.len()).any(|i| self.point_is(i))
    }

    fn clock(&self, is: impl Fn(&ClockView<'_>) -> bool) -> bool {
        self.line
            .is_some_and(|line| line.sources().view().any(|v| (v.fault.is_some() || v.corrected) && is(&v)))
    }

    pub(super) fn doubts_clock(&self, source: &str) -> bool {
        self.clock(|v| v.source == source)
    }

    pub(super) fn doubts_any_clock(&self) -> bool {
        self.clock(|_| true)
    }

    fn node(&self, target: &str, is: impl Fn(&Line, usize) -> bool) -> bool {
        let Some(line) = self.line else { return false };
        let named = |n: &usize| target.split('+').any(|node| node == self.site.nodes[*n].id);
        (0..self.site.nodes.len()).filter(named).any(|n| is(line, n))
    }

    fn any_node(&self, is: impl Fn(&Line, usize) -> bool) -> bool {
        self.line.is_some_and(|line| (0..self.site.nodes.len()).any(|n| is(line, n)))
    }

    pub(super) fn misses_node(&self, target: &str) -> bool {
        self.node(target, |line, n| !line.snapshot().nodes[n].heard)
    }

    pub(super) fn misses_any_node(&self) -> bool {
        self.any_node(|line, n| !line.snapshot().nodes[n].heard)
    }

    fn is_new(&self, line: &Line, n: usize) -> bool {
        let boot = line.snapshot().nodes[n].boot;
        boot.is_some() && self.before.boots.get(n).is_some_and(|b| *b != boot)
    }

    pub(super) fn node_is_new(&self, target: &str) -> bool {
        self.node(target, |line, n| self.is_new(line, n))
    }

    pub(super) fn any_node_is_new(&self) -> bool {
        self.any_node(|line, n| self.is_new(line, n))
    }

    pub(super) fn misses_gpu(&self, target: &str) -> bool {
        let (node, gpu) = target.split_once('/').unwrap_or((target, "0"));
        let gpu: usize = gpu.parse().unwrap_or(0);
        self.node(node, |line, n| {
            let at = self.site.nodes[n].gpus.0 as usize + gpu;
            line.snapshot().gpus.get(at).is_some_and(|g| !g.heard)
        })
    }

    pub(super) fn refused_by_node(&self, target: &str) -> bool {
        self.node(target, |line, n| {
            line.snapshot().nodes[n].receipt.as_ref().is_some_and(|r| r.refused.is_some())
        })
    }

    /// An agent has said that it set a cap again that somebody had lifted.
    pub(super) fn set_again(&self) -> bool {
        self.plant.set_again() > self.before.set_again
    }

    pub(super) fn write_failed(&self) -> bool {
        self.house.outcomes.iter().any(|o| matches!(o, Outcome::Refused(_) | Outcome::Failed(_)))
    }

    /// The read-back of a setpoint, or what it is measured by, is not good, in doubt, or ails.
    pub(super) fn doubts_actuator(&self, id: &str) -> bool {
        let Some(a) = self.site.actuator(id) else { return false };
        let a = &self.site.actuators[a.index()];
        [a.readback, a.measures].into_iter().flatten().any(|p| self.point_is(p.index()))
    }

    /// A setpoint is held back by itself.
    pub(super) fn holds_back(&self, id: &str) -> bool {
        let (Some(a), Some(line)) = (self.site.actuator(id), self.line) else { return false };
        line.held_back().any(|h| h.actuator == a.index())
    }

    pub(super) fn passed_over(&self) -> bool {
        self.line.is_some_and(|line| line.passed_over() > self.before.passed_over)
    }

    pub(super) fn anything_ails(&self) -> bool {
        self.line.is_some_and(|line| !line.health().findings().is_empty())
    }

    pub(super) fn bms_takes_us_for_dead(&self) -> bool {
        !self.plant.is_alive_to_bms()
    }

    pub(super) fn was_succeeded(&self) -> bool {
        self.house.succeeded
    }

    pub(super) fn refused_policy(&self) -> bool {
        self.house.refused_policy
    }

    pub(super) fn has_ended(&self) -> bool {
        self.house.ended
    }
}
