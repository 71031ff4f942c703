//! One of several controllers of a plant: it stands by, or it leads.
//!
//! Responsible for: what changes in the line when its office does. Not for: who leads (the daemon), nor for refusing orders of one
//! that does not (`headroom-guard`, by epoch).
//!
//! ```text
//!             leads: a new epoch, from what is read back
//!   STANDBY ------------------------------------------------> LEADER
//!      ^     leads no more: all is forgotten, nothing relinquished  |
//!      +------------------------------------------------------------+
//! ```
//! One that stands by takes in and decides as ever, every group held to advice. One that begins to lead asks each setpoint to stand
//! where it stands, in the tick that hears of it: a step takes the time of its ramp. It has looked before, so nothing is waited
//! for. One that leads no more relinquishes nothing: what stands is its successor's, or ends with its lease.

use super::{Line, Tick};
use headroom_site::Office;

impl Line {
    /// Takes the office that it has from this tick on.
    pub(super) fn take_office(&mut self, office: &Office) {
        if self.office == *office {
            return;
        }
        match office {
            Office::Leader { epoch, asked } => {
                self.leases.begin(*epoch, asked);
                self.succeeded = None;
                self.targets.fill(None);
                self.last_cooling = None;
            }
            Office::Standby => self.leases.forget(),
            Office::Sole => {}
        }
        self.office.clone_from(office);
    }

    /// Nothing leaves one that stands by.
    pub(super) fn stand_by(&self, tick: &mut Tick) {
        if !self.office.commands() {
            tick.commands.clear();
        }
    }

    /// The office that it has.
    #[must_use]
    pub fn office(&self) -> &Office {
        &self.office
    }

    /// Epoch of its commands.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.leases.epoch()
    }

    /// The highest epoch whose command an agent says it has carried out.
    #[must_use]
    pub fn highest_epoch(&self) -> Option<u64> {
        let receipts = self.align.last().nodes.iter().filter_map(|n| n.receipt.as_ref());
        receipts.map(|r| r.epoch).max()
    }

    /// Where setpoints that nobody reads back are asked to stand, base unit: only who asked knows.
    pub fn asked_unread(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let unread = self.site.actuators.iter().enumerate().filter(|(_, a)| a.readback.is_none());
        unread.filter_map(|(i, _)| Some((i, self.leases.held(i)?)))
    }

    /// Has it looked for as long as it takes before it may move a setpoint?
    #[must_use]
    pub fn has_looked(&self) -> bool {
        self.first_tick.is_some_and(|first| self.align.last().stamp.since(first) >= super::BOOT)
    }
}
