//! Trends: the figures of the four pairs over the last minutes, each as wide as the terminal.

use crate::run::view::View;
use crate::say::{NOT_KNOWN, clock, count, digits, large, percent, value};
use crate::top::model::Trend;
use crate::top::paint::Paint;
use crate::top::spark::{Plot, plot};
use ratatui::text::{Line, Span};

/// Rows of a drawn figure.
const ROWS: usize = 3;

/// Column of the page `/trend`, name, and how its values read.
type Figure = (&'static str, &'static str, fn(f64) -> String);

/// In the order of the pairs: token and clocks, throttling, watts, PUE and headroom.
const FIGURES: [Figure; 9] = [
    ("tokens_per_s", "tokens", |x| format!("{}/s", large(x))),
    ("clock_spread", "clock spread inside jobs", |x| percent(x, 2)),
    ("gpus_throttled", "GPUs throttled", |x| count(x.max(0.0).round() as usize)),
    ("facility_w", "facility", |x| value(x, "W", None)),
    ("it_w", "IT", |x| value(x, "W", None)),
    ("gpu_w", "GPUs", |x| value(x, "W", None)),
    ("it_j_per_token", "IT energy per token", |x| format!("{} J", digits(x, 3))),
    ("pue", "PUE", |x| digits(x, 3)),
    ("headroom_k", "least headroom of a GPU", |x| format!("{} K", digits(x, 1))),
];

/// All of it in lines.
pub(super) fn lines(v: &View, trend: &Trend, width: usize, paint: Paint) -> Vec<Line<'static>> {
    let mut out = vec![super::head("Trends", paint)];
    let (Some(from), Some(to)) = (trend.unix_ms.first(), trend.unix_ms.last()) else {
        out.push(Line::from("No figure has been kept yet."));
        return out;
    };
    let text = format!("{} to {}; {} has {} GPUs", clock(*from), clock(*to), v.site, count(v.gpus));
    out.push(Line::styled(text, paint.soft()));
    out.extend(FIGURES.iter().flat_map(|f| figure(f, trend, width, paint)));
    out
}

fn figure((column, name, say): &Figure, trend: &Trend, width: usize, paint: Paint) -> Vec<Line<'static>> {
    let values = trend.columns.get(*column).map_or(&[][..], Vec::as_slice);
    let head = Span::styled((*name).to_owned(), paint.head());
    let Some(Plot { rows, least, most }) = plot(&trend.unix_ms, values, trend.every_ms, (width, ROWS)) else {
        return vec![Line::from(vec![head, Span::styled(format!("  {NOT_KNOWN}"), paint.soft())])];
    };
    let now = values.last().copied().flatten().map_or(NOT_KNOWN.to_owned(), |x| say(f64::from(x)));
    let words = format!("  {now}, {} to {}", say(least), say(most));
    let mut out = vec![Line::from(vec![head, Span::styled(words, paint.soft())])];
    out.extend(rows.into_iter().map(|row| Line::styled(row, paint.trend())));
    out
}
