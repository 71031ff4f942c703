//! What a fault campaign does to a virtual plant, and what it asks of it.
//!
//! Responsible for: the doors through which faults get in, and the accounts of what receivers carried out. Not for: which
//! faults, when, and what is made of it (`faults`).

#[cfg(test)]
use super::Careless;
use super::{Lie, Obeyed, Presence, Taking, VirtualPlant};
use headroom_sim::image::Link;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::events::WorldError;
use headroom_site::Span;
use std::ops::Range;

impl VirtualPlant {
    /// These events happen from now on.
    ///
    /// # Errors
    /// Events that name something that is not there.
    pub(crate) fn happen(&mut self, scenario: &Scenario) -> Result<(), Vec<WorldError>> {
        self.world.happen(scenario)
    }

    /// The controller's process stands, or goes on.
    pub(crate) fn set_stopped(&mut self, stopped: bool) {
        self.stopped = stopped;
    }

    /// The controller's process is gone, without a word.
    pub(crate) fn die(&mut self) {
        self.beat = None;
        self.stopped = false;
    }

    /// The controller's clock is so far ahead of the plant's.
    pub(crate) fn set_skew(&mut self, skew: Span) {
        self.asks.skew = skew;
    }

    /// What the way of our messages to the BMS does to them.
    pub(crate) fn set_bus_link(&mut self, link: Link) {
        self.asks.set_link(link);
    }

    /// What answers for a setpoint does this.
    pub(crate) fn set_lie(&mut self, actuator: usize, lie: Option<Lie>) {
        self.asks.lies[actuator] = lie;
    }

    /// Does the BMS take a setpoint from us now?
    pub(crate) fn stands(&self, actuator: usize) -> bool {
        self.asks.point(actuator).is_some_and(|p| self.world.image.requests[p].is_some())
    }

    /// Is the process of a node's agent there?
    pub(crate) fn set_presence(&mut self, node: usize, presence: Presence) {
        let now = self.now();
        self.agents.set_presence(now, node, presence, &mut self.world);
    }

    /// Can an agent write caps?
    pub(crate) fn set_writes_fail(&mut self, node: usize, fail: bool) {
        self.agents.set_writes_fail(node, fail);
    }

    /// The driver of a node is loaded anew: caps and locks are gone.
    pub(crate) fn reload_driver(&mut self, node: usize) {
        for gpu in self.agents.gpus(node) {
            self.world.set_cap(gpu, self.world.fleet.sku(gpu).tdp_w);
            self.world.set_lock(gpu, 0.0, f64::INFINITY);
        }
    }

    /// GPUs of a node.
    pub(crate) fn gpus_of(&self, node: usize) -> Range<usize> {
        self.agents.gpus(node)
    }

    /// What agents, desks and devices have carried out since the last step began.
    pub(crate) fn carried_out(&self) -> (&[Obeyed], &[Taking]) {
        (&self.agents.obeyed, &self.asks.taken)
    }

    /// Caps that agents have set again since somebody had lifted them.
    pub(crate) fn set_again(&self) -> u64 {
        self.agents.set_again
    }

    /// Does the BMS take us for alive?
    pub(crate) fn is_alive_to_bms(&self) -> bool {
        self.dsx.alive(self.now().unix_ms())
    }

    /// Makes the agents careless.
    #[cfg(test)]
    pub(crate) fn set_careless(&mut self, careless: Careless) {
        self.agents.set_careless(careless);
    }
}
