//! A controller that another one has taken over from.
//!
//! Responsible for: noticing that, and saying nothing more from then on. Not for: refusing its orders (`headroom-guard` at each
//! receiver), nor for who succeeds whom (epochs, by the daemon).
//!
//! An agent says in each report which command it has carried out last. Where that is of a higher epoch, somebody else commands
//! this plant. The one before neither commands nor relinquishes, since what stands there now is the other one's, and its
//! heartbeat ends; it goes on to compute. There is no way back but a higher epoch: a start, or being elected (`office`).

use super::{Line, Tick};

impl Line {
    /// Takes everything back that a tick would do, once somebody else commands.
    pub(super) fn stand_back(&mut self, tick: &mut Tick) {
        self.stand_by(tick);
        if !self.office.commands() {
            return;
        }
        let own = self.leases.epoch();
        let highest = self.highest_epoch().filter(|epoch| *epoch > own);
        self.succeeded = self.succeeded.max(highest);
        if self.succeeded.is_some() {
            tick.commands.clear();
            tick.verified = false;
        }
    }

    /// Epoch of the controller that has taken over from this one.
    #[must_use]
    pub fn succeeded(&self) -> Option<u64> {
        self.succeeded
    }
}
