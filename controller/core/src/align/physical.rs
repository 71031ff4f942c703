//! What no sensor of a site can show, where the site file gives no range.
//!
//! Responsible for: bounds far outside of what is possible, so that words that changed places, or a unit that is off by
//! thousands, are no readings. Not for: what is merely unlikely (`plausible`).

use headroom_site::model::Point;
use headroom_site::{Dimension, Site};

/// Times what the site may draw, from which on a power is no power of this site.
const TIMES: f64 = 5.0;
/// The same where nothing says what the site may draw, W: more than any site draws.
const MOST_W: f64 = 1e10;

/// Bounds of a point in its base unit: those of the site file, or what is possible.
pub(super) fn bounds(site: &Site) -> Vec<Option<(f64, f64)>> {
    let tree_w = most_w(site);
    // a meter outside of the power tree may be of more than this site
    let most_w = |i: usize| {
        let branch = site.power.iter().any(|b| b.meter.is_some_and(|m| m.index() == i));
        if branch { tree_w } else { MOST_W }
    };
    let points = site.points.iter().enumerate();
    points.map(|(i, p)| p.range.or_else(|| possible(p, || most_w(i)))).collect()
}

fn possible(point: &Point, most_w: impl Fn() -> f64) -> Option<(f64, f64)> {
    match point.unit.dimension {
        // the coldest air and the hottest exhaust
        Dimension::Temperature => Some((-100.0, 1000.0)),
        Dimension::TemperatureDelta => Some((-1000.0, 1000.0)),
        Dimension::Power => {
            let most_w = most_w();
            Some((-most_w, most_w))
        }
        // the water of a gigawatt; what cuts steel; what a busbar of a power station carries; a transmission line
        Dimension::Flow => Some((-1e6, 1e6)),
        Dimension::Pressure => Some((-1e5, 1e5)),
        Dimension::Current => Some((-1e6, 1e6)),
        Dimension::Voltage => Some((-1e6, 1e6)),
        // ten thousand percent
        Dimension::Ratio => Some((-100.0, 100.0)),
        _ => None,
    }
}

/// The largest power that a meter of a branch can show, W.
fn most_w(site: &Site) -> f64 {
    let gpus: f64 = site.gpus.iter().map(|g| site.skus[g.sku].max_cap_w).sum();
    let others: f64 = site.nodes.iter().map(|n| n.other_w).sum();
    let roots = || site.power.iter().filter(|b| b.parent.is_none());
    let budgets: Option<f64> = roots().map(|b| b.budget_w).sum();
    match budgets.filter(|_| roots().next().is_some()) {
        Some(budgets) => TIMES * budgets.max(gpus + others),
        None => MOST_W,
    }
}
