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
    let most_w = most_w(site);
    site.points.iter().map(|p| p.range.or_else(|| possible(p, most_w))).collect()
}

fn possible(point: &Point, most_w: f64) -> Option<(f64, f64)> {
    match point.unit.dimension {
        // the coldest air and the hottest pipe
        Dimension::Temperature => Some((-100.0, 500.0)),
        Dimension::TemperatureDelta => Some((-600.0, 600.0)),
        Dimension::Power => Some((-most_w, most_w)),
        _ => None,
    }
}

/// The largest power that a meter of the site can show, W: of a branch, of the whole site, or of a battery.
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
