//! Rows of an account: jobs, racks, rows of racks, branches, GPUs that stood out.
//!
//! Responsible for: one flat row each, in units that people use, with its money. Not for: the pairs (`view`).

use super::responses::{ResponseLine, responses};
use super::view::{Summary, ThrottleView, throttles};
use headroom_core::ledger::{BranchRow, Cell, GpuRow, Hour, JobRow, Kept, RackRow, Rates, add_cells};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const J_PER_KWH: f64 = 3.6e6;
/// A meter that was good for a smaller share of the time is not compared with what its GPUs drew in all of it.
const WHOLE: f64 = 0.97;

/// A job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobLine {
    /// Empty for the GPUs that no job has.
    pub(crate) job: String,
    pub(crate) kind: String,
    pub(crate) gpus: usize,
    pub(crate) tokens: f64,
    pub(crate) counted_s: f64,
    pub(crate) drift_tokens: f64,
    pub(crate) throttled_tokens: f64,
    pub(crate) chosen_tokens: f64,
    pub(crate) unexplained_tokens: f64,
    pub(crate) sigma_tokens: f64,
    pub(crate) busy_gpu_s: f64,
    pub(crate) throttled_gpu_s: f64,
    pub(crate) lost_gpu_s: f64,
    pub(crate) gpus_kwh: f64,
    pub(crate) over_kwh: f64,
    /// Mean spread of the clock.
    pub(crate) clock_spread: Option<f64>,
    pub(crate) clock_spread_kept: Option<f64>,
    pub(crate) first_token_kept: Option<f64>,
    pub(crate) per_token_kept: Option<f64>,
    /// Tokens lost to drift and throttling, and watts over the least, in money.
    pub(crate) lost_cost: f64,
    pub(crate) over_cost: f64,
    pub(crate) throttled: Vec<ThrottleView>,
}

/// A rack, or a row of racks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlaceLine {
    pub(crate) place: String,
    /// Row of a rack; empty for a row.
    pub(crate) row: String,
    /// What its meter showed; absent without one.
    pub(crate) metered_kwh: Option<f64>,
    /// Share of the booked time in which its meter was good.
    pub(crate) metered_share: f64,
    pub(crate) gpus_kwh: f64,
    /// Meter less GPUs: CPUs, memory, fans, supplies, and what both are off by. Absent where the meter missed much of the time.
    pub(crate) rest_kwh: Option<f64>,
    pub(crate) over_kwh: f64,
    pub(crate) busy_gpu_s: f64,
    pub(crate) throttled_gpu_s: f64,
    pub(crate) lost_gpu_s: f64,
    pub(crate) throttled_tokens: f64,
    /// Tokens that jobs lost while they waited for a GPU here.
    pub(crate) drift_tokens: f64,
    pub(crate) lost_cost: f64,
    pub(crate) over_cost: f64,
    pub(crate) throttled: Vec<ThrottleView>,
}

/// A branch of the power tree.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BranchLine {
    pub(crate) branch: String,
    pub(crate) kind: String,
    pub(crate) metered_kwh: f64,
    /// Its meter less those right below it: losses, and what has no meter there.
    pub(crate) loss_kwh: Option<f64>,
    /// Throttled by our caps under its budget.
    pub(crate) held_gpu_s: f64,
}

/// A GPU that stood out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GpuLine {
    pub(crate) uuid: String,
    pub(crate) node: String,
    pub(crate) throttled_s: f64,
    /// GPU-seconds of others that waited for it.
    pub(crate) drift_gpu_s: f64,
}

/// A time in full.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Account {
    #[serde(flatten)]
    pub(crate) summary: Summary,
    pub(crate) jobs: Vec<JobLine>,
    pub(crate) rows: Vec<PlaceLine>,
    pub(crate) racks: Vec<PlaceLine>,
    pub(crate) branches: Vec<BranchLine>,
    pub(crate) worst_gpus: Vec<GpuLine>,
    /// Limits below the site's own, and what they cost.
    pub(crate) responses: Vec<ResponseLine>,
}

impl Account {
    /// Of an hour or a sum of hours.
    pub(crate) fn of(hour: &Hour) -> Self {
        Self::with(hour, Summary::of(hour))
    }

    /// The same, with a summary over its own time.
    pub(crate) fn with(hour: &Hour, summary: Summary) -> Self {
        Self {
            summary,
            jobs: hour.jobs.iter().map(|j| job(j, &hour.rates)).collect(),
            rows: rows(hour),
            racks: hour.racks.iter().map(|r| place(r, 1, hour)).collect(),
            branches: hour.branches.iter().map(branch).collect(),
            worst_gpus: hour.worst.iter().map(gpu).collect(),
            responses: responses(hour),
        }
    }
}

/// Sums of throttled time: GPU-seconds, those lost, tokens.
fn sums(cells: &[Cell]) -> (f64, f64, f64) {
    cells.iter().fold((0.0, 0.0, 0.0), |a, c| (a.0 + c.gpu_s, a.1 + c.lost_gpu_s, a.2 + c.lost_tokens))
}

pub(crate) fn job(j: &JobRow, rates: &Rates) -> JobLine {
    let share = |k: &Kept| (k.seen_s > 0.0).then(|| k.kept_s / k.seen_s);
    let (throttled_gpu_s, lost_gpu_s, throttled_tokens) = sums(&j.throttled);
    JobLine {
        job: j.id.clone(),
        kind: j.kind.clone(),
        gpus: j.gpus,
        tokens: j.tokens,
        counted_s: j.counted_s,
        drift_tokens: j.drift_tokens,
        throttled_tokens,
        chosen_tokens: j.chosen_tokens,
        unexplained_tokens: j.other_tokens,
        sigma_tokens: j.sigma_tokens,
        busy_gpu_s: j.busy_gpu_s,
        throttled_gpu_s,
        lost_gpu_s,
        gpus_kwh: j.gpu_j / J_PER_KWH,
        over_kwh: j.over_j / J_PER_KWH,
        clock_spread: (j.clocked_s > 0.0).then(|| j.spread_s / j.clocked_s),
        clock_spread_kept: share(&j.spread),
        first_token_kept: share(&j.first_token),
        per_token_kept: share(&j.per_token),
        lost_cost: (j.drift_tokens + throttled_tokens) * rates.token,
        over_cost: j.over_j * rates.energy_per_j,
        throttled: throttles(&j.throttled),
    }
}

/// Of one rack, or of so many together.
pub(crate) fn place(r: &RackRow, racks: usize, hour: &Hour) -> PlaceLine {
    let rates = &hour.rates;
    let whole_s = hour.booked_s * racks as f64;
    let metered_share = if whole_s > 0.0 { (r.meter.s / whole_s).min(1.0) } else { 0.0 };
    let (throttled_gpu_s, lost_gpu_s, throttled_tokens) = sums(&r.throttled);
    let metered_kwh = (r.meter.s > 0.0).then_some(r.meter.j / J_PER_KWH);
    PlaceLine {
        place: r.id.clone(),
        row: r.row.clone(),
        metered_kwh,
        metered_share,
        gpus_kwh: r.gpu_j / J_PER_KWH,
        rest_kwh: metered_kwh.filter(|_| metered_share >= WHOLE).map(|kwh| kwh - r.gpu_j / J_PER_KWH),
        over_kwh: r.over_j / J_PER_KWH,
        busy_gpu_s: r.busy_gpu_s,
        throttled_gpu_s,
        lost_gpu_s,
        throttled_tokens,
        drift_tokens: r.drift_tokens,
        lost_cost: (r.drift_tokens + throttled_tokens) * rates.token,
        over_cost: r.over_j * rates.energy_per_j,
        throttled: throttles(&r.throttled),
    }
}

/// Racks added up by the row that they stand in.
fn rows(hour: &Hour) -> Vec<PlaceLine> {
    let mut all: BTreeMap<&str, (RackRow, usize)> = BTreeMap::new();
    for r in &hour.racks {
        let name = if r.row.is_empty() { "(no row)" } else { r.row.as_str() };
        let new = || (RackRow { id: name.to_owned(), ..RackRow::default() }, 0);
        let (sum, racks) = all.entry(name).or_insert_with(new);
        *racks += 1;
        sum.meter.add(&r.meter);
        sum.gpu_j += r.gpu_j;
        sum.busy_gpu_s += r.busy_gpu_s;
        sum.drift_tokens += r.drift_tokens;
        sum.drift_gpu_s += r.drift_gpu_s;
        sum.over_j += r.over_j;
        add_cells(&mut sum.throttled, &r.throttled);
    }
    all.values().map(|(r, racks)| place(r, *racks, hour)).collect()
}

pub(crate) fn branch(b: &BranchRow) -> BranchLine {
    let both = &b.over_below;
    BranchLine {
        branch: b.id.clone(),
        kind: b.kind.clone(),
        metered_kwh: b.meter.j / J_PER_KWH,
        loss_kwh: (both.s > 0.0).then_some((both.over_j - both.under_j) / J_PER_KWH),
        held_gpu_s: b.held_gpu_s,
    }
}

fn gpu(g: &GpuRow) -> GpuLine {
    GpuLine {
        uuid: g.uuid.clone(),
        node: g.node.clone(),
        throttled_s: g.throttled_s,
        drift_gpu_s: g.drift_gpu_s,
    }
}
