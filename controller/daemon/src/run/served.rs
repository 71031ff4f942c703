//! What inference engines say of the jobs they serve: one row per job and page.
//!
//! Responsible for: finding the points once, and their values at each look. Not for: reading pages (drivers).

use headroom_core::align::Snapshot;
use headroom_site::model::{EngineQuantity, Latency, Source, Statistic};
use headroom_site::{PointId, Site};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A job on one page; what is not known, or not usable, is not there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServedView {
    pub(crate) job: String,
    pub(crate) page: String,
    pub(crate) requests_running: Option<f64>,
    pub(crate) requests_waiting: Option<f64>,
    /// Of the requests between the last two readings of the page that had any.
    pub(crate) time_to_first_token_p50_s: Option<f64>,
    pub(crate) time_to_first_token_p95_s: Option<f64>,
    pub(crate) time_to_first_token_mean_s: Option<f64>,
    pub(crate) time_per_output_token_p50_s: Option<f64>,
    pub(crate) time_per_output_token_p95_s: Option<f64>,
    pub(crate) time_per_output_token_mean_s: Option<f64>,
}

/// The points of a job on one page.
#[derive(Debug, Clone)]
struct Row {
    job: String,
    page: String,
    points: Vec<(EngineQuantity, PointId)>,
}

/// The points of all of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Served {
    rows: Vec<Row>,
}

impl Served {
    pub(crate) fn new(site: &Site) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        let mut known: BTreeMap<(&str, usize), usize> = BTreeMap::new();
        for (i, point) in site.points.iter().enumerate() {
            let Source::Engine { page, quantity, .. } = &point.source else { continue };
            let row = *known.entry((point.of.as_str(), *page)).or_insert_with(|| {
                let page = site.prometheus.get(*page).map_or(String::new(), |p| p.id.clone());
                rows.push(Row { job: point.of.clone(), page, points: Vec::new() });
                rows.len() - 1
            });
            rows[row].points.push((*quantity, PointId(i as u32)));
        }
        Self { rows }
    }

    pub(crate) fn view(&self, snapshot: &Snapshot) -> Vec<ServedView> {
        self.rows.iter().map(|row| row.view(snapshot)).collect()
    }
}

impl Row {
    fn view(&self, snapshot: &Snapshot) -> ServedView {
        let of = |quantity: EngineQuantity| {
            let (_, point) = self.points.iter().find(|(q, _)| *q == quantity)?;
            let value = snapshot.points.get(point.index())?;
            // Beyond the last bucket it is at least so much, which is worth showing.
            value.quality.is_usable().then_some(value.value)
        };
        let latency = |latency, statistic| of(EngineQuantity::Latency(latency, statistic));
        ServedView {
            job: self.job.clone(),
            page: self.page.clone(),
            requests_running: of(EngineQuantity::RequestsRunning),
            requests_waiting: of(EngineQuantity::RequestsWaiting),
            time_to_first_token_p50_s: latency(Latency::FirstToken, Statistic::P50),
            time_to_first_token_p95_s: latency(Latency::FirstToken, Statistic::P95),
            time_to_first_token_mean_s: latency(Latency::FirstToken, Statistic::Mean),
            time_per_output_token_p50_s: latency(Latency::PerOutputToken, Statistic::P50),
            time_per_output_token_p95_s: latency(Latency::PerOutputToken, Statistic::P95),
            time_per_output_token_mean_s: latency(Latency::PerOutputToken, Statistic::Mean),
        }
    }
}
