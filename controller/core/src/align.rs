//! Align: readings of many sources, late and out of order, become one immutable snapshot per tick.
//!
//! A reading is placed by its event time, never by its arrival: an older one than the newest known does not replace
//! it (it is counted). A snapshot holds everything as of one instant, each value with its age; a value older than its
//! point allows is still there, with the quality that says so.
//!
//! Event times of others come by their own clocks; [`Sources`] knows how far those are off, and [`Lags`] how far a meter is
//! behind what it measures.

pub mod lags;
mod physical;
pub mod plausible;
mod snapshot;
mod sources;
mod standing;
mod window;
mod witness;

pub use snapshot::{GpuValue, Heard, NodeValue, PointValue, Snapshot};
pub use sources::{ClockView, Sources};
pub use window::{GpuWindow, Spread};
pub use witness::Witness;

use headroom_site::gpu::NodeReport;
use headroom_site::{GpuSample, Inbox, Quality, Reading, Reason, Site, Span, Stamp};
use lags::Lags;
use plausible::Plausible;
use pulp::{Arch, Simd, WithSimd};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Builds snapshots.
#[derive(Debug, Clone)]
pub struct Align {
    snapshot: Snapshot,
    ranges: Vec<Option<(f64, f64)>>,
    stale_after: Vec<Span>,
    nodes: BTreeMap<Arc<str>, usize>,
    node_ids: Vec<Arc<str>>,
    next_node: usize,
    spans: Vec<(usize, usize)>,
    uuids: Vec<Arc<str>>,
    /// By node.
    heard_for: Vec<Span>,
    windows: window::Windows,
    standing: Vec<standing::Standing>,
    sources: Sources,
    lags: Lags,
    plausible: Plausible,
    /// Readings that were older than what was known.
    pub late: u64,
    /// Reports of nodes or GPUs that the site file does not know.
    pub unknown: u64,
}

impl Align {
    /// For a site.
    #[must_use]
    pub fn new(site: &Site) -> Self {
        let never = PointValue {
            value: 0.0,
            stamp: Stamp::default(),
            age: Span::from_ns(i64::MAX),
            quality: Quality::Bad(Reason::NeverSeen),
            fresh: false,
        };
        let silent = GpuValue {
            sample: GpuSample::default(),
            age: Span::from_ns(i64::MAX),
            fresh: false,
            heard: false,
        };
        Self {
            snapshot: Snapshot {
                stamp: Stamp::default(),
                points: vec![never; site.points.len()],
                gpus: vec![silent; site.gpus.len()],
                nodes: vec![NodeValue::default(); site.nodes.len()],
                heard: Heard::default(),
            },
            ranges: physical::bounds(site),
            stale_after: site.points.iter().map(|p| p.stale_after).collect(),
            node_ids: site.nodes.iter().map(|n| Arc::from(n.id.as_str())).collect(),
            next_node: 0,
            nodes: site.nodes.iter().enumerate().map(|(i, n)| (Arc::from(n.id.as_str()), i)).collect(),
            spans: site.nodes.iter().map(|n| (n.gpus.0 as usize, n.gpus.1 as usize)).collect(),
            uuids: site.gpus.iter().map(|g| Arc::clone(&g.uuid)).collect(),
            heard_for: site.nodes.iter().map(|n| site.heard_for(n)).collect(),
            windows: window::Windows::new(site.gpus.len()),
            standing: vec![standing::Standing::default(); site.gpus.len()],
            sources: Sources::new(site),
            lags: Lags::new(site),
            plausible: Plausible::new(site),
            late: 0,
            unknown: 0,
        }
    }

    /// Takes what has arrived.
    pub fn take(&mut self, inbox: &Inbox) {
        self.take_seen(inbox, &mut ());
    }

    /// The same, while a witness looks on.
    pub fn take_seen(&mut self, inbox: &Inbox, witness: &mut impl Witness) {
        for reading in &inbox.readings {
            let reading = self.lags.reading(self.sources.reading(reading));
            if let Some(quality) = self.take_reading(&reading) {
                witness.reading(&Reading { quality, ..reading });
            }
        }
        for report in &inbox.nodes {
            // Almost always in the order of the inventory; the id decides.
            let next = self.next_node;
            let in_order = self.node_ids.get(next).is_some_and(|id| *id == report.node);
            let Some(node) = in_order.then_some(next).or_else(|| self.nodes.get(&report.node).copied())
            else {
                self.unknown += 1;
                continue;
            };
            self.next_node = (node + 1) % self.node_ids.len();
            let known = &mut self.snapshot.nodes[node];
            if known.boot == Some(report.boot) && report.sequence <= known.sequence {
                self.late += 1;
                continue;
            }
            known.boot = Some(report.boot);
            known.sequence = report.sequence;
            known.mono_ns = report.mono_ns;
            known.stamp_uncertainty = report.stamp_uncertainty;
            // The same receipt comes in every report until the next command: its text is copied once.
            if report.receipt.is_some() && known.receipt != report.receipt {
                known.receipt.clone_from(&report.receipt);
            }
            let ahead = self.sources.report(node, report);
            Arch::new().dispatch(Taking { align: self, node, report, ahead, witness });
        }
    }

    /// The quality it is taken with; `None` if it is not taken.
    fn take_reading(&mut self, reading: &Reading) -> Option<Quality> {
        let i = reading.point.index();
        let Some(known) = self.snapshot.points.get_mut(i) else {
            self.unknown += 1;
            return None;
        };
        if reading.stamp < known.stamp {
            self.late += 1;
            return None;
        }
        let outside = self.ranges[i].is_some_and(|(low, high)| reading.value < low || reading.value > high);
        let quality =
            if outside { reading.quality.worst(Quality::Bad(Reason::OutOfRange)) } else { reading.quality };
        *known = PointValue {
            value: reading.value,
            stamp: reading.stamp,
            age: Span::ZERO,
            quality,
            fresh: known.fresh || reading.stamp > known.stamp,
        };
        Some(quality)
    }

    /// Samples of a node whose clock is ahead of ours.
    #[inline(always)]
    fn take_samples(&mut self, node: usize, report: &NodeReport, ahead: Span, witness: &mut impl Witness) {
        let (first, end) = self.spans[node];
        let mut next = first;
        for (uuid, sample) in &report.gpus {
            // Almost always in the order of the inventory, once or several times over, and under its very names; the
            // UUID decides.
            let same = |g: &usize| Arc::ptr_eq(&self.uuids[*g], uuid);
            let found = (next < end && same(&next))
                .then_some(next)
                .or_else(|| (first..end).find(same))
                .or_else(|| (first..end).find(|&g| self.uuids[g] == *uuid));
            let Some(gpu) = found else {
                self.unknown += 1;
                continue;
            };
            next = if gpu + 1 < end { gpu + 1 } else { first };
            let known = &mut self.snapshot.gpus[gpu];
            let stamp = sample.stamp - ahead;
            self.windows.take(gpu, stamp, sample);
            if stamp > known.sample.stamp {
                // a sample is large, and most clocks are right: it is copied once
                let own;
                let sample = if ahead == Span::ZERO {
                    sample
                } else {
                    own = GpuSample { stamp, ..*sample };
                    &own
                };
                self.lags.energy(gpu, &known.sample, sample);
                self.standing[gpu].take(&known.sample, sample);
                known.sample = *sample;
                known.fresh = true;
                witness.sample(gpu, &known.sample, report.arrival);
            }
        }
    }

    /// The snapshot as of `now`. What was fresh is not any more in the next one.
    pub fn snapshot(&mut self, now: Stamp) -> &Snapshot {
        self.plausible.lift(&mut self.snapshot.points);
        for (p, stale_after) in self.snapshot.points.iter_mut().zip(&self.stale_after) {
            if p.quality == Quality::Bad(Reason::NeverSeen) {
                continue;
            }
            p.age = now.since(p.stamp);
            if p.age > *stale_after {
                p.quality = p.quality.worst(Quality::Bad(Reason::Stale));
            }
        }
        let nodes = self.snapshot.nodes.iter_mut().zip(self.spans.iter().zip(&self.heard_for));
        let (mut count, mut oldest, mut newest) = (0, i64::MAX, i64::MIN);
        for (node, (&(first, end), heard_for)) in nodes {
            node.heard = false;
            for g in &mut self.snapshot.gpus[first..end] {
                g.age = now.since(g.sample.stamp);
                g.heard = g.age <= *heard_for;
                node.heard |= g.heard;
                if g.heard {
                    let ns = g.sample.stamp.tai_ns();
                    (count, oldest, newest) = (count + 1, oldest.min(ns), newest.max(ns));
                }
            }
        }
        let stamps = (Stamp::from_tai_ns(oldest), Stamp::from_tai_ns(newest));
        self.snapshot.heard = Heard { count, stamps };
        self.snapshot.stamp = now;
        self.plausible.judge(&mut self.snapshot);
        &self.snapshot
    }

    /// Ends the tick: nothing is fresh any more.
    pub fn settle(&mut self) {
        self.lags.settle(self.snapshot.stamp);
        for p in &mut self.snapshot.points {
            p.fresh = false;
        }
        for (i, g) in self.snapshot.gpus.iter_mut().enumerate() {
            if std::mem::take(&mut g.fresh) {
                self.windows.close(i, g.sample.stamp);
            }
        }
    }

    /// What a GPU did since the last tick, by its index.
    #[must_use]
    pub fn window(&self, gpu: usize) -> Option<&GpuWindow> {
        self.windows.open.get(gpu).map(|(window, _)| window)
    }

    /// Clocks-event reasons of a GPU that stand, as NVML bits: those that cost work, without what shows for an instant only.
    #[must_use]
    pub fn reasons(&self, gpu: usize) -> u32 {
        self.standing.get(gpu).map_or(0, standing::Standing::bits)
    }

    /// The clocks of those who stamp.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// How far meters are behind the GPUs below them.
    #[must_use]
    pub fn lags(&self) -> &Lags {
        &self.lags
    }

    /// Points in doubt, and why.
    #[must_use]
    pub fn plausible(&self) -> &Plausible {
        &self.plausible
    }

    /// The last snapshot.
    #[must_use]
    pub fn last(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// The samples of a node, taken by a loop that is compiled for each kind of processor.
struct Taking<'a, W> {
    align: &'a mut Align,
    node: usize,
    report: &'a NodeReport,
    ahead: Span,
    witness: &'a mut W,
}

impl<W: Witness> WithSimd for Taking<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.align.take_samples(self.node, self.report, self.ahead, self.witness);
    }
}

#[cfg(test)]
mod tests;
