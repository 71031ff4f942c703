//! A site's dialects under any messages: what holds for whatever they read and say.

use headroom_drivers::fuzz::Bus;
use headroom_site::command::SetpointCommand;
use headroom_site::file::read_site;
use headroom_site::{ActuatorId, Outcome, Quality, Site, Stamp};
use std::path::Path;

/// A site from its text, which is right.
pub(super) fn site(text: &str) -> Site {
    let site = read_site("site.toml", text, Path::new("."));
    let Ok(site) = site else { panic!("{site:#?}") };
    site
}

/// Plant time between two messages.
const STEP_NS: u64 = 250_000_000;

/// A bus, its plant time, and what it may say.
pub(super) struct Bench<'s> {
    site: &'s Site,
    bus: Bus,
    mono_ns: u64,
    sequence: u64,
    /// Whether we may publish there.
    may_say: fn(&str) -> bool,
}

impl<'s> Bench<'s> {
    pub(super) fn new(site: &'s Site, may_say: fn(&str) -> bool) -> Self {
        let mut bench = Self { site, bus: Bus::new(site), mono_ns: STEP_NS, sequence: 0, may_say };
        bench.link(true);
        bench
    }

    fn now(&self) -> Stamp {
        Stamp::from_unix_ms(1_800_000_000_000 + (self.mono_ns / 1_000_000).cast_signed())
    }

    /// A message, and what was read from it: at most so many readings.
    pub(super) fn message(&mut self, topic: &str, payload: &[u8], retained: bool, readings: usize) {
        self.mono_ns += STEP_NS;
        self.bus.message(topic, payload, retained, self.now());
        let read = self.bus.readings.len();
        assert!(read <= readings, "{read} readings of one message on {topic}");
        self.check();
    }

    /// Metadata comes to rest and time passes.
    pub(super) fn pass(&mut self, steps: u64) {
        self.mono_ns += STEP_NS * (1 + steps);
        self.bus.pass(self.now(), self.mono_ns);
        self.check();
        assert!(!self.bus.status().is_empty());
    }

    /// The connection comes or goes.
    pub(super) fn link(&mut self, up: bool) {
        self.bus.link(up, self.now());
        self.check();
    }

    /// A command for every actuator: each connection sends it or says why not.
    pub(super) fn command(&mut self, value: Option<f64>) {
        self.sequence += 1;
        for (i, actuator) in self.site.actuators.iter().enumerate() {
            let (low, high) = actuator.range;
            let value = value.filter(|v| v.is_finite()).map(|v| v.clamp(low, high));
            let command = SetpointCommand {
                actuator: ActuatorId(i as u32),
                value,
                epoch: 1,
                sequence: self.sequence,
                stamp: self.now(),
                ttl_ms: 30_000,
                reason: String::new(),
            };
            for receipt in self.bus.command(&command, self.now(), self.mono_ns) {
                assert_eq!((receipt.epoch, receipt.sequence), (1, self.sequence));
                assert!(receipt.outcome != Outcome::Applied, "nothing was read back: {receipt:?}");
            }
        }
        self.check();
    }

    /// The end: everything is let go.
    pub(super) fn release(&mut self) {
        self.bus.release(self.now());
        self.check();
    }

    /// What was read is of points that are there, finite, and bad where it says nothing; what is said goes where it may.
    fn check(&mut self) {
        for r in self.bus.readings.drain(..) {
            assert!(r.point.index() < self.site.points.len(), "{r:?}");
            assert!(r.value.is_finite() && r.stamp_uncertainty.ns() >= 0, "{r:?}");
            let range = self.site.points[r.point.index()].range;
            let inside = range.is_none_or(|(low, high)| (low..=high).contains(&r.value));
            assert!(inside || matches!(r.quality, Quality::Bad(_)), "{r:?} outside {range:?}");
        }
        for report in self.bus.reports.drain(..) {
            assert!(self.site.nodes.iter().any(|n| *n.id == *report.node), "{report:?}");
        }
        for (topic, payload) in self.bus.said() {
            assert!((self.may_say)(&topic), "said on {topic}");
            assert!(!payload.is_empty() && payload.len() < 4096, "{} bytes on {topic}", payload.len());
        }
    }
}
