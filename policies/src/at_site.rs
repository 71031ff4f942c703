//! What a policy means for the things of a site: priorities, ranges, limits, margins.
//!
//! Values are in the base unit of the thing's dimension. A policy only narrows: even one that was not checked
//! against the site cannot widen a range here.

use crate::model::{JobWish, Limit, LimitOf, Policy, Promise};
use headroom_site::{ActuatorId, Dimension, JobId, PointId, Site};

impl Policy {
    /// The `[[job]]` of a job, if there is one.
    #[must_use]
    pub fn job(&self, site: &Site, job: JobId) -> Option<&JobWish> {
        let id = &site.jobs.get(job.index())?.id;
        self.jobs.iter().find(|j| j.id == *id)
    }

    /// Priority of a job: the policy's, or the site's.
    #[must_use]
    pub fn job_priority(&self, site: &Site, job: JobId) -> i64 {
        let own = site.jobs.get(job.index()).map_or(0, |j| j.priority);
        self.job(site, job).and_then(|j| j.priority).unwrap_or(own)
    }

    /// What the users of a job are promised: by the job, or by the objective.
    #[must_use]
    pub fn job_promise(&self, site: &Site, job: JobId) -> Promise {
        self.job(site, job).map_or(Promise::default(), |j| j.promise).or(self.objective.promise)
    }

    fn limit_of(&self, of: &LimitOf) -> Option<&Limit> {
        self.limits.iter().find(|l| l.of == *of)
    }

    /// Lowest and highest value of an actuator, base unit: the site's range, narrowed by the policy.
    #[must_use]
    pub fn actuator_range(&self, site: &Site, actuator: ActuatorId) -> Option<(f64, f64)> {
        let a = site.actuators.get(actuator.index())?;
        let limit = self.limit_of(&LimitOf::Actuator(a.id.clone()));
        let low = limit.and_then(|l| l.min).map_or(a.range.0, |m| m.base.max(a.range.0));
        let high = limit.and_then(|l| l.max).map_or(a.range.1, |m| m.base.min(a.range.1));
        Some((low, high))
    }

    /// Fastest change of an actuator, base units per second: the site's, or the policy's if that is slower.
    #[must_use]
    pub fn actuator_ramp_per_s(&self, site: &Site, actuator: ActuatorId) -> Option<f64> {
        let a = site.actuators.get(actuator.index())?;
        let limit = self.limit_of(&LimitOf::Actuator(a.id.clone()));
        Some(limit.and_then(|l| l.ramp).map_or(a.ramp_per_s, |r| r.base.min(a.ramp_per_s)))
    }

    /// Limits of a point, base unit: the site's, narrowed by the policy.
    #[must_use]
    pub fn point_limits(&self, site: &Site, point: PointId) -> (Option<f64>, Option<f64>) {
        let Some(p) = site.points.get(point.index()) else { return (None, None) };
        let limit = self.limit_of(&LimitOf::Point(p.id.clone()));
        let tighter = |own: Option<f64>, wish: Option<f64>, pick: fn(f64, f64) -> f64| match (own, wish) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            (a, b) => a.or(b),
        };
        (
            tighter(p.limit_low, limit.and_then(|l| l.min).map(|m| m.base), f64::max),
            tighter(p.limit_high, limit.and_then(|l| l.max).map(|m| m.base), f64::min),
        )
    }

    /// Wanted distance of a point to a limit of it, base unit of the difference.
    #[must_use]
    pub fn point_margin(&self, site: &Site, point: PointId, limit: f64) -> f64 {
        let Some(p) = site.points.get(point.index()) else { return 0.0 };
        if let Some(margin) = self.limit_of(&LimitOf::Point(p.id.clone())).and_then(|l| l.margin) {
            return margin.base;
        }
        match p.unit.dimension {
            Dimension::Temperature | Dimension::TemperatureDelta => self.headroom.point.as_kelvin(),
            _ => self.headroom.other.as_fraction() * limit.abs(),
        }
    }
}
