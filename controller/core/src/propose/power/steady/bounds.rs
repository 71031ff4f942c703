//! What a cap is made of, for whoever asks why.
//!
//! Responsible for: the bounds of one GPU as of the last solution, the ceiling of the swing among them. Not for: words.

use super::super::swing::{SiteSwing, Swing};
use super::{Steady, thermal_cap};
use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::topology::Topology;
use crate::wants::Wants;
use headroom_site::GpuSample;
use std::cmp::Reverse;

/// A branch of the power tree above a GPU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BranchBound {
    /// Its index.
    pub branch: usize,
    /// Its budget less what is not its GPUs', W; infinite without one.
    pub room_w: f64,
    /// Caps below it, W.
    pub capped_w: f64,
    /// By how much what is given up would fall with a watt more of it; zero where it does not bind.
    pub shadow: f64,
}

impl BranchBound {
    /// Are its watts given out, up to a thousandth?
    #[must_use]
    pub fn is_given_out(&self) -> bool {
        self.capped_w >= 0.999 * self.room_w
    }
}

/// What bounds one GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct CapBounds {
    /// What it is believed to draw at most at the clock that is wanted of it, with reserve, W.
    pub demand_w: f64,
    /// Its highest cap, W.
    pub most_w: f64,
    /// Highest power at which die and memory stay surely below what is kept of them, W.
    pub thermal_w: f64,
    /// The same, and what its loop may take while the supply of that rises too fast, W.
    pub ceiling_w: f64,
    /// What it may draw for the site's swing, W; infinite where that does not hold it.
    pub swing_w: f64,
    /// Branches above it, the nearest first.
    pub branches: Vec<BranchBound>,
    /// The GPU that holds the common clock of its group, where watts and not wants do.
    pub slowest: Option<usize>,
}

impl Steady {
    /// What bounds a GPU.
    #[must_use]
    pub fn bounds(&self, topology: &Topology, wants: &Wants, e: &Estimate, gpu: usize) -> CapBounds {
        let above = |b: &usize| topology.spans_of_branch(*b).iter().any(|&(a, end)| (a..end).contains(&gpu));
        let mut branches: Vec<BranchBound> = (0..topology.branch_spans.len())
            .filter(above)
            .map(|branch| BranchBound {
                branch,
                room_w: self.room_w[branch],
                capped_w: self.capped_w.get(branch).copied().unwrap_or(0.0),
                shadow: self.first.shadow(&self.tree, branch),
            })
            .collect();
        // The file names what feeds before what is fed.
        branches.sort_by_key(|b| (topology.gpus_of_branch(b.branch).count(), Reverse(b.branch)));
        let most_w = self.most_w[gpu];
        CapBounds {
            demand_w: self.demand_w[gpu],
            most_w,
            thermal_w: thermal_cap(e, gpu, most_w, self.kept_c[gpu], wants.k_sigma),
            ceiling_w: self.high_w[gpu],
            swing_w: self.swing.as_ref().map_or(f64::INFINITY, |swing| swing.ceiling_w(gpu)),
            branches,
            slowest: self.slowest(e, gpu),
        }
    }

    /// The swing of the site, where the policy limits it.
    #[must_use]
    pub fn swing(&self) -> Option<SiteSwing> {
        self.swing.as_ref().map(Swing::site)
    }

    /// Does it want to hear every sample?
    #[must_use]
    pub fn listens(&self) -> bool {
        self.swing.is_some()
    }

    /// Hears a sample of a GPU; there may be several between two ticks.
    pub fn hear(&mut self, gpu: usize, sample: &GpuSample) {
        if let Some(swing) = &mut self.swing {
            swing.hear(gpu, sample);
        }
    }

    /// Ceilings of those that swing.
    pub(super) fn hold_the_swing(&mut self, snapshot: &Snapshot, e: &Estimate) {
        let Some(swing) = &mut self.swing else { return };
        swing.look(snapshot);
        swing.lower(e, (&self.demand_w, self.above), (&self.low_w, &self.slope), &mut self.high_w);
        self.demand_w.iter_mut().zip(&self.high_w).for_each(|(demand, high)| *demand = demand.min(*high));
    }

    /// What the GPUs of a branch want, W: their recent peaks at the clocks that are wanted of them.
    #[must_use]
    pub fn needs_w(&self, topology: &Topology, branch: usize) -> f64 {
        topology.gpus_of_branch(branch).map(|g| self.demand_w[g]).sum::<f64>() / self.above
    }

    /// Who of a GPU's group carries the lowest clock with its watts.
    fn slowest(&self, e: &Estimate, gpu: usize) -> Option<usize> {
        let group = self.groups.iter().find(|g| g.gpus.contains(&gpu))?;
        let wanted = self.wanted_mhz.get(group.job).copied().flatten().unwrap_or(f64::INFINITY);
        group.clock(e, &self.first.watts, wanted)?;
        let clock = |g: &usize| e.demand.clock_for(*g, self.first.watts[*g]);
        group.gpus.iter().copied().min_by(|a, b| clock(a).total_cmp(&clock(b)))
    }
}
