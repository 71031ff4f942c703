//! What GPUs show, taken into the belief.
//!
//! Responsible for: powers, demands, what the observers are shown and where each GPU is heading. Not for: the observers
//! themselves (`headroom-belief`).

use super::coolant::{Coolant, coolant};
use super::drift::Drifts;
use super::flow::Flows;
use super::{AHEAD_S, Estimate, Estimator, HBM_NEAR_K, NEAR_K};
use crate::align::{GpuValue, Snapshot};
use crate::topology::Topology;
use headroom_belief::Demand;
use headroom_belief::gpu::{GpuInput, Rise};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// What GPUs show, taken by loops that are compiled for each kind of processor.
pub(super) struct Seeing<'a> {
    pub(super) estimator: &'a mut Estimator,
    pub(super) topology: &'a Topology,
    pub(super) snapshot: &'a Snapshot,
    pub(super) dt_s: f64,
}

impl WithSimd for Seeing<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.estimator.see_gpus(self.topology, self.snapshot, self.dt_s);
    }
}

impl Estimator {
    #[inline(always)]
    fn see_gpus(&mut self, topology: &Topology, snapshot: &Snapshot, dt_s: f64) {
        let decay = Demand::decay(dt_s);
        let drifts_due = self.drifts.due(snapshot.stamp);
        self.flows.look(topology, snapshot);
        self.estimate.see_powers(snapshot, decay);
        for gpus in &self.same_coolant {
            let (e, first) = (&mut self.estimate, gpus.start);
            let water = coolant(&topology.coolant[first], snapshot, e, self.read_c[first]);
            e.coolant_c[gpus.clone()].fill(water.c);
            self.read_c[gpus.clone()].fill(water.read_c);
            e.show(snapshot, gpus.clone(), &water, &self.flows);
            if drifts_due {
                e.look_ahead(&mut self.drifts, snapshot, gpus.clone(), &water);
            }
        }
        self.drifts.peaks(&self.estimate.power_w, &mut self.estimate.peak_w);
    }
}

impl Estimate {
    /// Powers and demands of all GPUs. One that is not heard counts with its cap: it may be drawing it.
    #[inline(always)]
    fn see_powers(&mut self, snapshot: &Snapshot, decay: f64) {
        let limits = self.limits.cap_w.iter().zip(&mut self.read_only);
        let seen = snapshot.gpus.iter().zip(self.power_w.iter_mut().zip(limits)).enumerate();
        for (i, (g, (power_w, (&max_cap_w, read_only)))) in seen {
            let (power, cap_w) = power_of(g, max_cap_w);
            *power_w = power.unwrap_or(cap_w);
            if let Some(most_w) = read_only {
                *most_w = if g.heard { cap_w } else { max_cap_w };
            }
            if let (true, Some(p), Some(clock)) = (g.fresh, power, g.sample.clock_mhz.get()) {
                self.demand.update(i, p, f64::from(clock), decay);
            }
        }
    }

    /// Shows the observers what GPUs of one coolant show.
    #[inline(always)]
    fn show(&mut self, snapshot: &Snapshot, gpus: Range<usize>, water: &Coolant, flows: &Flows) {
        let seen = snapshot.gpus[gpus.clone()].iter().zip(&self.power_w[gpus.clone()]);
        for (i, (g, &power_w)) in gpus.zip(seen) {
            let fresh = |c: Option<f32>| c.filter(|_| g.fresh).map(f64::from);
            let (die_c, hbm_c) = (fresh(g.sample.die_c.get()), fresh(g.sample.hbm_c.get()));
            let input = GpuInput { power_w, coolant_c: water.read_c, psi: flows.psi(i), die_c, hbm_c };
            self.gpus.show(i, &input);
        }
    }

    /// Where GPUs of one coolant are heading, and whether a limit is near.
    #[inline(always)]
    fn look_ahead(&mut self, drifts: &mut Drifts, snapshot: &Snapshot, gpus: Range<usize>, water: &Coolant) {
        let limits = self.limits.die_c[gpus.clone()].iter().zip(&self.limits.hbm_c[gpus.clone()]);
        let told = self.drift[gpus.clone()].iter_mut().zip(&mut self.near[gpus.clone()]);
        let seen = drifts.levels(gpus.clone()).iter_mut().zip(&snapshot.gpus[gpus.clone()]);
        for ((i, (level, gpu)), ((&limit_c, &hbm_limit_c), (drift, near))) in
            gpus.zip(seen).zip(limits.zip(told))
        {
            let (full_k, sigma) = self.gpus.figures(i).full[Rise::Die as usize];
            let full_c = (water.c + full_k, sigma);
            *drift = level.take(snapshot.stamp, full_c, limit_c, water.trend);
            let later_k = drift.max(0.0) * AHEAD_S;
            let hbm_near = |c| f64::from(c) + HBM_NEAR_K + later_k > hbm_limit_c;
            *near = full_c.0 + NEAR_K + later_k > limit_c || gpu.sample.hbm_c.get().is_some_and(hbm_near);
        }
    }
}

/// Power of a GPU, if it is heard and tells, and the cap that it has, W.
#[inline(always)]
fn power_of(g: &GpuValue, max_cap_w: f64) -> (Option<f64>, f64) {
    let s = &g.sample;
    let cap_w = s.enforced_cap_w.get().map_or(max_cap_w, f64::from).min(max_cap_w);
    (s.watts().map(f64::from).filter(|_| g.heard), cap_w)
}
