//! Quantities over time, a curve for each strategy.

use super::scale::{Scale, bounds};
use crate::score::strategy::Id;
use maud::{Markup, html};

/// Narrow enough for a phone; a wide screen enlarges it.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 348.0;
const TOP: f64 = 6.0;
const BOTTOM: f64 = 122.0;
/// Points of a curve; more cannot be told apart.
const POINTS: usize = 240;

/// The plot of curves: strategy, hours, values.
pub(in crate::score) fn plot(id: &str, title: &str, curves: &[(Id, Vec<f64>, Vec<f64>)]) -> Markup {
    let hours = bounds(curves.iter().flat_map(|(_, hours, _)| hours.iter().copied()).chain([0.0]));
    let values = bounds(curves.iter().flat_map(|(_, _, values)| values.iter().copied()));
    let across = Scale::exact(hours, (LEFT, RIGHT), 6.0);
    let up = Scale::new(values, (BOTTOM, TOP), 4.0);
    html! {
        svg.plot viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-labelledby=(format!("{id}-title {id}-desc")) {
            title id=(format!("{id}-title")) { (title) }
            desc id=(format!("{id}-desc")) { (describe(curves)) }
            @for (value, label) in up.ticks() {
                path.axis d=(format!("M{LEFT} {:.1}H{RIGHT}", up.at(value))) {}
                text.tick.end x=(LEFT - 4.0) y=(format!("{:.1}", up.at(value) + 3.0)) { (label) }
            }
            @for (value, label) in across.ticks() {
                path.axis d=(format!("M{:.1} {BOTTOM}v4", across.at(value))) {}
                text.tick.middle x=(format!("{:.1}", across.at(value))) y=(BOTTOM + 14.0) { (label) }
            }
            text.tick.end x=(RIGHT) y=(HEIGHT - 2.0) { "hours" }
            @for (id, hours, values) in curves {
                path class=(format!("curve s-{}", id.key())) d=(path(hours, values, &across, &up)) {}
            }
        }
    }
}

/// A line through means of equal stretches.
fn path(hours: &[f64], values: &[f64], across: &Scale, up: &Scale) -> String {
    let stretch = values.len().div_ceil(POINTS).max(1);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let points = hours.chunks(stretch).zip(values.chunks(stretch));
    let points = points.map(|(h, v)| (across.at(mean(h)), up.at(mean(v)))).filter(|(_, y)| y.is_finite());
    points.enumerate().map(|(n, (x, y))| format!("{}{x:.1} {y:.1}", if n == 0 { "M" } else { "L" })).collect()
}

/// The plot in words.
fn describe(curves: &[(Id, Vec<f64>, Vec<f64>)]) -> String {
    let one = |(id, hours, values): &(Id, Vec<f64>, Vec<f64>)| {
        let (low, high) = bounds(values.iter().copied());
        let end = hours.last().copied().unwrap_or(0.0);
        format!("{}: {low:.1} to {high:.1} within {end:.1} hours", id.title())
    };
    curves.iter().map(one).collect::<Vec<_>>().join("; ")
}
