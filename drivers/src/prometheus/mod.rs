//! Pages of Prometheus metrics: read over HTTP, matching series summed, engines known by name.
//!
//! Responsible for: one task per page; a reading per point, stamped half way between request and answer; naming what a page
//! lacks.
//!
//! Rooms: `fetch` (HTTP), `text` (the exposition format), `engines` (what vLLM, SGLang, TGI and Triton call their metrics),
//! `wanted` (points and their series), `series` (counters), `histogram` (latencies).

mod engines;
pub(crate) mod fetch;
mod histogram;
mod series;
pub(crate) mod text;
mod wanted;

use crate::context::{Context, lock};
use fetch::{Fetch, Fetched};
use headroom_site::model::Statistic;
use headroom_site::{Quality, Reading, Site, Span, Stamp};
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;
use wanted::{Wants, When};

/// A page names another process if it says another start by more than this \[s\] ...
const OTHER_S: f64 = 1.0;
/// ... and one that is not earlier than our last reading by more than this, which a clock may be off \[s\]. Where a host's clock
/// is set, some exporters shift the start of a process that goes on.
const EARLIER_S: f64 = 60.0;

/// A statistic of what a histogram observed between two readings: upper bounds with cumulative counts (the last bound
/// infinite) and the sum; `None` where nothing was observed. What the pages' own reader makes of them.
#[must_use]
pub fn statistic(buckets: &[(f64, f64)], sum: f64, which: Statistic) -> Option<(f64, Quality)> {
    histogram::Since::of(buckets, sum).statistic(which)
}

/// State and counts of one page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageStatus {
    /// Id of the site file.
    pub id: String,
    /// Address.
    pub url: String,
    /// True if the last reading came through.
    pub up: bool,
    /// What went wrong last, if it did.
    pub trouble: Option<String>,
    /// What the page lacks: each point without a series, and the metric that it wants.
    pub missing: Vec<String>,
    /// Readings that came through.
    pub scrapes: u64,
}

/// A running page.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) status: Arc<Mutex<PageStatus>>,
    pub(crate) task: JoinHandle<()>,
}

/// A page, and what is wanted of it.
pub(crate) struct Page {
    period: Span,
    context: Context,
    fetch: Fetch,
    wants: Wants,
    /// When the process behind the page began, as it says itself \[s\].
    began: Option<f64>,
    /// When the page was read last.
    read: Option<Stamp>,
    readings: Vec<Reading>,
    status: Arc<Mutex<PageStatus>>,
}

/// Starts the page with this index.
pub(crate) fn start(site: &Site, index: usize, context: Context) -> Handle {
    let page = Page::new(site, index, context);
    Handle { status: Arc::clone(&page.status), task: tokio::spawn(page.run()) }
}

impl Page {
    pub(crate) fn new(site: &Site, index: usize, context: Context) -> Self {
        let spec = &site.prometheus[index];
        let status = PageStatus { id: spec.id.clone(), url: spec.url.clone(), ..PageStatus::default() };
        Self {
            period: spec.poll,
            context,
            fetch: Fetch::new(&spec.url),
            wants: Wants::new(site, index),
            began: None,
            read: None,
            readings: Vec::new(),
            status: Arc::new(Mutex::new(status)),
        }
    }

    async fn run(mut self) {
        let clock = self.context.clock.clone();
        let mut due = clock.now();
        loop {
            clock.sleep_until(due).await;
            due = (due + self.period).max(clock.now() + Span::from_ms(1));
            let fetched = self.fetch.get(&clock).await;
            let missing = self.take(&fetched, clock.now());
            self.context.mailbox.readings(&mut self.readings);
            let mut status = lock(&self.status);
            for line in missing.iter().filter(|line| !status.missing.contains(line)) {
                tracing::warn!(page = status.id, lacks = line, "a page lacks what a point is read from");
            }
            status.up = fetched.text.is_ok();
            if status.up {
                status.missing = missing;
            }
            status.scrapes += u64::from(fetched.text.is_ok());
            status.trouble = fetched.text.err();
        }
    }

    /// Takes a page, or that there was none: a reading of each point that has one. Gives what the page lacks.
    pub(crate) fn take(&mut self, fetched: &Fetched, now: Stamp) -> Vec<String> {
        match &fetched.text {
            Ok(text) => {
                let restarted = self.read(text, fetched.stamp);
                let when = When { stamp: fetched.stamp, uncertainty: fetched.uncertainty, restarted };
                self.wants.finish(when, &mut self.readings)
            }
            Err(_) => {
                self.wants.fail(now, &mut self.readings);
                Vec::new()
            }
        }
    }

    /// What was read since it was last looked at.
    pub(crate) fn readings(&mut self) -> &mut Vec<Reading> {
        &mut self.readings
    }

    /// Takes the samples of a page; true if its process is another one than before.
    fn read(&mut self, page: &str, now: Stamp) -> bool {
        let (mut began, mut processes) = (None, 0);
        for line in page.lines() {
            let Some(name) = text::name(line) else { continue };
            let start = name == "process_start_time_seconds";
            if !start && !self.wants.knows(name) {
                continue;
            }
            let Some(sample) = text::sample(line) else { continue };
            if start {
                processes += 1;
                began = Some(sample.value).filter(|s| s.is_finite());
            }
            self.wants.take(&sample);
        }
        // A page of several processes does not say whose series are whose.
        let read = self.read.replace(now);
        let Some(began) = began.filter(|_| processes == 1) else { return false };
        let other = self.began.replace(began).is_some_and(|before| (began - before).abs() > OTHER_S);
        let after = |read: Stamp| began > read.unix_ns() as f64 * 1e-9 - EARLIER_S;
        other && read.is_some_and(after)
    }
}

#[cfg(test)]
mod tests;
