//! Pages of Prometheus metrics: scraped over HTTP, matching series summed.
//!
//! Responsible for: one task per page; a deadline and a size limit on each scrape; a reading per point, stamped
//! half way between request and answer. Not for: rates of counters (that is the estimator's).

mod text;

use crate::context::{Context, Gauge, lock};
use bytes::Bytes;
use headroom_site::model::Source;
use headroom_site::{Quality, Reading, Reason, Site, Span};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Largest page: ten thousand GPUs with a hundred series each stay below it.
const MAX_BYTES: usize = 256 << 20;
/// Deadline of a scrape, wall time.
const DEADLINE: Duration = Duration::from_secs(5);

/// State and counts of one page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageStatus {
    /// Id of the site file.
    pub id: String,
    /// Address.
    pub url: String,
    /// True if the last scrape came through.
    pub up: bool,
    /// What went wrong last, if it did.
    pub trouble: Option<String>,
    /// Points for which the page has no series.
    pub missing: u64,
    /// Scrapes that came through.
    pub scrapes: u64,
}

/// A running page.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) status: Arc<Mutex<PageStatus>>,
    pub(crate) task: JoinHandle<()>,
}

/// A point, the labels its series must have, and the sum of this scrape.
#[derive(Debug)]
struct Wanted {
    gauge: Gauge,
    labels: BTreeMap<String, String>,
    sum: Option<f64>,
}

struct Page {
    url: String,
    period: Span,
    context: Context,
    client: Client<HttpConnector, Empty<Bytes>>,
    wanted: BTreeMap<String, Vec<Wanted>>,
    readings: Vec<Reading>,
    status: Arc<Mutex<PageStatus>>,
}

/// Starts the page with this index.
pub(crate) fn start(site: &Site, index: usize, context: Context) -> Handle {
    let spec = &site.prometheus[index];
    let mut wanted: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
    for (i, point) in site.points.iter().enumerate() {
        if let Source::Prometheus { page, metric, labels } = &point.source
            && *page == index
        {
            let one = Wanted { gauge: Gauge::of(site, i), labels: labels.clone(), sum: None };
            wanted.entry(metric.clone()).or_default().push(one);
        }
    }
    let status = PageStatus { id: spec.id.clone(), url: spec.url.clone(), ..PageStatus::default() };
    let status = Arc::new(Mutex::new(status));
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(DEADLINE));
    connector.set_nodelay(true);
    let page = Page {
        url: spec.url.clone(),
        period: spec.poll,
        context,
        client: Client::builder(TokioExecutor::new()).build(connector),
        wanted,
        readings: Vec::new(),
        status: Arc::clone(&status),
    };
    Handle { status, task: tokio::spawn(page.run()) }
}

impl Page {
    async fn run(mut self) {
        let clock = self.context.clock.clone();
        let mut due = clock.now();
        loop {
            clock.sleep_until(due).await;
            due = (due + self.period).max(clock.now() + Span::from_ms(1));
            let asked = clock.now();
            let page = tokio::time::timeout(DEADLINE, self.scrape()).await;
            let half = Span::from_ns(clock.now().since(asked).ns() / 2);
            let page = page.unwrap_or_else(|_| Err(format!("no answer within {DEADLINE:?}")));
            let missing = match &page {
                Ok(text) => {
                    let error = Span::from_ns(half.ns().saturating_add(clock.uncertainty().ns()));
                    self.take(text, |gauge, value| gauge.reading(asked + half, error, value, Quality::Good))
                }
                Err(_) => {
                    let now = clock.now();
                    let all = self.wanted.values().flatten();
                    self.readings.extend(all.map(|w| w.gauge.bad(now, Reason::NoCommunication)));
                    0
                }
            };
            self.context.mailbox.readings(&mut self.readings);
            let mut status = lock(&self.status);
            status.up = page.is_ok();
            status.missing = missing;
            status.scrapes += u64::from(page.is_ok());
            status.trouble = page.err();
        }
    }

    async fn scrape(&self) -> Result<String, String> {
        let uri: Uri = self.url.parse().map_err(|e| format!("`{}`: {e}", self.url))?;
        let request = Request::get(uri)
            .header("accept", "text/plain;version=0.0.4")
            .body(Empty::new())
            .map_err(|e| e.to_string())?;
        let response =
            self.client.request(request).await.map_err(|e| match std::error::Error::source(&e) {
                Some(cause) => format!("{e}: {cause}"),
                None => e.to_string(),
            })?;
        if response.status() != StatusCode::OK {
            return Err(format!("answered {}", response.status()));
        }
        let body =
            Limited::new(response.into_body(), MAX_BYTES).collect().await.map_err(|e| e.to_string())?;
        Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
    }

    /// Sums the series of each point; a point without any is bad. Gives the number of those.
    fn take(&mut self, page: &str, reading: impl Fn(&Gauge, f64) -> Reading) -> u64 {
        for line in page.lines() {
            let Some(wanted) = text::name(line).and_then(|n| self.wanted.get_mut(n)) else { continue };
            let Some(sample) = text::sample(line) else { continue };
            for w in wanted {
                let has = |(k, v): (&String, &String)| sample.labels.iter().any(|(a, b)| a == k && b == v);
                if w.labels.iter().all(has) {
                    w.sum = Some(w.sum.unwrap_or(0.0) + sample.value);
                }
            }
        }
        let now = self.context.clock.now();
        let mut missing = 0;
        for w in self.wanted.values_mut().flatten() {
            self.readings.push(if let Some(sum) = w.sum.take() {
                reading(&w.gauge, sum)
            } else {
                missing += 1;
                w.gauge.bad(now, Reason::NotSupported)
            });
        }
        missing
    }
}

#[cfg(test)]
mod tests;
