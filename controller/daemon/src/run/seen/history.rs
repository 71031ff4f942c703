//! Page `/history`: what is kept of one point or of one quantity of a GPU, between two instants.

use super::Seen;
use super::gpus::Quantity;
use super::views::{StampClock, tidy};
use headroom_site::{Span, Stamp};
use serde::{Deserialize, Serialize};

/// A series on our time. All lists are of one length; times rise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    /// Point, or `GPU-...:power`.
    pub(crate) of: String,
    pub(crate) unit: String,
    /// The last tick.
    pub(crate) now_unix_ns: i64,
    /// The oldest that is still kept, whether asked for or not.
    pub(crate) kept_from_unix_ns: Option<i64>,
    /// How far the times may be off: the most of what is shown.
    pub(crate) event_uncertainty_s: Option<f64>,
    pub(crate) clock: Option<StampClock>,
    /// Event times; of a GPU the middle of each second.
    pub(crate) unix_ns: Vec<i64>,
    /// Values in `unit`; none where it was not usable. Of a GPU the mean of the second.
    pub(crate) value: Vec<Option<f64>>,
    /// Of a GPU the least of each second; empty for a point.
    pub(crate) least: Vec<Option<f64>>,
    /// Of a GPU the most of each second; empty for a point.
    pub(crate) most: Vec<Option<f64>>,
    /// Of a point the OPC UA code of each reading (upper 16 bits); empty for a GPU.
    pub(crate) quality_opc_ua: Vec<u16>,
}

/// Half of a window.
const HALF: Span = Span::from_ms(500);

impl History {
    /// Of a name; `None` if nothing is called so.
    pub(crate) fn new(seen: &Seen, of: &str, from: Stamp, to: Stamp) -> Option<Self> {
        if let Some(point) = seen.site.point(of) {
            return Some(of_point(seen, point.index(), from, to));
        }
        let (uuid, word) = of.rsplit_once(':').unwrap_or((of, Quantity::Power.word()));
        let quantity = Quantity::ALL.iter().position(|q| q.word() == word)?;
        let gpu = seen.site.gpu(uuid)?;
        Some(of_gpu(seen, gpu.index(), quantity, from, to))
    }
}

fn of_point(seen: &Seen, index: usize, from: Stamp, to: Stamp) -> History {
    let (point, track) = (&seen.site.points[index], &seen.points[index]);
    let mut out = History {
        of: point.id.clone(),
        unit: point.unit.symbol.to_owned(),
        now_unix_ns: seen.now.unix_ns(),
        kept_from_unix_ns: track.moments.iter().next().map(|m| m.stamp.unix_ns()),
        clock: seen.clock_of(index).map(StampClock::from),
        ..History::default()
    };
    let mut uncertainty = None;
    for m in track.moments.iter().filter(|m| (from..=to).contains(&m.stamp)) {
        out.unix_ns.push(m.stamp.unix_ns());
        out.value.push(m.quality.is_usable().then(|| tidy(point.unit.from_base(m.value))));
        out.quality_opc_ua.push(m.quality.opc_ua());
        uncertainty = Some(f64::from(m.uncertainty_s).max(uncertainty.unwrap_or(0.0)));
    }
    out.event_uncertainty_s = uncertainty;
    out
}

fn of_gpu(seen: &Seen, index: usize, quantity: usize, from: Stamp, to: Stamp) -> History {
    let (track, named) = (&seen.gpus[index], Quantity::ALL[quantity]);
    let clock = seen.clock_of_gpu(index);
    let mut out = History {
        of: format!("{}:{}", seen.site.gpus[index].uuid, named.word()),
        unit: named.unit().to_owned(),
        now_unix_ns: seen.now.unix_ns(),
        kept_from_unix_ns: track.windows.iter().next().map(|w| w.start.unix_ns()),
        // Two deviations of the agent's clock, and half a window.
        event_uncertainty_s: clock.and_then(|c| c.offset).map(|(_, sigma)| (2.0 * sigma).hypot(HALF.s())),
        clock: clock.map(StampClock::from),
        ..History::default()
    };
    for w in track.windows.iter().filter(|w| (from..=to).contains(&(w.start + HALF))) {
        let spread = w.spreads[quantity];
        let shown = |x: f32| (spread.count > 0).then(|| tidy(f64::from(x)));
        out.unix_ns.push((w.start + HALF).unix_ns());
        out.value.push(shown(spread.mean));
        out.least.push(shown(spread.least));
        out.most.push(shown(spread.most));
    }
    out
}
