//! One metric that points read or an actuator writes: how its birth described it, and what it said last.
//!
//! An edge node says a metric when it changes. Until it says otherwise or dies, the last value stands: it is given
//! again as of the last time anything was heard of the edge node, so that a value which does not change does not
//! grow stale, and one of an edge node that has fallen silent does.

use super::number::number;
use super::payload::Metric;
use crate::context::Gauge;
use headroom_site::{Quality, Reading, Reason, Span, Stamp};

/// Stamps further in the future than this are not believed, by whoever knows the clocks.
const FUTURE: Span = Span::from_ms(2000);
/// Uncertainty of a metric that does not say when it was true.
const NO_TIME: Span = Span::from_ms(1000);
/// Uncertainty of one that does: the edge node's clock.
const WITH_TIME: Span = Span::from_ms(50);
/// Times of this many milliseconds and more are none (the year 2255, and what fits a stamp).
const LAST_MS: u64 = 9_000_000_000_000;
/// Quality of a property of this name (6.4.12).
const GOOD: i64 = 192;
const STALE: i64 = 500;

/// How a birth described a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) datatype: u32,
    pub(super) alias: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    /// Event time of the value; as of its arrival at the latest, for a clock ahead may be set back.
    stamp: Stamp,
    /// Time up to which it has been given to the controller, by our clock.
    given: Stamp,
    value: Option<f64>,
    quality: Quality,
}

/// A metric of the site.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) gauges: Vec<Gauge>,
    pub(super) described: Option<Described>,
    /// Shortest time after which one of its points is stale.
    stale_after: Span,
    last: Option<Last>,
}

impl Slot {
    pub(super) const fn new(name: String) -> Self {
        Self {
            name,
            gauges: Vec::new(),
            described: None,
            stale_after: Span::from_ms(i64::MAX / 1_000_000),
            last: None,
        }
    }

    /// Another point that reads it.
    pub(super) fn read_by(&mut self, gauge: Gauge, stale_after: Span) {
        self.gauges.push(gauge);
        self.stale_after = self.stale_after.min(stale_after);
    }

    /// Half of the time after which it is stale.
    pub(super) const fn patience(&self) -> Span {
        Span::from_ns(self.stale_after.ns() / 2)
    }

    /// Takes a metric of a birth or of data. What is historical does not become the value now.
    pub(super) fn take(&mut self, m: &Metric<'_>, sent: Option<u64>, arrival: Stamp, out: &mut Vec<Reading>) {
        let time = Time::new(m.timestamp, sent, arrival);
        let datatype = m.datatype.filter(|d| *d != 0).or(self.described.map(|d| d.datatype));
        let said = if m.is_null { Err(Reason::NotANumber) } else { number(m.value, datatype.unwrap_or(0)) };
        let (value, quality) = match said {
            Ok(value) => (Some(value), time.quality.worst(property(m.quality()))),
            Err(reason) => (None, Quality::Bad(reason)),
        };
        let stamp = time.stamp.min(arrival + FUTURE);
        let now = Last { stamp, given: stamp, value, quality };
        let first = out.len();
        self.give(&now, time.stamp, time.uncertainty, out);
        if let Some(held_ms) = time.held_ms {
            out[first..].iter_mut().for_each(|r| *r = r.arrived(arrival).held(held_ms));
        }
        if !m.is_historical && self.last.is_none_or(|last| last.stamp <= stamp) {
            self.last = Some(now);
        }
    }

    fn give(&self, what: &Last, stamp: Stamp, uncertainty: Span, out: &mut Vec<Reading>) {
        out.extend(self.gauges.iter().map(|g| match what.value {
            Some(value) => g.reading(stamp, uncertainty, value, what.quality),
            None => Reading::new(g.point, stamp, uncertainty, 0.0, what.quality),
        }));
    }

    /// Gives the last value again as of when its edge node was heard last, if that is due.
    pub(super) fn repeat(&mut self, heard: Stamp, out: &mut Vec<Reading>) {
        let Some(mut last) = self.last else { return };
        if heard.since(last.given) < self.patience() {
            return;
        }
        last.given = heard;
        self.give(&last, heard, NO_TIME, out);
        self.last = Some(last);
    }

    /// A message of its edge node was lost, perhaps with a newer value in it.
    pub(super) fn doubt(&mut self, now: Stamp, out: &mut Vec<Reading>) {
        let Some(mut last) = self.last else { return };
        last.quality = last.quality.worst(Quality::Uncertain(Reason::NoCommunication));
        last.given = after(now, last.given);
        self.give(&last, last.given, NO_TIME, out);
        self.last = Some(last);
    }

    /// It cannot be read any more, and why.
    pub(super) fn lose(&mut self, now: Stamp, reason: Reason, out: &mut Vec<Reading>) {
        let stamp = self.last.map_or(now, |last| after(now, last.given));
        out.extend(self.gauges.iter().map(|g| g.bad(stamp, reason)));
        self.forget();
    }

    /// Nothing is known of it any more: it is lost, or about to be born again, and what an earlier life said is not newer.
    pub(super) const fn forget(&mut self) {
        self.last = None;
        self.described = None;
    }
}

/// Now, or just after what was given already: a sender's clock may be a little ahead of ours.
fn after(now: Stamp, given: Stamp) -> Stamp {
    now.max(given + Span::from_ns(1))
}

/// When a metric was true, as far as it says.
struct Time {
    stamp: Stamp,
    uncertainty: Span,
    quality: Quality,
    /// How long the edge node kept it before it was sent; `None` where `stamp` is its arrival, by our clock.
    held_ms: Option<u32>,
}

impl Time {
    /// From what the metric says and what its payload says of when it was sent. A clock that is off is the matter of
    /// whoever knows the clocks (`headroom-core`, `align`).
    fn new(metric: Option<u64>, sent: Option<u64>, arrival: Stamp) -> Self {
        let Some(ms) = metric.or(sent) else {
            return Self { stamp: arrival, uncertainty: NO_TIME, quality: Quality::Good, held_ms: None };
        };
        if ms >= LAST_MS {
            let quality = Quality::Uncertain(Reason::FutureStamp);
            return Self { stamp: arrival, uncertainty: NO_TIME, quality, held_ms: None };
        }
        let held_ms = sent.filter(|sent| *sent < LAST_MS).map_or(0, |sent| sent.saturating_sub(ms));
        Self {
            stamp: Stamp::from_unix_ms(ms.cast_signed()),
            uncertainty: WITH_TIME,
            quality: Quality::Good,
            held_ms: Some(u32::try_from(held_ms).unwrap_or(u32::MAX)),
        }
    }
}

const fn property(quality: Option<i64>) -> Quality {
    match quality {
        None | Some(GOOD) => Quality::Good,
        Some(STALE) => Quality::Uncertain(Reason::Stale),
        Some(_) => Quality::Bad(Reason::SourceSaysBad),
    }
}
