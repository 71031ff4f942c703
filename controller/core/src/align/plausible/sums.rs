//! Sums: a meter shows at least what the meters behind it show.
//!
//! ```text
//! mean(P) >= 0.95 sum(mean(P_k))         means over a minute
//! ```
//! Nothing between a panel and what it feeds makes energy. Meters are of class 0.5 to 1 (IEC 62053-22) and read at other
//! times, while loads swing in step; so means over a minute are compared, and 5 % are left. More than the sum is no
//! contradiction: not everything is metered. Feeds and UPS stand beside batteries and generators, and are not compared.

use super::court::Court;
use super::lie::Lie;
use crate::align::Snapshot;
use crate::words::Words;
use headroom_site::{PointId, PowerId, Site, Stamp};

/// Time constant of the means, s.
const TAU_S: f64 = 60.0;
/// Least share of its parts that a whole shows.
const LEAST: f64 = 0.95;
/// Below this nothing is compared, W.
const SMALL_W: f64 = 2_000.0;

/// A meter and those behind it.
#[derive(Debug, Clone)]
struct Sum {
    whole: PointId,
    parts: Vec<PointId>,
    /// Means of the whole and of the sum, W.
    mean_w: Option<(f64, f64)>,
}

/// The rule.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    sums: Vec<Sum>,
    last: Option<Stamp>,
}

impl Sums {
    pub(super) fn new(words: &Words<'_>) -> Self {
        let site = words.site;
        let mut sums = Vec::new();
        let mut add = |whole: Option<PointId>, parts: Option<Vec<PointId>>| {
            if let (Some(whole), Some(parts)) = (whole, parts)
                && !parts.is_empty()
                && !parts.contains(&whole)
            {
                sums.push(Sum { whole, parts, mean_w: None });
            }
        };
        let racks: Vec<&str> = words.racks().into_iter().collect();
        let it: Vec<PointId> = racks.iter().filter_map(|r| words.power(r)).collect();
        add(site.meters.it, Some(it));
        for (i, branch) in site.power.iter().enumerate() {
            if !["feed", "ups", "site"].contains(&branch.kind.as_str()) {
                add(branch.meter, Some(behind(site, i)));
            }
        }
        Self { sums, last: None }
    }

    pub(super) fn look(&mut self, snapshot: &Snapshot, court: &mut Court) {
        let dt_s = self.last.map_or(1.0, |last| snapshot.stamp.since(last).s()).max(0.0);
        self.last = Some(snapshot.stamp);
        let x = (dt_s / TAU_S).min(1.0);
        for sum in &mut self.sums {
            let parts: Option<f64> = sum.parts.iter().map(|p| snapshot.good(*p)).sum();
            let (Some(whole), Some(parts)) = (snapshot.good(sum.whole), parts) else {
                sum.mean_w = None;
                continue;
            };
            let (w, p) = sum.mean_w.unwrap_or((whole, parts));
            let (whole_w, parts_w) = (mean(w, whole, x), mean(p, parts, x));
            sum.mean_w = Some((whole_w, parts_w));
            if parts_w < SMALL_W || whole_w >= LEAST * parts_w {
                continue;
            }
            let lie = Lie::LessThanParts { whole_w, parts_w, parts: sum.parts.len() };
            court.whole(sum.whole, &sum.parts, lie);
        }
    }
}

/// First-order mean; a step beyond a factor of three begins anew, or a wild value would stay in it for hours.
fn mean(mean: f64, now: f64, x: f64) -> f64 {
    if (mean / 3.0..=mean * 3.0).contains(&now) { mean + (now - mean) * x } else { now }
}

/// Meters right behind a branch.
pub(crate) fn behind(site: &Site, branch: usize) -> Vec<PointId> {
    let children = site.power.iter().filter(|b| b.parent == Some(PowerId(branch as u32)));
    children.filter_map(|b| b.meter).collect()
}
