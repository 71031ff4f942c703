//! Plots over time: stacked bars of sums, and a line with its band.
//!
//! Responsible for: SVG with its words for those who do not see it. Not for: what is plotted.

use crate::score::html::scale::{Scale, bounds};
use headroom_site::Stamp;
use maud::{Markup, html};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 696.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 156.0;
/// Fills and lines of the scoreboard's palette, in order.
const PALETTE: [&str; 6] = ["headroom", "steering", "static-cap", "limit", "fixed", "baseline"];

/// A time axis of equal parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub(super) from_s: i64,
    pub(super) to_s: i64,
    /// Length of a part, s.
    pub(super) part_s: i64,
}

/// A series of sums, one for each part that there is.
pub(super) struct Series<'a> {
    pub(super) name: &'a str,
    /// Start of the part, Unix s, and its value.
    pub(super) values: Vec<(i64, f64)>,
}

impl Axis {
    fn scale(&self) -> Scale {
        Scale::exact((0.0, (self.to_s - self.from_s).max(1) as f64), (LEFT, RIGHT), 8.0)
    }

    fn at(&self, scale: &Scale, unix_s: i64) -> f64 {
        scale.at((unix_s - self.from_s) as f64)
    }

    /// Ticks on whole parts, some eight of them.
    fn ticks(&self) -> Vec<(i64, String)> {
        let parts = (self.to_s - self.from_s) / self.part_s;
        let each =
            [1, 2, 3, 6, 12, 24, 48, 168].into_iter().find(|n| parts / n <= 8).unwrap_or(parts / 8 + 1);
        let label = |s: i64| {
            let text = Stamp::from_unix_ms(s * 1000).to_string();
            let by_day = self.part_s >= super::DAY_S || each * self.part_s >= super::DAY_S;
            text.get(if by_day { 5..10 } else { 11..16 }).unwrap_or_default().to_owned()
        };
        (0..=parts)
            .step_by(each as usize)
            .map(|n| self.from_s + n * self.part_s)
            .map(|s| (s, label(s)))
            .collect()
    }

    fn draw(&self, across: &Scale, up: &Scale) -> Markup {
        html! {
            @for (value, label) in up.ticks() {
                path.axis d=(format!("M{LEFT} {:.1}H{RIGHT}", up.at(value))) {}
                text.tick.end x=(LEFT - 4.0) y=(format!("{:.1}", up.at(value) + 3.0)) { (label) }
            }
            @for (s, label) in self.ticks() {
                path.axis d=(format!("M{:.1} {BOTTOM}v4", self.at(across, s))) {}
                text.tick.middle x=(format!("{:.1}", self.at(across, s))) y=(BOTTOM + 14.0) { (label) }
            }
            text.tick.end x=(RIGHT) y=(HEIGHT - 4.0) { "UTC" }
        }
    }
}

/// Sums stacked upon each other.
pub(super) fn stack(id: &str, title: &str, axis: &Axis, series: &[Series<'_>]) -> Markup {
    let series: Vec<&Series<'_>> =
        series.iter().filter(|s| s.values.iter().any(|v| v.1.abs() > 0.0)).collect();
    let parts: std::collections::BTreeSet<i64> =
        series.iter().flat_map(|s| s.values.iter().map(|v| v.0)).collect();
    let mut bars = Vec::new();
    let mut most = 0.0_f64;
    for part in parts {
        let mut base = 0.0;
        for (k, s) in series.iter().enumerate() {
            let value = s.values.iter().find(|v| v.0 == part).map_or(0.0, |v| v.1.max(0.0));
            if value > 0.0 {
                bars.push((k, part, base, base + value));
            }
            base += value;
        }
        most = most.max(base);
    }
    if bars.is_empty() {
        return html! { p.soft { (title) ": nothing." } };
    }
    let (across, up) = (axis.scale(), Scale::new(bounds([0.0, most].into_iter()), (BOTTOM, TOP), 4.0));
    let wide = (across.at(axis.part_s as f64) - across.at(0.0) - 1.0).max(1.0);
    html! {
        h3 { (title) }
        svg.plot viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-labelledby=(format!("{id}-title {id}-desc")) {
            title id=(format!("{id}-title")) { (title) }
            desc id=(format!("{id}-desc")) { (sums(&series)) }
            (axis.draw(&across, &up))
            @for (k, part, low, high) in bars {
                rect class=(format!("f-{}", PALETTE[k % PALETTE.len()])) x=(format!("{:.1}", axis.at(&across, part) + 0.5))
                    y=(format!("{:.1}", up.at(high))) width=(format!("{wide:.1}")) height=(format!("{:.1}", (up.at(low) - up.at(high)).max(0.3))) {}
            }
        }
        ul.legend {
            @for (k, s) in series.iter().enumerate() {
                li { svg viewBox="0 0 32 8" aria-hidden="true" { rect class=(format!("f-{}", PALETTE[k % PALETTE.len()])) width="32" height="8" {} } " " (s.name) }
            }
        }
    }
}

/// The sums in words.
fn sums(series: &[&Series<'_>]) -> String {
    let one =
        |s: &&Series<'_>| format!("{}: {:.1} in all", s.name, s.values.iter().map(|v| v.1).sum::<f64>());
    series.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// A point of a line with its interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) unix_s: i64,
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// Lines through the middle of parts, the first with its band; a gap where a part is missing.
pub(super) fn lines(id: &str, title: &str, axis: &Axis, lines: &[(&str, Vec<Point>)]) -> Markup {
    let all = lines.iter().enumerate().flat_map(|(k, (_, points))| {
        points.iter().flat_map(move |p| if k == 0 { vec![p.low, p.high] } else { vec![p.value] })
    });
    let (low, high) = bounds(all);
    if lines.iter().all(|(_, points)| points.is_empty()) {
        return html! { p.soft { (title) ": not known." } };
    }
    let (across, up) = (axis.scale(), Scale::new((low, high), (BOTTOM, TOP), 4.0));
    let x = |p: &Point| axis.at(&across, p.unix_s + axis.part_s / 2);
    let path = |points: &[Point]| {
        let mut out = String::new();
        for (i, p) in points.iter().enumerate() {
            let joined = i > 0 && p.unix_s - points[i - 1].unix_s <= axis.part_s;
            out += &format!("{}{:.1} {:.1}", if joined { "L" } else { "M" }, x(p), up.at(p.value));
        }
        // One point alone is a dash.
        if points.len() == 1 { out + "h6" } else { out }
    };
    let whisker = |p: &Point| format!("M{0:.1} {1:.1}V{2:.1}", x(p), up.at(p.low), up.at(p.high));
    let words = |(name, points): &(&str, Vec<Point>)| {
        let (low, high) = bounds(points.iter().map(|p| p.value));
        format!("{name}: {low:.4} to {high:.4}")
    };
    html! {
        h3 { (title) }
        svg.plot viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-labelledby=(format!("{id}-title {id}-desc")) {
            title id=(format!("{id}-title")) { (title) }
            desc id=(format!("{id}-desc")) { (lines.iter().map(words).collect::<Vec<_>>().join("; ")) }
            (axis.draw(&across, &up))
            @for (k, (_, points)) in lines.iter().enumerate() {
                @if k == 0 { @for p in points { path.band.s-headroom d=(whisker(p)) {} } }
                path class=(format!("curve s-{}", PALETTE[k % PALETTE.len()])) d=(path(points)) {}
            }
        }
        ul.legend {
            @for (k, (name, _)) in lines.iter().enumerate() {
                li { svg viewBox="0 0 32 8" aria-hidden="true" { path class=(format!("s-{}", PALETTE[k % PALETTE.len()])) d="M0 4H32" {} } " " (name) }
            }
        }
    }
}
