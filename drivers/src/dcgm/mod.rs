//! GPUs read from a page of NVIDIA's DCGM exporter, where no agent may open NVML.
//!
//! Responsible for: one task per page; a report per node and collection, as an agent would send it; when a collection was.
//! Not for: commands. A page can only be read: the GPUs of its nodes are capped by nobody here.
//!
//! Of several lines with one field of a GPU the newer name counts, and of one name (the instances of a divided GPU) the largest
//! value; the order of lines never does.
//!
//! GPUs are known by the label `UUID` (`uuid` on old pages), never by `gpu`, their index. One page may show several nodes.
//!
//! **Time.** The exporter asks the GPUs once per `collect` (30 s by default) and shows the same values until then, without a
//! time. Read more often than that, the page itself tells when it was collected: between the reading before it changed and
//! the one after. With readings at `t'` and `t`, each half way between question and answer:
//!
//! ```text
//! w     = min(t - t', collect)        the collection was in (t - w, t]; at the first reading w = collect
//! stamp = t - w/2   +-   w/2 + half a round trip + what our own clock may be off
//! ```
//! A page that has not changed is no news: nothing is reported, and what was reported ages. Where nothing on it ever moves
//! (no energy counter, and all GPUs idle), it counts as collected anew after `collect` and a reading.

mod names;

use crate::Clock;
use crate::context::{Context, lock};
use crate::prometheus::fetch::{Fetch, Fetched};
use crate::prometheus::text;
use headroom_site::{GpuSample, NodeReport, Site, Span, Stamp};
use names::FIELDS;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

/// State and counts of one page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DcgmStatus {
    /// Id of the site file.
    pub id: String,
    /// Address.
    pub url: String,
    /// True if the last reading came through.
    pub up: bool,
    /// What went wrong last, if it did.
    pub trouble: Option<String>,
    /// What the page lacks: fields, and GPUs of its nodes.
    pub missing: Vec<String>,
    /// GPUs that it shows.
    pub gpus: usize,
    /// Readings that came through.
    pub scrapes: u64,
    /// Collections reported.
    pub collections: u64,
    /// How far the time of the last collection may be off.
    pub uncertainty: Span,
}

/// A running page.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) status: Arc<Mutex<DcgmStatus>>,
    pub(crate) task: JoinHandle<()>,
}

/// A node whose GPUs the page shows.
struct Node {
    id: Arc<str>,
    /// First of its GPUs among the page's, and one past the last.
    gpus: (usize, usize),
}

/// A GPU, and what the page says of it now.
struct Gpu {
    uuid: Arc<str>,
    /// The page names it.
    named: bool,
    /// By field: what the page says, and under which of the field's names.
    said: [Option<(usize, f64)>; FIELDS.len()],
    now: Option<GpuSample>,
    before: Option<GpuSample>,
}

impl Gpu {
    fn new(uuid: &Arc<str>) -> Self {
        Self { uuid: Arc::clone(uuid), named: false, said: [None; FIELDS.len()], now: None, before: None }
    }

    /// Makes a sample of what the page said, if it named the GPU; in order of fields, whatever the page's.
    fn settle(&mut self) {
        self.now = std::mem::take(&mut self.named).then(|| {
            let mut now = GpuSample::default();
            for (field, value) in FIELDS.iter().zip(&mut self.said) {
                if let Some((name, value)) = value.take() {
                    field.put(&mut now, value * field.names[name].1);
                }
            }
            now
        });
    }
}

/// A page, its GPUs, and when it was read.
pub(crate) struct Page {
    period: Span,
    collect: Span,
    context: Context,
    fetch: Fetch,
    nodes: Vec<Node>,
    gpus: Vec<Gpu>,
    by_uuid: BTreeMap<Arc<str>, usize>,
    /// By name of a metric: field, and which of its names that is.
    fields: BTreeMap<&'static str, (usize, usize)>,
    /// Fields that the page had a value of, or has had.
    seen: Vec<bool>,
    /// The last reading, and the last one that was a collection.
    read: Option<Stamp>,
    collected: Option<Stamp>,
    boot: u64,
    sequence: u64,
    status: Arc<Mutex<DcgmStatus>>,
}

/// Starts the page with this index.
pub(crate) fn start(site: &Site, index: usize, context: Context) -> Handle {
    let page = Page::new(site, index, context);
    Handle { status: Arc::clone(&page.status), task: tokio::spawn(page.run()) }
}

/// A number for this start: reports of an earlier one are not older than ours.
fn boot(clock: &Clock) -> u64 {
    clock.now().tai_ns().unsigned_abs()
}

impl Page {
    pub(crate) fn new(site: &Site, index: usize, context: Context) -> Self {
        let spec = &site.dcgm[index];
        let (mut nodes, mut gpus, mut by_uuid) = (Vec::new(), Vec::new(), BTreeMap::new());
        for node in site.nodes.iter().filter(|n| n.dcgm == Some(index)) {
            let first = gpus.len();
            for gpu in &site.gpus[node.gpus.0 as usize..node.gpus.1 as usize] {
                by_uuid.insert(Arc::clone(&gpu.uuid), gpus.len());
                gpus.push(Gpu::new(&gpu.uuid));
            }
            nodes.push(Node { id: node.id.as_str().into(), gpus: (first, gpus.len()) });
        }
        let named = |(i, f): (usize, &names::Field)| {
            f.names.iter().enumerate().map(move |(n, name)| (name.0, (i, n)))
        };
        let status = DcgmStatus { id: spec.id.clone(), url: spec.url.clone(), ..DcgmStatus::default() };
        Self {
            period: spec.poll,
            collect: spec.collect,
            boot: boot(&context.clock),
            context,
            fetch: Fetch::new(&spec.url),
            nodes,
            gpus,
            by_uuid,
            fields: FIELDS.iter().enumerate().flat_map(named).collect(),
            seen: vec![false; FIELDS.len()],
            read: None,
            collected: None,
            sequence: 0,
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
            let collected = fetched.text.as_ref().ok().and_then(|text| self.take(text, &fetched));
            if let Some((stamp, uncertainty)) = collected {
                let mut reports = self.reports(stamp, uncertainty);
                self.context.mailbox.nodes(&mut reports);
            }
            self.say(fetched, collected.map(|(_, uncertainty)| uncertainty));
        }
    }

    /// Reads a page; the time of its collection and how far that may be off, if it is a new one.
    pub(crate) fn take(&mut self, page: &str, at: &Fetched) -> Option<(Stamp, Span)> {
        for line in page.lines() {
            let Some(&(field, name)) = text::name(line).and_then(|n| self.fields.get(n)) else { continue };
            let Some(sample) = text::sample(line) else { continue };
            let label = |name: &str| sample.labels.iter().find(|(k, _)| *k == name).map(|(_, v)| v.as_ref());
            let uuid = label("UUID").or_else(|| label("uuid"));
            let Some(gpu) = uuid.and_then(|u| self.by_uuid.get(u)).and_then(|&i| self.gpus.get_mut(i)) else {
                continue;
            };
            gpu.named = true;
            if FIELDS[field].is_value(sample.value) {
                self.seen[field] = true;
                let said = (name, sample.value);
                gpu.said[field] = gpu.said[field].filter(|then| *then >= said).or(Some(said));
            }
        }
        self.gpus.iter_mut().for_each(Gpu::settle);
        let before = self.read.replace(at.stamp);
        let changed = self.gpus.iter().any(|gpu| gpu.now.is_some() && gpu.now != gpu.before);
        let whole = Span::from_ns(self.collect.ns().saturating_add(self.period.ns()));
        let long_ago = self.collected.is_none_or(|then| at.stamp.since(then) >= whole);
        if !changed && !long_ago {
            return None;
        }
        self.collected = Some(at.stamp);
        let window = before.filter(|_| changed).map_or(self.collect, |b| at.stamp.since(b).min(self.collect));
        let half = Span::from_ns(window.ns() / 2);
        for gpu in &mut self.gpus {
            gpu.before = gpu.now;
        }
        Some((at.stamp - half, Span::from_ns(half.ns().saturating_add(at.uncertainty.ns()))))
    }

    /// A report of each node of which something is there.
    pub(crate) fn reports(&mut self, stamp: Stamp, uncertainty: Span) -> Vec<NodeReport> {
        self.sequence += 1;
        let mono_ns = self.context.clock.mono_ns();
        let mut reports = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let its = &self.gpus[node.gpus.0..node.gpus.1];
            let sample = |gpu: &Gpu| gpu.now.map(|now| (Arc::clone(&gpu.uuid), GpuSample { stamp, ..now }));
            let gpus: Vec<_> = its.iter().filter_map(sample).collect();
            if !gpus.is_empty() {
                let (node, boot, sequence) = (Arc::clone(&node.id), self.boot, self.sequence);
                reports.push(NodeReport {
                    node,
                    boot,
                    sequence,
                    mono_ns,
                    stamp,
                    gpus,
                    stamp_uncertainty: Some(uncertainty),
                    ..NodeReport::empty()
                });
            }
        }
        reports
    }

    /// What can be seen of it.
    fn say(&mut self, fetched: Fetched, uncertainty: Option<Span>) {
        let shown = self.gpus.iter().filter(|gpu| gpu.now.is_some()).count();
        let mut status = lock(&self.status);
        status.up = fetched.text.is_ok();
        status.trouble = fetched.text.err();
        if !status.up {
            return;
        }
        status.scrapes += 1;
        status.gpus = shown;
        if let Some(uncertainty) = uncertainty {
            status.collections += 1;
            status.uncertainty = uncertainty;
        }
        let absent = self.gpus.iter().filter(|gpu| gpu.now.is_none());
        let mut missing: Vec<String> = absent.map(|gpu| format!("{} is not on the page", gpu.uuid)).collect();
        if shown > 0 {
            let fields = FIELDS.iter().zip(&self.seen).filter(|(f, seen)| f.wanted && !**seen);
            missing.extend(fields.map(|(f, _)| f.missing()));
        }
        for line in missing.iter().filter(|line| !status.missing.contains(line)) {
            tracing::warn!(page = status.id, lacks = line, "a DCGM page lacks what is wanted of it");
        }
        status.missing = missing;
    }
}

#[cfg(test)]
mod tests;
