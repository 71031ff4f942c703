//! Estimate: the belief after a snapshot, with its uncertainty, and the headroom that follows from it.

mod branches;
mod coolant;
mod drift;
pub(crate) mod flow;
mod see;

use crate::align::Snapshot;
use crate::topology::Topology;
use crate::wants::Wants;
use branches::Branches;
use coolant::{COOLANT_UNKNOWN_C, dew_point};
use drift::Drifts;
use flow::Flows;
use headroom_belief::gpu::Rise;
use headroom_belief::headroom::{self, Approach, Headroom};
use headroom_belief::{Binding, Demand, GpuModel, GpuObservers, Level};
use headroom_site::{Dimension, GpuSample, PointId, Site, Stamp};
use pulp::Arch;
use see::Seeing;
use std::ops::Range;
use std::sync::Arc;

/// How far ahead is looked for GPUs that may meet a limit, s.
pub const AHEAD_S: f64 = 600.0;
/// Distance of the die at its highest cap, and of the memory's reading, from which on a limit is far, K. A memory rises with
/// its die's load by some ten kelvin.
const NEAR_K: f64 = 3.0;
const HBM_NEAR_K: f64 = 15.0;
/// Time constant of the slow means, s: some periods of training steps.
const SLOW_TAU_S: f64 = 60.0;

/// What is believed now.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// When.
    pub stamp: Stamp,
    /// Temperatures, resistances and offsets of GPUs.
    pub gpus: GpuObservers,
    /// Demands.
    pub demand: Demand,
    /// Power of each GPU now, W; a silent one counts with its cap.
    pub power_w: Vec<f64>,
    /// Power of all GPUs before each one, and of all, W: that of a span is one less the other.
    before_w: Vec<f64>,
    /// The same over some minutes, W: what an economic comparison may look at without following every phase of the work.
    pub slow_power_w: Vec<f64>,
    /// Power points over some minutes, W; 0 for other points and before the first reading.
    pub slow_meter_w: Vec<f64>,
    /// For a GPU that can only be read, the most it may draw, W: the limit that others have set, while it is heard.
    pub read_only: Vec<Option<f64>>,
    /// Coolant of each GPU, degC.
    pub coolant_c: Vec<f64>,
    /// Recent peak of each GPU's power, W.
    pub peak_w: Vec<f64>,
    /// Trend of each GPU that its load does not explain, K/s: of its coolant, or of the temperature it would come to at its
    /// highest cap.
    pub drift: Vec<f64>,
    /// GPUs that may meet a limit within [`AHEAD_S`]; a quick look, in which no means no.
    pub near: Vec<bool>,
    /// What GPUs are held against.
    pub limits: Arc<Limits>,
    /// Level and trend of each point.
    pub levels: Vec<Level>,
    /// Power of each branch that is not its GPUs', W.
    pub other_w: Vec<f64>,
    /// Power of each branch, W, metered or summed.
    pub branch_w: Vec<f64>,
    /// Dew point of the room, degC, if it can be known.
    pub dew_point_c: Option<f64>,
}

/// Limits of GPUs, by their index, and how far off them doubt keeps.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Highest cap, W.
    pub cap_w: Vec<f64>,
    /// Highest operating temperature of the die, degC.
    pub die_c: Vec<f64>,
    /// The same of the memory.
    pub hbm_c: Vec<f64>,
    /// Standard deviations to stand off.
    pub k_sigma: f64,
}

impl Estimate {
    /// Headroom of a GPU; none as long as it was never seen.
    #[must_use]
    pub fn headroom(&self, gpu: usize) -> Headroom {
        self.headroom_at(gpu, self.limits.k_sigma)
    }

    /// The same, so many standard deviations off: 0 says what is expected, not what is sure.
    #[must_use]
    pub fn headroom_at(&self, gpu: usize, k_sigma: f64) -> Headroom {
        if !self.gpus.seen(gpu) {
            return Headroom::NONE;
        }
        let of = |rise, limit_c, binding| {
            headroom::of_temperature(&self.approach(gpu, rise, limit_c, k_sigma), binding)
        };
        let die = of(Rise::Die, self.limits.die_c[gpu], Binding::SwThermal);
        if !self.gpus.hbm_seen(gpu) {
            return die;
        }
        die.min(of(Rise::Memory, self.limits.hbm_c[gpu], Binding::MemoryThermal))
    }

    fn approach(&self, gpu: usize, rise: Rise, limit_c: f64, k_sigma: f64) -> Approach {
        let (gpus, model) = (&self.gpus, self.gpus.model(gpu));
        let coolant_c = self.coolant_c[gpu];
        Approach {
            present: gpus.course(gpu, rise, self.peak_w[gpu], coolant_c),
            full: gpus.course(gpu, rise, self.limits.cap_w[gpu], coolant_c),
            drift: self.drift[gpu],
            tau_s: model.tau_s,
            fast_s: model.tau_fast_s,
            watts: gpus.most_w(gpu, rise, limit_c, coolant_c, k_sigma) - self.power_w[gpu],
            limit_c,
            k_sigma,
        }
    }

    /// Headroom of a GPU in kelvin, now and at full load, which is all that a loop needs to know of most; none as long as it
    /// was never seen.
    #[must_use]
    #[inline]
    pub fn kelvins(&self, gpu: usize) -> Option<[f64; 2]> {
        let (f, limits, coolant_c) = (self.gpus.figures(gpu), &self.limits, self.coolant_c[gpu]);
        let of = |rise: Rise, limit_c: f64| {
            let ((now_c, sigma), (full_k, full_sigma)) = (f.now[rise as usize], f.full[rise as usize]);
            let full_c = coolant_c + full_k;
            [limit_c - now_c - limits.k_sigma * sigma, limit_c - full_c - limits.k_sigma * full_sigma]
        };
        let die = of(Rise::Die, limits.die_c[gpu]);
        let hbm = if f.hbm_seen { of(Rise::Memory, limits.hbm_c[gpu]) } else { die };
        f.seen.then(|| [die[0].min(hbm[0]), die[1].min(hbm[1])])
    }

    /// Power of some spans of GPUs now, W.
    #[must_use]
    pub fn power_of(&self, spans: &[(usize, usize)]) -> f64 {
        spans.iter().map(|&(a, b)| self.before_w[b] - self.before_w[a]).sum()
    }

    fn sum_powers(&mut self) {
        let mut sum = 0.0;
        for (before, watts) in self.before_w[1..].iter_mut().zip(&self.power_w) {
            sum += watts;
            *before = sum;
        }
    }

    /// The tightest headroom of some GPUs that have been seen.
    #[must_use]
    pub fn least(&self, gpus: &[usize]) -> Option<Headroom> {
        gpus.iter().filter(|&&g| self.gpus.seen(g)).map(|&g| self.headroom(g)).reduce(Headroom::min)
    }

    /// Value and standard deviation of a point now.
    #[must_use]
    pub fn point(&self, point: PointId) -> (f64, f64) {
        self.levels[point.index()].at(self.stamp.tai_ns())
    }
}

/// Keeps the belief.
#[derive(Debug, Clone)]
pub struct Estimator {
    estimate: Estimate,
    /// GPUs that share their coolant.
    same_coolant: Vec<Range<usize>>,
    /// Coolant of each GPU as it was read last, degC.
    read_c: Vec<f64>,
    branches: Branches,
    drifts: Drifts,
    flows: Flows,
    last: Option<Stamp>,
}

impl Estimator {
    /// For a site, with priors from its GPU models.
    #[must_use]
    pub fn new(site: &Site, topology: &Topology, wants: &Wants) -> Self {
        let sku = |f: fn(&headroom_site::model::Sku) -> f64| -> Vec<f64> {
            site.gpus.iter().map(|g| f(&site.skus[g.sku])).collect()
        };
        let n = site.gpus.len();
        let limits = Limits {
            cap_w: sku(|s| s.max_cap_w),
            die_c: sku(|s| s.max_operating_c),
            hbm_c: sku(|s| s.hbm_max_c),
            k_sigma: wants.k_sigma,
        };
        let estimate = Estimate {
            stamp: Stamp::default(),
            gpus: observers(site, topology),
            demand: Demand::new(&sku(|s| s.idle_w), &sku(|s| s.max_clock_mhz)),
            read_only: read_only(site),
            power_w: sku(|s| s.max_cap_w),
            before_w: vec![0.0; n + 1],
            slow_power_w: vec![f64::NAN; n],
            slow_meter_w: vec![f64::NAN; site.points.len()],
            coolant_c: vec![COOLANT_UNKNOWN_C; n],
            peak_w: vec![0.0; n],
            drift: vec![0.0; n],
            near: vec![false; n],
            limits: Arc::new(limits),
            levels: site.points.iter().map(|p| level_of(p.unit.dimension)).collect(),
            other_w: topology.branch_other_w.clone(),
            branch_w: vec![0.0; site.power.len()],
            dew_point_c: None,
        };
        Self {
            estimate,
            same_coolant: coolant::shared(topology),
            read_c: vec![COOLANT_UNKNOWN_C; n],
            branches: Branches::new(site.power.len()),
            drifts: Drifts::new(n),
            flows: Flows::new(topology, n),
            last: None,
        }
    }

    /// The belief after this snapshot.
    pub fn update(&mut self, site: &Site, topology: &Topology, snapshot: &Snapshot) -> &Estimate {
        let dt_s = self.last.map_or(1.0, |last| snapshot.stamp.since(last).s()).clamp(1e-3, 60.0);
        self.last = Some(snapshot.stamp);
        self.estimate.stamp = snapshot.stamp;
        for (level, p) in self.estimate.levels.iter_mut().zip(&snapshot.points) {
            if p.fresh && p.quality.is_good() {
                level.take(p.stamp.tai_ns(), p.value);
            }
        }
        Arch::new().dispatch(Seeing { estimator: self, topology, snapshot, dt_s });
        self.estimate.gpus.advance(dt_s);
        self.update_slow(site, snapshot, dt_s);
        self.branches.update(site, topology, snapshot, &mut self.estimate, dt_s);
        self.estimate.dew_point_c = dew_point(site, snapshot);
        &self.estimate
    }

    /// Hears a sample between two snapshots: a peak that none of them shows.
    pub fn hear(&mut self, gpu: usize, sample: &GpuSample) {
        if let (Some(watts), Some(mhz)) = (sample.power_w.get(), sample.clock_mhz.get()) {
            self.estimate.demand.update(gpu, f64::from(watts), f64::from(mhz), 1.0);
        }
    }

    /// The last belief.
    #[must_use]
    pub fn last(&self) -> &Estimate {
        &self.estimate
    }

    /// First-order means; the first value is taken as it is.
    fn update_slow(&mut self, site: &Site, snapshot: &Snapshot, dt_s: f64) {
        let x = (dt_s / SLOW_TAU_S).min(1.0);
        let mean =
            |slow: &mut f64, now: f64| *slow = if slow.is_nan() { now } else { *slow + (now - *slow) * x };
        let e = &mut self.estimate;
        for (slow, now) in e.slow_power_w.iter_mut().zip(&e.power_w) {
            mean(slow, *now);
        }
        let powers = site.points.iter().zip(&snapshot.points).zip(&mut e.slow_meter_w);
        for ((_, p), slow) in
            powers.filter(|((spec, p), _)| spec.unit.dimension == Dimension::Power && p.quality.is_good())
        {
            mean(slow, p.value.max(0.0));
        }
    }
}

/// GPUs that can only be read, with the most each may draw before anything was heard of it.
fn read_only(site: &Site) -> Vec<Option<f64>> {
    let most = |g: &headroom_site::model::Gpu| {
        site.nodes[g.node.index()].read_only().then_some(site.skus[g.sku].max_cap_w)
    };
    site.gpus.iter().map(most).collect()
}

/// Observers with a class for each product and kind of coolant.
fn observers(site: &Site, topology: &Topology) -> GpuObservers {
    let air = |gpu: usize| {
        topology.coolant[gpu].first().is_some_and(|p| site.points[p.index()].kind.contains("Air"))
    };
    let class_of: Vec<usize> =
        (0..site.gpus.len()).map(|g| 2 * site.gpus[g].sku + usize::from(air(g))).collect();
    let models = site.skus.iter().flat_map(|sku| {
        [GpuModel::on_a_plate(sku.resistance_k_per_w), GpuModel::in_air(sku.resistance_k_per_w)]
    });
    let most_w: Vec<f64> = site.gpus.iter().map(|g| site.skus[g.sku].max_cap_w).collect();
    GpuObservers::new(&models.collect::<Vec<_>>(), &class_of, &most_w)
}

/// Noise and liveliness to reckon with by dimension: figures of public captures (temperatures 0.05 K and 0.1 K steps,
/// flow 0.5 %, pressure 0.3 kPa, meters class 0.5).
fn level_of(dimension: Dimension) -> Level {
    match dimension {
        Dimension::Temperature | Dimension::TemperatureDelta => Level::new(0.1, 0.1),
        Dimension::Flow => Level::new(0.4, 1.0),
        Dimension::Pressure => Level::new(0.5, 2.0),
        Dimension::Power => Level::new(500.0, 5_000.0),
        Dimension::Ratio => Level::new(0.01, 0.02),
        _ => Level::new(1.0, 1.0),
    }
}

#[cfg(test)]
mod tests;
