//! What a branch of the power tree may draw at an instant.
//!
//! Of the budgets in force for a branch the one with the highest `priority` counts; among equals the lowest. The
//! site's own budget holds beneath all of them: a policy can only ask for less. The reserve of `[headroom]` is
//! not taken off here; who allocates takes it off together with the meter's uncertainty.

use crate::model::Policy;
use crate::schedule::Schedule;
use crate::words::Spans;
use headroom_site::model::PowerNode;
use headroom_site::{Power, PowerId, Ratio, Site, Span, Stamp};

/// Which branches a budget is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Branches {
    /// The branch with this id.
    One(String),
    /// Every branch of this kind, in the site's words: feed, ups, busway, rack, ...
    Kind(String),
    /// Every branch that no other branch feeds: the grid connections.
    Roots,
}

impl Branches {
    /// True if a branch is one of them.
    #[must_use]
    pub fn holds(&self, branch: &PowerNode) -> bool {
        match self {
            Self::One(id) => branch.id == *id,
            Self::Kind(kind) => branch.kind == *kind,
            Self::Roots => branch.parent.is_none(),
        }
    }
}

/// How much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BudgetLimit {
    /// So much.
    Power(Power),
    /// So much of the site's own budget of the branch.
    Share(Ratio),
}

impl BudgetLimit {
    /// In power, for a branch; none for a share of a branch without a budget.
    #[must_use]
    pub fn of(self, branch: &PowerNode) -> Option<Power> {
        match self {
            Self::Power(power) => Some(power),
            Self::Share(share) => branch.budget_w.map(|w| Power::watts(w * share.as_fraction())),
        }
    }
}

/// One `[[budget]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// For which branches.
    pub branches: Branches,
    /// How much.
    pub limit: BudgetLimit,
    /// When.
    pub schedule: Schedule,
    /// Where several are in force, the highest counts.
    pub priority: i64,
    pub(crate) at: Spans,
}

impl Policy {
    /// What a branch may draw at an instant: the budget in force, or the site's own if that is lower. None if
    /// neither limits it.
    #[must_use]
    pub fn budget_at(&self, site: &Site, branch: PowerId, stamp: Stamp) -> Option<Power> {
        let node = site.power.get(branch.index())?;
        let own = node.budget_w.map(Power::watts);
        let mut wanted: Option<(i64, Power)> = None;
        for budget in self.budgets.iter().filter(|b| b.branches.holds(node)) {
            if !budget.schedule.holds(self.clock, stamp) {
                continue;
            }
            let Some(limit) = budget.limit.of(node) else { continue };
            wanted = match wanted {
                Some((p, l)) if p > budget.priority || (p == budget.priority && l <= limit) => Some((p, l)),
                _ => Some((budget.priority, limit)),
            };
        }
        match (wanted.map(|(_, l)| l), own) {
            (Some(a), Some(b)) => Some(if a < b { a } else { b }),
            (a, b) => a.or(b),
        }
    }

    /// The next instant after `stamp` at which the budget of a branch may change, if the policy has one.
    #[must_use]
    pub fn next_budget_change(&self, site: &Site, branch: PowerId, stamp: Stamp) -> Option<Stamp> {
        let node = site.power.get(branch.index())?;
        self.budgets
            .iter()
            .filter(|b| b.branches.holds(node))
            .filter_map(|b| b.schedule.next_change(self.clock, stamp))
            .min()
    }

    /// The lowest budget of a branch from `stamp` on for `ahead` (such as the notice of `[grid]`).
    #[must_use]
    pub fn lowest_budget(&self, site: &Site, branch: PowerId, stamp: Stamp, ahead: Span) -> Option<Power> {
        let end = stamp + ahead;
        let mut lowest = self.budget_at(site, branch, stamp);
        let mut now = stamp;
        while let Some(next) = self.next_budget_change(site, branch, now).filter(|n| *n > now && *n <= end) {
            now = next;
            if let Some(b) = self.budget_at(site, branch, now)
                && lowest.is_none_or(|l| b < l)
            {
                lowest = Some(b);
            }
        }
        lowest
    }
}
