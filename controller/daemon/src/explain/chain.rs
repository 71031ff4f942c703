//! What came before: events along the way from the plant to what is explained, on the true time axis.
//!
//! Responsible for: which things stand on that way, and in which order their events are told. Not for: what makes an event
//! (`changes`), nor for what is kept of the readings (`run/seen`).
//!
//! The way leads upstream from the explained, by `serves` of equipment, by places, and by branches of the power tree; of a setpoint also
//! one step down, since what it may do is bounded by what it serves. That something came before is no proof that it was the
//! reason: the answer above says what binds.

use super::changes;
use crate::run::seen::Seen;
use headroom_site::{PointId, Site, Span, Stamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// No more events than these are told, in all and of one point: the latest.
const MOST: usize = 40;
const MOST_OF_ONE: usize = 6;

/// Something that changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// When, on our time.
    pub(crate) time: String,
    pub(crate) unix_ms: i64,
    /// How far the time may be off.
    pub(crate) uncertainty_s: f64,
    /// The thing that it is of.
    pub(crate) thing: String,
    /// Steps from there to what is explained.
    pub(crate) steps: usize,
    /// The point, or GPU and quantity.
    pub(crate) point: String,
    pub(crate) says: String,
}

impl Event {
    pub(super) fn new(at: Stamp, uncertainty_s: f64, point: &str, says: String) -> Self {
        Self {
            time: at.to_string(),
            unix_ms: at.unix_ms(),
            uncertainty_s,
            point: point.to_owned(),
            says,
            ..Self::default()
        }
    }
}

/// Events on the way to something by its name, over so long before now, in the order in which they came.
pub(super) fn events(seen: &Seen, of: &str, last: Span) -> Vec<Event> {
    let site = &seen.site;
    let since = seen.now - last;
    let mut all = Vec::new();
    for (index, (thing, steps)) in points(site, of) {
        let found = latest(changes::of_point(seen, index, since), MOST_OF_ONE);
        all.extend(found.into_iter().map(|e| Event { thing: thing.to_owned(), steps, ..e }));
    }
    if let Some(gpu) = site.gpu(of).map(headroom_site::GpuId::index) {
        let node = &site.nodes[site.gpus[gpu].node.index()].id;
        let found = latest(changes::of_gpu(seen, gpu, since), MOST_OF_ONE);
        all.extend(found.into_iter().map(|e| Event { thing: node.clone(), steps: 0, ..e }));
    }
    all.sort_by(|a, b| a.unix_ms.cmp(&b.unix_ms).then(b.steps.cmp(&a.steps)));
    latest(all, MOST)
}

fn latest(mut events: Vec<Event>, most: usize) -> Vec<Event> {
    events.split_off(events.len().saturating_sub(most))
}

/// Points on the way, each with the thing that it tells of, and its steps.
fn points<'a>(site: &'a Site, of: &'a str) -> BTreeMap<usize, (&'a str, usize)> {
    let way = way(site, of);
    let mut found: BTreeMap<usize, (&str, usize)> = BTreeMap::new();
    let mut add = |point: PointId, thing: &'a str| {
        if let Some(&steps) = way.get(thing) {
            let known = found.entry(point.index()).or_insert((thing, steps));
            known.1 = known.1.min(steps);
        }
    };
    // By whom a point is used says more than what the file calls it the point of.
    for b in &site.power {
        b.limit.iter().chain(&b.meter).for_each(|p| add(*p, &b.id));
    }
    for a in &site.actuators {
        a.readback.iter().chain(&a.measures).for_each(|p| add(*p, &a.of));
    }
    for (index, point) in site.points.iter().enumerate() {
        add(PointId(index as u32), &point.of);
    }
    if let Some(p) = site.point(of) {
        found.insert(p.index(), (&site.points[p.index()].of, 0));
    }
    found
}

/// Things on the way, by their steps from the explained.
fn way<'a>(site: &'a Site, of: &'a str) -> BTreeMap<&'a str, usize> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    if let Some(a) = site.actuators.iter().find(|a| a.id == of) {
        open.push((&a.of, 0));
    } else if let Some(g) = site.gpu(of) {
        open.push((&site.nodes[site.gpus[g.index()].node.index()].id, 0));
    } else if let Some(j) = site.jobs.iter().find(|j| j.id == of) {
        let nodes = j.gpus.iter().map(|g| &site.nodes[site.gpus[g.index()].node.index()]);
        open.extend(nodes.map(|n| (n.rack.as_str(), 0)));
    } else if let Some(p) = site.point(of) {
        open.push((&site.points[p.index()].of, 0));
    }
    let below = served(site, of);
    let mut found = BTreeMap::new();
    // The nearest first, so that each thing has its least number of steps.
    let mut next = 0;
    while next < open.len() {
        let (thing, steps) = open[next];
        next += 1;
        if found.contains_key(thing) {
            continue;
        }
        found.insert(thing, steps);
        open.extend(upstream(site, thing).into_iter().map(|up| (up, steps + 1)));
    }
    for thing in below {
        found.entry(thing).or_insert(1);
    }
    found
}

/// What the equipment of a setpoint serves directly.
fn served<'a>(site: &'a Site, of: &str) -> Vec<&'a str> {
    let a = site.actuators.iter().find(|a| a.id == of);
    let e = a.and_then(|a| site.equipment.iter().find(|e| e.id == a.of));
    e.map_or(Vec::new(), |e| e.serves.iter().map(String::as_str).collect())
}

/// What feeds, cools or houses a thing.
fn upstream<'a>(site: &'a Site, thing: &str) -> Vec<&'a str> {
    let mut up: Vec<&str> = Vec::new();
    let serves = |e: &&headroom_site::model::Equipment| e.serves.iter().any(|s| s == thing);
    up.extend(site.equipment.iter().filter(serves).map(|e| e.id.as_str()));
    up.extend(site.nodes.iter().filter(|n| n.id == thing).map(|n| n.rack.as_str()));
    up.extend(site.places.get(thing).and_then(|(_, parent)| parent.as_deref()));
    up.extend(site.power.iter().filter(|b| b.racks.iter().any(|r| r == thing)).map(|b| b.id.as_str()));
    let parent = site.power.iter().find(|b| b.id == thing).and_then(|b| b.parent);
    up.extend(parent.map(|p| site.power[p.index()].id.as_str()));
    up
}
