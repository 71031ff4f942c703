//! Estimate: the belief after a snapshot, with its uncertainty, and the headroom that follows from it.

mod drift;
mod flow;

use crate::align::{GpuValue, Snapshot};
use crate::topology::Topology;
use crate::wants::Wants;
use drift::Drifts;
use flow::Flows;
use headroom_belief::gpu::{GpuInput, Rise};
use headroom_belief::headroom::{self, Approach, Headroom};
use headroom_belief::{Binding, Demand, GpuModel, GpuObservers, Level};
use headroom_site::{Dimension, PointId, Quality, Reason, Site, Span, Stamp};
use std::sync::Arc;

/// Coolant temperature to reckon with where no point tells, degC: warm, since unknown is hot.
const COOLANT_UNKNOWN_C: f64 = 40.0;
/// Rise of coolant that is reckoned for each second without a reading, K/s (Hubris: unknown is hot).
const COOLANT_SLEW_K_PER_S: f64 = 0.02;
/// How far ahead is looked for GPUs that may meet a limit, s.
pub const AHEAD_S: f64 = 600.0;
/// Distance of the die at its highest cap, and of the memory's reading, from which on a limit is far, K. A memory rises with
/// its die's load by some ten kelvin.
const NEAR_K: f64 = 3.0;
const HBM_NEAR_K: f64 = 15.0;
/// Time constant of the slow means, s: some periods of training steps.
const SLOW_TAU_S: f64 = 60.0;
/// Time constant with which the load of a branch beside its GPUs is followed, s.
const OTHER_TAU_S: f64 = 30.0;

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
        let (gpus, limits) = (&self.gpus, &self.limits);
        if !gpus.seen(gpu) {
            return None;
        }
        let of = |rise, limit_c: f64| {
            let (now_c, sigma) = gpus.now(gpu, rise);
            let (full_c, full_sigma) = gpus.steady(gpu, rise, limits.cap_w[gpu], self.coolant_c[gpu]);
            [limit_c - now_c - limits.k_sigma * sigma, limit_c - full_c - limits.k_sigma * full_sigma]
        };
        let die = of(Rise::Die, limits.die_c[gpu]);
        if !gpus.hbm_seen(gpu) {
            return Some(die);
        }
        let hbm = of(Rise::Memory, limits.hbm_c[gpu]);
        Some([die[0].min(hbm[0]), die[1].min(hbm[1])])
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
    /// Does a GPU share its coolant with the one before it?
    shares: Vec<bool>,
    below: Below,
    sums: Vec<Sums>,
    drifts: Drifts,
    flows: Flows,
    last: Option<Stamp>,
}

/// What lies below the branches, looked at once and not once a level.
#[derive(Debug, Clone, Default)]
struct Below {
    /// Power of the GPUs before each one, W.
    before_w: Vec<f64>,
    /// Time of each GPU's last sample, TAI ns; the least where it is not heard.
    heard_ns: Vec<i64>,
}

impl Below {
    fn read(&mut self, power_w: &[f64], snapshot: &Snapshot) {
        self.before_w.clear();
        let mut sum = 0.0;
        self.before_w.push(sum);
        self.before_w.extend(power_w.iter().map(|watts| {
            sum += watts;
            sum
        }));
        let heard = |g: &GpuValue| if g.heard { g.sample.stamp.tai_ns() } else { i64::MIN };
        self.heard_ns.clear();
        self.heard_ns.extend(snapshot.gpus.iter().map(heard));
    }

    /// Power of some spans of GPUs, and the last time at which one of them was heard.
    fn sum(&self, spans: &[(usize, usize)]) -> (f64, Option<Stamp>) {
        let watts = spans.iter().map(|&(a, b)| self.before_w[b] - self.before_w[a]).sum();
        let newest = spans.iter().flat_map(|&(a, b)| &self.heard_ns[a..b]).fold(i64::MIN, |x, &y| x.max(y));
        (watts, (newest > i64::MIN).then(|| Stamp::from_tai_ns(newest)))
    }
}

/// The last sums of a branch's GPU powers, so that a meter can be compared with what they drew at its own time.
#[derive(Debug, Clone, Default)]
struct Sums {
    ring: [(Stamp, f64); RING],
    next: usize,
    seen: bool,
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

    /// The sum nearest to a time.
    fn at(&self, stamp: Stamp) -> Option<f64> {
        let far = |s: &(Stamp, f64)| s.0.since(stamp).ns().unsigned_abs();
        let best = self.ring.iter().min_by_key(|s| far(s))?;
        (far(best) <= NEAR.ns().unsigned_abs()).then_some(best.1)
    }
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
            demand: Demand::new(sku(|s| s.idle_w), sku(|s| s.max_clock_mhz)),
            read_only: read_only(site),
            power_w: sku(|s| s.max_cap_w),
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
            shares: shares(topology),
            below: Below::default(),
            sums: vec![Sums::default(); site.power.len()],
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
        self.update_gpus(topology, snapshot, dt_s);
        self.update_slow(site, snapshot, dt_s);
        self.update_branches(site, topology, snapshot, dt_s);
        self.estimate.dew_point_c = dew_point(site, snapshot);
        &self.estimate
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

    fn update_gpus(&mut self, topology: &Topology, snapshot: &Snapshot, dt_s: f64) {
        let e = &mut self.estimate;
        let decay = Demand::decay(dt_s);
        let drifts_due = self.drifts.due(snapshot.stamp);
        self.flows.look(topology, snapshot);
        let (mut coolant_c, mut trend) = (COOLANT_UNKNOWN_C, 0.0);
        for (i, g) in snapshot.gpus.iter().enumerate() {
            let s = &g.sample;
            if !self.shares[i] {
                (coolant_c, trend) = coolant(&topology.coolant[i], snapshot, e);
            }
            e.coolant_c[i] = coolant_c;
            // A GPU that is not heard counts with its cap: it may be drawing it.
            let max_cap_w = e.limits.cap_w[i];
            let cap_w = s.enforced_cap_w.map_or(max_cap_w, f64::from).min(max_cap_w);
            let power = s.power_w.or(s.power_average_w).map(f64::from).filter(|_| g.heard);
            let power_w = power.unwrap_or(cap_w);
            e.power_w[i] = power_w;
            e.peak_w[i] = self.drifts.peak_w(i, power_w);
            if drifts_due {
                let full_c = e.gpus.steady(i, Rise::Die, max_cap_w, coolant_c);
                let limit_c = e.limits.die_c[i];
                e.drift[i] = self.drifts.take(i, snapshot.stamp, full_c, limit_c, trend);
                let later_k = e.drift[i].max(0.0) * AHEAD_S;
                let hbm_near =
                    s.hbm_c.is_some_and(|c| f64::from(c) + HBM_NEAR_K + later_k > e.limits.hbm_c[i]);
                e.near[i] = full_c.0 + NEAR_K + later_k > limit_c || hbm_near;
            }
            if let Some(most_w) = &mut e.read_only[i] {
                *most_w = if g.heard { cap_w } else { max_cap_w };
            }
            if g.fresh
                && let (Some(p), Some(clock)) = (power, s.clock_mhz)
            {
                e.demand.update(i, p, f64::from(clock), decay);
            }
            let fresh = |reading: Option<f32>| reading.filter(|_| g.fresh).map(f64::from);
            let (die_c, hbm_c) = (fresh(s.die_c), fresh(s.hbm_c));
            e.gpus.show(i, &GpuInput { power_w, coolant_c, psi: self.flows.psi(i), die_c, hbm_c });
        }
        e.gpus.advance(dt_s);
    }

    /// What each branch carries beside its GPUs: its meter less what they drew at the meter's own time, followed slowly.
    fn update_branches(&mut self, site: &Site, topology: &Topology, snapshot: &Snapshot, dt_s: f64) {
        self.below.read(&self.estimate.power_w, snapshot);
        for (i, branch) in site.power.iter().enumerate() {
            let (gpu_w, heard) = self.below.sum(topology.spans_of_branch(i));
            let sums = &mut self.sums[i];
            sums.keep(heard.unwrap_or(snapshot.stamp), gpu_w);
            let other = &mut self.estimate.other_w[i];
            let metered = branch.meter.map(|m| snapshot.points[m.index()]).filter(|p| p.quality.is_good());
            let Some(meter) = metered else {
                self.estimate.branch_w[i] = gpu_w + *other;
                continue;
            };
            self.estimate.branch_w[i] = meter.value;
            if let Some(then) = sums.at(meter.stamp).filter(|_| meter.fresh) {
                let now = (meter.value - then).max(0.0);
                let x = if sums.seen { (dt_s.max(1.0) / OTHER_TAU_S).min(1.0) } else { 1.0 };
                *other += (now - *other) * x;
                sums.seen = true;
            }
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
    GpuObservers::new(&models.collect::<Vec<_>>(), &class_of)
}

/// Neighbours share their coolant: looking for it once a rack is enough.
fn shares(topology: &Topology) -> Vec<bool> {
    let lists = &topology.coolant;
    (0..lists.len()).map(|i| i > 0 && lists[i] == lists[i - 1]).collect()
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

/// Coolant of a GPU and its trend: the first point that is good; else the last one, warmer with its age, unless what it
/// shows is known to be wrong.
fn coolant(points: &[PointId], snapshot: &Snapshot, e: &Estimate) -> (f64, f64) {
    for p in points {
        if snapshot.good(*p).is_some() {
            let level = &e.levels[p.index()];
            return (level.at(snapshot.stamp.tai_ns()).0, level.sure_trend());
        }
    }
    let aged = |p: &&PointId| {
        let wrong = match snapshot.points[p.index()].quality {
            Quality::Good => false,
            Quality::Uncertain(r) | Quality::Bad(r) => {
                matches!(r, Reason::Implausible | Reason::Flatline | Reason::RateOfChange)
            }
        };
        e.levels[p.index()].seen() && !wrong
    };
    let last = points.iter().find(aged);
    last.map_or((COOLANT_UNKNOWN_C, 0.0), |p| {
        let age_s = snapshot.points[p.index()].age.s().clamp(0.0, 3600.0);
        let aged_c = snapshot.points[p.index()].value + COOLANT_SLEW_K_PER_S * age_s;
        (aged_c.min(COOLANT_UNKNOWN_C + 20.0), COOLANT_SLEW_K_PER_S)
    })
}

/// Highest dew point of the room from temperature and humidity (Magnus formula, WMO Guide No. 8, 2018).
fn dew_point(site: &Site, snapshot: &Snapshot) -> Option<f64> {
    let pairs = site.meters.room_temperature.iter().zip(&site.meters.room_humidity);
    pairs
        .filter_map(|(t, h)| Some((snapshot.good(*t)?, snapshot.good(*h)?)))
        .map(|(t, rh)| {
            let g = (rh.clamp(0.01, 1.0)).ln() + 17.62 * t / (243.12 + t);
            243.12 * g / (17.62 - g)
        })
        .reduce(f64::max)
}

#[cfg(test)]
mod tests;
