//! Budgets of the hour ahead.
//!
//! Responsible for: the least that a branch may draw within the hour, and when that begins; and what the schedule lets it draw
//! now, so that a cut that is known is walked down to. Not for: what a limit point says (`outlook`).
//!
//! With a ramp r toward the grid, a cut to B at the time t_c lets a branch draw B + r (t_c - t) until then, ready half a minute
//! before; without one it begins with the policy's notice. Grid connections share the rate by their budgets; any other branch
//! falls no faster than the site may.
//!
//! A limit point says what holds until it says otherwise: it counts for the whole hour. A schedule is known ahead.

use crate::wants::Wants;
use headroom_site::{Site, Span, Stamp};

/// How far is looked ahead.
const AHEAD: Span = Span::from_ms(3_600_000);
/// Changes of a schedule that are looked at within the hour: each is at least a minute long.
const CHANGES: usize = 60;

/// A fall is over so long before its time: caps and meters settle, s.
pub const READY_S: f64 = 30.0;

/// What the policy's schedule lets each branch draw now, on its way to what is known to come, W.
pub(super) fn scheduled(site: &Site, wants: &Wants, now: Stamp, scheduled_w: &mut Vec<f64>) {
    scheduled_w.clear();
    let roots_w: f64 = site.power.iter().filter(|b| b.parent.is_none()).filter_map(|b| b.budget_w).sum();
    scheduled_w.extend(site.power.iter().enumerate().map(|(i, branch)| {
        let Some(rate) = wants.policy().grid.ramp_down else {
            return wants.scheduled_budget_w(site, i, now).unwrap_or(f64::INFINITY);
        };
        let share = branch.budget_w.filter(|_| branch.parent.is_none()).map_or(1.0, |own| own / roots_w);
        let falls = |at: Stamp| rate.per_s * share * (at.since(now).s() - READY_S).max(0.0);
        let least = wants.budget_at_w(site, i, now).unwrap_or(f64::INFINITY);
        changes(site, wants, i, now).fold(least, |least, at| {
            least.min(wants.budget_at_w(site, i, at).map_or(f64::INFINITY, |then| then + falls(at)))
        })
    }));
}

/// When a schedule may change the budget of a branch within the hour.
fn changes(site: &Site, wants: &Wants, branch: usize, now: Stamp) -> impl Iterator<Item = Stamp> {
    let next = move |t: &Stamp| {
        wants.next_budget_change(site, branch, *t).filter(|next| next > t && *next <= now + AHEAD)
    };
    std::iter::successors(next(&now), next).take(CHANGES)
}

/// The least budget of a branch within the hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetAhead {
    /// W, the reserve of the policy taken off as it is from the budget now; infinite where there is none.
    pub least_w: f64,
    /// When it begins; none while it holds already.
    pub begins: Option<Stamp>,
}

/// Looks at each branch.
pub(super) fn look_ahead(
    site: &Site,
    wants: &Wants,
    now: Stamp,
    said_w: &[f64],
    ahead: &mut Vec<BudgetAhead>,
) {
    ahead.clear();
    for (i, said) in said_w.iter().enumerate() {
        let at = |t: Stamp| wants.budget_at_w(site, i, t).unwrap_or(f64::INFINITY).min(*said);
        let mut least = BudgetAhead { least_w: at(now), begins: None };
        for t in changes(site, wants, i, now) {
            if at(t) < least.least_w {
                least = BudgetAhead { least_w: at(t), begins: Some(t) };
            }
        }
        least.least_w *= 1.0 - wants.budget_reserve;
        ahead.push(least);
    }
}
