//! Cooling: each actuator with what stands, what is asked, what the guard left and why, and what it measures; headroom of
//! loops and racks.

use crate::run::actuators::{ActuatorView, PointNow};
use crate::run::places::PlaceView;
use crate::run::view::View;
use crate::say::{NOT_KNOWN, known, quantity, span};
use crate::top::lay::{Column, flow};
use crate::top::paint::Paint;
use ratatui::text::{Line, Span};

/// All of it in lines.
pub(super) fn lines(v: &View, width: usize, paint: Paint) -> Vec<Line<'static>> {
    let mut out = vec![super::head("Actuators", paint)];
    let what = "Asked is what was proposed at the last decision; left is what the guard made of it.";
    out.extend(flow(&[what.to_owned()], 0, width).into_iter().map(|l| Line::styled(l, paint.soft())));
    if v.actuators.is_empty() {
        out.push(Line::from("The site file has no actuator: nothing is asked of the cooling."));
    }
    out.extend(v.actuators.iter().flat_map(|a| actuator(a, width, paint)));
    for (kind, name, none) in [
        ("cooling", "Headroom of the loops", "The site file has no cooling loop."),
        ("rack", "Headroom of the racks", "The site file has no rack with GPUs."),
    ] {
        out.push(super::head(name, paint));
        out.extend(places(v, kind, width, none));
    }
    out
}

fn actuator(a: &ActuatorView, width: usize, paint: Paint) -> Vec<Line<'static>> {
    let of = |x: Option<f64>, none: &str| quantity(x, &a.unit, None, none);
    let range = format!("  {} to {}", of(Some(a.least), NOT_KNOWN), of(Some(a.most), NOT_KNOWN));
    let head = vec![
        Span::styled(a.id.clone(), paint.head()),
        Span::raw(format!("  {}", a.mode)),
        Span::styled(range, paint.soft()),
    ];
    let left = of(a.admitted, if a.asked.is_some() { "refused" } else { "nothing" });
    let decided = [
        format!("stands {}", of(a.stands, NOT_KNOWN)),
        format!("asked {}", of(a.asked, "nothing")),
        format!("left {left}"),
        a.guard.as_ref().map_or(String::new(), |guard| format!("guard: {guard}")),
        format!("why: {}", a.why),
        a.held_back.as_ref().map_or(String::new(), |h| format!("held back: {}; {}", h.why, h.state)),
        a.instruction.as_ref().map_or(String::new(), |said| format!("operator: {said}")),
    ];
    let points = [format!("in force {}", point(&a.in_force)), format!("measures {}", point(&a.measures))];
    let mut out = vec![Line::from(head)];
    out.extend(flow(&decided, 2, width).into_iter().map(Line::from));
    out.extend(flow(&points, 2, width).into_iter().map(|l| Line::styled(l, paint.soft())));
    out
}

/// A point with its value, whose it is and what is wrong with it.
fn point(p: &PointNow) -> String {
    let more: Vec<&str> = [&p.not_good, &p.point].into_iter().flatten().map(String::as_str).collect();
    format!("{} ({})", quantity(p.value, &p.unit, None, NOT_KNOWN), more.join(", "))
}

/// Those of a kind, the least headroom first.
fn places(v: &View, kind: &str, width: usize, none: &str) -> Vec<Line<'static>> {
    let mut all: Vec<&PlaceView> = v.places.iter().filter(|p| p.kind == kind).collect();
    let least = |p: &PlaceView| p.headroom_full_load_k.unwrap_or(f64::INFINITY);
    all.sort_by(|a, b| least(a).total_cmp(&least(b)));
    let row = |p: &&PlaceView| {
        vec![
            p.id.clone(),
            quantity(p.headroom_k, "K", Some(1), NOT_KNOWN),
            quantity(p.headroom_full_load_k, "K", Some(1), NOT_KNOWN),
            quantity(Some(p.headroom_w), "W", None, NOT_KNOWN),
            known(p.headroom_s).map_or("no end in sight".to_owned(), span),
            p.first.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let columns = [
        Column::words("place"),
        Column::number("now"),
        Column::number("at full load"),
        Column::number("as power"),
        Column::number("as time"),
        Column::words("met first"),
    ];
    super::rows(&columns, &rows, width, none)
}
