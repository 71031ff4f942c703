//! Valves of a site and what they hold.
//!
//! Responsible for: which valve holds which temperature, by whose equipment it is. Not for: telling that it sticks
//! (`headroom-belief`, `loops`).

use super::finding::{Ailment, Finding, Size, Whose};
use crate::align::Snapshot;
use crate::topology::is_setpoint;
use headroom_belief::loops::{Stem, Valve};
use headroom_site::{Dimension, PointId, Site, Span, Stamp};

/// For so long a verdict stands without a reading.
const FRESH: Span = Span::from_ms(900_000);

#[derive(Debug, Clone)]
struct Watched {
    equipment: usize,
    position: PointId,
    measures: PointId,
    setpoint: PointId,
    valve: Valve,
    read: Option<Stamp>,
}

/// All of them.
#[derive(Debug, Clone)]
pub(super) struct Valves {
    watched: Vec<Watched>,
    begin: Option<Stamp>,
}

impl Valves {
    pub(super) fn new(site: &Site) -> Self {
        let mut watched = Vec::new();
        for (equipment, e) in site.equipment.iter().enumerate() {
            let of = |i: &usize| site.points[*i].of == e.id;
            let opening = |i: &usize| {
                let p = &site.points[*i];
                of(i)
                    && p.unit.dimension == Dimension::Ratio
                    && p.kind.contains("Valve")
                    && !is_setpoint(site, *i)
            };
            let mut valves = (0..site.points.len()).filter(opening);
            // Of two valves nobody knows which one holds.
            let (Some(position), None) = (valves.next(), valves.next()) else { continue };
            let held = site.actuators.iter().find_map(|a| {
                let (measures, setpoint) = (a.measures?, a.readback?);
                let holds = a.of == e.id && a.unit.dimension == Dimension::Temperature;
                holds.then_some((measures, setpoint))
            });
            if let Some((measures, setpoint)) = held {
                let position = PointId(position as u32);
                watched.push(Watched {
                    equipment,
                    position,
                    measures,
                    setpoint,
                    valve: Valve::default(),
                    read: None,
                });
            }
        }
        Self { watched, begin: None }
    }

    pub(super) fn take(&mut self, snapshot: &Snapshot) {
        let begin = *self.begin.get_or_insert(snapshot.stamp);
        for w in &mut self.watched {
            let (Some(x), Some(y), Some(set)) =
                (snapshot.good(w.position), snapshot.good(w.measures), snapshot.good(w.setpoint))
            else {
                continue;
            };
            if w.read.is_some_and(|at| at >= snapshot.stamp) {
                continue;
            }
            w.read = Some(snapshot.stamp);
            w.valve.take(snapshot.stamp.since(begin).s(), x, y - set);
        }
    }

    pub(super) fn findings(&self, now: Stamp, out: &mut Vec<Finding>) {
        let Some(begin) = self.begin else { return };
        // What was said of one that is no longer read is old.
        let lately = |w: &&Watched| w.read.is_some_and(|at| now.since(at) < FRESH);
        for w in self.watched.iter().filter(lately) {
            let Some((stem, since_s)) = w.valve.verdict() else { continue };
            let (ailment, size) = match stem {
                Stem::Sticks => (Ailment::ValveSticks, Size::Steps(w.valve.least_step())),
                Stem::Stuck => (Ailment::ValveStuck, Size::Away(w.valve.error())),
            };
            out.push(Finding {
                ailment,
                whose: Whose::Equipment(w.equipment),
                size,
                since: begin + Span::from_s(since_s),
                or: None,
                evidence: Vec::new(),
            });
        }
    }
}
