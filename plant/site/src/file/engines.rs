//! Jobs that an inference engine serves: the points that its pages give them.
//!
//! Responsible for: `served-by` and `labels` of a job, and a point per page and quantity, `JOB/PAGE/QUANTITY`.
//! Not for: what an engine calls its metrics (drivers).

use super::points::Points;
use super::wires::Wires;
use crate::doc::{At, Doc, Table};
use crate::model::{Engine, EngineQuantity, JobKind, Point, PointId, Source};
use crate::time::Span;
use std::collections::{BTreeMap, BTreeSet};

/// Older than this a point of a page is stale; or than three readings of the page.
const STALE_AFTER: Span = Span::from_ms(120_000);

/// What the jobs say of the pages that serve them.
pub(super) struct Serving<'a> {
    wires: &'a Wires,
    /// By page: where a job named it, and whether that job has labels.
    named: BTreeMap<usize, Vec<(At<String>, bool)>>,
}

/// What a job says of its engine.
pub(super) struct Served {
    pages: Vec<At<String>>,
    labels: BTreeMap<String, String>,
}

impl Served {
    pub(super) fn of(t: &Table<'_>) -> Self {
        let labels =
            t.table("labels", |l| l.entries::<String>().into_iter().map(|(k, v)| (k.value, v)).collect());
        Self { pages: t.strings("served-by"), labels: labels.unwrap_or_default() }
    }
}

impl<'a> Serving<'a> {
    pub(super) fn new(wires: &'a Wires) -> Self {
        Self { wires, named: BTreeMap::new() }
    }

    /// Adds the points of a job; gives those that count its tokens.
    pub(super) fn add(
        &mut self,
        t: &Table<'_>,
        served: Served,
        job: &At<String>,
        kind: JobKind,
        points: &mut Points,
    ) -> Vec<PointId> {
        let doc = t.doc();
        let Served { pages, labels } = served;
        if pages.is_empty() && !labels.is_empty() {
            let remedy = "add served-by = [\"...\"], the ids of its engine's [[prometheus]] pages";
            doc.find(t.span_of("labels"), "`labels` without `served-by` select nothing", remedy);
        }
        if !pages.is_empty() && kind == JobKind::Training {
            let remedy =
                "remove `served-by`, and count its tokens with `tokens`; or make it kind = \"serving\"";
            doc.find(t.span_of("served-by"), "an inference engine serves no training job", remedy);
        }
        let mut tokens = Vec::new();
        let mut seen = BTreeSet::new();
        for name in pages {
            let Some(page) = self.wires.prometheus_names.find(doc, &name) else { continue };
            if !seen.insert(page) {
                doc.find(name.span, format!("page `{}` is named twice", name.value), "name it once");
                continue;
            }
            self.named.entry(page).or_default().push((name.clone(), !labels.is_empty()));
            let Some(engine) = self.wires.prometheus[page].engine else {
                let words: Vec<_> = Engine::ALL.iter().map(|e| e.word()).collect();
                let remedy = format!("add `engine` to that [[prometheus]]: one of {}", words.join(", "));
                doc.find(name.span, format!("page `{}` does not say whose it is", name.value), remedy);
                continue;
            };
            tokens.extend(self.add_page(page, engine, job, &labels, points, doc));
        }
        tokens
    }

    /// Adds the points of one page; gives the one that counts generated tokens.
    fn add_page(
        &self,
        page: usize,
        engine: Engine,
        job: &At<String>,
        labels: &BTreeMap<String, String>,
        points: &mut Points,
        doc: &Doc,
    ) -> Option<PointId> {
        let spec = &self.wires.prometheus[page];
        let mut tokens = None;
        for quantity in EngineQuantity::ALL.into_iter().filter(|q| engine.offers(*q)) {
            let Some(unit) = quantity.unit() else { continue };
            let index = points.points.len();
            let id = format!("{}/{}/{quantity}", job.value, spec.id);
            points.names.add(doc, &At { value: id.clone(), span: job.span.clone() }, index);
            points.points.push(Point {
                id,
                of: job.value.clone(),
                kind: quantity.kind().to_owned(),
                area: Vec::new(),
                unit,
                range: None,
                limit_low: None,
                limit_high: None,
                stale_after: STALE_AFTER.max(Span::from_ns(spec.poll.ns().saturating_mul(3))),
                counter: quantity.is_counter(),
                source: Source::Engine { page, quantity, labels: labels.clone() },
            });
            if quantity == EngineQuantity::GenerationTokens {
                tokens = Some(PointId(index as u32));
            }
        }
        tokens
    }

    /// Jobs that share a page are told apart by labels, or each would count the other's tokens.
    pub(super) fn check(self, doc: &Doc) {
        for jobs in self.named.into_values().filter(|jobs| jobs.len() > 1) {
            for (name, _) in jobs.into_iter().filter(|(_, labels)| !labels) {
                doc.find(
                    name.span,
                    format!("page `{}` serves another job as well, and this one has no `labels`", name.value),
                    "tell the jobs' series apart: labels = { model_name = \"...\" }",
                );
            }
        }
    }
}

/// The engine that a page names.
pub(super) fn engine(t: &Table<'_>) -> Option<Engine> {
    let word = t.at::<String>("engine")?;
    let found = Engine::ALL.into_iter().find(|e| e.word() == word.value);
    if found.is_none() {
        let near = crate::doc::suggest(&word.value, Engine::ALL.iter().map(|e| e.word()));
        let all: Vec<_> = Engine::ALL.iter().map(|e| e.word()).collect();
        let remedy = near.map_or(format!("use {}, or name metrics by point", all.join(", ")), |n| {
            format!("did you mean `{n}`?")
        });
        t.doc().find(word.span, format!("unknown inference engine `{}`", word.value), remedy);
    }
    found
}
