//! The clocks of those who stamp: whose stamps are read how.
//!
//! Responsible for: which points and nodes share a clock, feeding what arrives to [`SourceClock`], and turning stamps of
//! theirs into instants of ours. Not for: the estimate itself (`headroom-belief`, `clock`).
//!
//! Points of one object on one connection share a clock, as its controller stamps them; so do those of one device behind a
//! Sparkplug edge node, whose payloads are dated by the edge node; each node's agent has its own.
//! What is read by request (Modbus, pages) bears our own stamps and has no clock here.
//!
//! A stamp is corrected where its clock is off for sure: by more than three deviations, and by more than half a round trip
//! where there is one. One that is right within its doubt stays as it is, so that a clock under NTP is never "corrected" by
//! the delay of its link. A stamp that lies in the future all the same is not believed: the reading counts as of its
//! arrival, with a doubt.

use headroom_belief::{ClockEstimate, ClockFault, SourceClock};
use headroom_site::gpu::NodeReport;
use headroom_site::model::{Point, Source};
use headroom_site::{Quality, Reading, Reason, Site, Span, Stamp};
use std::collections::BTreeMap;

/// What a message takes at least over a bus, from the event to us: scan of the controller, gateway, broker \[s\].
const BUS_DELAY_S: f64 = 0.03;
/// The same for a report of an agent \[s\].
const AGENT_DELAY_S: f64 = 0.002;
/// Steps of stamps: the bus writes whole milliseconds, agents nanoseconds \[s\].
const BUS_GRAIN_S: f64 = 1e-3;
const AGENT_GRAIN_S: f64 = 1e-6;
/// Deviations that an offset has to exceed to be one.
const SURE: f64 = 3.0;
/// Stamps further in the future than this are not believed.
const FUTURE: Span = Span::from_ms(2000);

/// One clock, and what it is called.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    clock: SourceClock,
    agent: bool,
    /// When it was heard from last.
    heard: Stamp,
    /// When that was sent, by its clock.
    sent: Stamp,
}

/// What is known of one clock.
#[derive(Debug, Clone, PartialEq)]
pub struct ClockView<'a> {
    /// Object or node.
    pub source: &'a str,
    /// True for the agent of a node.
    pub agent: bool,
    /// Offset, drift and how sure; `None` before enough was heard.
    pub estimate: Option<ClockEstimate>,
    /// What is wrong with it.
    pub fault: Option<ClockFault>,
    /// Messages that speak for the estimate.
    pub messages: u64,
    /// Its stamps are corrected.
    pub corrected: bool,
}

/// All clocks of a site.
#[derive(Debug, Clone)]
pub struct Sources {
    clocks: Vec<Named>,
    of_point: Vec<Option<usize>>,
    /// Clock of the first node; those of the others follow.
    nodes: usize,
    /// What each point said last: when it was sent by its clock, and value.
    said: Vec<(Stamp, f64)>,
}

impl Sources {
    /// For a site.
    pub(super) fn new(site: &Site) -> Self {
        let mut clocks: Vec<Named> = Vec::new();
        let mut known: BTreeMap<(usize, String), usize> = BTreeMap::new();
        let of_point = site
            .points
            .iter()
            .map(|point| {
                let (connection, name) = stamped_by(point)?;
                let clock = *known.entry((connection, name)).or_insert_with_key(|(_, name)| {
                    clocks.push(Named::of_bus(name.clone()));
                    clocks.len() - 1
                });
                Some(clock)
            })
            .collect();
        let nodes = clocks.len();
        clocks.extend(site.nodes.iter().map(|node| Named::of_agent(node.id.clone())));
        Self { clocks, of_point, nodes, said: vec![(Stamp::default(), 0.0); site.points.len()] }
    }

    /// A reading on our own time.
    pub(super) fn reading(&mut self, reading: &Reading) -> Reading {
        let point = reading.point.index();
        let clock = self.of_point.get(point).copied().flatten();
        let (Some(arrival), Some(clock)) = (reading.arrival, clock) else { return *reading };
        let named = &mut self.clocks[clock];
        if let Some(sent) = reading.sent() {
            // All that one message brings tells of the clock once.
            let another = (named.heard, named.sent) != (arrival, sent);
            (named.heard, named.sent) = (arrival, sent);
            let (last, value) = std::mem::replace(&mut self.said[point], (sent, reading.value));
            // The same stamp again is a repetition, unless it says something else.
            if another && sent != last {
                named.clock.heard(arrival.tai_ns(), sent.tai_ns());
            } else if another && value.to_bits() != reading.value.to_bits() {
                named.clock.stood();
            }
        }
        let clock = &mut named.clock;
        clock.update(arrival.tai_ns());
        let (stamp, uncertainty) = placed(clock, reading, arrival);
        if stamp.since(arrival) > FUTURE {
            let quality = reading.quality.worst(Quality::Uncertain(Reason::FutureStamp));
            return Reading { stamp: arrival, quality, ..*reading };
        }
        Reading { stamp, stamp_uncertainty: uncertainty, ..*reading }
    }

    /// How far the stamps of a node's report are ahead of our time; zero where they are right or nobody knows.
    pub(super) fn report(&mut self, node: usize, report: &NodeReport) -> Span {
        let (Some(arrival), Some(named)) = (report.arrival, self.clocks.get_mut(self.nodes + node)) else {
            return Span::ZERO;
        };
        named.heard = arrival;
        let clock = &mut named.clock;
        clock.heard(arrival.tai_ns(), report.sent.unwrap_or(report.stamp).tai_ns());
        if let Some(answer) = report.answer {
            clock.answered(answer.sent.tai_ns(), answer.heard.tai_ns());
        }
        clock.update(arrival.tai_ns());
        offset(clock, arrival).map_or(Span::ZERO, Span::from_s)
    }

    /// What is known of each clock.
    pub fn view(&self) -> impl Iterator<Item = ClockView<'_>> {
        self.clocks.iter().map(Named::view)
    }

    /// The clock that stamps a point, as its place in [`Self::view`]; none for one that bears our own stamps.
    #[must_use]
    pub fn of_point(&self, point: usize) -> Option<usize> {
        self.of_point.get(point).copied().flatten()
    }

    /// The clock of a node's agent, as its place in [`Self::view`].
    #[must_use]
    pub const fn of_node(&self, node: usize) -> usize {
        self.nodes + node
    }
}

/// Connection and name of the clock that stamps a point, where there is one.
fn stamped_by(point: &Point) -> Option<(usize, String)> {
    match &point.source {
        Source::Dsx { connection, .. } | Source::Json { connection, time: Some(_), .. } => {
            Some((*connection, point.of.clone()))
        }
        Source::Sparkplug { connection, edge, device, .. } => {
            let name = device.as_ref().map_or_else(|| edge.clone(), |device| format!("{edge}/{device}"));
            Some((*connection, name))
        }
        _ => None,
    }
}

impl Named {
    fn of_bus(name: String) -> Self {
        let clock = SourceClock::new(BUS_DELAY_S, BUS_GRAIN_S);
        Self { name, clock, agent: false, heard: Stamp::default(), sent: Stamp::default() }
    }

    fn of_agent(name: String) -> Self {
        let clock = SourceClock::new(AGENT_DELAY_S, AGENT_GRAIN_S);
        Self { name, clock, agent: true, heard: Stamp::default(), sent: Stamp::default() }
    }

    fn view(&self) -> ClockView<'_> {
        // As of when it was heard last: a clock that drifts has gone on since it was weighed.
        let offset = self.clock.offset_at(self.heard.tai_ns());
        let now = |e| offset.map_or(e, |(offset_s, sigma_s)| ClockEstimate { offset_s, sigma_s, ..e });
        let estimate = self.clock.estimate().map(now);
        ClockView {
            source: &self.name,
            agent: self.agent,
            estimate,
            fault: self.clock.fault(),
            messages: self.clock.messages(),
            corrected: estimate.is_some_and(|e| is_sure(e.offset_s, &e)),
        }
    }
}

/// The offset to take off stamps, where there is one for sure \[s\].
fn offset(clock: &SourceClock, at: Stamp) -> Option<f64> {
    let (offset_s, _) = clock.offset_at(at.tai_ns())?;
    clock.estimate().is_some_and(|e| is_sure(offset_s, &e)).then_some(offset_s)
}

/// Whether an offset is more than doubt, and more than ways that are as unlike as can be would make of none.
fn is_sure(offset_s: f64, e: &ClockEstimate) -> bool {
    offset_s.abs() > (SURE * e.sigma_s).max(0.5 * e.round_s.unwrap_or(0.0))
}

/// A stamp of theirs on our time, and how far that may be off.
fn placed(clock: &SourceClock, reading: &Reading, arrival: Stamp) -> (Stamp, Span) {
    let Some((offset_s, sigma_s)) = clock.offset_at(arrival.tai_ns()) else {
        return (reading.stamp, reading.stamp_uncertainty);
    };
    match offset(clock, arrival) {
        Some(offset_s) => (reading.stamp - Span::from_s(offset_s), Span::from_s(2.0 * sigma_s)),
        // Left as it is, it may be off by what the offset seems to be.
        None => (reading.stamp, Span::from_s(offset_s.abs() + 2.0 * sigma_s)),
    }
}

#[cfg(test)]
mod tests;
