//! Lease: what the guard has left becomes commands that expire.
//!
//! A command is sent when it differs from the last one beyond a deadband, and again before half its life is over, so
//! that a receiver that hears nothing knows that nobody is there. Only modes that may write issue commands; this
//! is the one place where advisory and active part.

use crate::align::Snapshot;
use crate::propose::power::CapProposal;
use headroom_guard::Mode;
use headroom_site::command::SetpointCommand;
use headroom_site::gpu::CapTarget;
use headroom_site::{ActuatorId, CapCommand, Command, Site, Span, Stamp};
use std::sync::Arc;

/// Change of a cap worth a command, relative. The budget's reserve covers it.
pub const CAP_DEADBAND: f64 = 0.02;
/// Life of a setpoint's command, in refreshes.
pub const LIFE_IN_REFRESHES: i64 = 3;
/// Caps are repeated when this part of their life is over: one in so many.
pub const CAPS_AGAIN: i64 = 3;

/// Who commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Controller id.
    pub who: String,
    /// Epoch: higher than every earlier start's.
    pub epoch: u64,
}

#[derive(Debug, Clone, Default)]
struct SetpointLease {
    value: Option<f64>,
    sent: Option<Stamp>,
}

/// Cap in W and clock in MHz; `None` leaves it free.
type Target = (Option<f32>, Option<f32>);

#[derive(Debug, Clone, Default)]
struct NodeLease {
    targets: Vec<Target>,
    /// The same as a command carries them, shared by all that repeat them.
    named: Arc<[CapTarget]>,
    sent: Option<Stamp>,
    boot: Option<u64>,
    /// The solution that the targets were last compared with.
    solution: Option<u64>,
}

/// Issues commands.
#[derive(Debug, Clone)]
pub struct Leases {
    identity: Identity,
    /// Who commands, and the ids of the nodes, as commands carry them.
    who: Arc<str>,
    node_ids: Vec<Arc<str>>,
    sequence: u64,
    ttl: Span,
    setpoints: Vec<SetpointLease>,
    nodes: Vec<NodeLease>,
    /// Nodes whose GPUs can only be read: nobody there takes a command.
    read_only: Vec<bool>,
    /// Highest cap of each GPU, W.
    most_w: Vec<f64>,
    /// Memory for the targets of one node.
    fresh: Vec<Target>,
}

impl Leases {
    /// For a site.
    #[must_use]
    pub fn new(site: &Site, identity: Identity) -> Self {
        Self {
            who: Arc::from(identity.who.as_str()),
            node_ids: site.nodes.iter().map(|n| Arc::from(n.id.as_str())).collect(),
            identity,
            sequence: 0,
            ttl: site.lease,
            setpoints: vec![SetpointLease::default(); site.actuators.len()],
            nodes: vec![NodeLease::default(); site.nodes.len()],
            read_only: site.nodes.iter().map(headroom_site::model::Node::read_only).collect(),
            most_w: site.gpus.iter().map(|g| site.skus[g.sku].max_cap_w).collect(),
            fresh: Vec::new(),
        }
    }

    /// The epoch that commands are issued in.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.identity.epoch
    }

    /// Begins to command in a new epoch, from where setpoints without a read-back were last asked to stand. What was held before
    /// is another epoch's.
    pub(crate) fn begin(&mut self, epoch: u64, asked: &[(ActuatorId, f64)]) {
        self.identity.epoch = epoch;
        self.forget();
        for (actuator, value) in asked {
            if let Some(lease) = self.setpoints.get_mut(actuator.index()) {
                lease.value = Some(*value);
            }
        }
    }

    /// Forgets all that is held: it is not relinquished, since it is somebody else's from now on.
    pub(crate) fn forget(&mut self) {
        self.setpoints.fill(SetpointLease::default());
        self.nodes.fill(NodeLease::default());
    }

    /// Commands issued so far.
    #[must_use]
    pub fn issued(&self) -> u64 {
        self.sequence
    }

    /// What an actuator is asked to hold now.
    #[must_use]
    pub fn held(&self, actuator: usize) -> Option<f64> {
        self.setpoints[actuator].value
    }

    /// Leases a setpoint, or relinquishes it (`None`).
    pub fn setpoint(
        &mut self,
        site: &Site,
        actuator: usize,
        mode: Mode,
        value: Option<f64>,
        now: Stamp,
        reason: impl FnOnce() -> String,
    ) -> Option<Command> {
        let value = value.filter(|_| mode.may_write());
        let lease = &mut self.setpoints[actuator];
        let refresh = site.actuators[actuator].refresh;
        let due = lease.sent.is_none_or(|sent| now.since(sent) >= refresh);
        let changed = value != lease.value;
        if !changed && (value.is_none() || !due) {
            return None;
        }
        lease.value = value;
        lease.sent = Some(now);
        self.sequence += 1;
        Some(Command::Setpoint(SetpointCommand {
            actuator: ActuatorId(actuator as u32),
            value,
            epoch: self.identity.epoch,
            sequence: self.sequence,
            stamp: now,
            ttl_ms: (refresh.ms().max(1) * LIFE_IN_REFRESHES) as u64,
            reason: reason(),
        }))
    }

    /// Leases caps and clocks of all nodes that have something to hold.
    pub fn caps(
        &mut self,
        site: &Site,
        snapshot: &Snapshot,
        mode: Mode,
        proposal: &CapProposal,
        now: Stamp,
        out: &mut Vec<Command>,
    ) {
        if !mode.may_write() {
            return;
        }
        for n in (0..site.nodes.len()).filter(|&n| !self.read_only[n]) {
            let Some(boot) = snapshot.nodes[n].boot.filter(|_| snapshot.nodes[n].heard) else { continue };
            let lease = &mut self.nodes[n];
            if lease.boot != Some(boot) {
                *lease = NodeLease { boot: Some(boot), ..NodeLease::default() };
            }
            let held = holds_any(&lease.targets);
            let known = proposal.solution.is_some() && proposal.solution == lease.solution;
            let (mut holds, mut changed) = (held, false);
            if !known {
                fill(&mut self.fresh, &self.most_w, site.nodes[n].gpus, proposal);
                holds = holds_any(&self.fresh);
                changed = lease.targets.len() != self.fresh.len() || differs(&lease.targets, &self.fresh);
                lease.solution = proposal.solution;
            }
            let due = lease.sent.is_none_or(|sent| now.since(sent).ns() * CAPS_AGAIN >= self.ttl.ns());
            let send_now = if holds { due || changed } else { held };
            if !send_now {
                continue;
            }
            self.sequence += 1;
            // Between real changes the old targets are repeated, so that a deadband does not creep.
            if changed {
                std::mem::swap(&mut lease.targets, &mut self.fresh);
                lease.named = named(site, n, &lease.targets);
            }
            out.push(Command::Caps(CapCommand {
                node: Arc::clone(&self.node_ids[n]),
                who: Arc::clone(&self.who),
                epoch: self.identity.epoch,
                sequence: self.sequence,
                ttl_ms: self.ttl.ms().max(1) as u64,
                echo_boot: boot,
                echo_mono_ns: snapshot.nodes[n].mono_ns,
                // Whoever sends it says when.
                sent_ns: 0,
                gpus: Arc::clone(&lease.named),
                reason: if holds { "budget, temperature or common clock binds" } else { "nothing binds" }
                    .into(),
            }));
            lease.sent = Some(now);
        }
    }
}

/// Is anything held of a node?
fn holds_any(targets: &[Target]) -> bool {
    targets.iter().any(|t| t.0.is_some() || t.1.is_some())
}

/// Targets by the names of a node's GPUs.
fn named(site: &Site, node: usize, targets: &[Target]) -> Arc<[CapTarget]> {
    let (first, _) = site.nodes[node].gpus;
    let gpus = site.gpus[first as usize..].iter().zip(targets);
    gpus.map(|(gpu, &(cap_w, lock_mhz))| CapTarget { uuid: Arc::clone(&gpu.uuid), cap_w, lock_mhz }).collect()
}

/// Cap and clock of each GPU of a node; `None` where the highest cap leaves it as it was found.
fn fill(targets: &mut Vec<Target>, most_w: &[f64], gpus: (u32, u32), proposal: &CapProposal) {
    let span = gpus.0 as usize..gpus.1 as usize;
    targets.clear();
    let (Some(caps), Some(locks)) = (proposal.cap_w.get(span.clone()), proposal.lock_mhz.get(span.clone()))
    else {
        // nothing is proposed for a node that the proposal does not cover
        targets.resize(span.len(), (None, None));
        return;
    };
    targets.extend(caps.iter().zip(locks).zip(&most_w[span]).map(|((&cap, &lock), most)| {
        let cap = Some(cap).filter(|c| proposal.binds && *c < most - 0.5);
        // Whole watts, downward: what is asked must not exceed what was allowed.
        (cap.map(|c| c.floor() as f32), lock.map(|f| f as f32))
    }));
}

fn differs(old: &[Target], new: &[Target]) -> bool {
    old.iter().zip(new).any(|(o, n)| {
        let cap = match (o.0, n.0) {
            (None, None) => false,
            (Some(a), Some(b)) => f64::from((b - a).abs()) > CAP_DEADBAND * f64::from(a),
            _ => true,
        };
        cap || o.1 != n.1
    })
}

#[cfg(test)]
mod tests;
