//! What can be wrong with an agent of a virtual plant, and what it has carried out.
//!
//! Responsible for: a process that hangs or is dead and starts again, caps that cannot be written or that somebody lifts, and
//! the account of what was carried out. Not for: when any of it happens (`faults`).

use super::{Agents, Node, mono_ns};
use headroom_guard::{Action, Echo, Keeper, Lease, Mode, Receiver, Refusal, State};
use headroom_sim::world::World;
use headroom_site::gpu::CapReceipt;
use headroom_site::{CapCommand, Stamp};
use std::sync::Arc;

/// Is the process of an agent there?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Presence {
    /// It runs.
    #[default]
    Up,
    /// It stands; what is sent to it waits.
    Hung,
    /// It is gone; what is sent to it is lost.
    Dead,
}

/// What is wrong with an agent.
#[derive(Debug, Clone, Default)]
pub(super) struct Ill {
    pub(super) presence: Presence,
    /// The driver takes no cap and no lock.
    pub(super) writes_fail: bool,
    /// What was sent while it hung.
    waiting: Vec<CapCommand>,
    #[cfg(test)]
    pub(super) careless: Careless,
}

/// Agents as they must not be.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Careless {
    /// A lease that ends changes nothing.
    pub(crate) of_leases: bool,
    /// Whatever comes is carried out.
    pub(crate) of_order: bool,
}

/// A command that was carried out, as its receiver saw it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Obeyed {
    pub(crate) node: Arc<str>,
    /// The receiver's start, and its monotonic clock then \[ns\].
    pub(crate) boot: u64,
    pub(crate) at_ns: u64,
    /// Term and number of the command, its life, and the stamp that it brought back.
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    pub(crate) ttl_ms: u64,
    pub(crate) echo: Echo,
}

impl Obeyed {
    pub(super) fn new(node: &Arc<str>, boot: u64, at_ns: u64, lease: &Lease) -> Self {
        Self {
            node: Arc::clone(node),
            boot,
            at_ns,
            epoch: lease.epoch,
            sequence: lease.sequence,
            ttl_ms: lease.ttl_ms,
            echo: lease.echo,
        }
    }
}

impl Node {
    /// May this one be carried out? As in the real agent.
    pub(super) fn accept(&mut self, now: Stamp, lease: &Lease, random: u64) -> Result<(), Refusal> {
        let accepted = self
            .receiver
            .accept(mono_ns(now), lease)
            .and_then(|()| self.keeper.on_accept(mono_ns(now), lease.ttl_ms, random));
        #[cfg(test)]
        if self.ill.careless.of_order {
            return Ok(());
        }
        accepted
    }

    /// Keeps what became of a command for the next reports. As in the real agent, a second delivery or an order of a
    /// controller that was succeeded does not hide what became of the one that counts.
    pub(super) fn note(&mut self, command: &CapCommand, refused: Option<&Refusal>) {
        let counted = self.receipt.as_ref().is_some_and(|receipt| receipt.epoch >= command.epoch);
        if counted && matches!(refused, Some(Refusal::Sequence(..) | Refusal::Epoch(..))) {
            return;
        }
        let failed = self.ill.writes_fail.then(|| "the driver takes no cap".to_owned());
        let refused = refused.map(ToString::to_string).or(failed);
        self.receipt = Some(CapReceipt { epoch: command.epoch, sequence: command.sequence, refused });
    }

    /// Does what the lease demands.
    pub(super) fn tend(&mut self, now: Stamp, world: &mut World) {
        #[cfg(test)]
        if self.ill.careless.of_leases && self.keeper.state() != (State::Found { restore: true }) {
            return;
        }
        // What cannot be written is tried again at the next look.
        if self.keeper.poll(mono_ns(now)) == Action::Release && !self.ill.writes_fail {
            self.restore(world);
            self.keeper.released();
        }
    }

    /// Sets caps again that somebody has lifted while a lease holds; how many.
    pub(super) fn assert_again(&mut self, world: &mut World) -> u64 {
        let mut count = 0;
        let holding = matches!(self.keeper.state(), State::Held { .. } | State::Releasing { .. });
        if !holding || self.ill.writes_fail {
            return 0;
        }
        for (k, held_w) in self.held_w.iter().enumerate() {
            if let Some(held_w) = held_w.filter(|w| world.fleet.cap_w[self.first + k] > w + 1.0) {
                world.set_cap(self.first + k, f64::from(held_w));
                count += 1;
            }
        }
        count
    }

    /// Keeps a command until the process goes on.
    pub(super) fn wait(&mut self, command: &CapCommand) -> Option<Obeyed> {
        self.ill.waiting.push(command.clone());
        None
    }

    /// A new process: it knows the highest epoch from its disk, and puts back what the former one left.
    fn start_again(&mut self) {
        self.boot = self.boot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.receiver = Receiver::restored(self.boot, self.receiver.highest_epoch());
        self.receiver.set_gate(Mode::Active, false);
        self.keeper = Keeper::new(super::POLL_MS);
        (self.sequence, self.receipt) = (0, None);
    }
}

impl Agents {
    /// Is the process of a node's agent there from now on?
    pub(in super::super) fn set_presence(
        &mut self,
        now: Stamp,
        node: usize,
        presence: Presence,
        world: &mut World,
    ) {
        let was = std::mem::replace(&mut self.nodes[node].ill.presence, presence);
        if presence == Presence::Dead || was == Presence::Dead {
            self.nodes[node].ill.waiting.clear();
        }
        if was == Presence::Dead && presence != Presence::Dead {
            self.nodes[node].start_again();
        }
        if presence == Presence::Up {
            for command in std::mem::take(&mut self.nodes[node].ill.waiting) {
                let random = self.draw();
                let obeyed = self.nodes[node].obey(now, &command, random, world);
                self.obeyed.extend(obeyed);
            }
        }
    }

    /// Can an agent write caps and locks from now on?
    pub(in super::super) fn set_writes_fail(&mut self, node: usize, fail: bool) {
        self.nodes[node].ill.writes_fail = fail;
    }

    /// GPUs of a node, from and to.
    pub(in super::super) fn gpus(&self, node: usize) -> std::ops::Range<usize> {
        let n = &self.nodes[node];
        n.first..n.first + n.uuids.len()
    }

    /// Makes all of them careless.
    #[cfg(test)]
    pub(in super::super) fn set_careless(&mut self, careless: Careless) {
        self.nodes.iter_mut().for_each(|node| node.ill.careless = careless);
    }
}
