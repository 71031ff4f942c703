//! Bars from zero with their intervals, in groups.

use super::scale::{Scale, bounds};
use crate::score::stats::Interval;
use crate::score::strategy::Id;
use maud::{Markup, html};

/// A bar.
pub(super) struct Bar {
    pub(super) id: Id,
    pub(super) value: Interval,
    /// Bars of savings that do not count are pale and say so.
    pub(super) counts: bool,
}

/// Bars under a name.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) bars: Vec<Bar>,
}

/// Narrow enough for a phone; a wide screen enlarges it.
const WIDTH: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 268.0;
const HEAD: f64 = 16.0;
const BAR: f64 = 14.0;
const FOOT: f64 = 18.0;

/// The plot.
pub(super) fn plot(id: &str, title: &str, unit: &str, digits: usize, groups: &[Group]) -> Markup {
    let reach = |b: &Bar| {
        let half = b.value.half.unwrap_or(0.0);
        [0.0, b.value.mean - half, b.value.mean + half]
    };
    let scale = Scale::new(bounds(groups.iter().flat_map(|g| &g.bars).flat_map(reach)), (LEFT, RIGHT), 4.0);
    let tall: f64 = groups.iter().map(|g| HEAD + BAR * g.bars.len() as f64).sum();
    let mut top = 0.0;
    let placed = groups.iter().map(|g| {
        let at = top;
        top += HEAD + BAR * g.bars.len() as f64;
        (at, g)
    });
    html! {
        svg.plot viewBox=(format!("0 0 {WIDTH} {:.0}", tall + FOOT)) role="img"
            aria-labelledby=(format!("{id}-title {id}-desc")) {
            title id=(format!("{id}-title")) { (title) }
            desc id=(format!("{id}-desc")) { (describe(unit, digits, groups)) }
            @for (value, label) in scale.ticks() {
                path.axis d=(format!("M{:.1} 0V{tall:.1}", scale.at(value))) {}
                text.tick.middle x=(format!("{:.1}", scale.at(value))) y=(format!("{:.1}", tall + 12.0)) { (label) }
            }
            @for (at, group) in placed {
                text.head x="0" y=(format!("{:.1}", at + 12.0)) { (group.name) }
                @for (n, bar) in group.bars.iter().enumerate() {
                    (draw(bar, at + HEAD + BAR * n as f64, digits, &scale))
                }
            }
        }
    }
}

fn draw(bar: &Bar, top: f64, digits: usize, scale: &Scale) -> Markup {
    let (zero, end) = (scale.at(0.0), scale.at(bar.value.mean));
    let middle = top + 0.5 * BAR - 1.0;
    let whisker = bar.value.half.map(|half| {
        let (low, high) = (scale.at(bar.value.mean - half), scale.at(bar.value.mean + half));
        format!(
            "M{low:.1} {middle:.1}H{high:.1}M{low:.1} {:.1}v6M{high:.1} {:.1}v6",
            middle - 3.0,
            middle - 3.0
        )
    });
    html! {
        text.end x=(LEFT - 4.0) y=(format!("{:.1}", top + 10.0)) { (bar.id.title()) }
        rect class=(format!("f-{}", bar.id.key())) x=(format!("{:.1}", zero.min(end))) y=(format!("{top:.1}"))
            width=(format!("{:.1}", (end - zero).abs())) height=(BAR - 3.0)
            fill-opacity=[(!bar.counts).then_some("0.35")] {}
        @if let Some(whisker) = whisker { path.whisker d=(whisker) {} }
        text x=(RIGHT + 4.0) y=(format!("{:.1}", top + 10.0)) {
            (format!("{:.digits$}", bar.value)) @if !bar.counts { " void" }
        }
    }
}

/// The plot in words.
fn describe(unit: &str, digits: usize, groups: &[Group]) -> String {
    let bar = |b: &Bar| {
        let void = if b.counts { "" } else { ", does not count" };
        format!("{} {:.digits$} {unit}{void}", b.id.title(), b.value)
    };
    let group = |g: &Group| {
        let bars: Vec<String> = g.bars.iter().map(bar).collect();
        format!("{}: {}.", g.name, bars.join("; "))
    };
    groups.iter().map(group).collect::<Vec<_>>().join(" ")
}
