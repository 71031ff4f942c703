//! Outlook: the future as far as it is known, and how sure that is.
//!
//! Responsible for: what each branch of the power tree may draw now and within the hour (the least of what the site allows, the
//! policy schedules, and a limit point says), and load, weather and price of the next hour as quantiles. Not for: how those
//! are forecast (`headroom-belief`, `outlook`), or acting on them.
//!
//! Rooms: `budgets` (the hour ahead of a branch), `futures` (what is forecast, and what it is seen by).

mod budgets;
mod futures;

pub use budgets::{BudgetAhead, READY_S};
pub use futures::{Future, Futures, What};

use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::topology::Topology;
use crate::wants::Wants;
use headroom_belief::outlook::series::minute_of;
use headroom_site::Site;

/// The future.
#[derive(Debug, Clone, Default)]
pub struct Outlook {
    /// Budget of each branch of the power tree now, W; infinite where there is none.
    pub budget_w: Vec<f64>,
    /// The least budget of each branch within the hour; as of the last minute.
    pub budget_ahead: Vec<BudgetAhead>,
    /// Load, weather and price.
    pub futures: Futures,
    /// What each branch's limit point said last when it was good, W; infinite before it has spoken.
    said_w: Vec<f64>,
    /// What the schedule lets each branch draw now, W.
    scheduled_w: Vec<f64>,
    /// The minute of the last look ahead.
    minute: Option<i64>,
}

impl Outlook {
    /// For a site.
    #[must_use]
    pub fn new(site: &Site, topology: &Topology, wants: &Wants) -> Self {
        Self { futures: Futures::new(site, topology, wants), ..Self::default() }
    }

    /// Looks ahead from a snapshot: at budgets each time, at the rest once a minute.
    pub fn look(&mut self, site: &Site, wants: &Wants, snapshot: &Snapshot, estimate: &Estimate) -> &Self {
        self.look_at_budgets(site, wants, snapshot);
        let minute = minute_of(snapshot.stamp);
        if self.minute.is_none_or(|last| minute > last) {
            if let Some(last) = self.minute {
                self.futures.close(last);
            }
            budgets::look_ahead(site, wants, snapshot.stamp, &self.said_w, &mut self.budget_ahead);
            self.minute = Some(minute);
        }
        self.futures.see(snapshot, estimate);
        self
    }

    /// What a branch is held to besides what the site file allows it, W: by its limit point, and by the policy on the way to what is
    /// known to come; infinite where nothing does.
    #[must_use]
    pub fn in_force_w(&self, branch: usize) -> f64 {
        self.said_w(branch).min(self.scheduled_w.get(branch).copied().unwrap_or(f64::INFINITY))
    }

    /// What the limit point of a branch said last, W; infinite before it has spoken.
    #[must_use]
    pub fn said_w(&self, branch: usize) -> f64 {
        self.said_w.get(branch).copied().unwrap_or(f64::INFINITY)
    }

    fn look_at_budgets(&mut self, site: &Site, wants: &Wants, snapshot: &Snapshot) {
        self.budget_w.clear();
        self.said_w.resize(site.power.len(), f64::INFINITY);
        budgets::scheduled(site, wants, snapshot.stamp, &mut self.scheduled_w);
        for (i, branch) in site.power.iter().enumerate() {
            let fixed = branch.budget_w.unwrap_or(f64::INFINITY);
            // A limit that was said stays in force while its point is silent or bad: neither lifts a curtailment, and
            // neither invents one.
            if let Some(now) = branch.limit.and_then(|p| snapshot.good(p)) {
                self.said_w[i] = now.max(0.0);
            }
            let said = self.said_w[i];
            self.budget_w.push(fixed.min(self.scheduled_w[i]).min(said) * (1.0 - wants.budget_reserve));
        }
    }
}

#[cfg(test)]
mod tests;
