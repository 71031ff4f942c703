//! The clock of a synchronous job: tokens are given up only as far, and only where, the policy says.

use super::{ClockWhy, Group, passed, saves_w};
use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::wants::Wants;
use headroom_belief::pace::{Pace, Prior};
use headroom_policies::Prefer;
use headroom_site::{JobId, PointId, Site, Span, Stamp};

/// Over so long tokens are counted: some iterations.
const COUNT_EACH: Span = Span::from_ms(60_000);
/// Time between two decisions.
const EACH: Span = Span::from_ms(60_000);
/// Standard deviations of its elasticity that are not trusted.
const SIGMAS: f64 = 2.0;

/// What is known of the job.
#[derive(Debug, Clone)]
pub(super) struct Training {
    counters: Vec<PointId>,
    prefer: Prefer,
    max_loss: f64,
    /// Earned per token and paid per joule, money.
    prices: (f64, f64),
    pace: Pace,
    power: Pace,
    /// The newest reading of a counter that was looked at.
    newest: Option<Stamp>,
    /// Tokens counted, and when.
    counted: Option<(Stamp, f64)>,
    /// Sums of clocks and watts seen since then, and their number.
    clocks: (f64, f64, u32),
    tokens_per_s: Option<f64>,
    decided: Option<Stamp>,
}

impl Training {
    pub(super) fn new(site: &Site, wants: &Wants, id: JobId) -> Self {
        let objective = &wants.policy().objective;
        Self {
            counters: site.jobs[id.index()].tokens.clone(),
            prefer: objective.prefer,
            max_loss: objective.max_token_loss.as_fraction(),
            prices: (objective.tokens.per_token(), objective.energy_cost_per_joule()),
            pace: Pace::new(Prior::TOKENS),
            power: Pace::new(Prior::TRAINING_POWER),
            newest: None,
            counted: None,
            clocks: (0.0, 0.0, 0),
            tokens_per_s: None,
            decided: None,
        }
    }

    /// Counts, and decides where that is due.
    pub(super) fn look(
        &mut self,
        group: &Group,
        snapshot: &Snapshot,
        e: &Estimate,
    ) -> Option<(f64, ClockWhy)> {
        if self.prefer == Prefer::Tokens || self.max_loss <= 0.0 {
            return Some((1.0, ClockWhy::TokensFirst));
        }
        self.count(group, snapshot, e);
        if !passed(snapshot.stamp, self.decided, EACH) {
            return None;
        }
        self.decided = Some(snapshot.stamp);
        let (elasticity, sigma) = self.pace.elasticity();
        // no more than all of it follows the clock
        let sure = (elasticity + SIGMAS * sigma).clamp(0.05, 1.0);
        // the next step up, so that no more is lost
        let share = (group.on_step((1.0 - self.max_loss).powf(1.0 / sure)) / group.max_mhz).min(1.0);
        let lost = 1.0 - share.powf(sure);
        let gives_up = Some((share, ClockWhy::GivesUp { share: lost }));
        let (earned, paid) = self.prices;
        if self.prefer == Prefer::Watts || (paid > 0.0 && earned <= 0.0) {
            return gives_up;
        }
        if paid <= 0.0 {
            return Some((1.0, ClockWhy::TokensDearer));
        }
        let Some(tokens_per_s) = self.tokens_per_s else { return Some((1.0, ClockWhy::Learning)) };
        let saves_w = saves_w(share, group.seen(snapshot, e), self.power_follows());
        if saves_w * paid > lost * tokens_per_s * earned {
            return gives_up;
        }
        Some((1.0, ClockWhy::TokensDearer))
    }

    /// Elasticity of its tokens to its clock, and the standard deviation of that.
    pub(super) fn tokens_follow(&self) -> (f64, f64) {
        self.pace.elasticity()
    }

    /// Elasticity of its power to its clock.
    pub(super) fn power_follows(&self) -> f64 {
        self.power.elasticity().0
    }

    /// Tokens of a minute, and the clock and the watts they were made at.
    fn count(&mut self, group: &Group, snapshot: &Snapshot, e: &Estimate) {
        let all = |id: &PointId| snapshot.good(*id);
        let Some(tokens) = self.counters.iter().map(all).sum::<Option<f64>>() else { return };
        if self.counters.is_empty() {
            return;
        }
        // where our clock was set back, counting begins anew
        let Some((since, before)) = self.counted.filter(|(at, _)| *at <= snapshot.stamp) else {
            self.counted = Some((snapshot.stamp, tokens));
            return;
        };
        let passed = snapshot.stamp.since(since);
        let newest = self.counters.iter().map(|id| snapshot.points[id.index()].stamp).max();
        if newest == self.newest {
            return;
        }
        self.newest = newest;
        if let Some((clock, watts)) = group.seen(snapshot, e) {
            let (clocks, all_w, n) = self.clocks;
            self.clocks = (clocks + clock, all_w + watts, n + 1);
        }
        if passed < COUNT_EACH {
            return;
        }
        let rate = (tokens - before) / passed.s();
        let (clocks, all_w, n) = self.clocks;
        if rate > 0.0 && n > 0 {
            self.tokens_per_s = Some(rate);
            let (clock, watts) = (clocks / f64::from(n), all_w / f64::from(n));
            self.pace.learn(rate, clock, 0.0, passed.s());
            self.power.learn(watts, clock, 0.0, passed.s());
        }
        (self.counted, self.clocks) = (Some((snapshot.stamp, tokens)), (0.0, 0.0, 0));
    }
}
