//! The next hour as the daemon shows it: quantiles, why some are missing, rhythms of jobs, and the least budgets.

use headroom_belief::outlook::HORIZONS_MIN;
use headroom_core::Line;
use headroom_core::outlook::Future;
use serde::{Deserialize, Serialize};

/// What something will be at a horizon: quantiles of the mean of a minute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ForecastView {
    /// `it-power`, `job-power`, `heat`, `dry-bulb`, `wet-bulb` or `electricity-price`.
    pub(crate) what: String,
    /// Of what: site, job, equipment, point or policy.
    pub(crate) of: String,
    pub(crate) unit: String,
    pub(crate) horizon_s: f64,
    pub(crate) q05: f64,
    pub(crate) q50: f64,
    pub(crate) q95: f64,
    /// `persistence`, `trend`, `diurnal`, `periodic`, `file` or `policy`.
    pub(crate) by: String,
    /// Share of what came that lay between q05 and q95, over about a day; absent before anything came.
    pub(crate) coverage: Option<f64>,
}

/// Why nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AbsentView {
    pub(crate) what: String,
    pub(crate) of: String,
    pub(crate) horizon_s: f64,
    pub(crate) why: String,
}

/// Steps of a job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RhythmView {
    pub(crate) job: String,
    pub(crate) period_s: f64,
    /// Standard deviation of the job's power, W.
    pub(crate) rms_w: f64,
    /// Share of its variance that repeats.
    pub(crate) confidence: f64,
}

/// The least budget of a branch within the hour.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BudgetAheadView {
    pub(crate) branch: String,
    pub(crate) least_w: f64,
    /// Absent while it holds already.
    pub(crate) begins: Option<String>,
}

/// All of it; its fields stand beside the others of the page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutlookView {
    #[serde(default)]
    pub(crate) outlook: Vec<ForecastView>,
    #[serde(default)]
    pub(crate) outlook_absent: Vec<AbsentView>,
    #[serde(default)]
    pub(crate) rhythms: Vec<RhythmView>,
    #[serde(default)]
    pub(crate) budgets_ahead: Vec<BudgetAheadView>,
}

/// What the line believes of the next hour.
pub(crate) fn ahead(line: &Line) -> OutlookView {
    let mut out = OutlookView::default();
    for future in line.outlook().futures.iter() {
        add(&mut out, future);
    }
    let branches = line.site().power.iter().zip(&line.outlook().budget_ahead);
    let limited = branches.filter(|(_, ahead)| ahead.least_w.is_finite());
    out.budgets_ahead.extend(limited.map(|(branch, ahead)| BudgetAheadView {
        branch: branch.id.clone(),
        least_w: ahead.least_w,
        begins: ahead.begins.map(|at| at.to_string()),
    }));
    out
}

fn add(out: &mut OutlookView, future: &Future) {
    let (what, of) = (|| future.what.word().to_owned(), || future.of.clone());
    for (band, minutes) in future.bands().zip(HORIZONS_MIN) {
        let horizon_s = 60.0 * minutes as f64;
        match band {
            Ok(band) => out.outlook.push(ForecastView {
                what: what(),
                of: of(),
                unit: future.unit.clone(),
                horizon_s,
                q05: band.q[0],
                q50: band.q[1],
                q95: band.q[2],
                by: band.by.to_string(),
                coverage: band.coverage,
            }),
            Err(why) => out.outlook_absent.push(AbsentView {
                what: what(),
                of: of(),
                horizon_s,
                why: why.to_string(),
            }),
        }
    }
    out.rhythms.extend(future.beat().map(|beat| RhythmView {
        job: of(),
        period_s: beat.period_s,
        rms_w: beat.rms_w,
        confidence: beat.confidence,
    }));
}
