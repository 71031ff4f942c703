//! What the pages of a job's engine say as of one snapshot.
//!
//! Responsible for: finding the points once; the requests that came since the last look, and what is served. Not for: what
//! follows.

use crate::align::{PointValue, Snapshot};
use headroom_site::model::{EngineQuantity as Quantity, Latency, Source, Statistic};
use headroom_site::{PointId, Site, Span, Stamp};

/// The points of one latency on one page.
#[derive(Debug, Clone, Default)]
struct Points {
    p50: Option<PointId>,
    p95: Option<PointId>,
    mean: Option<PointId>,
    count: Option<PointId>,
    /// The reading that was looked at last.
    last: Option<Stamp>,
}

/// The points of one page.
#[derive(Debug, Clone, Default)]
struct Page {
    /// Which page of the site file.
    page: usize,
    latency: [Points; 2],
    running: Option<PointId>,
    waiting: Option<PointId>,
}

/// All pages of a job.
#[derive(Debug, Clone, Default)]
pub(super) struct Pages {
    pages: Vec<Page>,
    /// Longest time between two readings of a page.
    pub(super) poll: Span,
}

/// Requests between two readings, over all pages.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Requests {
    /// How many.
    pub(super) count: f64,
    /// Sum of their latencies, s.
    pub(super) sum_s: f64,
    /// How many of them took longer than promised.
    pub(super) late: f64,
}

/// What the pages say.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Said {
    /// Requests that were not there at the last look, by latency; none if there are none.
    pub(super) requests: [Requests; 2],
    /// Requests that are served or wait, per page; `None` if no page says.
    pub(super) served: Option<f64>,
}

impl Pages {
    pub(super) fn new(site: &Site, job: &str) -> Self {
        let mut pages: Vec<Page> = Vec::new();
        for (i, point) in site.points.iter().enumerate().filter(|(_, p)| p.of == job) {
            let Source::Engine { page, quantity, .. } = point.source else { continue };
            let at = pages.iter().position(|p| p.page == page).unwrap_or_else(|| {
                pages.push(Page { page, ..Page::default() });
                pages.len() - 1
            });
            let id = Some(PointId(i as u32));
            let own = &mut pages[at];
            match quantity {
                Quantity::RequestsRunning => own.running = id,
                Quantity::RequestsWaiting => own.waiting = id,
                Quantity::Latency(latency, statistic) => {
                    let points = &mut own.latency[place(latency)];
                    match statistic {
                        Statistic::P50 => points.p50 = id,
                        Statistic::P95 => points.p95 = id,
                        Statistic::Mean => points.mean = id,
                        Statistic::Count => points.count = id,
                    }
                }
                Quantity::GenerationTokens | Quantity::PromptTokens => {}
            }
        }
        let polls = pages.iter().filter_map(|p| site.prometheus.get(p.page)).map(|p| p.poll);
        Self { poll: polls.max().unwrap_or(Span::ZERO), pages }
    }

    /// What is new, where these latencies are promised, s.
    pub(super) fn read(&mut self, snapshot: &Snapshot, promised_s: [Option<f64>; 2]) -> Said {
        let mut said = Said::default();
        let (mut served, mut pages) = (0.0, 0);
        for page in &mut self.pages {
            let promised = page.latency.iter_mut().zip(promised_s).zip(&mut said.requests);
            for ((points, promised_s), all) in promised {
                if let Some(new) = promised_s.and_then(|s| points.read(snapshot, s)) {
                    all.count += new.count;
                    all.sum_s += new.sum_s;
                    all.late += new.late;
                }
            }
            if let Some(running) = usable(snapshot, page.running) {
                served += running.value + usable(snapshot, page.waiting).map_or(0.0, |w| w.value);
                pages += 1;
            }
        }
        // a page that says nothing leaves its users unseen
        let all = pages > 0 && pages == self.pages.len();
        said.served = all.then(|| served / pages as f64);
        said
    }
}

fn usable(snapshot: &Snapshot, id: Option<PointId>) -> Option<&PointValue> {
    let value = snapshot.points.get(id?.index())?;
    value.quality.is_usable().then_some(value)
}

impl Points {
    /// The requests of a reading that was not looked at yet.
    fn read(&mut self, snapshot: &Snapshot, promised_s: f64) -> Option<Requests> {
        let mean = usable(snapshot, self.mean)?;
        if self.last == Some(mean.stamp) {
            return None;
        }
        self.last = Some(mean.stamp);
        let p50_s = usable(snapshot, self.p50)?.value;
        let p95_s = usable(snapshot, self.p95)?.value;
        // where the count is not usable, a reading is a request
        let count = usable(snapshot, self.count).map_or(1.0, |c| c.value);
        let late = count * late(p50_s, p95_s, promised_s, count);
        Some(Requests { count, sum_s: count * mean.value, late })
    }
}

/// Share of requests that take longer than promised, by two of their percentiles, s: half of them at one, a twentieth at the
/// other, and on by the same law in the logarithm. Of a handful of requests the 95th percentile is the longest.
fn late(p50_s: f64, p95_s: f64, promised_s: f64, count: f64) -> f64 {
    if p50_s >= promised_s {
        return 0.75;
    }
    let all_in_time = p95_s <= promised_s && count < 20.0;
    if all_in_time || p95_s <= p50_s {
        return 0.0;
    }
    let share = (promised_s / p50_s.max(1e-6)).ln() / (p95_s / p50_s.max(1e-6)).ln();
    0.5 * 0.1_f64.powf(share)
}

/// Where a latency stands: that of the first token first.
pub(super) fn place(latency: Latency) -> usize {
    usize::from(latency == Latency::PerOutputToken)
}
