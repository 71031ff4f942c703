//! Pages of inference engines, read as vLLM's, SGLang's, TGI's and Triton's at once, and as plain metrics.
//!
//! An input is a series of pages; a line `-- S` ends one, and the next is read S seconds later. With anything else behind the
//! dashes there is no answer in between.

use super::Target;
use super::bus::site;
use super::text::{Page, text};
use headroom_drivers::fuzz::{EnginePages, prometheus_sample};
use headroom_site::model::{EngineQuantity, Latency, Source, Statistic};
use headroom_site::{Quality, Reading, Reason, Site, Span, Stamp};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Pages of inference engines.
pub const ENGINE_PAGE: Target = Target { name: "engine_page", body: read, bytes_per_byte: 1 << 12 };

fn the_site() -> &'static Site {
    static READ: OnceLock<Site> = OnceLock::new();
    READ.get_or_init(|| {
        let mut all = "format = 1\n[site]\nname = \"s\"\n".to_owned();
        for engine in ["vllm", "sglang", "tgi", "triton"] {
            all += &format!(
                "[[prometheus]]\nid = \"{engine}\"\nurl = \"http://h/metrics\"\nengine = \"{engine}\"\n\
                 [[job]]\nid = \"of-{engine}\"\nkind = \"serving\"\nserved-by = [\"{engine}\"]\n"
            );
        }
        all += "[[prometheus]]\nid = \"plain\"\nurl = \"http://h/metrics\"\n";
        for (id, counter, range) in [("n", true, ""), ("g", false, "range = [\"0 count\", \"100 count\"]\n")]
        {
            all += &format!(
                "[[point]]\nid = \"{id}\"\nof = \"site\"\nunit = \"count\"\ncounter = {counter}\n{range}\
                 from = {{ prometheus = \"plain\", metric = \"{id}\", labels = {{ a = \"b\" }} }}\n"
            );
        }
        site(&all)
    })
}

/// The page that a point is read from, and its quantity.
fn source(site: &Site, reading: &Reading) -> (usize, Option<EngineQuantity>) {
    match &site.points[reading.point.index()].source {
        Source::Prometheus { page, .. } => (*page, None),
        Source::Engine { page, quantity, .. } => (*page, Some(*quantity)),
        other => panic!("{other:?}"),
    }
}

fn read(input: &[u8]) {
    let (text, site) = (text(input), the_site());
    let mut pages = EnginePages::new(site);
    let mut now = Stamp::from_unix_ms(1_800_000_000_000);
    let (mut counted, mut first) = (BTreeMap::new(), FirstTokens::default());
    for Page { lines, after_s } in Page::all(&text) {
        let page = lines.join("\n");
        let read = pages.page(Some(&page), now);
        for (i, (readings, lacks)) in read.iter().enumerate() {
            stand(site, i, readings);
            rise(site, readings, &mut counted);
            assert!(lacks.iter().all(|l| l.starts_with("point `")), "{lacks:?}");
        }
        first.check(site, &lines, &read[0].0);
        goes_on(site, &lines, &read);
        // The same again: nothing was counted, and nobody was served.
        now = now + Span::from_ms(1);
        for (readings, _) in pages.page(Some(&page), now) {
            for r in readings.iter().filter(|r| r.quality.is_usable()) {
                assert!(!matches!(source(site, r).1, Some(EngineQuantity::Latency(..))), "{r:?}");
                let same = |before: &f64| before.to_bits() == r.value.to_bits();
                assert!(counted.get(&r.point).is_none_or(same), "{r:?}, and {counted:?} before");
            }
        }
        match after_s {
            Some(s) => now = now + Span::from_s(s),
            None => {
                let all = pages.page(None, now);
                let readings: Vec<_> = all.into_iter().flat_map(|(readings, _)| readings).collect();
                assert_eq!(readings.len(), site.points.len());
                assert!(readings.iter().all(|r| r.quality == Quality::Bad(Reason::NoCommunication)));
            }
        }
    }
}

/// Readings are of the page's own points, one of each, finite, and bad outside of their range; half of all requests are no
/// slower than most of them.
fn stand(site: &Site, page: usize, readings: &[Reading]) {
    let mut seen = BTreeMap::new();
    for r in readings {
        let (of, quantity) = source(site, r);
        assert!(of == page && r.value.is_finite(), "{r:?} of page {page}");
        assert!(seen.insert(r.point, r).is_none(), "two readings of a point: {r:?}");
        let range = site.points[r.point.index()].range;
        assert!(range.is_none_or(|(low, high)| !r.quality.is_usable() || (low..=high).contains(&r.value)));
        let Some(EngineQuantity::Latency(latency, Statistic::P50)) = quantity else { continue };
        let p95 = of_quantity(site, readings, EngineQuantity::Latency(latency, Statistic::P95));
        if let Some(p95) = p95.filter(|p| p.quality.is_usable() && r.quality.is_usable()) {
            assert!(r.value <= p95.value, "{r:?}\n{p95:?}");
        }
    }
}

fn of_quantity(site: &Site, readings: &[Reading], quantity: EngineQuantity) -> Option<Reading> {
    readings.iter().find(|r| source(site, r).1 == Some(quantity)).copied()
}

/// What was counted never falls, whatever restarts.
fn rise(site: &Site, readings: &[Reading], counted: &mut BTreeMap<headroom_site::PointId, f64>) {
    let counters = readings.iter().filter(|r| site.points[r.point.index()].counter && r.quality.is_usable());
    for r in counters {
        let before = counted.insert(r.point, r.value);
        assert!(before.unwrap_or(0.0) <= r.value, "{before:?} fell to {}", r.value);
    }
}

/// Whatever stood on pages before, a counter that can be read is read.
fn goes_on(site: &Site, lines: &[&str], read: &[(Vec<Reading>, Vec<String>)]) {
    let samples = lines.iter().filter_map(|line| prometheus_sample(line));
    let own = samples.filter(|(name, labels, _)| *name == "n" && labels.contains(&("a".into(), "b".into())));
    let values: Vec<f64> = own.map(|(.., value)| value).collect();
    if !values.is_empty() && values.iter().all(|v| (0.0..EXACT).contains(v)) {
        let mut all = read.iter().flat_map(|(readings, _)| readings);
        let counted = all.find(|r| site.points[r.point.index()].id == "n");
        assert!(counted.is_some_and(|r| r.quality.is_usable()), "{values:?} gave {counted:?}");
    }
}

/// The metric whose buckets are looked at.
const FIRST_TOKEN: &str = "vllm:time_to_first_token_seconds";
/// Counts below this and bounds between these are exact in every step.
const EXACT: f64 = 1e12;

/// vLLM's time to the first token, counted again for pages that have it in one plain series.
#[derive(Default)]
struct FirstTokens {
    before: Option<Vec<(f64, u64)>>,
}

impl FirstTokens {
    /// The percentiles lie in the buckets of the requests that they are.
    fn check(&mut self, site: &Site, lines: &[&str], readings: &[Reading]) {
        let now = buckets(lines);
        let before = std::mem::replace(&mut self.before, now.clone());
        let (Some(now), Some(before)) = (now, before) else { return };
        let same = before.iter().map(|b| b.0).eq(now.iter().map(|b| b.0));
        let goes_on = same && before.iter().zip(&now).all(|(b, n)| b.1 <= n.1);
        let since: Vec<u64> = match goes_on {
            true => now.iter().zip(&before).map(|(n, b)| n.1 - b.1).collect(),
            false => now.iter().map(|n| n.1).collect(),
        };
        let served = since.last().copied().unwrap_or(0);
        for (percent, statistic) in [(50, Statistic::P50), (95, Statistic::P95)] {
            let said = of_quantity(site, readings, EngineQuantity::Latency(Latency::FirstToken, statistic));
            let said = said.filter(|r| r.quality.is_usable());
            let rank = (percent * served).div_ceil(100);
            let Some(i) = since.iter().position(|n| *n >= rank).filter(|_| served > 0) else {
                assert!(said.is_none(), "nobody was served, and {said:?}");
                continue;
            };
            let (upper, below) = (now[i].0, i.checked_sub(1).map(|i| now[i].0));
            let Some(said) = said else {
                assert!(upper.is_infinite() && below.is_none(), "no {percent}th percentile of {since:?}");
                continue;
            };
            let (low, high) = match below {
                Some(below) if upper.is_infinite() => (below, below),
                Some(below) => (below, upper),
                None => (upper.min(0.0), upper),
            };
            assert!((low..=high).contains(&said.value), "{said:?} is not in {low}..={high}");
            assert_eq!(said.quality == Quality::Good, upper.is_finite(), "{said:?}");
        }
    }
}

/// Bounds and counts of a page with one series and nothing else that tells of it; `None` for every other page.
fn buckets(lines: &[&str]) -> Option<Vec<(f64, u64)>> {
    let mut all: Vec<(f64, u64)> = Vec::new();
    for (name, labels, value) in lines.iter().filter_map(|line| prometheus_sample(line)) {
        if name == "process_start_time_seconds" {
            return None;
        }
        let Some(part) = name.strip_prefix(FIRST_TOKEN) else { continue };
        let [(key, bound)] = &labels[..] else { return None };
        let bound: f64 = bound.parse().ok().filter(|b: &f64| b.abs() < EXACT || *b == f64::INFINITY)?;
        let whole = (0.0..EXACT).contains(&value) && value.fract() == 0.0;
        let rises = all.last().is_none_or(|last| last.0 < bound && last.1 <= value as u64);
        if part != "_bucket" || key != "le" || !whole || !rises {
            return None;
        }
        all.push((bound, value as u64));
    }
    all.last().is_some_and(|last| last.0.is_infinite()).then_some(all)
}
