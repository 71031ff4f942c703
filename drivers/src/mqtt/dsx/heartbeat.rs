//! Heartbeats both ways, and what they tell: is the other side alive, how long is the way, how far off its clock.
//!
//! ```text
//! us:  HeartbeatTimestampIntegration  s  ------------------>  BMS
//! us:  a  <------------------  HeartbeatEchoBms (value s, stamped b)
//! ```
//! round trip `a - s`; offset of the BMS's clock `b - (s + a) / 2`, give or take half the round trip.

use super::bind::Catalogue;
use super::value;
use headroom_site::{Span, Stamp};
use std::collections::VecDeque;

/// Without a heartbeat of the BMS for so long nobody answers for what is asked of it: what it does with ours, too.
pub(super) const SILENCE: Span = Span::from_ms(30_000);
/// Heartbeats whose echo may still come.
const OPEN: usize = 16;

/// What the heartbeats say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pulse {
    /// When the BMS's own heartbeat arrived last, plant time.
    pub bms_seen: Option<Stamp>,
    /// Round trip of our last echoed heartbeat.
    pub round_trip: Option<Span>,
    /// BMS clock minus ours.
    pub offset: Option<Span>,
    /// Heartbeats sent.
    pub sent: u64,
    /// Of these, echoed.
    pub echoed: u64,
}

/// The heartbeat points of a bus.
#[derive(Debug, Default)]
pub(crate) struct Heartbeat {
    integration: String,
    /// Topics (remainders) the BMS beats on, and where we may echo each.
    from_bms: Vec<(String, Option<String>)>,
    /// Topics (remainders) of echoes of our heartbeat.
    echoes: Vec<String>,
    /// Topics we beat on.
    ours: Vec<String>,
    open: VecDeque<i64>,
    next: Option<Stamp>,
    pub(crate) pulse: Pulse,
}

impl Heartbeat {
    pub(crate) fn new(integration: &str) -> Self {
        Self { integration: integration.to_owned(), ..Self::default() }
    }

    /// Finds the heartbeat points of a catalogue.
    pub(crate) fn find(&mut self, catalogue: &Catalogue) {
        let we = self.integration.clone();
        let of_kind = |kind: &'static str| catalogue.iter().filter(move |(_, m)| m.point_type == kind);
        let owned = |kind| of_kind(kind).filter(|(_, m)| m.integration.as_deref() == Some(we.as_str()));
        let topic = |rest: &str| format!("BMS/v1/{we}/Value/{rest}");
        self.ours = owned("HeartbeatTimestampIntegration").map(|(rest, _)| topic(rest)).collect();
        self.echoes = of_kind("HeartbeatEchoBms")
            .filter(|(_, m)| m.names.contains(&we))
            .map(|(rest, _)| rest.clone())
            .collect();
        let replies: Vec<_> = owned("HeartbeatEchoIntegration").collect();
        self.from_bms = of_kind("HeartbeatTimestampBms")
            .map(|(rest, m)| {
                let same = replies.iter().find(|(_, r)| r.names.iter().any(|n| m.names.contains(n)));
                let only = replies.first().filter(|_| replies.len() == 1);
                (rest.clone(), same.or(only).map(|(reply, _)| topic(reply)))
            })
            .collect();
    }

    /// Takes a value if its topic is one of heartbeats. Gives the echo to publish, if there is to be one.
    pub(crate) fn take(&mut self, rest: &str, payload: &[u8], arrival: Stamp) -> Option<(String, Vec<u8>)> {
        if let Some((_, reply)) = self.from_bms.iter().find(|(r, _)| r == rest) {
            let beat = value::read(payload)?;
            self.pulse.bms_seen = Some(arrival);
            return reply.clone().zip(beat.value.map(|v| value::write(Some(v), arrival)));
        }
        if self.echoes.iter().any(|r| r == rest) {
            let echo = value::read(payload)?;
            let sent = echo.value? as i64;
            let known = self.open.iter().position(|s| *s == sent)?;
            self.open.drain(..=known);
            let sent = Stamp::from_unix_ms(sent);
            let round_trip = arrival.since(sent);
            self.pulse.round_trip = Some(round_trip);
            self.pulse.offset = Some(echo.stamp.since(sent + Span::from_ns(round_trip.ns() / 2)));
            self.pulse.echoed += 1;
        }
        None
    }

    /// Since when the BMS is silent, if it is. One that has never beaten is not: not every BMS does.
    pub(crate) fn silent(&self, now: Stamp) -> Option<Stamp> {
        self.pulse.bms_seen.filter(|seen| now.since(*seen) > SILENCE)
    }

    /// Heartbeats that are due now.
    pub(crate) fn due(&mut self, now: Stamp, period: Span) -> Vec<(String, Vec<u8>)> {
        if self.ours.is_empty() || self.next.is_some_and(|next| now < next) {
            return Vec::new();
        }
        self.next = Some(now + period);
        let ms = now.unix_ms();
        self.open.push_back(ms);
        if self.open.len() > OPEN {
            self.open.pop_front();
        }
        self.pulse.sent += 1;
        self.ours.iter().map(|topic| (topic.clone(), value::write(Some(ms as f64), now))).collect()
    }
}
