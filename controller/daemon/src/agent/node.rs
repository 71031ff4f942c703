//! One node: its GPUs, the lease on them, what it was told and what it did.
//!
//! Responsible for: taking a command through the guard's receiver and per-GPU checks, writing caps and locks, reading
//! back, restoring what was found, holding a cap that somebody else lifted, and the report of each tick. Every write
//! stands behind the ownership file: the limits found are on disk before the first one.
//!
//! Not for: time (instants come in), threads, topics. The lease's states are [`headroom_guard::Keeper`]'s.

use super::fault::{Fault, GpuFault};
use headroom_drivers::nvml::persist::{Found, Ownership};
use headroom_drivers::nvml::{Limits, NvmlError, NvmlHost};
use headroom_guard::{
    Action, CapLimits, Clock, Echo, Keeper, Lease, LockLimits, Mode, Receiver, Refusal, State, Verdict,
};
use headroom_site::gpu::{CapReceipt, CapTarget};
use headroom_site::model::Sku;
use headroom_site::{CapCommand, NodeReport, Site, Stamp};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Caps go to the driver in whole watts, and are compared so, mW.
const CAP_STEP_MW: u32 = 1000;
/// How long to wait before a write that failed or did not stick is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// A GPU that takes longer than this for one look keeps the others waiting; it then sits out for [`SIT_OUT`].
const SLOW_LOOK: Duration = Duration::from_millis(250);
/// How long a slow GPU sits out.
const SIT_OUT: Duration = Duration::from_secs(5);

/// What the node needs of the site for one GPU.
#[derive(Debug, Clone, Copy)]
struct Range {
    min_cap_w: f64,
    max_cap_w: f64,
    min_mhz: u32,
    max_mhz: u32,
}

impl From<&Sku> for Range {
    fn from(sku: &Sku) -> Self {
        Self {
            min_cap_w: sku.min_cap_w,
            max_cap_w: sku.max_cap_w,
            min_mhz: sku.min_clock_mhz as u32,
            max_mhz: sku.max_clock_mhz as u32,
        }
    }
}

struct Gpu {
    uuid: Arc<str>,
    index: usize,
    range: Range,
    /// The cap we put there, mW.
    cap_mw: Option<u32>,
    /// The lock we put there: its upper end, MHz.
    lock_mhz: Option<u32>,
    answers: bool,
    sits_out_until: Option<Instant>,
    asserted: Option<Instant>,
}

/// What the worker lends a node for one act.
pub(super) struct Tools<'a> {
    pub(super) host: &'a mut NvmlHost,
    pub(super) owner: &'a mut Ownership,
}

/// A node of the site whose GPUs are in this host.
pub(super) struct Node {
    id: Arc<str>,
    gpus: Vec<Gpu>,
    receiver: Receiver,
    keeper: Keeper,
    echo: Echo,
    sequence: u64,
    receipt: Option<CapReceipt>,
    restore_tried: Option<Instant>,
    /// Caps found lifted by somebody else and put back.
    pub(super) reasserted: u64,
}

impl Node {
    /// Nodes of the site with at least one GPU in this host, and the site's GPUs of these nodes that are not here.
    pub(super) fn of_host(
        site: &Site,
        host: &NvmlHost,
        owner: &Ownership,
        boot: u64,
        mode: Mode,
    ) -> (Vec<Self>, Vec<String>) {
        let (mut nodes, mut missing) = (Vec::new(), Vec::new());
        for node in &site.nodes {
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
            missing.extend(absent.map(|gpu| gpu.uuid.clone()));
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
                restore_tried: None,
                reasserted: 0,
            });
        }
        (nodes, missing)
    }

    pub(super) fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// True while a command is in force or not yet undone.
    pub(super) fn holds(&self) -> bool {
        self.keeper.state() != State::Found { restore: false }
    }

    /// Carries out a command, or keeps the reason why not; the next report says which.
    pub(super) fn obey(&mut self, command: &CapCommand, now_ns: u64, random: u64, tools: &mut Tools<'_>) {
        let done =
            self.accept(command, now_ns, random, tools.owner).and_then(|()| self.apply(command, tools));
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
    }

    fn accept(
        &mut self,
        command: &CapCommand,
        now_ns: u64,
        random: u64,
        owner: &mut Ownership,
    ) -> Result<(), Fault> {
        if *command.node != *self.id {
            return Err(Fault::OtherNode(command.node.clone()));
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

    fn apply(&mut self, command: &CapCommand, tools: &mut Tools<'_>) -> Result<(), Fault> {
        let found = self.find(command, tools);
        tools.owner.take(found.iter().map(|(uuid, found)| (&**uuid, *found)))?;
        let mut faults = command.gpus.iter().filter_map(|target| {
            let Some(gpu) = self.gpus.iter_mut().find(|gpu| *gpu.uuid == *target.uuid) else {
                return Some(GpuFault::Unknown(target.uuid.clone()));
            };
            gpu.apply(target, tools).err()
        });
        match faults.next() {
            None => Ok(()),
            Some(first) => Err(Fault::Gpus { first, more: faults.count() }),
        }
    }

    /// Limits of the GPUs named that are not noted yet. One that does not answer is left to `Gpu::apply` to report.
    fn find(&self, command: &CapCommand, tools: &Tools<'_>) -> Vec<(Arc<str>, Found)> {
        let named = |gpu: &&Gpu| command.gpus.iter().any(|target| *target.uuid == *gpu.uuid);
        let fresh = self.gpus.iter().filter(named).filter(|gpu| tools.owner.found(&gpu.uuid).is_none());
        fresh
            .filter_map(|gpu| {
                let limits = tools.host.limits(&gpu.uuid).ok()?;
                Some((Arc::clone(&gpu.uuid), Found { limit_mw: limits.requested_mw }))
            })
            .collect()
    }

    /// Does what the lease demands at this instant: nothing, or restoring what was found.
    pub(super) fn tend(&mut self, now_ns: u64, tools: &mut Tools<'_>) {
        if self.keeper.poll(now_ns) == Action::None {
            return;
        }
        if self.restore_tried.is_some_and(|tried| tried.elapsed() < RETRY) {
            return;
        }
        match self.restore(tools) {
            Ok(()) => {
                self.restore_tried = None;
                self.keeper.released();
            }
            Err(fault) => {
                tracing::warn!(node = %self.id, %fault, "the limits found are not back yet");
                self.restore_tried = Some(Instant::now());
            }
        }
    }

    /// Lets go at the next [`Self::tend`]: exit, or an operator.
    pub(super) fn let_go(&mut self, now_ns: u64) {
        self.keeper.let_go(now_ns);
        self.restore_tried = None;
    }

    fn restore(&mut self, tools: &mut Tools<'_>) -> Result<(), Fault> {
        let mut back = Vec::new();
        let mut faults = Vec::new();
        for gpu in &mut self.gpus {
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

    /// Looks at every GPU, and puts back a cap that somebody lifted while the lease holds.
    pub(super) fn report(
        &mut self,
        stamp: Stamp,
        mono_ns: u64,
        missed: u64,
        host: &mut NvmlHost,
    ) -> NodeReport {
        let holding = matches!(self.keeper.state(), State::Held { .. } | State::Releasing { .. });
        let mut gpus = Vec::with_capacity(self.gpus.len());
        for gpu in &mut self.gpus {
            let Some(sample) = gpu.look(stamp, host) else { continue };
            if holding && gpu.was_lifted(sample.enforced_cap_w) {
                self.reasserted += 1;
                gpu.assert_again(host);
            }
            gpus.push((Arc::clone(&gpu.uuid), sample));
        }
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
        }
    }
}

impl Gpu {
    fn new(uuid: &str, index: usize, range: Range) -> Self {
        Self {
            uuid: uuid.into(),
            index,
            range,
            cap_mw: None,
            lock_mhz: None,
            answers: true,
            sits_out_until: None,
            asserted: None,
        }
    }

    fn look(&mut self, now: Stamp, host: &mut NvmlHost) -> Option<headroom_site::GpuSample> {
        let begun = Instant::now();
        if self.sits_out_until.is_some_and(|until| begun < until) {
            return None;
        }
        let sample = host.sample(self.index, now);
        let took = begun.elapsed();
        self.sits_out_until = (took > SLOW_LOOK).then(|| begun + took + SIT_OUT);
        if took > SLOW_LOOK {
            tracing::warn!(gpu = %self.uuid, took_ms = took.as_millis(), "a slow driver; it sits out");
        }
        match sample {
            Ok(sample) => {
                if !std::mem::replace(&mut self.answers, true) {
                    tracing::info!(gpu = %self.uuid, "answers again");
                }
                Some(sample)
            }
            Err(error) => {
                if std::mem::replace(&mut self.answers, false) {
                    tracing::warn!(gpu = %self.uuid, %error, "does not answer");
                }
                None
            }
        }
    }

    fn apply(&mut self, target: &CapTarget, tools: &mut Tools<'_>) -> Result<(), GpuFault> {
        let limits = tools.host.limits(&self.uuid)?;
        let capped = match target.cap_w {
            Some(cap_w) => self.cap(f64::from(cap_w), &limits, tools),
            None if self.cap_mw.is_some() => self.uncap(tools).map(|_| ()),
            None => Ok(()),
        };
        let locked = match target.lock_mhz {
            Some(mhz) => self.lock(f64::from(mhz), &limits, tools),
            None if self.lock_mhz.is_some() => self.unlock(tools),
            None => Ok(()),
        };
        capped.and(locked)
    }

    fn cap(&mut self, cap_w: f64, limits: &Limits, tools: &mut Tools<'_>) -> Result<(), GpuFault> {
        let (min_w, max_w) = (f64::from(limits.min_mw) * 1e-3, f64::from(limits.max_mw) * 1e-3);
        let (min_w, max_w) = (self.range.min_cap_w.max(min_w), self.range.max_cap_w.min(max_w));
        // How fast caps may rise is a matter of budgets, which only the controller sees: any rise inside the range.
        let allowed = CapLimits { min_w, max_w, max_rise_w: (max_w - min_w).max(0.0) };
        let verdict = headroom_guard::cap(&allowed, Some(f64::from(limits.enforced_mw) * 1e-3), cap_w);
        let uuid = || self.uuid.to_string();
        let allowed_w = match verdict {
            Verdict::Allow(w) | Verdict::Narrow(w, _) => w,
            Verdict::Refuse(reason) => return Err(GpuFault::Guard { uuid: uuid(), reason }),
        };
        let cap_mw = (allowed_w.round() as u32) * CAP_STEP_MW;
        let stands = limits.requested_mw == cap_mw && self.cap_mw == Some(cap_mw);
        let enforced_mw = if stands { limits.enforced_mw } else { tools.host.set_cap(&self.uuid, cap_mw)? };
        self.cap_mw = Some(cap_mw);
        if enforced_mw.abs_diff(cap_mw) >= CAP_STEP_MW {
            return Err(GpuFault::NotInForce { uuid: uuid(), asked_mw: cap_mw, enforced_mw });
        }
        verdict.reason().map_or(Ok(()), |reason| {
            Err(GpuFault::Narrowed {
                uuid: uuid(),
                asked: format!("{cap_w:.0} W"),
                got: format!("{allowed_w:.0} W"),
                reason,
            })
        })
    }

    /// Puts the limit found back; `true` if there was one noted.
    fn uncap(&mut self, tools: &mut Tools<'_>) -> Result<bool, GpuFault> {
        let Some(found) = tools.owner.found(&self.uuid) else { return Ok(false) };
        tools.host.set_cap(&self.uuid, found.limit_mw)?;
        // Not what is enforced: that may be lower on somebody else's behalf.
        let requested_mw = tools.host.limits(&self.uuid)?.requested_mw;
        if requested_mw != found.limit_mw {
            let uuid = self.uuid.to_string();
            return Err(GpuFault::NotInForce { uuid, asked_mw: found.limit_mw, enforced_mw: requested_mw });
        }
        self.cap_mw = None;
        Ok(true)
    }

    fn lock(&mut self, mhz: f64, limits: &Limits, tools: &mut Tools<'_>) -> Result<(), GpuFault> {
        let allowed =
            LockLimits { min_mhz: self.range.min_mhz, max_mhz: self.range.max_mhz.min(limits.max_sm_mhz) };
        let uuid = || self.uuid.to_string();
        if !mhz.is_finite() {
            return Err(GpuFault::Guard { uuid: uuid(), reason: headroom_guard::Reason::NotANumber });
        }
        let high_mhz = mhz.round().max(0.0) as u32;
        let low_mhz = allowed.min_mhz.min(high_mhz);
        let verdict = headroom_guard::lock(&allowed, Clock { low_mhz, high_mhz });
        let clock = match verdict {
            Verdict::Allow(clock) | Verdict::Narrow(clock, _) => clock,
            Verdict::Refuse(reason) => return Err(GpuFault::Guard { uuid: uuid(), reason }),
        };
        if self.lock_mhz != Some(clock.high_mhz) {
            tools.host.set_lock(&self.uuid, clock.low_mhz, clock.high_mhz)?;
            self.lock_mhz = Some(clock.high_mhz);
        }
        verdict.reason().map_or(Ok(()), |reason| {
            let (asked, got) = (format!("{mhz:.0} MHz"), format!("{} MHz", clock.high_mhz));
            Err(GpuFault::Narrowed { uuid: uuid(), asked, got, reason })
        })
    }

    fn unlock(&mut self, tools: &mut Tools<'_>) -> Result<(), GpuFault> {
        tools.host.reset_lock(&self.uuid)?;
        self.lock_mhz = None;
        Ok(())
    }

    /// Puts everything back; `true` if there was something. A lock cannot be read, so wherever a cap was ours, a lock
    /// of a former life is taken to be ours as well.
    fn restore(&mut self, tools: &mut Tools<'_>) -> Result<bool, GpuFault> {
        if tools.owner.found(&self.uuid).is_none() {
            return Ok(false);
        }
        match self.unlock(tools) {
            Err(GpuFault::Nvml(error)) if error.is_not_supported() => self.lock_mhz = None,
            other => other?,
        }
        self.uncap(tools)
    }

    /// True if more is in force than what we hold: another actor, or a driver reload.
    fn was_lifted(&self, enforced_w: Option<f32>) -> bool {
        let (Some(cap_mw), Some(enforced_w)) = (self.cap_mw, enforced_w) else { return false };
        let lifted = enforced_w * 1000.0 >= (cap_mw + CAP_STEP_MW) as f32;
        lifted && self.asserted.is_none_or(|at| at.elapsed() >= RETRY)
    }

    fn assert_again(&mut self, host: &mut NvmlHost) {
        self.asserted = Some(Instant::now());
        let Some(cap_mw) = self.cap_mw else { return };
        tracing::warn!(gpu = %self.uuid, cap_mw, "its cap was lifted by somebody else, or did not stick; set again");
        let again = host.set_cap(&self.uuid, cap_mw).and_then(|_| match self.lock_mhz {
            // What took the cap may have taken the lock along: a driver reload takes both.
            Some(high_mhz) => host.set_lock(&self.uuid, self.range.min_mhz.min(high_mhz), high_mhz),
            None => Ok(()),
        });
        if let Err(error) = again {
            tracing::warn!(gpu = %self.uuid, %error, "cannot set it again");
        }
    }
}
