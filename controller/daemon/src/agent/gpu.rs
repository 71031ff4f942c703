//! One GPU of a node: what we put there, and how it is put, read back and taken away again.
//!
//! Responsible for: the guard's checks of one cap and one lock, writing only what changes and only behind a note on disk,
//! telling what is in force from what was asked and ours from somebody else's. Not for: leases (`node`), nor for what to
//! hold.

use super::fault::GpuFault;
use headroom_drivers::nvml::persist::{Found, Ownership};
use headroom_drivers::nvml::{Boards, Limits};
use headroom_guard::{CapLimits, Clock, LockLimits, Verdict};
use headroom_site::gpu::CapTarget;
use headroom_site::model::Sku;
use headroom_site::{GpuSample, Stamp};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Caps go to the driver in whole watts, and are compared so, mW.
const CAP_STEP_MW: u32 = 1000;
/// How long to wait before a write that failed or did not stick is tried again, ns of the node's clock.
pub(crate) const RETRY_NS: u64 = 1_000_000_000;
/// A GPU that takes longer than this for one look keeps the others waiting; it then sits out for [`SIT_OUT`].
const SLOW_LOOK: Duration = Duration::from_millis(250);
/// How long a slow GPU sits out.
const SIT_OUT: Duration = Duration::from_secs(5);

/// What the worker lends for one act.
pub(super) struct Tools<'a> {
    pub(super) host: &'a mut dyn Boards,
    pub(super) owner: &'a mut Ownership,
}

/// What the node needs of the site for one GPU.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Range {
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

/// A GPU in this host.
pub(super) struct Gpu {
    pub(super) uuid: Arc<str>,
    index: usize,
    range: Range,
    /// The cap we put there, mW.
    cap_mw: Option<u32>,
    /// The lock we put there: its upper end, MHz.
    lock_mhz: Option<u32>,
    answers: bool,
    /// Clocks-event reasons at the last look.
    reasons: u32,
    sits_out_until: Option<Instant>,
    asserted_ns: Option<u64>,
    /// Until when the last command that named it holds.
    until_ns: u64,
}

impl Gpu {
    pub(super) fn new(uuid: &str, index: usize, range: Range) -> Self {
        Self {
            uuid: uuid.into(),
            index,
            range,
            cap_mw: None,
            lock_mhz: None,
            answers: true,
            reasons: 0,
            sits_out_until: None,
            asserted_ns: None,
            until_ns: 0,
        }
    }

    pub(super) fn look(&mut self, now: Stamp, host: &mut dyn Boards) -> Option<GpuSample> {
        let begun = host.instant();
        if self.sits_out_until.is_some_and(|until| begun < until) {
            return None;
        }
        let sample = host.sample(self.index, now);
        let took = host.instant().saturating_duration_since(begun);
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

    /// True if the clocks-event reasons are not those of the look before.
    pub(super) fn changed(&mut self, reasons: u32) -> bool {
        std::mem::replace(&mut self.reasons, reasons) != reasons
    }

    /// True if it is noted on disk and no command holds it any more.
    pub(super) fn is_left_over(&self, now_ns: u64, owner: &Ownership) -> bool {
        now_ns >= self.until_ns && owner.found(&self.uuid).is_some()
    }

    pub(super) fn apply(
        &mut self,
        target: &CapTarget,
        until_ns: u64,
        tools: &mut Tools<'_>,
    ) -> Result<(), GpuFault> {
        let limits = tools.host.limits(&self.uuid)?;
        if tools.owner.found(&self.uuid).is_none() {
            return Err(GpuFault::NotNoted(self.uuid.to_string()));
        }
        self.until_ns = until_ns;
        self.heed_others(&limits, tools.owner)?;
        let capped = match target.cap_w {
            Some(cap_w) => self.cap(f64::from(cap_w), &limits, tools),
            // Also what a former life left here, on a GPU that did not answer when everything was put back.
            None if tools.owner.is_ours(&self.uuid, limits.requested_mw) => self.uncap(tools).map(|_| ()),
            None => {
                self.cap_mw = None;
                Ok(())
            }
        };
        let locked = match target.lock_mhz {
            Some(mhz) => self.lock(f64::from(mhz), &limits, tools),
            None => self.unlock(tools),
        };
        capped.and(locked)
    }

    /// A limit that is neither ours nor the one found is somebody else's, and goes back in its stead. (The limit of a
    /// driver load is nobody's.)
    fn heed_others(&self, limits: &Limits, owner: &mut Ownership) -> Result<(), GpuFault> {
        let limit_mw = limits.requested_mw;
        let known = limit_mw == limits.default_mw || owner.is_ours(&self.uuid, limit_mw);
        if !known && owner.found(&self.uuid).is_some_and(|found| found.limit_mw != limit_mw) {
            tracing::warn!(gpu = %self.uuid, limit_mw, "somebody else set this limit; it goes back when the lease ends");
            owner.find_again(&self.uuid, Found { limit_mw })?;
        }
        Ok(())
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
        let enforced_mw = if stands {
            limits.enforced_mw
        } else {
            tools.owner.will_cap(&self.uuid, limits.requested_mw, cap_mw)?;
            tools.host.set_cap(&self.uuid, cap_mw)?
        };
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

    /// Puts the limit found back where ours stands; `true` if there was one noted.
    fn uncap(&mut self, tools: &mut Tools<'_>) -> Result<bool, GpuFault> {
        let Some(found) = tools.owner.found(&self.uuid) else { return Ok(false) };
        let limits = tools.host.limits(&self.uuid)?;
        if tools.owner.is_ours(&self.uuid, limits.requested_mw) {
            // A board that takes less than it did gets what it takes.
            let limit_mw = found.limit_mw.max(limits.min_mw).min(limits.max_mw);
            tools.host.set_cap(&self.uuid, limit_mw)?;
            // Not what is enforced: that may be lower on somebody else's behalf.
            let requested_mw = tools.host.limits(&self.uuid)?.requested_mw;
            if requested_mw.abs_diff(limit_mw) >= CAP_STEP_MW {
                let uuid = self.uuid.to_string();
                return Err(GpuFault::NotInForce { uuid, asked_mw: limit_mw, enforced_mw: requested_mw });
            }
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
            tools.owner.will_lock(&self.uuid, true)?;
            tools.host.set_lock(&self.uuid, clock.low_mhz, clock.high_mhz)?;
            self.lock_mhz = Some(clock.high_mhz);
        }
        verdict.reason().map_or(Ok(()), |reason| {
            let (asked, got) = (format!("{mhz:.0} MHz"), format!("{} MHz", clock.high_mhz));
            Err(GpuFault::Narrowed { uuid: uuid(), asked, got, reason })
        })
    }

    /// Takes our lock away. A lock cannot be read, so whatever lock is there goes with it.
    fn unlock(&mut self, tools: &mut Tools<'_>) -> Result<(), GpuFault> {
        if tools.owner.may_be_locked(&self.uuid) {
            match tools.host.reset_lock(&self.uuid) {
                Err(error) if !error.is_not_supported() => return Err(error.into()),
                _ => tools.owner.will_lock(&self.uuid, false)?,
            }
        }
        self.lock_mhz = None;
        Ok(())
    }

    /// Puts everything back; `true` if there was something. A lock that stays does not keep the cap.
    pub(super) fn restore(&mut self, tools: &mut Tools<'_>) -> Result<bool, GpuFault> {
        // Whatever comes of it, nothing is to be set again.
        (self.cap_mw, self.lock_mhz, self.until_ns) = (None, None, 0);
        let unlocked = self.unlock(tools);
        let capped = self.uncap(tools);
        unlocked.and(capped)
    }

    /// True if more is in force than what we hold: another actor, or a driver reload.
    pub(super) fn was_lifted(&self, now_ns: u64, enforced_w: Option<f32>) -> bool {
        let (Some(cap_mw), Some(enforced_w)) = (self.cap_mw, enforced_w) else { return false };
        let lifted = enforced_w * 1000.0 >= (cap_mw + CAP_STEP_MW) as f32;
        lifted && self.asserted_ns.is_none_or(|at| now_ns.saturating_sub(at) >= RETRY_NS)
    }

    pub(super) fn assert_again(&mut self, now_ns: u64, tools: &mut Tools<'_>) {
        self.asserted_ns = Some(now_ns);
        let Some(cap_mw) = self.cap_mw else { return };
        tracing::warn!(gpu = %self.uuid, cap_mw, "its cap was lifted by somebody else, or did not stick; set again");
        if let Err(error) = self.set_again(cap_mw, tools) {
            tracing::warn!(gpu = %self.uuid, %error, "cannot set it again");
        }
    }

    fn set_again(&self, cap_mw: u32, tools: &mut Tools<'_>) -> Result<(), GpuFault> {
        let limits = tools.host.limits(&self.uuid)?;
        self.heed_others(&limits, tools.owner)?;
        tools.owner.will_cap(&self.uuid, limits.requested_mw, cap_mw)?;
        tools.host.set_cap(&self.uuid, cap_mw)?;
        // What took the cap may have taken the lock along: a driver reload takes both.
        if let Some(high_mhz) = self.lock_mhz {
            tools.host.set_lock(&self.uuid, self.range.min_mhz.min(high_mhz), high_mhz)?;
        }
        Ok(())
    }
}
