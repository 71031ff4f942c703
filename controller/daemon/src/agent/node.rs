//! One node: its GPUs, the lease on them, what it was told and what it did.
//!
//! Responsible for: taking a command through the guard's receiver to its GPUs, restoring what was found, holding a cap
//! that somebody else lifted, and the report of each tick. Every write stands behind the ownership file: the limits
//! found are on disk before the first one.
//!
//! Not for: one GPU's writes (`gpu`), time (instants come in), threads, topics. The lease's states are [`headroom_guard::Keeper`]'s.

use super::fault::{Fault, GpuFault};
use super::gpu::{Gpu, RETRY_NS, Range, Tools};
use headroom_drivers::nvml::persist::{Found, Ownership};
use headroom_drivers::nvml::{Boards, NvmlError};
use headroom_guard::{Action, Echo, Keeper, Lease, Mode, Receiver, Refusal, State};
use headroom_site::gpu::{Answer, CapReceipt};
use headroom_site::{CapCommand, GpuSample, NodeReport, Site, Stamp};
use std::sync::Arc;

const NS_PER_MS: u64 = 1_000_000;

/// A node of the site whose GPUs are in this host.
pub(super) struct Node {
    id: Arc<str>,
    gpus: Vec<Gpu>,
    receiver: Receiver,
    keeper: Keeper,
    echo: Echo,
    sequence: u64,
    receipt: Option<CapReceipt>,
    answer: Option<Answer>,
    /// Samples since the last report, the looks they come from, and whether they cannot wait.
    seen: Vec<(Arc<str>, GpuSample)>,
    looks: u32,
    urgent: bool,
    /// When restoring failed, and when GPUs that no command names any more were looked for.
    restore_tried_ns: Option<u64>,
    swept_ns: u64,
    /// Caps found lifted by somebody else and put back.
    pub(super) reasserted: u64,
}

impl Node {
    /// Nodes of the site with at least one GPU in this host, and the site's GPUs of these nodes that are not here.
    pub(super) fn of_host(
        site: &Site,
        host: &dyn Boards,
        owner: &Ownership,
        boot: u64,
        mode: Mode,
    ) -> (Vec<Self>, Vec<String>) {
        let (mut nodes, mut missing) = (Vec::new(), Vec::new());
        for node in site.nodes.iter().filter(|node| !node.read_only()) {
            let members = site.gpus.get(node.gpus.0 as usize..node.gpus.1 as usize).unwrap_or_default();
            let here: Vec<Gpu> = members
                .iter()
                .filter_map(|gpu| {
                    let range = Range::from(site.skus.get(gpu.sku)?);
                    host.index(&gpu.uuid).map(|index| Gpu::new(&gpu.uuid, index, range))
                })
                .collect();
            if here.is_empty() {
                continue;
            }
            let absent = members.iter().filter(|gpu| host.index(&gpu.uuid).is_none());
            missing.extend(absent.map(|gpu| gpu.uuid.to_string()));
            let mut receiver = Receiver::restored(boot, owner.epoch(&node.id));
            receiver.set_gate(mode, false);
            let period_ms = u64::try_from(site.agent_period.ms()).unwrap_or(0).max(1);
            nodes.push(Self {
                id: node.id.as_str().into(),
                gpus: here,
                echo: receiver.echo(0),
                receiver,
                keeper: Keeper::new(period_ms),
                sequence: 0,
                receipt: None,
                answer: None,
                seen: Vec::new(),
                looks: 0,
                urgent: false,
                restore_tried_ns: None,
                swept_ns: 0,
                reasserted: 0,
            });
        }
        (nodes, missing)
    }

    pub(super) fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// True if this GPU is one of the node's, and in this host.
    pub(super) fn has(&self, uuid: &str) -> bool {
        self.gpus.iter().any(|gpu| *gpu.uuid == *uuid)
    }

    /// True while a command is in force or not yet undone.
    pub(super) fn holds(&self) -> bool {
        self.keeper.state() != State::Found { restore: false }
    }

    /// Notes when something was heard: the next report says so, and its sender learns how our clocks stand.
    pub(super) const fn hear(&mut self, answer: Answer) {
        self.answer = Some(answer);
    }

    /// Carries out a command, or keeps the reason why not; the next report says which.
    pub(super) fn obey(&mut self, command: &CapCommand, now_ns: u64, random: u64, tools: &mut Tools<'_>) {
        let done = self
            .accept(command, now_ns, random, tools.owner)
            .and_then(|()| self.apply(command, now_ns, tools));
        if let Err(fault) = &done {
            tracing::warn!(node = %self.id, epoch = command.epoch, sequence = command.sequence, %fault, "command");
            // A second delivery, or an order of a controller that was succeeded, must not hide what became of the
            // command that counts. (The one succeeded learns of it from the epoch it finds there.)
            let counted = self.receipt.as_ref().is_some_and(|receipt| receipt.epoch >= command.epoch);
            if counted && matches!(fault, Fault::Refused(Refusal::Sequence(..) | Refusal::Epoch(..))) {
                return;
            }
        }
        let refused = done.err().map(|fault| fault.to_string());
        self.receipt = Some(CapReceipt { epoch: command.epoch, sequence: command.sequence, refused });
        self.urgent = true;
    }

    fn accept(
        &mut self,
        command: &CapCommand,
        now_ns: u64,
        random: u64,
        owner: &mut Ownership,
    ) -> Result<(), Fault> {
        if *command.node != *self.id {
            return Err(Fault::OtherNode(command.node.to_string()));
        }
        let lease = Lease {
            epoch: command.epoch,
            sequence: command.sequence,
            ttl_ms: command.ttl_ms,
            echo: Echo { boot: command.echo_boot, mono_ns: command.echo_mono_ns },
        };
        self.receiver.accept(now_ns, &lease)?;
        // The epoch and the limits found are on disk before anything is written to a GPU.
        owner.raise_epoch(&self.id, command.epoch)?;
        self.keeper.on_accept(now_ns, command.ttl_ms, random)?;
        Ok(())
    }

    fn apply(&mut self, command: &CapCommand, now_ns: u64, tools: &mut Tools<'_>) -> Result<(), Fault> {
        let found = self.find(command, tools);
        tools.owner.take(found.iter().map(|(uuid, found)| (&**uuid, *found)))?;
        let until_ns = now_ns.saturating_add(command.ttl_ms.saturating_mul(NS_PER_MS));
        let mut faults = command.gpus.iter().filter_map(|target| {
            let Some(gpu) = self.gpus.iter_mut().find(|gpu| *gpu.uuid == *target.uuid) else {
                return Some(GpuFault::Unknown(target.uuid.to_string()));
            };
            gpu.apply(target, until_ns, tools).err()
        });
        match faults.next() {
            None => Ok(()),
            Some(first) => Err(Fault::Gpus { first, more: faults.count() }),
        }
    }

    /// Limits of the GPUs named that are not noted yet. One that does not answer is left to `Gpu::apply` to report.
    fn find(&self, command: &CapCommand, tools: &mut Tools<'_>) -> Vec<(Arc<str>, Found)> {
        let named = |gpu: &&Gpu| command.gpus.iter().any(|target| *target.uuid == *gpu.uuid);
        let mut found = Vec::new();
        for gpu in self.gpus.iter().filter(named) {
            if tools.owner.found(&gpu.uuid).is_some() {
                continue;
            }
            if let Ok(limits) = tools.host.limits(&gpu.uuid) {
                found.push((Arc::clone(&gpu.uuid), Found { limit_mw: limits.requested_mw }));
            }
        }
        found
    }

    /// Does what the lease demands at this instant: nothing, or restoring what was found.
    pub(super) fn tend(&mut self, now_ns: u64, tools: &mut Tools<'_>) {
        if self.keeper.poll(now_ns) == Action::None {
            return self.sweep(now_ns, tools);
        }
        if self.restore_tried_ns.is_some_and(|tried| now_ns.saturating_sub(tried) < RETRY_NS) {
            return;
        }
        match restore(&mut self.gpus, |_, _| true, tools) {
            Ok(()) => {
                self.restore_tried_ns = None;
                self.keeper.released();
            }
            Err(fault) => {
                tracing::warn!(node = %self.id, %fault, "the limits found are not back yet");
                self.restore_tried_ns = Some(now_ns);
            }
        }
    }

    /// Restores GPUs that no command holds although the node as a whole has nothing to restore: one that was gone when its lease
    /// ended and is back, one that the controller no longer names.
    fn sweep(&mut self, now_ns: u64, tools: &mut Tools<'_>) {
        if now_ns.saturating_sub(self.swept_ns) < RETRY_NS {
            return;
        }
        self.swept_ns = now_ns;
        if let Err(fault) = restore(&mut self.gpus, |gpu, owner| gpu.is_left_over(now_ns, owner), tools) {
            tracing::warn!(node = %self.id, %fault, "a limit found is not back yet");
        }
    }

    /// Lets go at the next [`Self::tend`]: exit, or an operator.
    pub(super) fn let_go(&mut self, now_ns: u64) {
        self.keeper.let_go(now_ns);
        self.restore_tried_ns = None;
    }

    /// Looks at every GPU, and puts back a cap that somebody lifted while the lease holds. True if one answered.
    pub(super) fn look(&mut self, stamp: Stamp, now_ns: u64, tools: &mut Tools<'_>) -> bool {
        let before = self.seen.len();
        let holding = matches!(self.keeper.state(), State::Held { .. } | State::Releasing { .. });
        for gpu in &mut self.gpus {
            let Some(sample) = gpu.look(stamp, tools.host) else { continue };
            self.urgent |= gpu.changed(sample.reasons);
            if holding && gpu.was_lifted(now_ns, sample.enforced_cap_w.get()) {
                self.reasserted += 1;
                gpu.assert_again(now_ns, tools);
            }
            self.seen.push((Arc::clone(&gpu.uuid), sample));
        }
        self.looks += 1;
        self.seen.len() > before
    }

    /// True if a report is due: after so many looks, or at once when a reason came or went or a command was carried out.
    pub(super) fn is_due(&self, looks: u32) -> bool {
        self.looks >= looks || self.urgent
    }

    /// What was seen since the last report.
    pub(super) fn report(&mut self, stamp: Stamp, mono_ns: u64, missed: u64) -> NodeReport {
        (self.looks, self.urgent) = (0, false);
        let room = Vec::with_capacity(self.seen.len());
        let gpus = std::mem::replace(&mut self.seen, room);
        // A gap in the sequence is how the controller counts the reports that never were.
        self.sequence += 1 + missed;
        self.echo = self.receiver.echo(mono_ns);
        NodeReport {
            node: Arc::clone(&self.id),
            boot: self.echo.boot,
            sequence: self.sequence,
            mono_ns: self.echo.mono_ns,
            stamp,
            gpus,
            receipt: self.receipt.clone(),
            // Once: a second look at the same round trip tells nothing new.
            answer: self.answer.take(),
            sent: None,
            arrival: None,
            stamp_uncertainty: None,
        }
    }
}

/// Restores those of the GPUs that are `due`, and forgets what is back.
pub(super) fn restore(
    gpus: &mut [Gpu],
    due: impl Fn(&Gpu, &Ownership) -> bool,
    tools: &mut Tools<'_>,
) -> Result<(), Fault> {
    let (mut back, mut faults) = (Vec::new(), Vec::new());
    for gpu in gpus {
        if !due(gpu, tools.owner) {
            continue;
        }
        match gpu.restore(tools) {
            Ok(true) => back.push(Arc::clone(&gpu.uuid)),
            Ok(false) => {}
            // Gone, and its limit with it. It stays noted: should it return, it is restored then.
            Err(GpuFault::Nvml(NvmlError::Lost(_) | NvmlError::UnknownGpu(_))) => {}
            Err(fault) => faults.push(fault),
        }
    }
    tools.owner.give_back(back.iter().map(|uuid| &**uuid))?;
    let more = faults.len().saturating_sub(1);
    match faults.into_iter().next() {
        None => Ok(()),
        Some(first) => Err(Fault::Gpus { first, more }),
    }
}
