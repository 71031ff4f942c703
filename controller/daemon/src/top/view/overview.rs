//! Overview: the four pairs, what is wrong, who may command what, and connections.

use super::pairs;
use crate::run::alarms::Level;
use crate::run::view::View;
use crate::say::count;
use crate::top::lay::{Column, wrap};
use crate::top::model::Trend;
use crate::top::paint::Paint;
use ratatui::text::{Line, Span};

/// All of it in lines.
pub(super) fn lines(v: &View, trend: &Trend, width: usize, paint: Paint) -> Vec<Line<'static>> {
    let mut out = pairs::lines(v, trend, width, paint);
    out.push(if v.verified {
        Line::from("Plant verified: every read-back that a held command needs is there and fits it.")
    } else {
        Line::styled("Plant NOT verified: read-backs or agents are missing.", paint.alarm())
    });
    out.push(super::head("What is wrong", paint));
    out.extend(wrong(v, width, paint));
    out.push(super::head("Modes", paint));
    out.extend(groups(v, width));
    out.push(super::head("Connections", paint));
    let items: Vec<Vec<String>> = v.connections.iter().map(|c| vec![c.id.clone(), c.state.clone()]).collect();
    out.extend(super::rows(
        &[Column::words("connection"), Column::words("state")],
        &items,
        width,
        "No connection has been looked at yet.",
    ));
    out
}

fn wrong(v: &View, width: usize, paint: Paint) -> Vec<Line<'static>> {
    if v.alarms.is_empty() {
        let word = Span::styled("Nothing ", paint.well());
        return vec![Line::from(vec![word, Span::raw("is wrong that the daemon knows of.")])];
    }
    let mut out = Vec::new();
    for t in &v.alarms {
        let style = match t.level {
            Level::Alarm => paint.alarm(),
            Level::Warning => paint.warning(),
            Level::Notice => paint.head(),
        };
        let mut title = wrap(&format!("{} {}", t.level, t.title), 0, width).into_iter();
        out.extend(title.next().map(|first| Line::styled(first, style)));
        out.extend(title.map(Line::from));
        for evidence in t.evidence.iter().chain([&t.action]) {
            out.extend(wrap(evidence, 4, width).into_iter().map(|l| Line::styled(l, paint.soft())));
        }
    }
    out
}

/// What a mode means.
fn meaning(mode: &str) -> &'static str {
    match mode {
        "off" => "nothing is computed for it",
        "shadow" => "computed and kept, not published",
        "advisory" => "computed and published, not commanded",
        "active" => "commanded, within the guard's limits",
        "hold" => "held or tightened; nothing new is asked",
        "fallback" => "let go; the plant's own sequence runs",
        _ => "",
    }
}

fn groups(v: &View, width: usize) -> Vec<Line<'static>> {
    let row = |g: &crate::run::pairs::GroupView| {
        let name = if g.group == "caps" { "GPU caps and clocks" } else { g.group.as_str() };
        vec![name.to_owned(), g.mode.clone(), count(g.members), meaning(&g.mode).to_owned()]
    };
    let items: Vec<Vec<String>> = v.pairs.groups.iter().map(row).collect();
    let columns = [
        Column::words("group"),
        Column::words("mode"),
        Column::number("members"),
        Column::words("which means"),
    ];
    super::rows(&columns, &items, width, "The site file has neither GPUs nor actuators.")
}
