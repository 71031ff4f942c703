//! The page: series over one true time axis, offline, light and dark, in the look of the scoreboard.
//!
//! Responsible for: a panel per unit; a legend that shows how far the times of each series may be off, drawn to the scale
//! of the axis; a table with the numbers. Not for: what is kept (`run::seen`).

use super::{Chart, bounds, sure};
use crate::run::seen::history::History;
use crate::score::html::offline;
use crate::score::html::scale::{Scale, bounds as bounds_of};
use crate::see::number;
use headroom_site::Stamp;
use maud::{Markup, html};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 692.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 166.0;
/// Half the width of a legend's picture.
const HALF: f64 = 60.0;
/// Points of a curve; more cannot be told apart.
const POINTS: usize = 1200;
/// Lines of the scoreboard's palette, in order.
const LINES: [&str; 6] = ["s-headroom", "s-limit", "s-static-cap", "s-steering", "s-fixed", "s-baseline"];
/// What this page needs beside the scoreboard's style.
const MORE: &str = "svg.plot{max-width:none} .band{fill:none;stroke-width:.6;opacity:.6} .legend svg.sure{width:7.5rem;height:.9rem}";

/// The page.
pub(super) fn page(chart: &Chart) -> String {
    let (from, to) = (Stamp::from_unix_ns(chart.from_ns), Stamp::from_unix_ns(chart.to_ns));
    let body = html! {
        p { "From " (from) " to " (to) ", event times in UTC." }
        p.soft { "Times are when a value was true, not when it arrived, on the controller's time: clocks of sources \
            that are off for sure are put right. The whisker of each line shows, to the scale of the axis, how far \
            its times may be off." }
        @for (n, unit) in units(chart).iter().enumerate() { (panel(chart, n, unit)) }
        (table(chart))
    };
    offline("Headroom timeline", MORE, &body)
}

/// Units in the order in which they come.
fn units(chart: &Chart) -> Vec<&str> {
    let mut out: Vec<&str> = Vec::new();
    for s in &chart.series {
        if !out.contains(&s.unit.as_str()) {
            out.push(&s.unit);
        }
    }
    out
}

/// Seconds since the beginning of the axis.
fn seconds(chart: &Chart, ns: i64) -> f64 {
    (ns - chart.from_ns) as f64 * 1e-9
}

fn panel(chart: &Chart, n: usize, unit: &str) -> Markup {
    let mine: Vec<(usize, &History)> = chart.series.iter().filter(|s| s.unit == unit).enumerate().collect();
    let across = Scale::exact((0.0, seconds(chart, chart.to_ns)), (LEFT, RIGHT), 8.0);
    let all = mine.iter().filter_map(|(_, s)| bounds(s)).flat_map(|(low, high)| [low, high]);
    let up = Scale::new(bounds_of(all), (BOTTOM, TOP), 4.0);
    let id = format!("panel-{n}");
    html! {
        section aria-labelledby=(format!("{id}-head")) {
            h2 id=(format!("{id}-head")) { "[" (unit) "]" }
            svg.plot viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-labelledby=(format!("{id}-title {id}-desc")) {
                title id=(format!("{id}-title")) { "Values in " (unit) " over time" }
                desc id=(format!("{id}-desc")) { (describe(&mine)) }
                @for (value, label) in up.ticks() {
                    path.axis d=(format!("M{LEFT} {:.1}H{RIGHT}", up.at(value))) {}
                    text.tick.end x=(LEFT - 4.0) y=(format!("{:.1}", up.at(value) + 3.0)) { (label) }
                }
                @for (value, _) in across.ticks() {
                    path.axis d=(format!("M{:.1} {BOTTOM}v4", across.at(value))) {}
                    text.tick.middle x=(format!("{:.1}", across.at(value))) y=(BOTTOM + 14.0) { (clock(chart, value)) }
                }
                text.tick.end x=(RIGHT) y=(HEIGHT - 2.0) { "UTC" }
                @for (i, s) in &mine {
                    @for band in [&s.least, &s.most] {
                        @if !band.is_empty() {
                            path class=(format!("band {}", LINES[i % LINES.len()])) d=(path(chart, s, band, &across, &up)) {}
                        }
                    }
                    path class=(format!("curve {}", LINES[i % LINES.len()])) d=(path(chart, s, &s.value, &across, &up)) {}
                }
            }
            ul.legend { @for (i, s) in &mine { li { (whisker(s, LINES[i % LINES.len()], &across)) " " (s.of) " " span.soft { (sure(s)) } } } }
        }
    }
}

/// Time of day at a second of the axis.
fn clock(chart: &Chart, s: f64) -> String {
    let text = Stamp::from_unix_ns(chart.from_ns + (s * 1e9) as i64).to_string();
    text.get(11..19).unwrap_or_default().to_owned()
}

/// A line through what is known; a gap where nothing was.
fn path(chart: &Chart, s: &History, values: &[Option<f64>], across: &Scale, up: &Scale) -> String {
    let step = values.len().div_ceil(POINTS).max(1);
    let mut out = String::new();
    let mut begun = false;
    for (i, v) in values.iter().enumerate() {
        let Some(v) = v else {
            begun = false;
            continue;
        };
        if begun && i % step != 0 && i + 1 < values.len() {
            continue;
        }
        let (x, y) = (across.at(seconds(chart, s.unix_ns[i])), up.at(*v));
        out += &format!("{}{x:.1} {y:.1}", if begun { "L" } else { "M" });
        begun = true;
    }
    // One value alone is a dot.
    if out.matches(['M', 'L']).count() == 1 { out + "h1.5" } else { out }
}

/// A line of the series' own, and on it its uncertainty of time as a whisker, as wide as on the axis.
fn whisker(s: &History, line: &str, across: &Scale) -> Markup {
    let wide = s.event_uncertainty_s.map_or(0.0, |u| across.at(u) - across.at(0.0));
    let half = wide.clamp(1.0, HALF - 2.0);
    let cut = wide > HALF - 2.0;
    html! {
        svg.sure viewBox=(format!("0 0 {} 12", HALF * 2.0)) role="img" aria-label=(sure(s)) {
            path class=(line) d=(format!("M2 6H{:.1}", HALF * 2.0 - 2.0)) {}
            @if !cut {
                path.whisker d=(format!("M{:.1} 2v8M{:.1} 2v8", HALF - half, HALF + half)) {}
            } @else {
                // Wider than the picture.
                path.whisker d="M6 2L2 6L6 10M114 2L118 6L114 10" {}
            }
            path.whisker d=(format!("M{HALF} 4v4")) {}
        }
    }
}

/// The plot in words.
fn describe(mine: &[(usize, &History)]) -> String {
    let one = |(_, s): &(usize, &History)| {
        let said = bounds(s)
            .map_or("nothing".to_owned(), |(low, high)| format!("{} to {}", number(low), number(high)));
        format!("{}: {said}, {} values, {}", s.of, s.unix_ns.len(), sure(s))
    };
    mine.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn table(chart: &Chart) -> Markup {
    html! {
        section aria-labelledby="numbers" {
            h2 id="numbers" { "Numbers" }
            div.wide tabindex="0" role="region" aria-label="Numbers" {
                table {
                    thead { tr {
                        th scope="col" { "what" } th scope="col" { "unit" }
                        @for head in ["values", "least", "last", "most"] { th.number scope="col" { (head) } }
                        th scope="col" { "time" }
                    } }
                    tbody { @for s in &chart.series { tr {
                        @let (low, high) = bounds(s).map_or(("-".to_owned(), "-".to_owned()), |(l, h)| (number(l), number(h)));
                        @let last = s.value.iter().rev().flatten().next().map_or("-".to_owned(), |v| number(*v));
                        th scope="row" { (s.of) } td { (s.unit) }
                        td.number { (s.unix_ns.len()) } td.number { (low) } td.number { (last) } td.number { (high) }
                        td { (sure(s)) }
                    } } }
                }
            }
        }
    }
}
