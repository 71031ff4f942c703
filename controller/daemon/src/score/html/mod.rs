//! The scoreboard as one HTML page that needs nothing else: no script, no font, no address outside.
//!
//! Responsible for: the page; every plot stands beside a table with its numbers. Not for: what is reckoned (`board`).

mod bars;
pub(super) mod curves;
pub(crate) mod scale;

use super::board::{Board, FORMULA, INTERVALS, Line, VOID};
use super::grid::Grid;
use super::pool::Outcome;
use super::report;
use super::stats::Interval;
use super::strategy::Id;
use super::verb::About;
use bars::{Bar, Group};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Light and dark, by the reader's own choice.
const STYLE: &str = include_str!("style.css");
/// Nothing is loaded from anywhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// A page that needs nothing else, with style of its own beside the common one.
pub(crate) fn offline(title: &str, style: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body { main { h1 { (title) } (body) } }
        }
    };
    page.into_string()
}

/// The page.
pub(super) fn page(board: &Board, about: &About, outcomes: &[Outcome]) -> String {
    let seeds: Vec<String> = board.seeds().iter().map(u64::to_string).collect();
    let body = html! {
        p { (report::made_of(board, about)) "; seeds " (seeds.join(", ")) "." }
        p { code { (about.command) } }
        (violations(board))
        (energy(board))
        (gap(board))
        (timelines(board, about, outcomes))
        section aria-labelledby="rest" { h2 id="rest" { "Everything else" } (table(&report::rest(board))) }
    };
    offline("Headroom scoreboard", "", &body)
}

/// A table that scrolls by itself where the screen is narrow.
pub(crate) fn table(grid: &Grid) -> Markup {
    let class = |n: usize| (n >= grid.texts).then_some("number");
    html! {
        div.wide tabindex="0" role="region" aria-label=(grid.title) {
            table {
                caption { (grid.title) }
                thead { tr { @for (n, head) in grid.head.iter().enumerate() { th scope="col" class=[class(n)] { (head) } } } }
                tbody {
                    @for row in &grid.rows {
                        tr {
                            @for (n, cell) in row.iter().enumerate() {
                                @if n == 0 { th scope="row" { (cell) } } @else { td class=[class(n)] { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn violations(board: &Board) -> Markup {
    let void = report::void(board);
    html! {
        section aria-labelledby="violations" {
            h2 id="violations" { "Violations first" }
            p.soft { (VOID) }
            @if void.is_empty() {
                p { "No strategy crosses a limit or throttles by more than the baseline: all savings count." }
            } @else {
                ul { @for reason in &void { li { span.bad { "Does not count: " } (reason) } } }
            }
            (table(&report::violations(board)))
        }
    }
}

/// A group of bars for each scenario.
fn groups(board: &Board, of: impl Fn(&Line) -> Option<Interval>) -> Vec<Group> {
    let group = |row: &super::board::Row| Group {
        name: row.scenario.clone(),
        bars: row
            .lines
            .iter()
            .filter_map(|l| of(l).map(|value| Bar { id: l.id, value, counts: l.counts() }))
            .collect(),
    };
    board.rows.iter().map(group).filter(|g| !g.bars.is_empty()).collect()
}

fn energy(board: &Board) -> Markup {
    let share = |l: &Line| {
        let s = l.saved_share;
        Some(Interval { mean: (1.0 - s.mean) * 100.0, half: s.half.map(|h| h * 100.0) })
    };
    let all = groups(board, share);
    let saved = groups(board, |l| (l.id != Id::Baseline).then(|| l.saved_share.times(100.0)));
    html! {
        section aria-labelledby="energy" {
            h2 id="energy" { "Facility energy at equal work" }
            p.soft { @for line in FORMULA { (line) br; } (INTERVALS) }
            div.pair {
                div {
                    h3 { "Energy, own BMS = 100 %" }
                    (bars::plot("energy-plot", "Facility energy at equal work in percent of the plant on its own BMS", "%", 1, &all))
                    h3 { "Saved, %" }
                    (bars::plot("saved-plot", "Facility energy saved at equal work in percent", "%", 2, &saved))
                }
                div {
                    (table(&report::energy(board)))
                    @if let Some(others) = report::others(board) { (table(&others)) }
                }
            }
        }
    }
}

fn gap(board: &Board) -> Markup {
    let closed = groups(board, |l| l.closed.map(|c| c.times(100.0)));
    let mut grid =
        Grid::new("Share of the gap to the limit that is closed", 2, &["scenario", "strategy", "closed [%]"]);
    for group in &closed {
        for bar in &group.bars {
            grid.rows.push(vec![group.name.clone(), bar.id.title().to_owned(), format!("{:.0}", bar.value)]);
        }
    }
    html! {
        section aria-labelledby="gap" {
            h2 id="gap" { "Gap closed" }
            @if closed.is_empty() {
                p { "There is no gap to show: the limit was not computed (" code { "--strategies baseline,headroom,limit" }
                    "), or nothing that counts lies between it and the baseline." }
            } @else {
                div.pair {
                    (bars::plot("gap-plot", "Share of the gap between own BMS and limit that is closed, in percent", "%", 0, &closed))
                    (table(&grid))
                }
            }
        }
    }
}

/// What is shown over time: title, unit, column of the timeline.
const PANELS: [(&str, &str, &str); 4] = [
    ("Facility power", "kW", "facility_kw"),
    ("Hottest die", "°C", "hottest_die_degc"),
    ("Facility water supply", "°C", "facility_water_supply_degc"),
    ("Mean SM clock", "MHz", "mean_clock_mhz"),
];

/// Runs over time; of each scenario the first seed.
fn timelines(board: &Board, about: &About, outcomes: &[Outcome]) -> Markup {
    let shown: Vec<&Outcome> =
        outcomes.iter().filter(|o| o.runs.values().any(|r| !r.trend.is_empty())).collect();
    html! {
        section aria-labelledby="time" {
            h2 id="time" { "Over time" }
            (legend(&board.strategies()))
            @for (n, outcome) in shown.iter().enumerate() {
                details open[n == 0] {
                    summary { (outcome.file.scenario) ", seed " (outcome.file.seed) }
                    p.soft { (about.description(&outcome.file.scenario)) }
                    @for (p, (title, unit, column)) in PANELS.iter().enumerate() {
                        (panel(&format!("time-{n}-{p}"), title, unit, column, outcome))
                    }
                }
            }
        }
    }
}

fn panel(id: &str, title: &str, unit: &str, column: &str, outcome: &Outcome) -> Markup {
    let curves: Vec<(Id, Vec<f64>, Vec<f64>)> = outcome
        .runs
        .iter()
        .filter_map(|(id, run)| {
            let hours = run.trend.column("minute")?.iter().map(|m| m / 60.0).collect();
            Some((*id, hours, run.trend.column(column)?))
        })
        .collect();
    let name = format!("{title} [{unit}]");
    let mut grid = Grid::new(&name, 1, &["strategy", "least", "mean", "most"]);
    for (id, _, values) in &curves {
        let (low, high) = scale::bounds(values.iter().copied());
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        grid.rows.push(vec![
            id.title().to_owned(),
            format!("{low:.1}"),
            format!("{mean:.1}"),
            format!("{high:.1}"),
        ]);
    }
    html! {
        @if !curves.is_empty() {
            h3 { (name) }
            div.pair { (curves::plot(id, &name, &curves)) (table(&grid)) }
        }
    }
}

/// Which line is whose.
pub(super) fn legend(ids: &[Id]) -> Markup {
    html! {
        ul.legend {
            @for id in ids {
                li {
                    svg viewBox="0 0 32 8" aria-hidden="true" { path class=(format!("s-{}", id.key())) d="M0 4H32" {} }
                    " " (id.title())
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::ScoreFile;
    use headroom_sim::score::StrategyScore;
    use std::collections::BTreeMap;

    fn outcome(seed: u64, hot: f64) -> Outcome {
        let score = |kwh: f64| StrategyScore { facility_kwh: kwh, tokens: 1e6, ..StrategyScore::default() };
        let mut steering = score(96.0);
        steering.violations.temperature_k_s = hot;
        let all = [
            (Id::Baseline, score(100.0 + seed as f64)),
            (Id::Headroom, score(95.0)),
            (Id::Limit, score(90.0)),
            (Id::Steering, steering),
        ];
        let file =
            ScoreFile { seed, scenario: "<b>".to_owned(), strategies: all.into(), ..ScoreFile::default() };
        Outcome { file, runs: BTreeMap::new() }
    }

    fn shown(hot: f64) -> String {
        let outcomes = [outcome(1, hot), outcome(2, hot)];
        let files: Vec<ScoreFile> = outcomes.iter().map(|o| o.file.clone()).collect();
        let about = About {
            command: "headroom score".to_owned(),
            step_s: 1.0,
            policy: "balanced".to_owned(),
            scenarios: Vec::new(),
        };
        page(&Board::new(&files), &about, &outcomes)
    }

    #[test]
    fn the_gap_is_plotted_with_its_interval() {
        let page = shown(0.0);
        let plot = page.split("aria-labelledby=\"gap-plot").nth(1).unwrap().split("</svg>").next().unwrap();
        // Ratios of means over both seeds: (101.5 - 95) / (101.5 - 90), (101.5 - 96) / (101.5 - 90).
        assert!(plot.contains("&lt;b&gt;: Headroom 57 ±") && plot.contains("steering 48 ±"), "{plot}");
        assert_eq!(plot.matches("class=\"whisker\"").count(), 2, "{plot}");
        assert!(!plot.contains("limit 1"), "the limit closes its own gap by definition\n{plot}");
    }

    #[test]
    fn what_does_not_count_is_pale_and_named() {
        let page = shown(7.0);
        assert!(
            page.contains("Does not count: </span>&lt;b&gt;, steering: violations: temperature [K s]: 7.0")
        );
        assert!(page.contains("fill-opacity=\"0.35\"") && page.contains(" void</text>"));
        let gap = page.split("aria-labelledby=\"gap-plot").nth(1).unwrap().split("</svg>").next().unwrap();
        assert!(!gap.contains("steering"), "{gap}");
    }
}
