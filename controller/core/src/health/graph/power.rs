//! Meters against those behind them.

use super::{Builder, Loop};
use crate::align::plausible::behind;
use crate::words::Words;
use headroom_belief::loops::Equation;
use headroom_site::PointId;

/// One network of all meters; of those that are heard on loops, with the heat that they become, nothing is said here.
pub(super) fn meters(words: &Words<'_>, heard: &[PointId]) -> Option<Loop> {
    let site = words.site;
    let mut b = Builder::new(site);
    for (i, branch) in site.power.iter().enumerate() {
        // A generator feeds beside a feed, and a battery what a UPS feeds: they owe nobody a sum.
        if ["feed", "ups"].contains(&branch.kind.as_str()) {
            continue;
        }
        let children = site.power.iter().filter(|c| c.parent.is_some_and(|p| p.index() == i)).count();
        let parts = behind(site, i);
        // What is not metered behind it is no error of its own.
        if let (Some(whole), true) = (branch.meter, !parts.is_empty() && parts.len() == children) {
            let sum = Equation::Sum { whole: b.var(whole), parts: b.vars(&parts) };
            b.equation(&branch.id, sum);
        }
    }
    let racks: Vec<PointId> = words.racks().iter().filter_map(|r| words.only_power(r)).collect();
    if let (Some(it), true) = (site.meters.it, !racks.is_empty() && racks.len() == words.racks().len()) {
        let sum = Equation::Sum { whole: b.var(it), parts: b.vars(&racks) };
        b.equation("IT", sum);
    }
    heard.iter().for_each(|p| b.silent(*p));
    b.finish()
}
