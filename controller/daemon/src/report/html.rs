//! The report as one HTML page that needs nothing else: no script, no font, no address outside; in print it is a PDF.
//!
//! Responsible for: the page; every plot stands beside a table with its numbers. Not for: what stands in the tables (`text`).

use super::Report;
use super::plot::{Axis, Point, Series, lines, stack};
use super::text::{heading, tables};
use crate::ledger::view::{Range, Summary};
use crate::score::grid::Grid;
use crate::score::html::{offline, table};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// What this page needs beside the scoreboard's style: wide plots, bands, and paper.
const MORE: &str = include_str!("print.css");
/// Causes with a colour of their own; the rest is one.
const CAUSES: usize = 5;

/// The page.
pub(super) fn page(r: &Report) -> String {
    let tables: BTreeMap<&str, Grid> = tables(r).into_iter().collect();
    let title = format!("Headroom report: {}", r.site);
    let body = html! {
        p { (heading(r)) "." }
        p.soft { "Times are UTC. An interval is that of 95 %. What a line means, how it sums, and where its uncertainty \
            comes from is in the book, page \u{201c}The ledger\u{201d}." }
        section aria-labelledby="glance" { h2 id="glance" { "At a glance" } (grid(&tables, "pairs")) (grid(&tables, "targets")) }
        (token(r, &tables))
        (flops(r, &tables))
        (watt(r, &tables))
        (pue(r, &tables))
        section aria-labelledby="places" { h2 id="places" { "Places" } (grid(&tables, "rows")) (grid(&tables, "racks")) }
        section aria-labelledby="not" { h2 id="not" { "What is not known" } (grid(&tables, "absent")) (grid(&tables, "gaps")) }
    };
    offline(&title, MORE, &body)
}

/// A table, if it has anything to say.
fn grid(tables: &BTreeMap<&str, Grid>, name: &str) -> Markup {
    html! { @if let Some(grid) = tables.get(name).filter(|g| !g.rows.is_empty()) { (table(grid)) } }
}

fn axis(r: &Report) -> Axis {
    let first = r.parts.first().map_or(r.from_unix_ms, |p| p.from_unix_ms) / 1000;
    let last = r.parts.last().map_or(r.to_unix_ms, |p| p.to_unix_ms) / 1000;
    let from_s = first.div_euclid(r.part_s) * r.part_s;
    Axis { from_s, to_s: (last.div_euclid(r.part_s) + 1) * r.part_s, part_s: r.part_s }
}

/// Start of a part, Unix s.
fn start(r: &Report, part: &Summary) -> i64 {
    (part.from_unix_ms / 1000).div_euclid(r.part_s) * r.part_s
}

fn series<'a>(r: &Report, name: &'a str, of: impl Fn(&Summary) -> f64) -> Series<'a> {
    Series { name, values: r.parts.iter().map(|p| (start(r, p), of(p))).collect() }
}

fn token(r: &Report, tables: &BTreeMap<&str, Grid>) -> Markup {
    let all = [
        series(r, "clock drift", |p| p.token.lost_to_drift),
        series(r, "throttling", |p| p.token.lost_to_throttling),
        series(r, "given up for watts", |p| p.token.given_up_for_watts),
        series(r, "unexplained", |p| p.token.unexplained),
    ];
    html! {
        section aria-labelledby="token" {
            h2 id="token" { "TOKEN: clock consistency" }
            p.soft { "Tokens that the same GPUs would have made beside those that they made: all of a group wait for its slowest." }
            (stack("token-plot", "Tokens lost", &axis(r), &all))
            (grid(tables, "jobs"))
        }
    }
}

fn flops(r: &Report, tables: &BTreeMap<&str, Grid>) -> Markup {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for t in &r.account.summary.flops.by {
        *sums.entry(&t.cause).or_default() += t.gpu_s;
    }
    let mut causes: Vec<(&str, f64)> = sums.into_iter().collect();
    causes.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (named, rest) = causes.split_at(causes.len().min(CAUSES));
    let of = |p: &Summary, is: &dyn Fn(&str) -> bool| {
        p.flops.by.iter().filter(|t| is(&t.cause)).map(|t| t.gpu_s).sum()
    };
    let mut all: Vec<Series<'_>> =
        named.iter().map(|(cause, _)| series(r, cause, |p| of(p, &|c| c == *cause))).collect();
    all.push(series(r, "others", |p| of(p, &|c| rest.iter().any(|(cause, _)| c == *cause))));
    html! {
        section aria-labelledby="flops" {
            h2 id="flops" { "FLOPS: throttling" }
            p.soft { "GPU-seconds in which firmware held a clock down, each booked once, by what lay behind it." }
            (stack("flops-plot", "Throttled GPU-seconds by cause", &axis(r), &all))
            (grid(tables, "throttled"))
            (grid(tables, "gpus"))
        }
    }
}

fn watt(r: &Report, tables: &BTreeMap<&str, Grid>) -> Markup {
    let value = |x: Option<Range>| x.map_or(0.0, |r| r.value);
    let all = [
        series(r, "IT", |p| p.watt.it_kwh.unwrap_or(0.0)),
        series(r, "cooling", |p| p.watt.cooling_kwh.unwrap_or(0.0)),
        series(r, "losses and what has no meter", |p| value(p.watt.unmetered_kwh)),
    ];
    let over = [series(r, "GPUs over the needed minimum", |p| p.watt.gpus_over_kwh)];
    html! {
        section aria-labelledby="watt" {
            h2 id="watt" { "WATT: power" }
            (stack("watt-plot", "Energy [kWh]", &axis(r), &all))
            (stack("over-plot", "GPUs\u{2019} energy over the needed minimum [kWh]", &axis(r), &over))
            (grid(tables, "energy"))
            (grid(tables, "branches"))
            (grid(tables, "responses"))
        }
    }
}

fn pue(r: &Report, tables: &BTreeMap<&str, Grid>) -> Markup {
    let points = |of: fn(&Summary) -> Option<Range>| -> Vec<Point> {
        let one = |p: &Summary| {
            of(p).map(|v| Point { unix_s: start(r, p), value: v.value, low: v.low, high: v.high })
        };
        r.parts.iter().filter_map(one).collect()
    };
    let both = [("PUE", points(|p| p.pue.pue)), ("best reachable", points(|p| p.pue.best))];
    html! {
        section aria-labelledby="pue" {
            h2 id="pue" { "PUE: facility efficiency" }
            (lines("pue-plot", "PUE, and the best reachable", &axis(r), &both))
            (grid(tables, "pue"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::rows::Account;

    fn report() -> Report {
        let part = |h: i64, pue: f64| {
            let mut s = Summary { booked_s: 3600.0, ..Summary::default() };
            (s.from_unix_ms, s.to_unix_ms) = (h * 3_600_000, (h + 1) * 3_600_000);
            s.pue.pue = Some(Range { value: pue, low: pue - 0.01, high: pue + 0.01 });
            (s.watt.it_kwh, s.token.lost_to_drift) = (Some(100.0), 5e3);
            s.unknown.insert("ere".to_owned(), "no <b>heat</b> & such".to_owned());
            s
        };
        let parts = vec![part(10, 1.12), part(11, 1.13), part(13, 1.11)];
        let account = Account { summary: parts[0].clone(), ..Account::default() };
        Report { site: "a <site>".to_owned(), account, parts, part_s: 3600, ..Report::default() }
    }

    #[test]
    fn the_page_needs_nothing_else_and_escapes_what_it_is_told() {
        let page = page(&report());
        for outside in ["http:", "https:", "src=", "<script", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("a &lt;site&gt;") && page.contains("no &lt;b&gt;heat&lt;/b&gt; &amp; such"));
        assert!(page.contains("@media print") && page.contains("default-src 'none'"));
        // Every plot says itself in words, and a missing hour is a gap in the line.
        assert!(page.contains("PUE: 1.1100 to 1.1300"));
        let line = page.split("curve s-headroom\" d=\"").nth(1).unwrap();
        assert_eq!(line.split('"').next().unwrap().matches('M').count(), 2);
    }
}
