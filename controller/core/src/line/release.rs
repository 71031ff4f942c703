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

/// The modes of caps and actuators as the policy has them, while every group is held to advice.
#[derive(Debug, Clone)]
pub(super) struct AsWanted {
    caps: Mode,
    actuators: Vec<Mode>,
    accept: Option<Span>,
}

impl Line {
    /// Takes an operator's wish; who stands by is held to advice, too.
    pub(super) fn take_wish(&mut self, released: bool, now: Stamp) {
        let was_released = std::mem::replace(&mut self.released, released);
        match (released || !self.office.commands(), self.withheld.take()) {
            (true, None) => {
                let wants = &self.wants;
                self.withheld = Some(AsWanted {
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
                // One that stood by has looked all the while.
                if was_released {
                    self.first_tick = None;
                }
                self.last_cooling = None;
                self.targets.fill(None);
                (0..self.site.actuators.len()).for_each(|a| self.ladder.leave(a, now));
            }
            (_, unchanged) => self.withheld = unchanged,
        }
    }

    /// Has an operator let everything go?
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.released
    }
}
