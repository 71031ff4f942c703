//! Does what is in force follow what is asked?
//!
//! Responsible for: noticing a setpoint that stays where it is although its request stands: clamped by the plant, taken by somebody, or
//! lost on the way. Not for: what is asked (it goes on from what is in force, by its ramp), nor for requests that the plant
//! refuses in words (`lease`).
//!
//! ```text
//! off      |asked - in force| > 0.9 deadbands: nothing smaller than a deadband is asked
//! follows  in force has come nearer by half a deadband within four cooling periods, and no less than two minutes
//! ```
//! A plant that walks slowly follows; one that only says every 100 s what is in force (NVIDIA DSX) has its time, too.

use crate::align::Snapshot;
use crate::lease::Leases;
use headroom_site::{Site, Span, Stamp};

/// The least patience: a value is said again every 100 s.
const PATIENCE: Span = Span::from_ms(120_000);

/// A setpoint that does not follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unfollowed {
    /// Index of the actuator.
    pub actuator: usize,
    /// What is asked, base unit.
    pub asked: f64,
    /// What is in force, base unit.
    pub stands: f64,
    /// Since when it does not move.
    pub since: Stamp,
}

/// All setpoints.
#[derive(Debug, Clone)]
pub(super) struct Follow {
    /// Of each that is off: since when it has not come nearer, and where it stood then.
    off: Vec<Option<(Stamp, f64)>>,
    pub(super) unfollowed: Vec<Unfollowed>,
}

impl Follow {
    pub(super) fn new(actuators: usize) -> Self {
        Self { off: vec![None; actuators], unfollowed: Vec::new() }
    }

    /// Looks at what is in force now.
    pub(super) fn look(&mut self, site: &Site, leases: &Leases, snapshot: &Snapshot) {
        self.unfollowed.clear();
        let patience = Span::from_ns(site.cooling_period.ns().saturating_mul(4)).max(PATIENCE);
        for (actuator, a) in site.actuators.iter().enumerate() {
            let held = leases.held(actuator);
            let stands = a.readback.and_then(|point| snapshot.good(point));
            let deadband = a.deadband.max(0.01 * a.step);
            let gap = held.zip(stands).filter(|(asked, stands)| (asked - stands).abs() > 0.9 * deadband);
            let Some((asked, stands)) = gap else {
                self.off[actuator] = None;
                continue;
            };
            let (since, from) = *self.off[actuator].get_or_insert((snapshot.stamp, stands));
            if (asked - from).abs() - (asked - stands).abs() >= 0.5 * deadband {
                self.off[actuator] = Some((snapshot.stamp, stands));
            } else if snapshot.stamp.since(since) >= patience {
                self.unfollowed.push(Unfollowed { actuator, asked, stands, since });
            }
        }
    }
}
