//! Why a point counts for as much as it does.

use super::{Explanation, Item};
use crate::run::record::DoubtRecord;
use headroom_core::Line;
use headroom_site::PointId;

pub(super) fn explain(line: &Line, point: PointId) -> Explanation {
    let site = line.site();
    let (p, seen) = (&site.points[point.index()], &line.snapshot().points[point.index()]);
    let unit = p.unit.dimension.base();
    let doubts: Vec<DoubtRecord> =
        DoubtRecord::all(line).into_iter().filter(|d| d.point == p.id || d.with.contains(&p.id)).collect();
    let says = if seen.quality.is_good() {
        format!("{:.3} {unit}, {:.1} s ago: it is used", seen.value, seen.age.s())
    } else {
        format!("{}: it is not used", seen.quality)
    };
    let (value, sigma) = line.estimate().point(point);
    let mut items = vec![
        Item::new("believed", format!("{value:.3} +- {sigma:.3} {unit}")),
        Item::new("stale after", format!("{:.0} s", p.stale_after.s())),
    ];
    items.extend(doubts.iter().map(|d| {
        Item::new("doubt", format!("{} ({}, since {}, with {})", d.why, d.rule, d.since, d.with.join(", ")))
            .binding(d.point == p.id)
    }));
    let bounds = (p.limit_low, p.limit_high);
    if let (Some(_), _) | (_, Some(_)) = bounds {
        let show = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.2}"));
        items.push(Item::new("limits", format!("{} to {} {unit}", show(bounds.0), show(bounds.1))));
    }
    Explanation {
        of: p.id.clone(),
        kind: "point".to_owned(),
        time: line.snapshot().stamp.to_string(),
        says,
        items,
        needs: Vec::new(),
        events: Vec::new(),
    }
}
