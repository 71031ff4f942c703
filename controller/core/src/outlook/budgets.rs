//! Budgets of the hour ahead.
//!
//! Responsible for: the least that a branch may draw within the hour, and when that begins. Not for: the budget that caps are
//! held to, which takes the notice of the policy into account (`outlook`).
//!
//! A limit point says what holds until it says otherwise: it counts for the whole hour. A schedule is known ahead.

use crate::wants::Wants;
use headroom_site::{Site, Span, Stamp};

/// How far is looked ahead.
const AHEAD: Span = Span::from_ms(3_600_000);
/// Changes of a schedule that are looked at within the hour: each is at least a minute long.
const CHANGES: usize = 60;

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
        let mut t = now;
        for _ in 0..CHANGES {
            let Some(next) = wants.next_budget_change(site, i, t) else { break };
            if next <= t || next > now + AHEAD {
                break;
            }
            t = next;
            if at(t) < least.least_w {
                least = BudgetAhead { least_w: at(t), begins: Some(t) };
            }
        }
        least.least_w *= 1.0 - wants.budget_reserve;
        ahead.push(least);
    }
}
