//! Pages of the DCGM exporter, and what becomes of the nodes that they show.
//!
//! An input is a series of pages; a line `-- S` ends one, and the next is read S seconds later.

use super::Target;
use super::bus::site;
use super::text::{Page, text};
use headroom_drivers::fuzz::{DcgmPage, prometheus_sample};
use headroom_site::{GpuSample, NodeReport, Site, Span, Stamp};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

/// Pages of the DCGM exporter.
pub const DCGM_PAGE: Target = Target { name: "dcgm_page", body: read, bytes_per_byte: 1 << 10 };

const SITE: &str = r#"
format = 1
[site]
name = "s"
[[place]]
id = "h"
kind = "hall"
[[place]]
id = "r"
kind = "rack"
in = "h"
[[dcgm]]
id = "page"
url = "http://h:9400/metrics"
poll = "5 s"
collect = "30 s"
[[node]]
id = "n1"
rack = "r"
sku = "H100-SXM"
gpus = ["GPU-a", "GPU-b"]
dcgm = "page"
[[node]]
id = "n2"
rack = "r"
sku = "H100-SXM"
gpus = ["GPU-c"]
dcgm = "page"
"#;

/// How far the time of a reading may be off.
const UNCERTAINTY: Span = Span::from_ns(3_000_000);
/// Longest that a collection may lie back: the page's `collect`.
const COLLECT: Span = Span::from_ns(30_000_000_000);

fn the_site() -> &'static Site {
    static READ: OnceLock<Site> = OnceLock::new();
    READ.get_or_init(|| site(SITE))
}

fn read(input: &[u8]) {
    let text = text(input);
    let mut one = DcgmPage::new(the_site());
    let (mut now, mut boot, mut sequence) = (Stamp::from_unix_ms(1_800_000_000_000), None, 0);
    for Page { lines, after_s } in Page::all(&text) {
        let page = lines.join("\n");
        let reports = one.page(&page, now, UNCERTAINTY);
        stand(&reports, &named(&lines), now);
        for report in &reports {
            assert!(report.sequence > sequence && *boot.get_or_insert(report.boot) == report.boot);
        }
        sequence = reports.first().map_or(sequence, |r| r.sequence);
        // The same page at once is no news.
        assert!(one.page(&page, now + Span::from_ms(1), UNCERTAINTY).is_empty(), "{page}");
        // Whoever reads it for the first time reads the same, in any order of its lines.
        let afresh = gpus(&DcgmPage::new(the_site()).page(&page, now, UNCERTAINTY));
        assert!(reports.is_empty() || gpus(&reports) == afresh, "{reports:?}\n{afresh:?}");
        let turned: Vec<&str> = lines.iter().rev().copied().collect();
        let turned = gpus(&DcgmPage::new(the_site()).page(&turned.join("\n"), now, UNCERTAINTY));
        assert_eq!(afresh, turned);
        now = now + Span::from_ms(2) + Span::from_s(after_s.unwrap_or(0.0));
    }
}

/// UUIDs that a page names.
fn named(lines: &[&str]) -> BTreeSet<String> {
    let labels = lines.iter().filter_map(|line| prometheus_sample(line)).flat_map(|(_, labels, _)| labels);
    labels.filter(|(key, _)| matches!(key.as_str(), "UUID" | "uuid")).map(|(_, uuid)| uuid).collect()
}

/// What the reports say of each GPU, but when.
fn gpus(reports: &[NodeReport]) -> Vec<(Arc<str>, GpuSample)> {
    let all = reports.iter().flat_map(|r| &r.gpus);
    all.map(|(uuid, s)| (Arc::clone(uuid), GpuSample { stamp: Stamp::default(), ..*s })).collect()
}

/// Reports are of the page's nodes and of GPUs that it names, finite, and of a time that can have been.
fn stand(reports: &[NodeReport], named: &BTreeSet<String>, now: Stamp) {
    for report in reports {
        let own: &[&str] = match &*report.node {
            "n1" => &["GPU-a", "GPU-b"],
            "n2" => &["GPU-c"],
            other => panic!("a report of node {other}"),
        };
        assert!(!report.gpus.is_empty());
        assert!(report.gpus.iter().all(|(u, _)| own.contains(&&**u) && named.contains(&**u)), "{report:?}");
        assert!(report.gpus.iter().all(|(_, s)| finite(s) && s.stamp == report.stamp), "{report:?}");
        let Some(uncertainty) = report.stamp_uncertainty else { panic!("{report:?}") };
        let back = now.since(report.stamp);
        assert!(Span::ZERO <= back && back <= COLLECT && uncertainty >= UNCERTAINTY, "{report:?}");
    }
    let nodes: BTreeSet<&str> = reports.iter().map(|r| &*r.node).collect();
    assert_eq!(nodes.len(), reports.len(), "two reports of a node");
}

fn finite(s: &GpuSample) -> bool {
    let floats = [
        s.power_w,
        s.power_average_w,
        s.clock_mhz,
        s.memory_clock_mhz,
        s.die_c,
        s.hbm_c,
        s.margin_k,
        s.enforced_cap_w,
        s.utilisation,
    ];
    floats.iter().filter_map(|x| x.get()).all(|x| x.is_finite())
        && s.energy_j.get().is_none_or(f64::is_finite)
}
