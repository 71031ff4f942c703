//! Ledger: what it cost.
//!
//! [`Ledger`] keeps the totals since the start: energy by meter, tokens by counter, clock spread inside jobs, throttled time by
//! reason. [`Accounts`] keep what each job, rack and hour lost, and to what; whoever wants them feeds them beside the line.
//!
//! | room | says |
//! |---|---|
//! | `accounts` | what is booked when |
//! | `rows`, `cells`, `sums` | an hour as sums, and hours added up |
//! | `figures` | what follows from sums: PUE and its kin, money, residuals, targets |
//! | `meters` | energies, coverage, uncertainty |
//! | `uses` | water, and heat that others use |
//! | `jobs` | tokens and clocks |
//! | `throttle`, `cause`, `loops`, `devices` | throttled time by reason, and what lies behind it |
//! | `responses` | limits below the site's own: how they were met, and what they cost |
//! | `least`, `saving`, `peak` | the least cooling, what is saved, peaks of products |

mod accounts;
mod cause;
mod cells;
mod devices;
mod figures;
mod jobs;
mod least;
mod loops;
mod meters;
mod peak;
mod responses;
mod rows;
mod saving;
mod sums;
mod throttle;
mod uses;
mod whereabouts;

pub use accounts::Accounts;
pub use cause::Cause;
pub use figures::{Absent, Attained, Figures, Said, Value};
pub use responses::ResponseRow;
pub use rows::{
    Aims, Both, Bounds, BranchRow, Cell, Energy, GpuRow, Hour, JobRow, Kept, METER_SIGMA, RackRow, Rates,
    SiteRow, Used,
};
pub use sums::add_cells;

use crate::align::Snapshot;
use headroom_site::gpu::ThrottleReason;
use headroom_site::model::JobKind;
use headroom_site::{Offered, PointId, Site, Stamp};

/// Totals since the start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Totals {
    /// Seconds covered.
    pub seconds: f64,
    /// Facility energy, J.
    pub facility_j: f64,
    /// IT energy, J.
    pub it_j: f64,
    /// Cooling energy, J.
    pub cooling_j: f64,
    /// Tokens.
    pub tokens: f64,
    /// Throttled GPU-seconds by [`ThrottleReason::ALL`].
    pub throttled_s: [f64; 5],
    /// Mean of the coefficient of variation of the SM clock inside training jobs.
    pub clock_cv: f64,
}

/// Keeps the totals.
#[derive(Debug, Clone)]
pub struct Ledger {
    totals: Totals,
    last: Option<Stamp>,
    counters: Vec<Option<f64>>,
    throttle_ns: Vec<[Offered<u64>; 5]>,
    /// Throttled GPU time by [`ThrottleReason::ALL`], ns: whole, so that no rounding adds up.
    throttled_ns: [u64; 5],
    cv_sum: f64,
    cv_count: u64,
    /// Tokens of each job since the start.
    pub job_tokens: Vec<f64>,
    /// Spread of the SM clock inside each job now.
    pub job_cv: Vec<f64>,
}

impl Ledger {
    /// For a site.
    #[must_use]
    pub fn new(site: &Site) -> Self {
        Self {
            totals: Totals::default(),
            last: None,
            counters: vec![None; site.points.len()],
            throttle_ns: vec![[Offered::NONE; 5]; site.gpus.len()],
            throttled_ns: [0; 5],
            cv_sum: 0.0,
            cv_count: 0,
            job_tokens: vec![0.0; site.jobs.len()],
            job_cv: vec![0.0; site.jobs.len()],
        }
    }

    /// The totals.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Books a snapshot.
    pub fn book(&mut self, site: &Site, snapshot: &Snapshot) {
        let dt_s = self.last.map_or(0.0, |last| snapshot.stamp.since(last).s()).clamp(0.0, 60.0);
        self.last = Some(snapshot.stamp);
        let watts = |p: &PointId| snapshot.good(*p).unwrap_or(0.0);
        let t = &mut self.totals;
        t.seconds += dt_s;
        t.facility_j += site.meters.facility.as_ref().map_or(0.0, watts) * dt_s;
        t.it_j += site.meters.it.as_ref().map_or(0.0, watts) * dt_s;
        t.cooling_j += site.meters.cooling.iter().map(watts).sum::<f64>() * dt_s;
        self.book_tokens(site, snapshot);
        self.book_throttling(snapshot);
        self.book_clocks(site, snapshot);
    }

    fn book_tokens(&mut self, site: &Site, snapshot: &Snapshot) {
        for (job, own) in site.jobs.iter().zip(&mut self.job_tokens) {
            for p in &job.tokens {
                let (Some(now), known) = (snapshot.good(*p), &mut self.counters[p.index()]) else { continue };
                // A counter that falls has been reset: it begins anew.
                if let Some(before) = *known {
                    let more = if now >= before { now - before } else { now };
                    self.totals.tokens += more;
                    *own += more;
                }
                *known = Some(now);
            }
        }
    }

    fn book_throttling(&mut self, snapshot: &Snapshot) {
        for (g, known) in snapshot.gpus.iter().zip(&mut self.throttle_ns).filter(|(g, _)| g.fresh) {
            // most counters stand still
            if g.sample.throttle_ns == *known {
                continue;
            }
            for (reason, (now, before)) in g.sample.throttle_ns.iter().zip(known.iter_mut()).enumerate() {
                // A counter that is missing for a while has gone on counting: what it stood at is kept.
                let Some(now) = now.get() else { continue };
                if let Some(before) = before.get() {
                    // One that falls began anew with its driver.
                    self.throttled_ns[reason] += if now >= before { now - before } else { now };
                }
                *before = Offered::new(now);
            }
        }
        self.totals.throttled_s = self.throttled_ns.map(|ns| ns as f64 * 1e-9);
    }

    /// Spread inside a job: standard deviation over mean of the SM clocks of its GPUs that work.
    fn book_clocks(&mut self, site: &Site, snapshot: &Snapshot) {
        for (job, cv) in site.jobs.iter().zip(&mut self.job_cv) {
            let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
            for g in &job.gpus {
                let v = &snapshot.gpus[g.index()];
                let idle = v.sample.reasons & 1 != 0;
                if let Some(clock) = v.sample.clock_mhz.get().filter(|_| v.heard && !idle) {
                    n += 1.0;
                    sum += f64::from(clock);
                    squares += f64::from(clock).powi(2);
                }
            }
            if n < 2.0 {
                continue;
            }
            let mean = sum / n;
            *cv = (squares / n - mean * mean).max(0.0).sqrt() / mean;
            if job.kind == JobKind::Training {
                self.cv_sum += *cv;
                self.cv_count += 1;
            }
        }
        self.totals.clock_cv = if self.cv_count > 0 { self.cv_sum / self.cv_count as f64 } else { 0.0 };
    }

    /// Throttled GPU-seconds by heat.
    #[must_use]
    pub fn thermal_s(&self) -> f64 {
        ThrottleReason::ALL
            .iter()
            .zip(self.totals.throttled_s)
            .filter(|(r, _)| r.is_thermal())
            .map(|(_, s)| s)
            .sum()
    }
}

#[cfg(test)]
mod tests;
