//! Flatline: a value that shows no movement at all while what feeds it moves.
//!
//! Responsible for: who feeds whom, and how far it must move. Not for: values that are not heard of any more (stale).
//!
//! ```text
//! x(t) = x(t_0) to the bit in every reading since t_0,   while   max(y) - min(y) >= what x would show
//! ```
//! Quantisation hides small movements, so what feeds it must have moved by many of the coarsest steps in use (0.1 K, 0.7 kPa
//! in the DSX capture):
//!
//! | x | fed by y | y moves by | because |
//! | --- | --- | --- | --- |
//! | supply temperature of a CDU | median of its racks' | 1 K | it is the same water: 10 steps of 0.1 K |
//! | return temperature of a rack | its power | so that its rise moves by 1 K | dT = P / (rho c V) |
//! | pressure difference of a loop | its fastest pump | 10 % | dp ~ n^2: 20 % of it, or the flow takes it up and dp ripples |
//! | a meter | sum of those behind it | 5 % | it is their sum |
//!
//! What y has moved is looked at when x is read, and not in between: a value that is shown on change says nothing new until
//! it is shown again.

use super::court::{Court, with};
use super::lie::Lie;
use super::sums::behind;
use crate::align::Snapshot;
use crate::words::{Words, area, liquid};
use headroom_site::model::Point;
use headroom_site::{Dimension, PointId, Span, Stamp};

/// Movement of the same water, and of a rise, K.
const WATER_K: f64 = 1.0;
const PUMP: f64 = 0.10;
const SHARE: f64 = 0.05;
/// Meters below this are not compared, W.
const SMALL_W: f64 = 2_000.0;
/// Holding times for which a value must stand: what is controlled stands still for longer.
const STANDS: i64 = 2;
const STANDS_CONTROLLED: i64 = 5;

/// How y feeds x.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    /// Median of the same water.
    Water,
    /// The first one's power warms it above the second one.
    Heat,
    /// The fastest of these pumps.
    Pump,
    /// Sum of these meters.
    Sum,
}

/// What x and y have done since x last moved.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    value: f64,
    since: Stamp,
    read: Stamp,
    low: f64,
    high: f64,
    /// Movement of y that a reading of x has not shown.
    hidden: f64,
}

#[derive(Debug, Clone)]
struct Flat {
    point: PointId,
    dimension: Dimension,
    by: Vec<PointId>,
    how: How,
    anchor: Option<Anchor>,
}

/// The rule.
#[derive(Debug, Clone)]
pub(super) struct Flats {
    flats: Vec<Flat>,
    hold: Span,
}

impl Flats {
    pub(super) fn new(words: &Words<'_>, hold: Span) -> Self {
        let site = words.site;
        let mut flats = Vec::new();
        let mut add = |point: Option<PointId>, by: Vec<PointId>, how: How| {
            if let Some(point) = point.filter(|_| !by.is_empty()) {
                flats.push(Flat { point, dimension: site.dimension(point), by, how, anchor: None });
            }
        };
        let side = |p: &Point, word: &str| liquid(p) && (area(p, word) || p.kind.contains(word));
        let own = |p: &Point| liquid(p) && !area(p, "Primary");
        let racks = words.racks();
        for e in words.equipment("cdu").map(|e| &site.equipment[e]) {
            let below = e.serves.iter().filter(|s| racks.contains(s.as_str()));
            let supply = |r: &String| words.one(r, Dimension::Temperature, |p| side(p, "Supply"));
            let own_supply = words.one(&e.id, Dimension::Temperature, |p| own(p) && side(p, "Supply"));
            add(own_supply, below.filter_map(supply).collect(), How::Water);
        }
        for e in &site.equipment {
            let header = |p: &Point| own(p) && p.kind.contains("Differential") && p.area.len() <= 1;
            let pumps = words.all(&e.id, Dimension::Ratio, |p| own(p) && p.kind.contains("PumpSpeed"));
            add(words.one(&e.id, Dimension::Pressure, header), pumps, How::Pump);
        }
        for rack in &racks {
            let back = words.one(rack, Dimension::Temperature, |p| side(p, "Return"));
            let supply = words.one(rack, Dimension::Temperature, |p| side(p, "Supply"));
            if let (Some(power), Some(supply)) = (words.power(rack), supply) {
                add(back, vec![power, supply], How::Heat);
            }
        }
        for (i, branch) in site.power.iter().enumerate() {
            add(branch.meter, behind(site, i), How::Sum);
        }
        add(site.meters.it, racks.iter().filter_map(|r| words.power(r)).collect(), How::Sum);
        Self { flats, hold }
    }

    pub(super) fn look(&mut self, snapshot: &Snapshot, court: &mut Court) {
        for flat in &mut self.flats {
            flat.look(snapshot, self.hold, court);
        }
    }
}

impl Flat {
    fn look(&mut self, snapshot: &Snapshot, hold: Span, court: &mut Court) {
        let (Some(value), Some(y)) = (snapshot.good(self.point), self.feeding(snapshot)) else { return };
        if self.by.iter().any(|p| court.suspect(*p)) {
            // What a suspect does is no movement.
            self.anchor = None;
            return;
        }
        let stamp = snapshot.points[self.point.index()].stamp;
        let fresh = Anchor { value, since: stamp, read: stamp, low: y, high: y, hidden: 0.0 };
        let a = self.anchor.get_or_insert(fresh);
        if a.value.to_bits() != value.to_bits() {
            *a = fresh;
            return;
        }
        if stamp > a.read {
            // What y did up to a moment ago, x should have shown by now.
            a.read = stamp;
            a.hidden = a.high - a.low;
        }
        (a.low, a.high) = (a.low.min(y), a.high.max(y));
        let a = *a;
        let controlled = matches!(self.how, How::Pump);
        let stands = Span::from_ns(hold.ns() * if controlled { STANDS_CONTROLLED } else { STANDS });
        if a.read.since(a.since) < stands || !self.shows(&a, snapshot) {
            return;
        }
        let by = dimension_of(self.how);
        let for_s = a.read.since(a.since).s();
        let lie = Lie::Flat { value, dimension: self.dimension, for_s, moved: a.hidden, by };
        let first = self.by.first().copied();
        court.odd(self.point, lie, with(&[first, self.by.get(1).copied()]));
    }

    /// What feeds it, if all of it is good: one that drops out is no movement.
    fn feeding(&self, snapshot: &Snapshot) -> Option<f64> {
        let good = || self.by.iter().map(|p| snapshot.good(*p));
        match self.how {
            How::Heat => good().next()?,
            How::Pump => good().try_fold(0.0_f64, |x, y| Some(x.max(y?))),
            How::Sum => good().sum(),
            How::Water => {
                let none = super::stat::Peers::beside(self.by.len(), self.by.len() + 1, |k| {
                    snapshot.good(self.by[k])
                });
                (none.count() > 0 && good().all(|x| x.is_some())).then(|| none.median().0)
            }
        }
    }

    /// Would x have shown what y has moved?
    fn shows(&self, a: &Anchor, snapshot: &Snapshot) -> bool {
        match self.how {
            How::Water => a.hidden >= WATER_K,
            How::Pump => a.low > 0.0 && a.hidden >= PUMP * a.high,
            How::Sum => a.high > SMALL_W && a.hidden >= SHARE * a.value.max(a.high),
            How::Heat => {
                let supply = self.by.get(1).and_then(|p| snapshot.good(*p));
                a.high > SMALL_W && supply.is_some_and(|s| (a.value - s) * a.hidden / a.high >= WATER_K)
            }
        }
    }
}

const fn dimension_of(how: How) -> Dimension {
    match how {
        How::Water => Dimension::Temperature,
        How::Heat | How::Sum => Dimension::Power,
        How::Pump => Dimension::Ratio,
    }
}
