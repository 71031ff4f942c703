//! Jobs: tokens, clocks, and what of the one was lost by the other.
//!
//! Responsible for: groups of GPUs that wait for each other, their slowest clock, and the bridge from the tokens made to those
//! that were possible. Not for: why a GPU was throttled (`cause`).
//!
//! A group does its work at the pace of its slowest GPU: a training job is one group, of a serving job each node is one, since
//! replicas do not wait for each other. With N working GPUs at clocks f_i, f = min f_i, F_i = the highest clock, L_i = the lock
//! of ours where one is in force, and T tokens per second:
//!
//! ```text
//! N F - N f  =  sum (F_i - L_i)  +  sum (L_i - f_i)  +  sum (f_i - f)
//!               chosen              throttled, other     drift
//! tokens lost = s T / (N f) x each of them
//! ```
//! s is how the job's tokens follow its clock: learned of training jobs ([`crate::line::Line::tokens_follow`]); 1 where it is
//! not known, which is the most. A serving job loses no token as long as no request waits: then nothing is booked of it.

use super::rows::JobRow;
use crate::align::Snapshot;
use crate::line::Line;
use headroom_belief::demand::relative_power;
use headroom_site::model::{EngineQuantity, JobKind, Latency, Source, Statistic};
use headroom_site::{JobId, PointId, Site, Stamp};

/// A counter that is older says nothing of now, s.
const OLD_S: f64 = 120.0;
/// NVML's bit of a GPU without work.
const IDLE: u32 = 1;
/// A clock this much above what is enough is no excess.
const ENOUGH: f64 = 1.005;

/// GPUs that wait for each other.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) job: usize,
    gpus: Vec<u32>,
}

/// What is kept of one job.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) row: JobRow,
    counters: Vec<PointId>,
    /// Tokens of the line's own ledger, as of the last tick, and as of the last reading of a counter.
    before: f64,
    counted: Option<(Stamp, f64)>,
    tokens_per_s: f64,
    /// How its tokens follow its clock, and the standard deviation of that.
    follows: (f64, f64),
    /// Requests wait, or nobody says whether they do.
    waits: bool,
    waiting: Vec<PointId>,
    /// 95th percentiles and what is promised of them, s.
    latencies: [(Vec<PointId>, Option<f64>); 2],
}

/// What a group is booked with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tick {
    /// One over the working GPUs of its job.
    pub(super) share: f64,
    /// Clock that is enough for what is wanted of the job, MHz; infinite where nothing says.
    pub(super) enough_mhz: f64,
    /// Length of the tick, s.
    pub(super) dt_s: f64,
}

/// The clocks of a group in a tick, kept for those that are throttled.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    /// Tokens that a second at the highest clock, lost by one GPU, costs; 0 where none is counted.
    pub(super) token_per_mhz_s: f64,
}

/// Clocks of GPUs as of a tick; 0 for one that does not work.
#[derive(Debug, Clone)]
pub(super) struct Clocks {
    pub(super) now_mhz: Vec<f32>,
    /// What it would run at unthrottled.
    pub(super) free_mhz: Vec<f32>,
    max_mhz: Vec<f32>,
    /// GPU-seconds of others that waited for it, and tokens lost by that.
    pub(super) drift: Vec<(f64, f64)>,
    /// Energy beyond what its work needed, J, and time in which it worked, s.
    pub(super) over: Vec<(f64, f64)>,
    idle_w: Vec<f64>,
}

impl Clocks {
    pub(super) fn new(site: &Site) -> Self {
        let max: Vec<f32> = site.gpus.iter().map(|g| site.skus[g.sku].max_clock_mhz as f32).collect();
        let n = max.len();
        Self {
            now_mhz: vec![0.0; n],
            free_mhz: max.clone(),
            max_mhz: max,
            drift: vec![(0.0, 0.0); n],
            over: vec![(0.0, 0.0); n],
            idle_w: site.gpus.iter().map(|g| site.skus[g.sku].idle_w).collect(),
        }
    }

    /// Begins another hour.
    pub(super) fn clear(&mut self) {
        self.drift.fill((0.0, 0.0));
        self.over.fill((0.0, 0.0));
    }

    /// Energy of a GPU beyond what a clock that is enough would take, W: by the law of voltage and clock.
    #[inline]
    fn over_w(&self, g: usize, power_w: f64, enough_mhz: f64) -> f64 {
        let (now, max) = (f64::from(self.now_mhz[g]), f64::from(self.max_mhz[g]));
        if now <= enough_mhz * ENOUGH {
            return 0.0;
        }
        let moves_w = (power_w - self.idle_w[g]).max(0.0);
        moves_w * (1.0 - relative_power(enough_mhz, max) / relative_power(now, max)).max(0.0)
    }

    /// How many of a job's GPUs work.
    pub(super) fn working(&self, gpus: &[headroom_site::GpuId]) -> usize {
        gpus.iter().filter(|g| self.now_mhz[g.index()] > 0.0).count()
    }

    /// Takes the clocks of a tick.
    pub(super) fn take(&mut self, line: &Line) {
        let ours = line.wants().caps_mode.may_write();
        let locks = &line.caps().lock_mhz;
        for (g, value) in line.snapshot().gpus.iter().enumerate() {
            let works = value.heard && value.sample.reasons & IDLE == 0;
            self.now_mhz[g] = value.sample.clock_mhz.get().filter(|_| works).unwrap_or(0.0);
            let lock = if ours { locks[g].map_or(f32::INFINITY, |mhz| mhz as f32) } else { f32::INFINITY };
            self.free_mhz[g] = self.max_mhz[g].min(lock);
        }
    }
}

/// The groups of a site's jobs.
pub(super) fn groups(site: &Site) -> Vec<Group> {
    let mut all: Vec<Group> = Vec::new();
    for (job, j) in site.jobs.iter().enumerate() {
        let first = all.len();
        let mut last_node = None;
        for g in &j.gpus {
            let node = site.gpus[g.index()].node;
            let apart = j.kind == JobKind::Serving && last_node != Some(node);
            if all.len() == first || apart {
                all.push(Group { job, gpus: Vec::new() });
            }
            last_node = Some(node);
            if let Some(group) = all.last_mut() {
                group.gpus.push(g.0);
            }
        }
    }
    all
}

impl Group {
    /// Its GPUs.
    pub(super) fn gpus(&self) -> impl Iterator<Item = usize> + '_ {
        self.gpus.iter().map(|g| *g as usize)
    }

    /// Books a tick of a group, of which this clock is enough; how its tokens hang on clocks.
    pub(super) fn book(&self, clocks: &mut Clocks, job: &mut Job, powers_w: &[f64], tick: &Tick) -> Pace {
        let Tick { share, enough_mhz, dt_s } = *tick;
        let (mut n, mut sum, mut free, mut max) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
        let mut slowest = (f32::INFINITY, 0);
        for &g in &self.gpus {
            let g = g as usize;
            let mhz = clocks.now_mhz[g];
            if mhz <= 0.0 {
                continue;
            }
            n += 1.0;
            sum += f64::from(mhz);
            free += f64::from(clocks.free_mhz[g].max(mhz));
            max += f64::from(clocks.max_mhz[g].max(mhz));
            if mhz < slowest.0 {
                slowest = (mhz, g);
            }
        }
        if n < 1.0 {
            return Pace::default();
        }
        let least = f64::from(slowest.0);
        let rate = job.tokens_per_s * share * n;
        let (s, sigma) = job.follows;
        let per = if job.bound() { s * rate / (n * least) * dt_s } else { 0.0 };
        let drift_mhz = sum - n * least;
        let (drift_gpu_s, drift_tokens) = (drift_mhz / (max / n) * dt_s, per * drift_mhz);
        let row = &mut job.row;
        row.busy_gpu_s += n * dt_s;
        row.drift_gpu_s += drift_gpu_s;
        row.drift_tokens += drift_tokens;
        row.chosen_tokens += per * (max - free);
        // What of it was throttled is taken out again where that is booked.
        row.other_tokens += per * (free - sum);
        row.sigma_tokens += sigma / s.max(0.05) * per * (max - n * least);
        let drift = &mut clocks.drift[slowest.1];
        *drift = (drift.0 + drift_gpu_s, drift.1 + drift_tokens);
        let enough_mhz = least.min(enough_mhz);
        for &g in &self.gpus {
            let g = g as usize;
            if clocks.now_mhz[g] > 0.0 {
                let over_j = clocks.over_w(g, powers_w[g], enough_mhz) * dt_s;
                let over = &mut clocks.over[g];
                *over = (over.0 + over_j, over.1 + dt_s);
            }
        }
        Pace { token_per_mhz_s: per / dt_s.max(1e-9) }
    }
}

impl Job {
    pub(super) fn new(site: &Site, j: usize, line: &Line) -> Self {
        let job = &site.jobs[j];
        let of = |wanted: &dyn Fn(&EngineQuantity) -> bool| -> Vec<PointId> {
            let own = site.points.iter().enumerate().filter(|(_, p)| p.of == job.id);
            let fits =
                own.filter(|(_, p)| matches!(&p.source, Source::Engine { quantity, .. } if wanted(quantity)));
            fits.map(|(i, _)| PointId(i as u32)).collect()
        };
        let p95 = |l: Latency| of(&|q| *q == EngineQuantity::Latency(l, Statistic::P95));
        let policy = line.wants().policy();
        let own = policy.job(site, JobId(j as u32)).map(|w| w.promise).unwrap_or_default();
        let promise = own.or(policy.objective.promise);
        Self {
            row: JobRow {
                id: job.id.clone(),
                kind: if job.kind == JobKind::Training { "training" } else { "serving" }.to_owned(),
                gpus: job.gpus.len(),
                ..JobRow::default()
            },
            counters: job.tokens.clone(),
            before: line.ledger().job_tokens[j],
            counted: None,
            tokens_per_s: 0.0,
            follows: (1.0, 0.0),
            waits: true,
            waiting: of(&|q| *q == EngineQuantity::RequestsWaiting),
            latencies: [
                (p95(Latency::FirstToken), promise.first_token.map(headroom_site::Span::s)),
                (p95(Latency::PerOutputToken), promise.per_token.map(headroom_site::Span::s)),
            ],
        }
    }

    /// Does a faster clock make more tokens? Where requests come by themselves only while some wait.
    fn bound(&self) -> bool {
        self.row.kind == "training" || self.waits
    }
    /// Takes what the line and the pages say of it in a tick; the clock that is enough for it, MHz.
    pub(super) fn look(&mut self, line: &Line, j: usize, working: usize, dt_s: f64) -> f64 {
        let snapshot = line.snapshot();
        self.count(line, j, dt_s);
        self.follows = line.tokens_follow(j).map_or((1.0, 0.0), |(s, sigma)| (s.clamp(0.05, 1.0), sigma));
        let waiting = self.waiting.iter().filter_map(|p| snapshot.good(*p)).reduce(|a, b| a + b);
        self.waits = waiting.is_none_or(|n| n > 0.5);
        if working > 1 {
            let spread = line.ledger().job_cv[j];
            self.row.spread_s += spread * dt_s;
            self.row.clocked_s += dt_s;
            if let Some(target) = line.wants().policy().objective.targets.clock_spread {
                self.row.spread.take(spread <= target.as_fraction(), dt_s);
            }
        }
        let Self { latencies, row, .. } = self;
        for ((points, promised), kept) in latencies.iter().zip([&mut row.first_token, &mut row.per_token]) {
            let Some(promised_s) = promised else { continue };
            let worst = points.iter().filter_map(|p| snapshot.good(*p)).reduce(f64::max);
            if let Some(p95_s) = worst {
                kept.take(p95_s <= *promised_s, dt_s);
            }
        }
        line.job_clocks()[j].wanted_mhz.unwrap_or(f64::INFINITY)
    }

    /// Tokens since the last tick, and how many a second is worth.
    fn count(&mut self, line: &Line, j: usize, dt_s: f64) {
        let (snapshot, tokens) = (line.snapshot(), line.ledger().job_tokens[j]);
        self.row.tokens += tokens - self.before;
        self.before = tokens;
        let newest = |snapshot: &Snapshot| {
            let of = |p: &PointId| {
                let p = &snapshot.points[p.index()];
                (p.quality.is_good() && p.age.s() <= OLD_S).then_some(p.stamp)
            };
            self.counters.iter().map(of).reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b)))?
        };
        let Some(stamp) = newest(snapshot) else {
            (self.counted, self.tokens_per_s) = (None, 0.0);
            return;
        };
        self.row.counted_s += dt_s;
        match self.counted {
            Some((at, before)) if stamp > at => {
                self.tokens_per_s = (tokens - before) / stamp.since(at).s();
                self.counted = Some((stamp, tokens));
            }
            None => self.counted = Some((stamp, tokens)),
            Some(_) => {}
        }
    }

    /// Begins another hour.
    pub(super) fn clear(&mut self) {
        let JobRow { id, kind, gpus, .. } = std::mem::take(&mut self.row);
        self.row = JobRow { id, kind, gpus, ..JobRow::default() };
    }

    /// What was lost by a throttled GPU was booked as unexplained until it is known why.
    pub(super) fn explained(&mut self, tokens: f64) {
        self.row.other_tokens -= tokens;
    }
}
