//! The policy as the line needs it: resolved to indices and base units, once.

use headroom_belief::outlook::WeatherForecast;
use headroom_guard::Mode;
use headroom_policies::{CAPS, CoolingStrategy, Mode as Wish, Policy, PowerStrategy};
use headroom_site::{ActuatorId, JobId, PointId, Power, PowerId, Site, Span, Stamp};
use std::sync::Arc;

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Wants {
    /// Mode of the GPU caps.
    pub caps_mode: Mode,
    /// Mode of each actuator.
    pub actuator_mode: Vec<Mode>,
    /// Power strategy.
    pub power: PowerStrategy,
    /// Cooling strategy.
    pub cooling: CoolingStrategy,
    /// Wanted distance of every die to its limit, K.
    pub gpu_margin_k: f64,
    /// Standard deviations to stand off a limit.
    pub k_sigma: f64,
    /// Share of every budget that is kept free.
    pub budget_reserve: f64,
    /// Range of each actuator: the site's, narrowed by the policy.
    pub actuator_range: Vec<(f64, f64)>,
    /// Fastest change of each actuator, base units per second.
    pub actuator_ramp_per_s: Vec<f64>,
    /// Limits of each point: the site's, narrowed by the policy.
    pub point_limits: Vec<(Option<f64>, Option<f64>)>,
    /// Wanted distance of each point to its limits.
    pub point_margin: Vec<f64>,
    /// Priority of each job.
    pub job_priority: Vec<i64>,
    /// Forecast of the weather that the policy names, once whoever has files has read it.
    pub weather_forecast: Option<Arc<WeatherForecast>>,
    /// For how long at most accepted advice is commanded in a group that only advises. None: it is not.
    pub accept: Option<Span>,
    policy: Policy,
    budgeted: Vec<bool>,
}

impl Wants {
    /// Resolves a policy for a site. The policy has passed its checks against it.
    #[must_use]
    pub fn new(site: &Site, policy: &Policy) -> Self {
        let actuators = || (0..site.actuators.len()).map(|i| ActuatorId(i as u32));
        let points = || (0..site.points.len()).map(|i| PointId(i as u32));
        let jobs = || (0..site.jobs.len()).map(|i| JobId(i as u32));
        let point_limits: Vec<_> = points().map(|p| policy.point_limits(site, p)).collect();
        let point_margin = points()
            .zip(&point_limits)
            .map(|(p, l)| l.1.or(l.0).map_or(0.0, |limit| policy.point_margin(site, p, limit)))
            .collect();
        Self {
            caps_mode: mode(policy.modes.of(CAPS)),
            actuator_mode: site.actuators.iter().map(|a| mode(policy.modes.of(&a.group))).collect(),
            power: policy.strategy.power,
            cooling: policy.strategy.cooling,
            gpu_margin_k: policy.headroom.gpu.as_kelvin(),
            k_sigma: policy.headroom.k_sigma(),
            budget_reserve: policy.headroom.budget_reserve.as_fraction(),
            actuator_range: actuators()
                .zip(&site.actuators)
                .map(|(i, a)| policy.actuator_range(site, i).unwrap_or(a.range))
                .collect(),
            actuator_ramp_per_s: actuators()
                .zip(&site.actuators)
                .map(|(i, a)| policy.actuator_ramp_per_s(site, i).unwrap_or(a.ramp_per_s))
                .collect(),
            point_limits,
            point_margin,
            job_priority: jobs().map(|j| policy.job_priority(site, j)).collect(),
            budgeted: site.power.iter().map(|b| policy.budgets.iter().any(|w| w.branches.holds(b))).collect(),
            weather_forecast: None,
            accept: policy.operator.accept,
            policy: policy.clone(),
        }
    }

    /// The policy it came from.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What cooling decides by, in words for a digest: what is the same decides the same. Modes are no part of it, nor prices.
    #[must_use]
    pub fn cooling_wishes(&self) -> String {
        let Self { cooling, gpu_margin_k, k_sigma, .. } = self;
        let Self { actuator_range, actuator_ramp_per_s, point_limits, point_margin, .. } = self;
        format!(
            "{cooling:?} {gpu_margin_k} {k_sigma} {actuator_range:?} {actuator_ramp_per_s:?} {point_limits:?} {point_margin:?}"
        )
    }

    /// Lowest budget that the policy schedules for a branch from now until its notice is over, W.
    #[must_use]
    pub fn scheduled_budget_w(&self, site: &Site, branch: usize, now: Stamp) -> Option<f64> {
        if !self.budgeted[branch] {
            return None;
        }
        let id = PowerId(branch as u32);
        self.policy.lowest_budget(site, id, now, self.policy.grid.notice).map(Power::as_watts)
    }

    /// What the policy and the site allow a branch at an instant, W.
    #[must_use]
    pub fn budget_at_w(&self, site: &Site, branch: usize, at: Stamp) -> Option<f64> {
        if !self.budgeted[branch] {
            return site.power[branch].budget_w;
        }
        self.policy.budget_at(site, PowerId(branch as u32), at).map(Power::as_watts)
    }

    /// The next instant at which the policy may change the budget of a branch.
    #[must_use]
    pub fn next_budget_change(&self, site: &Site, branch: usize, after: Stamp) -> Option<Stamp> {
        let budgeted = self.budgeted[branch];
        budgeted.then(|| self.policy.next_budget_change(site, PowerId(branch as u32), after))?
    }

    /// Sets every group that is active to advisory: computed and published, never commanded.
    pub fn advise_only(&mut self) {
        self.accept = None;
        for m in self.actuator_mode.iter_mut().chain(std::iter::once(&mut self.caps_mode)) {
            if m.may_write() {
                *m = Mode::Advisory;
            }
        }
    }

    /// Sets every group to active, as an operator would.
    pub fn activate(&mut self) {
        for m in self.actuator_mode.iter_mut().chain(std::iter::once(&mut self.caps_mode)) {
            *m = Mode::Active;
        }
    }
}

fn mode(wish: Wish) -> Mode {
    match wish {
        Wish::Off => Mode::Off,
        Wish::Shadow => Mode::Shadow,
        Wish::Advisory => Mode::Advisory,
        Wish::Active => Mode::Active,
        Wish::Hold => Mode::Hold,
    }
}
