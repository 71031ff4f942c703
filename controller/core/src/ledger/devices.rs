//! What of the plant has stopped, and what is found to ail it, as far as it may warm a loop.
//!
//! Responsible for: pumps, chillers and the feed at each look, and the findings of a chain. Not for: which of several
//! distances explains a hot GPU (`loops`).
//!
//! A pump, or a fan of a CRAH, that stands had run within the hour: a stand-by pump that never ran has not stopped. What has stopped counts for
//! a while after it is back: water warms and cools in minutes.

use super::cause::Cause;
use crate::align::Snapshot;
use crate::health::{Ailment, Whose};
use crate::line::Line;
use headroom_site::{Dimension, PointId, Site, Span, Stamp};

/// A pump turns above the first and stands below the second share of its speed.
const TURNS: f64 = 0.05;
const STANDS: f64 = 0.02;
/// It stopped if it turned so lately.
const LATELY: Span = Span::from_ms(3_600_000);
/// What was lost counts for so long after it is back.
const AFTER: Span = Span::from_ms(1_200_000);
/// A feed that falls below this share of what it gave is lost.
const DARK: f64 = 0.1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pump,
    /// A contact that says whether it may run.
    Available,
    /// A contact that says whether it runs.
    Runs,
}

/// A machine by the point that tells of it.
#[derive(Debug, Clone)]
struct Device {
    kind: Kind,
    point: PointId,
    /// The equipment that it is of, and what it serves.
    of: Vec<String>,
    ran: Option<Stamp>,
    lost: Option<Stamp>,
}

/// Machines and feeds.
#[derive(Debug, Clone)]
pub(super) struct Devices {
    all: Vec<Device>,
    /// Meters of what feeds the site, with the most that each gave of late, W.
    feeds: Vec<(PointId, f64)>,
    feed_lost: Option<Stamp>,
}

impl Devices {
    pub(super) fn new(site: &Site) -> Self {
        let chiller = |of: &str| site.equipment.iter().any(|e| e.id == of && e.kind.contains("chiller"));
        let crah = |of: &str| site.equipment.iter().any(|e| e.id == of && e.kind == "crah");
        let available = |of: &str| site.points.iter().any(|p| p.of == of && p.kind == "Available");
        let kind = |p: &headroom_site::model::Point| match p.kind.as_str() {
            "PumpSpeed" if p.unit.dimension == Dimension::Ratio => Some(Kind::Pump),
            // A tower's fan stands where the water is cold enough; one that moves the air of a hall does not.
            "FanSpeed" if crah(&p.of) && p.unit.dimension == Dimension::Ratio => Some(Kind::Pump),
            "Available" if chiller(&p.of) => Some(Kind::Available),
            "Status" if chiller(&p.of) && !available(&p.of) => Some(Kind::Runs),
            _ => None,
        };
        let device = |(i, p): (usize, &headroom_site::model::Point)| {
            let kind = kind(p)?;
            let serves =
                site.equipment.iter().filter(|e| e.id == p.of).flat_map(|e| e.serves.iter().cloned());
            let of = std::iter::once(p.of.clone()).chain(serves).collect();
            Some(Device { kind, point: PointId(i as u32), of, ran: None, lost: None })
        };
        let feeds = site.power.iter().filter(|b| b.parent.is_none()).filter_map(|b| Some((b.meter?, 0.0)));
        Self {
            all: site.points.iter().enumerate().filter_map(device).collect(),
            feeds: feeds.collect(),
            feed_lost: None,
        }
    }

    pub(super) fn look(&mut self, snapshot: &Snapshot) {
        let now = snapshot.stamp;
        for d in &mut self.all {
            let Some(value) = snapshot.good(d.point) else { continue };
            let (on, off) = match d.kind {
                Kind::Pump => (value > TURNS, value < STANDS),
                Kind::Available | Kind::Runs => (value > 0.5, value < 0.5),
            };
            if on {
                d.ran = Some(now);
            } else if off && d.ran.is_some_and(|at| now.since(at) < LATELY) {
                d.lost = Some(now);
            }
        }
        for (meter, most_w) in &mut self.feeds {
            let Some(watts) = snapshot.good(*meter) else { continue };
            *most_w = watts.max(*most_w * 0.9999);
            if watts < DARK * *most_w {
                self.feed_lost = Some(now);
            }
        }
    }

    /// What of a chain has stopped of late.
    pub(super) fn stopped(&self, chain: &[String], now: Stamp) -> Option<Cause> {
        let of_late = |at: Option<Stamp>| at.is_some_and(|at| now.since(at) < AFTER);
        if of_late(self.feed_lost) {
            return Some(Cause::Feed);
        }
        let lost = |kind: fn(Kind) -> bool| {
            let mut own =
                self.all.iter().filter(|d| kind(d.kind) && d.of.iter().any(|of| chain.contains(of)));
            own.any(|d| of_late(d.lost))
        };
        // A pump of a chiller stops with it.
        if lost(|k| k != Kind::Pump) {
            return Some(Cause::Chiller);
        }
        lost(|k| k == Kind::Pump).then_some(Cause::Pump)
    }
}

/// Is it found to be hot by itself?
pub(super) fn is_hot(line: &Line, gpu: usize) -> bool {
    let hot = |f: &crate::health::Finding| f.ailment == Ailment::HotGpu && f.whose == Whose::Gpu(gpu);
    line.health().findings().iter().any(hot)
}

/// What is found of a chain or its rack that may warm it.
pub(super) fn found(line: &Line, chain: &[String], rack: Option<usize>) -> Option<Cause> {
    let site = line.site();
    let own = |whose: Whose| match whose {
        Whose::Equipment(e) => chain.contains(&site.equipment[e].id),
        Whose::Rack(r) => Some(r) == rack,
        Whose::Point(p) => chain.contains(&site.points[p.index()].of),
        Whose::Points(..) | Whose::Gpu(_) => false,
    };
    let cause = |ailment: Ailment| match ailment {
        Ailment::Fouling | Ailment::ValveStuck | Ailment::ValveSticks => Some(Cause::Exchanger),
        Ailment::PumpWear => Some(Cause::Pump),
        Ailment::Air | Ailment::Clogging => Some(Cause::Flow),
        Ailment::SensorOff | Ailment::SensorsSwapped | Ailment::HotGpu => None,
    };
    line.health().findings().iter().filter(|f| own(f.whose)).find_map(|f| cause(f.ailment))
}
