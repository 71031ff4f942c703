//! Where setpoints stand, and how one goes back to the plant that nobody can read any more.
//!
//! Responsible for: the read-back of a setpoint, else what is known in its place. Not for: judging it (`headroom-guard`), or
//! telling a lie from a value (`align`).
//!
//! | read-back | it stands |
//! |---|---|
//! | good | where that says |
//! | none exists | where it was last asked to stand, else at its fallback |
//! | missing for less than a period | nobody knows: nothing is commanded |
//! | missing for longer | where it was last asked to stand. It must not cost the others their heartbeat: it is handed back |
//!
//! Handed back means: it walks by its ramp to what the plant holds by itself, where that is tighter, and is let go there. Let
//! go at once the plant would go there in one step, and water moves by more than 5 K in a quarter of an hour (ASHRAE TC 9.9).

use crate::align::Snapshot;
use crate::lease::Leases;
use headroom_site::model::{Actuator, Saves};
use headroom_site::{Site, Stamp};

/// Where a setpoint stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stands {
    /// Its value, base unit.
    pub(super) at: f64,
    /// The same, where no read-back says it.
    pub(super) assumed: Option<f64>,
    /// Where it walks, if it is handed back.
    pub(super) home: Option<f64>,
}

/// The read-backs of all setpoints.
#[derive(Debug, Clone)]
pub(super) struct ReadBacks {
    /// Since when each has been missing.
    missing: Vec<Option<Stamp>>,
    handed_back: Vec<bool>,
}

impl ReadBacks {
    pub(super) fn new(actuators: usize) -> Self {
        Self { missing: vec![None; actuators], handed_back: vec![false; actuators] }
    }

    /// Where a setpoint stands now, if that can be known.
    pub(super) fn look(
        &mut self,
        (site, leases): (&Site, &Leases),
        snapshot: &Snapshot,
        actuator: usize,
    ) -> Option<Stands> {
        let a = &site.actuators[actuator];
        self.handed_back[actuator] = false;
        let Some(point) = a.readback else {
            let at = leases.held(actuator).unwrap_or(a.fallback);
            return Some(Stands { at, assumed: Some(at), home: None });
        };
        if let Some(at) = snapshot.good(point) {
            self.missing[actuator] = None;
            return Some(Stands { at, assumed: None, home: None });
        }
        let missing = snapshot.stamp.since(*self.missing[actuator].get_or_insert(snapshot.stamp));
        let at = leases.held(actuator).filter(|_| missing >= site.cooling_period)?;
        let home = way_home(a, at);
        self.handed_back[actuator] = home.is_some();
        Some(Stands { at, assumed: home.and(Some(at)), home })
    }

    /// Is a setpoint on its way back, with nobody to say where it is?
    pub(super) fn handed_back(&self, actuator: usize) -> bool {
        self.handed_back[actuator]
    }
}

/// Where one that was asked to stand somewhere is to walk before it is let go.
pub(super) fn way_home(a: &Actuator, asked: f64) -> Option<f64> {
    let tighter = match a.saves {
        Saves::Up => asked - a.fallback,
        Saves::Down => a.fallback - asked,
    };
    (tighter > a.deadband.max(0.01 * a.step)).then_some(a.fallback)
}
