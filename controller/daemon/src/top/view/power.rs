//! Power: the tree with budgets, and what the GPUs of each job may and do.

use crate::run::view::{BranchView, JobView, View};
use crate::say::{NOT_KNOWN, count, percent, quantity, value};
use crate::top::lay::{Column, flow};
use crate::top::paint::Paint;
use ratatui::text::{Line, Span};
use std::collections::BTreeMap;

/// Cells of a bar.
const BAR: usize = 10;

/// All of it in lines.
pub(super) fn lines(v: &View, width: usize, paint: Paint) -> Vec<Line<'static>> {
    let mut out = vec![super::head("Power tree", paint)];
    let words = |text: String| flow(&[text], 0, width).into_iter().map(Line::from);
    out.extend(words(held(v)));
    out.extend(branches(v, width));
    out.push(super::head("Caps and clocks of jobs", paint));
    if v.jobs.is_empty() {
        out.push(Line::from("The site file names no job."));
    }
    out.extend(v.jobs.iter().flat_map(|j| job(j, width, paint)));
    out
}

/// What holds caps and clocks, in a sentence.
fn held(v: &View) -> String {
    let w = |w: f64| value(w, "W", None);
    match v.ramp.filter(|r| r.needs_w > r.may_draw_w) {
        Some(r) => format!(
            "On its way up: the site draws {} of {} now, and is to draw {}.",
            w(r.draws_w),
            w(r.may_draw_w),
            w(r.needs_w)
        ),
        None if v.caps_bind => {
            "A budget, a temperature or a job holds caps or clocks below their highest.".to_owned()
        }
        None => "Nothing holds caps or clocks below their highest.".to_owned(),
    }
}

/// Children after their parents, with their depth; one whose parent is not there stands at the top.
fn tree(branches: &[BranchView]) -> Vec<(usize, &BranchView)> {
    let place: BTreeMap<&str, usize> = branches.iter().enumerate().map(|(i, b)| (b.id.as_str(), i)).collect();
    let mut below: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for (i, b) in branches.iter().enumerate() {
        let parent = b.parent.as_deref().and_then(|p| place.get(p)).copied();
        below.entry(parent).or_default().push(i);
    }
    let mut out = Vec::with_capacity(branches.len());
    let mut open: Vec<(usize, usize)> = Vec::new();
    let push = |open: &mut Vec<(usize, usize)>, parent: Option<usize>, depth: usize| {
        let children = below.get(&parent).map_or(&[][..], Vec::as_slice);
        open.extend(children.iter().rev().map(|c| (depth, *c)));
    };
    push(&mut open, None, 0);
    while let Some((depth, at)) = open.pop() {
        out.push((depth, &branches[at]));
        push(&mut open, Some(at), depth + 1);
    }
    out
}

fn branches(v: &View, width: usize) -> Vec<Line<'static>> {
    let row = |(depth, b): &(usize, &BranchView)| {
        vec![
            format!("{}{} ({})", "  ".repeat(*depth), b.id, b.kind),
            value(b.power_w, "W", None),
            quantity(b.budget_w, "W", None, "none"),
            share(b.budget_w.filter(|w| *w > 0.0).map(|w| b.power_w / w)),
        ]
    };
    let rows: Vec<Vec<String>> = tree(&v.branches).iter().map(row).collect();
    let columns = [
        Column::words("branch"),
        Column::number("power"),
        Column::number("budget"),
        Column::words("share of it"),
    ];
    super::rows(&columns, &rows, width, "The site file has no power tree.")
}

/// A bar with its share as a number, and a word where it is near or over.
fn share(share: Option<f64>) -> String {
    let Some(share) = share else { return "no budget".to_owned() };
    let full = ((share.clamp(0.0, 1.0) * BAR as f64).round() as usize).min(BAR);
    let word = match share {
        s if s > 1.0 => " over",
        s if s > 0.9 => " near",
        _ => "",
    };
    format!("[{}{}] {}{word}", "#".repeat(full), ".".repeat(BAR - full), percent(share, 0))
}

fn job(j: &JobView, width: usize, paint: Paint) -> Vec<Line<'static>> {
    let none = "not known: none of its GPUs says its clock";
    let clocked = |text: String| if j.gpus_clocked > 0 { text } else { none.to_owned() };
    let range = match (j.cap_least_w, j.cap_most_w) {
        (Some(least), Some(most)) => format!(" ({} to {})", value(least, "W", None), value(most, "W", None)),
        _ => String::new(),
    };
    // A lock below what is wanted is a budget's or a temperature's.
    let bound = j.lock_mhz.is_some_and(|lock| j.wanted_mhz.is_none_or(|wanted| lock < wanted - 0.5));
    let why = if bound { "as fast as budgets and temperatures allow" } else { j.clock_why.as_str() };
    let saves = j.wanted_mhz.map(|_| j.clock_saves_w);
    let items = [
        format!("power {}", quantity(j.power_w, "W", None, NOT_KNOWN)),
        format!("cap of a GPU {}{range}", quantity(j.cap_mean_w, "W", None, NOT_KNOWN)),
        format!("clock {}", clocked(value(j.clock_mhz, "MHz", Some(0)))),
        format!("spread {}", clocked(percent(j.clock_cv, 2))),
        format!("lock {}", quantity(j.lock_mhz, "MHz", Some(0), "none")),
        format!("saves {}", quantity(saves, "W", None, "nothing")),
        format!("why: {why}"),
    ];
    let mut out = vec![Line::from(vec![
        Span::styled(j.id.clone(), paint.head()),
        Span::styled(format!("  {}, {} GPUs", j.kind, count(j.gpus)), paint.soft()),
    ])];
    out.extend(flow(&items, 2, width).into_iter().map(Line::from));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_stand_below_their_parents_and_loops_end() {
        let branch = |id: &str, parent: Option<&str>| BranchView {
            id: id.into(),
            parent: parent.map(str::to_owned),
            ..BranchView::default()
        };
        let all =
            [branch("c", Some("b")), branch("a", None), branch("b", Some("a")), branch("x", Some("gone"))];
        let ids: Vec<(usize, &str)> = tree(&all).iter().map(|(d, b)| (*d, b.id.as_str())).collect();
        assert_eq!(ids, [(0, "a"), (1, "b"), (2, "c"), (0, "x")]);
        assert!(tree(&[branch("a", Some("b")), branch("b", Some("a"))]).is_empty());
        assert_eq!(share(Some(0.95)), "[##########] 95 % near");
        assert_eq!(share(Some(1.2)), "[##########] 120 % over");
        assert_eq!(share(None), "no budget");
    }
}
