//! Everything let go by an operator, and taken again.
//!
//! Responsible for: what changes in the line between two ticks when that is asked for. Not for: who may ask (the daemon), nor
//! for how a receiver lets go (`headroom-guard`).
//!
//! Let go, every group that commands is held to advice: setpoints are relinquished in the tick that hears of it, caps are not
//! repeated and end with their leases. What is computed goes on, so that whoever has let go sees what would be asked. Taken
//! again, the slow loop looks first, as after a start, and begins where the plant then stands.

use super::Line;
use headroom_guard::Mode;
use headroom_site::{Span, Stamp};

/// The modes of caps and actuators as the policy has them, while everything is let go.
#[derive(Debug, Clone)]
pub(super) struct Released {
    caps: Mode,
    actuators: Vec<Mode>,
    accept: Option<Span>,
}

impl Line {
    /// Takes an operator's wish.
    pub(super) fn take_wish(&mut self, released: bool, now: Stamp) {
        match (released, self.released.take()) {
            (true, None) => {
                let wants = &self.wants;
                self.released = Some(Released {
                    caps: wants.caps_mode,
                    actuators: wants.actuator_mode.clone(),
                    accept: wants.accept,
                });
                self.wants.advise_only();
                // The slow loop need not wait for its time to let go.
                self.last_cooling = None;
            }
            (false, Some(as_wanted)) => {
                self.wants.caps_mode = as_wanted.caps;
                self.wants.actuator_mode = as_wanted.actuators;
                self.wants.accept = as_wanted.accept;
                (self.first_tick, self.last_cooling) = (None, None);
                self.targets.fill(None);
                (0..self.site.actuators.len()).for_each(|a| self.ladder.leave(a, now));
            }
            (_, unchanged) => self.released = unchanged,
        }
    }

    /// Has an operator let everything go?
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.released.is_some()
    }
}
