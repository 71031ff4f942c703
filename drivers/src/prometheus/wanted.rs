//! What the points of a page want of it.
//!
//! Responsible for: finding the series of each point under the names and labels it may have, and making readings of them:
//! gauges are summed, counters counted by series, latencies taken of what happened since the last reading. Not for: the
//! arithmetic (`series`, `histogram`), nor for fetching.

use super::engines::metrics;
use super::histogram::{Histogram, Part};
use super::series::{Counter, key};
use super::text::Sample;
use crate::context::Gauge;
use headroom_site::model::{EngineQuantity, Latency, Source, Statistic};
use headroom_site::{Quality, Reading, Reason, Site, Span, Stamp};
use std::collections::BTreeMap;

/// A metric that a point may be read from.
#[derive(Debug)]
struct Named {
    metric: String,
    labels: Vec<(String, String)>,
    scale: f64,
}

#[derive(Debug)]
enum What {
    Gauge(Gauge, Option<f64>),
    Counter(Gauge, Counter),
    /// The points of one histogram, and whether their last readings had values.
    Latency(Vec<(Gauge, Statistic)>, Histogram, bool),
}

/// What one point wants, or the points of one histogram.
#[derive(Debug)]
struct Wanted {
    /// Id of the (first) point.
    id: String,
    /// The preferred one first.
    names: Vec<Named>,
    what: What,
    /// Which of the names this reading has.
    found: Option<usize>,
    /// One of the names is there, but not with the labels.
    unlike: bool,
}

/// Where a sample belongs: which of the wanted, under which of its names, as which part.
#[derive(Debug, Clone, Copy)]
struct Place {
    wanted: usize,
    name: usize,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Value,
    Bucket,
    Sum,
    Count,
    Created,
}

/// Everything that is wanted of a page.
#[derive(Debug, Default)]
pub(super) struct Wants {
    wanted: Vec<Wanted>,
    /// By the name that a sample bears.
    places: BTreeMap<String, Vec<Place>>,
}

/// When a page was read, and how far that may be off.
#[derive(Debug, Clone, Copy)]
pub(super) struct When {
    pub(super) stamp: Stamp,
    pub(super) uncertainty: Span,
    /// The process behind the page is another one than before.
    pub(super) restarted: bool,
}

impl Wants {
    /// What the points of a site want of the page with this index.
    pub(super) fn new(site: &Site, page: usize) -> Self {
        let mut wants = Self::default();
        let mut histograms: BTreeMap<(Latency, &BTreeMap<String, String>), usize> = BTreeMap::new();
        for (i, point) in site.points.iter().enumerate() {
            let gauge = Gauge::of(site, i);
            match &point.source {
                Source::Prometheus { page: p, metric, labels } if *p == page => {
                    let labels = labels.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
                    let names = vec![Named { metric: metric.clone(), labels, scale: 1.0 }];
                    wants.add(&point.id, names, one(gauge, point.counter));
                }
                Source::Engine { page: p, quantity, labels } if *p == page => {
                    let Some(engine) = site.prometheus[page].engine else { continue };
                    let names = || {
                        let all = |m: &super::engines::Metric| {
                            let own = m.labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
                            let labels = labels.iter().map(|(k, v)| (k.clone(), v.clone())).chain(own);
                            Named { metric: m.name.to_owned(), labels: labels.collect(), scale: m.scale }
                        };
                        metrics(engine, *quantity).iter().map(all).collect()
                    };
                    let EngineQuantity::Latency(latency, statistic) = *quantity else {
                        wants.add(&point.id, names(), one(gauge, point.counter));
                        continue;
                    };
                    let known = histograms.get(&(latency, labels)).copied();
                    let at = known.unwrap_or_else(|| {
                        wants.add(&point.id, names(), What::Latency(Vec::new(), Histogram::default(), false))
                    });
                    histograms.insert((latency, labels), at);
                    if let What::Latency(points, ..) = &mut wants.wanted[at].what {
                        points.push((gauge, statistic));
                    }
                }
                _ => {}
            }
        }
        wants
    }

    fn add(&mut self, id: &str, names: Vec<Named>, what: What) -> usize {
        let wanted = self.wanted.len();
        let parts: &[(&str, Kind)] = match &what {
            What::Gauge(..) | What::Counter(..) => &[("", Kind::Value)],
            What::Latency(..) => &[
                ("_bucket", Kind::Bucket),
                ("_sum", Kind::Sum),
                ("_count", Kind::Count),
                ("_created", Kind::Created),
            ],
        };
        for (name, named) in names.iter().enumerate() {
            for (end, kind) in parts {
                let place = Place { wanted, name, kind: *kind };
                self.places.entry(format!("{}{end}", named.metric)).or_default().push(place);
            }
        }
        self.wanted.push(Wanted { id: id.to_owned(), names, what, found: None, unlike: false });
        wanted
    }

    /// True if somebody wants samples of this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// Takes a sample.
    pub(super) fn take(&mut self, sample: &Sample<'_>) {
        let Some(places) = self.places.get(sample.name) else { return };
        for place in places {
            let wanted = &mut self.wanted[place.wanted];
            let has = |(k, v): &(String, String)| sample.labels.iter().any(|(a, b)| a == k && b == v);
            if !wanted.names[place.name].labels.iter().all(has) {
                wanted.unlike = true;
                continue;
            }
            match wanted.found {
                Some(better) if better < place.name => continue,
                Some(same) if same == place.name => {}
                _ => wanted.begin(place.name),
            }
            wanted.take(sample, place.kind);
        }
    }

    /// Ends a reading that came through: readings of every point, and what the page lacks.
    pub(super) fn finish(&mut self, when: When, readings: &mut Vec<Reading>) -> Vec<String> {
        self.wanted.iter_mut().filter_map(|w| w.finish(when, readings)).collect()
    }

    /// Ends one that did not.
    pub(super) fn fail(&mut self, now: Stamp, readings: &mut Vec<Reading>) {
        for w in &mut self.wanted {
            w.all_bad(now, Reason::NoCommunication, readings);
        }
    }
}

fn one(gauge: Gauge, counter: bool) -> What {
    if counter { What::Counter(gauge, Counter::default()) } else { What::Gauge(gauge, None) }
}

impl Wanted {
    /// Begins anew with this of its names.
    fn begin(&mut self, name: usize) {
        self.found = Some(name);
        match &mut self.what {
            What::Gauge(_, sum) => *sum = None,
            What::Counter(_, counter) => counter.clear(),
            What::Latency(_, histogram, _) => histogram.clear(),
        }
    }

    fn take(&mut self, sample: &Sample<'_>, kind: Kind) {
        match &mut self.what {
            What::Gauge(_, sum) => *sum = Some(sum.unwrap_or(0.0) + sample.value),
            What::Counter(_, counter) => counter.take(key(sample), sample.value),
            What::Latency(_, histogram, _) => {
                let part = match kind {
                    Kind::Bucket => {
                        let bound = sample.labels.iter().find(|(k, _)| *k == "le");
                        let Some(bound) = bound.and_then(|(_, v)| v.parse().ok()) else { return };
                        Part::Bucket(bound)
                    }
                    Kind::Sum => Part::Sum,
                    Kind::Created => Part::Created,
                    Kind::Count | Kind::Value => Part::Count,
                };
                histogram.take(key(sample), part, sample.value);
            }
        }
    }

    fn finish(&mut self, when: When, readings: &mut Vec<Reading>) -> Option<String> {
        let found = self.found.take();
        let scale = found.and_then(|n| self.names.get(n)).map_or(1.0, |n| n.scale);
        let plain =
            |gauge: &Gauge, value: f64, quality| gauge.reading(when.stamp, when.uncertainty, value, quality);
        let good = |gauge: &Gauge, value: f64, quality| plain(gauge, value * scale, quality);
        let there = match &mut self.what {
            What::Gauge(gauge, sum) => sum.take().map(|v| readings.push(good(gauge, v, Quality::Good))),
            What::Counter(gauge, counter) => {
                counter.finish(when.restarted).map(|v| readings.push(good(gauge, v, Quality::Good)))
            }
            What::Latency(points, histogram, heard) => histogram.finish(when.restarted).map(|since| {
                for (gauge, statistic) in points.iter() {
                    match since.statistic(*statistic) {
                        // how many they are has no unit
                        Some((value, quality)) if *statistic == Statistic::Count => {
                            readings.push(plain(gauge, value, quality));
                        }
                        Some((value, quality)) => readings.push(good(gauge, value, quality)),
                        // Nobody was served: what was said last stands, and ages.
                        None if *heard => {}
                        None => readings.push(gauge.bad(when.stamp, Reason::NeverSeen)),
                    }
                }
                *heard |= since.count() >= 1.0;
            }),
        };
        let unlike = std::mem::take(&mut self.unlike);
        if there.is_some() {
            return None;
        }
        let missing = self.missing(unlike);
        self.all_bad(when.stamp, Reason::NotSupported, readings);
        Some(missing)
    }

    fn all_bad(&mut self, now: Stamp, reason: Reason, readings: &mut Vec<Reading>) {
        match &mut self.what {
            What::Gauge(gauge, _) | What::Counter(gauge, _) => readings.push(gauge.bad(now, reason)),
            What::Latency(points, _, heard) => {
                *heard = false;
                readings.extend(points.iter().map(|(gauge, _)| gauge.bad(now, reason)));
            }
        }
    }

    /// What the page lacks, by name.
    fn missing(&self, unlike: bool) -> String {
        let names: Vec<_> = self.names.iter().map(|n| format!("`{}`", n.metric)).collect();
        let names = names.join(" or ");
        if !unlike {
            return format!("point `{}`: it has no {names}", self.id);
        }
        let labels: Vec<_> =
            self.names.iter().flat_map(|n| &n.labels).map(|(k, v)| format!("{k}=\"{v}\"")).collect();
        format!("point `{}`: it has {names}, but none with {}", self.id, labels.join(" and "))
    }
}
