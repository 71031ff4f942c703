//! What each branch of the power tree carries beside its GPUs.
//!
//! Responsible for: comparing a meter with what the GPUs below it drew at the meter's own time. Not for: the time of a meter
//! (`align/lags`), or budgets.

use super::Estimate;
use crate::align::{GpuValue, Snapshot};
use crate::topology::Topology;
use headroom_site::{Site, Span, Stamp};

/// Time constant with which the load of a branch beside its GPUs is followed, s.
const OTHER_TAU_S: f64 = 30.0;

/// Share of what a branch carries from which on a change of what it carries beside its GPUs is a leap, and how near the next
/// reading must come to the first, as a share of it. A register whose words are mixed up shows anything once; what starts goes on.
const LEAP: f64 = 0.25;
const AGAIN: f64 = 0.3;

/// Share of its GPUs' power that a meter shows at least: boards' own sensors are off by some percent, and lag by a second.
const LEAST: f64 = 0.5;

/// All branches.
#[derive(Debug, Clone)]
pub(super) struct Branches {
    below: Below,
    sums: Vec<Sums>,
}

impl Branches {
    pub(super) fn new(branches: usize) -> Self {
        Self { below: Below::default(), sums: vec![Sums::default(); branches] }
    }

    /// What each branch carries beside its GPUs: its meter less what they drew at the meter's own time, followed slowly.
    pub(super) fn update(
        &mut self,
        site: &Site,
        topology: &Topology,
        snapshot: &Snapshot,
        e: &mut Estimate,
        dt_s: f64,
    ) {
        e.sum_powers();
        self.below.read(snapshot);
        for (i, branch) in site.power.iter().enumerate() {
            let spans = topology.spans_of_branch(i);
            let (gpu_w, heard) = (e.power_of(spans), self.below.heard(spans));
            let sums = &mut self.sums[i];
            sums.keep(heard.unwrap_or(snapshot.stamp), gpu_w);
            let other = &mut e.other_w[i];
            let metered = branch.meter.map(|m| snapshot.points[m.index()]).filter(|p| p.quality.is_good());
            // one that shows less than half of what its GPUs draw shows something else
            let Some(meter) = metered.filter(|p| p.value >= LEAST * gpu_w) else {
                e.branch_w[i] = gpu_w + *other;
                continue;
            };
            e.branch_w[i] = meter.value;
            if let Some(then) = sums.at(meter.stamp).filter(|_| meter.fresh) {
                let now = (meter.value - then).max(0.0);
                if sums.confirms(now, *other, LEAP * (gpu_w + *other)) {
                    let x = if sums.seen { (dt_s.max(1.0) / OTHER_TAU_S).min(1.0) } else { 1.0 };
                    *other += (now - *other) * x;
                    sums.seen = true;
                }
            }
        }
    }
}

/// When those below the branches were heard.
#[derive(Debug, Clone, Default)]
struct Below {
    /// All of them are heard, of one instant.
    all: Option<Stamp>,
    /// Otherwise the time of each GPU's last sample, TAI ns; the least where it is not heard.
    heard_ns: Vec<i64>,
}

impl Below {
    fn read(&mut self, snapshot: &Snapshot) {
        let (oldest, newest) = snapshot.heard.stamps;
        self.all = (snapshot.all_heard() && oldest == newest).then_some(newest);
        self.heard_ns.clear();
        if self.all.is_none() {
            let heard = |g: &GpuValue| if g.heard { g.sample.stamp.tai_ns() } else { i64::MIN };
            self.heard_ns.extend(snapshot.gpus.iter().map(heard));
        }
    }

    /// The last time at which one of some spans of GPUs was heard.
    fn heard(&self, spans: &[(usize, usize)]) -> Option<Stamp> {
        if let Some(all) = self.all {
            return spans.iter().any(|(a, b)| a < b).then_some(all);
        }
        let newest = spans.iter().flat_map(|&(a, b)| &self.heard_ns[a..b]).fold(i64::MIN, |x, &y| x.max(y));
        (newest > i64::MIN).then(|| Stamp::from_tai_ns(newest))
    }
}

/// The last sums of a branch's GPU powers, so that a meter can be compared with what they drew at its own time.
#[derive(Debug, Clone, Default)]
struct Sums {
    ring: [(Stamp, f64); RING],
    next: usize,
    seen: bool,
    /// A load beside the GPUs that was read once and is yet to be read again, W.
    leapt: Option<f64>,
}

/// Seconds of sums that are kept: a meter that lags more is not used.
const RING: usize = 16;
/// Farthest a sum may lie from the meter's time.
const NEAR: Span = Span::from_ms(1_200);

impl Sums {
    fn keep(&mut self, stamp: Stamp, watts: f64) {
        self.ring[self.next] = (stamp, watts);
        self.next = (self.next + 1) % RING;
    }

    /// Is a load beside the GPUs to be believed: no leap from the one known, or read twice?
    fn confirms(&mut self, now_w: f64, known_w: f64, leap_w: f64) -> bool {
        let by_w = (now_w - known_w).abs();
        if !self.seen || by_w <= leap_w {
            self.leapt = None;
            return true;
        }
        let before = self.leapt.replace(now_w);
        before.is_some_and(|before| (before - now_w).abs() <= AGAIN * by_w)
    }

    /// The sum nearest to a time.
    fn at(&self, stamp: Stamp) -> Option<f64> {
        let far = |s: &(Stamp, f64)| s.0.since(stamp).ns().unsigned_abs();
        let best = self.ring.iter().min_by_key(|s| far(s))?;
        (far(best) <= NEAR.ns().unsigned_abs()).then_some(best.1)
    }
}
