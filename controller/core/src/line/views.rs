//! What the line lets others see after a tick.

use super::{Advice, HeldBack, Line};
use crate::align::lags::Lags;
use crate::align::plausible::Plausible;
use crate::align::{Snapshot, Sources};
use crate::estimate::Estimate;
use crate::health::Health;
use crate::ledger::Ledger;
use crate::metering::Metering;
use crate::outlook::Outlook;
use crate::propose::cooling::predictive::Outcome;
use crate::propose::power::{CapProposal, JobClock, SiteRamp, SiteSwing, Steady};
use crate::site_filter::SiteFilter;
use crate::topology::Topology;
use crate::wants::Wants;
use crate::warn::Warnings;
use headroom_guard::Mode;
use headroom_policies::PowerStrategy;
use headroom_site::Site;

impl Line {
    /// The clocks of those who stamp.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        self.align.sources()
    }

    /// Clocks-event reasons of a GPU that stand, as NVML bits.
    #[must_use]
    pub fn reasons(&self, gpu: usize) -> u32 {
        self.align.reasons(gpu)
    }

    /// The power strategy as it is now, for whoever asks what it would do.
    pub(crate) fn steady_now(&self) -> Steady {
        self.steady.clone()
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// What is wanted of the jobs' clocks, and why.
    #[must_use]
    pub fn job_clocks(&self) -> &[JobClock] {
        self.efficient.clocks()
    }

    /// How the tokens of a job follow its clock (elasticity), and the standard deviation of that; `None` where it is not learned.
    #[must_use]
    pub fn tokens_follow(&self, job: usize) -> Option<(f64, f64)> {
        self.efficient.tokens_follow(job)
    }

    /// The site on its way up, where the policy limits how fast it may rise.
    #[must_use]
    pub fn ramp(&self) -> Option<SiteRamp> {
        self.steady.ramp()
    }

    /// The swing of the site, where the policy limits it.
    #[must_use]
    pub fn swing(&self) -> Option<SiteSwing> {
        self.steady.swing()
    }

    /// What is asked of a branch at this instant by its limit point and the policy, without what is known to come, W; infinite
    /// where nothing is.
    #[must_use]
    pub fn asked_w(&self, branch: usize) -> f64 {
        let scheduled = self.wants.budget_at_w(&self.site, branch, self.align.last().stamp);
        self.outlook.said_w(branch).min(scheduled.unwrap_or(f64::INFINITY))
    }

    /// What a branch would draw at the recent peaks of its GPUs at the clocks that are wanted of them, W: no more than that, as
    /// peaks fall on different seconds.
    #[must_use]
    pub fn branch_needs_w(&self, branch: usize) -> f64 {
        let e = self.estimator.last();
        let gpus_w: f64 = match self.wants.power {
            PowerStrategy::Steady => self.steady.needs_w(&self.topology, branch),
            PowerStrategy::Hold => {
                let most = |g: usize| e.demand.peak_power(g).min(e.limits.cap_w[g]);
                self.topology.gpus_of_branch(branch).map(most).sum()
            }
        };
        gpus_w + e.other_w[branch]
    }

    /// The wants.
    #[must_use]
    pub fn wants(&self) -> &Wants {
        &self.wants
    }

    /// The last snapshot.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        self.align.last()
    }

    /// Points in doubt, and why.
    #[must_use]
    pub fn plausible(&self) -> &Plausible {
        self.align.plausible()
    }

    /// The last belief.
    #[must_use]
    pub fn estimate(&self) -> &Estimate {
        self.estimator.last()
    }

    /// The last outlook.
    #[must_use]
    pub fn outlook(&self) -> &Outlook {
        &self.outlook
    }

    /// The last caps, after the guard.
    #[must_use]
    pub fn caps(&self) -> &CapProposal {
        &self.caps
    }

    /// The setpoints of the last cooling tick.
    #[must_use]
    pub fn advice(&self) -> &[Advice] {
        &self.advice
    }

    /// How far meters are behind the GPUs below them.
    #[must_use]
    pub fn lags(&self) -> &Lags {
        self.align.lags()
    }

    /// The site's graph.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// GPUs that will slow down for heat soon.
    #[must_use]
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// What ails the plant.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The site's model beside the plant, if one was learned.
    #[must_use]
    pub fn foresight(&self) -> Option<&SiteFilter> {
        self.foresight.as_ref()
    }

    /// What came of the last plan of the next hour.
    #[must_use]
    pub const fn plan(&self) -> Outcome {
        self.predictive.outcome()
    }

    /// What a rack's flow has over the least it needs, in kelvins of a cooling move, as of the last cooling tick.
    #[must_use]
    pub fn flow_k(&self, rack: usize) -> Option<f64> {
        self.survey.flow_k(rack)
    }

    /// Actuators that are held back or let go beside what is wanted of them, and why.
    pub fn held_back(&self) -> impl Iterator<Item = HeldBack> + '_ {
        let wanted = |h: &HeldBack| self.wants.actuator_mode[h.actuator].may_write();
        self.ladder.held_back().filter(wanted)
    }

    /// The mode an actuator runs in: what is wanted of it, less what holds it back.
    #[must_use]
    pub fn running_mode(&self, actuator: usize) -> Mode {
        let (wanted, _) = self.instructed.mode(&self.wants, actuator, self.align.last().stamp);
        self.ladder.mode(actuator, wanted)
    }

    /// Energies and gains of GPUs.
    #[must_use]
    pub fn metering(&self) -> &Metering {
        &self.metering
    }

    /// What it cost.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Readings and reports that were older than what was known, came twice, or are of nobody that the site file knows.
    #[must_use]
    pub fn passed_over(&self) -> u64 {
        self.align.late + self.align.unknown
    }

    /// Commands issued so far.
    #[must_use]
    pub fn issued(&self) -> u64 {
        self.leases.issued()
    }
}
