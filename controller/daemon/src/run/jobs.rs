//! Jobs as the daemon shows them: what their GPUs do, and what is asked of them.

use headroom_core::Line;
use headroom_site::GpuSample;
use headroom_site::model::{Job, JobKind};
use serde::{Deserialize, Serialize};

/// A job.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct JobView {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) gpus: usize,
    /// GPUs whose clock is known; of none of them `clock_mhz` and `clock_cv` say nothing.
    #[serde(default)]
    pub(crate) gpus_clocked: usize,
    pub(crate) clock_mhz: f64,
    pub(crate) clock_cv: f64,
    /// What the GPUs that say so draw, W.
    #[serde(default)]
    pub(crate) power_w: Option<f64>,
    /// Least, mean and most of the caps in force, W.
    #[serde(default)]
    pub(crate) cap_least_w: Option<f64>,
    #[serde(default)]
    pub(crate) cap_mean_w: Option<f64>,
    #[serde(default)]
    pub(crate) cap_most_w: Option<f64>,
    pub(crate) lock_mhz: Option<f64>,
    /// The highest clock that is wanted of it where nothing binds, if not any.
    #[serde(default)]
    pub(crate) wanted_mhz: Option<f64>,
    /// Why.
    #[serde(default)]
    pub(crate) clock_why: String,
    /// What it is believed to draw less by that, W.
    #[serde(default)]
    pub(crate) clock_saves_w: f64,
    /// Learnt and generated since the start of this controller.
    #[serde(default)]
    pub(crate) tokens: f64,
}

/// All jobs, in order of the site file.
pub(crate) fn jobs(line: &Line) -> Vec<JobView> {
    let ledger = line.ledger();
    let kept = ledger.job_cv.iter().zip(&ledger.job_tokens).zip(line.job_clocks());
    let rows = line.site().jobs.iter().zip(kept);
    rows.map(|(job, ((cv, tokens), clock))| JobView {
        clock_cv: *cv,
        tokens: *tokens,
        wanted_mhz: clock.wanted_mhz,
        clock_why: clock.why.to_string(),
        clock_saves_w: clock.saves_w,
        ..measured(line, job)
    })
    .collect()
}

/// What its GPUs say, and the lock that is asked of them.
fn measured(line: &Line, job: &Job) -> JobView {
    let of = |quantity: fn(&GpuSample) -> Option<f32>| {
        let samples = job.gpus.iter().map(|g| &line.snapshot().gpus[g.index()].sample);
        Range::of(samples.filter_map(quantity).map(f64::from))
    };
    let (clock, power, cap) =
        (of(|s| s.clock_mhz.get()), of(GpuSample::watts), of(|s| s.enforced_cap_w.get()));
    let lock = |g: &headroom_site::GpuId| line.caps().lock_mhz.get(g.index()).copied().flatten();
    JobView {
        id: job.id.clone(),
        kind: if job.kind == JobKind::Training { "training" } else { "serving" }.to_owned(),
        gpus: job.gpus.len(),
        gpus_clocked: clock.count,
        clock_mhz: clock.mean().unwrap_or(0.0),
        power_w: power.known(power.sum),
        cap_least_w: cap.known(cap.least),
        cap_mean_w: cap.mean(),
        cap_most_w: cap.known(cap.most),
        lock_mhz: job.gpus.first().and_then(lock),
        ..JobView::default()
    }
}

/// Least, most and sum of some values.
struct Range {
    count: usize,
    sum: f64,
    least: f64,
    most: f64,
}

impl Range {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let none = Self { count: 0, sum: 0.0, least: f64::INFINITY, most: f64::NEG_INFINITY };
        values.fold(none, |r, x| Self {
            count: r.count + 1,
            sum: r.sum + x,
            least: r.least.min(x),
            most: r.most.max(x),
        })
    }

    fn known(&self, value: f64) -> Option<f64> {
        (self.count > 0).then_some(value)
    }

    fn mean(&self) -> Option<f64> {
        self.known(self.sum / self.count as f64)
    }
}
