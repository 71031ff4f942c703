//! Swing: how far the site's draw may go up and down within seconds.
//!
//! Responsible for: ceilings for GPUs that swing, so that the sum of their swings keeps to `swing` of the policy, and whether
//! that can be done. Not for: slow changes (`ramp`, budgets); the shape of a swing faster than a sensor's window; or holding a GPU up (nothing
//! here burns watts).
//!
//! Of each GPU l is the lowest draw of late and h the highest, as every sample shows the instant (NVML's 25 ms of each 100 ms) and
//! the mean of a second. Jobs run at periods of their own: at some moment all of them swing together. So
//!
//! ```text
//! sum over jobs j of  c_j sum over its GPUs of (p_i - l_i)  <=  s A            p: ceilings, A: peak to peak of the policy
//! c_j = 1                                                                     a training job, GPUs of no job: in step
//! c_j = (swing of the sum in a period of the band)/(sum of the swings)        a serving job: its replicas are not
//! l <- min(P, l + (P1 - l) dt/tau)      h <- max(P, h + (P1 - h) dt/tau)      P1: mean of a second, tau = 300 s
//! b <- b + (P - P1 - b) dt/60 s                                               far from zero: samples in step with the swing
//! ```
//! s is the share of a swing at the connection that GPUs make: supplies and what stands beside them add to it. Who gives way is the
//! exact allocation's to say, as with watts: the same sum in x_i = c_j (p_i - l_i).
//!
//! An edge has every frequency, so a change counts however slow its period is. One that has not been seen yet cannot be kept:
//! a job that begins, or stops, does so once. A swing in step with the samples (a multiple of their rate) always shows the same
//! instant. Then the instant and the mean differ for good, and the GPU is taken to swing as far to the other side of the mean, which
//! is so of equal halves; how far it truly does is not known, and that is said.

use super::ramp::SHARE_OF_GPUS;
use super::tree::{Allocation, Problem, Tree};
use crate::align::Snapshot;
use crate::estimate::Estimate;
use headroom_policies::Swing as Wish;
use headroom_site::model::JobKind;
use headroom_site::{GpuSample, Site, Span, Stamp};
use std::collections::{BTreeMap, VecDeque};

/// Time constant with which extremes are forgotten, s: many periods of any swing that counts, and a while of a job that has begun.
const TAU_S: f64 = 300.0;
/// Time constant of what instants and means differ by, s; and the share of the mean from which on they do for good.
const BIAS_TAU_S: f64 = 60.0;
const BIASED: f64 = 0.15;
/// A GPU that shows less shows nothing, W.
const SHOWS_W: f64 = 1.0;
/// Share of its peak by which a GPU that stands still may be above its low.
const STILL: f64 = 0.05;
/// Looks of agents: those of a tenth of a second are one, once all have come.
const LOOK_NS: i64 = 100_000_000;
const SETTLES: Span = Span::from_ms(1_500);
/// Swings of single GPUs have their sensors' noise in them, that of their sum has less.
const SURE: f64 = 1.15;
/// From this share on they are in step.
const IN_STEP: f64 = 0.45;
/// Least share of their swings by which GPUs that are not in step swing together.
const LEAST: f64 = 0.02;
/// A sum over what is allowed by less is not over it.
const OVER: f64 = 1.0 + 1e-6;

/// Extremes of late, W.
#[derive(Debug, Clone, Copy)]
struct Extremes {
    low_w: f64,
    high_w: f64,
}

impl Extremes {
    const NONE: Self = Self { low_w: f64::INFINITY, high_w: f64::NEG_INFINITY };

    fn take(&mut self, (least_w, most_w, mean_w): (f64, f64, f64), share: f64) {
        if self.low_w > self.high_w {
            *self = Self { low_w: least_w, high_w: most_w };
            return;
        }
        self.low_w = least_w.min(self.low_w + (mean_w - self.low_w).max(0.0) * share);
        self.high_w = most_w.max(self.high_w - (self.high_w - mean_w).max(0.0) * share);
    }

    fn swing_w(&self) -> f64 {
        (self.high_w - self.low_w).max(0.0)
    }
}

/// What one GPU has shown.
#[derive(Debug, Clone, Copy)]
struct Shown {
    of_late: Extremes,
    /// Since the last look: the least, the most, and the last mean.
    least_w: f64,
    most_w: f64,
    mean_w: f64,
    /// b above, W.
    bias_w: f64,
    heard: Option<Stamp>,
    /// It shows instants, and not means only.
    instants: bool,
}

impl Shown {
    const NOTHING: Self = Self {
        of_late: Extremes::NONE,
        least_w: f64::INFINITY,
        most_w: f64::NEG_INFINITY,
        mean_w: 0.0,
        bias_w: 0.0,
        heard: None,
        instants: false,
    };

    fn hear(&mut self, sample: &GpuSample) {
        let shown = |w: Option<f32>| w.map(f64::from).filter(|w| *w > SHOWS_W);
        let (now, mean) = (shown(sample.power_w.get()), shown(sample.power_average_w.get()));
        let Some(now_w) = now.or(mean) else { return };
        let dt_s = self.heard.map_or(0.0, |at| sample.stamp.since(at).s()).clamp(0.0, BIAS_TAU_S);
        self.heard = Some(sample.stamp);
        self.mean_w = mean.unwrap_or(now_w);
        self.instants = now.is_some() && mean.is_some();
        self.bias_w += (now_w - self.mean_w - self.bias_w) * dt_s / BIAS_TAU_S;
        self.least_w = self.least_w.min(now_w).min(self.mean_w);
        self.most_w = self.most_w.max(now_w).max(self.mean_w);
    }

    fn look(&mut self, share: f64) {
        if self.least_w > self.most_w {
            return;
        }
        let mut seen = (self.least_w, self.most_w, self.mean_w);
        if self.is_biased() {
            let far_w = self.bias_w.abs();
            seen = (seen.0.min(self.mean_w - far_w), seen.1.max(self.mean_w + far_w), seen.2);
        }
        self.of_late.take(seen, share);
        (self.least_w, self.most_w) = (f64::INFINITY, f64::NEG_INFINITY);
    }

    fn is_biased(&self) -> bool {
        self.bias_w.abs() > BIASED * self.mean_w
    }

    /// How far it swings between two samples is not seen.
    fn is_blind(&self) -> bool {
        self.heard.is_some() && (!self.instants || self.is_biased())
    }
}

/// GPUs that swing together, or for themselves.
#[derive(Debug, Clone)]
struct Unit {
    gpus: Vec<usize>,
    in_step: bool,
    /// Samples by their tenth of a second, until all of it have come: sum, W, and number.
    looks: BTreeMap<i64, (f64, u32)>,
    /// Sums of the last period of the band, W, and the widest swing of them of late.
    sums: VecDeque<(Stamp, f64)>,
    swing_w: f64,
    /// c above.
    together: f64,
}

impl Unit {
    /// Takes the looks that all have come of: the mean of those heard stands for all.
    fn settle(&mut self, now: Stamp, period: Span, share: f64) {
        let (n, open) = (self.gpus.len(), (now - SETTLES).tai_ns().div_euclid(LOOK_NS));
        let later = self.looks.split_off(&open);
        for (look, (sum_w, heard)) in std::mem::replace(&mut self.looks, later) {
            if 2 * heard as usize >= n {
                let at = Stamp::from_tai_ns(look * LOOK_NS);
                self.sums.push_back((at, sum_w / f64::from(heard) * n as f64));
            }
        }
        while self.sums.front().is_some_and(|(at, _)| (now - SETTLES).since(*at) > period) {
            self.sums.pop_front();
        }
        let extremes =
            self.sums.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), (_, watts)| {
                (watts.min(least), watts.max(most))
            });
        self.swing_w = (extremes.1 - extremes.0).max(self.swing_w * (1.0 - share));
    }
}

/// The swing of the site, peak to peak at its connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiteSwing {
    /// What the policy allows, W.
    pub allowed_w: f64,
    /// What it could come to without this, if all swing together, W.
    pub free_w: f64,
    /// What it can come to under what is proposed, W.
    pub held_w: f64,
    /// It is within what is allowed, as far as it is seen; not so where the lowest caps are too high.
    pub kept: bool,
    /// GPUs whose swing is not fully seen: they show means only, or swing in step with their samples.
    pub blind: usize,
}

/// Extremes and ceilings.
#[derive(Debug, Clone)]
pub(super) struct Swing {
    allowed_w: f64,
    units: Vec<Unit>,
    unit_of: Vec<usize>,
    /// The longest period of the band.
    period: Span,
    gpus: Vec<Shown>,
    last: Option<Stamp>,
    tree: Tree,
    allocation: Allocation,
    demand_w: Vec<f64>,
    low_w: Vec<f64>,
    high_w: Vec<f64>,
    slope: Vec<f64>,
    swings: Vec<bool>,
    ceiling_w: Vec<f64>,
    site: SiteSwing,
}

impl Swing {
    /// For a site and what its policy wants.
    pub(super) fn new(site: &Site, wish: &Wish) -> Self {
        let allowed_w = wish.amplitude.as_watts();
        let period = Span::from_s(1.0 / (wish.band.0.as_megahertz() * 1e6));
        let n = site.gpus.len();
        let (units, unit_of) = units(site);
        let all = [(0, n)];
        Self {
            allowed_w,
            units,
            unit_of,
            period,
            gpus: vec![Shown::NOTHING; n],
            last: None,
            tree: Tree::new(n, std::iter::once(all.as_slice())),
            allocation: Allocation::default(),
            demand_w: vec![0.0; n],
            low_w: vec![0.0; n],
            high_w: vec![0.0; n],
            slope: vec![1.0; n],
            swings: vec![false; n],
            ceiling_w: vec![f64::INFINITY; n],
            site: SiteSwing { allowed_w, free_w: 0.0, held_w: 0.0, kept: true, blind: 0 },
        }
    }

    /// Hears a sample of a GPU; there may be several between two looks.
    pub(super) fn hear(&mut self, gpu: usize, sample: &GpuSample) {
        self.gpus[gpu].hear(sample);
        let unit = &mut self.units[self.unit_of[gpu]];
        if let Some(watts) = sample.power_w.get().filter(|_| !unit.in_step) {
            let look = unit.looks.entry(sample.stamp.tai_ns().div_euclid(LOOK_NS)).or_default();
            *look = (look.0 + f64::from(watts), look.1 + 1);
        }
    }

    /// Takes what the GPUs have shown since the last look.
    pub(super) fn look(&mut self, snapshot: &Snapshot) {
        let now = snapshot.stamp;
        let dt_s = self.last.map_or(0.0, |last| now.since(last).s()).clamp(0.0, TAU_S);
        self.last = Some(now);
        self.gpus.iter_mut().for_each(|g| g.look(dt_s / TAU_S));
        for unit in self.units.iter_mut().filter(|u| !u.in_step) {
            unit.settle(now, self.period, dt_s / TAU_S);
            let each_w: f64 = unit.gpus.iter().map(|&g| self.gpus[g].of_late.swing_w()).sum();
            let blind = unit.gpus.iter().any(|&g| self.gpus[g].is_blind());
            let together = unit.swing_w / each_w.max(1.0);
            unit.together =
                if blind || together > IN_STEP { 1.0 } else { (SURE * together).clamp(LEAST, 1.0) };
        }
    }

    /// Lowers ceilings so that all swings together keep to what is allowed. Demands have a reserve above what is drawn, as a
    /// factor. A GPU that can only be read swings as it does.
    pub(super) fn lower(
        &mut self,
        e: &Estimate,
        (demand_w, above): (&[f64], f64),
        (low_w, slope): (&[f64], &[f64]),
        high_w: &mut [f64],
    ) {
        let mut fixed_w = 0.0;
        for g in 0..self.gpus.len() {
            let (of, c) = (self.gpus[g].of_late, self.units[self.unit_of[g]].together);
            if e.read_only[g].is_some() {
                fixed_w += c * of.swing_w();
            }
            let peak_w = (demand_w[g] / above).max(of.high_w).min(high_w[g]);
            self.swings[g] = e.read_only[g].is_none() && peak_w - of.low_w > STILL * peak_w;
            let x = |watts: f64| if self.swings[g] { c * (watts - of.low_w).max(0.0) } else { 0.0 };
            (self.demand_w[g], self.high_w[g]) = (x(peak_w), x(high_w[g]));
            (self.low_w[g], self.slope[g]) = (x(low_w[g]), c * c * slope[g]);
        }
        let room_w = SHARE_OF_GPUS * self.allowed_w - fixed_w;
        let Self { tree, allocation, demand_w, low_w: floor_w, high_w: most_w, slope, .. } = &mut *self;
        let problem = Problem { demand_w, low_w: floor_w, high_w: most_w, slope };
        allocation.solve(tree, &[room_w.max(0.0)], &problem);
        let free_w: f64 = self.demand_w.iter().sum();
        let held_w: f64 = self.allocation.watts.iter().sum();
        let at_connection = |watts: f64| (watts + fixed_w) / SHARE_OF_GPUS;
        self.site = SiteSwing {
            allowed_w: self.allowed_w,
            free_w: at_connection(free_w),
            held_w: at_connection(held_w),
            kept: held_w <= room_w.max(0.0) * OVER,
            blind: self.gpus.iter().filter(|g| g.is_blind()).count(),
        };
        self.ceiling_w.fill(f64::INFINITY);
        if free_w <= room_w {
            return;
        }
        for g in (0..self.gpus.len()).filter(|g| self.swings[*g]) {
            let c = self.units[self.unit_of[g]].together;
            let ceiling_w = (self.gpus[g].of_late.low_w + self.allocation.watts[g] / c).max(low_w[g]);
            (self.ceiling_w[g], high_w[g]) = (ceiling_w, high_w[g].min(ceiling_w));
        }
    }

    /// What a GPU may draw for it, W; infinite where it is not held.
    pub(super) fn ceiling_w(&self, gpu: usize) -> f64 {
        self.ceiling_w[gpu]
    }

    /// What came of the last look.
    pub(super) fn site(&self) -> SiteSwing {
        self.site
    }
}

/// Jobs, and the GPUs of none as one; and which of them each GPU is of.
fn units(site: &Site) -> (Vec<Unit>, Vec<usize>) {
    let unit = |gpus: Vec<usize>, in_step| Unit {
        gpus,
        in_step,
        looks: BTreeMap::new(),
        sums: VecDeque::new(),
        swing_w: 0.0,
        together: 1.0,
    };
    let mut units: Vec<Unit> = Vec::new();
    let mut of = vec![site.jobs.len(); site.gpus.len()];
    for (j, job) in site.jobs.iter().enumerate() {
        let gpus: Vec<usize> = job.gpus.iter().map(|g| g.index()).collect();
        gpus.iter().for_each(|&g| of[g] = j);
        units.push(unit(gpus, job.kind == JobKind::Training));
    }
    let rest = (0..site.gpus.len()).filter(|&g| of[g] == site.jobs.len()).collect();
    units.push(unit(rest, true));
    (units, of)
}

#[cfg(test)]
mod tests;
