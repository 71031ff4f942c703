//! Outlook: the future as far as it is known. First version: persistence. The load goes on as its recent peak; budgets
//! are the least of what the site allows, the policy schedules, and a limit point says.

use crate::align::Snapshot;
use crate::wants::Wants;
use headroom_site::Site;

/// The future.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outlook {
    /// Budget of each branch of the power tree now, W; infinite where there is none.
    pub budget_w: Vec<f64>,
    /// What each branch's limit point said last when it was good, W; infinite before it has spoken.
    said_w: Vec<f64>,
}

impl Outlook {
    /// Looks ahead from a snapshot.
    pub fn look(&mut self, site: &Site, wants: &Wants, snapshot: &Snapshot) -> &Self {
        self.budget_w.clear();
        self.said_w.resize(site.power.len(), f64::INFINITY);
        for (i, branch) in site.power.iter().enumerate() {
            let fixed = branch.budget_w.unwrap_or(f64::INFINITY);
            let scheduled = wants.scheduled_budget_w(site, i, snapshot.stamp).unwrap_or(f64::INFINITY);
            // A limit that was said stays in force while its point is silent or bad: neither lifts a curtailment, and
            // neither invents one.
            if let Some(now) = branch.limit.and_then(|p| snapshot.good(p)) {
                self.said_w[i] = now.max(0.0);
            }
            let said = self.said_w[i];
            self.budget_w.push(fixed.min(scheduled).min(said) * (1.0 - wants.budget_reserve));
        }
        self
    }
}

#[cfg(test)]
mod tests;
