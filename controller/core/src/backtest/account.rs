//! What other setpoints would have cost: joules, and what was over a limit.
//!
//! Responsible for: sums by the hour, so that whoever asks can tell how sure they are. Not for: what is enough (the daemon).

use super::Shift;
use super::dies::Dies;
use crate::topology::Topology;
use headroom_belief::model::{Answer, Model};
use headroom_site::{PointId, Site, Span, Stamp};

/// Energy of an hour, J.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Hour {
    /// Of the facility, as it was metered.
    pub facility_j: f64,
    /// Of the facility, more than that.
    pub facility_more_j: f64,
    /// Of its cooling, as it was metered.
    pub cooling_j: f64,
    /// Of its cooling, more than that.
    pub cooling_more_j: f64,
    /// How much of it was looked at, s.
    pub span_s: f64,
}

/// Whose limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Of a point.
    Point(PointId),
    /// Dies of all GPUs, against their maximum operating temperature.
    Dies,
}

/// What was over a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Over {
    /// Whose limit.
    pub whose: Whose,
    /// Over it as it was, base unit times seconds.
    pub was: f64,
    /// Over it as it would have been.
    pub is: f64,
    /// How near it would have come to it, base unit; below zero beyond it.
    pub room: f64,
}

/// A setpoint over the whole time, base unit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Means {
    /// Where it stood.
    pub was: f64,
    /// Where it would have stood.
    pub is: f64,
    span_s: f64,
}

/// A meter: its output in the model, and its points.
#[derive(Debug, Clone)]
struct Meter {
    output: usize,
    points: Vec<PointId>,
}

/// The account of a plant.
#[derive(Debug, Clone)]
pub struct Account {
    /// By the hour, from the first one on; the last is not whole.
    pub hours: Vec<Hour>,
    /// Each limit that the setpoints can reach, and the dies last.
    pub over: Vec<Over>,
    /// Each setpoint.
    pub setpoints: Vec<Means>,
    /// Time in which more than half of what was different lay beyond what the model was learned in, s.
    pub beyond_s: f64,
    limits: Vec<(Option<f64>, Option<f64>)>,
    /// Of the facility, and of its cooling.
    meters: [Option<Meter>; 2],
    began: Option<Stamp>,
}

impl Account {
    pub(super) fn new(site: &Site, topology: &Topology, model: &Model) -> Self {
        let mut points: Vec<PointId> =
            topology.reach.iter().flat_map(|r| r.limited.iter().copied()).collect();
        points.sort_by_key(|p| p.index());
        points.dedup();
        let limit = |p: &PointId| (site.points[p.index()].limit_low, site.points[p.index()].limit_high);
        let meter = |name: &str| {
            let output = model.outputs.iter().position(|o| o.name == name)?;
            let points = model.outputs[output].columns.iter().filter_map(|c| site.point(c)).collect();
            Some(Meter { output, points })
        };
        let over = |whose| Over { whose, was: 0.0, is: 0.0, room: f64::INFINITY };
        Self {
            hours: Vec::new(),
            limits: points.iter().map(limit).collect(),
            over: points.into_iter().map(Whose::Point).chain([Whose::Dies]).map(over).collect(),
            setpoints: vec![Means::default(); site.actuators.len()],
            beyond_s: 0.0,
            meters: ["meters:facility", "meters:cooling"].map(meter),
            began: None,
        }
    }

    /// Time that was looked at, s.
    #[must_use]
    pub fn span_s(&self) -> f64 {
        self.hours.iter().map(|h| h.span_s).sum()
    }

    /// Adds the account of another run of the same plant.
    pub fn join(&mut self, other: &Self) {
        self.hours.extend_from_slice(&other.hours);
        self.beyond_s += other.beyond_s;
        for (own, other) in self.over.iter_mut().zip(&other.over) {
            own.was += other.was;
            own.is += other.is;
            own.room = own.room.min(other.room);
        }
        for (own, other) in self.setpoints.iter_mut().zip(&other.setpoints) {
            let whole = own.span_s + other.span_s;
            if whole > 0.0 {
                let share = other.span_s / whole;
                own.was += (other.was - own.was) * share;
                own.is += (other.is - own.is) * share;
                own.span_s = whole;
            }
        }
    }

    /// Is there a meter of the facility, and one of its cooling?
    #[must_use]
    pub const fn metered(&self) -> [bool; 2] {
        [self.meters[0].is_some(), self.meters[1].is_some()]
    }

    /// Books a period: joules, and points against their limits.
    pub(super) fn book(
        &mut self,
        now: Stamp,
        period: Span,
        answer: &Answer,
        said: &dyn Fn(PointId) -> Option<f64>,
        shift: &[Shift],
    ) {
        let hour = (now.since(*self.began.get_or_insert(now)).s() / 3600.0) as usize;
        if self.hours.len() <= hour {
            self.hours.resize(hour + 1, Hour::default());
        }
        let (s, booked) = (period.s(), &mut self.hours[hour]);
        let of = |meter: &Option<Meter>| -> Option<(f64, f64)> {
            let meter = meter.as_ref()?;
            let watts: Option<f64> = meter.points.iter().map(|p| said(*p)).sum();
            Some((watts?, answer.departures()[meter.output]))
        };
        booked.span_s += s;
        // An hour that is not metered neither saves nor costs.
        if let Some((watts, more)) = of(&self.meters[0]) {
            booked.facility_j += watts * s;
            booked.facility_more_j += more * s;
        }
        if let Some((watts, more)) = of(&self.meters[1]) {
            booked.cooling_j += watts * s;
            booked.cooling_more_j += more * s;
        }
        if answer.share_beyond() > 0.5 {
            self.beyond_s += s;
        }
        for (over, (low, high)) in self.over.iter_mut().zip(&self.limits) {
            let Whose::Point(p) = over.whose else { continue };
            let Some(was) = said(p) else { continue };
            let beyond = |v: f64| {
                let above = high.map_or(f64::NEG_INFINITY, |h| v - h);
                above.max(low.map_or(f64::NEG_INFINITY, |l| l - v))
            };
            let is = beyond(shift[p.index()].of(was));
            over.was += beyond(was).max(0.0) * s;
            over.is += is.max(0.0) * s;
            over.room = over.room.min(-is);
        }
    }

    /// Books the dies of a period.
    pub(super) fn dies(&mut self, dies: &Dies, period: Span) {
        let (was, is, room) = dies.over_k();
        if let Some(over) = self.over.last_mut() {
            over.was += was * period.s();
            over.is += is * period.s();
            over.room = over.room.min(room);
        }
    }

    /// Books where setpoints stood and would have stood.
    pub(super) fn setpoints(&mut self, period: Span, stood: impl Fn(usize) -> Option<(f64, f64)>) {
        for (i, means) in self.setpoints.iter_mut().enumerate() {
            if let Some((was, is)) = stood(i) {
                means.span_s += period.s();
                let share = period.s() / means.span_s;
                means.was += (was - means.was) * share;
                means.is += (is - means.is) * share;
            }
        }
    }
}
